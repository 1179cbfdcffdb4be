"""From tables of layers to cases: the rows that can run, and the holes with their reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from .algorithms import constraint
from .cases import CONVOLUTION, Algorithm, Case, Clock, DeviceKind, DType, Layout, Pass
from .cases.networks import Network
from .frameworks.fitting import why_too_large
from .frameworks.holes import hole, spelled
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


@dataclass(frozen=True)
class Way:
    """How a layer may be computed: all of a case that is neither its problem nor the size of its machine."""

    device_kind: DeviceKind
    options: tuple[tuple[str, str], ...]
    layout: Layout
    dtype: DType
    clocks: tuple[Clock, ...]


def convolutions(
    networks: Iterable[Network], registry: Registry, settings: Settings, *, gpu_memory_bytes: int | None = None
) -> Matrix:
    """Every convolution of these networks that the chosen frameworks can be asked for.

    `gpu_memory_bytes` is that of the smallest GPU that may be leased, None where there is none or nobody knows. Cases
    stand grouped by framework and worker environment, so that a live worker serves as many as possible in a row.
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
                reason = (
                    missing
                    or hole(spec, case)
                    or _impossible(case)
                    or _left_out(spec, case, settings)
                    or why_too_large(case, gpu_memory_bytes)
                )
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


def _batches(device_kind: DeviceKind, settings: Settings) -> tuple[int, ...]:
    preset = settings.preset
    return settings.batches or (preset.gpu_batches if device_kind is DeviceKind.CUDA else preset.batches)


def _table_size(networks: tuple[Network, ...], settings: Settings) -> int:
    return sum(len(network.layers) for network in networks) * len(_batches(DeviceKind.CPU, settings))


def _ways(offers: list[Offer], settings: Settings) -> Iterator[Way]:
    """The ways of these offers, each once; offers for other passes of the same way add none."""
    ways = {
        Way(offer.device_kind, offer.options, layout, dtype, _clocks(offer, settings)): None
        for offer in offers
        for layout in offer.layouts
        for dtype in _dtypes(offer, settings)
    }
    yield from ways


def _dtypes(offer: Offer, settings: Settings) -> tuple[DType, ...]:
    """On the CPU other types must be asked for: they take their time, and training is done in float32."""
    if settings.dtypes:
        return settings.dtypes
    return offer.dtypes if offer.device_kind is DeviceKind.CUDA else offer.dtypes[:1]


def _clocks(offer: Offer, settings: Settings) -> tuple[Clock, ...]:
    """Those that were chosen, or the only one of a framework that cannot time on the device's own clock."""
    if offer.device_kind is DeviceKind.CPU:
        return ()
    return tuple(clock for clock in settings.clocks if clock in offer.clocks) or offer.clocks[:1]


def _cases(
    spec: FrameworkSpec, offers: list[Offer], networks: tuple[Network, ...], settings: Settings
) -> Iterator[Case]:
    for way in _ways(offers, settings):
        sizes = product(_batches(way.device_kind, settings), networks, _sizes(way, settings))
        for batch, network, (threads, devices, clock) in sizes:
            for layer, pass_ in product(network.layers, _passes(settings)):
                yield Case(
                    framework=spec.name,
                    workload=CONVOLUTION,
                    network=network.name,
                    layer=layer.name,
                    problem=layer.problem.with_batch(batch),
                    pass_=pass_,
                    algorithm=offers[0].algorithm,
                    dtype=way.dtype,
                    layout=way.layout,
                    device_kind=way.device_kind,
                    device_count=devices,
                    threads=threads,
                    clock=clock,
                    options=way.options,
                )


def _sizes(way: Way, settings: Settings) -> list[tuple[int, int, Clock]]:
    """Threads, device count and clock; threads of the host are no size of a GPU's work."""
    if way.device_kind is DeviceKind.CUDA:
        return [(1, devices, clock) for devices, clock in product(settings.device_counts, way.clocks)]
    sizes = product(settings.threads, settings.device_counts)
    return [(threads, devices, _cpu_clock(threads, devices)) for threads, devices in sizes]


def _cpu_clock(threads: int, devices: int) -> Clock:
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
    if settings.preset.every_layout or offer is None:
        return None
    says = f"the preset {settings.preset.name} asks for"
    if case.layout is not offer.layouts[0]:
        return f"{says} {offer.layouts[0]} only, not for {case.layout}"
    if not settings.dtypes and case.dtype is not offer.dtypes[0]:
        return f"{says} {offer.dtypes[0]} only; next: --cnnperf-dtypes={case.dtype}"
    if offer.is_extra:
        return f"{says} no {spelled(case.options)}; nightly and paper do"
    return None


def merged(holes: Iterable[Mapping[str, object] | Hole]) -> tuple[Hole, ...]:
    """Equal holes of several test functions or xdist workers as one, the larger count kept."""
    largest: dict[Hole, int] = {}
    for each in holes:
        one = each if isinstance(each, Hole) else Hole(**each)  # type: ignore[arg-type]
        name = replace(one, count=1)
        largest[name] = max(one.count, largest.get(name, 0))
    return tuple(replace(name, count=count) for name, count in largest.items())
