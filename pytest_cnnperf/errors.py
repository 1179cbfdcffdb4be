"""Errors that a user reads: what, for which case, got and expected, and the next command to type."""

from __future__ import annotations


class CnnperfError(Exception):
    """Base of every error that this package raises on purpose; its text is complete without a traceback."""


class InvalidProblem(CnnperfError, ValueError):
    """A convolution shape, or a part of a case, that cannot exist."""


class UnknownName(CnnperfError, ValueError):
    """A framework, algorithm, pass or option value that nobody has registered."""


class UsageError(CnnperfError, ValueError):
    """A command line, ini or marker value that cannot be used."""


class FrameworkUnavailable(CnnperfError):
    """A framework that cannot be used here; the text ends with the command that brings it."""


class NotInstalled(FrameworkUnavailable):
    """A framework that is not installed here (a hole in the matrix, not a failure)."""


class WorkerFailed(CnnperfError):
    """A worker that crashed, hung, or broke the wire protocol; the text carries the end of its stderr."""


class WorkerSilent(WorkerFailed):
    """A worker that did not answer in time."""


class WorkerRefused(CnnperfError):
    """A living worker that answered a request with an error of its own (the adapter raised)."""


class Recompiled(WorkerRefused):
    """A framework that compiled, or searched for an algorithm, in a timed call: its time says nothing."""


class NotOffered(WorkerRefused):
    """A framework that cannot run this case, as its adapter or its living worker says (a hole, not a failure)."""


class BaselineError(CnnperfError):
    """A baseline file that cannot be read, understood or written; nothing stored is changed."""
