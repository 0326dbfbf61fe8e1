"""Full disks, folders that become read-only, orphaned locks, torn lines, clocks that jump."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from processes import (
    TIMEOUT,
    check_whole,
    ended,
    environment,
    in_journal,
    in_logs,
    refused,
    start,
    trials_in,
    wait_until,
)
from strange_models import plugged, slow_study
from studies_for_tests import write_study

from dse.search.run.runner import run, work
from dse.search.storage import journal
from dse.search.storage.by_url import open_storage


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    with plugged(tmp_path):
        yield tmp_path


NO_FILE_ABOVE = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))"
"""In a new process: every file is full at so many bytes."""

BOUND_BY_PERMISSIONS = "import ctypes; ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)"
"""In a new process: also root may write only where it is allowed to (PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)."""


def made(out: Path) -> int:
    """Trials that an interrupted run finished: stored, or kept for the next run to store."""
    return in_journal(out / "study.journal") + in_logs(out)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_full_disk_ends_the_run_with_a_message_and_loses_nothing(place: Path, workers: str) -> None:
    path, out = slow_study(place, 0.005), place / "out"
    process = start(
        "run",
        path,
        "--trials",
        "100000",
        "--workers",
        workers,
        "--out",
        out,
        after=NO_FILE_ABOVE.format(300_000),
    )
    refused(process, "File too large", f"{out}/")
    text = (out / "study.journal").read_bytes()
    assert text.endswith(b"\n")  # the write that did not fit was taken back
    wanted = made(out) + 30
    assert wanted > 80
    again = run(str(path), trials=wanted, out=out)
    check_whole(again.optuna_study.trials, wanted, range(3))


FILL = """
import resource, sys
from pathlib import Path
from dse.search.storage.journal import Journal
path, size = Path(sys.argv[1]), int(sys.argv[2])
journal = Journal(path)
journal.append_logs([{"op_code": 0, "said": "first"}])
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    journal.append_logs([{"op_code": 0, "said": "x" * 100} for _ in range(size)])
except OSError as error:
    print(error.strerror)
"""


@pytest.mark.parametrize("size", [165, 180, 400, 3000])
def test_nothing_of_a_write_that_did_not_fit_stays_in_the_journal(tmp_path: Path, size: int) -> None:
    path = tmp_path / "study.journal"
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(path), str(size)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "File too large"
    assert path.read_text(encoding="utf-8") == '{"op_code":0,"said":"first"}\n'


def test_a_disk_that_is_really_full_ends_the_run_with_a_message_and_loses_nothing(place: Path) -> None:
    """On a small file system, where the tests may make one; the limit above is everywhere."""
    path, disk = slow_study(place, 0.005), place / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.xfail(f"no file system can be mounted here: {mounted.stderr.decode()}")
    try:
        process = start("run", path, "--trials", "100000", "--out", disk / "out")
        refused(process, "No space left on device", f"{disk}/out/")
        wanted = made(disk / "out") + 30
        assert wanted > 80
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        again = run(str(path), trials=wanted, out=disk / "out")
        check_whole(again.optuna_study.trials, wanted, range(3))
    finally:
        subprocess.run(["umount", str(disk)], check=False)


def test_a_folder_that_becomes_read_only_ends_the_run_with_a_message_and_loses_nothing(place: Path) -> None:
    path, out = slow_study(place, 0.02), place / "out"
    process = start("run", path, "--trials", "100000", "--out", out, after=BOUND_BY_PERMISSIONS)
    wait_until(lambda: in_journal(out / "study.journal") >= 10, process)
    out.chmod(0o555)
    try:
        refused(process, "Permission denied")
    finally:
        out.chmod(0o755)
    wanted = made(out) + 30
    again = run(str(path), trials=wanted, out=out)
    check_whole(again.optuna_study.trials, wanted, range(2))


def test_a_folder_that_becomes_read_only_in_mid_write_is_reported_as_it_is(tmp_path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from dse.search.storage.journal import Journal
file = Path(sys.argv[1])
try:
    Journal(file).append(lambda: (file.parent.chmod(0o555), [{"op_code": 0}])[1])
except PermissionError as error:
    print(error.strerror)
"""
    bound = (
        f"import os, sys\n{BOUND_BY_PERMISSIONS}\nos.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    file = tmp_path / "out" / "x.journal"
    file.parent.mkdir()
    try:
        done = subprocess.run([sys.executable, "-c", bound, "-c", code, file], capture_output=True, text=True)
    finally:
        file.parent.chmod(0o755)
    assert (done.stdout, done.stderr) == ("Permission denied\n", "")
    assert file.read_text() == '{"op_code":0}\n'


def test_a_lock_that_another_writer_broke_is_not_missed(tmp_path: Path) -> None:
    file = tmp_path / "x.journal"
    lock = file.with_name("x.journal.lock")
    logs = [{"op_code": 0}]
    journal.Journal(file).append(lambda: (lock.unlink(), logs)[1])
    journal.Journal(file).append_logs(logs)
    assert file.read_text() == 2 * '{"op_code":0}\n'
    assert not lock.is_symlink()


def test_an_orphaned_lock_of_a_shared_journal_is_broken_after_some_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, file = str(write_study(tmp_path)), tmp_path / "shared.journal"
    work(path, f"journal:{file}", trials=3, out=tmp_path / "w")
    os.symlink(file, f"{file}.lock")  # noqa: PTH211 - as Optuna makes it
    monkeypatch.setattr(journal, "ORPHANED", 3)
    begin = time.monotonic()
    assert work(path, f"journal:{file}", trials=5, out=tmp_path / "w").new_trials == 2
    assert time.monotonic() - begin >= 3.0  # not before, and it was broken at all
    check_whole(trials_in(f"journal:{file}")[:5], 5)


def test_a_line_torn_by_another_writer_is_mended_by_the_next_write(tmp_path: Path) -> None:
    path, file = str(write_study(tmp_path)), tmp_path / "shared.journal"

    def tear(finished: int, _wanted: int) -> None:
        if finished == 4:
            with file.open("ab") as other:  # killed in mid-write
                other.write(b'{"op_code":4,"worker_id":"torn","study_')

    assert work(path, f"journal:{file}", trials=9, out=tmp_path / "w", progress=tear).new_trials == 9
    check_whole(trials_in(f"journal:{file}"), 9)
    assert b"torn" not in file.read_bytes()


def test_a_journal_is_read_while_others_write_it(tmp_path: Path) -> None:
    path, file = str(write_study(tmp_path)), tmp_path / "shared.journal"
    work(path, f"journal:{file}", trials=3, out=tmp_path / "w")
    seen: list[int] = []

    def watch() -> None:
        study = optuna.load_study(study_name="small", storage=open_storage(f"journal:{file}"))
        while len(seen) < 5 or seen[-1] < 60:
            seen.append(len(study.get_trials(deepcopy=False)))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    work(path, f"journal:{file}", trials=60, out=tmp_path / "w")
    watcher.join(TIMEOUT)
    assert not watcher.is_alive()
    assert seen == sorted(seen)


JUMPS = """
import time, itertools
_real, _jumps = time.time, itertools.cycle([0, 86400, -86400, 3e8, -5e8])
time.time = lambda: _real() + next(_jumps)
time.time_ns = lambda: int(time.time() * 1e9)
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_clock_that_jumps_changes_nothing(place: Path, workers: str) -> None:
    (place / "clock").mkdir()
    (place / "clock" / "sitecustomize.py").write_text(JUMPS, encoding="utf-8")
    # the study first: what its cost model reads is in the environment that `environment` copies
    path = slow_study(place, 0.01)
    env = environment(PYTHONPATH=os.pathsep.join([str(place / "clock"), os.environ["PYTHONPATH"]]))
    check = "import time; a = [time.time() for _ in range(5)]; assert max(a) - min(a) > 1e8"
    subprocess.run([sys.executable, "-c", check], env=env, check=True)  # the clock does jump
    ended(start("run", path, "--trials", "40", "--workers", workers, "--out", place / "out", env=env))
    trials = trials_in(f"journal:{place / 'out' / 'study.journal'}")
    check_whole(trials, 40)
    if workers == "1":
        calm = run(str(path), trials=40, out=place / "calm")
        assert [t.params for t in trials] == [t.params for t in calm.optuna_study.trials]
        assert (place / "out" / "front.csv").read_bytes() == (calm.out / "front.csv").read_bytes()


def test_a_time_limit_holds_while_the_clock_jumps(place: Path) -> None:
    (place / "clock").mkdir()
    (place / "clock" / "sitecustomize.py").write_text(JUMPS, encoding="utf-8")
    # the study first: what its cost model reads is in the environment that `environment` copies
    path = slow_study(place, 0.01)
    env = environment(PYTHONPATH=os.pathsep.join([str(place / "clock"), os.environ["PYTHONPATH"]]))
    process = start("run", path, "--trials", "1000000", "--timeout", "2 s", "--out", place / "out", env=env)
    assert "The time limit ended the run" in ended(process)
    assert in_journal(place / "out" / "study.journal") > 20
