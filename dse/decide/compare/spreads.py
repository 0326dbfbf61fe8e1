"""How sure a comparison is: each chip at its best deployments under the same drawings."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dse.decide.compare.price_groups import group_of
from dse.decide.compare.result import Compared
from dse.decide.uncertainty.quantiles import Drawn, Spread, drawn_designs, key_of, spreads_of
from dse.evaluate.estimate import Subject
from dse.plugins import objective
from dse.question.resolved_study import ResolvedStudy, resolve_study
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.study import StudySpec
from objectives import api

GOALS = ("usd_per_token_per_second", "tpot")


def study_of(subject: Subject, catalog: Catalog) -> ResolvedStudy:
    """One chip as the one baseline of a study: its numbers as they were set, so that they can be drawn."""
    price = "unit-cost" if subject.unpriced else subject.price.method
    sold = subject.software == "as-sold"
    spec = StudySpec.model_validate({
        "kind": "study", "name": "compare", "title": "compare", "question": "compare",
        "llm": subject.llm.name, "workload": subject.workload.name,
        "precision": subject.precision.model_dump(),
        "sweep": {"objective": "tpot", "low": "1 us", "high": "1000 s"},
        "cost_model": subject.cost_model.name, "stack": subject.stack.name if sold else None,
        "software": subject.software, "deployment": {"mode": "solve", "batch": [1], "tp": [1], "pp": [1]},
        "price": {**subject.price.model_dump(exclude_none=True), "method": price}, "objectives": list(GOALS),
        "workload_targets": bool(subject.targets), "baselines": [subject.chip.name],
        "budget": {"trials": 1}, "seed": 1,
        "reference_point": {"usd_per_token_per_second": "1e9 USD/(token/s)", "tpot": "1e9 s"},
    })  # fmt: skip
    own = (subject.llm_spec, subject.workload, subject.chip, subject.stack, subject.network)
    return resolve_study(spec, Path("compare"), catalog.exchanging(own))


def compared_spreads(
    rows: Sequence[Compared],
    subjects: Mapping[str, Subject],
    limits: Sequence[float],
    catalog: Catalog,
    samples: int,
    seed: int = 1,
) -> tuple[dict[str, Spread], ...]:
    """For each target [s] the chips that meet it, each beside the others of its basis of prices."""
    serve = [c for c in rows if c.chip in subjects and any(e is not None for e in c.best)]
    drawn = {c.chip: _drawn(c, subjects[c.chip], catalog, samples, seed) for c in serve}
    out = []
    for i, limit in enumerate(limits):
        found: dict[str, Spread] = {}
        there = [c for c in rows if c.chip in drawn and c.best[i] is not None]
        for group in dict.fromkeys(group_of(c.basis) for c in there):
            names = [c.chip for c in there if group_of(c.basis) == group]
            told = [_column(drawn[c.chip], c, i, limit) for c in there if c.chip in names]
            value, meets, tpot = (np.stack(columns, axis=1) for columns in zip(*told, strict=True))
            found |= dict(zip(names, spreads_of(value, meets, tpot), strict=True))
        out.append(found)
    return tuple(out)


def _drawn(
    c: Compared, subject: Subject, catalog: Catalog, samples: int, seed: int
) -> tuple[ResolvedStudy, Drawn]:
    study = study_of(subject, catalog)
    rows = [_row(c, i) for i, e in enumerate(c.best) if e is not None]
    return study, drawn_designs(study, rows, [objective(n) for n in GOALS], samples, seed)


def _row(c: Compared, i: int) -> dict[str, object]:
    e = c.best[i]
    return {"role": "baseline", "chip": c.chip, "trial": 0, **(e.deployment if e is not None else {})}


def _column(
    found: tuple[ResolvedStudy, Drawn], c: Compared, i: int, limit: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """$/(token/s), whether it meets the target, and TPOT [s], of shape (samples,) each."""
    study, drawn = found
    at = drawn.keys.index(key_of(study, _row(c, i)))
    tpot = drawn.values[:, at, 1]
    late = api.violation(drawn.goals[1], tpot, limit)
    return drawn.values[:, at, 0], drawn.feasible[:, at] & (late <= 0.0), tpot
