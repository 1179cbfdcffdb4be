"""Statistics and verdicts: what samples say, and what they say of each other."""

from .judge import judge
from .statistics import Summary, flaw_of, session_level, summarize
from .verdict import Judgement, Reason, Verdict

__all__ = [
    "Judgement",
    "Reason",
    "Summary",
    "Verdict",
    "flaw_of",
    "judge",
    "session_level",
    "summarize",
]
