"""What is written in bulk reads back through Optuna as if Optuna had written it, and once."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState, create_trial
from servers import Postgres, redis
from sqlalchemy import select

from dse.search.storage import bulk_rdb
from dse.search.storage.bulk_writer import writer_of
from dse.search.storage.by_url import open_storage
from dse.search.trials.trial_entries import KEY, Entry, Task, waiting
from dse.search.trials.trial_json import trial_from_json, trial_to_json

KINDS = ("memory", "journal", "sqlite", "postgresql", "redis")


@pytest.fixture(scope="module")
def server(postgres_server: Postgres) -> str:
    return postgres_server.empty_database().url


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(params=KINDS)
def study(request: pytest.FixtureRequest, tmp_path: Path) -> optuna.Study:
    """An empty study in each storage."""
    urls = {
        "memory": "memory:",
        "journal": f"journal:{tmp_path / 'x'}",
        "sqlite": f"sqlite:///{tmp_path / 'x'}",
    }
    named = {"postgresql": "server", "redis": "cache"}
    url = urls.get(request.param) or request.getfixturevalue(named[request.param])
    storage = optuna.storages.get_storage(open_storage(url))
    return optuna.create_study(
        storage=storage, study_name=f"{tmp_path.name}-{request.param}", directions=["minimize", "maximize"]
    )


def put(study: optuna.Study, *entries: Entry, known: int = 0, again: bool = False, limit: int | None = None):
    return writer_of(study._storage).put(study._study_id, entries, known=known, again=again, limit=limit)


def made(key: str, x: float = 0.25, state: TrialState = TrialState.COMPLETE) -> FrozenTrial:
    """A finished trial with everything that ours have."""
    return create_trial(
        state=state,
        values=[x / 3, float(np.nextafter(1.0, 2.0))] if state == TrialState.COMPLETE else None,
        params={"x": x, "n": 3, "branch": "hybrid"},
        distributions={
            "x": FloatDistribution(1e-3, 10.0, log=True),
            "n": IntDistribution(0, 7),
            "branch": CategoricalDistribution(("dram-only", "hybrid")),
        },
        user_attrs={KEY: key, "design": {"chip": "µ-chip", "tpot_s": 1 / 3}},
        constraints={"capacity": -1e10 / 3, "tpot_target": 0.1},
    )


def reported(trial: FrozenTrial) -> tuple[object, ...]:
    return (
        trial.state,
        trial.values,
        trial.params,
        trial.distributions,
        trial.user_attrs,
        trial.constraints,
        trial.system_attrs,
    )


def reread(study: optuna.Study) -> list[FrozenTrial]:
    return study._storage.get_all_trials(study._study_id, deepcopy=True)


def test_trials_read_back_to_the_last_bit(study: optuna.Study) -> None:
    trials = [made(f"k{i}", 0.1 + i / 7) for i in range(20)]
    assert put(study, *(Entry(trial=t) for t in trials)) == list(range(20))
    found = reread(study)
    assert [t.number for t in found] == list(range(20))
    assert [reported(t) for t in found] == [reported(t) for t in trials]
    assert all(t.datetime_start is not None and t.datetime_complete is not None for t in found)


def test_optuna_continues_where_we_wrote(study: optuna.Study) -> None:
    put(study, *(Entry(trial=made(f"k{i}")) for i in range(3)))
    trial = study.ask({"x": FloatDistribution(1e-3, 10.0, log=True)})
    study.tell(trial, [1.0, 2.0])
    put(study, Entry(trial=made("later")))
    assert [t.number for t in reread(study)] == [0, 1, 2, 3, 4]
    assert trial.number == 3
    assert len(study.best_trials) >= 1 or not any(
        all(v <= 0 for v in t.constraints.values()) for t in reread(study)
    )


def test_what_was_stored_before_an_answer_was_lost_is_not_stored_again(study: optuna.Study) -> None:
    first = put(study, Entry(trial=made("a")), Entry(trial=made("b")))
    again = put(study, Entry(trial=made("a")), Entry(trial=made("b")), Entry(trial=made("c")), again=True)
    assert (first, again) == ([0, 1], [0, 1, 2])
    assert [t.user_attrs[KEY] for t in reread(study)] == ["a", "b", "c"]


def test_no_more_than_the_budget_is_stored(study: optuna.Study) -> None:
    entries = [
        Entry(trial=made(f"k{i}", state=TrialState.FAIL if i == 1 else TrialState.COMPLETE)) for i in range(5)
    ]
    assert put(study, *entries, limit=3) == [0, 1, 2, 3, None]
    assert put(study, Entry(trial=made("late")), limit=3) == [None]
    assert sum(t.state == TrialState.COMPLETE for t in reread(study)) == 3


def test_what_is_stored_already_takes_no_more_room(study: optuna.Study) -> None:
    first, second, third = (Entry(trial=made(key)) for key in "abc")
    put(study, first, second)
    assert put(study, first, second, third, again=True, limit=3) == [0, 1, 2]
    assert [t.user_attrs[KEY] for t in reread(study)] == ["a", "b", "c"]


def test_numbers_are_those_of_their_trials_in_whatever_order_a_database_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = optuna.storages.get_storage(open_storage(f"sqlite:///{tmp_path / 'x'}"))
    study = optuna.create_study(storage=storage, directions=["minimize", "maximize"])
    # as PostgreSQL may: without an order that is asked for, rows come in any
    backwards = lambda *columns: select(*columns).order_by(columns[0].desc())  # noqa: E731
    monkeypatch.setattr(bulk_rdb, "select", backwards)
    assert put(study, *(Entry(trial=made(key)) for key in "abc")) == [0, 1, 2]
    assert [t.user_attrs[KEY] for t in reread(study)] == ["a", "b", "c"]


def test_a_claimed_trial_that_was_half_written_is_written_whole() -> None:
    """As a proxy leaves it that is killed between two of the calls that finish a trial."""
    study = optuna.create_study(storage=open_storage("memory:"), directions=["minimize", "maximize"])
    put(study, waiting({"branch": "hybrid"}, {}))
    (trial,) = reread(study)
    assert writer_of(study._storage).claim(trial, "we")
    entry = Entry(trial=made("ours"), task=Task(trial_id=trial._trial_id, number=0))
    study._storage.set_trial_user_attr(trial._trial_id, KEY, "ours")
    assert put(study, entry, again=True) == [0]
    assert reread(study)[0].state == TrialState.COMPLETE


def test_a_waiting_trial_is_claimed_by_one_and_finished_once(study: optuna.Study) -> None:
    put(study, waiting({"branch": "hybrid"}, {"baseline": True}))
    writer, (trial,) = writer_of(study._storage), reread(study)
    assert trial.state == TrialState.WAITING
    assert [writer.claim(trial, who) for who in ("we", "they")] == [True, False]
    (running,) = reread(study)
    assert (running.state, running.user_attrs["dse:claim"]) == (TrialState.RUNNING, "we")
    done = made("ours")
    done.user_attrs = {**done.user_attrs, "baseline": True}
    done.system_attrs = {**done.system_attrs, "fixed_params": {"branch": "hybrid"}}
    task = Task(params={"branch": "hybrid"}, attrs={"baseline": True}, trial_id=trial._trial_id, number=0)
    entry = Entry(trial=done, task=task)
    assert put(study, entry) == [0]
    assert put(study, entry, again=True) == [0]
    (found,) = reread(study)
    assert (found.state, found.values, found.params) == (TrialState.COMPLETE, done.values, done.params)
    assert found.constraints == done.constraints
    assert found.user_attrs == {**done.user_attrs, "dse:claim": "we"}


def test_a_claimed_trial_that_somebody_else_failed_is_given_up(study: optuna.Study) -> None:
    put(study, waiting({"branch": "hybrid"}, {}))
    (trial,) = reread(study)
    assert writer_of(study._storage).claim(trial, "we")
    study.tell(0, state=TrialState.FAIL)
    entry = Entry(trial=made("ours"), task=Task(trial_id=trial._trial_id, number=0))
    assert put(study, entry) == [None]
    assert reread(study)[0].state == TrialState.FAIL


def test_a_packed_trial_is_the_same_to_the_last_bit() -> None:
    for state in (TrialState.COMPLETE, TrialState.FAIL):
        trial = made("k", 1 / 3, state)
        again = trial_from_json(trial_to_json(trial))
        assert reported(again) == reported(trial)
        assert (again.datetime_start, again.datetime_complete) == (
            trial.datetime_start,
            trial.datetime_complete,
        )


def test_a_database_gives_every_connection_back(server: str) -> None:
    import psycopg

    storages: list[BaseStorage] = [open_storage(server) for _ in range(8)]
    for storage in storages:
        storage.get_all_studies()
    with psycopg.connect(server) as connection:
        count = connection.execute(
            "select count(*) from pg_stat_activity where datname = current_database()"
        ).fetchone()
    assert count == (1,)
