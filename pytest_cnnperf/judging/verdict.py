"""The verdict words and reason codes."""

from __future__ import annotations

from dataclasses import dataclass

from ..cases.words import Word


class Verdict(Word):
    """What a run says of a case."""

    SAME = "SAME"
    FASTER = "FASTER"
    SLOWER = "SLOWER"
    UNDECIDED = "UNDECIDED"
    UNKNOWN = "UNKNOWN"
    WRONG = "WRONG"

    @property
    def is_change(self) -> bool:
        """Whether it says that the speed is another one."""
        return self in (Verdict.SLOWER, Verdict.FASTER)


class Reason(Word):
    """Why: one code for each way to a verdict."""

    WITHIN_THRESHOLD = "within_threshold"
    WITHIN_RESOLUTION = "within_resolution"
    WITHIN_NOISE = "within_noise"
    RATIO_ABOVE_THRESHOLD = "ratio_above_threshold"
    RATIO_BELOW_THRESHOLD = "ratio_below_threshold"
    INTERVAL_TOO_WIDE = "interval_too_wide"
    THRESHOLD_BELOW_DETECTABLE = "threshold_below_detectable"
    NOT_CONFIRMED = "not_confirmed"
    CONTROL_MOVED = "control_moved"
    TOO_FEW_SAMPLES = "too_few_samples"
    NOT_A_NUMBER = "not_a_number"
    THROTTLED = "throttled"
    GPU_BUSY = "gpu_busy"
    GPU_UNREADABLE = "gpu_unreadable"
    NO_BASELINE = "no_baseline"
    FOREIGN_BASELINE = "foreign_baseline"
    OTHER_METHOD = "other_method"
    NOT_COMPARED = "not_compared"
    CHECK_ONLY = "check_only"
    ALGORITHM_FALLBACK = "algorithm_fallback"
    RESULT_OUTSIDE_BOUND = "result_outside_bound"
    RESULT_NOT_EXACT = "result_not_exact"
    RESULT_NOT_FINITE = "result_not_finite"
    RESULT_WRONG_SHAPE = "result_wrong_shape"
    RESULT_STALE = "result_stale"
    WORKER_FAILED = "worker_failed"
    RECOMPILED = "recompiled"
    NOT_OFFERED = "not_offered"
    NOT_INSTALLED = "not_installed"


@dataclass(frozen=True)
class Judgement:
    """A verdict with its reason and the numbers it rests on.

    Units: `baseline_ratio` is now ÷ baseline (above 1 is slower); low and high bound it at the session's level;
    `resolution` is the minimum detectable effect, the smallest relative slowdown that these samples would have shown
    four times in five (0.031 is 3.1 %); `within_run` is the variance of the ratio's logarithm by what one run shows,
    without the spread between runs; `control_pace` is the control's own time, now ÷ baseline (above 1 the machine is
    slower). `lacks_quiet_core` says that the recording has samples from quiet cores, and these have too few;
    `is_restless`, that what the case differs by from minute to minute is most of what is not known; `is_noise`, that
    an interval is too wide, but the ratio no farther off than noise may make it, and no large change hides in that;
    `runs` is the number of runs in the recording.
    """

    verdict: Verdict
    reason: Reason
    detail: str = ""
    baseline_ratio: float | None = None
    low: float | None = None
    high: float | None = None
    resolution: float | None = None
    control_pace: float | None = None
    within_run: float | None = None
    lacks_quiet_core: bool = False
    is_restless: bool = False
    is_noise: bool = False
    runs: int = 1
