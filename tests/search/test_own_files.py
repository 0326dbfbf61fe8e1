"""Results are for their user alone, and no link leads a run out of its folder."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState, create_trial
from studies_for_tests import write_study

import dse
from dse.errors import DseError, ResultsError
from dse.front.atomic import replace_files
from dse.front.own_files import own_folder, private_folder
from dse.search.run.recovered import clear_unfinished, recovered
from dse.search.run.recovery_log import RecoveryLog
from dse.search.storage.by_url import open_storage
from dse.search.storage.locks import hold
from dse.search.trials.read_trials import reading
from dse.search.trials.trial_entries import KEY, Entry, Task
from dse.search.trials.trial_json import trial_to_json


@pytest.fixture(autouse=True)
def open_mask() -> object:
    """A umask that leaves every mode as it is asked for."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    found = [folder, *folder.rglob("*")]
    return {p.relative_to(folder).as_posix(): f"{stat.S_IMODE(p.lstat().st_mode):o}" for p in found}


@pytest.mark.parametrize("storage", ["journal", "sqlite"])
def test_all_that_a_run_makes_is_for_its_user_alone(tmp_path: Path, storage: str) -> None:
    path, out = write_study(tmp_path / "studies"), tmp_path / "results" / "small"
    url = f"sqlite:///{out / 'x' / 'trials.db'}" if storage == "sqlite" else None
    dse.run(str(path), out=out, storage=url, trials=4)
    dse.run(str(path), out=out, storage=url, trials=5)
    found = modes(tmp_path / "results")
    for name, mode in found.items():
        assert mode == ("700" if (tmp_path / "results" / name).is_dir() else "600"), name


@pytest.mark.filterwarnings("ignore:Query string argument")
@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+pysqlite"])
def test_the_options_of_a_database_name_no_file(tmp_path: Path, scheme: str) -> None:
    open_storage(f"{scheme}:///{tmp_path / 'x.db'}?key=S3CRET")
    found = modes(tmp_path)
    assert sorted(found) == [".", "x.db"] and found["x.db"] == "600"


def test_a_folder_and_a_file_of_the_user_keep_their_modes(tmp_path: Path) -> None:
    path, out = write_study(tmp_path / "studies"), tmp_path / "out"
    out.mkdir(mode=0o755)
    dse.run(str(path), out=out, trials=4)
    (out / "front.csv").chmod(0o644)
    dse.run(str(path), out=out, trials=5)
    found = modes(out)
    assert (found["."], found["front.csv"], found["manifest.json"]) == ("755", "644", "600")


def test_a_stricter_mask_stays(tmp_path: Path) -> None:
    os.umask(0o277)
    replace_files({tmp_path / "a": b"x"})
    assert modes(tmp_path)["a"] == "400"


# links


def _secret(tmp_path: Path) -> Path:
    secret = tmp_path / "elsewhere" / "secret"
    secret.parent.mkdir()
    secret.write_bytes(b"")
    return secret


@pytest.mark.parametrize("name", [".lock", "study.journal", "spool", "spool/x.jsonl"])
def test_a_link_out_of_the_folder_is_refused_and_what_it_leads_to_stays(tmp_path: Path, name: str) -> None:
    path, out, secret = write_study(tmp_path / "studies"), tmp_path / "out", _secret(tmp_path)
    target = secret.parent if name == "spool" else secret
    (out / name).parent.mkdir(parents=True)
    (out / name).symlink_to(target)
    with pytest.raises(DseError, match=r"a link that leads out of it, to .*elsewhere") as raised:
        dse.run(str(path), out=out, trials=3)
    assert str(out / name) in str(raised.value)
    assert secret.read_bytes() == b"" and [p.name for p in secret.parent.iterdir()] == ["secret"]


@pytest.mark.parametrize("name", [".lock", "study.journal", "spool"])
def test_a_link_to_nowhere_is_named(tmp_path: Path, name: str) -> None:
    path, out = write_study(tmp_path / "studies"), tmp_path / "out"
    out.mkdir()
    (out / name).symlink_to(tmp_path / "gone" / "x")
    with pytest.raises(DseError, match=r"is a link to nowhere \('.*gone/x'\)"):
        dse.run(str(path), out=out, trials=3)
    assert not (tmp_path / "gone").exists()


def test_a_results_folder_may_be_a_link_but_not_to_nowhere(tmp_path: Path) -> None:
    path, out, real = write_study(tmp_path / "studies"), tmp_path / "out", tmp_path / "disk"
    out.symlink_to(real)
    with pytest.raises(DseError, match="out: is a link to nowhere"):
        dse.run(str(path), out=out, trials=3)
    real.mkdir()
    dse.run(str(path), out=out, trials=3)
    assert (real / "study.journal").is_file()


def test_a_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    path, out = write_study(tmp_path / "studies"), tmp_path / "out"
    dse.run(str(path), out=out, trials=3)
    (out / "study.journal").rename(out / "old.journal")
    (out / "study.journal").symlink_to("old.journal")
    assert dse.run(str(path), out=out, trials=5).new_trials == 2
    assert (out / "study.journal").is_symlink()


@pytest.mark.parametrize("opened", [lambda p: reading(p.parent), lambda p: open_storage(f"journal:{p}")])
def test_readers_follow_no_link_out_either(tmp_path: Path, opened: Callable[[Path], object]) -> None:
    secret, out = _secret(tmp_path), tmp_path / "out"
    secret.write_text('{"op_code": 0}\n')
    out.mkdir()
    (out / "study.journal").symlink_to(secret)
    with pytest.raises(ResultsError, match="a link that leads out of it"):
        opened(out / "study.journal")


def test_a_pipe_in_place_of_a_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    path, out = write_study(tmp_path / "studies"), tmp_path / "out"
    out.mkdir()
    os.mkfifo(out / ".lock")
    with pytest.raises(ResultsError, match="expected a regular file, got something else"):
        dse.run(str(path), out=out, trials=3)


# the folder of temporary files, in which everyone can make a folder


def test_a_folder_in_a_shared_place_is_ours_alone(tmp_path: Path) -> None:
    place = tmp_path / "dse-1-host"
    private_folder(place)
    private_folder(place)
    assert modes(tmp_path)["dse-1-host"] == "700"


def test_a_planted_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "dse-1-host").symlink_to(tmp_path / "mine")
    with pytest.raises(ResultsError, match="expected a folder of yours, got a link or a file"):
        private_folder(tmp_path / "dse-1-host")


def test_a_folder_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dse-1-host").mkdir(mode=0o770)
    with pytest.raises(ResultsError, match="that you alone can write to, got mode 0770"):
        private_folder(tmp_path / "dse-1-host")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dse-1-host").mkdir(mode=0o700)
    os.chown(tmp_path / "dse-1-host", 65534, 65534)
    with pytest.raises(ResultsError, match="expected a folder of yours, got one of user 65534"):
        private_folder(tmp_path / "dse-1-host")


# recovery logs


def _entry(key: str) -> Entry:
    return Entry(trial=create_trial(value=1.0, user_attrs={KEY: key}))


def _left_log(folder: Path, count: int = 3) -> Path:
    """The log of a worker that died with some finished trials."""
    log = RecoveryLog(folder, "r.0", "me")
    for i in range(count):
        log.finished(f"r.0-{i}", _entry(f"r.0-{i}"))
    log._file.close()
    return log.path


DAMAGED = {
    "no JSON": b"{nope",
    "another shape": b'{"finished": "x", "trial": [], "task": {}}',
    "a trial without values": json.dumps(
        {
            "finished": "x",
            "task": {"params": {}, "attrs": {}, "trial_id": None, "number": None},
            "trial": {**trial_to_json(create_trial(value=1.0)), "values": None},
        }
    ).encode(),
    "deep nesting": b'{"finished": "x", "trial": ' + b"[" * 200 + b"]" * 200 + b"}",
    "a task with more": b'{"finished": "x", "trial": {}, "task": {"params": {}, "evil": 1}}',
}


@pytest.mark.parametrize("line", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_line_of_a_recovery_log_hides_no_other(
    tmp_path: Path, line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = _left_log(tmp_path)
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[:2], line, *lines[2:]]))
    remains = recovered(path, "me")
    assert remains is not None
    assert [e.key for e in remains.entries] == ["r.0-0", "r.0-1", "r.0-2"]
    (said,) = caplog.messages
    assert said.startswith(f"{path}:3: expected a trial, got")
    remains.remove()
    assert [p.name for p in tmp_path.iterdir()] == ["r.0.jsonl.damaged"]


def test_another_file_in_the_place_of_a_log_is_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "r.0.jsonl"
    path.write_text("[1]\n")
    assert recovered(path, "me") is None
    assert "expected the log of a worker, got another file" in caplog.text
    assert path.read_text() == "[1]\n"


KILLED = """
import os, signal, sys
from pathlib import Path
from dse.search.run import recovery_log
sys.path.insert(0, {tests!r})
recovery_log.LARGE = 1
kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
recovery_log.os.{step} = kill
from search.test_own_files import _entry
log = recovery_log.RecoveryLog(Path({folder!r}), "r.0", "me")
for i in range(3):
    log.finished(f"r.0-{{i}}", _entry(f"r.0-{{i}}"))
log.stored({{"r.0-0"}})
"""


def test_a_kill_while_a_log_is_rewritten_loses_nothing(tmp_path: Path) -> None:
    code = KILLED.format(tests=str(Path(__file__).parents[1]), folder=str(tmp_path), step="replace")
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    assert any(p.name.endswith(".tmp") for p in tmp_path.iterdir())
    clear_unfinished(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["r.0.jsonl"]
    remains = recovered(tmp_path / "r.0.jsonl", "me")
    # the one that is stored is found in the storage by its key
    assert remains is not None and [e.key for e in remains.entries] == ["r.0-0", "r.0-1", "r.0-2"]
    remains.leave()


def test_a_rewritten_log_holds_what_is_kept_and_its_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dse.search.run.recovery_log.LARGE", 1)
    log = RecoveryLog(tmp_path, "r.0", "me")
    for i in range(3):
        log.finished(f"r.0-{i}", _entry(f"r.0-{i}"))
    log.stored({"r.0-1"})
    assert recovered(log.path, "me") is None  # its worker lives
    assert hold(log.path) is None
    log.begun("r.0-3", create_trial(state=TrialState.RUNNING), Task())
    log._file.close()
    remains = recovered(log.path, "me")
    assert remains is not None
    assert [e.key for e in remains.entries] == ["r.0-0", "r.0-2", None]
    assert [e.trial.state for e in remains.entries][-1] == TrialState.FAIL
    remains.leave()


def test_missing_folders_above_are_made_too(tmp_path: Path) -> None:
    own_folder(tmp_path / "a" / "b")
    assert {m for n, m in modes(tmp_path / "a").items()} == {"700"}
