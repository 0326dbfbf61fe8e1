"""Laws of systems of several pools, over random chips, layouts, links and ways of serving."""

from dataclasses import replace

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st
from systems import pairs
from systems.pairs import evaluate, one_of

from dse.search.bound.corners import SLACK, STAGES
from dse.testing.checks import HEADLINE, ROUNDING, TOTALS, same, table
from objectives.api import Chips, Context, Designs
from objectives.systems.draft_verify import draft_context

Case = tuple[list[Designs], Context]


@LAW
@given(case=pairs.cases())
def test_parts_sum_to_totals(case: Case) -> None:
    (designs,), context = case
    m = evaluate(designs, context, detail=True)
    for ledger, total in {**TOTALS, "bounds": "tpot_s"}.items():
        parts = getattr(m, ledger)
        assert parts, ledger
        whole = one_of(getattr(m, total))
        assert sum(one_of(v) for v in parts.values()) == pytest.approx(whole, rel=ROUNDING), ledger
        assert not {k: v for k, v in parts.items() if v < -ROUNDING * whole}, ledger


@LAW
@given(case=pairs.cases())
def test_ledgers_of_pools_sum_to_those_of_the_system(case: Case) -> None:
    (designs,), context = case
    m = evaluate(designs, context, detail=True)
    assert set(m.of_pools) == set(m.pools) == set(designs.roles)
    for column, total in (("chips", m.chips), ("capex_usd", m.capex_usd)):
        each = sum(one_of(of[column]) for of in m.of_pools.values())
        assert each == pytest.approx(one_of(total), rel=ROUNDING), column
    drawn = sum(one_of(of["drawn_per_token_j"]) for of in m.of_pools.values())
    at_meter = drawn * context.economy.power_overhead * context.economy.pue
    assert at_meter == pytest.approx(one_of(m.energy_per_token_j), rel=ROUNDING)
    for role, of in m.of_pools.items():
        d = designs.pool(role).deployments
        assert one_of(of["chips"]) == pytest.approx(one_of(d.ways * d.pp * of["replicas"]), rel=ROUNDING)
        assert of["replicas"] == m.pools[role]
        assert 0.0 <= one_of(of["busy"]) <= 1 + ROUNDING


@LAW
@given(case=pairs.cases())
def test_violations_and_bytes_carry_the_name_of_their_pool(case: Case) -> None:
    (designs,), context = case
    m = evaluate(designs, context, detail=True)
    for ledger in (m.violations, m.capacity_parts, m.capex_parts):
        assert {name.split(".")[0] for name in ledger} == set(designs.roles)
    for role in designs.roles:
        names = {name.split(".")[1] for name in m.violations if name.startswith(f"{role}.")}
        assert {"capacity", "network_domain", "die_area", "dram_stacks", "link_edge", "cooling"} <= names
        held = draft_context(context).llm if role == "draft" else context.llm
        assert ("expert_replicas" in names) == (bool(held.expert_count) and role != "attention")


def outcome(designs: Designs, context: Context) -> dict[str, float]:
    """What a better machine never makes worse.

    KV cache that comes too slowly is waited for before the first token or after it: a longer latency moves
    some of that wait from one to the other, and the request as a whole never gains. Dollars and joules are
    those of a fleet: where decode slows by a little, one system may spare a whole prefill replica.
    """
    context = replace(context, workload=replace(context.workload, pools="fleet"))
    m = evaluate(designs, context, detail=True)
    waited = one_of(m.tpot_parts.get("kv_transfer", np.zeros(1)))
    return {
        "step": one_of(m.tpot_s) - waited,
        "first": one_of(m.ttft_s),
        "request": one_of(m.ttft_s + context.workload.osl * m.tpot_s),
        "throughput": 1.0 / one_of(m.tokens_per_s),
        "capital": one_of(m.usd_per_token_per_s),
        "running": one_of(m.usd_per_million_tokens),
        "energy": one_of(m.energy_per_token_j),
    }


def never_worse(good: dict[str, float], bad: dict[str, float], slack: float = ROUNDING) -> None:
    for name, worse in bad.items():
        # a difference rounds as what it is of
        scale = bad["request"] if name in ("step", "first") else worse
        assert good[name] <= worse + scale * slack, name


@LAW
@given(case=pairs.cases(), factor=st.floats(1.0, 1e3))
def test_a_slower_longer_or_dearer_link_never_helps(case: Case, factor: float) -> None:
    (designs,), context = case
    base = outcome(designs, context)
    for changed in ({"bandwidth": 1.0 / factor}, {"latency_s": factor}, {"usd": factor}):
        never_worse(base, outcome(pairs.linked(designs, **changed), context))


@LAW
@given(case=pairs.cases(), factor=st.floats(1.0, 1e3))
def test_a_slower_link_never_shortens_tpot(case: Case, factor: float) -> None:
    (designs,), context = case
    fast = evaluate(designs, context).tpot_s
    slow = evaluate(pairs.linked(designs, bandwidth=1.0 / factor), context).tpot_s
    assert one_of(slow) >= one_of(fast) * (1 - ROUNDING)


@LAW
@given(case=pairs.cases(), factor=st.floats(1.0, 100.0))
def test_more_bandwidth_of_any_memory_of_any_pool_never_slows(case: Case, factor: float) -> None:
    (designs,), context = case
    base = outcome(designs, context)
    for pool in designs.pools:
        # what lies where is chosen for decode: on a chip with both tiers only steps never lose
        both = make.hybrid(Designs.of(pool.chips, pool.deployments))
        for column in ("sram_bandwidth", "dram_bandwidth"):
            fast = pool.chips.replace(**{column: factor * pool.chips.column(column)})
            pools = tuple(replace(p, chips=fast) if p.role == pool.role else p for p in designs.pools)
            better = outcome(Designs(pools=pools, link=designs.link), context)
            kept = ("step",) if both else ("step", "first", "request", "throughput")
            slack = STAGES * SLACK if both else ROUNDING
            worse = {name: base[name] for name in kept} | {"request": base["request"]}
            if both:
                better["request"] = 0.0
            never_worse(better, worse, slack)


@LAW
@given(case=pairs.cases(most=3), draw=st.data())
def test_a_batch_of_systems_equals_its_rows_and_permuting_it_permutes_results(
    case: Case, draw: st.DataObject
) -> None:
    parts, context = case
    n, together = len(parts), pairs.stacked(parts)
    results = table(evaluate(together, context, detail=True), (n,))
    order = np.array(draw.draw(st.permutations(range(n))))
    shuffled = table(evaluate(together.take(order), context, detail=True), (n,))
    same({k: v[order] for k, v in results.items()}, shuffled, "permuted")
    for i, part in enumerate(parts):
        row = {k: v[i : i + 1] for k, v in results.items()}
        same(row, table(evaluate(part, context, detail=True), (1,)), f"row {i}")


@LAW
@given(case=pairs.cases(most=2))
def test_a_grid_of_pools_equals_its_flattened_pairs(case: Case) -> None:
    parts, context = case
    n, together = len(parts), pairs.stacked(parts)
    first, *rest = together.pools
    spread = replace(first, chips=first.chips.reshape(n, 1), deployments=first.deployments.reshape(n, 1))
    grid = Designs(pools=(spread, *rest), link=together.link)
    whole = table(evaluate(grid, context, detail=True), (n, n))
    flat = table(evaluate(grid.take(np.arange(n * n)), context, detail=True), (n * n,))
    same(whole, flat, "grid")


@LAW
@given(case=pairs.cases())
def test_detail_changes_no_headline_column(case: Case) -> None:
    (designs,), context = case
    short, long = evaluate(designs, context), evaluate(designs, context, detail=True)
    for name in HEADLINE:
        assert one_of(getattr(short, name)) == one_of(getattr(long, name)), name
    assert not short.tpot_parts
    assert not short.of_pools


@LAW
@given(case=pairs.cases(), s=st.floats(0.01, 100.0))
def test_money_scales(case: Case, s: float) -> None:
    (designs,), context = case

    def dear(chips: Chips) -> Chips:
        return chips.replace(**{n: s * a for n, a in chips.columns().items() if n.endswith("_usd")})

    economy, work = context.economy, context.workload
    rates = {f: s * getattr(economy, f) for f in ("usd_per_joule", "building_usd_per_watt")}
    if work.prefix:
        work = replace(work, prefix=replace(work.prefix, usd_per_byte=s * work.prefix.usd_per_byte))
    dearer = replace(context, economy=replace(economy, **rates), workload=work)
    base = evaluate(designs, context)
    scaled = evaluate(pairs.linked(pairs.mapped(designs, dear), usd=s), dearer)
    for name in ("capex_usd", "usd_per_token_per_s", "usd_per_million_tokens"):
        assert one_of(getattr(scaled, name)) == pytest.approx(s * one_of(getattr(base, name)), rel=ROUNDING)
    for name in ("tpot_s", "ttft_s", "chips", "energy_per_token_j"):
        assert one_of(getattr(scaled, name)) == one_of(getattr(base, name))


@LAW
@given(case=pairs.cases(), shrink=st.floats(1e-6, 1.0), alone=st.booleans())
def test_every_number_is_finite_even_where_nothing_fits(case: Case, shrink: float, alone: bool) -> None:
    (designs,), context = case

    def small(chips: Chips) -> Chips:
        names = ("sram_bytes", "dram_bytes", "link_domain")
        less = {
            n: np.where(chips.column(n) > 0.0, np.maximum(chips.column(n) * shrink, 1.0), 0.0) for n in names
        }
        none = {"link_bandwidth": np.zeros(1), "scale_out_bandwidth": np.zeros(1)} if alone else {}
        return chips.replace(**less, **none)

    m = evaluate(pairs.mapped(designs, small), context, detail=True)
    for name, values in table(m, (1,)).items():
        assert np.isfinite(values).all(), name
        free = {"usd_per_million_input_tokens", "energy_per_token_j"}
        if context.workload.osl <= 1.0:
            free |= {"usd_per_million_output_tokens"}
        assert (values > 0.0).all() or name not in HEADLINE or name in free, name
    for role, of in m.of_pools.items():
        assert all(np.isfinite(v).all() for v in of.values()), role
