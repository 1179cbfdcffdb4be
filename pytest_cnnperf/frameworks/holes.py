"""Why a framework does not offer a case: the reason that stands in the coverage matrix."""

from __future__ import annotations

from collections.abc import Iterable

from ..cases import Case, Pass
from .spec import FrameworkSpec, Offer


def hole(spec: FrameworkSpec, case: Case) -> str | None:
    """Why this framework does not offer this case; None when it does.

    Asked in this order: the framework's word on the algorithm, devices, options, the offer's own limit, passes,
    layouts, types.
    """
    offer = spec.offer_for(case)
    return offer.limit(case) if offer is not None else _why_no_offer(spec, case)


def _why_no_offer(spec: FrameworkSpec, case: Case) -> str:
    assert case.algorithm is not None, case.key
    if case.algorithm in spec.absent:
        return spec.absent[case.algorithm]
    same_algorithm = [offer for offer in spec.offers if offer.algorithm is case.algorithm]
    if not same_algorithm:
        return f"{spec.title} offers no {case.algorithm}; it offers {_listed(offer.algorithm for offer in spec.offers)}"
    offers = [offer for offer in same_algorithm if offer.device_kind is case.device_kind]
    if not offers:
        kinds = _listed(offer.device_kind for offer in same_algorithm)
        return f"{spec.title} offers {case.algorithm} on {kinds}, not on {case.device_kind}"
    variants = [offer for offer in offers if offer.options == case.options]
    if not variants:
        known = "; ".join(dict.fromkeys(spelled(offer.options) for offer in offers))
        return f"{spec.title} offers {case.algorithm} with {known}, not with {spelled(case.options)}"
    # A limit knows best why an algorithm lacks a pass; the plain words below are for offers that do not say.
    reasons = (offer.limit(case) for offer in variants)
    return next((reason for reason in reasons if reason), None) or _pass_layout_or_type(spec, case, variants)


def _pass_layout_or_type(spec: FrameworkSpec, case: Case, offers: list[Offer]) -> str:
    passes = [pass_ for pass_ in Pass if any(pass_ in offer.passes for offer in offers)]
    if case.pass_ not in passes:
        return f"{spec.title} offers {case.algorithm} for {_listed(passes)}, not for {case.pass_}"
    layouts = [layout for offer in offers for layout in offer.layouts]
    if case.layout not in layouts:
        return f"{spec.title} offers {case.algorithm} in {_listed(layouts)}, not in {case.layout}"
    dtypes = (dtype for offer in offers for dtype in offer.dtypes)
    return f"dtype {case.dtype}: {spec.title} offers {case.algorithm} in {_listed(dtypes)} here"


def spelled(options: Iterable[tuple[str, str]]) -> str:
    """A case's options as in its key."""
    return ",".join("=".join(option) for option in options) or "no option"


def _listed(words: Iterable[object]) -> str:
    return ", ".join(dict.fromkeys(map(str, words)))
