"""Boxes, cubes and grids of a space: every chip is in one of them, once, wherever it is cut."""

from itertools import product
from math import prod

import numpy as np
import pytest
from factories import LAW
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.chips.branch import Branch, branches_of
from dse.chips.parameter_range import value_at
from dse.chips.setting import Setting
from dse.errors import SpecError
from dse.search.bound.boxes import Boxes, joined, whole
from dse.search.bound.corners import LESS, MORE, Table, corners, unordered
from dse.search.samplers.unit_cube import UnitCube
from dse.search.sweep.grid import BranchGrid, Grid, Piece, axis_values
from dse.search.sweep.local_front import Local, pivots_of, screened_out, sifted
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.space import ParameterSpec, SpaceSpec
from dse.spec.schema.study import PrecisionSpec, PriceSpec
from dse.spec.schema.technology import TechnologySpec
from objectives import api

CATALOG = Catalog()
SETTING = Setting(
    catalog=CATALOG,
    precision=PrecisionSpec(weights="int8", kv="int8", activations="int8"),
    price=PriceSpec(method="unit-cost"),
    technology=CATALOG.get(TechnologySpec, "technology-2026"),
)
BRANCHES = branches_of(CATALOG.get(SpaceSpec, "lpu-or-hbm"), SETTING)
OPEN = branches_of(CATALOG.get(SpaceSpec, "open-chip"), SETTING)
EVERY = {
    **{f"lpu-or-hbm.{n}": b for n, b in BRANCHES.items()},
    **{f"open-chip.{n}": b for n, b in OPEN.items()},
}


@pytest.fixture(params=BRANCHES.values(), ids=BRANCHES)
def branch(request: pytest.FixtureRequest) -> Branch:
    made: Branch = request.param
    return made


@pytest.fixture(params=EVERY.values(), ids=EVERY)
def any_branch(request: pytest.FixtureRequest) -> Branch:
    made: Branch = request.param
    return made


# --- boxes


def start(branch: Branch, layouts: int = 3) -> Boxes:
    return joined(list(whole(branch, layouts, lawful=True)))


def test_the_boxes_of_a_branch_hold_every_chip_in_every_layout(branch: Branch) -> None:
    chips = prod(1 if p.low == p.high else p.steps or 0 for p in branch.spec.parameters.values())
    assert start(branch).designs == chips * 3


def test_halves_part_the_designs_of_a_box_and_share_no_step(branch: Branch) -> None:
    boxes = start(branch)
    rng = np.random.default_rng(1)
    while len(boxes := boxes.part(boxes.wide)):
        axis = np.array([rng.choice(np.flatnonzero(row)) for row in boxes.axes])
        halves = boxes.halves(axis)
        assert halves.designs == boxes.designs
        last = np.maximum(halves.family.steps - 1, 1)
        rows = np.arange(len(boxes))
        below, above = halves.high[0::2][rows, axis], halves.low[1::2][rows, axis]
        assert np.allclose((above - below) * last[axis], 1.0)  # the next step
        boxes = halves.part(rng.permutation(len(halves))[:20])


def test_boxes_are_halved_until_each_is_one_chip_and_no_chip_is_lost() -> None:
    """By hand: a small branch whose chips can all be listed."""
    branch = BRANCHES["dram-only"]
    counts = {name: min(p.steps or 1, 3) for name, p in branch.spec.parameters.items()}
    boxes = joined(list(whole(branch, 1, lawful=True, counts=counts)))
    found = set()
    while len(boxes):
        for low in boxes.part(boxes.single).low:
            found.add(tuple(low.round(9)))
        wide = boxes.part(boxes.wide)
        boxes = wide.halves(np.array([int(np.argmax(row)) for row in wide.axes])) if len(wide) else wide
    ranges = [
        [0.0] if p.low == p.high else [i / (counts[n] - 1) for i in range(counts[n])]
        for n, p in branch.spec.parameters.items()
    ]
    assert found == {tuple(np.round(place, 9)) for place in product(*ranges)}


@settings(LAW, max_examples=15)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.data())
def test_a_part_of_boxes_keeps_the_layouts_of_each(counts: list[int], data: st.DataObject) -> None:
    base = start(BRANCHES["dram-only"], 1).part(np.zeros(len(counts), dtype=int))
    numbers = [list(range(10 * i, 10 * i + n)) for i, n in enumerate(counts)]
    flat = np.array([v for each in numbers for v in each])
    boxes = Boxes(**{
        **{n: getattr(base, n) for n in ("family", "corners", "low", "high", "gap", "worst")},
        "counts": np.array(counts), "layouts": flat, "at": np.empty((len(counts), 0)),
    })  # fmt: skip
    chosen = data.draw(st.lists(st.integers(0, len(counts) - 1), max_size=8))
    part = boxes.part(np.array(chosen, dtype=int))
    assert part.layouts.tolist() == [v for i in chosen for v in numbers[i]]
    assert part.owner.tolist() == [k for k, i in enumerate(chosen) for _ in numbers[i]]
    keep = np.array(data.draw(st.lists(st.booleans(), min_size=len(flat), max_size=len(flat))), dtype=bool)
    kept = boxes.kept(keep, boxes.gap, boxes.worst, boxes.at)
    assert kept.layouts.tolist() == flat[keep].tolist()
    assert kept.counts.tolist() == [
        n for n in (sum(keep[flat == v][0] for v in each) for each in numbers) if n
    ]


def test_no_chip_of_a_box_beats_its_optimistic_chip_in_any_column(any_branch: Branch) -> None:
    rng = np.random.default_rng(2)
    names, apart = tuple(any_branch.spec.parameters), unordered(any_branch)
    held = [i for i, n in enumerate(names) if n in apart]
    ends = np.sort(rng.random((6, 2, len(names))), axis=1)
    for i in held:
        ends[:, :, i] = 0.0  # a box holds one value of these
    specs = any_branch.spec.parameters
    chosen = {names[i]: 0.0 for i in held if specs[names[i]].choices}
    table = Table.of([corners(any_branch, chosen, apart)])
    best = table.optimistic(np.zeros(6, dtype=int), ends[:, 0], ends[:, 1])
    inside = ends[:, 0] + rng.random((40, 6, len(names))) * (ends[:, 1] - ends[:, 0])
    places = inside.reshape(-1, len(names))
    found = any_branch.columns({n: value_at(p, places[:, i]) for i, (n, p) in enumerate(specs.items())})
    for name, column in found.items():
        made = np.broadcast_to(column, (240,)).reshape(40, 6)
        bound = np.broadcast_to(best[name], (6,))
        slack = 1e-9 * np.abs(made).max()
        if name in MORE:
            assert (made <= bound + slack).all(), name
        elif name in LESS and not np.array_equal(bound, np.zeros(6)):
            assert (made >= bound - slack).all(), name


# --- cubes


def test_a_place_and_its_trial_parameters_are_one_chip(any_branch: Branch) -> None:
    cube = UnitCube.of(any_branch)
    rng = np.random.default_rng(3)
    for at in cube.drawn(20, rng):
        assert cube.place(cube.parameters(at)) == pytest.approx(at, abs=1e-9)
        values = cube.values(at[None, :])
        for name, spec in any_branch.spec.parameters.items():
            low, high = (min(spec.numbers), max(spec.numbers)) if spec.numbers else (spec.low, spec.high)
            assert low * (1 - 1e-12) <= values[name][0] <= high * (1 + 1e-12), name


def test_new_chips_are_on_the_steps_and_inside_the_cube(any_branch: Branch) -> None:
    cube = UnitCube.of(any_branch)
    rng = np.random.default_rng(4)
    parents = list(cube.drawn(3, rng))
    bred = cube.bred(parents, 200, rng)
    assert ((bred >= 0.0) & (bred <= 1.0)).all()
    for i, name in enumerate(cube.free):
        if count := any_branch.spec.parameters[name].steps:
            assert np.allclose(bred[:, i] * (count - 1), np.rint(bred[:, i] * (count - 1)), atol=1e-9)
    assert np.array_equal(cube.snapped(bred), bred)
    assert (np.abs(bred - parents[0]).sum(axis=1) > 0.0).any()
    same = [(row[None, :] == np.stack(parents)).any(axis=0).mean() for row in bred]
    assert np.mean(same) > 0.3  # most of a child is from a parent


# --- grids

UNEVEN = ParameterSpec(low=1.0, high=8.0, steps=3, choices=("1", "2", "8"), numbers=(1.0, 2.0, 8.0))


@pytest.mark.parametrize(
    ("spec", "count", "values"),
    [
        (ParameterSpec(low=1.0, high=100.0, scale="log", steps=3), None, [1.0, 10.0, 100.0]),
        (ParameterSpec(low=1.0, high=4.0, steps=3), 4, [1.0, 2.0, 3.0, 4.0]),
        (ParameterSpec(low=5.0, high=5.0), 9, [5.0]),
        (UNEVEN, None, [1.0, 2.0, 8.0]),
    ],
)
def test_an_axis_has_its_ends_and_equal_steps_on_its_scale(
    spec: ParameterSpec, count: int | None, values: list[float]
) -> None:
    assert axis_values("b.sram", spec, count).tolist() == pytest.approx(values)


@pytest.mark.parametrize(
    ("spec", "count", "reported"),
    [
        (ParameterSpec(low=1.0, high=2.0), None, "give dram_stacks=N"),
        (ParameterSpec(low=1.0, high=2.0), 1, "expected at least 2 values, got 1"),
        (ParameterSpec(low=1.0, high=2.0), 0, "expected at least 2 values, got 0"),
        (ParameterSpec(low=1.0, high=5.0), 4, "expected whole numbers, so at most 5 values, got 4"),
        (UNEVEN, 4, "expected its 3 choices, got 4"),
    ],
)
def test_an_axis_that_cannot_be_is_refused_with_its_place(
    spec: ParameterSpec, count: int | None, reported: str
) -> None:
    with pytest.raises(SpecError, match=reported) as caught:
        axis_values("b.dram_stacks", spec, count)
    assert "b.dram_stacks" in str(caught.value)


def test_numbers_of_chips_lead_to_every_combination_with_the_last_parameter_fastest() -> None:
    axes = {"a": np.array([1.0, 2.0]), "b": np.array([10.0, 20.0, 30.0])}
    made = BranchGrid(branch=BRANCHES["dram-only"], axes=axes, first=100)
    values = made.values(np.arange(100, 106))
    assert made.size == 6
    assert list(zip(values["a"], values["b"], strict=True)) == list(product([1.0, 2.0], [10.0, 20.0, 30.0]))


@settings(LAW, max_examples=25)
@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 9), st.integers(1, 60))
def test_pieces_of_the_deployments_hold_each_once_and_no_piece_is_too_large(
    layouts: int, stages: int, batches: int, most: int
) -> None:
    one = (layouts, 1, 1, 1)
    columns = {
        "tp": one, "cp": one, "ep": one, "dp": one, "pp": (1, stages, 1, 1), "batch": (1, 1, batches, 1),
    }  # fmt: skip
    every = api.Deployments(**{n: np.arange(1.0, 1 + prod(s)).reshape(s) for n, s in columns.items()})
    made = BranchGrid(branch=BRANCHES["dram-only"], axes={}, first=0)
    pieces: list[Piece] = Grid(branches=(made,), deployments=every).pieces(most)
    numbers = [n for piece in pieces for n in piece.numbers.tolist()]
    assert sorted(numbers) == list(range(layouts * stages * batches))
    flat = {n: np.broadcast_to(a, every.shape).reshape(-1) for n, a in every.columns().items()}
    for piece in pieces:
        assert len(piece.numbers) <= max(most, 1)
        for name, a in piece.deployments.columns().items():
            shape = np.broadcast_shapes(*(c.shape for c in piece.deployments.columns().values()))
            assert np.broadcast_to(a, shape).reshape(-1).tolist() == flat[name][piece.numbers].tolist()


# --- screening

COSTS = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=12)


@LAW
@given(COSTS, COSTS)
def test_screening_drops_what_a_point_of_the_front_beats_in_every_objective(
    front: list[tuple[int, int]], points: list[tuple[int, int]]
) -> None:
    known = np.array(front, dtype=float)
    costs = np.array(points, dtype=float)
    pivots = pivots_of(known, costs, 4)
    assert pivots.shape == (4, 2)
    out = np.broadcast_to(screened_out(list(costs.T), pivots), (len(points),))
    for dropped, p in zip(out.tolist(), points, strict=True):
        beaten = any(f[0] < p[0] and f[1] < p[1] for f in front)
        assert beaten or not dropped
    left = set(sifted(list(costs.T), np.ones(len(points), dtype=bool), pivots).tolist())
    assert left == {i for i, dropped in enumerate(out.tolist()) if not dropped}
    # one pivot for each row of the front is enough to drop all that is beaten
    whole_front = pivots_of(known, costs, len(front))
    all_out = np.broadcast_to(screened_out(list(costs.T), whole_front), (len(points),)).tolist()
    assert all_out == [any(f[0] < p[0] and f[1] < p[1] for f in front) for p in points]


@LAW
@given(COSTS)
def test_what_is_merged_one_by_one_is_what_is_merged_at_once(points: list[tuple[int, int]]) -> None:
    costs, numbers = np.array(points, dtype=float), np.arange(len(points))
    at_once = Local.empty(2).merged(costs, numbers)
    one_by_one = Local.empty(2)
    for i in reversed(numbers):
        one_by_one = one_by_one.merged(costs[i : i + 1], numbers[i : i + 1])
    assert at_once.points.tolist() == one_by_one.points.tolist()
    for i, p in enumerate(points):
        beaten = any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points) or p in points[:i]
        assert (i in at_once.points) is not beaten
