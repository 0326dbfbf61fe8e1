"""Sweeps and fleets on a Dask cluster: a scheduler with workers in other processes, as on other machines."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clusters import Dask, dask
from processes import check_whole, ended, start, trials_in
from said import call
from servers import Database, Postgres
from strange_models import plugged, slow_study
from studies_for_tests import write_study

from dse.backends import dask as door
from dse.errors import SpecError
from dse.question.resolved_study import load_study
from dse.search.run.dask_workers import shares
from dse.search.run.runner import run
from dse.search.run.study_bundle import bundle_of
from dse.search.sweep import driver
from dse.search.sweep.block import Solved, Task
from dse.search.sweep.dask_blocks import RemoteJob, on_cluster, solve_elsewhere
from dse.search.sweep.driver import sweep
from dse.search.sweep.executor import Solve

COUNTS = {"peak_flops": 3, "sram": 4, "sram_bandwidth_per_byte": 2, "link_bandwidth": 2, "dram_stacks": 2}
GRID = ",".join(f"{name}={n}" for name, n in COUNTS.items())
FILES = ("front.csv", "baselines.csv", "manifest.json")
BLOCKS = 20
"""156 chips, eight to a block."""


@pytest.fixture(scope="module")
def machines() -> Iterator[Dask]:
    with dask(2) as running:
        yield running


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "BLOCK", 27 * 8)
    monkeypatch.setattr(driver, "EVERY", 0.0)


def same(one: Path, other: Path) -> None:
    for name in FILES:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_a_cluster_writes_the_files_of_this_machine(
    backend: str, machines: Dask, tmp_path: Path, small_blocks: None
) -> None:
    question, flying, most = load_study(str(write_study(tmp_path))), 0, 0
    with on_cluster(machines.address, question, COUNTS, backend) as engine:

        def watched(work: Solve, tasks: Iterable[Task]) -> Iterator[Solved]:
            nonlocal flying, most

            def taken() -> Iterator[Task]:
                nonlocal flying
                for task in tasks:
                    flying += 1
                    yield task

            for solved in engine(work, taken()):
                most = max(most, flying)
                flying -= 1
                yield solved

        there = sweep(question, counts=COUNTS, backend=backend, out=tmp_path / "there", executor=watched)
    assert there.new_points == there.grid.size
    assert flying == 0
    assert most <= door.AHEAD * 2 + 1  # one has been taken out; the next one was given out
    sweep(question, counts=COUNTS, out=tmp_path / "here")
    same(tmp_path / "there", tmp_path / "here")


@pytest.mark.slow
def test_an_interrupted_sweep_continues_here_or_there(
    machines: Dask, tmp_path: Path, small_blocks: None
) -> None:
    question, solved_there = load_study(str(write_study(tmp_path))), 0
    sweep(question, counts=COUNTS, out=tmp_path / "undisturbed")

    def stop(_settled: int, new: int, *_: object) -> None:
        if new >= 7 * 27 * 8:
            raise KeyboardInterrupt

    with on_cluster(machines.address, question, COUNTS, "numpy") as engine:
        first = sweep(question, counts=COUNTS, out=tmp_path / "out", executor=engine, progress=stop)
        assert first.front is None

        def counted(work: Solve, tasks: Iterable[Task]) -> Iterator[Solved]:
            nonlocal solved_there
            for solved in engine(work, tasks):
                solved_there += 1
                yield solved
                if solved_there == 6:
                    raise KeyboardInterrupt

        second = sweep(question, counts=COUNTS, out=tmp_path / "out", executor=counted)
    assert (first.points, second.points) == (7 * 27 * 8, 13 * 27 * 8)
    last = sweep(question, counts=COUNTS, out=tmp_path / "out")
    assert last.new_points == last.grid.size - 13 * 27 * 8
    same(tmp_path / "out", tmp_path / "undisturbed")


@pytest.mark.slow
def test_the_command_of_a_sweep(machines: Dask, tmp_path: Path) -> None:
    path = write_study(tmp_path)
    options = ("sweep", path, "--grid", GRID, "--out")
    said = ended(start(*options, tmp_path / "there", "--scheduler", machines.address))
    assert "designs on the exact front" in said
    ended(start(*options, tmp_path / "here"))
    same(tmp_path / "there", tmp_path / "here")


@pytest.fixture(scope="module")
def server(postgres_server: Postgres) -> Database:
    return postgres_server.empty_database()


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 3])
def test_the_command_of_a_fleet(processes: int, machines: Dask, server: Database, tmp_path: Path) -> None:
    path = write_study(tmp_path, f"fleet-of-{processes}", budget={"trials": 24})
    options = ("--storage", server.url, "--scheduler", machines.address, "--processes", str(processes))
    said = ended(start("worker", path, *options))
    assert "24 trials run here; the study has 24" in said
    trials = trials_in(server.url, f"fleet-of-{processes}")
    check_whole(trials, 24)
    head = run(str(path), out=tmp_path / "out", storage=server.url)
    assert head.new_trials == 0


def test_processes_are_spread_evenly() -> None:
    assert shares(7, 3) == [3, 2, 2]
    assert shares(2, 5) == [1, 1]
    assert shares(4, 4) == [1, 1, 1, 1]


def test_a_study_and_the_configs_of_its_user_are_sent_as_they_are(tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "workloads").mkdir(parents=True)
    (own / "workloads" / "brief.yaml").write_text(BRIEF, encoding="utf-8")
    study = load_study(str(write_study(tmp_path, "sent", workload="brief")), own)
    bundle = bundle_of(study)
    shutil.rmtree(own)
    shutil.rmtree(tmp_path / "sent")
    again = bundle.opened()
    assert (again.question, again.slug) == (study.question, "sent")
    assert again.context.workload == study.context.workload
    with pytest.raises(SpecError, match="differ from those of the machine that sent the study"):
        replace(bundle, digest="another").opened()


def test_a_study_whose_targets_are_lifted_is_sent_so(tmp_path: Path) -> None:
    study = load_study(str(write_study(tmp_path, workload="chat")))
    lifted = bundle_of(study.lifted()).opened()
    assert (lifted.targets, lifted.question) == ((), study.lifted().question)
    assert len(bundle_of(study).opened().targets) == len(study.targets) == 2


def test_a_case_of_a_study_is_sent_too() -> None:
    study = load_study("groq-vs-h100/listed")
    again = bundle_of(study).opened()
    assert (again.slug, again.question) == (study.slug, study.question)


BRIEF = """
kind: workload
name: brief
title: A short question and a short answer
isl: {value: "100 token", source: assumption, basis: assumption}
osl: {value: "20 token", source: assumption, basis: assumption}
serving: decode-only
"""


@pytest.mark.slow
def test_a_cost_model_that_the_machines_lack_is_reported(machines: Dask, tmp_path: Path) -> None:
    with plugged(tmp_path):  # here, and in processes that start from now on
        question = load_study(str(slow_study(tmp_path, 0.0)))
        with (
            on_cluster(machines.address, question, COUNTS, "numpy") as engine,
            pytest.raises(SpecError, match=r"--scheduler: .*cost_model: unknown .*'slow'"),
        ):
            sweep(question, counts=COUNTS, out=tmp_path / "out", executor=engine)


def test_a_cost_model_that_says_other_numbers_is_refused(tmp_path: Path) -> None:
    question = load_study(str(write_study(tmp_path)))
    job = RemoteJob(study=bundle_of(question), counts=tuple(COUNTS.items()), backend="numpy")
    pivots = np.full((1, 2), np.inf)
    task = Task(block=0, start=0, stop=1, pivots=pivots, fingerprint="what another one said")
    with pytest.raises(SpecError, match="gives other numbers for the same designs"):
        solve_elsewhere(job, task)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("tcp://127.0.0.1:1", "expected a Dask scheduler at tcp://127.0.0.1:1, got: Timed out"),
        ("head", "expected a Dask scheduler at head, got: missing port"),
        ("http://127.0.0.1:1", "expected a Dask scheduler at http://127.0.0.1:1, got: unknown"),
    ],
)
def test_a_scheduler_that_cannot_be_reached_is_reported(
    address: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "CONNECT", 1)
    path, url = write_study(tmp_path), f"sqlite:///{tmp_path / 'x.db'}"
    call("sweep", path, "--out", tmp_path / "out", "--scheduler", address).refused("--scheduler: ", words)
    call("worker", path, "--storage", url, "--scheduler", address).refused("--scheduler: ", words)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_scheduler_without_workers_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "PATIENCE", 1)
    with dask(0) as empty:
        said = call("sweep", write_study(tmp_path), "--scheduler", empty.address, "--out", tmp_path / "out")
        said.refused(f"--scheduler: expected workers at {empty.address}, got none within 1 s")


@pytest.mark.parametrize("option", [("--workers", "2"), ("--prune",)])
def test_what_is_for_this_machine_alone_is_refused_with_a_cluster(
    option: tuple[str, ...], tmp_path: Path
) -> None:
    said = call("sweep", write_study(tmp_path), "--scheduler", "tcp://127.0.0.1:1", *option)
    said.refused(f"{option[0]}: expected either this or --scheduler, got both")


def test_a_fleet_elsewhere_has_no_folder_here(tmp_path: Path) -> None:
    given = ("--storage", "memory:", "--scheduler", "tcp://127.0.0.1:1", "--out", tmp_path / "out")
    said = call("worker", write_study(tmp_path), *given)
    said.refused("--out: expected either this or --scheduler, got both")
