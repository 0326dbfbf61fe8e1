"""kill -9 of a worker of a cluster, of its scheduler, and of the one who asks, in mid-run."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from clusters import Dask, dask
from processes import check_whole, ended, kill, start, trials_in, wait_until
from servers import Database, Postgres
from strange_models import plugged, slow_study
from studies_for_tests import write_study

from dse.errors import SpecError
from dse.question.resolved_study import ResolvedStudy, load_study
from dse.search.sweep import driver
from dse.search.sweep.dask_blocks import on_cluster
from dse.search.sweep.driver import SweepResult, sweep

COUNTS = {"peak_flops": 3, "sram": 4, "sram_bandwidth_per_byte": 2, "link_bandwidth": 2, "dram_stacks": 2}
FILES = ("front.csv", "baselines.csv", "manifest.json")
NAP = 0.05
SMALL = 27 * 8
"""Points of a block: eight chips."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    """A cluster for all tests that leave its scheduler alone; it knows the strange models."""
    folder = tmp_path_factory.mktemp("cluster")
    with plugged(folder):
        slow_study(folder, NAP)
        with dask(2) as running:
            yield running


@pytest.fixture
def machines(cluster: Dask) -> Dask:
    """Both workers are there: one may have been killed by the test before."""
    cluster.complete(2)
    return cluster


@pytest.fixture
def question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ResolvedStudy:
    """A study, and the files of its sweep that nobody disturbed, in `calm`."""
    monkeypatch.setattr(driver, "BLOCK", SMALL)
    monkeypatch.setattr(driver, "EVERY", 0.0)
    found = load_study(str(write_study(tmp_path)))
    sweep(found, counts=COUNTS, out=tmp_path / "calm")
    return found


def undisturbed(folder: Path) -> None:
    for name in FILES:
        assert (folder / "out" / name).read_bytes() == (folder / "calm" / name).read_bytes(), name


@pytest.mark.slow
def test_a_worker_of_the_cluster_is_killed_in_mid_sweep(
    machines: Dask, question: ResolvedStudy, tmp_path: Path
) -> None:
    killed: list[int] = []

    def strike(_settled: int, new: int, _wanted: int, _gap: float | None) -> None:
        if new == 5 * SMALL:
            killed.append(machines.kill_worker())

    with on_cluster(machines.address, question, COUNTS, "numpy") as engine:
        result = sweep(question, counts=COUNTS, out=tmp_path / "out", executor=engine, progress=strike)
    assert len(killed) == 1
    assert result.points == result.grid.size
    undisturbed(tmp_path)


@pytest.mark.slow
def test_the_scheduler_is_killed_in_mid_sweep_and_the_sweep_continues_without_it(
    question: ResolvedStudy, tmp_path: Path
) -> None:
    def strike(_settled: int, new: int, _wanted: int, _gap: float | None) -> None:
        if new == 5 * SMALL:
            own.scheduler.kill()

    with (
        dask(2) as own,
        on_cluster(own.address, question, COUNTS, "numpy") as engine,
        pytest.raises(SpecError, match=r"--scheduler: lost the scheduler at .*; finished work is kept"),
    ):
        sweep(question, counts=COUNTS, out=tmp_path / "out", executor=engine, progress=strike)
    last: SweepResult = sweep(question, counts=COUNTS, out=tmp_path / "out")
    assert last.new_points <= last.grid.size - 5 * SMALL
    undisturbed(tmp_path)


SWEEP = f"""
import sys
from dse.search.sweep import driver
from dse.search.sweep.dask_blocks import on_cluster
from dse.question.resolved_study import load_study
driver.BLOCK, driver.EVERY = {SMALL}, 0.0
question = load_study(sys.argv[1])
with on_cluster(sys.argv[3], question, {COUNTS}, "numpy") as engine:
    driver.sweep(question, counts={COUNTS}, out=sys.argv[2], executor=engine)
"""


def blocks(folder: Path) -> int:
    """Blocks in the checkpoint of a sweep that somebody may be writing."""
    if not (folder / "sweep.sqlite").exists():
        return 0
    with closing(sqlite3.connect(folder / "sweep.sqlite", timeout=30.0)) as connection:
        tables = connection.execute("select count(*) from sqlite_master where name = 'block'").fetchone()
        return int(connection.execute("select count(*) from block").fetchone()[0]) if tables[0] else 0


@pytest.mark.slow
def test_the_sender_of_a_sweep_is_killed_and_resumes(
    machines: Dask, question: ResolvedStudy, tmp_path: Path
) -> None:
    out, command = tmp_path / "out", [sys.executable, "-c", SWEEP, str(question.path)]
    process = subprocess.Popen(
        [*command, str(out), machines.address], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: blocks(out) >= 3 or process.poll() is not None)
    kill(process)
    done = blocks(out)
    assert done >= 3
    with on_cluster(machines.address, question, COUNTS, "numpy") as engine:
        again = sweep(question, counts=COUNTS, out=out, executor=engine)
    assert again.new_points <= again.grid.size - (done - 1) * SMALL
    undisturbed(tmp_path)


@pytest.fixture
def server(postgres_server: Postgres) -> Database:
    return postgres_server.empty_database()


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["2", "4"])
def test_a_worker_of_the_cluster_is_killed_while_a_fleet_works(
    processes: str, machines: Dask, server: Database, tmp_path: Path
) -> None:
    path = slow_study(tmp_path, NAP, budget={"trials": 80})
    options = ("--storage", server.url, "--scheduler", machines.address, "--processes", processes)
    process = start("worker", path, *options)
    wait_until(lambda: server.finished() >= 10, process)
    machines.kill_worker()
    assert "the study has" in ended(process)
    trials = trials_in(server.url)
    complete = sum(t.state.name == "COMPLETE" for t in trials)
    assert complete >= 80  # and what the dead one had made and not stored, where the others were done
    check_whole(trials, complete, range(4))
