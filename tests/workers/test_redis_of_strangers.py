"""What somebody who can write to a Redis may put there: no code of it runs, and damage is left out."""

import json
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalRedisBackend
from optuna.study import StudyDirection
from optuna.trial import TrialState
from processes import ended, start, trials_in
from redis import Redis
from said import call
from servers import redis
from studies_for_tests import write_study

import dse
from dse.errors import SpecError, StorageError
from dse.report.page.html import Html
from dse.search.storage.by_url import open_storage
from dse.search.trials.read_trials import reading, stored_trials
from dse.view.live import LiveStudy


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def url(server: str) -> str:
    Redis.from_url(server).flushall()
    return server


class Bomb:
    """Runs a command where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch '{self.mark}'",)


def test_a_pickled_bomb_under_snapshot_is_never_loaded(tmp_path: Path, url: str) -> None:
    path, mark, client = write_study(tmp_path / "studies"), tmp_path / "ran", Redis.from_url(url)
    client.set(":snapshot", pickle.dumps(Bomb(mark)))
    JournalStorage(JournalRedisBackend(url))  # it is a bomb: Optuna's own backend runs it
    assert mark.exists()
    mark.unlink()
    out = tmp_path / "out"
    ended(start("run", path, "--storage", url, "--out", out, "--trials", "6"))
    ended(start("worker", path, "--storage", url, "--out", tmp_path / "w", "--trials", "9"))
    live = LiveStudy("small", tmp_path / "none", None, str(path), url)
    assert "9 trials" in live.state(Html(""), ("/a.js",), "/status.json").text
    assert not mark.exists()
    assert client.get(":snapshot") == pickle.dumps(Bomb(mark))  # of another program: left as it was


def test_no_snapshot_is_saved_where_optuna_saves_one(url: str) -> None:
    storage = open_storage(url)
    first = storage.create_new_study([StudyDirection.MINIMIZE], "s")
    for _ in range(201):  # Optuna saves one every hundred trials
        storage.create_new_trial(first)
    assert Redis.from_url(url).get(":snapshot") is None


def test_optuna_reads_what_we_write_and_the_reverse(url: str) -> None:
    ours, theirs = open_storage(url), JournalStorage(JournalRedisBackend(url))
    first = ours.create_new_study([StudyDirection.MINIMIZE], "s")
    ours.create_new_trial(first)
    theirs.create_new_trial(first)
    assert [t.number for t in theirs.get_all_trials(first)] == [0, 1]
    assert [t.number for t in ours.get_all_trials(first)] == [0, 1]


def test_damaged_lines_are_left_out_and_the_search_goes_on(tmp_path: Path, url: str) -> None:
    path, client = write_study(tmp_path / "studies"), Redis.from_url(url)
    dse.run(str(path), storage=url, out=tmp_path / "out", trials=10)
    trials = [n for n in range(int(client.get(":log_number")) + 1) if _makes_a_trial(client, n)]
    client.set(f":log:{trials[-1]}", b"\x80\x04nonsense")
    client.delete(f":log:{trials[-2]}")
    client.delete(f":log:{trials[-3]}")
    client.lpush(f":log:{trials[-3]}", "a list")
    again = ("run", path, "--storage", url, "--out", tmp_path / "out", "--trials", "12")
    # the results of ten trials are not replaced by those of fewer without a word of the user
    call(*again).refused("counts 10 trials", "holds 7 of this study", "move this file away")
    (tmp_path / "out" / "manifest.json").unlink()
    complaint = start(*again)
    said, remarks = complaint.communicate()
    assert complaint.returncode == 0, remarks
    for number, why in ((trials[-1], "no JSON"), (trials[-2], "it is missing"), (trials[-3], "no JSON")):
        assert f"line {number + 1} (key :log:{number}): expected a line of a journal, got {why}" in remarks
    assert "12 trials" in said
    good = [t for t in trials_in(url) if t.state == TrialState.COMPLETE]
    assert len({json.dumps(t.params, sort_keys=True) for t in good}) == 12


def _makes_a_trial(client: Redis, number: int) -> bool:
    line = json.loads(client.get(f":log:{number}"))
    return line["op_code"] == 4 and line.get("state") == TrialState.COMPLETE


@pytest.mark.parametrize("count", ["many", "99999999999999", "9" * 30])
def test_a_count_of_lines_that_is_wrong_is_told_and_nothing_waits(url: str, count: str) -> None:
    open_storage(url).create_new_study([StudyDirection.MINIMIZE], "s")
    Redis.from_url(url).set(":log_number", count)
    with pytest.raises(StorageError, match="expected the number of the last line under ':log_number', got"):
        open_storage(url)


def test_another_program_s_lines_are_told_and_left(url: str) -> None:
    client = Redis.from_url(url)
    client.set(":log_number", 0)
    client.set(":log:0", "hello")
    with pytest.raises(SpecError, match="expected the journal of an Optuna study, got no JSON: 'hello'"):
        reading(Path("none"), url)
    assert client.get(":log:0") == b"hello"


def test_trials_are_read_in_pieces(url: str) -> None:
    storage = open_storage(url)
    first = storage.create_new_study([StudyDirection.MINIMIZE], "s")
    for _ in range(1100):
        storage.create_new_trial(first)
    assert len(stored_trials(reading(Path("none"), url), "s")) == 1100
