"""What the user chose, parsed once: one frozen value that every layer may read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from .cases.words import Algorithm, Clock, DType, Pass


class Missing(str, Enum):
    """What to do with a case that has no baseline on this machine."""

    WARN = "warn"
    FAIL = "fail"
    RECORD = "record"


class Update(str, Enum):
    """Which baseline entries a run writes; ADD puts it beside the runs that an entry holds, ALL in their place."""

    NOTHING = "nothing"
    NEW = "new"
    ALL = "all"
    ADD = "add"


@dataclass(frozen=True)
class Preset:
    """A size of the suite: batches, layouts, and how long a case is timed.

    `gpu_batches` are the batches on a GPU, which smaller ones leave idle. `every_layout` asks for all layouts and (on a
    GPU) types of an offer, and for extra offers, otherwise only for the first, the framework's own.
    Units: `max_seconds` and samples of one visit.
    """

    name: str
    batches: tuple[int, ...]
    gpu_batches: tuple[int, ...]
    max_seconds: float
    min_samples: int
    max_samples: int
    every_layout: bool = True


# At batch 1 the 3x3 layers mostly read their filters, and processes that have them in luckier or unluckier places
# differ by 3 to 11 % (standard deviation) for their lives; at batch 4 they compute, and differ by 1 %.
# Four visits, after which a change may be said, take two seconds at most.
QUICK = Preset(
    "quick", batches=(4,), gpu_batches=(64,), max_seconds=0.5, min_samples=8, max_samples=12, every_layout=False
)
NIGHTLY = Preset(
    "nightly", batches=(1, 16, 64), gpu_batches=(16, 64, 256), max_seconds=2.0, min_samples=10, max_samples=20
)
PAPER = Preset(
    "paper",
    batches=(16, 32, 64, 128, 256),
    gpu_batches=(16, 32, 64, 128, 256, 1024),
    max_seconds=150.0,
    min_samples=25,
    max_samples=25,
)
PRESETS = {preset.name: preset for preset in (QUICK, NIGHTLY, PAPER)}


# Smaller changes of a convolution are seldom worth a look; a smaller threshold must be shown to be possible.
DEFAULT_THRESHOLD = 0.05


@dataclass(frozen=True)
class Settings:
    """Effective settings of a run (marker > command line > ini > default is resolved before this is made).

    An empty tuple means "all that there are". Units: `threshold` is a fraction (0.05 is 5 %); `deadline_seconds` is
    how long a worker may be silent beyond what its request is expected to take, `lasting_seconds` how long after the
    first visit of a case a change must be there, too. `commands` start frameworks that lie elsewhere, by name, each as
    one would type it.
    """

    preset: Preset = QUICK
    frameworks: tuple[str, ...] = ()
    algorithms: tuple[Algorithm, ...] = ()
    passes: tuple[Pass, ...] = ()
    batches: tuple[int, ...] = ()
    dtypes: tuple[DType, ...] = ()
    clocks: tuple[Clock, ...] = (Clock.DEVICE_COLD,)
    device_counts: tuple[int, ...] = (1,)
    threads: tuple[int, ...] = (1,)
    compare: bool = False
    update: Update = Update.NOTHING
    prune: bool = False
    only_missing: bool = False
    missing: Missing = Missing.WARN
    baselines: Path = Path("baselines")
    threshold: float = DEFAULT_THRESHOLD
    check_only: bool = False
    require_gpu: int = 0
    json: Path | None = None
    deadline_seconds: float = 300.0
    lasting_seconds: float = 120.0
    commands: Mapping[str, str] = field(default_factory=dict)

    @property
    def judges(self) -> bool:
        """Whether what is timed is compared or stored."""
        return self.compare or self.update is not Update.NOTHING


def will_store(settings: Settings, *, known: bool) -> bool:
    """Whether a case's speed goes into the baseline; `known` says that the baseline has it already."""
    if known:
        return settings.update in (Update.ALL, Update.ADD)
    record = settings.compare and settings.missing is Missing.RECORD
    return record or settings.update is not Update.NOTHING


@dataclass(frozen=True)
class Timing:
    """How one case is timed and judged: the preset's numbers with the test's marker laid over them.

    Units: `max_seconds` per round, `threshold` a fraction.
    """

    max_seconds: float
    min_samples: int
    max_samples: int
    threshold: float
