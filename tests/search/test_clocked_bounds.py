"""Bounds of chips that run slower because they are hot: no direction of a rate is taken for granted."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from studies_for_tests import write_study

from dse.chips.branch import Branch, branches_of
from dse.chips.parameter_range import value_at
from dse.evaluate import scoring
from dse.evaluate.batch import grid_of
from dse.question.resolved_study import ResolvedStudy, load_study
from dse.search.bound.boxes import joined, whole
from dse.search.bound.corners import SLACK, STAGES, Table, corners, unordered
from dse.search.bound.prove import prove
from dse.search.sweep.driver import sweep
from dse.spec.schema.space import SpaceSpec
from objectives import api

COUNTS = {"peak_flops": 4, "sram": 4, "sram_bandwidth_per_byte": 3, "link_bandwidth": 3}

HOT: Mapping[str, dict[str, float]] = {
    # so little cooling that about half of the chips are slowed, and some are too hot at any clock
    "package": {"cooling_w": 350.0},
    # a die's own limit turns with its area: SRAM cools the cores beside it
    "density": {"heat_w_per_m2": 0.5e6},
    "both": {"cooling_w": 450.0, "heat_w_per_m2": 0.6e6},
    # the clock stays, so that the limit of a die forbids chips
    "nominal": {"heat_w_per_m2": 0.5e6},
}


def heated(branch: Branch, limits: Mapping[str, float]) -> Branch:
    """The branch with less cooling."""
    nodes, drams = branch.technologies
    made = (tuple(replace(t, **limits) for t in nodes), drams)  # type: ignore[arg-type]
    return replace(branch, technologies=made)


def hot_study(study: ResolvedStudy, how: str) -> ResolvedStudy:
    """The study whose chips run slower where they are hot, or cannot be made, with less cooling."""
    clock = "nominal" if how == "nominal" else "scaled"
    changed = {n: b.spec.model_copy(update={"clock": clock}) for n, b in study.branches.items()}
    space = SpaceSpec.model_construct(name="hot", branches=changed)
    setting = next(iter(study.branches.values())).setting
    branches = branches_of(space, setting)
    return replace(study, branches={n: heated(b, HOT[how]) for n, b in branches.items()})


@pytest.fixture(scope="module", params=[{}, {"workload": "chat"}], ids=["decode", "prompts"])
def plain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ResolvedStudy:
    goals: dict[str, Any] = {}
    if request.param:
        goals = {
            "objectives": ["usd_per_million_tokens", "tpot"],
            "reference_point": {"usd_per_million_tokens": "100 USD", "tpot": "1 s"},
        }
    folder = tmp_path_factory.mktemp("hot")
    return load_study(str(write_study(folder, baselines=[], **goals, **request.param)))


def at(branch: Branch, places: np.ndarray) -> dict[str, Any]:
    specs = branch.spec.parameters.items()
    return {n: value_at(p, places[:, i]) for i, (n, p) in enumerate(specs)}


def outcomes(study: ResolvedStudy, columns: dict[str, Any]) -> tuple[list[np.ndarray], np.ndarray]:
    """Costs and feasibility of chips in every layout."""
    n = max(a.size for a in columns.values())
    layouts = grid_of(study).reshape(-1, 1)
    designs = api.Designs.of(chips=api.Chips.of(**columns), deployments=layouts)
    metrics = study.cost_model.evaluate(designs, study.context)
    shape = (layouts.size, n)
    met = [np.broadcast_to(v, shape) <= 0.0 for v in scoring.violations(study, metrics).values()]
    return [np.broadcast_to(c, shape) for c in scoring.costs(study, metrics)], np.all(met, axis=0)


@pytest.mark.parametrize("how", HOT)
def test_the_spaces_of_these_tests_are_hot(plain: ResolvedStudy, how: str) -> None:
    rng, slowed, stuck = np.random.default_rng(0), [], []
    for branch in hot_study(plain, how).branches.values():
        heat = branch.nominal(at(branch, rng.random((400, len(branch.spec.parameters)))))[1]
        slowed.append(float((heat.clock_share < 1.0).mean()))
        stuck.append(float(((heat.cooling_excess_w > 0.0) | (heat.density_excess > 0.0)).mean()))
    # at the nominal clock what is too hot is not slowed: it cannot be made
    assert (max(stuck) if how == "nominal" else max(slowed)) > 0.3
    assert (max(slowed) == 0.0) == (how == "nominal")
    assert min(stuck) < 0.9


def test_a_rate_of_hot_chips_has_no_direction_of_its_own(plain: ResolvedStudy) -> None:
    """The clock falls with whatever heats a chip: the best corner of a rate is no longer its largest."""
    branch = hot_study(plain, "package").branches["hybrid"]
    names, rng = list(branch.spec.parameters), np.random.default_rng(0)
    lines = np.repeat(rng.random((200, 1, len(names))), 9, axis=1)
    lines[:, :, names.index("peak_flops")] = np.linspace(0.0, 1.0, 9)
    made = branch.columns(at(branch, lines.reshape(-1, len(names))))
    sram = np.diff(np.broadcast_to(made["sram_bandwidth"], (1800,)).reshape(200, 9), axis=1)
    assert (sram < 0.0).any()  # although the SRAM is the same
    assert branch.nominal(at(branch, lines.reshape(-1, len(names))))[0]["sram_bandwidth"].size in (1, 1800)


@pytest.mark.parametrize("how", HOT)
@pytest.mark.parametrize("seed", range(9))
def test_no_hot_chip_in_a_box_beats_its_optimistic_chip(plain: ResolvedStudy, how: str, seed: int) -> None:
    study = hot_study(plain, how)
    rng = np.random.default_rng(seed)
    branch = study.branches[sorted(study.branches)[seed % len(study.branches)]]
    specs, apart = branch.spec.parameters, unordered(branch)
    low, high = np.sort(rng.random((2, len(specs))) ** rng.choice([0.3, 1.0, 3.0]), axis=0)
    for i, (name, spec) in enumerate(specs.items()):
        if spec.choices:
            low[i], high[i] = np.sort(rng.integers(0, spec.steps, 2)) / (spec.steps - 1)
        if name in apart:
            high[i] = low[i]
    held = {n: float(low[i]) for i, (n, p) in enumerate(specs.items()) if n in apart and p.choices}
    made = Table.of([corners(branch, held)]).optimistic(np.asarray([0]), low[None], high[None])
    places = low + rng.integers(0, 4, (40, len(specs))) / 3.0 * (high - low)
    real = branch.columns(at(branch, places))
    for name in ("peak_flops", "attention_flops", "weight_load_bandwidth", "sram_bandwidth"):
        assert (real[name] <= made[name] * (1 + 1e-12)).all(), name
    for name in ("compute_w", "sram_w", "power_w", "price_usd"):
        assert (real[name] >= made[name] * (1 - 1e-12)).all(), name
    best, possible = outcomes(study, made)
    costs, feasible = outcomes(study, real)
    assert not (feasible & ~possible).any()
    slack = 1e-9 + (STAGES * SLACK if branch.kind == "hybrid" else 0.0)
    for bound, cost in zip(best, costs, strict=True):
        assert (bound <= cost + slack * np.abs(cost)).all()


@pytest.mark.parametrize("how", HOT)
def test_a_box_of_one_hot_chip_knows_everything_of_it(plain: ResolvedStudy, how: str) -> None:
    branch, rng = hot_study(plain, how).branches["hybrid"], np.random.default_rng(1)
    boxes = joined(list(whole(branch, 1, lawful=True)))
    for i in range(0, len(boxes), 3):
        low, steps = boxes.low[i], boxes.family.steps
        place = np.where(low < boxes.high[i], [rng.integers(0, n) / (n - 1) for n in steps], low)
        made = boxes.family.table.optimistic(boxes.corners[i, None], place[None], place[None])
        for name, column in branch.columns(at(branch, place[None])).items():
            np.testing.assert_allclose(made[name], column, rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("how", HOT)
def test_pruning_finds_the_front_of_a_hot_space(plain: ResolvedStudy, how: str, tmp_path: Path) -> None:
    study, tables = hot_study(plain, how), []
    for prune in (False, True):
        front = sweep(study, counts=COUNTS, prune=prune, out=tmp_path / str(prune)).front
        assert front is not None
        tables.append(front.frame[[a.column for a in front.axes]].to_numpy())
    assert len(tables[0])
    np.testing.assert_allclose(tables[1], tables[0], rtol=1e-9)


def test_an_exact_front_of_a_hot_space_is_proven_to_be_one(plain: ResolvedStudy, tmp_path: Path) -> None:
    study = hot_study(plain, "package")
    front = sweep(study, out=tmp_path / "exact").front
    assert front is not None
    bound = prove(study, front, tolerance=0.05, seconds=60)
    assert bound.closed
    assert bound.factor is not None and 1.0 <= bound.factor <= 1.05
