"""Live progress."""

from __future__ import annotations

from pytest_cnnperf.judging.verdict import Verdict
from pytest_cnnperf.report.progress import Progress


def after(total, *verdicts, seconds=2.0):
    progress = Progress(total)
    for number, verdict in enumerate(verdicts):
        progress = progress.finished(f"test_{number}", verdict, seconds)
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
    earlier.finished("test_b", Verdict.SLOWER, 1.0)
    assert earlier.text(2.0).startswith("1/3 · 1 SAME ·")


def test_cases_that_come_back_are_told_and_their_next_visit_is_counted():
    progress = after(10, *[Verdict.SAME] * 3).visited("test_3", 1, 2.0)
    # 4 of 10 cases touched in 4 visits of 2 s, and one more is certain: 5 visits for 4 cases, 6 cases to come.
    assert progress.seconds_left(8.0) == (1 + 6 * 5 / 4) * 2.0
    assert progress.text(8.0).startswith("3/10 · 3 SAME · 1 to visit again · about ")
    assert progress.finished("test_3", Verdict.SAME, 2.0).text(10.0).startswith("4/10 · 4 SAME · about ")


def test_a_recording_knows_after_one_case_that_all_are_visited_three_times():
    progress = Progress(10).visited("test_0", 2, 1.0)
    assert progress.seconds_left(1.0) == 29.0


def test_what_a_test_waits_for_is_time_that_is_left():
    progress = after(10, *[Verdict.SAME] * 9).visited("test_9", 1, 2.0, due=130.0)
    assert progress.seconds_left(100.0) == 30.0
    # It is visited, and waits no more.
    assert progress.visited("test_9", 1, 2.0).seconds_left(130.0) < 30.0
    assert progress.finished("test_9", Verdict.SAME, 2.0).seconds_left(130.0) == 0.0
