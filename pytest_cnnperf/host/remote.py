"""Typed calls on one case that is prepared in a worker; every answer is validated before anybody believes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..cases import Algorithm, Case, Clock, DeviceKind
from ..errors import InvalidProblem
from ..frameworks.resolved import Resolved
from .process import Answer, Array, Worker
from .source import Timed

# How many times longer than estimated a request may take: neighbours, swapping, a clock that started cold.
_PATIENCE = 10.0
_PEAK_SECONDS = 60.0


def prepare(worker: Worker, case: Case, operands: Mapping[str, Array], *, deadline_seconds: float) -> RemoteCase:
    """Hand the operands (float32, NCHW / KCRS) to the worker and run the first call.

    `deadline_seconds` is also what later requests get beyond ten times their estimated duration.
    Raises: NotOffered, WorkerRefused, WorkerFailed.
    """
    worker.subject = f"case {case.key}"
    answer = worker.request("prepare", operands, deadline_seconds=deadline_seconds, case=to_wire(case))
    return RemoteCase(worker, case, answer, deadline_seconds)


@dataclass(frozen=True)
class Peak:
    """What a device can do at best. Units: float32 FLOP/s of a matrix product, bytes read and written by a copy a s."""

    flops_per_second: float | None = None
    bytes_per_second: float | None = None


def peak(worker: Worker, device_kind: DeviceKind = DeviceKind.CPU) -> Peak:
    """The best float32 matrix product, and a GPU's best copy; None where nothing is told, or a scripted clock says 0.

    Raises: WorkerFailed; WorkerRefused where it cannot measure its device.
    """
    head = worker.request("peak", deadline_seconds=_PEAK_SECONDS, device_kind=device_kind.value).head
    rates = {name: head.get(name) for name in ("flops_per_second", "bytes_per_second")}
    return Peak(
        **{name: float(rate) if isinstance(rate, (int, float)) and rate > 0 else None for name, rate in rates.items()}
    )


def to_wire(case: Case) -> dict[str, Any]:
    """The flat case object of docs/workers.md.

    Raises: InvalidProblem for a case without a problem or a pass.
    """
    problem = case.problem
    if problem is None or case.pass_ is None or case.algorithm is None:
        raise InvalidProblem(
            f"{case.key}: a worker needs a problem, a pass and an algorithm; use an in-process source instead"
        )
    return {
        "workload": case.workload,
        "pass": case.pass_.value,
        "algorithm": case.algorithm.value,
        "dtype": case.dtype.value,
        "layout": case.layout.value,
        "device_kind": case.device_kind.value,
        "device_count": case.device_count,
        "threads": case.threads,
        "options": dict(case.options),
        **{name: getattr(problem, name) for name in ("n", "c", "h", "w", "k", "r", "s", "groups")},
        **{name: list(getattr(problem, name)) for name in ("stride", "pad", "dilation")},
    }


class RemoteCase:
    """A prepared case in a worker; fulfils `Source`. Units: first_call_ns is wall time, `output` the first result."""

    flips = True

    def __init__(self, worker: Worker, case: Case, answer: Answer, deadline_seconds: float) -> None:
        self.worker = worker
        self._base_seconds = deadline_seconds
        self.control = str(
            worker.hello.get("device_control" if case.device_kind is DeviceKind.CUDA else "control") or ""
        )
        self.resolved = self._with_memory(self._resolved(answer.head.get("resolved")), answer.head.get("memory"))
        self.first_call_ns = self._count("prepare", "first_call_ns", answer.head.get("first_call_ns"))
        # Operands moved, compiled, the fastest of several chosen: what the first call has behind it.
        prepare_ns = answer.head.get("prepare_ns")
        self.prepare_ns = None if prepare_ns is None else self._count("prepare", "prepare_ns", prepare_ns)
        self.output = self._output("prepare", answer)
        self._workload_ns, self._control_ns = self.first_call_ns, 0
        self.is_new_process = not worker.has_timed
        self._is_held = True

    def estimate(self, clock: Clock) -> tuple[int, int]:
        """Nanoseconds of one workload call and of one control unit, each after one that is not counted."""
        seconds = self._deadline(2 * self._workload_ns)
        head = self.worker.request("estimate", deadline_seconds=seconds, clock=clock.value).head
        self._workload_ns = self._count("estimate", "workload_ns", head.get("workload_ns"))
        self._control_ns = self._count("estimate", "control_ns", head.get("control_ns"))
        return self._workload_ns, self._control_ns

    def time(self, *, samples: int, warmup: int, repeats: int, control_units: int, clock: Clock, flip: bool) -> Timed:
        """So many pairs after so many warm-up calls; `flip` negates the first operand before."""
        expected_ns = (warmup + samples * repeats) * self._workload_ns + (
            warmup + samples * control_units
        ) * self._control_ns
        self.worker.has_timed = True
        answer = self.worker.request(
            "time",
            deadline_seconds=self._deadline(expected_ns),
            samples=samples,
            warmup=warmup,
            repeats=repeats,
            control_units=control_units,
            clock=clock.value,
            flip=flip,
        )
        return Timed(
            workload_ns=self._samples(answer, "workload_ns", samples),
            control_ns=self._samples(answer, "control_ns", samples),
            wall_ns=self._samples(answer, "wall_ns", samples),
            sweep_ns=self._samples(answer, "sweep_ns", samples) if "sweep_ns" in answer.arrays else (),
            probe_ns=self._samples(answer, "probe_ns", samples) if "probe_ns" in answer.arrays else (),
            quiet_ns=self._count("time", "quiet_ns", answer.head.get("quiet_ns", 0)),
        )

    def last_output(self) -> Array:
        """Result of the last call that ran, timed ones included; NCHW / KCRS."""
        return self._output("output", self.worker.request("output", deadline_seconds=self._deadline(0)))

    def release(self) -> None:
        """Drop the case in the worker, if that still lives and has it; it is asked once."""
        held, self._is_held = self._is_held, False
        if held and self.worker.alive:
            self.worker.request("release", deadline_seconds=self._deadline(0))
            self.worker.subject = ""

    def _deadline(self, expected_ns: int) -> float:
        return self._base_seconds + _PATIENCE * expected_ns * 1e-9

    def _resolved(self, value: Any) -> Resolved:
        if not isinstance(value, dict):
            raise self._failure(
                "prepare", f"resolved={value!r}; expected an object with algorithm, name, tile, workspace_bytes"
            )
        word = value.get("algorithm")
        if word not in (None, "unknown", *Algorithm):
            raise self._failure(
                "prepare", f"resolved algorithm {word!r}; expected one of {', '.join(Algorithm)} or null"
            )
        sizes = {name: value.get(name) for name in ("tile", "workspace_bytes")}
        checked = {name: None if size is None else self._count("prepare", name, size) for name, size in sizes.items()}
        return Resolved(
            None if word in (None, "unknown") else Algorithm(word), str(value.get("name") or "unknown"), **checked
        )

    def _with_memory(self, resolved: Resolved, memory: Any) -> Resolved:
        """The same with the device memory that an adapter may tell beside it."""
        if memory is None:
            return resolved
        if not isinstance(memory, dict):
            raise self._failure("prepare", f"memory={memory!r}; expected an object with peak_bytes, workspace_bytes")
        told = {name: memory.get(name) for name in ("peak_bytes", "workspace_bytes")}
        known = {name: self._count("prepare", name, value) for name, value in told.items() if value is not None}
        return replace(
            resolved,
            peak_bytes=known.get("peak_bytes"),
            workspace_bytes=known.get("workspace_bytes", resolved.workspace_bytes),
        )

    def _output(self, request: str, answer: Answer) -> Array:
        output = answer.arrays.get("output")
        if output is None or output.dtype.kind != "f":
            raise self._failure(
                request, f"array 'output' is {'missing' if output is None else output.dtype}; expected floating point"
            )
        return output

    def _count(self, request: str, name: str, value: Any) -> int:
        if type(value) is not int or value < 0:
            raise self._failure(request, f"{name}={value!r}; expected a whole number of at least 0")
        return value

    def _samples(self, answer: Answer, name: str, count: int) -> tuple[int, ...]:
        values = answer.arrays.get(name)
        if values is None or values.dtype != np.int64 or values.shape != (count,) or (values < 0).any():
            got = (
                "nothing"
                if values is None
                else f"{values.dtype} of shape {values.shape}, values {values.ravel()[:3].tolist()}…"
            )
            raise self._failure("time", f"array {name!r} is {got}; expected {count} int64 nanoseconds of at least 0")
        return tuple(values.tolist())

    def _failure(self, request: str, why: str) -> Exception:
        return self.worker.failure(request, f"its answer cannot be used: {why}")
