"""Designs of a front or of stored trials evaluated again, without the code that searched them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from optuna.trial import FrozenTrial, TrialState

from dse.chips.resolve import chip_columns, chips_of
from dse.question.pools.study import PooledStudy
from dse.question.resolved_study import ResolvedStudy
from dse.spec.schema.chip import ChipSpec
from objectives import api

METRICS = (
    "tpot_s", "ttft_s", "tokens_per_s", "chips", "capex_usd", "usd_per_token_per_s", "usd_per_million_tokens",
)  # fmt: skip


def chip_of_row(study: ResolvedStudy, row: Mapping[str, Any]) -> api.Chips:
    """The chip of a row of a front, built from the parameters in the row alone."""
    name = str(row["chip"])
    return chips_again(
        study, name if row["role"] == "baseline" else name.rpartition("-")[0], pd.DataFrame([row])
    )


def chip_of_trial(study: ResolvedStudy, trial: FrozenTrial) -> api.Chips:
    """The chip of a stored trial; an index i of n steps is low (high / low)^(i / (n - 1)) on a log scale."""
    params = trial.params
    if "chip" in params:
        return chips_of([chip_columns(study.setting.catalog.get(ChipSpec, params["chip"]), study.setting)])
    branch = study.branches[params["branch"]]
    values = {}
    for name, spec in branch.spec.parameters.items():
        at = params[f"{branch.name}.{name}"] / (spec.steps - 1) if spec.steps else 0.0
        log = spec.low * (spec.high / spec.low) ** at
        value = log if spec.scale == "log" else spec.low + (spec.high - spec.low) * at
        values[name] = np.asarray([value if spec.steps else params[f"{branch.name}.{name}"]])
    return branch.chips(values)


def one(
    study: ResolvedStudy,
    chip: api.Chips,
    batch: float,
    tp: float,
    pp: float,
    ep: float = 1.0,
    cp: float = 1.0,
) -> api.Metrics:
    """Metrics of one chip under one deployment, in a call of its own."""
    sizes = {"batch": batch, "tp": tp, "cp": cp, "pp": pp, "ep": ep, "dp": max(ep / (tp * cp), 1.0)}
    deployment = api.Deployments(**{k: np.asarray([float(v)]) for k, v in sizes.items()})
    return study.cost_model.evaluate(api.Designs.of(chips=chip, deployments=deployment), study.context)


def first(column: Any) -> float:
    """The number in a column of one row."""
    return float(np.asarray(column).reshape(-1)[0])


def differences(study: ResolvedStudy, rows: pd.DataFrame, tolerance: float = 1e-9) -> list[str]:
    """Numbers in the rows of a front that the cost model does not say again; rows of one chip in one call."""
    families = rows["chip"].where(rows["role"] == "baseline", rows["chip"].str.rpartition("-")[0])
    return [
        text
        for name, part in rows.groupby(families, sort=False)
        for text in _of_family(study, str(name), part, tolerance)
    ]


def differences_of_pairs(study: PooledStudy, rows: pd.DataFrame, tolerance: float = 1e-9) -> list[str]:
    """The same of the rows of a front of pairs; rows of one pair of families in one call."""
    families = [
        rows[f"{role}.chip"].map(lambda c, p=pool: c if c in p.baselines else c.rpartition("-")[0])
        for role, pool in study.pools.items()
    ]
    return [
        text
        for names, part in rows.groupby(families, sort=False)
        for text in _of_pair(study, dict(zip(study.pools, names, strict=True)), part, tolerance)
    ]


def _of_pair(
    study: PooledStudy, names: Mapping[str, str], rows: pd.DataFrame, tolerance: float
) -> Iterator[str]:
    pools, now = [], {}
    for role, own in study.pools.items():
        part = rows.filter(regex=f"^{role}\\.").rename(columns=lambda c, r=role: c.removeprefix(f"{r}."))
        part = part if "cp" in part else part.assign(cp=1)
        chips = chips_again(
            own, names[role], part.assign(role="baseline" if names[role] in own.baselines else "")
        )
        sizes = {f.name: part[f.name].to_numpy(dtype=float) for f in fields(api.Deployments)}
        pools.append(api.Pool(role=role, chips=chips, deployments=api.Deployments(**sizes)))
        now[f"{role}.price_usd"] = chips.cost.price_usd
    m = study.first.cost_model.evaluate(
        api.Designs(pools=tuple(pools), link=study.link.columns()), study.context
    )
    now |= {name: getattr(m, name) for name in METRICS}
    now |= {f"violation_{name}": v for name, v in m.violations.items()}
    for target in study.first.targets:
        value = target.objective.value(m, study.context)
        now[f"violation_{target.objective.name}"] = api.violation(target.objective, value, target.limit)
    # a violation of nobody may be left out of a table
    rows = rows.assign(**{name: 0.0 for name in now if name.startswith("violation_") and name not in rows})
    yield from _apart(rows, now, " | ".join(names.values()), tolerance)


def chips_again(study: ResolvedStudy, name: str, rows: pd.DataFrame) -> api.Chips:
    """The chips of some rows, built from the catalog and the parameters in the rows alone."""
    if (rows["role"] == "baseline").all():
        return chips_of([chip_columns(study.setting.catalog.get(ChipSpec, name), study.setting)])
    branch = study.branches[name]
    return branch.chips({n: rows[f"param_{n}"].to_numpy(dtype=float) for n in branch.spec.parameters})


def _of_family(study: ResolvedStudy, name: str, rows: pd.DataFrame, tolerance: float) -> Iterator[str]:
    chips = chips_again(study, name, rows)
    # CP is left out of a table in which all of it is 1, and its violation where nothing violates it
    for left_out, value in (("cp", 1), ("violation_context_parallel", 0.0)):
        rows = rows if left_out in rows else rows.assign(**{left_out: value})
    sizes = {f.name: rows[f.name].to_numpy(dtype=float) for f in fields(api.Deployments)}
    designs = api.Designs.of(chips=chips, deployments=api.Deployments(**sizes))
    m = study.cost_model.evaluate(designs, study.context)
    now = {name: getattr(m, name) for name in METRICS}
    now |= {f"violation_{name}": v for name, v in m.violations.items()}
    for target in study.targets:
        value = target.objective.value(m, study.context)
        now[f"violation_{target.objective.name}"] = api.violation(target.objective, value, target.limit)
    now["price_usd"] = chips.cost.price_usd
    yield from _apart(rows, now, name, tolerance)


def _apart(rows: pd.DataFrame, now: Mapping[str, Any], name: str, tolerance: float) -> Iterator[str]:
    """What rows store and what is evaluated now, where they differ."""
    for column, values in now.items():
        if column not in rows or rows[column].isna().any():
            yield f"{name}: {column} is missing"
            continue
        stored = rows[column].to_numpy(dtype=float)
        # an excess is a difference of two large numbers, so its own size is no measure of its error
        close = np.isclose(stored, values, rtol=tolerance, atol=tolerance * _scale(column))
        for i in np.flatnonzero(~close):
            row, value = rows.iloc[i], np.broadcast_to(values, stored.shape)[i]
            where = f"row {rows.index[i]} ({row['chip']})"
            yield f"{where}: {column}: stored {stored[i]!r}, now {value!r}"


def _scale(column: str) -> float:
    """Size of what an excess is taken between: bytes of a chip, links of a chip, else nothing to speak of."""
    return {"violation_capacity": 1e8, "violation_link_edge": 1e11}.get(column, 1e-6)


def fits(tp: int, ep: int) -> bool:
    """Whether experts may be spread over `ep` chips of replicas of `tp`."""
    return tp % ep == 0 or ep % tp == 0


def points_of_trials(study: ResolvedStudy, trials: Iterable[FrozenTrial]) -> list[tuple[float, ...]]:
    """Objectives of every feasible deployment of every finished trial, `solve` over the grid."""
    found: list[tuple[float, ...]] = []
    d = study.spec.deployment
    for trial in trials:
        if trial.state != TrialState.COMPLETE:
            continue
        chip = chip_of_trial(study, trial)
        ways = d.ep or (1,)
        grid = [(*at, ep) for at in product(d.batch, d.tp, d.pp) for ep in ways if fits(at[1], ep)]
        if d.mode == "search":
            options = {k: sorted(set(getattr(d, k))) for k in ("batch", "tp", "pp")}
            batch, tp, pp = (options[k][trial.params[k]] for k in ("batch", "tp", "pp"))
            spread = sorted({ep for ep in ways if fits(tp, ep)})
            grid = [(batch, tp, pp, spread[trial.params.get(f"ep.tp{tp}", 0)])]
        for layout in grid:
            m = one(study, chip, *layout)
            values = [first(g.value(m, study.context)) for g in study.objectives]
            late = [first(t.objective.value(m, study.context)) - t.limit for t in study.targets]
            if all(first(v) <= 0.0 for v in m.violations.values()) and all(v <= 0.0 for v in late):
                found.append(tuple(values))
    return found


def minimal(points: Iterable[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Points that no other is at most in everything and less in something, each once, in ascending order."""
    distinct = sorted(set(points))
    return [
        p for p in distinct
        if not any(q != p and all(a <= b for a, b in zip(q, p, strict=True)) for q in distinct)
    ]  # fmt: skip
