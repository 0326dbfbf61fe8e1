"""Trials, studies and databases that somebody has changed: each damage is named and hides nothing else."""

import json
import logging
import re
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial
from said import call
from studies_for_tests import write_study

import dse
from dse.errors import DseError, SpecError
from dse.search.analysis import stored_question
from dse.search.analysis.live_front import Follower
from dse.search.run.runner import RunResult
from dse.search.storage import by_url, sqlite_file
from dse.search.storage.by_url import open_storage
from dse.search.storage.shared_study import Shared
from dse.search.trials import sound
from dse.search.trials.read_trials import reading, remote_trials, stored_trials

TRIALS = 6


@pytest.fixture(autouse=True)
def nothing_reported() -> None:
    sound._reported.clear()


def _run(folder: Path, url: str, trials: int = TRIALS) -> RunResult:
    return dse.run(str(write_study(folder / "studies")), storage=url, out=folder / "out", trials=trials)


def _like(trial: FrozenTrial, **changes: object) -> FrozenTrial:
    """A trial as another program may add it."""
    made = create_trial(
        values=trial.values,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs=trial.user_attrs,
        system_attrs=trial.system_attrs,
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def _first_search(trials: list[FrozenTrial]) -> FrozenTrial:
    return next(t for t in trials if "branch" in t.params)


BAD: dict[str, tuple[Callable[[FrozenTrial], FrozenTrial], str]] = {
    "a branch that the space lacks": (
        lambda t: _like(
            t,
            params={**t.params, "branch": "quantum"},
            distributions={**t.distributions, "branch": CategoricalDistribution(("quantum", "x"))},
        ),
        "quantum",
    ),
    "no parameters": (lambda t: _like(t, params={}, distributions={}), "it has no parameter 'branch'"),
    "a parameter out of the space": (
        lambda t: _like(
            t,
            params={k: 1e300 if isinstance(v, float) else v for k, v in t.params.items()},
            distributions={
                k: FloatDistribution(1.0, 1e301) if isinstance(t.params[k], float) else d
                for k, d in t.distributions.items()
            },
        ),
        "out of the range",
    ),
    "one objective": (lambda t: _like(t, values=[1.0]), "it has 1 objectives, expected 2"),
    "a key that is a list": (
        lambda t: _like(t, user_attrs={**t.user_attrs, "dse:key": ["x"]}),
        "its attribute dse:key is ['x']",
    ),
    "a design that is text": (
        lambda t: _like(t, user_attrs={**t.user_attrs, "design": "good"}),
        "its attribute design is 'good'",
    ),
    "a constraint of text": (
        lambda t: _like(t, system_attrs=dict.fromkeys(t.system_attrs, "low") | {"fixed_params": {}}),
        "its constraint",
    ),
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    folder = tmp_path_factory.mktemp("ran")
    return _run(folder, f"journal:{folder / 'x.journal'}")


@pytest.mark.parametrize(("bad", "why"), BAD.values(), ids=BAD)
def test_a_trial_that_is_none_of_the_study_has_a_fault(
    ran: RunResult, bad: Callable[[FrozenTrial], FrozenTrial], why: str
) -> None:
    trial = _first_search(ran.optuna_study.trials)
    assert sound.fault_of(ran.study, trial) == ""
    assert why in sound.fault_of(ran.study, bad(trial))


def test_a_bad_trial_is_named_once_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    url = f"journal:{tmp_path / 'x.journal'}"
    first = _run(tmp_path, url)
    trial = _first_search(first.optuna_study.trials)
    for change, _ in BAD.values():
        open_storage(url).create_new_trial(0, template_trial=change(trial))
    caplog.clear()
    second = _run(tmp_path, url, TRIALS + 2)
    assert caplog.messages[0].startswith(f"trial {TRIALS} of 'small' is left out: ")
    assert caplog.messages[-1] == f"{len(BAD) - sound.SHOWN} more trials of 'small' are left out"
    assert len(caplog.messages) == sound.SHOWN + 1
    # they take no place of the budget
    assert second.new_trials == 2 and second.front.manifest["trials"] == TRIALS + 2
    left_out = set(range(TRIALS, TRIALS + len(BAD)))
    assert not left_out & set(second.front.frame["trial"])
    shown = Follower(second.study).front(stored_trials(reading(tmp_path, url), "small"))
    assert shown.manifest["trials"] == TRIALS + 2
    assert len(shown.frame) == len(second.front.frame)


def test_a_waiting_trial_that_is_damaged_is_never_claimed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"journal:{tmp_path / 'x.journal'}"
    _run(tmp_path, url)
    waits = create_trial(state=TrialState.WAITING, system_attrs={"fixed_params": [1]})
    open_storage(url).create_new_trial(0, template_trial=waits)
    assert _run(tmp_path, url, TRIALS + 2).new_trials == 2
    assert f"trial {TRIALS} of 'small' is left out: its attribute fixed_params is no object" in caplog.text


# databases


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stored")
    _run(folder, f"sqlite:///{folder / 'x.db'}")
    return folder / "x.db"


@pytest.fixture
def database(tmp_path: Path, stored: Path) -> Path:
    """A database of six trials, for each test its own copy."""
    write_study(tmp_path / "studies")
    return Path(shutil.copy(stored, tmp_path))


def _sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


LAST = "(select max(trial_id) from trials)"
ROWS = {
    "a distribution of no JSON": f"update trial_params set distribution_json='{{' where trial_id={LAST}",
    "an unknown distribution": "update trial_params set distribution_json="
    f"""'{{"name":"Zipf","attributes":{{}}}}' where trial_id={LAST}""",
    "a category that is none": "update trial_params set param_value=99 where param_name='branch' "
    f"and trial_id={LAST}",
    "an attribute of no JSON": f"update trial_user_attributes set value_json='x' where trial_id={LAST}",
    "an objective too many": f"insert into trial_values values (999, {LAST}, 7, 1.0, 'FINITE')",
    "a parameter of text": f"update trial_params set param_value='low' where trial_id={LAST}",
}


@pytest.mark.parametrize("statement", ROWS.values(), ids=ROWS)
def test_a_damaged_row_hides_no_other_trial(
    database: Path, tmp_path: Path, statement: str, caplog: pytest.LogCaptureFixture
) -> None:
    _sql(database, statement)
    done = _run(tmp_path, f"sqlite:///{database}", TRIALS + 1)
    assert f"trial {TRIALS - 1} of 'small' is left out: " in caplog.text
    assert done.front.manifest["trials"] == TRIALS + 1
    trials = stored_trials(reading(tmp_path, f"sqlite:///{database}"), "small")
    assert len(trials) == TRIALS + 2


TAMPERED = {
    "no table of trials": ("drop table trials",),
    "no table of versions": ("drop table alembic_version",),
    "another version of the tables": ("update alembic_version set version_num='v99.0.0'",),
    "a view in the place of a table": (
        "alter table trial_params rename to kept",
        "create view trial_params as select * from kept",
    ),
    "a trigger that refuses": (
        "create trigger no before insert on trials begin select raise(abort, 'go away'); end",
    ),
    "an unknown state": ("update trials set state='DONE'",),
    "a time that is none": ("update trials set datetime_start='soon'",),
    "a direction that is none": ("update study_directions set direction='SIDEWAYS'",),
    "columns that are gone": ("alter table trials drop column datetime_complete",),
}


@pytest.mark.parametrize("statements", TAMPERED.values(), ids=TAMPERED)
def test_a_tampered_database_is_a_sentence(
    database: Path, tmp_path: Path, statements: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Shared, "_wait_for_first", lambda _: None)  # of a run that is about to make them
    monkeypatch.setattr(by_url, "TRIES", 2)  # by which a run waits for others that make the tables
    _sql(database, *statements)
    url, path = f"sqlite:///{database}", tmp_path / "studies" / "small" / "study.yaml"
    said = call("run", path, "--storage", url, "--out", tmp_path / "out", "--trials", TRIALS + 1)
    assert said.code in (0, 2)
    assert said.code == 0 or "x.db" in said.err
    try:
        remote_trials(reading(tmp_path, url), "small")
    except DseError as error:
        assert "--storage" in str(error)


REFUSED = {
    "a number of text": ("update trials set number='x' where trial_id=3", "cannot|are not 0, 1, 2"),
    "one number for all": ("update trials set number=0", "numbers of its trials are not 0, 1, 2"),
    "a number that is missing": ("delete from trials where number=1", "numbers of its trials are not 0"),
    "no table of trials": ("drop table trials", "lacks the table trials"),
    "no column of states": ("alter table trials drop column state", "table trials lacks the column state"),
    "no version": ("update alembic_version set version_num='zzz'", "of version 'zzz', which no Optuna has"),
}


@pytest.mark.parametrize(("statement", "why"), REFUSED.values(), ids=REFUSED)
def test_a_database_whose_trials_cannot_be_told_apart_is_refused_at_once(
    database: Path, tmp_path: Path, statement: str, why: str
) -> None:
    _sql(database, statement)
    url, what = f"sqlite:///{database}", rf"{database}: .*got a damaged one: .*({why})"
    path, begin = tmp_path / "studies" / "small" / "study.yaml", time.monotonic()
    said = call("run", path, "--storage", url, "--out", tmp_path / "out")
    assert said.code == 2
    assert re.search(what, said.err), said.err
    with pytest.raises(SpecError, match=rf"got a damaged one: .*({why})"):
        stored_trials(reading(tmp_path, url), "small")
    assert time.monotonic() - begin < 10


def test_the_check_of_a_large_database_ends_in_time(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "SECONDS", -1.0)
    monkeypatch.setattr(sqlite_file, "STEPS", 1)
    assert len(stored_trials(reading(tmp_path, f"sqlite:///{database}"), "small")) == TRIALS


@pytest.mark.parametrize("what", ["page", "header", "cut", "zeros"])
def test_a_database_with_a_bad_page_is_a_sentence(database: Path, tmp_path: Path, what: str) -> None:
    raw = bytearray(database.read_bytes())
    if what == "page":
        raw[4096 : 3 * 4096] = b"\xff" * (2 * 4096)
    elif what == "zeros":
        raw[2 * 4096 : 3 * 4096] = bytes(4096)
    elif what == "header":
        raw[16:24] = b"\xff" * 8
    else:
        del raw[len(raw) // 2 :]
    database.write_bytes(raw)
    path = tmp_path / "studies" / "small" / "study.yaml"
    call("run", path, "--storage", f"sqlite:///{database}", "--out", tmp_path / "out").refused("x.db")


def test_a_damaged_study_is_named_and_the_others_are_used(database: Path, tmp_path: Path) -> None:
    other = write_study(tmp_path / "studies", "other")
    url = f"sqlite:///{database}"
    dse.run(str(other), storage=url, out=tmp_path / "other", trials=2)
    _sql(
        database,
        "update study_user_attributes set value_json='{' where key='dse:question' and study_id=1",
    )
    with pytest.raises(SpecError, match="the attributes of 'small' cannot be read"):
        _run(tmp_path, url)
    assert dse.run(str(other), storage=url, out=tmp_path / "other", trials=3).new_trials == 1
    found = stored_trials(reading(tmp_path, url), "other")
    assert sum(t.state == TrialState.COMPLETE for t in found) == 3
    with pytest.raises(SpecError, match="the attributes of 'small' cannot be read"):
        stored_trials(reading(tmp_path, url), "small")


@pytest.mark.parametrize("question", [5, "{", "[]", "[" * 200 + "]" * 200, None, {"a": 1}])
def test_a_question_that_is_none_is_named(tmp_path: Path, question: object) -> None:
    url = f"journal:{tmp_path / 'x.journal'}"
    _run(tmp_path, url)
    open_storage(url).set_study_user_attr(0, "dse:question", question)
    with pytest.raises(SpecError, match="'small'"):
        _run(tmp_path, url)


def test_heartbeats_that_are_no_counts_are_none(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    _run(tmp_path, url, 2)
    storage = open_storage(url)
    study = storage.get_study_id_from_name("small")
    storage.create_new_trial(study, create_trial(state=TrialState.RUNNING, user_attrs={"dse:claim": "gone"}))
    storage.set_study_user_attr(study, "dse:beat:gone", ["soon"])
    assert _run(tmp_path, url, 3).new_trials == 1


# two versions of the program


def test_another_format_of_trials_is_refused_with_both_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"journal:{tmp_path / 'x.journal'}"
    monkeypatch.setattr(dse, "__version__", "7.3.1")
    monkeypatch.setattr(stored_question, "FORMAT", 2)
    _run(tmp_path, url)
    monkeypatch.undo()
    words = rf"stored by dse 7.3.1 with trials of format 2, this is dse {dse.__version__} with format 1"
    before = (tmp_path / "x.journal").read_bytes()
    path = tmp_path / "studies" / "small" / "study.yaml"
    for verb in ("run", "worker"):
        call(verb, path, "--storage", url, "--out", tmp_path / "out").refused("dse 7.3.1", dse.__version__)
    with pytest.raises(DseError, match=words):
        stored_trials(reading(tmp_path, url), "small")
    assert (tmp_path / "x.journal").read_bytes() == before


def test_another_version_with_the_same_format_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"journal:{tmp_path / 'x.journal'}"
    monkeypatch.setattr(dse, "__version__", "7.3.1")
    _run(tmp_path, url)
    monkeypatch.undo()
    assert _run(tmp_path, url, TRIALS + 1).new_trials == 1


def test_another_contract_is_refused_with_both_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"journal:{tmp_path / 'x.journal'}"
    monkeypatch.setattr(dse, "__version__", "7.3.1")
    monkeypatch.setattr(stored_question, "CONTRACT_VERSION", 99)
    _run(tmp_path, url)
    monkeypatch.undo()
    with pytest.raises(SpecError, match=rf"\(by dse 7.3.1, this is dse {dse.__version__}\)") as raised:
        _run(tmp_path, url)
    assert "contract_version: stored 99, now" in str(raised.value)


def test_a_study_from_before_the_attribute_continues(tmp_path: Path) -> None:
    url = f"journal:{tmp_path / 'x.journal'}"
    _run(tmp_path, url)
    lines = (tmp_path / "x.journal").read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if "dse:program" not in json.loads(line).get("user_attr", {})]
    assert len(kept) == len(lines) - 1
    (tmp_path / "x.journal").write_bytes(b"".join(kept))
    assert _run(tmp_path, url, TRIALS + 1).new_trials == 1


def test_the_loggers_are_heard_without_any_setting() -> None:
    assert logging.getLogger("dse.trials").isEnabledFor(logging.WARNING)
