"""Journals that somebody has damaged: what is intact is read, and the message says where the damage is."""

import json
import logging
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.trial import TrialState

from dse.errors import SpecError
from dse.search.storage.by_url import open_storage
from dse.search.storage.log_lines import LIMIT
from dse.search.trials.read_trials import reading, stored_trials

TRIALS = 9


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal of nine finished trials; the first line makes the study."""
    path = tmp_path / "study.journal"
    study = optuna.create_study(storage=open_storage(f"journal:{path}"), study_name="s")
    study.add_trials(
        [
            optuna.trial.create_trial(
                value=float(i),
                params={"x": i / 10},
                distributions={"x": optuna.distributions.FloatDistribution(0.0, 1.0)},
            )
            for i in range(TRIALS)
        ]
    )
    assert len(path.read_bytes().splitlines()) == TRIALS + 1
    return path


def _with_line(path: Path, number: int, line: bytes) -> None:
    lines = path.read_bytes().split(b"\n")
    lines[number - 1] = line
    path.write_bytes(b"\n".join(lines))


def _changed(path: Path, number: int, **fields: object) -> None:
    line = json.loads(path.read_bytes().split(b"\n")[number - 1])
    _with_line(path, number, json.dumps(line | fields).encode())


FIELDS = {
    "a state that Optuna lacks": {"state": 99},
    "a state of text": {"state": "COMPLETE"},
    "a study of text": {"study_id": "0"},
    "a study that is a list": {"study_id": [0]},
    "a value of text": {"value": "low"},
    "a value that is no number": {"value": float("nan")},
    "a value that no float holds": {"value": 10**400},
    "both kinds of values": {"values": [1.0, 2.0]},
    "parameters as a list": {"params": [1]},
    "a parameter without a distribution": {"params": {"y": 0.5}},
    "a parameter of text": {"params": {"x": "half"}},
    "a parameter outside its range": {"params": {"x": 7.0}},
    "a parameter that is no number": {"params": {"x": float("nan")}},
    "an unknown distribution": {"distributions": {"x": '{"name": "Zipf", "attributes": {}}'}},
    "a distribution of no JSON": {"distributions": {"x": "{"}},
    "a distribution upside down": {
        "distributions": {
            "x": '{"name": "FloatDistribution", '
            '"attributes": {"low": 2, "high": 1, "step": null, "log": false}}'
        }
    },
    "a day that no month has": {"datetime_start": "2026-02-31T00:00:00"},
    "an end that is null": {"datetime_complete": None},
    "attributes as text": {"user_attrs": "none"},
    "steps that are no numbers": {"intermediate_values": {"first": 1.0}},
    "no worker": {"worker_id": 5},
}


@pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS)
def test_a_trial_of_another_shape_is_left_out_and_keeps_its_number(
    journal: Path, fields: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    _changed(journal, 6, **fields)
    _check_left_out(journal, 6, caplog, kept="study_id" not in fields)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig"])
def test_a_journal_in_another_encoding_is_named(journal: Path, encoding: str) -> None:
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    journal.write_bytes((mark + journal.read_text("utf-8")).encode(encoding))
    for opens in (lambda: reading(journal.parent), lambda: open_storage(f"journal:{journal}")):
        with pytest.raises(
            SpecError, match=r"study.journal:1: expected a journal in UTF-8, got a file in UTF"
        ):
            opens()


LINES = {
    "no JSON": b'{"op_code": 4, "study_id": 0, ',
    "binary garbage": bytes(range(1, 10)) + bytes(range(11, 256)),
    "a list": b"[4]",
    "a word": b"nine",
    "an unknown operation": b'{"op_code": 77, "worker_id": "w", "study_id": 0}',
    "an operation of text": b'{"op_code": "4", "worker_id": "w", "study_id": 0}',
    "a long integer": b'{"op_code": 4, "study_id": 0, "x": ' + b"9" * 5000 + b"}",
    "deep nesting": b'{"op_code": 4, "study_id": 0, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nesting that JSON reads": b'{"op_code": 4, "study_id": 0, "x": ' + b"[" * 200 + b"]" * 200 + b"}",
    "nothing": b"",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_line_that_is_none_is_left_out(
    journal: Path, line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    _with_line(journal, 6, line)
    _check_left_out(journal, 6, caplog, kept=b'"op_code": 4' in line)


def test_a_line_of_a_hundred_megabytes_is_not_read_into_memory(
    journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _with_line(journal, 6, b'{"op_code": 4, "study_id": 0, "x": "' + b"a" * (100 << 20) + b'"}')
    _check_left_out(journal, 6, caplog, kept=True)
    assert f"more than {LIMIT >> 20} MiB" in caplog.text


def _check_left_out(journal: Path, number: int, caplog: pytest.LogCaptureFixture, *, kept: bool) -> None:
    """Line 6 holds trial 4: it is told, the eight others are there, and a writer goes on behind them."""
    with caplog.at_level(logging.WARNING, "dse"):
        trials = stored_trials(reading(journal.parent), "s")
    (told,) = caplog.messages
    assert told.startswith(f"{journal}:{number}: expected a line of a journal, got "), told
    assert "5 lines before it, 4 lines after it" in told
    good = [t for t in trials if t.state == TrialState.COMPLETE]
    assert [t.value for t in good] == [float(i) for i in range(TRIALS) if i != 4]
    # the number of a trial is the place of the line that made it, so a trial stands for one that made it
    assert [t.number for t in good] == [i for i in range(TRIALS + 1) if i != 4][:8] if kept else range(8)
    study = optuna.load_study(study_name="s", storage=open_storage(f"journal:{journal}"))
    study.enqueue_trial({"x": 0.25})
    again = stored_trials(reading(journal.parent), "s")
    assert again[-1].state == TrialState.WAITING
    assert [t.number for t in again] == list(range(len(trials) + 1))


def test_damage_of_many_lines_is_counted(journal: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(2, TRIALS + 2):
        _with_line(journal, number, b"x")
    with caplog.at_level(logging.WARNING, "dse"):
        reading(journal.parent)
    assert len(caplog.messages) == 6
    assert "1 line before it, 0 lines after it" in caplog.messages[0]
    assert "4 lines more are damaged and left out" in caplog.messages[-1]


@pytest.mark.parametrize("line", [b"x", b'{"op_code": 99}', b'{"op_code": 0, "worker_id": "w"}'])
def test_without_its_first_line_it_is_refused_and_stays_as_it_is(journal: Path, line: bytes) -> None:
    _with_line(journal, 1, line)
    before = journal.read_bytes()
    intact = len(before.splitlines()) - 1
    said = rf"study.journal:1: expected the first line of a journal.*\. {intact} lines after it are intact"
    for read in (lambda: open_storage(f"journal:{journal}"), lambda: reading(journal.parent)):
        with pytest.raises(SpecError, match=said):
            read()
    assert journal.read_bytes() == before


def test_the_bytes_of_a_line_that_is_being_written_come_the_next_time(journal: Path) -> None:
    whole = journal.read_bytes()
    storage = reading(journal.parent)
    assert isinstance(storage, JournalStorage)
    *_, last = whole.rstrip(b"\n").split(b"\n")
    with journal.open("ab") as file:
        file.write(last[:20])
    assert len(stored_trials(storage, "s")) == TRIALS
    with journal.open("ab") as file:
        file.write(last[20:] + b"\n")
    assert len(stored_trials(storage, "s")) == TRIALS + 1
