"""Rows of a stored front evaluated again with their ledgers: where each second, byte and dollar goes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np
import numpy.typing as npt

from dse.chips.interval import interval_on
from dse.chips.resolve import chip_columns, chips_of
from dse.choose.rule import Limits, violations
from dse.errors import spec_error
from dse.evaluate.estimate_result import where_split
from dse.evaluate.mix import MemberPoints, combined_metrics, taken
from dse.evaluate.mix_ledgers import combined_ledgers
from dse.front.tables import Column, Table
from dse.plugins.designs import chips_named
from dse.question.chip_names import branch_of
from dse.question.resolved_study import ResolvedStudy
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.system import StackSpec
from objectives import api
from objectives.ledgers import LEDGERS

Parts = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class PoolDetail:
    """One pool of a system of unlike chips; SI throughout."""

    chip: Parts
    """Columns of `api.Chips`."""
    stack: str
    hypothetical: bool
    metrics: Parts
    """What the pool has of the system: chips, replicas, busy, capex_usd, power_w."""


@dataclass(frozen=True, kw_only=True)
class DesignDetail:
    """One row of a table, evaluated again; SI throughout."""

    chip: Parts
    """Columns of `api.Chips`: peak, SRAM, DRAM, links, price, power."""
    ledgers: Mapping[str, Parts]
    """Ledger to its parts."""
    violations: Parts
    stack: str
    """Name of the software stack that drives the chip."""
    hypothetical: bool
    """Whether the chip does not exist."""
    interval: Parts
    """Metric (tpot, ttft, throughput) to the factor up and down of the stack; empty where it is unknown."""
    parts: Mapping[str, "DesignDetail"] = field(default_factory=dict)
    """The same for each LLM and workload of a mix, by its label; empty where there is one. The ledgers of the
    whole are then those of `combined_ledgers`."""
    pools: Mapping[str, PoolDetail] = field(default_factory=dict)
    """Each pool of unlike chips by its role; what `chip`, `stack` and `interval` say is then empty."""

    @property
    def bound_by(self) -> str:
        """The resource that most of TPOT waits for; empty where the cost model does not report it."""
        bounds = self.ledgers.get("bound_s", {})
        return max(bounds, key=lambda name: bounds[name]) if bounds else ""


def details_of(study: ResolvedStudy, rows: Table) -> list[DesignDetail]:
    """Evaluate every row of a front or of its baselines again, rows of one chip or branch in one call.

    Raises `SpecError` for a row whose chip is neither of the space nor of the catalog.
    """
    found: dict[int, DesignDetail] = {}
    # groups in any order: the last line returns to that of the rows
    for name, part in rows.groupby(_family(rows), sort=False):
        family = family_of(study, str(name), part)
        made = _mixed(study, part, family) if study.members else _evaluated(study, part, family)
        found |= zip(part.index, made, strict=True)
    return [found[i] for i in rows.index]


def _family(rows: Table) -> Column:
    """What the rows of one call share: the chip of the catalog, or the branch that a name begins with."""
    return rows["chip"].where(rows["role"] == "baseline", rows["chip"].map(branch_of))


@dataclass(frozen=True, kw_only=True)
class Family:
    """Chips that share a stack: those of a branch of the space, or one of the catalog."""

    chips: api.Chips
    stack: StackSpec
    made_after: ChipSpec
    """The chip itself, or the template of the branch."""
    hypothetical: bool
    searched: bool
    """Whether they are made after another chip."""
    catalog: Catalog

    def interval(self, llm: api.Llm, deployment: Mapping[str, float]) -> dict[str, float]:
        """Error bars of the stack in a deployment."""
        joined = bool(llm.expert_count) and deployment["ep"] > deployment["tp"] * deployment["cp"]
        own = self.made_after
        return interval_on(self.stack, own, self.catalog, (llm,), searched=self.searched, joined=joined)


def family_of(study: ResolvedStudy, name: str, rows: Table) -> Family:
    """The chips of some rows of one branch of the space, or of one chip of the catalog."""
    catalog = study.setting.catalog
    if (rows["role"] == "baseline").all():
        # that of the study first, which may override some of its numbers
        spec = study.baselines.get(name) or catalog.get(ChipSpec, name)
        return Family(
            chips=chips_of([chip_columns(spec, study.setting)]),
            stack=study.setting.stack_of(spec.name, spec.stack, spec.architecture),
            made_after=spec,
            hypothetical=spec.hypothetical,
            searched=False,
            catalog=catalog,
        )
    if name not in study.branches:
        raise spec_error(
            study.slug, f"expected chips of the branches {', '.join(study.branches)}, got {name!r}"
        )
    branch = study.branches[name]
    # a table holds parameters, not chips: silicon and price follow from them again
    values = {n: rows[f"param_{n}"].to_numpy(dtype=float) for n in branch.spec.parameters}
    stack = study.setting.stack_of(branch.name, branch.spec.stack, branch.template.architecture)
    return Family(
        chips=branch.chips(values),
        stack=stack,
        made_after=branch.template,
        hypothetical=True,
        searched=True,
        catalog=catalog,
    )


def _mixed(study: ResolvedStudy, rows: Table, family: Family) -> Iterator[DesignDetail]:
    """Each part of the mix evaluated, and what they come to together."""
    n, weights = len(rows), [m.weight for m in study.members]
    points, details = [], []
    for member in study.members:
        designs = api.Designs.of(
            chips=family.chips, deployments=deployments_of(study, rows, f"{member.label}.")
        )
        with chips_named(lambda _shape, at: str(rows["chip"].iloc[at])):
            metrics = study.cost_model.evaluate(designs, member.context, detail=True)
        # from the metrics as they are: `_detailed` adds the targets itself
        details.append(
            list(_detailed(family, designs.deployments, metrics, member.context, member.limits, n))
        )
        # targets of each part count as its constraints, as they did in the search
        promised = replace(metrics, violations=violations(metrics, member.context, member.limits))
        flat = taken(promised, designs, np.arange(n))
        points.append(MemberPoints(member=member, designs=designs, metrics=flat))
    # limits of the study hold for the whole, those of a workload for its part
    over = _violations(study.limits, combined_metrics(tuple(points)), study.context, n)
    for i, each in enumerate(zip(*details, strict=True)):
        yield DesignDetail(
            # one chip serves the whole mix: of chip, stack and interval every part has the same
            chip=each[0].chip,
            stack=each[0].stack,
            hypothetical=each[0].hypothetical,
            interval=each[0].interval,
            ledgers=combined_ledgers([part.ledgers for part in each], weights),
            violations=row_of(over, i),
            parts={m.label: part for m, part in zip(study.members, each, strict=True)},
        )


def _evaluated(study: ResolvedStudy, rows: Table, family: Family) -> Iterator[DesignDetail]:
    designs = api.Designs.of(chips=family.chips, deployments=deployments_of(study, rows))
    with chips_named(lambda _shape, at: str(rows["chip"].iloc[at])):
        metrics = study.cost_model.evaluate(designs, study.context, detail=True)
    return _detailed(family, designs.deployments, metrics, study.context, study.limits, len(rows))


def deployments_of(study: ResolvedStudy, rows: Table, start: str = "") -> api.Deployments:
    """Deployments of the rows, in columns whose names begin with `start`."""
    names = [f.name for f in fields(api.Deployments)]
    if start + "cp" not in rows.columns:  # a table in which all of it is 1 has none
        rows = rows.assign(**{start + "cp": 1})
    # an error, since any other default would evaluate another design
    missing = [start + name for name in names if start + name not in rows.columns]
    if missing:
        what = (
            f"expected the columns {', '.join(missing)} of a deployment, got none: an older version wrote it"
        )
        raise spec_error(study.slug, f"{what}. Repeat `dse run`.")
    return api.Deployments(**{name: rows[start + name].to_numpy(dtype=float) for name in names})


def _detailed(
    family: Family,
    deployments: api.Deployments,
    metrics: api.Metrics,
    context: api.Context,
    limits: Limits,
    n: int,
) -> Iterator[DesignDetail]:
    """One `DesignDetail` for each of `n` rows."""
    columns = spread(family.chips.columns(), n)
    ledgers = {ledger.name: spread(getattr(metrics, ledger.field), n) for ledger in LEDGERS}
    over, laid_out = _violations(limits, metrics, context, n), spread(deployments.columns(), n)
    for i in range(n):
        yield DesignDetail(
            chip=row_of(columns, i),
            ledgers={name: where_split(row_of(parts, i)) for name, parts in ledgers.items()},
            violations=where_split(row_of(over, i)),
            stack=family.stack.name,
            hypothetical=family.hypothetical,
            interval=family.interval(context.llm, row_of(laid_out, i)),
        )


def _violations(
    limits: Limits, metrics: api.Metrics, context: api.Context, n: int
) -> dict[str, npt.NDArray[np.float64]]:
    return spread(violations(metrics, context, limits), n)


def spread(columns: Mapping[str, object], n: int) -> dict[str, npt.NDArray[np.float64]]:
    """Columns of `n` rows: what all rows share comes as one number."""
    return {name: np.broadcast_to(np.asarray(a, dtype=float), (n,)) for name, a in columns.items()}


def row_of(columns: Mapping[str, npt.NDArray[np.float64]], i: int) -> dict[str, float]:
    """One row of columns."""
    return {name: float(a[i]) for name, a in columns.items()}
