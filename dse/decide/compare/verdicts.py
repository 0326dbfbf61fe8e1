"""Verdicts of a comparison: the cheapest chip under each software, and the time a layer that turns it."""

from collections.abc import Mapping, Sequence

import numpy as np

from dse.arrays import Floats
from dse.chips.interval import shares_experts
from dse.chips.price_basis import group_of
from dse.choose.rule import TOLERANCE
from dse.choose.solve import Found
from dse.decide.compare.evaluated_chip import EvaluatedChip
from dse.decide.compare.result import ComparedChip
from dse.decide.verdict.by_software import (
    Dependence,
    Flip,
    Verdict,
    Verdicts,
    dependence,
    flip_of,
    largest_layer_s,
    nobody,
    within,
)
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.software import SOFTWARE

Under = Mapping[str, Mapping[str, EvaluatedChip]]
"""Chip, then software, to the chip under it."""


def verdicts_of(
    chips: Sequence[ComparedChip], under: Under, limits: Sequence[float], catalog: Catalog
) -> Verdicts:
    """The winner of each basis of prices at each target [s] under each software.

    `under` holds the chips that may win.
    """
    kinds, top = {c.chip: c.kind for c in chips}, largest_layer_s(catalog)
    verdicts: list[Verdict] = []
    depends: list[Dependence] = []
    for group in dict.fromkeys(group_of(c.basis) for c in chips if c.gap is None):
        own = {c.chip: under[c.chip] for c in chips if c.chip in under and group_of(c.basis) == group}
        # all targets at once, since one evaluation of the grid serves them
        found = {s: {chip: each[s].at(limits) for chip, each in own.items()} for s in SOFTWARE}
        for i, limit in enumerate(limits):
            each = [
                _verdict(own, kinds, s, limit, {c: each[i] for c, each in found[s].items()}, group)
                for s in SOFTWARE
            ]
            # a flip takes dozens of evaluations, so it is solved only where the winner changes
            flip = _flip(own, limit, top) if len({v.winner for v in each}) > 1 else None
            verdicts += each
            depends.append(dependence(limit, group, [(v.winner, v.tied_with) for v in each], flip, top))
    return Verdicts(verdicts=tuple(verdicts), dependence=tuple(depends))


def _verdict(
    own: Under,
    kinds: Mapping[str, str],
    software: str,
    limit: float,
    found: Mapping[str, Found | None],
    group: str,
) -> Verdict:
    """The cheapest chip under one software at one target, its 80 % interval and its nearest tie."""
    values = {chip: np.inf if best is None else float(best.cost[0]) for chip, best in found.items()}
    # no chip on this basis of prices may win where none of them is anchored
    best = min(values, key=lambda chip: values[chip]) if values else None
    if best is None or not np.isfinite(values[best]):
        return nobody(limit, software, group)
    subject, system = own[best][software].subject, found[best]
    # replicas that share experts are less certain than one
    joined = system is not None and shares_experts(subject.llm, system.deployments)
    low, high = within(values[best], subject.trusted(joined=joined))
    # a comparison has no study that sets a tolerance, so the usual one holds
    near = {chip: v for chip, v in values.items() if chip != best and v <= values[best] * (1.0 + TOLERANCE)}
    return Verdict(
        target=limit,
        software=software,
        winner=best,
        kind=kinds[best],
        value=values[best],
        low=low,
        high=high,
        basis=group,
        tied_with=min(near, key=lambda chip: near[chip], default=None),
    )


def _flip(own: Under, limit: float, top: float) -> Flip | None:
    """Where the winner changes as chips that lose nothing else take more time a layer."""

    def costs(times: Floats) -> Floats:
        # of shape (times, chips)
        return np.stack([each["ideal"].costs_over(times, limit) for each in own.values()], axis=1)

    return flip_of(costs, list(own), top)
