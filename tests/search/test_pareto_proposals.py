"""What a screened chip adds to a front, counted cell by cell; and how new chips are chosen among branches."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import LAW
from hypothesis import given, settings
from hypothesis import strategies as st
from studies_for_tests import write_study

from dse.question.resolved_study import ResolvedStudy, load_study
from dse.search.samplers.pareto import ParetoSampler, _Chip, _grouped, _Known
from dse.search.samplers.unit_cube import UnitCube
from dse.search.sweep.local_front import Local

SIDE = 6
"""The reference point is e^6 in both objectives: on a logarithmic scale a front covers whole cells."""

FRONTS = st.lists(st.tuples(st.integers(1, SIDE), st.integers(1, SIDE)), max_size=7)


def load(folder: Path, **changes: Any) -> ResolvedStudy:
    corner = {
        "usd_per_token_per_second": f"{float(np.exp(SIDE))} USD/(token/s)",
        "tpot": f"{float(np.exp(SIDE))} s",
    }
    return load_study(str(write_study(folder, baselines=[], reference_point=corner, **changes)))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> ResolvedStudy:
    return load(tmp_path_factory.mktemp("solve"))


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> ResolvedStudy:
    """Deployments are parameters of a trial, so that a chip is proposed with one of them."""
    lists = {"mode": "search", "batch": [1, 8, 64], "tp": [1, 8, 64], "pp": [1, 10, 80]}
    return load(tmp_path_factory.mktemp("search"), deployment=lists, sweep=None)


@pytest.fixture(scope="module")
def sampler(study: ResolvedStudy) -> ParetoSampler:
    return ParetoSampler(study, 1, points=2000)


def cells(points: list[tuple[int, int]]) -> set[tuple[int, int]]:
    """Unit cells, named by their lower corner, that some of the points dominate below the reference point."""
    every = product(range(SIDE), repeat=2)
    return {c for c in every if any(p[0] <= c[0] and p[1] <= c[1] for p in points)}


def costs(points: list[tuple[int, int]]) -> np.ndarray:
    return np.exp(np.asarray(points, dtype=float).reshape(-1, 2))


def chip(sampler: ParetoSampler, points: list[tuple[int, int]]) -> _Chip:
    cube = next(iter(sampler._cubes.values()))
    return _Chip(cube, np.zeros(len(cube.free)), costs(points), np.arange(len(points)))


@LAW
@given(FRONTS)
def test_the_volume_of_a_front_is_the_cells_that_it_dominates(
    sampler: ParetoSampler, front: list[tuple[int, int]]
) -> None:
    assert sampler._volume(costs(front)) == pytest.approx(len(cells(front)), abs=1e-9)


@LAW
@given(
    FRONTS, st.lists(st.tuples(st.integers(0, SIDE + 1), st.integers(0, SIDE + 1)), min_size=1, max_size=5)
)
def test_a_chip_adds_the_cells_that_only_its_designs_dominate(
    sampler: ParetoSampler, front: list[tuple[int, int]], own: list[tuple[int, int]]
) -> None:
    sampler._known = _Known(costs(front), [None] * len(front))
    before = sampler._volume(sampler._known.costs)
    gain = sampler._gain(chip(sampler, own), before)
    assert gain == pytest.approx(len(cells(own) - cells(front)), abs=1e-9)


@settings(LAW, max_examples=30)
@given(FRONTS, st.lists(st.tuples(st.integers(1, SIDE), st.integers(1, SIDE)), min_size=1, max_size=5))
def test_in_search_mode_a_chip_is_worth_its_best_single_design_and_keeps_no_other(
    single: ResolvedStudy, front: list[tuple[int, int]], own: list[tuple[int, int]]
) -> None:
    sampler = ParetoSampler(single, 1, points=2000)
    sampler._known = _Known(costs(front), [None] * len(front))
    made = chip(sampler, own)
    gain = sampler._gain(made, sampler._volume(sampler._known.costs))
    each = [len(cells([p]) - cells(front)) for p in own]
    assert gain == pytest.approx(max(each), abs=1e-9)
    assert len(made.costs) == len(made.layouts) == 1
    assert each[int(made.layouts[0])] == max(each)


def test_the_same_factor_counts_the_same_at_every_price(sampler: ParetoSampler) -> None:
    dear = sampler._volume(costs([(4, 2)])) - sampler._volume(costs([(5, 2)]))
    cheap = sampler._volume(costs([(1, 2)])) - sampler._volume(costs([(2, 2)]))
    assert dear == pytest.approx(cheap)


@LAW
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5), st.sampled_from("abc")), max_size=10))
def test_what_is_known_is_the_front_of_all_that_was_added_with_who_owns_it(
    added: list[tuple[int, int, str]],
) -> None:
    known = _Known(np.empty((0, 2)))
    for x, y, name in added:
        known.add(np.array([[x, y]], dtype=float), ("branch", np.array([float(ord(name))])))
    points = [(x, y) for x, y, _ in added]
    front = {p for p in points if not any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points)}
    assert {(int(a), int(b)) for a, b in known.costs} == front
    assert len(known.owners) == len(known.costs) == len(front)
    first = {p: next(name for x, y, name in added if (x, y) == p) for p in front}
    for (a, b), owner in zip(known.costs, known.owners, strict=True):
        assert owner is not None
        assert owner[1][0] == ord(first[int(a), int(b)])
    assert len(known.parents("branch")) == len(set(first.values()))
    assert known.parents("other") == []


def test_real_chips_own_points_but_are_no_parents() -> None:
    known = _Known(np.empty((0, 2)))
    known.add(np.array([[1.0, 2.0]]), None)
    known.add(np.array([[2.0, 1.0]]), ("branch", np.array([0.5])))
    assert len(known.costs) == 2
    assert [p.tolist() for p in known.parents("branch")] == [[0.5]]


# --- which chips are tried


def owners(names: str) -> list[tuple[str, np.ndarray] | None]:
    table = {"s": "sram-only", "d": "dram-only", "h": "hybrid"}
    return [(table[n], np.array([float(i)])) for i, n in enumerate(names)]


@pytest.mark.parametrize(
    ("front", "shares"),
    [
        ("", {"sram-only": 1 / 3, "dram-only": 1 / 3, "hybrid": 1 / 3}),
        ("s", {"sram-only": 2 / 3, "dram-only": 1 / 6, "hybrid": 1 / 6}),
        ("sd", {"sram-only": 5 / 12, "dram-only": 5 / 12, "hybrid": 1 / 6}),
        ("sssd", {"sram-only": 13 / 24, "dram-only": 7 / 24, "hybrid": 1 / 6}),
    ],
)
def test_half_of_the_chips_are_shared_evenly_and_half_by_the_front(
    sampler: ParetoSampler, front: str, shares: dict[str, float]
) -> None:
    assert set(sampler._cubes) == set(shares)
    sampler._known = _Known(np.ones((len(front), 2)), owners(front))
    assert sampler._shares(2400) == {name: round(2400 * share) for name, share in shares.items()}
    assert min(sampler._shares(1).values()) == 1


def test_points_of_a_front_are_grouped_by_the_chip_that_they_are_of(sampler: ParetoSampler) -> None:
    cube = next(iter(sampler._cubes.values()))
    candidates = [(cube, np.full(len(cube.free), float(i))) for i in range(4)]
    layouts = 10
    # -1 is what was known; chip 2 has designs 21 and 27, chip 0 has design 3
    found = Local(np.array([[9.0, 0.0], [1.0, 5.0], [2.0, 4.0], [3.0, 3.0]]), np.array([-1, 3, 21, 27]))
    made = _grouped(candidates, found, layouts)
    assert [c.place[0] for c in made] == [0.0, 2.0]
    assert [c.layouts.tolist() for c in made] == [[3], [1, 7]]
    assert [c.costs.tolist() for c in made] == [[[1.0, 5.0]], [[2.0, 4.0], [3.0, 3.0]]]


def test_a_target_is_what_a_design_of_the_chip_just_meets_inside_the_range(sampler: ParetoSampler) -> None:
    made = chip(sampler, [(1, 1)])
    made.costs = np.array([[1.0, 0.02]])
    target = sampler._target(made, "tpot", (0.001, 0.1))
    assert 0.02 < target < 0.02 * (1 + 1e-8)
    assert sampler._target(made, "tpot", (0.05, 0.1)) == 0.05
    assert sampler._target(made, "tpot", (0.001, 0.01)) == 0.01
    empty = chip(sampler, [])
    drawn = [sampler._target(empty, "tpot", (0.001, 0.1)) for _ in range(50)]
    assert all(0.001 <= t <= 0.1 for t in drawn)
    assert sum(t < 0.01 for t in drawn) in range(10, 41)  # half of a logarithmic range


# --- unit cubes


def test_a_child_without_a_move_has_each_parameter_of_a_parent(
    sampler: ParetoSampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UnitCube, "_mutations", lambda self, shape, rng: np.zeros(shape))
    rng = np.random.default_rng(0)
    for cube in sampler._cubes.values():
        parents = list(cube.drawn(3, rng))
        children = cube.bred(parents, 200, rng)
        for i in range(len(cube.free)):
            assert set(children[:, i]) <= {p[i] for p in parents}
        mixed = [not any(np.array_equal(c, p) for p in parents) for c in children]
        # three of ten mix two parents, which may be the same or draw no parameter
        assert 0.05 < np.mean(mixed) < 0.3


def test_a_step_moves_a_parameter_by_whole_steps_in_both_directions(sampler: ParetoSampler) -> None:
    rng = np.random.default_rng(1)
    for cube in sampler._cubes.values():
        moves = cube._mutations((4000, len(cube.free)), rng)
        for i, name in enumerate(cube.free):
            steps = cube.branch.spec.parameters[name].steps
            if not steps:
                continue
            jumps = moves[:, i] * (steps - 1)
            np.testing.assert_allclose(jumps, np.rint(jumps), atol=1e-9)
            assert np.abs(jumps).min() >= 1.0 - 1e-9
            assert np.mean(jumps > 0.0) == pytest.approx(0.5, abs=0.05)
            # a geometric law with 0.6: six of ten move by one step
            assert np.mean(np.abs(np.rint(jumps)) == 1.0) == pytest.approx(0.6, abs=0.05)


def test_snapping_moves_a_place_to_the_nearest_step_and_twice_as_once(sampler: ParetoSampler) -> None:
    rng = np.random.default_rng(2)
    for cube in sampler._cubes.values():
        at = rng.uniform(-0.2, 1.2, (300, len(cube.free)))
        found = cube.snapped(at)
        assert np.array_equal(cube.snapped(found), found)
        for i, name in enumerate(cube.free):
            steps = cube.branch.spec.parameters[name].steps
            grid = np.linspace(0.0, 1.0, steps) if steps else np.clip(at[:, i], 0.0, 1.0)
            nearest = np.abs(np.clip(at[:, i], 0.0, 1.0)[:, None] - np.atleast_1d(grid)[None]).min(axis=1)
            np.testing.assert_allclose(np.abs(found[:, i] - np.clip(at[:, i], 0.0, 1.0)), nearest, atol=1e-12)
