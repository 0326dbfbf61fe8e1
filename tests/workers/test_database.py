"""A study that many share in a database: PostgreSQL, and Optuna's proxy in front of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from optuna.trial import TrialState
from processes import check_whole, ended, start, trials_in
from servers import Database, Postgres, free_port, postgres
from strange_models import plugged, slow_study
from studies_for_tests import write_study

from dse.search.run.runner import run, work
from dse.search.storage import shared_study
from dse.search.storage.shared_study import Shared


@pytest.fixture(scope="module")
def few_connections() -> Iterator[Postgres]:
    """A server with as few connections as it can have."""
    with postgres("max_connections = 4\nsuperuser_reserved_connections = 1") as running:
        yield running


@pytest.fixture
def server(few_connections: Postgres) -> Database:
    """An empty database of it: a second try finds no study of the first one."""
    return few_connections.empty_database()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with plugged(tmp_path):
        yield tmp_path


@contextmanager
def served(url: str) -> Iterator[str]:
    """The proxy as a process; its URL."""
    port = free_port()
    process = start("serve-storage", url, "--port", str(port))
    try:
        assert process.stdout is not None
        assert "Serving at" in process.stdout.readline()
        yield f"grpc://localhost:{port}"
    finally:
        process.terminate()
        process.communicate()


def test_a_run_in_a_database_makes_the_trials_of_a_run_in_a_file(server: Database, tmp_path: Path) -> None:
    path = write_study(tmp_path, "as-in-a-file", sampler={"name": "tpe", "options": {"n_startup_trials": 6}})
    here = run(str(path), trials=16, out=tmp_path / "here")
    there = run(str(path), trials=16, out=tmp_path / "there", storage=server.url)
    reported = [[(t.params, t.values, t.constraints) for t in r.optuna_study.trials] for r in (here, there)]
    assert reported[0] == reported[1]
    for name in ("front.csv", "baselines.csv"):
        assert (here.out / name).read_bytes() == (there.out / name).read_bytes()
    assert there.front.manifest["repeatable"].startswith("yes")
    assert there.front.manifest["storage"] == "postgresql"


def test_fleets_share_a_database_with_fewer_connections_than_workers(server: Database, place: Path) -> None:
    # slow enough that the second fleet finds trials left, also where it starts seconds after the first
    path = slow_study(place, 0.4, name="shared", budget={"trials": 60})
    options = ("--storage", server.url, "--processes", "2", "--out")
    fleets = [start("worker", path, *options, place / f"w{i}") for i in range(2)]
    for process in fleets:
        assert "the study has 60" in ended(process)
    check_whole(trials_in(server.url, "shared"), 60)
    makers = {t.user_attrs["dse:key"].rpartition("-")[0] for t in trials_in(server.url, "shared")}
    assert len(makers) >= 3
    head = run(str(path), out=place / "out", storage=server.url)
    assert (head.new_trials, head.front.manifest["trials"]) == (0, 60)
    assert head.front.manifest["repeatable"].startswith("no: 2 runs")


def test_a_proxy_serves_the_database(server: Database, tmp_path: Path) -> None:
    path = write_study(tmp_path, "proxied", budget={"trials": 25})
    with served(server.url) as url:
        here = run(str(path), trials=25, out=tmp_path / "here")
        there = run(str(path), trials=25, out=tmp_path / "there", storage=url)
        made = [[(t.params, t.values, t.constraints) for t in r.optuna_study.trials] for r in (here, there)]
        assert work(str(path), url, out=tmp_path / "w").new_trials == 0
    assert made[0] == made[1]
    check_whole(trials_in(server.url, "proxied"), 25)


def test_a_run_that_gives_no_sign_of_life_loses_its_trial_to_another(
    server: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_study(tmp_path, "given-up")
    study = run(str(path), trials=1, out=tmp_path / "out", storage=server.url).study
    dead = Shared(study, server.url, fresh=False, alone=False, name="dead")
    claimed = dead.claim()
    assert claimed is not None
    assert claimed.number is not None
    monkeypatch.setattr(shared_study, "SILENT", 0.6)
    monkeypatch.setattr(shared_study, "BEAT", 0.1)
    # a busy machine needs longer to see the silence
    for patience in (3.0, 6.0, 12.0, 24.0):
        first = work(str(path), server.url, out=tmp_path / "out", trials=10**6, timeout=patience)
        if trials_in(server.url, "given-up")[claimed.number].state == TrialState.FAIL:
            break
    done = work(str(path), server.url, out=tmp_path / "out", trials=first.trials + 1)
    trials = trials_in(server.url, "given-up")
    assert trials[claimed.number].state == TrialState.FAIL
    (again,) = [t for t in trials if t.user_attrs.get("dse:retry_of") == claimed.number]
    assert again.state == TrialState.COMPLETE
    assert {k: again.params[k] for k in claimed.params} == claimed.params
    check_whole(trials, done.trials, range(1, 2))
