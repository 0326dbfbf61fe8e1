"""A chip that serves a mix: sums, means and the slowest, and breakdowns that still sum to their totals."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.evaluate.mix import combined_column, combined_metrics
from dse.evaluate.mix_ledgers import combined_ledgers
from objectives.api import Metrics
from objectives.ledgers import LEDGERS
from objectives.metrics import METRICS, Ratio

NUMBER = st.floats(0.1, 100.0)
FIELDS = (
    "tpot_s",
    "ttft_s",
    "tokens_per_s",
    "chips",
    "capex_usd",
    "usd_per_token_per_s",
    "usd_per_million_tokens",
    "usd_per_million_input_tokens",
    "usd_per_million_output_tokens",
    "energy_per_token_j",
)


@LAW
@given(st.lists(NUMBER, min_size=2, max_size=4), st.data())
def test_a_column_of_the_whole_is_the_sum_the_mean_or_the_worst_of_its_parts(
    values: list[float], data: st.DataObject
) -> None:
    raw = data.draw(st.lists(st.floats(0.1, 1.0), min_size=len(values), max_size=len(values)))
    weights = [w / sum(raw) for w in raw]
    each = [np.array([v]) for v in values]
    found = {
        rule: float(combined_column(rule, each, weights)[0])
        for rule in ("sum", "mean", "largest", "smallest")
    }
    assert found["sum"] == pytest.approx(sum(values))
    assert found["mean"] == pytest.approx(sum(w * v for w, v in zip(weights, values, strict=True)))
    assert (found["largest"], found["smallest"]) == (max(values), min(values))
    assert found["smallest"] * (1 - 1e-12) <= found["mean"] <= found["largest"] * (1 + 1e-12)


def member(weight: float, violations: dict[str, float], **values: float) -> Any:
    columns = {name: np.array([values.get(name, 1.0)]) for name in FIELDS}
    work = SimpleNamespace(
        workload=SimpleNamespace(isl=22.0, osl=11.0, diffusion=None), economy=SimpleNamespace(blend=None)
    )
    return SimpleNamespace(
        member=SimpleNamespace(weight=weight, context=work, label="x"),
        metrics=Metrics(**columns, violations={n: np.array([v]) for n, v in violations.items()}),
    )


def test_a_mix_pays_for_every_cluster_and_is_as_slow_as_its_slowest_part() -> None:
    two = (
        member(0.75, {"capacity": -5.0, "tpot": 2.0}, tpot_s=0.02, ttft_s=3.0, chips=8.0, capex_usd=1000.0,
               usd_per_token_per_s=4.0, usd_per_million_tokens=2.0, energy_per_token_j=1.0),
        member(0.25, {"capacity": 7.0}, tpot_s=0.05, ttft_s=1.0, chips=2.0, capex_usd=600.0,
               usd_per_token_per_s=8.0, usd_per_million_tokens=6.0, energy_per_token_j=5.0),
    )  # fmt: skip
    whole = combined_metrics(two)
    found = {name: float(getattr(whole, name)[0]) for name in FIELDS}
    assert (found["tpot_s"], found["ttft_s"]) == (0.05, 3.0)
    assert (found["chips"], found["capex_usd"]) == (10.0, 1600.0)
    # weighted by the shares of the output tokens
    assert found["usd_per_token_per_s"] == pytest.approx(0.75 * 4.0 + 0.25 * 8.0)
    assert found["usd_per_million_tokens"] == pytest.approx(0.75 * 2.0 + 0.25 * 6.0)
    assert found["energy_per_token_j"] == pytest.approx(0.75 * 1.0 + 0.25 * 5.0)
    # what the capital buys at that price
    assert found["tokens_per_s"] == pytest.approx(1600.0 / 5.0)
    assert {n: float(v[0]) for n, v in whole.violations.items()} == {"capacity": 7.0, "tpot": 2.0}


def test_every_metric_of_a_mix_follows_its_row_of_the_table() -> None:
    two = (member(0.5, {}, **{n: 2.0 + i for i, n in enumerate(FIELDS)}),
           member(0.5, {}, **{n: 40.0 - i for i, n in enumerate(FIELDS)}))  # fmt: skip
    whole = combined_metrics(two)
    for metric in METRICS:
        pair = [float(metric.of(m.metrics, m.member.context)[0]) for m in two]
        expected = {"largest": max(pair), "smallest": min(pair), "sum": sum(pair), "mean": sum(pair) / 2}
        if isinstance(metric.combine, str):
            found = getattr(whole, metric.column, None)
            found = whole.more[metric.column] if found is None else found
            assert float(found[0]) == pytest.approx(expected[metric.combine]), metric.column
        elif isinstance(metric.combine, Ratio):
            assert float(whole.tokens_per_s[0]) == pytest.approx(
                float(whole.capex_usd[0]) / float(whole.usd_per_token_per_s[0])
            )


PARTS = st.dictionaries(st.sampled_from(("a", "b", "c")), st.floats(0.0, 10.0), min_size=1, max_size=3)


@LAW
@given(st.lists(st.fixed_dictionaries({ledger.name: PARTS for ledger in LEDGERS}), min_size=2, max_size=3))
def test_every_breakdown_of_a_mix_sums_to_what_its_total_is_combined_to(
    each: list[dict[str, dict[str, float]]],
) -> None:
    weights = [1.0 / len(each)] * len(each)
    found = combined_ledgers(each, weights)
    for ledger in LEDGERS:
        totals = [sum(parts[ledger.name].values()) for parts in each]
        whole = sum(found[ledger.name].values())
        if ledger.combine == "largest":
            assert whole == pytest.approx(totals[_slowest(each, ledger.follows or ledger.name)])
        elif ledger.combine == "mean":
            assert whole == pytest.approx(sum(totals) / len(each))
        else:
            assert whole == pytest.approx(sum(totals))


def _slowest(each: list[dict[str, dict[str, float]]], name: str) -> int:
    """The part whose total is the largest, of equal ones the first."""
    totals = [sum(parts[name].values()) for parts in each]
    return totals.index(max(totals))
