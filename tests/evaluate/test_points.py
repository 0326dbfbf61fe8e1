"""Designs of a study evaluated together: each row is what its chip does alone in its deployment."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from studies_for_tests import write_study

from dse.chips.parameter_range import value_at
from dse.errors import BeatsPhysics
from dse.evaluate.batch import DesignBatch, Origin, axes_of, axis_of, evaluate, grid_of
from dse.evaluate.scoring import costs, violations
from dse.front.tables import records
from dse.plugins import objective
from dse.question.layouts import one
from dse.question.resolved_study import ResolvedStudy, load_study
from objectives import api

CHIPS = 3


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> ResolvedStudy:
    folder = tmp_path_factory.mktemp("points")
    return load_study(
        str(write_study(folder, objectives=["tokens_per_second", "tpot", "usd_per_token_per_second"],
                        targets={"ttft": "1 s"}, goal="usd_per_token_per_second",
                        reference_point={"usd_per_token_per_second": "1000 USD/(token/s)", "tpot": "100 ms",
                                         "tokens_per_second": "0 token/s"}))
    )  # fmt: skip


def batch_of(
    study: ResolvedStudy, shares: list[float], deployments: api.Deployments | None = None
) -> DesignBatch:
    """Chips of a branch at some shares of all of its ranges."""
    branch = study.branches["hybrid"]
    n = len(shares)
    values = {
        name: value_at(p, np.rint(np.asarray(shares) * ((p.steps or 2) - 1)) / ((p.steps or 2) - 1))
        for name, p in branch.spec.parameters.items()
    }
    chips = branch.chips(values)
    origin = Origin(
        trial=np.arange(n) + 10, chip=[f"hybrid-{10 + i}" for i in range(n)], branch="hybrid", role="search",
        parameters=values, names=branch.named(values), price_usd=np.asarray(chips.cost.price_usd),
    )  # fmt: skip
    return evaluate(study, chips, grid_of(study, n) if deployments is None else deployments, origin)


@pytest.fixture(scope="module")
def points(study: ResolvedStudy) -> DesignBatch:
    return batch_of(study, [0.1, 0.5, 0.9])


@pytest.fixture(scope="module")
def rows(points: DesignBatch) -> list[dict[str, Any]]:
    return records(points.rows(np.arange(int(np.prod(points.shape)))))


def test_there_is_a_row_for_each_chip_in_each_deployment(
    study: ResolvedStudy, points: DesignBatch, rows: list
) -> None:
    d = study.lists
    expected = {
        (chip, tp, pp, b)
        for chip in ("hybrid-10", "hybrid-11", "hybrid-12") for tp in d.tp for pp in d.pp for b in d.batch
    }  # fmt: skip
    found = [(r["chip"], r["tp"], r["pp"], r["batch"]) for r in rows]
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert points.shape[-1] == CHIPS


def test_each_row_is_what_its_chip_does_alone(study: ResolvedStudy, points: DesignBatch, rows: list) -> None:
    rng = np.random.default_rng(1)
    for i in rng.choice(len(rows), 12, replace=False):
        row = rows[i]
        k = row["trial"] - 10
        assert row["chip"] == f"hybrid-{row['trial']}"
        columns = {
            n: np.broadcast_to(np.asarray(a), (CHIPS,))[k : k + 1]
            for n, a in points.designs.chips.columns().items()
        }
        sizes = {n: float(row[n]) for n in ("batch", "tp", "pp", "ep", "dp")}
        alone = study.cost_model.evaluate(
            api.Designs.of(chips=api.Chips.of(**columns), deployments=one(sizes)), study.context
        )
        for name in ("tpot_s", "ttft_s", "tokens_per_s", "capex_usd", "usd_per_token_per_s", "chips"):
            assert row[name] == pytest.approx(
                float(np.asarray(getattr(alone, name)).reshape(-1)[0]), rel=1e-12
            )
        assert row["price_usd"] == pytest.approx(float(columns["price_usd"][0]), rel=1e-12)
        for name, values in points.origin.parameters.items():
            assert row[f"param_{name}"] == values[k]
        for name, text in points.origin.names.items():
            assert row[name] == np.broadcast_to(text, (CHIPS,))[k]


def test_objectives_and_violations_are_columns_of_the_rows(
    study: ResolvedStudy, points: DesignBatch, rows: list
) -> None:
    for i, axis in enumerate(axes_of(study)):
        assert [row[axis.column] for row in rows] == points.values[:, i].tolist()
    for name, v in points.violations.items():
        assert [row[f"violation_{name}"] for row in rows] == v.tolist()
    fits = [all(row[f"violation_{n}"] <= 0.0 for n in points.violations) for row in rows]
    assert points.feasible.tolist() == fits
    assert points.ranks.tolist() == [row["trial"] for row in rows]
    late = [row["ttft_s"] - 1.0 for row in rows]
    assert points.violations["ttft"].tolist() == pytest.approx(late)


def test_costs_are_all_to_be_made_small(study: ResolvedStudy, points: DesignBatch) -> None:
    rate, tpot, usd = (points.flat(c) for c in costs(study, points.metrics))
    assert rate.tolist() == (-points.values[:, 0]).tolist()
    assert (tpot.tolist(), usd.tolist()) == (points.values[:, 1].tolist(), points.values[:, 2].tolist())
    assert set(violations(study, points.metrics)) == set(points.violations)


@pytest.mark.parametrize("limit", [0.002, 0.01, 0.05, float("inf")])
def test_the_best_is_the_cheapest_row_that_fits_and_is_in_time(
    points: DesignBatch, rows: list, limit: float
) -> None:
    late = points.swept_violation(limit)
    assert late.tolist() == pytest.approx([row["tpot_s"] - limit for row in rows])
    meets = [
        row["usd_per_token_per_s"] for row, fits, late_by in zip(rows, points.feasible, late, strict=True)
        if fits and late_by <= 0.0
    ]  # fmt: skip
    best = rows[points.best(limit)]
    assert bool(meets) is (limit >= 0.005)
    if meets:
        assert best["usd_per_token_per_s"] == min(meets)
        assert best["tpot_s"] <= limit
    else:
        fitting = [
            r["tpot_s"]
            for r in rows
            if all(r[f"violation_{n}"] <= 0 for n in points.violations if n != "ttft")
        ]
        assert best["tpot_s"] >= min(fitting)


def test_one_design_as_plain_data_is_its_row(points: DesignBatch, rows: list) -> None:
    for i in (0, 7, len(rows) - 1):
        found = points.design(i)
        assert found["chip"] == rows[i]["chip"]
        for name in ("batch", "tp", "pp", "ep", "dp", "chips", "capex_usd", "tpot_s", "usd_per_token_per_s"):
            assert found[name] == rows[i][name]


def test_some_rows_are_those_rows_in_the_order_asked_for(points: DesignBatch, rows: list) -> None:
    some = np.array([5, 0, 11, 5])
    assert records(points.rows(some)) == [rows[i] for i in some]


def test_rows_that_beat_physics_are_refused_by_the_name_of_their_chip(points: DesignBatch) -> None:
    fast = replace(points, metrics=replace(points.metrics, tpot_s=points.metrics.tpot_s * 1e-6))
    with pytest.raises(BeatsPhysics, match="hybrid-1"):
        fast.rows(np.arange(3))


def test_the_order_of_chips_changes_no_row(study: ResolvedStudy, rows: list) -> None:
    turned = batch_of(study, [0.9, 0.5, 0.1])
    found = records(turned.rows(np.arange(int(np.prod(turned.shape)))))
    key = ("param_sram", "tp", "pp", "batch")
    before = {tuple(r[k] for k in key): (r["tpot_s"], r["usd_per_token_per_s"]) for r in rows}
    after = {tuple(r[k] for k in key): (r["tpot_s"], r["usd_per_token_per_s"]) for r in found}
    assert before.keys() == after.keys()
    for k, pair in before.items():
        assert after[k] == pytest.approx(pair, rel=1e-12)


def test_one_chip_has_its_deployments_on_one_axis_and_the_same_numbers(
    study: ResolvedStudy, rows: list
) -> None:
    assert grid_of(study, 1).shape == (grid_of(study, 2).size, 1)
    alone = batch_of(study, [0.5])
    assert alone.shape == (grid_of(study, 2).size, 1)
    found = {
        (r["tp"], r["pp"], r["batch"]): r["tpot_s"] for r in records(alone.rows(np.arange(alone.shape[0])))
    }
    for r in rows:
        if r["trial"] == 11:
            assert found[r["tp"], r["pp"], r["batch"]] == pytest.approx(r["tpot_s"], rel=1e-12)


def test_an_objective_that_is_no_metric_has_a_column_of_its_own_name() -> None:
    class Mine:
        name, label, unit, direction = "mine", "mine", "", "maximize"

    assert axis_of(Mine()).column == "objective_mine"  # type: ignore[arg-type]
    assert axis_of(Mine()).maximised  # type: ignore[arg-type]
    assert axis_of(objective("tpot")).column == "tpot_s"


def test_without_a_swept_target_nothing_is_late(tmp_path: Path) -> None:
    free = load_study(
        str(
            write_study(
                tmp_path, deployment={"mode": "search", "batch": [1, 8], "tp": [1, 8], "pp": [1]}, sweep=None
            )
        )
    )
    points = batch_of(free, [0.5])
    assert (points.swept_violation(0.01) == -np.inf).all()
