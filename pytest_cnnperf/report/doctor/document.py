"""The examination as one JSON document, schema 1."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from ...cases import DeviceKind
from ...frameworks.spec import Offer
from ...host.checkup import Checkup
from ...measuring.gpus import Gpu
from .examination import Device, Examination, Surroundings, devices

SCHEMA = 1


def as_json(examination: Examination) -> str:
    """The document's text; keys are sorted, frameworks stand in the registry's order."""
    return json.dumps(document(examination), indent=1, sort_keys=True, allow_nan=False)


def document(examination: Examination) -> dict[str, Any]:
    """Only text, numbers, lists and nulls; a name that is there once is there always."""
    surroundings = examination.surroundings
    return {
        "schema": SCHEMA,
        "pytest_cnnperf": surroundings.package,
        "python": surroundings.python,
        "baselines": {
            "cpu": surroundings.machine.slug,
            "cuda": surroundings.machine.slug_for(DeviceKind.CUDA) if surroundings.gpus.gpus else None,
        },
        "machine": _machine(surroundings),
        "conditions": [
            {
                "name": each.name,
                "value": each.value,
                "hint": each.hint or None,
                "command": each.command or None,
            }
            for each in surroundings.conditions
        ],
        "frameworks": [_framework(checkup, surroundings) for checkup in examination.checkups],
    }


def _machine(surroundings: Surroundings) -> dict[str, Any]:
    processor = surroundings.processor
    return {
        "cpu_model": surroundings.machine.cpu_model,
        "cores": surroundings.machine.cores,
        "usable_cores": list(surroundings.usable_cores),
        "sockets": processor.sockets,
        "physical_cores": processor.physical_cores,
        "threads_per_core": processor.threads_per_core,
        "caches": [asdict(cache) for cache in processor.caches],
        "vectors": list(processor.vectors),
        "is_virtual": processor.is_virtual,
        "memory_bytes": surroundings.machine.memory_bytes,
        "memory_limit_bytes": surroundings.memory_limit_bytes,
        "gpus": [_gpu(gpu) for gpu in surroundings.gpus.gpus],
        "gpus_looked_for": surroundings.gpus.looked_for,
        "gpu_driver": surroundings.gpu_driver,
        "system": surroundings.system,
    }


def _gpu(gpu: Gpu) -> dict[str, Any]:
    return {"uuid": gpu.uuid, "name": gpu.name, "index": gpu.index, "memory_bytes": gpu.memory_bytes}


def _framework(checkup: Checkup, surroundings: Surroundings) -> dict[str, Any]:
    spec, hello, ailment = checkup.spec, checkup.hello, checkup.ailment
    return {
        "name": spec.name,
        "title": spec.title,
        "state": checkup.state.value,
        "usable": ailment is None,
        "reason": None if ailment is None else ailment.reason,
        "next_command": None if ailment is None else ailment.command,
        "detail": None if ailment is None else ailment.detail or None,
        "started_by": list(spec.command) or None,
        "start_seconds": None if checkup.start_seconds is None else round(checkup.start_seconds, 3),
        "version": None if hello is None else hello.version,
        "python": None if hello is None else hello.python,
        "numpy": None if hello is None else hello.numpy,
        "threads": None if hello is None else hello.threads,
        "libraries": {} if hello is None else dict(hello.libraries),
        "loaded": {} if hello is None else dict(hello.loaded),
        "devices": [_device(each) for each in devices(checkup, surroundings)],
        "parallelism": list(spec.parallelism),
        "offers": [_offer(offer) for offer in spec.offers],
        "absent": {algorithm.value: reason for algorithm, reason in spec.absent.items()},
    }


def _device(device: Device) -> dict[str, Any]:
    usable = device.why_not is None
    return {"kind": device.kind.value, "count": device.count, "usable": usable, "why_not": device.why_not}


def _offer(offer: Offer) -> dict[str, Any]:
    return {
        "algorithm": offer.algorithm.value,
        "passes": sorted(pass_.value for pass_ in offer.passes),
        "layouts": [layout.value for layout in offer.layouts],
        "device_kind": offer.device_kind.value,
        "environment": dict(offer.environment),
    }
