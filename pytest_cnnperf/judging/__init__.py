"""Statistics and verdicts: what samples say, and what they say of each other."""

from .judge import judge
from .statistics import Summary, flaw_of, run_to_run_floor, session_level, summarize
from .verdict import Judgement, Reason, Verdict

__all__ = [
    "Judgement",
    "Reason",
    "Summary",
    "Verdict",
    "flaw_of",
    "judge",
    "run_to_run_floor",
    "session_level",
    "summarize",
]
