"""What engine and driver keep takes room of everything else, and no time."""

from typing import Any

import factories as make
import numpy as np
import pytest

from dse.backends import compiler
from objectives.api import Chips, Deployments, Designs, Metrics
from objectives.costmodels.roofline import RooflineCostModel

KEPT = 1.5e9


def evaluate(chips: Chips, serving: str = "aggregated") -> Metrics:
    design = make.design(chips, batch=4, tp=8)
    return RooflineCostModel().evaluate(design, make.context(serving=serving), detail=True)


@pytest.mark.parametrize("serving", ["aggregated", "chunked", "static", "decode-only"])
@pytest.mark.parametrize("made", [make.h100_like, make.groq_like])
def test_a_reserve_is_missing_byte_for_byte_and_costs_no_time(made: Any, serving: str) -> None:
    without, kept = evaluate(made(), serving), evaluate(made(reserve_bytes=KEPT), serving)
    before, after = (float(np.squeeze(m.violations["capacity"])) for m in (without, kept))
    assert after - before == pytest.approx(KEPT, rel=1e-9)
    assert float(np.squeeze(kept.capacity_parts["reserve"])) == KEPT
    assert {**kept.capacity_parts, "reserve": 0.0}.keys() == {*without.capacity_parts, "reserve"}
    assert np.array_equal(kept.tpot_s, without.tpot_s)
    assert np.array_equal(kept.ttft_s, without.ttft_s)


def test_a_chip_whose_stack_keeps_nothing_has_no_such_part() -> None:
    assert "reserve" not in evaluate(make.h100_like()).capacity_parts


def test_a_compiled_reserve_is_that_of_numpy() -> None:
    model, context = RooflineCostModel(), make.context(serving="chunked")
    design = make.design(make.h100_like(reserve_bytes=np.array([0.0, KEPT])), batch=4, tp=8)

    def missing(chips: dict[str, Any], deployments: dict[str, Any]) -> Any:
        given = Designs.of(chips=Chips.of(**chips), deployments=Deployments(**deployments))
        return model.evaluate(given, context).violations["capacity"]

    columns = design.chips.columns(), design.deployments.columns()
    assert np.asarray(compiler("jax")(missing)(*columns)) == pytest.approx(missing(*columns), rel=1e-12)
