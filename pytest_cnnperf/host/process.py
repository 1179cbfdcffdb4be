"""One worker process: started in a session of its own, asked with a deadline, and gone when it fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from numpy.typing import NDArray

from ..errors import NotOffered, Recompiled, WorkerFailed, WorkerRefused, WorkerSilent
from ..worker import wire
from .pipes import Deadline, DeadlineExpired, PipeClosed, Pipes, StderrTail

Array = NDArray[Any]
WORKER_FOLDER = Path(__file__).parent.parent / "worker"
# What would bring this process's own modules, start-up code or coverage into another interpreter.
_NOT_INHERITED = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONSAFEPATH",
    "PYTHONWARNINGS",
    "PYTHONDEVMODE",
    "CNNPERF_CPUS",
)
_POLITE_SECONDS = 5.0
# Requests that are made only where something is timed.
_OF_TIMING = ("estimate", "time", "output", "peak")


@dataclass(frozen=True)
class Answer:
    """What a worker answered: the head without its bookkeeping, and the arrays by name."""

    head: Mapping[str, Any]
    arrays: Mapping[str, Array]


class Worker:
    """A live worker; made by `start`, ended by `close` or `kill`.

    `subject` is what it works on (a case key), for error messages; `has_timed` whether any case was timed. After a
    failure `alive` is False and no process of its group is left.
    """

    def __init__(self, process: subprocess.Popen[bytes], name: str) -> None:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        self.name = name
        self.subject = ""
        self.hello: Mapping[str, Any] = {}
        self._process = process
        self._pipes = Pipes(process.stdin, process.stdout)
        self._stderr = StderrTail(process.stderr)
        self._ended = False
        self._requests = 0
        self.has_timed = False

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        adapter: Path,
        *,
        environment: Mapping[str, str],
        cpus: tuple[int, ...],
        name: str,
        deadline_seconds: float = 60.0,
    ) -> Worker:
        """Start `command <worker> <adapter>` (this interpreter when the command is empty) and shake hands.

        `environment` is laid over this process's own. `cpus` is what it is pinned to, before it imports anything.
        Raises: WorkerFailed when it does not answer in time, WorkerRefused when its framework cannot be imported.
        """
        variables = {
            key: value
            for key, value in os.environ.items()
            if key not in _NOT_INHERITED and not key.startswith("PYTEST_")
        }
        variables.update(environment)
        if cpus:
            variables["CNNPERF_CPUS"] = ",".join(map(str, cpus))
        argv = [*(command or (sys.executable,)), str(WORKER_FOLDER), str(adapter)]
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen(
                argv, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, env=variables, start_new_session=True
            )
        except OSError as error:
            raise WorkerFailed(
                f"worker {name}: cannot start {argv[0]!r} ({error}); next: check the framework's command"
            ) from error
        worker = cls(process, name)
        try:
            worker.hello = worker.request("hello", deadline_seconds=deadline_seconds, wire=wire.WIRE_VERSION).head
        except BaseException:
            worker.kill()
            raise
        return worker

    @property
    def alive(self) -> bool:
        """Whether the next request can be answered."""
        return not self._ended and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Process id, which is also that of its process group."""
        return self._process.pid

    def request(
        self, name: str, arrays: Mapping[str, Array] | None = None, *, deadline_seconds: float, **fields: Any
    ) -> Answer:
        """Ask and wait for the answer, at most this long.

        Raises: NotOffered or WorkerRefused from a worker that stays alive; WorkerFailed from one that is ended: it
        crashed, did not answer in time, or sent what is no frame.
        """
        if self._ended:
            raise WorkerFailed(
                f"worker {self.name} has ended and takes no request {name!r}; next: take a fresh one from the pool"
            )
        self._requests += 1
        started = time.monotonic()
        try:
            head, blocks = self._exchange(
                {**fields, "request": name, "id": self._requests}, arrays or {}, Deadline(deadline_seconds)
            )
        except DeadlineExpired:
            why = f"no answer within {deadline_seconds:.3g} s; its process group was ended"
            self._fail(name, why, started, kind=WorkerSilent)
        except PipeClosed:
            self._fail(name, "it ended without an answer", started)
        except (wire.ProtocolError, MemoryError) as error:
            self._fail(name, f"its answer is no frame of the wire ({error})", started)
        except BaseException:
            self.kill()  # interrupted in the middle: what the pipe holds now belongs to no request
            raise
        if head.pop("request", None) != name or head.pop("id", None) != self._requests:
            self._fail(name, f"its answer belongs to another request: {head!r:.200}", started)
        if head.pop("ok", None) is not True:
            raise self._refusal(name, head)
        return Answer(head, blocks)

    def _exchange(
        self, head: dict[str, Any], arrays: Mapping[str, Array], deadline: Deadline
    ) -> tuple[dict[str, Any], dict[str, Array]]:
        for piece in wire.encode(head, dict(arrays)):
            self._pipes.write(piece, deadline)
        frame: tuple[dict[str, Any], dict[str, Array]] = wire.decode(lambda count: self._pipes.read(count, deadline))
        return frame

    def _refusal(self, name: str, head: Mapping[str, Any]) -> WorkerRefused:
        message = str(head.get("message", ""))
        if head.get("error") == "not_offered":
            return NotOffered(message)
        if head.get("error") == "recompiled":
            return Recompiled(f"{self._what(name)} was refused: {message}")
        trace = str(head.get("traceback", "")).strip()
        return WorkerRefused(f"{self._what(name)} was refused: {message}" + (f"\n{_indented(trace)}" if trace else ""))

    def _what(self, name: str) -> str:
        return f"worker {self.name}, request {name!r}" + (f" for {self.subject}" if self.subject else "")

    def _fail(self, name: str, why: str, started: float, *, kind: type[WorkerFailed] = WorkerFailed) -> NoReturn:
        raise self.failure(name, why, seconds=time.monotonic() - started, kind=kind)

    def failure(
        self, name: str, why: str, *, seconds: float | None = None, kind: type[WorkerFailed] = WorkerFailed
    ) -> WorkerFailed:
        """End this worker and return the error that tells what it did wrong in request `name`."""
        own_end = self._wait(1.0 if "ended without" in why else 0.0)
        self.kill()
        after = "" if seconds is None else f" after {seconds:.1f} s"
        status = "" if own_end is None else f"; {_told(own_end)}"
        tail = self._stderr.text()
        end = f"; the end of its stderr:\n{_indented(tail)}" if tail else "; its stderr was empty"
        alone = "run this test alone" + ("" if name in _OF_TIMING else " with --cnnperf-check-only")
        return kind(f"{self._what(name)} failed{after}: {why}{status}{end}\nnext: {alone}")

    def _wait(self, seconds: float) -> int | None:
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def close(self) -> None:
        """Let it give back what it holds, then end its process group: a framework takes 0.4 s to end by itself."""
        try:
            if self.alive:
                # Whatever it answers, it is ended below, and nobody waits for its results any more.
                with suppress(WorkerFailed, WorkerRefused):
                    self.request("exit", deadline_seconds=_POLITE_SECONDS)
        finally:
            self.kill()

    def kill(self) -> None:
        """End the whole process group at once and reap it."""
        if self._ended:
            return
        self._ended = True
        with suppress(ProcessLookupError):  # all of the group may have ended before
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._pipes.close()
        self._stderr.close()


def _told(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    hint = " (the kernel does this when memory runs out)" if status == -signal.SIGKILL else ""
    return f"ended by {name}{hint}"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
