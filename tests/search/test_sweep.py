"""The exact sweep: against every point one by one, on both backends, interrupted, resumed, shuffled."""

from collections.abc import Callable, Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from again import differences, first, one
from studies_for_tests import write_study

from dse.chips.resolve import chip_columns, chips_of
from dse.errors import SpecError
from dse.question.resolved_study import ResolvedStudy, load_study
from dse.search.run.runner import run
from dse.search.sweep import block as blocks
from dse.search.sweep import driver
from dse.search.sweep.block import Solved, Task
from dse.search.sweep.driver import SweepResult, sweep
from dse.search.sweep.grid import grid
from objectives import api

COUNTS = {"peak_flops": 3, "sram": 4, "sram_bandwidth_per_byte": 2, "link_bandwidth": 2, "dram_stacks": 2}
BACKENDS = ("numpy", "jax")


def study(folder: Path, **changes: Any) -> ResolvedStudy:
    return load_study(str(write_study(folder, **changes)))


def swept(folder: Path, question: ResolvedStudy, **options: Any) -> SweepResult:
    return sweep(question, counts=COUNTS, out=folder / "out", **options)


def one_by_one(question: ResolvedStudy) -> list[tuple[float, ...]]:
    """Every feasible point of the grid as its signed objectives, evaluated apart from all others."""
    signs = [1.0 if g.direction == "minimize" else -1.0 for g in question.objectives]
    d, found = question.spec.deployment, []
    for part in grid(question, COUNTS).branches:
        for values in product(*part.axes.values()):
            chosen = {n: np.asarray([v]) for n, v in zip(part.axes, values, strict=True)}
            layouts = np.asarray(list(product(d.tp, d.pp, d.batch)), dtype=float).T
            one = np.ones(layouts.shape[1])
            designs = api.Designs.of(
                chips=part.branch.chips(chosen),
                deployments=api.Deployments(
                    tp=layouts[0], cp=one, pp=layouts[1], batch=layouts[2], ep=one, dp=one
                ),
            )
            metrics = question.cost_model.evaluate(designs, question.context)
            values_of = [g.value(metrics, question.context) for g in question.objectives]
            ok = np.broadcast_to(metrics.feasible(), designs.shape).copy()
            for target in question.targets:
                value = target.objective.value(metrics, question.context)
                ok &= api.violation(target.objective, value, target.limit) <= 0.0
            columns = [np.broadcast_to(v, designs.shape) * s for v, s in zip(values_of, signs, strict=True)]
            found += [tuple(map(float, row)) for row in np.stack(columns, axis=1)[ok]]
    return found


def undominated(points: Iterable[tuple[float, ...]]) -> list[tuple[float, ...]]:
    kept: list[tuple[float, ...]] = []
    for p in sorted(set(points)):  # whoever dominates a point comes before it
        if not any(all(a <= b for a, b in zip(q, p, strict=True)) for q in kept):
            kept.append(p)
    return kept


def signed(result: SweepResult, role: str = "search") -> list[tuple[float, ...]]:
    assert result.front is not None
    frame = result.front.frame[result.front.frame["role"] == role]
    columns = [frame[a.column].to_numpy() * (-1.0 if a.maximised else 1.0) for a in result.front.axes]
    return sorted(tuple(map(float, row)) for row in np.stack(columns, axis=1))


QUESTIONS: dict[str, dict[str, Any]] = {
    "two objectives": {"baselines": []},
    "three, one of them maximised": {
        "baselines": [],
        "objectives": ["usd_per_token_per_second", "tpot", "tokens_per_second"],
        "reference_point": {
            "usd_per_token_per_second": "1000 USD/(token/s)",
            "tpot": "100 ms",
            "tokens_per_second": "1 token/s",
        },
    },
    "a target, prompts that count": {
        "baselines": [],
        "workload": "chat",
        "targets": {"ttft": "0.5 s"},
        "objectives": ["usd_per_million_tokens", "tpot"],
        "reference_point": {"usd_per_million_tokens": "100 USD", "tpot": "1 s"},
    },
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", QUESTIONS)
def test_the_front_is_that_of_all_points_one_by_one(name: str, backend: str, tmp_path: Path) -> None:
    question = study(tmp_path, **QUESTIONS[name])
    truth = undominated(one_by_one(question))
    assert len(truth) > 3
    found = signed(swept(tmp_path, question, backend=backend))
    # the same double-precision operations on arrays of other shapes
    np.testing.assert_allclose(found, truth, rtol=1e-12)


def test_both_backends_write_the_same_files(tmp_path: Path) -> None:
    question = study(tmp_path)
    for backend in BACKENDS:
        sweep(question, counts=COUNTS, backend=backend, out=tmp_path / backend)
    for name in ("front.csv", "baselines.csv", "manifest.json"):
        assert (tmp_path / "numpy" / name).read_bytes() == (tmp_path / "jax" / name).read_bytes()


def test_rows_say_what_the_cost_model_says_and_chips_lie_on_the_grid(tmp_path: Path) -> None:
    question = study(tmp_path)
    result = swept(tmp_path, question)
    assert result.front is not None
    rows = result.front.frame.to_dict("records")
    assert rows
    assert not differences(question, result.front.frame)
    for row in rows:
        if row["role"] == "search":
            name, _, number = row["chip"].rpartition("-")
            part = next(b for b in result.grid.branches if b.branch.name == name)
            assert row["trial"] == int(number)
            for parameter, axis in part.axes.items():
                assert row[f"param_{parameter}"] in axis.tolist()


def test_baselines_compete_for_the_front(tmp_path: Path) -> None:
    question = study(tmp_path, deployment={"mode": "solve", "batch": [1], "tp": [8], "pp": [1]})
    result = swept(tmp_path, question)
    assert result.front is not None
    assert set(result.front.baselines["chip"]) == {"h100-sxm"}  # 8 LPUs hold no LLaMA-2 70B
    both = undominated([*signed(result), *signed(result, "baseline")])
    assert both == sorted([*signed(result), *signed(result, "baseline")])


def test_every_deployment_of_a_real_chip_is_evaluated(tmp_path: Path) -> None:
    question = study(tmp_path)
    result = swept(tmp_path, question)
    assert result.front is not None
    d, rows = question.spec.deployment, result.front.baselines
    assert set(rows["chip"]) == {"groq-lpu-v1", "h100-sxm"}
    for name, own in rows.groupby("chip"):
        chip = chips_of([chip_columns(question.baselines[str(name)], question.setting)])
        points = []
        for batch, tp, pp in product(d.batch, d.tp, d.pp):
            metrics = one(question, chip, batch, tp, pp)
            if all(first(v) <= 0.0 for v in metrics.violations.values()):
                points.append(tuple(first(g.value(metrics, question.context)) for g in question.objectives))
        found = sorted(map(tuple, own[[a.column for a in result.front.axes]].to_numpy().tolist()))
        np.testing.assert_allclose(found, undominated(points), rtol=1e-12)


def results(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


@pytest.mark.parametrize("prune", [False, True])
@pytest.mark.parametrize("what", ["sweep", "run"])
def test_a_folder_of_another_study_is_refused_and_left_as_it_is(
    what: str, prune: bool, tmp_path: Path
) -> None:
    other, out = load_study(str(write_study(tmp_path, "other"))), tmp_path / "out"
    if what == "sweep":
        sweep(other, counts=COUNTS, out=out)
    else:
        run(other, trials=4, out=out)
    before = results(out)
    with pytest.raises(SpecError, match="expected a folder for 'small', got the results of 'other'"):
        swept(tmp_path, study(tmp_path), prune=prune)
    assert results(out) == before
    fresh = swept(tmp_path, study(tmp_path), fresh=True)
    assert fresh.points == fresh.grid.size
    assert {n: (out / "previous-0001" / n).read_bytes() for n in before if n != ".lock"} == {
        n: text for n, text in before.items() if n != ".lock"
    }


def test_points_are_numbered_once_each_and_found_again(tmp_path: Path) -> None:
    made = grid(study(tmp_path), COUNTS)
    assert made.size == made.chips * made.layouts == (3 * 4 * 2 * 2 + 3 * 2 * 2 + 3 * 4 * 2 * 2 * 2) * 27
    parts = list(made.parts(5, made.chips - 5))
    assert (parts[0][1], parts[-1][2]) == (5, made.chips - 5)
    assert [p[2] for p in parts[:-1]] == [p[1] for p in parts[1:]]
    seen = set()
    for branch in made.branches:
        numbers = np.arange(branch.first, branch.first + branch.size)
        values = branch.values(numbers)
        seen |= {
            (branch.branch.name, *row) for row in zip(*(v.tolist() for v in values.values()), strict=True)
        }
    assert len(seen) == made.chips


@pytest.mark.parametrize("most", [1, 2, 5, 26])
def test_deployments_in_pieces_are_all_deployments(most: int, tmp_path: Path) -> None:
    made = grid(study(tmp_path), COUNTS)
    pieces = made.pieces(most)
    assert max(p.numbers.size for p in pieces) <= most
    assert sorted(n for p in pieces for n in p.numbers) == list(range(made.layouts))
    flat = made.deployments.reshape(-1)
    for piece in pieces:
        for name, column in piece.deployments.reshape(-1).columns().items():
            assert column.tolist() == flat.columns()[name][piece.numbers].tolist()


def test_memory_is_bounded_by_pieces_that_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = study(tmp_path)
    whole = sweep(question, counts=COUNTS, out=tmp_path / "whole")
    monkeypatch.setattr(blocks, "CHUNK", 7)
    pieces = sweep(question, counts=COUNTS, out=tmp_path / "pieces")
    np.testing.assert_allclose(signed(pieces), signed(whole), rtol=1e-12)


Work = Callable[[Task], Solved]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "BLOCK", 27 * 8)
    monkeypatch.setattr(driver, "EVERY", 0.0)


def backwards(work: Work, tasks: Iterable[Task]) -> Iterator[Solved]:
    yield from [work(t) for t in reversed(list(tasks))]


def test_the_order_of_blocks_changes_nothing(tmp_path: Path, small_blocks: None) -> None:
    question = study(tmp_path)
    for name, executor in (("forth", None), ("back", backwards)):
        sweep(question, counts=COUNTS, out=tmp_path / name, executor=executor)
    for name in ("front.csv", "manifest.json"):
        assert (tmp_path / "forth" / name).read_bytes() == (tmp_path / "back" / name).read_bytes()


def test_an_interrupted_sweep_continues_and_ends_as_if_nothing_had_happened(
    tmp_path: Path, small_blocks: None
) -> None:
    question, done = study(tmp_path), []

    def stops(work: Work, tasks: Iterable[Task]) -> Iterator[Solved]:
        for task in tasks:
            if len(done) == 7:
                raise KeyboardInterrupt
            done.append(task.block)
            yield work(task)

    def notes(work: Work, tasks: Iterable[Task]) -> Iterator[Solved]:
        for task in tasks:
            done.append(task.block)
            yield work(task)

    first = swept(tmp_path, question, executor=stops)
    assert first.front is None
    assert not (tmp_path / "out" / "front.csv").exists()
    assert first.points == 7 * 27 * 8
    second = swept(tmp_path, question, executor=notes)
    assert sorted(done) == list(range(-(-second.grid.chips // 8)))  # every block once
    third = swept(tmp_path, question, executor=notes)
    assert third.new_points == 0
    undisturbed = sweep(question, counts=COUNTS, out=tmp_path / "undisturbed")
    assert undisturbed.front is not None
    for name in ("front.csv", "baselines.csv", "manifest.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "undisturbed" / name).read_bytes()


def test_a_fresh_sweep_moves_the_old_one_to_a_backup(tmp_path: Path) -> None:
    question = study(tmp_path)
    swept(tmp_path, question)
    again = swept(tmp_path, question, fresh=True)
    assert again.new_points == again.grid.size
    assert (tmp_path / "out" / "previous-0001" / "sweep.sqlite").is_file()


def test_a_changed_question_is_refused_with_what_changed(tmp_path: Path) -> None:
    swept(tmp_path, study(tmp_path))
    changed = study(tmp_path, workload="chat")
    with pytest.raises(
        SpecError, match=r"(?s)has changed.*study\.workload: stored article, now chat.*--fresh"
    ):
        swept(tmp_path, changed)
    with pytest.raises(SpecError, match=r"grid\.sram-only\.sram: stored 4, now 5"):
        sweep(study(tmp_path), counts={**COUNTS, "sram": 5}, out=tmp_path / "out")


def test_another_sampler_or_seed_is_the_same_sweep(tmp_path: Path) -> None:
    swept(tmp_path, study(tmp_path))
    again = swept(tmp_path, study(tmp_path, sampler={"name": "tpe"}, seed=7, title="The same", report_at=[]))
    assert again.new_points == 0


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"srm": 4}, r"unknown parameter 'srm'.*sram"),
        ({"sram": 1}, r"sram-only\.sram: expected at least 2 values, got 1"),
        ({"dram_stacks": 11}, r"dram_stacks: expected whole numbers, so at most 6 values, got 11"),
    ],
)
def test_a_wrong_grid_is_refused(counts: dict[str, int], words: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=words):
        sweep(study(tmp_path), counts=counts, out=tmp_path / "out")


def test_an_unknown_backend_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"unknown backend 'jx'.*jax"):
        swept(tmp_path, study(tmp_path), backend="jx")


def test_a_question_that_nothing_answers_has_an_empty_front(tmp_path: Path) -> None:
    result = swept(tmp_path, study(tmp_path, targets={"tpot": "1 ns"}))
    assert result.front is not None
    assert len(result.front.frame) == 0
    assert result.front.manifest["hypervolume"] == 0.0


def test_a_space_of_chips_that_cannot_be_made_has_an_empty_front(tmp_path: Path) -> None:
    no_cooling = {"technology/technology-2026.cooling.liquid": "1 W"}
    result = swept(tmp_path, study(tmp_path, baselines=[], settings=no_cooling))
    assert result.front is not None
    assert len(result.front.frame) == 0
