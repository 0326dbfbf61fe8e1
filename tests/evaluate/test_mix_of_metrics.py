"""How a mix combines a metric: by the rule of its row, worked out by hand."""

import numpy as np
import pytest

from dse.evaluate.mix import combined_column
from dse.plugins import metrics
from objectives.api import Metrics
from objectives.ledgers import LEDGERS
from objectives.metrics import METRICS, Metric, Ratio, Rule

PARTS = [np.asarray([1.0, 8.0]), np.asarray([3.0, 4.0])]
WEIGHTS = [0.25, 0.75]


@pytest.mark.parametrize(
    ("rule", "whole"),
    [("largest", [3.0, 8.0]), ("smallest", [1.0, 4.0]), ("sum", [4.0, 12.0]), ("mean", [2.5, 5.0])],
)
def test_each_rule_combines_as_its_name_says(rule: Rule, whole: list[float]) -> None:
    assert combined_column(rule, PARTS, WEIGHTS).tolist() == whole


def test_every_column_that_cost_models_fill_is_a_row_with_a_rule() -> None:
    filled = {name for name, each in Metrics.__dataclass_fields__.items() if "Mapping" not in str(each.type)}
    rows = {metric.column: metric for metric in METRICS if metric.compute is None}
    assert set(rows) == filled
    assert all(metric.combine is not None for metric in rows.values())


def test_a_ratio_is_of_columns_that_have_a_rule_of_their_own() -> None:
    for ratio in (metric.combine for metric in METRICS if isinstance(metric.combine, Ratio)):
        by_column = {metric.column: metric.combine for metric in METRICS}
        assert isinstance(by_column[ratio.over], str)
        assert isinstance(by_column[ratio.under], str)


def test_every_ledger_is_a_field_of_metrics_and_sums_to_one() -> None:
    fields = set(Metrics.__dataclass_fields__)
    for ledger in LEDGERS:
        assert {ledger.field, *([ledger.total] if ledger.total else [])} <= fields


def test_columns_and_ranks_are_given_once() -> None:
    columns = [metric.column for metric in metrics()]
    ranks = [metric.rank for metric in metrics() if metric.rank is not None]
    assert len(set(columns)) == len(columns)
    assert len(set(ranks)) == len(ranks)


def test_a_computed_metric_of_a_mix_is_what_the_mix_has_combined() -> None:
    twice = Metric(
        column="twice", label="twice", unit="s", description="x", compute=lambda m, c: 2.0 * m.tpot_s
    )
    column = {name: np.asarray([3.0]) for name in (m.column for m in METRICS if m.compute is None)}
    plain = Metrics(**column, violations={})
    assert twice.of(plain, None).tolist() == [6.0]  # type: ignore[arg-type]
    combined = Metrics(**column, violations={}, more={"twice": np.asarray([5.0])})
    assert twice.of(combined, None).tolist() == [5.0]  # type: ignore[arg-type]
