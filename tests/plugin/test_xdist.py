"""Under xdist a run says and stores what it says and stores without."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from pytest_cnnperf.cases import Case
from pytest_cnnperf.measuring.lease import core_device, cores, lease
from pytest_cnnperf.plugin.distribution import nodeid_of

THREE_PASSES = ("--cnnperf-passes=forward,backward_data,backward_filter",)

# Of what happens nothing depends on the order or on the process.
FATES = (
    {"match": "forward/gemm/nchw/n4c2h9w9", "workload_ns": 2_600_000},
    {"match": "backward_data/gemm/nchw/n4c2h6w6", "workload_ns": 1_500_000},
    {"match": "backward_data/gemm/nchw/n4c2h9w9", "fault": "wrong_value"},
    {"match": "backward_filter/gemm/nchw/n4c2h6w6", "fault": "crash"},
    {"match": "backward_filter/gemm/nchw/n4c2h9w9", "resolved": {"algorithm": "fft"}},
)
VERDICTS = {
    ("a", "forward"): ("SAME", "within_threshold"),
    ("b", "forward"): ("SLOWER", "ratio_above_threshold"),
    ("a", "backward_data"): ("FASTER", "ratio_below_threshold"),
    ("b", "backward_data"): ("WRONG", "result_not_exact"),
    ("a", "backward_filter"): ("UNKNOWN", "worker_failed"),
    ("b", "backward_filter"): ("UNKNOWN", "algorithm_fallback"),
}
DISTRIBUTIONS = [
    ("-n", "0"),
    ("-n", "2"),
    ("-n", "auto"),
    ("-n", "3", "--dist", "loadgroup"),
    ("-n", "2", "--dist", "loadfile"),
    ("-d", "--tx", "2*popen"),
    ("-d", "--tx", f"popen//id=mine//python={sys.executable}"),
]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("kept") / "baselines"


@pytest.fixture
def recorded(suite, kept):
    """A suite with a baseline, which is recorded once for all tests."""
    own = suite.pytester.path / "baselines"
    if not kept.exists():
        suite.run(*THREE_PASSES, "--cnnperf-update", "-n", "2").assert_outcomes(passed=6)
        shutil.copytree(own, kept)
    shutil.copytree(kept, own, dirs_exist_ok=True)
    return suite


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=" ".join)
def test_every_distribution_gives_the_same_verdicts(recorded, distribution):
    recorded.play(*FATES)
    outcomes = recorded.outcomes(*THREE_PASSES, "--cnnperf-compare", *distribution)
    found = {(outcome["layer"], outcome["pass"]): (outcome["verdict"], outcome["reason"]) for outcome in outcomes}
    assert found == VERDICTS
    # A name has no group of xdist's at its end.
    assert {outcome["nodeid"] for outcome in outcomes} == {
        f"test_suite.py::test_tiny[{outcome['key']}]" for outcome in outcomes
    }


def test_a_test_that_is_in_a_group_keeps_its_name_and_its_baseline(suite):
    suite.pytester.makepyfile(
        test_suite="""
        import pytest

        @pytest.mark.xdist_group("a group")
        @pytest.mark.cnnperf(max_seconds=0.001, min_samples=3)
        def test_it(cnnperf):
            cnnperf.time(lambda: sum(range(1000)))
        """
    )
    suite.run("--cnnperf-update").assert_outcomes(passed=1)
    (outcome,) = suite.outcomes("--cnnperf-compare", "-n", "1", "--dist", "loadgroup")
    assert outcome["nodeid"] == "test_suite.py::test_it"
    assert Case.parse(outcome["key"]).layer == "test_suite.py::test_it"
    assert outcome["reason"] != "no_baseline"


GROUPS = """
from dataclasses import replace
from pytest_cnnperf.cases import Algorithm
from pytest_cnnperf.frameworks.fake import SPEC
from pytest_cnnperf.frameworks.spec import Offer

def pytest_cnnperf_frameworks():
    offers = (Offer(Algorithm.GEMM), Offer(Algorithm.FFT), Offer(Algorithm.DIRECT, environment={"ONLY": "here"}))
    return [replace(SPEC, name="other", title="Other", offers=offers)]

def pytest_runtest_teardown(item):
    with open("groups", "a") as stream:
        print(*(mark.args[0] for mark in item.iter_markers("xdist_group")), file=stream)
"""


@pytest.mark.parametrize(
    ("distribution", "groups"),
    [("loadgroup", {"fake", "other", "other-direct"}), ("load", {""})],
)
def test_cases_that_share_worker_processes_are_a_group_only_where_the_user_asks_for_groups(suite, distribution, groups):
    suite.pytester.makeconftest(GROUPS)
    narrow = ("--cnnperf-frameworks=fake,other", "--cnnperf-algorithms=direct,gemm,fft", "--cnnperf-check-only")
    suite.run(*narrow, "-n", "1", "--dist", distribution)
    assert set((suite.pytester.path / "groups").read_text().splitlines()) == groups


class Item:
    """A test with marks, in a worker under ``--dist loadgroup`` or not."""

    def __init__(self, nodeid, *marks, loadgroup=True):
        self.nodeid = nodeid
        self.marks = [mark.mark for mark in marks]
        self.config = SimpleNamespace(option=SimpleNamespace(loadgroup=loadgroup))

    def iter_markers(self, name):
        return (mark for mark in self.marks if mark.name == name)


GROUP = pytest.mark.xdist_group


@pytest.mark.parametrize(
    ("item", "nodeid"),
    [
        (Item("test_a.py::test[x]@fake", GROUP("fake")), "test_a.py::test[x]"),
        (Item("test_a.py::test[x@1]@a b", GROUP(name="a b")), "test_a.py::test[x@1]"),
        (Item("test_a.py::test@default", GROUP()), "test_a.py::test"),
        (Item("test_a.py::test@a_b", GROUP("b"), GROUP("a")), "test_a.py::test"),
        (Item("test_a.py::test@b", GROUP("b"), GROUP("a")), "test_a.py::test"),
        (Item("test_a.py::test[x@fake", GROUP("fake@")), "test_a.py::test[x@fake"),
        (Item("test_a.py::test@fake"), "test_a.py::test@fake"),
        (Item("test_a.py::test@fake", GROUP("fake"), loadgroup=False), "test_a.py::test@fake"),
    ],
)
def test_the_group_that_xdist_appends_is_taken_off_a_name(item, nodeid):
    assert nodeid_of(item) == nodeid


# Every baseline file that is written, with the process that writes it.
WRITERS = """
from pytest_cnnperf.baseline import files

original = files.replace

def pytest_configure(config):
    writer = getattr(config, "workerinput", {}).get("workerid", "controller")

    def replace(path, text):
        with open("writers", "a") as stream:
            print(writer, path.name, file=stream)
        original(path, text)

    files.replace = replace
"""


def test_the_controller_writes_once_what_all_workers_recorded(suite):
    suite.pytester.makeconftest(WRITERS)
    result = suite.run(*THREE_PASSES, "--cnnperf-update", "-n", "3", "--dist", "load")
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(["written: 6 new and 0 changed baseline entries in baselines/*"])
    assert (suite.pytester.path / "writers").read_text().split() == ["controller", "fake.convolution.tiny.json"]
    (file,) = suite.baseline_files
    assert len(json.loads(file.read_text())["entries"]) == 6


def page_of(result):
    """The lines of the report, without its times and without the command lines."""
    lines = result.outlines
    begin = next(number for number, line in enumerate(lines) if line.startswith("=") and " cnnperf " in line)
    wanted = [line for line in lines[begin + 1 :] if not line.startswith(("=", "  pytest ", "SKIPPED"))]
    return [line for line in wanted if "results right" not in line]


def test_the_report_is_the_same(recorded):
    source = (recorded.pytester.path / "test_suite.py").read_text()
    # One layer is left, which makes the other's entries unused; a plain test is no case; and there are holes.
    recorded.pytester.makepyfile(test_suite=source.replace('Layer("a"', 'Layer("c"'), test_plain="def test_it(): pass")
    recorded.play(noise=0)
    pages, documents = [], []
    for number in ("0", "3"):
        pages.append(page_of(recorded.run_whole("--cnnperf-compare", "--cnnperf-json=out.json", "-n", number)))
        documents.append(json.loads((recorded.pytester.path / "out.json").read_text()))
    assert "unused: 3 stored cases that nothing asked for" in pages[0]
    assert pages[0] == pages[1]
    for field in ("machine", "threshold", "compared", "holes", "unused", "written", "notices", "events"):
        assert documents[0][field] == documents[1][field], field


@pytest.mark.parametrize("distribution", [("-n", "2"), ("-n", "0")], ids=" ".join)
def test_a_run_with_a_broken_file_is_not_complete(recorded, distribution):
    recorded.pytester.makepyfile(test_broken="raise RuntimeError('no tests here')")
    document = recorded.document("--cnnperf-compare", "--continue-on-collection-errors", *distribution)
    assert document["unused"] == []


def test_progress_counts_cases_and_not_other_tests(suite):
    suite.pytester.makeconftest("from pytest_cnnperf.plugin.results import Collector\nCollector.every_seconds = 0\n")
    suite.pytester.makepyfile(test_plain="def test_it(): pass")
    suite.run("-n", "2").stdout.fnmatch_lines(["cnnperf: 1/2 · 1 UNKNOWN*", "cnnperf: 2/2 · 2 UNKNOWN"])


@pytest.mark.parametrize("folder", [(), ("--cnnperf-baselines=own",)], ids=["usual", "named"])
def test_a_worker_that_runs_elsewhere_compares_with_the_same_baselines(suite, tmp_path_factory, folder):
    away = tmp_path_factory.mktemp("away")
    root = suite.pytester.path
    tests = str(root / "test_suite.py")
    suite.run(*folder, "--cnnperf-update", tests).assert_outcomes(passed=2)
    stored = {path.name for path in root.iterdir()}
    remote = ("-d", "--tx", f"popen//chdir={away}", f"--rsyncdir={root}")
    outcomes = suite.outcomes(*folder, "--cnnperf-compare", *remote, tests)
    assert [(outcome["verdict"], outcome["nodeid"].partition("[")[0]) for outcome in outcomes] == [
        ("SAME", "test_suite.py::test_tiny")
    ] * 2
    new = {path.name for path in root.iterdir() if not path.name.startswith("runpytest")} - stored
    assert new == {"out.json"}


def test_what_another_machine_measured_is_stored_as_its_own(suite):
    suite.pytester.makeconftest(
        """
        from dataclasses import replace
        from pytest_cnnperf.run import resources

        def pytest_configure(config):
            if hasattr(config, "workerinput"):
                detect = resources.detect
                resources.detect = lambda: replace(detect(), cpu_model="Other", cores=77)
        """
    )
    suite.run("--cnnperf-update", "-n", "1").assert_outcomes(passed=2)
    assert [file.parent.name for file in suite.baseline_files] == ["other-77-cores"]
    assert {outcome["reason"] for outcome in suite.outcomes("--cnnperf-compare")} == {"foreign_baseline"}


def test_a_worker_that_waits_for_a_core_says_so_on_the_users_terminal(suite, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(suite.pytester.path))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--cnnperf-frameworks=fake", "-n", "2"]
    command += ["--cnnperf-algorithms=gemm", "--cnnperf-passes=forward", "--junitxml=junit.xml"]
    with lease([core_device(core) for core in cores()]):
        run = subprocess.Popen(command, cwd=suite.pytester.path, stdout=subprocess.PIPE, text=True)
        told = next((line for line in run.stdout if "waiting for cpu-" in line), "")
    output, _ = run.communicate(timeout=60)
    assert told.startswith("cnnperf: [gw")
    assert f"held by process {os.getpid()}" in told
    assert run.returncode == 0, output
    assert "2 passed" in output
    assert (suite.pytester.path / "junit.xml").read_text().count("<testcase") == 2


NUMBERS = """
import os
from pytest_cnnperf.plugin.session import Session

def pytest_runtest_teardown(item):
    session = item.config.stash[Session.key]
    with open("cores", "a") as stream:
        print(session.worker_number, *session.run.cpus(1), file=stream)
"""


@pytest.mark.skipif(len(cores()) < 2, reason="needs two cores")
def test_two_workers_time_on_two_cores(suite):
    suite.pytester.makeconftest(NUMBERS)
    suite.run("-n", "2").assert_outcomes(passed=2)
    found = {tuple(line.split()) for line in (suite.pytester.path / "cores").read_text().splitlines()}
    # The last core first.
    assert found == {(str(number), str(cores()[::-1][number])) for number in (0, 1)}
