"""SRAM and DRAM as one memory: no chip that has both beats it, whatever its bytes are placed for."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from studies_for_tests import write_study

from dse.arrays import Floats
from dse.chips.parameter_range import value_at
from dse.evaluate import scoring
from dse.evaluate.batch import grid_of
from dse.question.resolved_study import ResolvedStudy, load_study
from dse.search.bound.bounds import Bounds
from dse.search.bound.boxes import Boxes, joined, whole
from dse.search.bound.one_memory import as_one_memory
from objectives import api

LAYOUTS = {"mode": "solve", "batch": [1, 16, 256], "tp": [1, 8], "pp": [1, 8]}
DOLLARS = {
    "objectives": ["usd_per_million_tokens", "tpot"],
    "reference_point": {"usd_per_million_tokens": "1e6 USD", "tpot": "100 s"},
}
QUESTIONS: dict[str, dict[str, Any]] = {
    "prompts in line": {"workload": "chat", **DOLLARS},
    "prompts in chunks": {"workload": "chat", "serving": "chunked"},
    "prompts in a pool of their own": {"workload": "long-prompt-disaggregated", **DOLLARS},
    "a draft": {"workload": "chat-drafted", **DOLLARS},
    "blocks": {"workload": "chat-denoised", **DOLLARS},
    "experts over stages": {"llm": "mixtral-8x7b", **DOLLARS},
    "latent attention and experts": {"llm": "deepseek-v3", "workload": "reasoning"},
}


@pytest.fixture(params=QUESTIONS)
def study(request: pytest.FixtureRequest, tmp_path: Path) -> ResolvedStudy:
    asked = {"space": "open-chip", "baselines": [], "deployment": LAYOUTS, **QUESTIONS[request.param]}
    return load_study(str(write_study(tmp_path, **asked)))


def some_boxes(study: ResolvedStudy, rng: np.random.Generator, bounds: Bounds) -> Boxes:
    """Boxes of hybrid chips, halved along random axes."""
    start = joined(list(whole(study.branches["hybrid"], bounds.layouts, lawful=bounds.lawful)))
    boxes = start.part(rng.integers(0, len(start), 6))
    for _ in range(int(rng.integers(0, 12))):
        axis = np.asarray([rng.choice(np.flatnonzero(row)) for row in boxes.axes])
        boxes = boxes.halves(axis).part(np.arange(6) * 2 + rng.integers(0, 2, 6))
    return boxes


def outcomes(study: ResolvedStudy, columns: dict[str, Floats], count: int) -> tuple[Floats, Floats]:
    """Log costs (layouts, chips, k) of chips in every layout, and which are feasible."""
    layouts = grid_of(study, 2).reshape(-1, 1)
    designs = api.Designs.of(chips=api.Chips.of(**columns), deployments=layouts)
    metrics = study.cost_model.evaluate(designs, study.context)
    shape = (layouts.size, count)
    ok = np.all(
        [np.broadcast_to(v, shape) <= 0.0 for v in scoring.violations(study, metrics).values()], axis=0
    )
    costs = [np.log(np.broadcast_to(c, shape)) for c in scoring.costs(study, metrics)]
    return np.stack(costs, axis=-1), ok


@pytest.mark.parametrize("seed", range(3))
def test_no_chip_in_a_box_beats_its_outlook(study: ResolvedStudy, seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = len(study.objectives)
    bounds = Bounds(study, np.empty((0, k)), np.full(k, np.inf))
    assert not bounds.lawful
    boxes, branch = some_boxes(study, rng, bounds), study.branches["hybrid"]
    lower, possible = bounds.outlook(boxes)
    lower, possible = lower.reshape(len(boxes), -1, k), possible.reshape(len(boxes), -1)
    specs, steps = branch.spec.parameters, boxes.family.steps
    for i in range(len(boxes)):
        first, last = boxes.low[i] * (steps - 1), boxes.high[i] * (steps - 1)
        picks = rng.integers(np.rint(first), np.rint(last) + 1, (20, len(steps)))
        places = picks / np.maximum(steps - 1, 1)
        columns = branch.columns({n: value_at(p, places[:, j]) for j, (n, p) in enumerate(specs.items())})
        costs, feasible = outcomes(study, columns, 20)
        assert not (feasible & ~possible[i][:, None]).any()
        better = costs < lower[i][:, None] - 1e-9
        assert not (better & feasible[..., None]).any()


@pytest.mark.parametrize("seed", range(3))
def test_one_memory_is_at_least_as_fast_as_two_however_bytes_are_placed(
    study: ResolvedStudy, seed: int
) -> None:
    """Chip by chip: every cost and every violation, in every layout."""
    branch, rng = study.branches["hybrid"], np.random.default_rng(seed)
    specs = branch.spec.parameters.items()
    values = {n: value_at(p, rng.integers(0, p.steps or 2, 60) / ((p.steps or 2) - 1)) for n, p in specs}
    columns = branch.columns(values)
    real, feasible = outcomes(study, columns, 60)
    one, possible = outcomes(study, as_one_memory(columns, np.ones(60, dtype=np.bool_)), 60)
    assert (one <= real + 1e-9).all()
    assert not (feasible & ~possible).any()
    assert (one < real - 0.01).any()  # else it would bound nothing that two memories do not


def test_by_hand_two_memories_stream_at_the_sum_of_their_speeds() -> None:
    columns = {
        "sram_bytes": np.asarray([100.0]),
        "sram_usable": np.asarray([0.5]),
        "sram_pinned": np.asarray([1.0]),
        "sram_bandwidth": np.asarray([80.0]),
        "sram_efficiency": np.asarray([0.5]),
        "dram_bytes": np.asarray([1000.0]),
        "dram_bandwidth": np.asarray([20.0]),
        "dram_efficiency": np.asarray([0.8]),
        "kv_efficiency": np.asarray([0.4]),
        "sram_w": np.asarray([40.0]),
        "dram_w": np.asarray([30.0]),
    }
    made = as_one_memory(columns, np.asarray([True, False]))
    # 40 B/s of SRAM and 16 B/s of DRAM; of KV cache 40 and 8
    assert (made["dram_bandwidth"] * 0.8).tolist() == pytest.approx([56.0, 16.0])
    assert (made["dram_bandwidth"] * made["kv_efficiency"]).tolist() == pytest.approx([48.0, 8.0])
    assert made["dram_bytes"].tolist() == [1050.0, 1000.0]
    assert made["sram_bytes"].tolist() == [0.0, 100.0]
    # 0.5 J a byte of SRAM, 1.5 of DRAM
    assert (made["dram_w"] / made["dram_bandwidth"]).tolist() == pytest.approx([0.5, 1.5])
