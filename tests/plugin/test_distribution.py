"""What a controller of xdist tells its workers, which tests it gives them, and when they stop."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pytest_cnnperf.plugin.distribution import Lifeline, Nodes, Told
from pytest_cnnperf.settings import Settings


class Node:
    """A node as xdist makes it."""

    def __init__(self, **spec):
        usual = dict.fromkeys(("ssh", "socket", "vagrant_ssh", "via"))
        self.gateway = SimpleNamespace(spec=SimpleNamespace(**{**usual, **spec}), newchannel=object)
        self.workerinput = {}


def told(one):
    return Told.of(SimpleNamespace(workerinput=one.workerinput))


def test_workers_are_numbered_by_host_and_a_replacement_gets_the_number_of_the_dead():
    nodes = Nodes(Settings(baselines="/here/baselines"))
    here, there = [Node(popen=True) for _ in range(3)], [Node(ssh="far") for _ in range(2)]
    for one in (*here, *there):
        nodes.pytest_configure_node(one)
    assert [told(one).number for one in (*here, *there)] == [0, 1, 2, 0, 1]
    nodes.pytest_testnodedown(here[1])
    nodes.pytest_configure_node(replacement := Node(popen=True))
    assert told(replacement).number == 1


def test_baselines_are_named_to_workers_of_this_host_only():
    nodes = Nodes(Settings(baselines="/here/baselines"))
    for one, expected in ((Node(popen=True), "/here/baselines"), (Node(ssh="far"), None), (Node(via="far"), None)):
        nodes.pytest_configure_node(one)
        assert told(one).baselines == expected


class Channel:
    """An execnet channel that keeps its callback."""

    def setcallback(self, callback, endmarker):
        self.callback = callback
        self.close = lambda: callback(endmarker)


@pytest.mark.parametrize("over", [False, True])
def test_a_worker_stops_when_its_controller_is_gone_in_the_middle(over):
    channel, stops = Channel(), []
    config = SimpleNamespace(workerinput={"cnnperf_lifeline": channel})
    lifeline = Lifeline(config, stop=lambda: stops.append("stopped"))
    if over:
        lifeline.let_go()
    channel.close()
    assert stops == ([] if over else ["stopped"])


def test_after_the_last_failure_that_the_user_wants_to_see_no_test_runs_again():
    nodes = Nodes(Settings(baselines="/here/baselines"), most_failures=2)
    one = Node(popen=True)
    nodes.pytest_configure_node(one)
    sent = []
    one.workerinput["cnnperf_lifeline"] = SimpleNamespace(send=sent.append)
    reports = [SimpleNamespace(failed=failed) for failed in (True, False, True, True)]
    counts = []
    for report in reports:
        nodes.pytest_runtest_logreport(report)
        counts.append(len(sent))
    assert counts == [0, 0, 1, 1]
    channel = Channel()
    lifeline = Lifeline(SimpleNamespace(workerinput={"cnnperf_lifeline": channel}), stop=pytest.fail)
    assert not lifeline.is_enough
    channel.callback(sent[0])
    assert lifeline.is_enough


TELLS_ITS_SCHEDULER = """
import pytest

@pytest.hookimpl(wrapper=True, tryfirst=True, optionalhook=True)
def pytest_xdist_make_scheduler():
    scheduler = yield
    print("scheduler:", type(scheduler).__name__)
    return scheduler
"""


@pytest.mark.parametrize(
    ("arguments", "scheduler"),
    [
        (("--cnnperf-compare", "-n", "2"), "WorkStealingScheduling"),
        (("--cnnperf-update-new", "-n", "2"), "WorkStealingScheduling"),
        (("-n", "2"), "LoadScheduling"),
        (("--cnnperf-compare", "-n", "2", "--dist", "loadgroup"), "LoadGroup"),
        (("--cnnperf-compare", "-n", "2", "--dist", "loadscope"), "LoadScope"),
        (("--cnnperf-compare", "-n", "2", "--dist", "loadfile"), "LoadFile"),
        (("--cnnperf-compare", "-n", "2", "--dist", "each"), "EachScheduling"),
    ],
)
def test_a_run_that_times_gives_each_worker_tests_that_follow_each_other(suite, arguments, scheduler):
    suite.pytester.makepyfile(tells=TELLS_ITS_SCHEDULER)
    result = suite.run(*arguments, "-p", "tells")
    result.stdout.fnmatch_lines([f"*scheduler: {scheduler}"])
