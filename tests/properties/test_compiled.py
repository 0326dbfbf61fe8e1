"""The same cost models on NumPy and compiled by JAX, in double precision."""

from functools import cache
from typing import Any

import factories as make
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.backends import compiler
from dse.testing.checks import HEADLINE
from objectives.api import Chips, Context, CostModel, Deployments, Designs
from objectives.costmodels.napkin import NapkinCostModel
from objectives.costmodels.roofline import RooflineCostModel

LLMS = {
    "MHA": make.llama2_13b(),
    "GQA": make.llama2_70b(),
    "matrices": make.dnn(),
    "experts": make.mixtral_8x7b(),
    "MLA and experts": make.deepseek_v3(),
    "windows": make.gpt_oss_20b(),
    "chunks": make.llama4_scout(),
    "parallel": make.gpt_j_6b(),
    "encoder": make.whisper(),
}
CASES = [
    *((name, ("decode-only", "aggregated", "static")[i % 3]) for i, name in enumerate(LLMS)),
    ("GQA", "decode-only"),
    ("GQA", "static"),
    ("encoder", "aggregated"),
]
"""Every kind of LLM, every way of serving; each pair is a compilation."""
SUBNORMAL = 1e-300
"""Below the smallest normal numbers a compiled function may say 0."""

SIZE = 4
"""Designs of one example: one length, so that each context is compiled once."""


def results(cost_model: CostModel, context: Context, chips: Any, deployments: Any) -> dict[str, Any]:
    designs = Designs.of(chips=Chips.of(**chips), deployments=Deployments(**deployments))
    metrics = cost_model.evaluate(designs, context, detail=True)
    found = {name: getattr(metrics, name) for name in HEADLINE}
    for ledger in (
        "violations",
        "tpot_parts",
        "ttft_parts",
        "capex_parts",
        "running_parts",
        "capacity_parts",
    ):
        found |= {f"{ledger}.{k}": v for k, v in getattr(metrics, ledger).items()}
    return found


@cache
def compiled(name: str, serving: str, model: str) -> Any:
    context = make.context(LLMS[name], serving=serving)
    cost_model = {"roofline": RooflineCostModel(), "napkin": NapkinCostModel()}[model]
    # fused as a search has it where that compiles soon; prompts have five times the operations
    compile = compiler("jax", fused=serving == "decode-only")
    assert compile is not None
    return (
        cost_model,
        context,
        compile(lambda chips, deployments: results(cost_model, context, chips, deployments)),
    )


def same(name: str, serving: str, model: str, parts: list[Designs]) -> None:
    cost_model, context, fast = compiled(name, serving, model)
    designs = make.stacked(parts)
    chips, deployments = designs.chips.columns(), designs.deployments.columns()
    plain, quick = results(cost_model, context, chips, deployments), fast(chips, deployments)
    assert plain.keys() == quick.keys()
    largest = max(float(np.max(v)) for k, v in plain.items() if k.startswith("capacity_parts"))
    slowest = float(np.max(plain["tpot_s"])) + float(np.max(plain["ttft_s"]))
    for key, column in plain.items():
        assert np.asarray(quick[key]).dtype == np.float64
        # what is a difference of bytes or of seconds rounds as those do
        slack = largest * 1e-12 if key == "violations.capacity" else SUBNORMAL
        # of an all-to-all what computing does not hide
        waits = key.endswith(("_parts.pipeline_wait", "_parts.all_to_all")) or key == "ttft_parts.queue"
        slack = slowest * 1e-9 if waits else slack
        np.testing.assert_allclose(quick[key], column, rtol=1e-9, atol=slack, err_msg=key)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "serving"), CASES)
@settings(parent=make.LAW, max_examples=25)
@given(parts=st.lists(make.designs(), min_size=SIZE, max_size=SIZE))
def test_numpy_and_jax_agree_to_1e9(name: str, serving: str, parts: list[Designs]) -> None:
    same(name, serving, "roofline", parts)


@make.LAW
@given(parts=st.lists(make.designs(), min_size=SIZE, max_size=SIZE))
def test_the_napkin_agrees_too(parts: list[Designs]) -> None:
    same("GQA", "decode-only", "napkin", parts)


def test_double_precision_stays_inside() -> None:
    import jax.numpy as jnp

    compiler("jax")(lambda x: x + 1.0)(np.ones(1))  # type: ignore[misc]
    assert jnp.ones(1).dtype == jnp.float32
