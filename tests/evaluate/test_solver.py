"""The best deployment over a grid and between its batches, against every whole batch tried one by one."""

from itertools import product
from types import SimpleNamespace
from typing import Any

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.choose import solve
from dse.choose.rule import Judged, best, judged, missed, smallest_and_best
from dse.choose.solve import Question, best_deployments
from dse.plugins import objective
from dse.question.layouts import batches
from dse.question.layouts import product as layouts
from objectives.api import Chips, Designs, Metrics

COST, TPOT = objective("usd_per_token_per_second"), objective("tpot")


class Toy:
    """TPOT grows with the batch, cost falls with it until rows fill a tile; each chip has a best batch."""

    name = "toy"

    def evaluate(self, designs: Designs, context: Any, *, detail: bool = False) -> Metrics:
        d, fast = designs.deployments, designs.chips.compute.peak_flops / 1e12
        batch = d.batch * 1.0
        tpot = (1e-3 + 1e-4 * batch / (d.tp * fast)) * d.pp
        cost = (d.tp * d.pp) * (20.0 / batch + 0.02 * batch / fast) + 0.0 * tpot
        other = 0.0 * (tpot + cost)
        held = batch * 1.0 / d.pp - 4.0 * designs.chips.dram.bytes / 1e9
        return Metrics(
            tpot_s=tpot + other, ttft_s=other + 1.0, tokens_per_s=other + 1.0, chips=d.tp * d.pp + other,
            capex_usd=other + 1.0, usd_per_token_per_s=cost + other, usd_per_million_tokens=other + 1.0,
            usd_per_million_input_tokens=other, usd_per_million_output_tokens=other,
            energy_per_token_j=other + 1.0, violations={"capacity": held + other},
        )  # fmt: skip


SIZES: dict[str, Any] = {"tp": (1.0, 2.0, 8.0), "pp": (1, 2), "batch": batches(4)}


def chips(*pairs: tuple[float, float]) -> Chips:
    """Chips of some peaks [TFLOP/s] and DRAM [GB]."""
    return make.h100_like(peak_flops=[p * 1e12 for p, _ in pairs], dram_bytes=[b * 1e9 for _, b in pairs])


def question(tolerance: float = 0.0, *, any_batch: bool = True) -> Question:
    context = make.context()
    return Question(cost_model=Toy(), context=context, goal=COST, tolerance=tolerance, any_batch=any_batch)


def grid() -> Any:
    tp = SIZES["tp"]
    return layouts(tp, [1.0] * len(tp), [1.0] * len(tp), SIZES["pp"], SIZES["batch"])


def every_batch(peak: float, dram: float, limit: float) -> list[tuple[bool, float, float, int, int, int]]:
    """All whole batches of all layouts: works, cost, chips, TP, PP, batch."""
    found = []
    for tp, pp, batch in product((1, 2, 8), (1, 2), range(1, 4097)):
        tpot = (1e-3 + 1e-4 * batch / (tp * peak)) * pp
        cost = tp * pp * (20.0 / batch + 0.02 * batch / peak)
        works = tpot <= limit and batch / pp <= 4.0 * dram
        found.append((works, cost, float(tp * pp), tp, pp, batch))
    return found


CASES = [
    (peak, dram, limit)
    for peak, dram in ((1.0, 1000.0), (3.0, 80.0), (0.4, 5.0), (50.0, 1000.0), (7.3, 33.0), (2e4, 1e6))
    for limit in (0.002, 0.0047, 0.1)
]


@pytest.mark.parametrize(("peak", "dram", "limit"), CASES)
def test_the_solver_finds_the_best_of_all_whole_batches(peak: float, dram: float, limit: float) -> None:
    (found,) = best_deployments(question(), chips((peak, dram)), grid(), [((TPOT, limit),)])
    working = [row for row in every_batch(peak, dram, limit) if row[0]]
    assert bool(found.feasible[0]) is bool(working)
    if working:
        assert found.cost[0] == pytest.approx(min(cost for _, cost, *_ in working), rel=1e-12)
        d = {k: float(v[0]) for k, v in found.deployments.columns().items()}
        tpot = (1e-3 + 1e-4 * d["batch"] / (d["tp"] * peak)) * d["pp"]
        assert tpot <= limit * (1 + 1e-12)
        assert d["batch"] == round(d["batch"])


@pytest.mark.parametrize("tolerance", [0.01, 0.1, 0.5])
def test_within_a_tolerance_no_system_near_the_best_is_smaller(tolerance: float) -> None:
    limits = ((TPOT, 0.0047),)
    (found,) = best_deployments(question(tolerance), chips((3.0, 80.0)), grid(), [limits])
    rows = [row for row in every_batch(3.0, 80.0, 0.0047) if row[0]]
    least = min(cost for _, cost, *_ in rows)
    assert found.least[0] == pytest.approx(least, rel=1e-12)
    assert found.cost[0] <= least * (1 + tolerance) * (1 + 1e-12)
    near = [size for _, cost, size, *_ in rows if cost <= least * (1 + tolerance)]
    d = {k: float(v[0]) for k, v in found.deployments.columns().items()}
    assert d["tp"] * d["pp"] == min(near)
    assert found.least_size[0] >= d["tp"] * d["pp"]


def test_many_chips_and_many_limits_are_each_as_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [(1.0, 1000.0), (3.0, 80.0), (0.4, 5.0), (50.0, 1000.0), (7.3, 33.0)]
    limits = [((TPOT, 0.002),), ((TPOT, 0.1),), ()]
    together = best_deployments(question(0.01), chips(*pairs), grid(), limits)
    # 312 deployments on the grid: two chips in a block, so that blocks are joined
    monkeypatch.setattr(solve, "BLOCK", 2 * grid().size)
    blocks = best_deployments(question(0.01), chips(*pairs), grid(), limits)
    for i, pair in enumerate(pairs):
        alone = best_deployments(question(0.01), chips(pair), grid(), limits)
        for one, all_of_them, joined in zip(alone, together, blocks, strict=True):
            for name in ("cost", "least", "least_size", "unfit", "late"):
                assert getattr(all_of_them, name)[i] == getattr(one, name)[0] == getattr(joined, name)[i]
            for which in ("deployments", "cheapest"):
                columns = [getattr(f, which).columns() for f in (one, all_of_them, joined)]
                assert {k: v[0] for k, v in columns[0].items()} == {k: v[i] for k, v in columns[1].items()}
                assert {k: v[i] for k, v in columns[1].items()} == {k: v[i] for k, v in columns[2].items()}


def test_a_given_batch_is_not_refined() -> None:
    (found,) = best_deployments(question(any_batch=False), chips((3.0, 80.0)), grid(), [()])
    assert float(found.deployments.batch[0]) in batches(4)
    (finer,) = best_deployments(question(), chips((3.0, 80.0)), grid(), [()])
    assert finer.cost[0] <= found.cost[0]


def test_where_nothing_meets_the_limit_what_misses_it_by_least_is_taken() -> None:
    (found,) = best_deployments(question(), chips((3.0, 80.0)), grid(), [((TPOT, 1e-4),)])
    assert not found.feasible[0]
    assert found.unfit[0] == 0.0
    d = {k: float(v[0]) for k, v in found.deployments.columns().items()}
    assert (d["pp"], d["tp"], d["batch"]) == (1.0, 8.0, 1.0)  # the fastest there is
    assert found.late[0] == pytest.approx((1e-3 + 1e-4 / 24.0) / 1e-4 - 1.0)


# --- the rule itself, against the plainest reading of it

ROW = st.tuples(
    st.sampled_from((0.0, 0.0, 0.5, 2.0)),
    st.sampled_from((0.0, 0.1, 0.3)),
    st.sampled_from((1.0, 1.005, 1.5, 3.0)),
    st.sampled_from((1.0, 8.0, 64.0)),
)


@LAW
@given(
    st.lists(ROW, min_size=1, max_size=10),
    st.sampled_from((0.0, 0.01, 0.6)),
    st.sampled_from((0.125, 1.0, 64.0)),
)
def test_the_choice_is_that_of_sorting_by_fit_then_lateness_then_cost_then_size(
    rows: list[tuple[float, float, float, float]], tolerance: float, scale: float
) -> None:
    rows = [(unfit, late, scale * cost, size) for unfit, late, cost, size in rows]
    unfit, late, cost, size = (np.array(c)[:, None] for c in zip(*rows, strict=True))
    found = Judged(cost=cost, size=size, unfit=unfit, late=late)
    left = [r for r in rows if r[0] == min(r[0] for r in rows)]
    left = [r for r in left if r[1] == min(r[1] for r in left)]
    least = min(r[2] for r in left)
    near = [r for r in left if r[2] <= least * (1 + tolerance)]
    if tolerance:
        near = [r for r in near if r[3] == min(r[3] for r in near)]
    expected = min(r[2] for r in near)
    at, cheapest = smallest_and_best(found, tolerance)
    assert rows[int(at[0])] in near
    assert rows[int(at[0])][2] == expected
    assert rows[int(cheapest[0])][2] == least
    assert found.feasible[:, 0].tolist() == [r[0] == 0.0 and r[1] == 0.0 for r in rows]


@settings(LAW, max_examples=20)
@given(st.lists(ROW, min_size=1, max_size=5), st.lists(ROW, min_size=1, max_size=5))
def test_deployments_that_are_joined_are_chosen_from_together(
    one: list[tuple[float, float, float, float]], other: list[tuple[float, float, float, float]]
) -> None:
    def made(rows: list[tuple[float, float, float, float]]) -> Judged:
        unfit, late, cost, size = (np.array(c)[:, None] for c in zip(*rows, strict=True))
        return Judged(cost=cost, size=size, unfit=unfit, late=late)

    assert best(made(one).joined(made(other)), 0.01).tolist() == best(made([*one, *other]), 0.01).tolist()


def test_misses_are_weighed_by_their_limit_or_by_the_worst_of_the_chip() -> None:
    over = {"tpot": np.array([[0.01, -1.0], [0.03, 0.02]]), "capacity": np.array([[4.0, 2.0], [-8.0, 1.0]])}
    found = missed(over, {"tpot": 0.02})
    # TPOT over 20 ms; capacity over the worst of its chip: 4 and 2
    assert found.tolist() == [[0.5 + 1.0, 0.0 + 1.0], [1.5 + 0.0, 1.0 + 0.5]]


def test_of_a_batch_of_one_choice_every_design_belongs_to_it() -> None:
    designs = Designs.of(chips=chips((3.0, 80.0)), deployments=make.deployments(batch=[1, 2, 64]))
    metrics = Toy().evaluate(designs, None)
    found = judged(metrics, SimpleNamespace(), COST, (), (3,), 1)
    assert found.cost.shape == (3, 1)
    assert best(found).tolist() == [int(np.argmin(metrics.usd_per_token_per_s))]
