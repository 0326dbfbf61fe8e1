"""A batch is its rows: permuted, one by one, broadcast, with or without detail, feasible or not."""

import factories as make
import numpy as np
from factories import LAW, changed
from hypothesis import given
from hypothesis import strategies as st

from dse.testing.checks import HEADLINE, same, table
from objectives.api import Context, Designs
from objectives.costmodels.roofline import RooflineCostModel

evaluate = RooflineCostModel().evaluate

BATCHES = st.lists(make.designs(), min_size=2, max_size=4)


@LAW
@given(parts=BATCHES, context=make.contexts(), draw=st.data())
def test_permuting_designs_permutes_results_and_a_batch_equals_its_rows(
    parts: list[Designs], context: Context, draw: st.DataObject
) -> None:
    n = len(parts)
    order = np.array(draw.draw(st.permutations(range(n))))
    together = make.stacked(parts)
    results = table(evaluate(together, context, detail=True), (n,))
    shuffled = table(evaluate(together.take(order), context, detail=True), (n,))
    same({k: v[order] for k, v in results.items()}, shuffled, "permuted")
    for i, part in enumerate(parts):
        same(
            {k: v[i : i + 1] for k, v in results.items()},
            table(evaluate(part, context, detail=True), (1,)),
            f"row {i}",
        )


@LAW
@given(parts=BATCHES, context=make.contexts())
def test_a_broadcast_grid_equals_its_flattened_pairs(parts: list[Designs], context: Context) -> None:
    n = len(parts)
    together = make.stacked(parts)
    grid = Designs.of(chips=together.chips.reshape(n, 1), deployments=together.deployments.reshape(1, n))
    pairs = Designs.of(
        chips=together.chips.take(np.repeat(np.arange(n), n)),
        deployments=together.deployments.take(np.tile(np.arange(n), n)),
    )
    left = table(evaluate(grid, context, detail=True), (n, n))
    same(left, table(evaluate(pairs, context, detail=True), (n * n,)), "grid")


@LAW
@given(design=make.designs(), context=make.contexts())
def test_detail_changes_no_headline_column(design: Designs, context: Context) -> None:
    short, long = evaluate(design, context), evaluate(design, context, detail=True)
    for name in HEADLINE:
        assert (getattr(short, name) == getattr(long, name)).all()
    for name, violation in short.violations.items():
        assert (violation == long.violations[name]).all()
    assert not short.tpot_parts
    assert not short.bounds


@LAW
@given(design=make.designs(), context=make.contexts(), shrink=st.floats(1e-6, 1.0))
def test_every_number_is_finite_even_where_nothing_fits(
    design: Designs, context: Context, shrink: float
) -> None:
    for column in ("sram_bytes", "dram_bytes", "link_domain"):
        design = changed(design, column, lambda x: np.where(x > 0.0, np.maximum(x * shrink, 1.0), x))
    for name, values in table(evaluate(design, context, detail=True), design.shape).items():
        assert np.isfinite(values).all(), name
        # prompts that are not counted cost nothing, chips without watts draw none
        free = {"usd_per_million_input_tokens", "energy_per_token_j"}
        if context.workload.osl <= 1.0:  # the one token of an answer comes with its prompt
            free |= {"usd_per_million_output_tokens"}
        may_be_free = name in free
        assert (values > 0.0).all() or name not in HEADLINE or may_be_free, name
