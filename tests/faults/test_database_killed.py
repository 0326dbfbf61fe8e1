"""kill -9 of the database, of the proxy before it, and of a worker that uses it."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import (
    check_whole,
    ended,
    environment,
    in_logs,
    keys_in_logs,
    kill,
    kill_when,
    paused,
    start,
    trials_in,
    wait_until,
)
from servers import Database, free_port
from strange_models import plugged, slow_study
from studies_for_tests import write_study

from dse.errors import SpecError
from dse.search.run.runner import run, work
from dse.search.storage import outage


def patient() -> dict[str, str]:
    """The environment of a process that waits for its storage as long as a loaded machine needs."""
    return environment(PATIENCE="600")


@pytest.fixture
def server(postgres_server: Database) -> Iterator[Database]:
    yield postgres_server.empty_database()
    postgres_server.running()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with plugged(tmp_path):
        yield tmp_path


def calm(path: Path, trials: int, monkeypatch: pytest.MonkeyPatch):
    """A run that nothing disturbs; it needs no naps, and those it has change no trial."""
    monkeypatch.setenv("NAP", "0")
    return run(str(path), trials=trials, out=path.parent / "calm")


@pytest.mark.slow
def test_the_database_is_killed_and_comes_back_and_the_run_continues(
    server: Database, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = slow_study(place, 0.03)
    process = start(
        "run", path, "--trials", "120", "--storage", server.url, "--out", place / "out", env=patient()
    )
    wait_until(lambda: server.finished() >= 10, process)
    with paused(process):
        left = 120 - server.finished()
        server.kill()
    wait_until(lambda: in_logs(place / "out") >= min(20, left), process)  # the run goes on without it
    server.start()
    ended(process)
    trials = trials_in(server.url)
    check_whole(trials, 120)
    reference = calm(path, 120, monkeypatch)
    assert [(t.params, t.values) for t in trials] == [
        (t.params, t.values) for t in reference.optuna_study.trials
    ]
    for name in ("front.csv", "baselines.csv"):
        assert (place / "out" / name).read_bytes() == (reference.out / name).read_bytes()


@pytest.mark.slow
def test_the_database_is_killed_while_workers_run_and_they_continue(server: Database, place: Path) -> None:
    path = slow_study(place, 0.05, budget={"trials": 120})
    process = start(
        "worker", path, "--storage", server.url, "--processes", "2", "--out", place / "fleet", env=patient()
    )
    wait_until(lambda: server.finished() >= 10, process)
    left = 120 - server.finished()
    server.kill()
    wait_until(lambda: in_logs(place / "fleet") >= max(1, min(20, left // 2)), process)
    server.start()
    ended(process)
    check_whole(trials_in(server.url), 120)
    assert not (place / "fleet" / "spool").exists()


@pytest.mark.slow
def test_a_database_that_stays_away_ends_the_run_and_the_next_one_stores_what_was_made(
    server: Database, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = slow_study(place, 0.01), place / "out"
    monkeypatch.setattr(outage, "PATIENCE", 1.0)

    def pull_the_plug(finished: int, _wanted: int) -> None:
        if finished == 60:
            server.kill()

    with pytest.raises(SpecError, match="has been unreachable for 1 s"):
        run(str(path), trials=100_000, out=out, storage=server.url, progress=pull_the_plug)
    spooled = in_logs(out)
    assert spooled > 0
    server.start()
    before = server.finished()
    again = run(str(path), trials=before + spooled, out=out, storage=server.url)
    assert again.new_trials == 0
    check_whole(trials_in(server.url)[: before + spooled], before + spooled, range(2))
    assert not (out / "spool").exists()


@pytest.mark.slow
def test_a_worker_on_the_database_is_killed_and_starts_again(server: Database, place: Path) -> None:
    path = slow_study(place, 0.02, budget={"trials": 150})
    options = ("--storage", server.url, "--out")
    victim = start("worker", path, *options, place / "victim")
    other = start("worker", path, *options, place / "other")
    kill_when(lambda: server.finished() >= 20 and in_logs(place / "victim") > 0, victim)
    left = keys_in_logs(place / "victim")
    work(str(path), server.url, out=place / "victim")
    ended(other)
    trials = trials_in(server.url)
    complete = sum(t.state.name == "COMPLETE" for t in trials)
    # where the other was done before it came back, what it had made is stored beyond the budget, and what it
    # was at waits for whoever asks for more trials
    assert 150 <= complete <= 150 + len(left)
    check_whole(trials, complete, range(2))
    assert {t.user_attrs.get("dse:retry_of") for t in trials if t.state.name == "WAITING"} <= {
        t.number for t in trials if t.state.name == "FAIL"
    }
    assert left <= {t.user_attrs.get("dse:key") for t in trials}
    assert not (place / "victim" / "spool").exists()


@pytest.mark.slow
def test_the_proxy_is_killed_and_comes_back_and_the_run_continues(
    server: Database, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, port = slow_study(place, 0.03), str(free_port())
    proxy = _proxy(server, port)
    url = f"grpc://localhost:{port}"
    process = start("run", path, "--trials", "120", "--storage", url, "--out", place / "out", env=patient())
    wait_until(lambda: server.finished() >= 10, process)
    kill(proxy)
    left = 120 - server.finished()
    wait_until(lambda: in_logs(place / "out") >= min(20, left), process)
    proxy = _proxy(server, port)
    try:
        ended(process)
    finally:
        proxy.send_signal(signal.SIGINT)
        proxy.communicate()
    trials = trials_in(server.url)
    check_whole(trials, 120)
    reference = calm(path, 120, monkeypatch)
    assert [t.params for t in trials] == [t.params for t in reference.optuna_study.trials]
    assert (place / "out" / "front.csv").read_bytes() == (reference.out / "front.csv").read_bytes()


def _proxy(server: Database, port: str):
    process = start("serve-storage", server.url, "--port", port)
    assert process.stdout is not None
    assert "Serving at" in process.stdout.readline()
    return process


@pytest.mark.slow
def test_two_runs_on_one_study_in_a_database_at_once(server: Database, tmp_path: Path) -> None:
    path = write_study(tmp_path, budget={"trials": 100})
    options = ("--storage", server.url, "--out")
    both = [start("run", path, *options, tmp_path / name) for name in ("a", "b")]
    for process in both:
        ended(process)
    check_whole(trials_in(server.url), 100)
    fronts = [(tmp_path / name / "front.csv").read_bytes() for name in ("a", "b")]
    again = [run(str(path), storage=server.url, out=tmp_path / name) for name in ("a", "b")]
    assert [r.new_trials for r in again] == [0, 0]
    assert {(tmp_path / name / "front.csv").read_bytes() for name in ("a", "b")} <= set(fronts)
