"""Blocks of a sweep merge to the front of all designs, and boxes are never bounded below what they hold."""

import numpy as np
import pytest
from factories import LAW
from hypothesis import given, settings
from hypothesis import strategies as st
from studies_for_tests import write_study

from dse.question.resolved_study import load_study
from dse.search.bound.bounds import Bounds, _together
from dse.search.bound.boxes import joined, whole
from dse.search.bound.corners import _shared
from dse.search.bound.judges import ROUNDING, _lead
from dse.search.sweep.block import SweepJob, Task, chunks, front_of_some, makeable, solve
from dse.search.sweep.grid import grid
from dse.search.sweep.local_front import Local

COUNTS = {"peak_flops": 2, "sram": 3, "sram_bandwidth_per_byte": 2, "link_bandwidth": 2, "dram_stacks": 2}
NO_PIVOTS = np.full((1, 2), np.inf)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> SweepJob:
    lists = {"mode": "solve", "batch": [1, 64], "tp": [1, 8], "pp": [1, 10]}
    path = write_study(tmp_path_factory.mktemp("blocks"), baselines=[], deployment=lists)
    study = load_study(str(path))
    return SweepJob.of(study, grid(study, COUNTS))


@pytest.fixture(scope="module")
def table(job: SweepJob) -> tuple[np.ndarray, np.ndarray]:
    """Costs and feasibility of every design of the grid by its number, chip by chip."""
    size = job.grid.size
    costs, ok, seen = np.full((size, 2), np.nan), np.zeros(size, dtype=bool), np.zeros(size, dtype=int)
    for branch in job.grid.branches:
        for number in range(branch.first, branch.first + branch.size):
            one = np.asarray([number])
            for chunk in chunks(job, one, branch.branch.columns(branch.values(one))):
                costs[chunk.points] = np.stack(chunk.costs, axis=1)
                ok[chunk.points] = chunk.feasible()
                seen[chunk.points] += 1
    assert (seen == 1).all()
    return costs, ok


def front_by_hand(costs: np.ndarray, ok: np.ndarray, among: np.ndarray) -> list[int]:
    """Numbers of feasible designs that no other feasible one beats; of equal ones the first."""
    alive = [i for i in among.tolist() if ok[i]]
    kept = []
    for i in alive:
        c = costs[i]
        beaten = (costs[alive] <= c).all(axis=1) & (costs[alive] < c).any(axis=1)
        equal = [j for j in alive if j < i and (costs[j] == c).all()]
        if not beaten.any() and not equal:
            kept.append(i)
    return kept


# --- blocks


@settings(LAW, max_examples=12)
@given(st.data())
def test_wherever_a_grid_is_cut_the_fronts_of_its_blocks_merge_to_the_front_of_all(
    job: SweepJob, table: tuple[np.ndarray, np.ndarray], data: st.DataObject
) -> None:
    costs, ok = table
    cuts = sorted(data.draw(st.sets(st.integers(1, job.grid.chips - 1), max_size=4)))
    ends = [0, *cuts, job.grid.chips]
    blocks = data.draw(st.permutations(range(len(ends) - 1)))
    found, evaluated = Local.empty(2), 0
    for i in blocks:
        made = solve(job, Task(block=i, start=ends[i], stop=ends[i + 1], pivots=NO_PIVOTS, fingerprint=""))
        assert made.block == i
        evaluated += made.evaluated
        found = found.merged(made.front.costs, made.front.points)
    assert found.points.tolist() == front_by_hand(costs, ok, np.arange(job.grid.size))
    np.testing.assert_allclose(found.costs, costs[found.points], rtol=1e-12)
    assert evaluated <= job.grid.size
    assert evaluated % job.grid.layouts == 0


@settings(LAW, max_examples=12)
@given(st.data())
def test_the_front_of_some_designs_is_that_of_these_alone(
    job: SweepJob, table: tuple[np.ndarray, np.ndarray], data: st.DataObject
) -> None:
    costs, ok = table
    branch = data.draw(st.sampled_from(job.grid.branches))
    pairs = st.tuples(st.integers(0, branch.size - 1), st.integers(0, job.grid.layouts - 1))
    chosen = data.draw(st.lists(pairs, min_size=1, max_size=30))
    chips = np.asarray([branch.first + c for c, _ in chosen])
    layouts = np.asarray([n for _, n in chosen])
    found, _ = front_of_some(job, branch, chips, layouts, NO_PIVOTS)
    numbers = np.unique(chips * job.grid.layouts + layouts)
    assert found.points.tolist() == front_by_hand(costs, ok, numbers)
    np.testing.assert_allclose(found.costs, costs[found.points], rtol=1e-12)


def test_a_chip_that_cannot_be_made_has_no_feasible_design(
    job: SweepJob, table: tuple[np.ndarray, np.ndarray]
) -> None:
    _, ok = table
    by_chip = ok.reshape(-1, job.grid.layouts)
    for branch in job.grid.branches:
        every = branch.first + np.arange(branch.size)
        kept, columns = makeable(job, branch, every)
        assert set(np.flatnonzero(by_chip.any(axis=1))) & set(every.tolist()) <= set(kept.tolist())
        assert all(len(a) in (1, len(kept)) for a in columns.values())


# --- boxes


@settings(LAW, max_examples=10)
@given(st.integers(0, 10**6), st.integers(1, 12))
def test_no_design_in_a_box_leads_the_front_by_more_than_the_gap_of_the_box(
    job: SweepJob, table: tuple[np.ndarray, np.ndarray], seed: int, known: int
) -> None:
    """A front of a few random designs; every box is halved at random and every chip in it looked up."""
    costs, ok = table
    rng = np.random.default_rng(seed)
    front = costs[rng.choice(np.flatnonzero(ok), known)]
    bounds = Bounds(job.study, front, np.asarray([np.inf, np.inf]))
    for part in job.grid.branches:
        counts = {name: len(axis) for name, axis in part.axes.items()}
        boxes = joined(list(whole(part.branch, bounds.layouts, lawful=bounds.lawful, counts=counts)))
        for _ in range(2):
            wide = boxes.part(boxes.wide)
            if len(wide):
                boxes = wide.halves(np.asarray([rng.choice(np.flatnonzero(row)) for row in wide.axes]))
        boxes = boxes.part(np.arange(len(boxes))[:64])
        found = bounds.bounded(boxes)
        gaps = {(tuple(a), tuple(b)): g for a, b, g in zip(found.low, found.high, found.gap, strict=True)}
        shape = tuple(len(axis) for axis in part.axes.values())
        last = np.maximum(np.asarray(shape) - 1, 1)
        places = np.stack(np.unravel_index(np.arange(part.size), shape), axis=1) / last
        for low, high in zip(boxes.low, boxes.high, strict=True):
            inside = ((places >= low - 1e-9) & (places <= high + 1e-9)).all(axis=1)
            chips = part.first + np.flatnonzero(inside)
            designs = (chips[:, None] * job.grid.layouts + np.arange(job.grid.layouts)).reshape(-1)
            mine = np.log(costs[designs[ok[designs]]])
            leads = [max(0.0, min(max(np.log(f) - row) for f in front)) for row in mine]
            assert max(leads, default=0.0) <= gaps.get((tuple(low), tuple(high)), 0.0) + 2 * ROUNDING


@LAW
@given(st.integers(2, 4), st.integers(0, 6), st.integers(1, 6), st.integers(0, 10**6))
def test_the_lead_over_a_front_is_the_least_of_the_largest_lead_over_each_design(
    goals: int, designs: int, rows: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    front, lower = rng.normal(size=(designs, goals)), rng.normal(size=(rows, goals))
    expected = [min((max(f - row) for f in front), default=np.inf) for row in lower]
    assert _lead(front, lower).tolist() == expected


@LAW
@given(st.lists(st.lists(st.sampled_from((-1.0, 0.0, 1.0)), min_size=4, max_size=4), min_size=1, max_size=8))
def test_every_column_has_a_corner_that_grants_all_of_its_wishes(wishes: list[list[float]]) -> None:
    wished = {f"column{i}": np.asarray(w) for i, w in enumerate(wishes)}
    ends, best = _shared(wished, 4)
    assert set(best) == set(wished)
    for name, wish in wished.items():
        corner = ends[best[name]]
        assert (corner[wish > 0.0]).all()
        assert not corner[wish < 0.0].any()
    assert len(ends) <= len({tuple(w) for w in wishes})


@settings(LAW, max_examples=10)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_boxes_are_evaluated_in_slices_that_hold_each_once(job: SweepJob, counts: list[int]) -> None:
    part = job.grid.branches[0]
    one = {name: len(axis) for name, axis in part.axes.items()}
    boxes = joined(list(whole(part.branch, 1, lawful=True, counts=one))).part(
        np.zeros(len(counts), dtype=int)
    )
    object.__setattr__(boxes, "counts", np.asarray(counts) * 1000)
    slices = list(_together(boxes, 10**9))
    assert [i for s in slices for i in range(s.start, s.stop)] == list(range(len(counts)))
