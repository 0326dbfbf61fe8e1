"""A system of pools, evaluated, as the typed result with its ledgers."""

from collections.abc import Sequence

from dse.choose.rule import Limits, violations
from dse.evaluate.estimate_notes import memory_notes
from dse.evaluate.estimate_result import (
    chances,
    first_of,
    headline,
    ledgers_of,
    smallest_system,
    where_split,
)
from dse.evaluate.money import Money
from dse.evaluate.pools.result import PoolOfSystem, SystemEstimate
from dse.evaluate.pools.trust import Trusted, interval_of_system, trust_lines, unanchored
from dse.question.pools.link import ChosenLink
from objectives import api
from objectives.systems.split import keeper


def system_of(
    pools: Sequence[Trusted],
    one: api.Designs,
    context: api.Context,
    cost_model: api.CostModel,
    limits: Limits,
    *,
    llm: str,
    workload: str,
    precision: dict[str, str],
    price_method: str,
    link: ChosenLink,
    money: Money | None = None,
    solved: bool = False,
    notes: Sequence[str] = (),
) -> SystemEstimate:
    """The result of `one`, a batch of one, under `limits`."""
    m = cost_model.evaluate(one, context, detail=True)
    found = {name: first_of(v) for name, v in violations(m, context, limits).items()}
    bounds = {name: first_of(v) for name, v in m.bounds.items()}
    interval, ledgers = interval_of_system(pools), ledgers_of(m)
    keeping = keeper([pool.role for pool in pools])
    overfull = memory_notes(context, one.pool(keeping), ledgers["capacity_bytes"], f"{keeping}.")
    return SystemEstimate(
        llm=llm,
        workload=workload,
        cost_model=cost_model.name,
        serving=context.workload.serving,
        precision=precision,
        price_method=price_method,
        pools=tuple(_pool(pool, one, m) for pool in pools),
        link={
            "network": link.network or "stated",
            "bandwidth": link.bandwidth,
            "latency_s": link.latency_s,
            "usd": link.usd,
        },
        money=money,
        solved=solved,
        feasible=all(v <= 0.0 for v in found.values()),
        metrics=headline(m, context),
        smallest_system=smallest_system(cost_model, one, context),
        ledgers=ledgers,
        bound_by=max(bounds, key=lambda name: bounds[name]),
        violations=where_split(found),
        targets={goal.name: limit for goal, limit in limits},
        interval=interval,
        unanchored={name: who for name in interval if (who := tuple(unanchored(name, pools)))},
        p_met=chances(m, context, limits, interval),
        notes=(*trust_lines(pools), *overfull, *notes),
    )


def _pool(pool: Trusted, one: api.Designs, m: api.Metrics) -> PoolOfSystem:
    """What a pool has of the system."""
    own = {name: first_of(v) for name, v in m.of_pools[pool.role].items()}
    layout = {k: int(first_of(v)) for k, v in one.pool(pool.role).deployments.columns().items()}
    return PoolOfSystem(
        role=pool.role,
        chip=pool.chip,
        chips=own.pop("chips"),
        stack=pool.stack,
        deployment=layout,
        metrics=own,
        label=pool.trust.label,
        interval=dict(pool.trust.interval),
        anchor=pool.trust.anchor,
        anchor_rows=pool.trust.anchor_rows,
        next_best=pool.trust.next_best,
    )
