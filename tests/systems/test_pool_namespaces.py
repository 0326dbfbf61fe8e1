"""Systems of several pools on NumPy, on the strictest array of the standard, and compiled by JAX."""

from functools import cache
from typing import Any

import array_api_strict
import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given, settings
from hypothesis import strategies as st
from systems import pairs
from systems.pairs import evaluate

from dse.backends import compiler
from dse.testing.checks import HEADLINE, table
from objectives.api import Chips, Context, Deployments, Designs, Llm, Pool, PoolLink
from objectives.systems.split import SPLITS

Columns = dict[str, Any]


def columns(designs: Designs) -> dict[str, Columns]:
    """Every column by pool; those of the link by itself."""
    assert designs.link is not None
    chips = {f"{p.role} chips": p.chips.columns() for p in designs.pools}
    layouts = {f"{p.role} layout": p.deployments.columns() for p in designs.pools}
    return {**chips, **layouts, "link": designs.link.columns()}


def built(roles: tuple[str, ...], given: dict[str, Columns]) -> Designs:
    pools = tuple(
        Pool(
            role=role,
            chips=Chips.of(**given[f"{role} chips"]),
            deployments=Deployments(**given[f"{role} layout"]),
        )
        for role in roles
    )
    return Designs(pools=pools, link=PoolLink(**given["link"]))


def close(left: Columns, right: Columns, rounding: float) -> None:
    assert left.keys() == right.keys()
    slowest = float(np.max(left["tpot_s"])) + float(np.max(left["ttft_s"]))
    largest = max(float(np.max(np.abs(v))) for k, v in left.items() if k.startswith("capacity_parts"))
    for name, column in left.items():
        # what is a difference of bytes or seconds rounds as those do
        seconds = name.startswith(("tpot_parts", "ttft_parts", "bounds"))
        slack = slowest * rounding if seconds else 1e-300
        slack = largest * rounding if name.endswith(".capacity") else slack
        np.testing.assert_allclose(right[name], column, rtol=rounding, atol=slack, err_msg=name)


@LAW
@given(case=pairs.cases(most=2), flags=st.sampled_from((None, (0.0, 1.0), (1.0, 1.0))))
def test_numpy_and_the_strict_namespace_agree(
    case: tuple[list[Designs], Context], flags: tuple[float, ...] | None
) -> None:
    parts, context = case
    if flags is not None:
        parts = [pairs.under(part, flag) for part, flag in zip(parts, flags, strict=True)]
    designs = pairs.stacked(parts)
    standard = {
        what: {name: array_api_strict.asarray(a) for name, a in own.items()}
        for what, own in columns(designs).items()
    }
    plain = evaluate(designs, context, detail=True)
    strict = evaluate(built(designs.roles, standard), context, detail=True)
    assert type(strict.tpot_s) is type(array_api_strict.asarray(0.0))  # nothing fell back to NumPy
    close(table(plain, (2,)), table(strict, (2,)), 1e-12)


LLMS = {"GQA": make.llama2_70b(), "MLA and experts": make.deepseek_v3()}
PARTS = ("tpot", "ttft", "capex", "running", "energy")
SIZE = 3
"""Systems of one example: one length, so that each context is compiled once."""


def results(context: Context, roles: tuple[str, ...], given: dict[str, Columns]) -> Columns:
    metrics = evaluate(built(roles, given), context, detail=True)
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
def compiled(name: str, roles: tuple[str, ...]) -> tuple[Context, Any]:
    llm: Llm = LLMS[name]
    context = pairs.serving(make.context(llm), roles)
    compile = compiler("jax", fused=False)
    assert compile is not None
    return context, compile(lambda given: results(context, roles, given))


@pytest.mark.slow
@pytest.mark.parametrize("roles", SPLITS, ids=" | ".join)
@pytest.mark.parametrize("name", LLMS)
@settings(parent=make.LAW, max_examples=10)
@given(data=st.data())
def test_numpy_and_jax_agree_to_1e9(name: str, roles: tuple[str, ...], data: st.DataObject) -> None:
    context, fast = compiled(name, roles)
    # of stacks that send KV cache under the prefill, and of some that do not
    own = st.builds(pairs.under, pairs.designs(roles), st.sampled_from((0.0, 1.0)))
    parts = data.draw(st.lists(own, min_size=SIZE, max_size=SIZE))
    given_columns = columns(pairs.stacked(parts))
    plain, quick = results(context, roles, given_columns), fast(given_columns)
    close(plain, {k: np.asarray(v) for k, v in quick.items()}, 1e-9)
