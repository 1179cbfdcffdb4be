"""The report that people read."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pytest_cnnperf.cases import Case, Clock, DeviceKind, Pass, Problem
from pytest_cnnperf.judging.verdict import Reason, Verdict
from pytest_cnnperf.report.outcome import Hole
from pytest_cnnperf.report.terminal import render, write


def lines_of(report, width=120, **options):
    return [line.text for line in render(report, width=width, color=False, **options)]


def row_of(report, *words, width=120):
    found = [line for line in lines_of(report, width) if all(word in line.split() for word in words)]
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize("width", [80, 100, 120, 160])
def test_tables_fit_the_terminal(day, width):
    lines = lines_of(day, width)
    tables = lines[: lines.index("WRONG  1 case")]
    assert len(tables) > 15 * 8
    assert [line for line in tables if len(line) > width] == []


def test_every_case_has_a_row_even_on_a_narrow_terminal(day):
    tables = "\n".join(lines_of(day, 80)).partition("fastest of each")[0]
    rows = re.findall(r"^[› ] (?:numpy|tensorflow|torch) ", tables, flags=re.MULTILINE)
    assert len(rows) == len(day.outcomes)


def test_a_row_has_time_spread_rate_share_error_and_verdict(report, outcome, case):
    # conv2, batch 1: 2 x 256 x 27 x 27 x 96 x 25 FLOP = 895 795 200 in 5.123456 ms: 174.8 GFLOP/s;
    # of 350 GFLOP/s that is 50 %. Half of (1.2859 - 1.2757) over 1.2808 is 0.4 %.
    row = row_of(report(outcome(), outcome(case("numpy")), peak_flops=350e9), "torch", "direct", "SAME", width=140)
    assert (
        " ".join(row.split())
        == "› torch direct oneDNN jit:avx512_core 5.12 ms ±0.4 % 1.0 175 50 % 0.021 SAME +0.3 % 1 %"
    )


def test_the_fastest_of_a_group_is_marked_and_stands_first(report, outcome, case):
    slow = outcome(case("numpy"), median_ns=50_000_000)
    fast = outcome(case("tensorflow"), median_ns=4_000_000)
    lines = lines_of(report(slow, outcome(), fast))
    group = lines.index(next(line for line in lines if line.startswith("conv2 forward")))
    assert [line[:12].strip() for line in lines[group + 1 : group + 4]] == ["› tensorflow", "torch", "numpy"]


def test_a_wrong_or_fallen_back_case_never_wins(report, outcome, case):
    wrong = outcome(case("numpy"), median_ns=1, verdict=Verdict.WRONG, reason=Reason.RESULT_STALE)
    back = outcome(case("tensorflow"), median_ns=2, verdict=Verdict.UNKNOWN, reason=Reason.ALGORITHM_FALLBACK)
    marked = list(
        lines_of(report(wrong, back, outcome(), outcome(case("torch", algorithm="gemm"), median_ns=9_000_000)))
    )
    assert [line.split()[1] for line in marked if line.startswith("›") and "ms" in line] == ["torch"]


def test_groups_follow_layers_and_passes_however_the_tests_ran(report, outcome, case):
    ran = [
        outcome(case(layer=layer, pass_=pass_))
        for layer in ("conv3", "conv1")
        for pass_ in ("backward_filter", "forward")
    ]
    names = [line.split("  ")[0] for line in lines_of(report(*ran)) if re.match(r"conv\d ", line)]
    assert names == ["conv1 forward", "conv1 backward filter", "conv3 forward", "conv3 backward filter"]


def test_layer_10_comes_after_layer_9(report, outcome):
    def in_layer(name):
        return outcome(Case("torch", "convolution", "vgg", name, Problem(1, 3, 9, 9, 4, 3, 3), None, None))

    names = [
        line.split("  ")[0]
        for line in lines_of(report(in_layer("conv10"), in_layer("conv9")))
        if line.startswith("conv")
    ]
    assert names == ["conv9", "conv10"]


def test_what_all_rows_share_stands_in_the_title_only(report, outcome, case):
    unknown = {"verdict": Verdict.UNKNOWN, "reason": Reason.NOT_COMPARED, "baseline_ratio": None}
    lines = lines_of(report(outcome(**unknown), outcome(case("numpy"), **unknown), compared=False))
    assert "nchw · not compared · peak 140 GFLOP/s" in lines[0]
    assert not any("UNKNOWN" in line for line in lines[1:6])


def test_batches_clocks_and_devices_have_tables_of_their_own(report, outcome):
    def on(n=1, threads=1, kind=DeviceKind.CPU, clock=Clock.PROCESS_CPU):
        problem = Problem(n, 96, 27, 27, 256, 5, 5, pad=2)
        return outcome(
            Case(
                "torch",
                "convolution",
                "alexnet",
                "conv2",
                problem,
                None,
                None,
                device_kind=kind,
                threads=threads,
                clock=clock,
            )
        )

    lines = lines_of(
        report(on(16), on(1), on(1, 2, clock=Clock.WALL), on(1, kind=DeviceKind.CUDA, clock=Clock.DEVICE_COLD))
    )
    titles = [line for line in lines if line.startswith("alexnet convolution")]
    assert [title.split(" · ")[1:5] for title in titles] == [
        ["batch 1", "float32", "1 GPU", "GPU time, cold cache"],
        ["batch 1", "float32", "1 thread", "CPU time"],
        ["batch 1", "float32", "2 threads", "wall time"],
        ["batch 16", "float32", "1 thread", "CPU time"],
    ]
    # The peak was measured on one core: it is no measure for a GPU or two threads.
    assert ["peak" in title for title in titles] == [False, True, False, True]


def test_frameworks_stand_beside_each_other_in_the_digest(day):
    lines = lines_of(day)
    start = lines.index(next(line for line in lines if line.startswith("fastest of each")))
    assert lines[start].split()[3:] == ["numpy", "tensorflow", "torch"]
    digest = lines[start + 1 : start + 16]
    assert all(line.count("›") == 1 for line in digest)
    assert len({line.split("  ")[1] for line in digest}) == 15


def test_coverage_counts_what_ran_fell_back_failed_and_is_missing(report, outcome, case):
    found = report(
        outcome(case("torch", "conv1")),
        outcome(case("torch", "conv2")),
        outcome(case("torch", "conv3"), verdict=Verdict.UNKNOWN, reason=Reason.ALGORITHM_FALLBACK),
        outcome(case("numpy", "conv3"), verdict=Verdict.WRONG, reason=Reason.RESULT_NOT_EXACT),
        outcome(case("numpy", "conv4"), verdict=Verdict.UNKNOWN, reason=Reason.NOT_OFFERED, detail="needs NHWC"),
        holes=tuple(
            Hole(name, "fft", "needs stride 1, got 4", 3, pass_=pass_.value)
            for name in ("torch", "numpy")
            for pass_ in Pass
        ),
    )
    lines = lines_of(found)
    start = lines.index(next(line for line in lines if line.startswith("coverage")))
    assert lines[start : start + 5] == [
        "coverage            numpy       torch",
        "  direct forward    1 failed b  2 ran, 1 fell back",
        "  fft    each pass  – a         – a",
        "  a  18 cases: needs stride 1, got 4",
        "  b  1 case: needs NHWC",
    ]


def test_a_framework_that_is_not_installed_is_a_hole_with_its_remedy(report):
    missing = tuple(
        Hole("torch", name, "not installed; bring it with: pip install torch", 15) for name in ("fft", "gemm")
    )
    text = "\n".join(lines_of(report(holes=missing)))
    assert "  a  30 cases: not installed; bring it with: pip install torch" in text


def test_more_reasons_than_a_page_holds_share_the_last_note(report):
    holes = tuple(Hole("torch", "fft", f"reason {number:02}", 100 - number) for number in range(48))
    text = "\n".join(lines_of(report(holes=holes)))
    assert "  z  75 cases: reason 25" in text
    assert "  aa 74 cases: reason 26" in text
    # The fortieth note, an: reasons 39 to 47, 61 + 60 + … + 53 cases.
    assert f"  an {sum(range(53, 62))} cases: 9 rarer reasons (see --cnnperf-json)" in text


@pytest.mark.parametrize(
    ("verdict", "reason", "look"),
    [
        (Verdict.SLOWER, Reason.RATIO_ABOVE_THRESHOLD, {"red", "bold"}),
        (Verdict.WRONG, Reason.RESULT_NOT_FINITE, {"red", "bold", "invert"}),
        (Verdict.UNDECIDED, Reason.INTERVAL_TOO_WIDE, {"yellow"}),
        (Verdict.FASTER, Reason.RATIO_BELOW_THRESHOLD, {"green"}),
        (Verdict.SAME, Reason.WITHIN_THRESHOLD, set()),
    ],
)
def test_each_verdict_has_its_look(report, outcome, verdict, reason, look):
    lines = render(report(outcome(verdict=verdict, reason=reason)), width=120, color=True)
    row = next(line for line in lines if line.text.startswith("  torch direct"))
    span = next(span for span in row.spans if span.text.strip() == verdict.value)
    assert {name for name, on in span.markup.items() if on} == look


def test_a_crash_is_as_loud_as_a_slowdown(report, outcome):
    crashed = outcome(
        verdict=Verdict.UNKNOWN, reason=Reason.WORKER_FAILED, baseline_ratio=None, correct=None, resolution=None
    )
    lines = render(report(crashed, outcome()), width=140, color=True)
    row = next(line for line in lines if re.search("UNKNOWN +worker failed", line.text))
    said = next(span for span in row.spans if span.text.strip() == "worker failed")
    assert said.markup == {"red": True, "bold": True}


def test_the_shape_of_a_layer_is_told_once(report, outcome, case):
    passes = [outcome(case(pass_=name)) for name in ("forward", "backward_data", "backward_filter")]
    assert sum("96×27² → 256×27², 5×5, pad 2" in line for line in lines_of(report(*passes))) == 1


def test_without_colour_no_line_has_a_look(day):
    assert not any(span.markup for line in render(day, width=100, color=False) for span in line.spans)


def test_colours_do_not_change_the_text(day):
    assert [line.text for line in render(day, width=100, color=True)] == lines_of(day, 100)


def test_findings_name_case_numbers_reason_and_key(day):
    text = "\n".join(lines_of(day))
    findings = text[text.index("WRONG  1 case") :]
    assert re.search(r"^  numpy direct nchw, alexnet conv4 backward data$", findings, re.MULTILINE)
    assert "error 731 times its bound" in findings
    assert "outside bound: dw[17, 3, 0, 2]: got 0.71828, expected 0.31415" in findings
    assert re.search(r"\+20\.3 % \(\+18\.9 % to \+21\.8 %\) against the baseline", findings)
    assert "worker failed: the worker was ended by signal 11" in findings
    assert "FELL BACK  1 case" in findings
    for outcome in day.outcomes:
        if outcome.verdict in (Verdict.WRONG, Verdict.SLOWER, Verdict.UNDECIDED):
            assert outcome.key in findings


def test_what_is_the_same_beyond_the_threshold_is_named_farthest_first_and_counted(report, outcome, case):
    noise = {"verdict": Verdict.SAME, "reason": Reason.WITHIN_NOISE, "detail": "no change at 1 %: +7 % is …"}
    ratios = {"conv3": 1.066, "conv4": 0.91, "conv5": 1.087}
    cases = {layer: outcome(case(layer=layer), baseline_ratio=ratio, **noise) for layer, ratio in ratios.items()}
    lines = lines_of(report(outcome(), *cases.values()))
    first = lines.index("WITHIN NOISE  3 cases")
    assert [line for line in lines[first:] if line.startswith("  torch direct")] == [
        f"  torch direct nchw, alexnet {layer} forward" for layer in ("conv4", "conv5", "conv3")
    ]
    assert "    SAME: no change at 1 %: +7 % is …" in lines
    assert f"    {cases['conv4'].key}" in lines
    assert "4 cases: 4 SAME (3 within noise)" in lines


@pytest.mark.parametrize(
    ("ratios", "others", "told"),
    [
        ([1.06] * 4, 8, "4 of torch's 12 cases are slower by that: noise seldom moves so many one way"),
        ([0.94] * 5, 8, "5 of torch's 13 cases are faster by that: noise seldom moves so many one way"),
        ([1.06] * 3 + [0.94] * 3, 8, None),
        ([1.06] * 4, 100, None),
    ],
)
def test_many_within_the_noise_that_go_one_way_are_worth_a_word(report, outcome, ratios, others, told):
    noise = {"verdict": Verdict.SAME, "reason": Reason.WITHIN_NOISE}
    lines = lines_of(report(*(outcome(baseline_ratio=ratio, **noise) for ratio in ratios), *[outcome()] * others))
    assert [line for line in lines if "one way" in line] == ([told] if told else [])


def test_equal_fallbacks_are_told_once(report, outcome, case):
    back = {"verdict": Verdict.UNKNOWN, "reason": Reason.ALGORITHM_FALLBACK, "detail": "asked fft, got direct"}
    text = "\n".join(lines_of(report(*(outcome(case(layer=f"conv{n}", algorithm="fft"), **back) for n in (1, 2, 3)))))
    assert "FELL BACK  3 cases\n  torch fft: 3 cases, asked fft, got direct\n" in text


def test_the_sum_counts_verdicts_right_results_holes_and_time(day):
    lines = lines_of(day)
    assert "171 cases: 164 SAME, 1 FASTER, 1 SLOWER, 1 UNDECIDED, 3 UNKNOWN, 1 WRONG" in lines
    # 171 outcomes, one of them crashed before it could be checked, one is wrong.
    assert "169 of 170 results right · 75 holes · threshold 5 % · 4 min 12 s" in lines
    assert "UNKNOWN because: 1 fell back, 1 worker failed, 1 no baseline" in lines


def test_the_sum_tells_how_much_was_taken_on_a_quiet_core(day):
    counts = {0: 3, 1: 5}
    outcomes = tuple(
        replace(outcome, samples=8, quiet_samples=counts.get(number)) for number, outcome in enumerate(day.outcomes)
    )
    assert replace(day, outcomes=outcomes).quiet_share == 0.5
    assert " · 50 % of samples on a quiet core · 4 min 12 s" in "\n".join(lines_of(replace(day, outcomes=outcomes)))


def test_what_was_written_noticed_and_unused_is_told(day):
    lines = lines_of(day)
    assert "written: 12 new baseline entries in baselines/amd-epyc-2core/torch.json" in lines
    assert "unused: 1 stored case that nothing asked for" in lines
    assert any(line.startswith("note: the control ran 11 % slower") for line in lines)


def test_the_page_ends_with_the_next_command(day):
    assert lines_of(day)[-1] == "  pytest perftests --cnnperf-compare --cnnperf-prune"


def test_a_brief_page_has_no_tables(day):
    lines = lines_of(day, brief=True)
    assert lines[0] == "WRONG  1 case"
    assert not any(line.startswith(("coverage", "alexnet", "fastest")) for line in lines)


def test_a_run_that_only_checked_has_errors_and_no_times(report, outcome):
    checked = outcome(
        verdict=Verdict.UNKNOWN, reason=Reason.CHECK_ONLY, median_ns=None, ratio=None, ratio_low=None, ratio_high=None,
        baseline_ratio=None, resolution=None, samples=0,
    )  # fmt: skip
    lines = lines_of(report(checked, compared=False))
    assert "checked only" in lines[0]
    assert any(
        line.split() == ["conv2", "forward", "96×27²", "→", "256×27²,", "5×5,", "pad", "2", "error"] for line in lines
    )


def test_callables_have_rows_with_the_names_of_their_tests_under_their_file_and_do_not_race(report, outcome):
    cases = [Case("inprocess", "callable", "custom", f"tests/test_a.py::test_{n}", None, None, None) for n in "bc"]
    lines = lines_of(report(*(outcome(case, flops=None) for case in cases)))
    assert lines[0].startswith("custom callable · float32 · 1 thread · CPU time")
    assert sum(line.startswith("tests/test_a.py") for line in lines) == 1
    assert [line.split()[1] for line in lines if line.lstrip().startswith("inprocess")] == ["test_b", "test_c"]
    assert not any(line.startswith("›") and "inprocess" in line for line in lines)


def test_an_empty_report_still_ends_with_advice(report):
    assert lines_of(report(seconds=0.1)) == [
        "0 cases",
        "threshold 5 % · 0.1 s",
        "→ nothing ran; see which cases there are:",
        "  pytest perftests --cnnperf-compare --collect-only -q",
    ]


def test_lines_are_written_as_pytest_writes(report, outcome):
    class Terminal:
        def __init__(self):
            self.written = []

        def write(self, content, **markup):
            self.written.append((content, markup))

    terminal = Terminal()
    lines = render(report(outcome()), width=100, color=True)
    write(lines, terminal)
    assert "".join(content for content, _ in terminal.written) == "\n".join(line.text for line in lines) + "\n"
    assert ("SAME", {}) in [(content.strip(), markup) for content, markup in terminal.written]


def test_a_line_for_a_pipe_of_escape_codes_ends_each_look(report, outcome):
    slower = outcome(verdict=Verdict.SLOWER, reason=Reason.RATIO_ABOVE_THRESHOLD)
    row = next(line for line in render(report(slower), width=120, color=True) if line.text.startswith("  torch direct"))
    assert "\x1b[1;31mSLOWER" in row.ansi
    assert row.ansi.count("\x1b[0m") == len(re.findall(r"\x1b\[[1-9]", row.ansi))
