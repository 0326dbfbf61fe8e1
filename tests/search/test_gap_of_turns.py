"""Proofs of fronts of pools that take turns: no pair of any chips beats a front by more than is proven."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from search.test_gap_of_pairs import lead, outcomes, random_pool
from search.test_pruned_turns import DRAFTED, SPLIT, TOKENS, counts_of, load

from dse.chips.parameter_range import value_at
from dse.errors import SpecError
from dse.evaluate.pools.study_layouts import grid_of_pool
from dse.front.files import Front
from dse.question.pools.study import PooledStudy
from dse.search.bound.boxes import Boxes
from dse.search.pairs.driver import sweep_pairs
from dse.search.pairs.gap import question_of
from dse.search.pairs.result import eligibility_of
from dse.search.turns.gap import prove_turns
from dse.search.turns.question import Side, TurnQuestion
from dse.search.turns.tree import Tree

SWEPT = {
    "deployment": {"mode": "solve"},
    "sweep": {"objective": "tpot", "low": "1 ms", "high": "200 ms"},
    "report_at": ["5 ms", "20 ms"],
}
SECONDS = 8.0

Swept = tuple[PooledStudy, Front]


@pytest.fixture(
    scope="module",
    params=[(SPLIT, SWEPT), (SPLIT, TOKENS), (DRAFTED, SWEPT)],
    ids=["split", "tokens", "drafted"],
)
def swept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Swept:
    folder = tmp_path_factory.mktemp("gap")
    base, changes = request.param
    study = load(folder, base, **changes)
    return study, sweep_pairs(study, counts=counts_of(study), out=folder / "out", prune=True).front


def test_no_pair_of_random_chips_beats_the_front_by_more_than_is_proven(swept: Swept) -> None:
    study, front = swept
    found = prove_turns(study, front, eligibility_of(study), between=True, seconds=SECONDS)
    assert found.factor is not None and found.factor >= 1.0 and found.between and found.boxes > 0
    rows = front.frame[[a.column for a in front.axes]].to_numpy(dtype=float)
    tried = 0
    for seed in range(6):
        pools = [random_pool(study, role, 2000, 2 * seed + i) for i, role in enumerate(study.pools)]
        points = outcomes(study, *pools)
        tried += len(points)
        assert not len(points) or lead(rows, points) <= found.factor * (1.0 + 1e-9)
    assert tried > 100
    for at in found.at:
        assert at.best is None or (at.bound is not None and at.bound <= at.best * (1.0 + 1e-9))


def test_a_front_without_its_best_pairs_is_proven_no_better_than_it_is(swept: Swept) -> None:
    study, front = swept
    names = [a.column for a in front.axes]
    keep = np.random.default_rng(3).random(len(front.frame)) < 0.3
    keep[0] = True
    part = replace(front, frame=front.frame[keep].reset_index(drop=True))
    found = prove_turns(study, part, eligibility_of(study), seconds=SECONDS)
    every, some = (f.frame[names].to_numpy(dtype=float) for f in (front, part))
    assert found.factor is not None and found.factor >= lead(some, every) * (1.0 - 1e-9) > 1.0


def test_the_steps_of_a_space_are_closed_by_their_exact_front(tmp_path: Path) -> None:
    pools = {
        **SPLIT["pools"],
        "attention": {"chips": ["h100-sxm", "h200-sxm"], "tp": [1, 8], "pp": [1], "batch": [64]},
    }
    study = load(tmp_path, SPLIT, **SWEPT, pools=pools)
    front = sweep_pairs(study, out=tmp_path / "out", prune=True).front
    found = prove_turns(study, front, eligibility_of(study), seconds=60.0)
    assert found.closed and found.ended == "done" and found.factor == pytest.approx(1.0, abs=0.01)
    # what was taken away is found to be missing
    less = replace(front, frame=front.frame.iloc[:1].reset_index(drop=True))
    again = prove_turns(study, less, eligibility_of(study), seconds=60.0)
    rows = [f.frame[[a.column for a in front.axes]].to_numpy(dtype=float) for f in (less, front)]
    assert again.factor is not None and again.factor >= lead(*rows) * (1.0 - 1e-9)


def test_a_proof_ends_in_time_and_says_so(swept: Swept) -> None:
    study, front = swept
    told: list[float] = []
    found = prove_turns(
        study, front, eligibility_of(study), between=True, seconds=0.01, progress=lambda x, _: told.append(x)
    )
    assert found.ended == "time" and found.factor is None and not found.closed
    assert all(at.bound is None for at in found.at)


def inside(tree: Tree, boxes: Boxes, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A chip anywhere in each box of one branch, on the steps of what is counted."""
    family = boxes.family
    place = boxes.low + rng.random(boxes.low.shape) * (boxes.high - boxes.low)
    last = np.maximum(family.steps - 1, 1)
    stepped = (
        np.clip(np.rint(place * last), np.ceil(boxes.low * last - 1e-9), np.floor(boxes.high * last + 1e-9))
        / last
    )
    place = np.where((family.steps > 0) & (boxes.low < boxes.high), stepped, place)
    specs = family.branch.spec.parameters.items()
    return dict(
        family.branch.chips({n: value_at(spec, place[:, i]) for i, (n, spec) in enumerate(specs)}).columns()
    )


def fallen(tree: Tree, rng: np.random.Generator, family: int, count: int) -> np.ndarray:
    """Boxes of a branch after some random halvings."""
    own = np.flatnonzero(tree.family == family)
    nodes = rng.choice(own, size=count)
    for _ in range(int(rng.integers(0, 7))):
        wide = np.unique(nodes[tree.wide[nodes] & (tree.first_half[nodes] < 0)])
        if len(wide):
            axes = [rng.choice(np.flatnonzero(tree.boxes[family].axes[p])) for p in tree.place[wide]]
            tree.halve(wide, np.asarray(axes))
        halves = tree.first_half[nodes] + rng.integers(0, 2, size=count)
        nodes = np.where(tree.wide[nodes], halves, nodes)
    return nodes


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "changes",
    [(SPLIT, {}), (SPLIT, TOKENS), (DRAFTED, {}), (DRAFTED, TOKENS)],
    ids=["split", "split-tokens", "drafted", "drafted-tokens"],
)
def test_no_pair_of_chips_is_better_than_the_bound_of_their_boxes(
    tmp_path: Path, changes: tuple[dict[str, Any], dict[str, Any]], seed: int
) -> None:
    study, count = load(tmp_path, changes[0], **changes[1]), 600
    question = TurnQuestion.of(
        question_of(study), {r: grid_of_pool(r, own) for r, own in study.pools.items()}
    )
    rng = np.random.default_rng(seed)
    trees = [Tree(study.pools[role], between=bool(seed % 2)) for role in question.roles]
    checked = 0
    for first in range(len(trees[0].boxes)):
        for then in range(len(trees[1].boxes)):
            nodes = [fallen(t, rng, f, count) for t, f in zip(trees, (first, then), strict=True)]
            layouts = [rng.integers(own.size, size=count) for own in question.layouts]
            chips = [
                inside(t, t.boxes[f].part(t.place[n]), rng)
                for t, f, n in zip(trees, (first, then), nodes, strict=True)
            ]
            some = [
                Side(
                    columns={k: np.broadcast_to(a, (count,)) for k, a in own.items()},
                    one_memory={},
                    chips=np.arange(count),
                    layouts=at,
                    slack=np.zeros(count),
                )
                for own, at in zip(chips, layouts, strict=True)
            ]
            costs, ok = question.exact(some[0], some[1])
            exact = question.signs * np.log(np.abs(costs))
            bounds = [
                question.outlook(
                    trees[0].side(nodes[0], layouts[0] * len(question.cuts) + cut),
                    trees[1].side(nodes[1], layouts[1]),
                )
                for cut in range(len(question.cuts))
            ]
            lower = np.min([low for low, _ in bounds], axis=0)
            assert np.any([may for _, may in bounds], axis=0)[ok].all()
            assert (lower[ok] <= exact[ok] + 1e-9).all(), float((lower[ok] - exact[ok]).max())
            checked += int(ok.sum())
    assert checked > 200


def test_what_cannot_be_proven_is_a_sentence(tmp_path: Path) -> None:
    pools = {
        "attention": {"chips": ["r200"], "tp": [1]},
        "ffn": {"chips": ["h200-sxm", "r200"], "tp": [1]},
        "link": "25 GB/s, 5 us",
    }
    study = load(tmp_path, SPLIT, pools=pools, price={"method": "listed"})
    plain = Front(frame=None, baselines=None, axes=(), manifest={})  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="expected prices that all pairs rank by"):
        prove_turns(study, plain, eligibility_of(study), seconds=1.0)
