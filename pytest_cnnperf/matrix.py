"""From tables of layers to cases: the rows that can run, and the holes with their reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from .algorithms import constraint
from .cases import CONVOLUTION, Algorithm, Case, Clock, DeviceKind, Pass
from .cases.networks import Network
from .frameworks.holes import hole
from .frameworks.registry import Registry
from .frameworks.spec import FrameworkSpec, Offer
from .measuring.lease import cores
from .report.outcome import Hole
from .settings import Settings


@dataclass(frozen=True)
class Matrix:
    """The cases of one test function, in the order in which they run, and what is not among them."""

    cases: tuple[Case, ...]
    holes: tuple[Hole, ...]


def convolutions(networks: Iterable[Network], registry: Registry, settings: Settings) -> Matrix:
    """Every convolution of these networks that the chosen frameworks can be asked for.

    Cases stand grouped by framework and worker environment, so that a live worker serves as many as possible in a row.
    """
    networks = tuple(networks)
    cases: list[Case] = []
    holes: Counter[Hole] = Counter()
    for spec in _chosen(registry, settings):
        missing = registry.missing(spec)
        for algorithm in settings.algorithms or tuple(Algorithm):
            offers = [offer for offer in spec.offers if offer.algorithm is algorithm]
            if not offers:
                why = spec.absent.get(algorithm, f"{spec.title} has no {algorithm}")
                for pass_ in _passes(settings):
                    holes[Hole(spec.name, algorithm.value, why, pass_=pass_.value)] += _table_size(networks, settings)
            for case in _cases(spec, offers, networks, settings):
                reason = missing or hole(spec, case) or _impossible(case) or _left_out(spec, case, settings)
                if reason is None:
                    cases.append(case)
                else:
                    assert case.pass_ is not None
                    holes[Hole(spec.name, algorithm.value, reason, pass_=case.pass_.value)] += 1
    return Matrix(tuple(cases), tuple(replace(hole, count=count) for hole, count in holes.items()))


def _chosen(registry: Registry, settings: Settings) -> Iterator[FrameworkSpec]:
    for name in settings.frameworks or tuple(registry):
        yield registry.get(name)


def _passes(settings: Settings) -> tuple[Pass, ...]:
    return settings.passes or tuple(Pass)


def _batches(settings: Settings) -> tuple[int, ...]:
    return settings.batches or settings.preset.batches


def _table_size(networks: tuple[Network, ...], settings: Settings) -> int:
    return sum(len(network.layers) for network in networks) * len(_batches(settings))


def _cases(
    spec: FrameworkSpec, offers: list[Offer], networks: tuple[Network, ...], settings: Settings
) -> Iterator[Case]:
    ways = {(offer.device_kind, layout): None for offer in offers for layout in offer.layouts}
    for (device_kind, layout), batch, network in product(ways, _batches(settings), networks):
        for threads, devices in _sizes(device_kind, settings):
            clock = _clock(device_kind, threads, devices)
            for layer, pass_ in product(network.layers, _passes(settings)):
                yield Case(
                    framework=spec.name,
                    workload=CONVOLUTION,
                    network=network.name,
                    layer=layer.name,
                    problem=layer.problem.with_batch(batch),
                    pass_=pass_,
                    algorithm=offers[0].algorithm,
                    layout=layout,
                    device_kind=device_kind,
                    device_count=devices,
                    threads=threads,
                    clock=clock,
                )


def _sizes(device_kind: DeviceKind, settings: Settings) -> Iterable[tuple[int, int]]:
    """Pairs (threads, device count); threads of the host are no size of a GPU's work."""
    return product(settings.threads if device_kind is DeviceKind.CPU else (1,), settings.device_counts)


def _clock(device_kind: DeviceKind, threads: int, devices: int) -> Clock:
    if device_kind is DeviceKind.CUDA:
        return Clock.DEVICE_COLD
    return Clock.PROCESS_CPU if threads == 1 and devices == 1 else Clock.WALL


def _impossible(case: Case) -> str | None:
    """Why nobody can run this case here: too many devices or threads for it, or the algorithm cannot compute it."""
    if case.device_count > 1:
        return f"a convolution is the work of one device, not of {case.device_count}"
    if case.threads > len(cores()):
        return f"{case.threads} threads need as many cores, and this process may use {len(cores())}"
    assert case.algorithm is not None
    assert case.problem is not None
    assert case.pass_ is not None
    return constraint(case.algorithm, case.problem, case.pass_)


def _left_out(spec: FrameworkSpec, case: Case, settings: Settings) -> str | None:
    """Why the preset does not ask for a case that the framework offers."""
    offer = spec.offer_for(case)
    if settings.preset.every_layout or offer is None or case.layout is offer.layouts[0]:
        return None
    return f"the preset {settings.preset.name} asks for {offer.layouts[0]} only, not for {case.layout}"


def merged(holes: Iterable[Mapping[str, object] | Hole]) -> tuple[Hole, ...]:
    """Equal holes of several test functions or xdist workers as one, the larger count kept."""
    largest: dict[Hole, int] = {}
    for each in holes:
        one = each if isinstance(each, Hole) else Hole(**each)  # type: ignore[arg-type]
        name = replace(one, count=1)
        largest[name] = max(one.count, largest.get(name, 0))
    return tuple(replace(name, count=count) for name, count in largest.items())
