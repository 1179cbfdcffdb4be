"""Live progress."""

from __future__ import annotations

from pytest_cnnperf.judging.verdict import Verdict
from pytest_cnnperf.report.progress import Progress


def after(total, *verdicts, seconds=2.0):
    progress = Progress(total)
    for verdict in verdicts:
        progress = progress.finished(verdict, seconds)
    return progress


def test_progress_counts_verdicts_and_guesses_the_rest_from_the_finished_cases():
    progress = after(140, *[Verdict.SAME] * 40, *[Verdict.UNDECIDED] * 3)
    # 97 cases to come, 2 s each, one after the other: 194 s.
    assert progress.text(86.0) == "43/140 · 40 SAME · 3 UNDECIDED · about 3 min left"


def test_time_before_the_first_case_does_not_count_as_a_case():
    # 30 s of collection and imports, then one case of 2 s: 9 more take 18 s, not 9 times 32 s.
    assert after(10, Verdict.SAME).seconds_left(32.0) == 18.0


def test_cases_that_run_at_the_same_time_halve_the_time_left():
    # 4 cases of 2 s were done in 4 s: two at once.
    assert after(8, *[Verdict.SAME] * 4).seconds_left(4.0) == 4.0


def test_nothing_is_guessed_before_the_first_case_and_after_the_last():
    assert Progress(5).text(1.0) == "0/5"
    assert after(1, Verdict.WRONG).text(2.0) == "1/1 · 1 WRONG"


def test_progress_of_an_earlier_moment_stays_as_it_was():
    earlier = after(3, Verdict.SAME)
    earlier.finished(Verdict.SLOWER, 1.0)
    assert earlier.text(2.0).startswith("1/3 · 1 SAME ·")
