"""Options, ini keys, marks and fixtures."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("--cnnperf-frameworks=fakee", "*--cnnperf-frameworks*unknown framework 'fakee'*'fake'*"),
        (
            "--cnnperf-algorithms=winogard",
            "*--cnnperf-algorithms: unknown algorithm 'winogard'; did you mean 'winograd'?*direct*",
        ),
        ("--cnnperf-passes=backward", "*--cnnperf-passes: unknown pass 'backward'; did you mean 'backward_data'?*"),
        ("--cnnperf-batches=0", "*--cnnperf-batches: a batch must be an integer of at least 1, got '0'*"),
        ("--cnnperf-threads=two", "*--cnnperf-threads: a number of threads must be*got 'two'*"),
        ("--cnnperf-device-counts=-1", "*--cnnperf-device-counts*got '-1'*"),
        ("--cnnperf-missing=ignore", "*--cnnperf-missing: unknown value*'ignore'*warn, fail, record*"),
        ("--cnnperf-preset=quik", "*--cnnperf-preset: unknown preset 'quik'; did you mean 'quick'?*"),
        ("--cnnperf-threshold=none", "*--cnnperf-threshold: a threshold must be a percentage*got 'none'*"),
        ("--cnnperf-clocks=device_warm", "*--cnnperf-clocks: unknown clock 'device_warm'; did you mean 'device_*"),
        ("--cnnperf-clocks=wall", "*--cnnperf-clocks: unknown clock 'wall'*Known: device_cold, device_hot*"),
        ("--cnnperf-dtypes=float23", "*--cnnperf-dtypes: unknown dtype 'float23'; did you mean 'float32'*"),
        ("-ocnnperf_clocks=cold", "*cnnperf_clocks: unknown clock 'cold'*"),
    ],
)
def test_a_value_that_cannot_be_used_is_a_usage_error_that_lists_the_known(suite, argument, says):
    result = suite.run(argument)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([says])


def test_compare_is_a_plain_flag_that_eats_no_path(suite):
    result = suite.run("--cnnperf-compare", "test_suite.py")
    result.assert_outcomes(passed=2, warnings=2)


def test_an_ini_key_counts_and_the_command_line_wins(suite):
    suite.pytester.makeini("[pytest]\ncnnperf_batches = 3\ncnnperf_check_only = true\n")
    outcomes = suite.outcomes()
    assert {outcome["batch"] for outcome in outcomes} == {3}
    assert {outcome["reason"] for outcome in outcomes} == {"check_only"}
    assert {outcome["batch"] for outcome in suite.outcomes("--cnnperf-batches=2")} == {2}


def test_a_mark_wins_over_the_command_line(suite):
    suite.run("--cnnperf-update")
    suite.play(workload_ns=2_200_000)
    source = (suite.pytester.path / "test_suite.py").read_text()
    suite.pytester.makepyfile(
        test_suite=source.replace(
            "@pytest.mark.cnnperf_conv", "@pytest.mark.cnnperf(threshold=25)\n@pytest.mark.cnnperf_conv"
        )
    )
    suite.run("--cnnperf-compare", "--cnnperf-threshold=5").assert_outcomes(passed=2)


def test_a_wrong_ini_value_names_its_key(suite):
    suite.pytester.makeini("[pytest]\ncnnperf_preset = quik\n")
    result = suite.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*cnnperf_preset: unknown preset 'quik'*"])


@pytest.mark.parametrize(
    ("mark", "says"),
    [
        ("cnnperf(treshold=5)", "*takes the keywords threshold, max_seconds, min_samples; got treshold*"),
        ("cnnperf(5)", "*takes the keywords*got 5*"),
        ("cnnperf(max_seconds=-1)", "*max_seconds=-1*above 0*"),
        ("cnnperf_convolutions(TINY, presets=['big'])", "*'big'*"),
    ],
)
def test_a_mark_that_cannot_be_used_is_a_collection_error(suite, mark, says):
    source = (suite.pytester.path / "test_suite.py").read_text()
    suite.pytester.makepyfile(
        test_suite=source.replace("@pytest.mark.cnnperf_conv", f"@pytest.mark.{mark}\n@pytest.mark.cnnperf_conv")
    )
    if mark.startswith("cnnperf_conv"):
        suite.pytester.makepyfile(test_suite=source.replace("cnnperf_convolutions(TINY)", mark))
    result = suite.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([says])
    # What is wrong stands in the user's file, and nothing of ours above it.
    result.stdout.no_fnmatch_line("*pytest_cnnperf/plugin/*")


def test_a_table_for_other_presets_is_deselected_not_skipped(suite):
    source = (suite.pytester.path / "test_suite.py").read_text()
    suite.pytester.makepyfile(test_suite=source.replace("(TINY)", "(TINY, presets=['paper'])"))
    result = suite.run("--cnnperf-preset=nightly")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.assert_outcomes(deselected=1)


def test_a_combination_that_cannot_exist_is_a_hole_not_a_test(suite):
    document = suite.document("--cnnperf-algorithms=fft")
    assert [outcome["layer"] for outcome in document["outcomes"]] == ["a"]
    (hole,) = document["holes"]
    assert (hole["framework"], hole["algorithm"]) == ("fake", "fft")
    assert "fft needs stride 1, got 2" in hole["reason"]


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("--cnnperf-device-counts=2", "a convolution is the work of one device, not of 2"),
        ("--cnnperf-threads=4096", "4096 threads need as many cores"),
    ],
)
def test_more_devices_or_threads_than_a_case_can_have_are_a_hole(suite, option, reason):
    document = suite.document(option)
    assert document["outcomes"] == []
    assert [reason in hole["reason"] for hole in document["holes"]] == [True]


def test_a_framework_that_is_not_installed_is_a_hole_with_the_install_command(suite):
    suite.pytester.makeconftest(
        """
        from pathlib import Path
        from pytest_cnnperf.cases import Algorithm
        from pytest_cnnperf.frameworks.spec import FrameworkSpec, Offer

        def pytest_cnnperf_frameworks():
            return [FrameworkSpec(
                name="absent", title="Absent", adapter=Path("absent.py"), install="python -m pip install absent",
                modules=("a_module_that_nobody_has",), offers=(Offer(Algorithm.GEMM),),
            )]
        """
    )
    result = suite.run("--cnnperf-frameworks=absent")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    # Wherever the line is broken.
    assert "next: python -m pip install absent" in " ".join(result.stdout.str().split())


def test_gpu_tests_skip_with_what_was_looked_for_unless_gpus_are_required(suite, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    suite.pytester.makepyfile(
        test_gpu="""
        import pytest

        def test_one(gpu): pass

        @pytest.mark.gpus(2)
        def test_two(gpus): pass
        """
    )
    result = suite.run("test_gpu.py", "-rs")
    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(["*needs 1 GPU, 0 found: NVML*"])
    required = suite.run("test_gpu.py", "--cnnperf-require-gpu=1")
    assert required.ret == pytest.ExitCode.USAGE_ERROR
    required.stderr.fnmatch_lines(["*--cnnperf-require-gpu=1: 0 GPU(s) can be used: NVML*"])


def test_a_callable_is_checked_timed_and_compared_like_a_case(suite):
    suite.pytester.makepyfile(
        test_own="""
        import numpy as np

        def test_sum(cnnperf):
            outcome = cnnperf.time(lambda: np.ones(1000).sum(), reference=1000.0)
            assert outcome.correct and outcome.samples >= 3 and outcome.median_ns > 0

        def test_wrong(cnnperf):
            cnnperf.time(lambda: np.ones(3), reference=lambda: np.zeros(3) + 1.1)

        def test_twice(cnnperf):
            cnnperf.time(lambda: None)
            cnnperf.time(lambda: None)
        """
    )
    result = suite.run("test_own.py", "--cnnperf-update")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*WRONG (result_outside_bound)*", "*can be used once in a test*"])
    assert "test_own.py%3A%3Atest_sum" in suite.baseline_files[0].read_text()


def test_the_core_of_a_callable_is_held_from_its_first_call_on(suite):
    suite.pytester.makepyfile(
        test_own="""
        from pytest_cnnperf.measuring.lease import DeviceBusy, core_device, cores, lease

        free = []

        def call():
            try:
                with lease([core_device(core) for core in cores()], wait_seconds=0):
                    free.append(True)
            except DeviceBusy:
                free.append(False)

        def test_own(cnnperf):
            cnnperf.time(call)
            assert free and not any(free)
            call()
            assert free[-1]
        """
    )
    suite.run("test_own.py").assert_outcomes(passed=1)


def test_the_reference_fixture_is_the_float64_truth(suite):
    suite.pytester.makepyfile(
        test_truth="""
        import numpy as np
        from pytest_cnnperf.cases import Pass, Problem

        def test_identity(cnnperf_reference):
            x = np.arange(9.0).reshape(1, 1, 3, 3)
            one = np.ones((1, 1, 1, 1))
            assert (cnnperf_reference(Problem(1, 1, 3, 3, 1, 1, 1), Pass.FORWARD, x, one) == x).all()
        """
    )
    suite.run("test_truth.py").assert_outcomes(passed=1)
