"""Cases that are not settled come back after the others, in other processes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import pytest

from pytest_cnnperf.judging.verdict import Judgement, Reason, Verdict
from pytest_cnnperf.plugin.returning import Returning, _Waiting
from pytest_cnnperf.run.believing import confirmed
from pytest_cnnperf.run.visits import Later

SLOW = {"default": {"workload_ns": 2_200_000, "control_ns": 1_000_000, "noise": 0.004}}
USUAL = {"default": {"workload_ns": 2_000_000, "control_ns": 1_000_000, "noise": 0.004}}

TWO_CASES = """
from pytest_cnnperf.cases import CONVOLUTION, Algorithm, Case, Pass, Problem

def case(height):
    problem = Problem(1, 2, height, height, 3, 3, 3)
    return Case("fake", CONVOLUTION, "own", f"h{height}", problem, Pass.FORWARD, Algorithm.GEMM)

runs = []

def test_two(cnnperf):
    runs.append("one more")
    outcomes = [cnnperf.check(case(8)), cnnperf.check(case(9))]
    print("RUNS", len(runs), [outcome.key.split("-")[3] for outcome in outcomes])
"""


def record(suite):
    suite.run("--cnnperf-compare", "--cnnperf-missing=record").assert_outcomes(passed=2)


def test_a_recording_visits_every_case_six_times_each_time_in_a_new_process(suite):
    suite.play_generations(USUAL)
    suite.run("--cnnperf-update", "-k", "h6w6").assert_outcomes(passed=1, deselected=1)
    (file,) = suite.baseline_files
    (case,) = json.loads(file.read_text())["entries"].values()
    assert [round_["visit"] for round_ in case["rounds"]] == list(range(6))
    assert int(suite.script.with_suffix(".count").read_text()) == 6


def test_a_recording_that_is_not_calm_after_six_visits_makes_more(suite):
    # The figures of the processes lie 10 % apart by turns: 2 to 3 % of error after six of them and after twelve.
    restless = [SLOW, USUAL] * 6
    suite.play_generations(*restless)
    suite.run("--cnnperf-update", "-k", "h6w6").assert_outcomes(passed=1, deselected=1)
    (file,) = suite.baseline_files
    (case,) = json.loads(file.read_text())["entries"].values()
    assert len(case["rounds"]) == 12


def test_a_comparison_of_the_same_speed_visits_every_case_once_in_one_process(suite):
    record(suite)
    suite.play_generations(USUAL)
    assert [outcome["verdict"] for outcome in suite.outcomes("--cnnperf-compare")] == ["SAME", "SAME"]
    # Both cases share the process of a visit.
    assert int(suite.script.with_suffix(".count").read_text()) == 1


def test_a_change_is_said_after_four_visits(suite):
    record(suite)
    suite.play_generations(SLOW)
    outcomes = suite.outcomes("--cnnperf-compare")
    assert [outcome["verdict"] for outcome in outcomes] == ["SLOWER", "SLOWER"]
    assert int(suite.script.with_suffix(".count").read_text()) == 4


@pytest.mark.parametrize("processes", ["0", "1"])
def test_a_change_that_does_not_last_is_none(suite, processes):
    """Four visits in a moment show it; those behind it do not."""
    record(suite)
    suite.play_generations(SLOW, SLOW, SLOW, SLOW, USUAL)
    lasting = ("--cnnperf-lasting=4", "-n", processes)
    result = suite.run("--cnnperf-compare", "--cnnperf-json=out.json", *lasting)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["cnnperf: *waiting * s to see whether what 2 cases show lasts*"])
    outcomes = json.loads((suite.pytester.path / "out.json").read_text())["outcomes"]
    assert {outcome["verdict"] for outcome in outcomes} <= {"SAME", "UNDECIDED"}


def test_without_a_comparison_one_visit_is_all(suite):
    suite.play_generations(USUAL)
    suite.run().assert_outcomes(passed=2)
    assert int(suite.script.with_suffix(".count").read_text()) == 1


def test_a_test_that_comes_back_is_reported_once(suite):
    record(suite)
    suite.play_generations(SLOW)
    result = suite.run("--cnnperf-compare", "--junitxml=out.xml", "-v")
    result.assert_outcomes(failed=2)
    assert len([line for line in result.outlines if line.startswith("test_suite.py::") and line.endswith("%]")]) == 2
    assert len(list(ElementTree.parse(suite.pytester.path / "out.xml").iter("testcase"))) == 2


def test_a_change_that_only_the_first_processes_show_is_outvoted(suite):
    record(suite)
    suite.play_generations(SLOW, SLOW, USUAL)
    assert [outcome["verdict"] for outcome in suite.outcomes("--cnnperf-compare")] == ["SAME", "SAME"]


@pytest.mark.parametrize(
    ("verdict", "all_rounds", "later", "confirms"),
    [
        (Verdict.SLOWER, 1.08, 1.06, True),
        (Verdict.SLOWER, 1.08, 1.04, False),
        (Verdict.FASTER, 0.92, 0.94, True),
        (Verdict.FASTER, 0.92, 0.96, False),
    ],
)
def test_a_change_that_later_visits_do_not_show_alone_is_undecided(verdict, all_rounds, later, confirms):
    judgement = Judgement(verdict, Reason.RATIO_ABOVE_THRESHOLD, "a change", baseline_ratio=all_rounds)
    found = confirmed(judgement, later, threshold=0.05)
    if confirms:
        assert found is judgement
    else:
        assert (found.verdict, found.reason) == (Verdict.UNDECIDED, Reason.NOT_CONFIRMED)
        assert found.detail == f"a change; but later visits alone show {later - 1:+.1%}"


def test_a_result_that_is_wrong_in_a_later_visit_is_wrong(suite):
    record(suite)
    wrong = {"default": {**SLOW["default"], "fault": "wrong_value"}}
    suite.play_generations(SLOW, SLOW, wrong)
    result = suite.run("--cnnperf-compare")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*WRONG (result_outside_bound)*"])


def test_what_a_test_has_settled_is_not_measured_again_when_it_comes_back(suite):
    suite.pytester.makepyfile(test_suite=TWO_CASES)
    result = suite.run("--cnnperf-update", "-s", "--cnnperf-json=out.json")
    result.assert_outcomes(passed=1)
    # The sixth run is the last of the first case and the first of the second.
    result.stdout.fnmatch_lines(["*RUNS 11 *h8*h9*"])
    outcomes = json.loads((suite.pytester.path / "out.json").read_text())["outcomes"]
    assert len(outcomes) == 2


@pytest.mark.parametrize("distribution", [("-n", "2"), ("-n", "1", "--dist=loadgroup")])
def test_under_xdist_a_change_is_confirmed_by_later_visits(suite, distribution):
    record(suite)
    suite.play(workload_ns=2_400_000)
    result = suite.run("--cnnperf-compare", "--cnnperf-json=out.json", *distribution)
    result.assert_outcomes(failed=2)
    outcomes = json.loads((suite.pytester.path / "out.json").read_text())["outcomes"]
    assert {outcome["verdict"] for outcome in outcomes} == {"SLOWER"}


def test_a_broken_teardown_is_told_and_the_test_does_not_come_back(suite):
    record(suite)
    suite.play_generations(SLOW)
    source = (suite.pytester.path / "test_suite.py").read_text()
    broken = "\n@pytest.fixture(autouse=True)\ndef broken():\n    yield\n    raise RuntimeError('no teardown')\n"
    suite.pytester.makepyfile(test_suite=source + broken)
    result = suite.run("--cnnperf-compare")
    result.assert_outcomes(skipped=2, errors=2)
    result.stdout.fnmatch_lines(["*RuntimeError: no teardown*"])


def test_exit_first_stops_before_the_cases_that_wait(suite):
    record(suite)
    suite.play({"match": "h9w9", "fault": "wrong_value"}, workload_ns=2_400_000)
    result = suite.run("--cnnperf-compare", "-x")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*WRONG*tiny-b-*"])


def test_a_broken_module_fixture_under_exit_first_does_not_hide_the_report(suite):
    record(suite)
    suite.play({"match": "h6w6", "fault": "wrong_value"})
    source = (suite.pytester.path / "test_suite.py").read_text()
    broken = (
        "\n@pytest.fixture(autouse=True, scope='module')\ndef broken():\n    yield\n    raise RuntimeError('no end')\n"
    )
    suite.pytester.makepyfile(test_suite=source + broken)
    result = suite.run("--cnnperf-compare", "-x", "--cnnperf-json=out.json")
    result.assert_outcomes(failed=1, errors=1)
    (outcome,) = json.loads((suite.pytester.path / "out.json").read_text())["outcomes"]
    assert outcome["verdict"] == "WRONG"


def test_waiting_tests_share_the_fixtures_of_their_module_with_the_last_test(suite):
    record(suite)
    suite.play(workload_ns=2_400_000)
    source = (suite.pytester.path / "test_suite.py").read_text()
    counted = "\n@pytest.fixture(autouse=True, scope='module')\ndef counted():\n    print('MODULE SET UP')\n"
    suite.pytester.makepyfile(test_suite=source + counted)
    result = suite.run("--cnnperf-compare", "-s")
    result.assert_outcomes(failed=2)
    # Both layers come back three times behind layer b, the last test.
    assert result.stdout.str().count("MODULE SET UP") == 1


def test_only_tests_that_have_waited_long_enough_run_again():
    # The first has waited for three minutes and one second, the others for 61 and 59 seconds.
    returning = Returning(session=None, came_back=None, now=lambda: 1000.0)
    returning._waiting = [_Waiting("first", 819.0), _Waiting("second", 939.0), _Waiting("third", 941.0)]
    assert returning._ready(is_last=False) == ["first", "second"]
    assert returning._ready(is_last=True) == ["first", "second", "third"]
    returning._waiting = [_Waiting("first", 821.0), _Waiting("second", 939.0)]
    assert returning._ready(is_last=False) == []
    # Who may not come back yet holds up nobody.
    returning._waiting = [_Waiting("first", 819.0, 1001.0), _Waiting("second", 818.0), _Waiting("third", 939.0, 999.0)]
    assert returning._ready(is_last=False) == ["second", "third"]


def waiting_for(*not_before, is_enough=lambda: False, **session):
    """Who waits at 1000 s, behind the last test, for these times; what is told, and how long is slept."""
    told, slept = [], []
    returning = Returning(
        session=SimpleNamespace(tell=told.append),
        came_back=None,
        is_enough=is_enough,
        now=lambda: 1000.0 + sum(slept),
        sleep=slept.append,
    )
    returning._waiting = [_Waiting(str(at), 990.0, at) for at in not_before]
    stops = SimpleNamespace(**{"shouldfail": False, "shouldstop": False, **session})
    return returning._next_group(stops, None), told, slept


def test_when_nothing_else_is_left_the_time_goes_by_until_a_change_can_have_lasted():
    group, told, slept = waiting_for(1090.0, 1030.0)
    assert (group, slept) == (["1030.0"], [30.0])
    assert told == ["waiting 30 s to see whether what 2 cases show lasts (--cnnperf-lasting)"]
    # Who may come back a little later goes with the first.
    assert waiting_for(1090.0, 1034.0, 1030.0, 1040.0)[::2] == (["1034.0", "1030.0"], [34.0])
    # Whoever may come back at once does, and the others wait beside.
    assert waiting_for(1090.0, 0.0) == (["0.0"], [], [])
    assert waiting_for() == ([], [], [])


def test_a_run_that_ends_waits_for_nobody():
    assert waiting_for(1090.0, shouldstop="interrupted") == ([], [], [])
    assert waiting_for(1090.0, is_enough=lambda: True) == ([], [], [])


@pytest.mark.parametrize(("fresh", "renewed_before"), [(False, [2, 4]), (True, [1, 2, 3, 4])])
def test_processes_serve_two_visits_of_a_case_unless_other_ones_are_asked_for(fresh, renewed_before):
    made, renewals = 1, []
    session = SimpleNamespace(run=SimpleNamespace(renew=lambda: renewals.append(made)))
    returning = Returning(session=session, came_back=None)
    later = Later("key", ahead=1, fresh=fresh, seconds=1.0)
    returning._wait("case", later)
    for made in range(1, 5):  # noqa: B007  # the session reads it
        returning._renew_for(["case", "another, which came but now"])
        returning._wait("case", later)
    assert renewals == renewed_before


@pytest.mark.parametrize("processes", ["0", "1"])
def test_doubtful_cases_come_back_in_other_processes_under_xdist_too(suite, processes):
    suite.play_generations(USUAL)
    suite.run("--cnnperf-update", "-n", processes).assert_outcomes(passed=2)
    # Six visits, each in a process that both cases share.
    assert int(suite.script.with_suffix(".count").read_text()) == 6


PLAIN_LAST = """
def test_that_is_no_case():
    print("PLAIN")
"""


@pytest.mark.parametrize("processes", ["0", "1"])
def test_tests_that_wait_run_behind_a_last_test_that_is_no_case(suite, processes):
    record(suite)
    suite.play_generations(SLOW)
    source = (suite.pytester.path / "test_suite.py").read_text()
    suite.pytester.makepyfile(test_suite=source + PLAIN_LAST)
    result = suite.run("--cnnperf-compare", "-n", processes, "--junitxml=out.xml")
    result.assert_outcomes(failed=2, passed=1)
    assert len(list(ElementTree.parse(suite.pytester.path / "out.xml").iter("testcase"))) == 3


def test_waiting_tests_of_several_modules_set_their_own_fixtures_up(suite):
    record(suite)
    suite.play_generations(SLOW)
    source = (suite.pytester.path / "test_suite.py").read_text()
    counted = "\n@pytest.fixture(autouse=True, scope='module')\ndef own():\n    print('SET UP', __name__)\n    yield\n"
    suite.pytester.makepyfile(test_suite=source + counted, test_more=source + counted)
    result = suite.run("--cnnperf-compare", "-s")
    result.assert_outcomes(failed=4)
    # Each module once for each of the four visits of its cases.
    assert result.stdout.str().count("SET UP") == 2 * 4


AT_ONCE = """
from pytest_cnnperf.plugin import returning

returning.MOST_SECONDS = returning.LEAST_SECONDS = 0.0
"""


@pytest.mark.parametrize("processes", ["0", "1"])
def test_tests_that_come_back_in_the_middle_find_their_own_fixtures(suite, processes):
    record(suite)
    suite.play_generations(SLOW)
    source = (suite.pytester.path / "test_suite.py").read_text()
    fixture = "\n@pytest.fixture(autouse=True, scope='module')\ndef own():\n    yield\n"
    plain = (
        "import pytest\n" + fixture + "\n@pytest.mark.parametrize('number', range(3))\ndef test_plain(number): pass\n"
    )
    suite.pytester.makepyfile(test_suite=source + fixture, test_more=source + fixture, test_plain=plain)
    suite.pytester.makeconftest(AT_ONCE)
    result = suite.run("--cnnperf-compare", "-n", processes)
    result.assert_outcomes(failed=4, passed=3)


def test_a_worker_that_dies_while_cases_wait_in_it_fails_them(suite):
    record(suite)
    suite.play_generations(SLOW)
    suite.pytester.makeconftest(
        """
        import os, signal
        from pytest_cnnperf.run.resources import Run

        # Called before tests run again: here they wait.
        Run.renew = lambda self: os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    result = suite.run("--cnnperf-compare", "-n", "1", "--max-worker-restart=0")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines_random(["*crashed while this test waited to be visited again: *h6w6*"])
    result.stdout.fnmatch_lines_random(["*crashed while this test waited to be visited again: *h9w9*"])
