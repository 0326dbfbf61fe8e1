"""Uncertainty of a comparison: each chip at its best deployments under the same samples."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dse.chips.architecture import before_architecture
from dse.chips.price_basis import group_of
from dse.decide.compare.result import ComparedChip
from dse.decide.uncertainty.quantiles import SampledDesigns, Spread, design_key, sample_designs, spreads_of
from dse.evaluate.estimate import Subject
from dse.plugins import objective
from dse.question.resolved_study import ResolvedStudy, resolve_study
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.study import StudySpec
from objectives import api

GOALS = ("usd_per_token_per_second", "tpot")


def study_of(subject: Subject, catalog: Catalog) -> ResolvedStudy:
    """One chip as the one baseline of a study: its numbers as they were set, so that they can be drawn."""
    # as it was compared: a chip without a listed price at its unit cost
    price = "unit-cost" if subject.unpriced else subject.price.method
    sold = subject.software == "as-sold"
    spec = StudySpec.model_validate(
        {
            "kind": "study",
            "name": "compare",
            "title": "compare",
            "question": "compare",
            "llm": subject.llm.name,
            "workload": subject.workload.name,
            "precision": subject.precision.model_dump(),
            # sweep, lists, budget and reference point only make the study valid: rows bring their deployments
            "sweep": {"objective": "tpot", "low": "1 us", "high": "1000 s"},
            "cost_model": subject.cost_model.name,
            # other software has a stack of its own, and a study refuses both
            "stack": subject.stack.name if sold else None,
            "software": subject.software,
            "deployment": {"mode": "solve", "batch": [1], "tp": [1], "pp": [1]},
            "price": {**subject.price.model_dump(exclude_none=True), "method": price},
            "objectives": list(GOALS),
            # no limits are left where the user has lifted those of the workload
            "workload_targets": bool(subject.limits),
            "baselines": [subject.chip.name],
            "budget": {"trials": 1},
            "seed": 1,
            "reference_point": {"usd_per_token_per_second": "1e9 USD/(token/s)", "tpot": "1e9 s"},
        }
    )
    # the study puts the stack on the architecture of the chip, where that of the subject is already
    stack = before_architecture(subject.stack, subject.chip.architecture, catalog)
    # as `--set` has changed them, not as their files are
    own = (subject.llm_spec, subject.workload, subject.chip, stack, subject.network)
    # there is no such file: its name is for messages
    return resolve_study(spec, Path("compare"), catalog.with_overrides(own))


def comparison_spreads(
    rows: Sequence[ComparedChip],
    subjects: Mapping[str, Subject],
    limits: Sequence[float],
    catalog: Catalog,
    samples: int,
    seed: int = 1,
) -> tuple[dict[str, Spread], ...]:
    """For each target [s] the chips that meet it, each compared with the others on its price basis."""
    serve = [c for c in rows if c.chip in subjects and any(e is not None for e in c.best)]
    # each by itself: a number that chips share is drawn alike, since its order comes from its name
    sampled = {c.chip: _drawn(c, subjects[c.chip], catalog, samples, seed) for c in serve}
    out = []
    for i, limit in enumerate(limits):
        found: dict[str, Spread] = {}
        there = [c for c in rows if c.chip in sampled and c.best[i] is not None]
        # chances are shares among chips that rank against each other
        for group in dict.fromkeys(group_of(c.basis) for c in there):
            names = [c.chip for c in there if group_of(c.basis) == group]
            columns_of = [_column(sampled[c.chip], c, i, limit) for c in there if c.chip in names]
            # (samples,) of each chip, side by side: (samples, chips)
            value, meets, tpot = (np.stack(columns, axis=1) for columns in zip(*columns_of, strict=True))
            found |= dict(zip(names, spreads_of(value, meets, tpot), strict=True))
        out.append(found)
    return tuple(out)


def _drawn(
    c: ComparedChip, subject: Subject, catalog: Catalog, samples: int, seed: int
) -> tuple[ResolvedStudy, SampledDesigns]:
    study = study_of(subject, catalog)
    # targets may share a deployment, which is then drawn once
    rows = [_row(c, i) for i, e in enumerate(c.best) if e is not None]
    return study, sample_designs(study, rows, [objective(n) for n in GOALS], samples, seed)


def _row(c: ComparedChip, i: int) -> dict[str, object]:
    e = c.best[i]
    return {"role": "baseline", "chip": c.chip, "trial": 0, **(e.deployment if e is not None else {})}


def _column(
    found: tuple[ResolvedStudy, SampledDesigns], c: ComparedChip, i: int, limit: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """$/(token/s), whether it meets the target, and TPOT [s], of shape (samples,) each."""
    study, sampled = found
    at = sampled.keys.index(design_key(study, _row(c, i)))
    # columns in the order of `GOALS`
    tpot = sampled.values[:, at, 1]
    late = api.violation(sampled.goals[1], tpot, limit)
    return sampled.values[:, at, 0], sampled.feasible[:, at] & (late <= 0.0), tpot
