"""Branch and bound: optimistic chips are beaten by none in their box, and proven gaps are never too small."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from studies_for_tests import write_study

from dse.chips.parameter_range import value_at
from dse.errors import SpecError
from dse.evaluate import scoring
from dse.evaluate.batch import grid_of
from dse.front.dominance import factor_to_cover
from dse.front.files import Front
from dse.question.resolved_study import ResolvedStudy, load_study
from dse.search.bound.bounds import Bounds
from dse.search.bound.boxes import Boxes, joined, whole
from dse.search.bound.corners import SLACK, STAGES, Table, corners, unordered
from dse.search.bound.judges import lead_of_two
from dse.search.bound.prove import Bound, prove
from dse.search.sweep.driver import SweepResult, sweep
from objectives import api

QUESTIONS: dict[str, dict[str, Any]] = {
    "decode": {},
    "prompts": {
        "workload": "chat",
        "objectives": ["usd_per_million_tokens", "tpot"],
        "reference_point": {"usd_per_million_tokens": "100 USD", "tpot": "1 s"},
    },
    # every pass of a block is alike, so that boxes stay lawful
    "blocks": {"workload": "chat-denoised", "serving": "decode-only"},
    "maximised": {
        "objectives": ["tokens_per_second", "tpot", "entry_price"],
        "goal": "tokens_per_second",
        "reference_point": {"tokens_per_second": "1 token/s", "tpot": "1 s", "entry_price": "1e9 USD"},
    },
}
COUNTS = {"peak_flops": 4, "sram": 5, "sram_bandwidth_per_byte": 3, "link_bandwidth": 3}


@pytest.fixture(scope="module", params=QUESTIONS)
def study(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ResolvedStudy:
    folder = tmp_path_factory.mktemp("bounds")
    return load_study(str(write_study(folder, baselines=[], **QUESTIONS[request.param])))


def outcomes(study: ResolvedStudy, columns: dict[str, Any]) -> tuple[list[np.ndarray], np.ndarray]:
    """Costs and feasibility of chips in every layout."""
    n = max(a.size for a in columns.values())
    layouts = grid_of(study).reshape(-1, 1)
    designs = api.Designs.of(chips=api.Chips.of(**columns), deployments=layouts)
    metrics = study.cost_model.evaluate(designs, study.context)
    shape = (layouts.size, n)
    ok = np.all(
        [np.broadcast_to(v, shape) <= 0.0 for v in scoring.violations(study, metrics).values()], axis=0
    )
    return [np.broadcast_to(c, shape) for c in scoring.costs(study, metrics)], ok


def nothing_in_a_box_beats_its_optimistic_chip(study: ResolvedStudy, seed: int) -> None:
    rng = np.random.default_rng(seed)
    branch = study.branches[sorted(study.branches)[seed % len(study.branches)]]
    specs, apart = branch.spec.parameters, unordered(branch)
    low, high = np.sort(rng.random((2, len(specs))) ** rng.choice([0.3, 1.0, 3.0]), axis=0)
    for i, (name, spec) in enumerate(specs.items()):
        if spec.choices:  # between two choices there is nothing
            low[i], high[i] = np.sort(rng.integers(0, spec.steps, 2)) / (spec.steps - 1)
        if name in apart:
            high[i] = low[i]
    held = {n: float(low[i]) for i, (n, p) in enumerate(specs.items()) if n in apart and p.choices}
    made = Table.of([corners(branch, held)]).optimistic(np.asarray([0]), low[None], high[None])
    places = low + rng.integers(0, 3, (24, len(specs))) / 2.0 * (high - low)
    real = branch.columns({n: value_at(p, places[:, i]) for i, (n, p) in enumerate(specs.items())})
    best, possible = outcomes(study, made)
    costs, feasible = outcomes(study, real)
    assert not (feasible & ~possible).any()
    slack = 1e-9 + (STAGES * SLACK if branch.kind == "hybrid" else 0.0)
    for bound, cost in zip(best, costs, strict=True):
        assert (bound <= cost + slack * np.abs(cost)).all()


@pytest.mark.parametrize("seed", range(12))
def test_no_chip_in_a_box_beats_its_optimistic_chip(study: ResolvedStudy, seed: int) -> None:
    nothing_in_a_box_beats_its_optimistic_chip(study, seed)


@pytest.mark.parametrize("seed", range(24))
def test_no_chip_of_any_node_and_dram_beats_the_optimistic_one(seed: int) -> None:
    nothing_in_a_box_beats_its_optimistic_chip(load_study("what-chip-would-beat-both"), seed)


def test_a_box_of_one_chip_knows_everything_of_it() -> None:
    branch = load_study("what-chip-would-beat-both").branches["hybrid"]
    rng, specs = np.random.default_rng(1), branch.spec.parameters
    boxes = joined(list(whole(branch, 1, lawful=True)))
    for i in range(0, len(boxes), 7):
        low, steps = boxes.low[i], boxes.family.steps
        at = np.where(low < boxes.high[i], [rng.integers(0, n) / (n - 1) for n in steps], low)
        made = boxes.family.table.optimistic(boxes.corners[i, None], at[None], at[None])
        real = branch.columns({n: value_at(p, at[None, i]) for i, (n, p) in enumerate(specs.items())})
        for name, column in real.items():
            np.testing.assert_allclose(made[name], column, rtol=1e-12, err_msg=name)


def test_optimistic_chips_of_many_boxes_are_those_of_each_alone() -> None:
    branch = load_study("what-chip-would-beat-both").branches["dram-only"]
    apart, names = unordered(branch), list(branch.spec.parameters)
    boxes = joined(list(whole(branch, 1, lawful=True)))  # whose corners differ from one DRAM kind to another
    boxes = joined([boxes, boxes.halves(np.full(len(boxes), 1))])
    together = boxes.family.table.optimistic(boxes.corners, boxes.low, boxes.high)
    for i in range(0, len(boxes), 5):
        own = corners(branch, {n: float(boxes.low[i, names.index(n)]) for n in apart}, apart)
        alone = Table.of([own]).optimistic(np.asarray([0]), boxes.low[i, None], boxes.high[i, None])
        assert alone.keys() == together.keys()
        for name, column in alone.items():
            assert column[0] == together[name][i if together[name].size > 1 else 0], name


def rows_of(boxes: Boxes) -> list[tuple[int, int]]:
    return list(zip(boxes.owner.tolist(), boxes.layouts.tolist(), strict=True))


def test_parts_of_boxes_keep_the_layouts_of_each() -> None:
    branch = load_study("groq-vs-h100").branches["sram-only"]
    one = joined(list(whole(branch, 4, lawful=True))).part(np.asarray([0]))
    four = one.part(np.asarray([0, 0, 0, 0]))
    keep = np.asarray([1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 1, 0, 0], dtype=bool)
    kept = four.kept(keep, np.asarray([4.0, 3.0, 2.0, 1.0]), np.arange(4), np.arange(4.0)[:, None])
    assert rows_of(kept) == [(0, 0), (0, 3), (1, 0), (1, 1), (1, 2), (1, 3), (2, 1)]
    assert kept.gap.tolist() == [4.0, 2.0, 1.0]
    assert kept.at[:, 0].tolist() == [0.0, 2.0, 3.0]
    turned = kept.part(np.asarray([2, 0, 2]))
    assert rows_of(turned) == [(0, 1), (1, 0), (1, 3), (2, 1)]
    assert turned.at[:, 0].tolist() == [3.0, 0.0, 3.0]
    assert rows_of(joined([turned, kept]))[3:5] == [(2, 1), (3, 0)]


@pytest.mark.parametrize("size", [1, 2, 60])
def test_leads_over_a_front_of_two_objectives_are_those_over_each_of_its_designs(size: int) -> None:
    rng = np.random.default_rng(size)
    front, rows = rng.normal(size=(size, 2)), rng.normal(size=(500, 2))
    front[size // 2] = front[0]
    each = (front[None] - rows[:, None]).max(axis=2).min(axis=1)
    np.testing.assert_allclose(lead_of_two(front, rows), each, rtol=1e-12)


@pytest.fixture(scope="module")
def swept(study: ResolvedStudy, tmp_path_factory: pytest.TempPathFactory) -> SweepResult:
    return sweep(study, out=tmp_path_factory.mktemp("exact") / "out")


def exact(swept: SweepResult) -> Front:
    assert swept.front is not None
    return swept.front


def test_pruning_finds_the_front_of_the_whole_sweep(study: ResolvedStudy, tmp_path: Path) -> None:
    if study.objectives[0].direction == "maximize":
        pytest.skip("three objectives leave too much of this space on the front to prune any of it")
    for name, prune in (("whole", False), ("pruned", True)):
        sweep(study, counts=COUNTS, prune=prune, out=tmp_path / name)
    tables = []
    for name in ("whole", "pruned"):
        front = sweep(study, counts=COUNTS, prune=name == "pruned", out=tmp_path / name).front
        assert front is not None
        tables.append(front.frame[[a.column for a in front.axes]].to_numpy())
    np.testing.assert_allclose(tables[1], tables[0], rtol=1e-9)


def test_pruning_tells_what_it_did(study: ResolvedStudy, tmp_path: Path) -> None:
    settled: list[int] = []
    result = sweep(
        study,
        counts=COUNTS,
        prune=True,
        out=tmp_path / "out",
        progress=lambda done, new, every, gap: settled.append(done),
    )
    front = exact(result)
    reported = front.manifest["sweep"]
    assert reported["pruned"]
    assert reported["boxes"] > 0 and reported["bounded"] >= reported["boxes"]
    assert reported["evaluated"] >= len(front.frame)
    assert settled[-1] == result.grid.size  # nothing is open in the end
    assert min(settled) >= 0


def test_designs_in_boxes_are_chips_times_layouts(study: ResolvedStudy) -> None:
    for branch in study.branches.values():
        boxes = joined(list(whole(branch, 3, lawful=True)))
        chips = np.prod([p.steps for p in branch.spec.parameters.values()], dtype=int)
        assert boxes.designs == 3 * chips
        axis = int(np.argmax(boxes.axes[0]))
        assert boxes.halves(np.full(len(boxes), axis)).designs == 3 * chips


@pytest.mark.parametrize(("over", "may"), [(0.03, True), (0.05, False)])
def test_slack_lets_a_bound_miss_a_limit_by_no_more(over: float, may: bool, tmp_path: Path) -> None:
    stages: dict[str, Any] = {"baselines": [], "deployment__pp": [8]}
    plain = load_study(str(write_study(tmp_path / "plain", **stages)))
    k, tpot = len(plain.objectives), [g.name for g in plain.objectives].index("tpot")
    bounds = Bounds(plain, np.full((1, k), 1e12), np.full(k, 1e30))
    boxes = joined(list(whole(plain.branches["hybrid"], bounds.layouts, lawful=True)))
    lower, ok = bounds.outlook(boxes)
    fastest = float(np.exp(lower[ok, tpot].min())) * (1.0 + STAGES * SLACK)
    limit = f"{fastest / (1.0 + over)} s"
    asked = load_study(str(write_study(tmp_path / "asked", targets={"tpot": limit}, **stages)))
    late = Bounds(asked, np.full((1, k), 1e12), np.full(k, 1e30))
    assert bool(len(late.bounded(boxes))) == may


def test_an_exact_front_is_proven_to_be_one(study: ResolvedStudy, swept: SweepResult) -> None:
    if study.objectives[0].direction == "maximize":
        pytest.skip("as above")
    bound = prove(study, exact(swept), tolerance=0.05, seconds=60)
    assert bound.closed
    assert 1.0 <= bound.factor <= 1.05
    for at in bound.at:
        assert at.best is not None
        assert at.bound is not None
        assert at.best / 1.05 <= at.bound <= at.best


def part_of(front: Front, every: int) -> Front:
    return Front(frame=front.frame.iloc[::every], baselines=front.baselines, axes=front.axes, manifest={})


def test_what_is_missing_is_never_more_than_what_is_proven(study: ResolvedStudy, swept: SweepResult) -> None:
    whole_front = exact(swept)
    some = part_of(whole_front, 5)
    columns = [a.column for a in some.axes]
    inside = np.all(
        [
            (whole_front.frame[a.column] < study.reference_point[a.name])
            if not a.maximised
            else (whole_front.frame[a.column] > study.reference_point[a.name])
            for a in some.axes
        ],
        axis=0,
    )
    missing = factor_to_cover(some.frame[columns], whole_front.frame[columns][inside], some.axes)
    assert missing > 1.01
    for seconds in (0.3, 3.0):
        bound: Bound = prove(study, some, seconds=seconds)
        assert bound.factor is not None
        assert bound.factor >= missing * (1 - 1e-9)


def test_more_time_never_proves_less(study: ResolvedStudy, swept: SweepResult) -> None:
    bounds = [prove(study, exact(swept), seconds=s, tolerance=0.0) for s in (0.0, 0.3, 1.0)]
    # before every chip is in a box that was bounded nothing is proven
    assert bounds[0].factor is None and bounds[0].ended == "time" and not bounds[0].closed
    factors = [np.inf if b.factor is None else b.factor for b in bounds]
    assert factors == sorted(factors, reverse=True)


def test_no_chip_between_the_steps_beats_what_is_proven_of_them(
    study: ResolvedStudy, swept: SweepResult
) -> None:
    front, rng = exact(swept), np.random.default_rng(3)
    bound = prove(study, front, between=True, seconds=1.5)
    assert bound.between
    signs = np.asarray([-1.0 if a.maximised else 1.0 for a in front.axes])
    worst = np.asarray([study.reference_point[a.name] for a in front.axes])
    for branch in study.branches.values():
        names = branch.spec.parameters.items()
        places = {
            n: rng.integers(0, p.steps or 1, 40) / max((p.steps or 1) - 1, 1)
            if n in unordered(branch) or n == "dram_stacks"
            else rng.random(40)
            for n, p in names
        }
        costs, feasible = outcomes(study, branch.columns({n: value_at(p, places[n]) for n, p in names}))
        values = np.stack([c[feasible] for c in costs], axis=1) * signs
        inside = (values * signs < worst * signs).all(axis=1)
        assert inside.any()
        found = front.frame[[a.column for a in front.axes]]
        assert bound.factor is not None
        assert factor_to_cover(found, values[inside], front.axes) <= bound.factor * (1 + 1e-9)


def test_boxes_are_halved_without_losing_a_value(study: ResolvedStudy) -> None:
    for branch in study.branches.values():
        boxes = joined(list(whole(branch, 1, lawful=False)))
        fixed = unordered(branch)
        sizes = [p.steps or 1 for n, p in branch.spec.parameters.items() if n in fixed]
        assert len(boxes) == np.prod(sizes, dtype=int)
        for axis, steps in enumerate(boxes.family.steps):
            if boxes.low[0, axis] == boxes.high[0, axis]:
                continue
            halves = boxes.part(np.asarray([0])).halves(np.asarray([axis]))
            left, right = halves.high[0], halves.low[1]
            values = np.arange(steps) / (steps - 1)
            below, above = values <= left[axis] + 1e-12, values >= right[axis] - 1e-12
            assert (below ^ above).all()
            assert below.any()
            assert above.any()


def test_a_column_without_a_law_is_refused(study: ResolvedStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dse.search.bound.corners.MORE", frozenset({"sram_bytes"}))
    branch = study.branches["hybrid"]
    with pytest.raises(SpecError, match="no bound is known for a chip whose"):
        corners(branch)


def test_an_empty_front_is_distinguished_from_a_proof(study: ResolvedStudy, swept: SweepResult) -> None:
    some = exact(swept)
    empty = Front(some.frame.head(0), some.baselines, some.axes, some.manifest)
    bound = prove(study, empty, seconds=1.0)
    assert bound.found == 0
    assert bound.factor is None and not bound.closed
    assert prove(study, some, seconds=0.0).found == len(some.frame)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ["4% lower"]),
        ({"deployment__pp": [1]}, ["2% lower"]),  # no stage to wait for
        # prompts pay for what is best for decode
        ({"workload": "chat"}, ["4% lower", "as if SRAM and DRAM were one memory"]),
        (
            {"llm": "mixtral-8x7b", "deployment__pp": [1, 8]},
            ["4% lower", "as if SRAM and DRAM were one memory"],
        ),  # experts make stages unlike
        ({"llm": "mixtral-8x7b", "deployment__pp": [1]}, ["2% lower"]),
    ],
)
def test_bounds_say_where_a_law_does_not_hold_and_what_is_done_about_it(
    tmp_path: Path, changes: dict[str, Any], said: list[str]
) -> None:
    asked = load_study(str(write_study(tmp_path, baselines=[], **changes)))
    k = len(asked.objectives)
    bounds = Bounds(asked, np.ones((1, k)), np.full(k, 1e9))
    remarks = bounds.remarks()
    assert len(remarks) == len(said)
    assert all(word in remark for word, remark in zip(said, remarks, strict=True))
    boxes = next(whole(asked.branches["hybrid"], bounds.layouts, lawful=bounds.lawful))
    assert boxes.two_memories.all() == (len(said) == 2)
