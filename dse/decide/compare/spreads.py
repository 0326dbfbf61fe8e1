"""Uncertainty of a comparison: chips and systems at their best deployments under the same samples."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dse.chips.price_basis import group_of
from dse.decide.compare.as_study import GOALS, study_of
from dse.decide.compare.result import ComparedChip
from dse.decide.compare.system_draws import Column, DrawnPool, drawn_system
from dse.decide.compare.systems import ComparedSystem
from dse.decide.uncertainty.quantiles import Spread, design_key, sample_designs, spreads_of
from dse.evaluate.subject import Subject
from dse.plugins import objective
from dse.spec.catalog.lookup import Catalog
from objectives import api


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    """A chip or a system under all samples."""

    name: str
    group: str
    """What it ranks among."""
    ranked: bool
    """Whether it may take samples from others."""
    columns: tuple[Column | None, ...]
    """At each target; None where it serves none."""


def comparison_spreads(
    rows: Sequence[ComparedChip],
    subjects: Mapping[str, Subject],
    limits: Sequence[float],
    catalog: Catalog,
    samples: int,
    seed: int = 1,
    *,
    systems: Sequence[ComparedSystem] = (),
    with_unanchored: bool = False,
) -> tuple[dict[str, Spread], ...]:
    """For each target [s] what meets it, compared with the others that it ranks among.

    Each is drawn by itself: a number that two share is drawn alike, since its order comes from its name. A
    system of unanchored chips that may not win takes no sample from others, and has no chance of its own.
    """
    drawn = [
        _chip(c, subjects[c.chip], limits, catalog, samples, seed)
        for c in rows
        if c.chip in subjects and any(e is not None for e in c.best)
    ]
    known: dict[tuple[str, ...], DrawnPool] = {}
    drawn += [
        _Drawn(
            name=s.name,
            group=s.group,
            ranked=with_unanchored or s.unanchored is None,
            columns=drawn_system(s.system, s.best, limits, samples, seed, known),
        )
        for s in systems
        if any(e is not None for e in s.best)
    ]
    return tuple(dict(_at_target(drawn, i)) for i in range(len(limits)))


def _at_target(drawn: Sequence[_Drawn], i: int) -> Iterator[tuple[str, Spread]]:
    """Spreads of all that serve target `i`."""
    there = [(d, column) for d in drawn if (column := d.columns[i]) is not None]
    # chances are shares among those that rank against each other
    for group in dict.fromkeys(d.group for d, _ in there if d.ranked):
        among = [(d, column) for d, column in there if d.ranked and d.group == group]
        yield from zip([d.name for d, _ in among], _spreads([c for _, c in among]), strict=True)
    for d, column in there:
        if not d.ranked:
            (own,) = _spreads([column])
            yield d.name, replace(own, probability_best=float("nan"))


def _spreads(columns: Sequence[Column]) -> list[Spread]:
    # (samples,) of each, one next to the other: (samples, n)
    value, meets, tpot = (np.stack(parts, axis=1) for parts in zip(*columns, strict=True))
    return spreads_of(value, meets, tpot)


def _chip(
    c: ComparedChip, subject: Subject, limits: Sequence[float], catalog: Catalog, samples: int, seed: int
) -> _Drawn:
    """A chip in its deployments."""
    study = study_of(subject, catalog)
    # targets may share a deployment, which is then drawn once
    rows = [_row(c, i) for i, e in enumerate(c.best) if e is not None]
    sampled = sample_designs(study, rows, [objective(n) for n in GOALS], samples, seed)
    columns: list[Column | None] = []
    for i, limit in enumerate(limits):
        if c.best[i] is None:
            columns.append(None)
            continue
        at = sampled.keys.index(design_key(study, _row(c, i)))
        # columns in the order of `GOALS`
        tpot = sampled.values[:, at, 1]
        late = api.violation(sampled.goals[1], tpot, limit)
        columns.append((sampled.values[:, at, 0], sampled.feasible[:, at] & (late <= 0.0), tpot))
    return _Drawn(name=c.chip, group=group_of(c.basis), ranked=True, columns=tuple(columns))


def _row(c: ComparedChip, i: int) -> dict[str, object]:
    e = c.best[i]
    return {"role": "baseline", "chip": c.chip, "trial": 0, **(e.deployment if e is not None else {})}
