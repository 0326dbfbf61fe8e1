"""The same cost models on NumPy and on the strictest array of the standard."""

from dataclasses import replace
from typing import Any

import array_api_strict
import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.testing.checks import table
from objectives.api import Chips, Context, CostModel, Deployments, Designs, Llm
from objectives.costmodels.napkin import NapkinCostModel
from objectives.costmodels.roofline import RooflineCostModel

COST_MODELS = (RooflineCostModel(), NapkinCostModel())


def strict(design: Designs) -> Designs:
    def columns(struct: Chips | Deployments) -> dict[str, object]:
        return {name: array_api_strict.asarray(column) for name, column in struct.columns().items()}

    chips, deployments = Chips.of(**columns(design.chips)), Deployments(**columns(design.deployments))
    return Designs.of(chips=chips, deployments=deployments)


def grid(parts: list[Designs]) -> Designs:
    together, n = make.stacked(parts), len(parts)
    return Designs.of(chips=together.chips.reshape(n, 1), deployments=together.deployments.reshape(1, n))


@pytest.mark.parametrize("cost_model", COST_MODELS, ids=lambda c: c.name)
@LAW
@given(parts=st.lists(make.designs(), min_size=2, max_size=3), context=make.contexts())
def test_numpy_and_the_strict_namespace_agree(
    cost_model: CostModel, parts: list[Designs], context: Context
) -> None:
    designs = grid(parts)
    plain = cost_model.evaluate(designs, context, detail=True)
    standard = cost_model.evaluate(strict(designs), context, detail=True)
    assert type(standard.tpot_s) is type(array_api_strict.asarray(0.0))  # nothing fell back to NumPy
    left, right = table(plain, designs.shape), table(standard, designs.shape)
    assert left.keys() == right.keys()
    scale = max(float(np.abs(v).max()) for k, v in left.items() if k.startswith("capacity_parts"))
    for name in left:
        # the same double-precision operations; what is a difference of bytes or seconds rounds as those do
        slack = (
            scale * 1e-12 if name == "violations.capacity" else float(np.abs(left["tpot_s"]).max()) * 1e-12
        )
        slack = slack if name.startswith(("violations.capacity", "tpot_parts", "bounds")) else 0.0
        np.testing.assert_allclose(right[name], left[name], rtol=1e-12, atol=slack, err_msg=name)
    feasible = np.broadcast_to(np.asarray(standard.feasible()), designs.shape)
    assert (feasible == np.broadcast_to(plain.feasible(), designs.shape)).all()


@pytest.mark.parametrize(
    "llm",
    [
        make.llama2_70b(),
        make.deepseek_v3(),
        make.gpt_oss_20b(),
    ],
    ids=lambda x: x.name,
)
def test_lengths_may_be_columns_of_the_strict_namespace(llm: Llm) -> None:
    context = make.context(llm, serving="aggregated")
    work, design = context.workload, make.design(make.h100_like(), batch=8, tp=8)
    columns: dict[str, Any] = {
        name: np.array([64.0, 512.0, 4096.0]) for name in ("isl", "osl", "mean_context", "max_context")
    }
    plain = replace(context, workload=replace(work, **columns))
    theirs: dict[str, Any] = {name: array_api_strict.asarray(column) for name, column in columns.items()}
    standard = replace(context, workload=replace(work, **theirs))
    evaluate = RooflineCostModel().evaluate
    left, right = evaluate(design, plain).ttft_s, evaluate(strict(design), standard).ttft_s
    np.testing.assert_allclose(np.asarray(right), left, rtol=1e-12)  # the same operations
