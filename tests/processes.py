"""The program as real processes that a test starts, watches and kills."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from dse.search.storage.by_url import open_storage

DSE = [sys.executable, "-m", "dse"]
TIMEOUT = 900
"""Seconds for what takes five on an idle machine: some machines are anything but idle."""


PLAIN = ("--no-verdicts", "--no-intervals")


def start(*arguments: str | Path, after: str = "", **options: object) -> "subprocess.Popen[str]":
    """Start `dse` with some arguments; its output is kept, and a run does without verdicts and intervals.

    `after` is Python that the new process runs on itself first: a limit it puts on itself holds for `dse` and
    its workers. (Between fork and exec it would run beside the threads of whatever the tests have imported.)
    """
    command = [*DSE, *map(str, arguments), *(PLAIN if arguments[:1] == ("run",) else ())]
    if after:
        command = [
            sys.executable,
            "-c",
            f"import os, sys\n{after}\nos.execv(sys.argv[1], sys.argv[1:])",
            *command,
        ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def ended(process: "subprocess.Popen[str]") -> str:
    """Wait for the end of a process that must end well; what it said."""
    said, complaint = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, f"exit code {process.returncode}\n{said}{complaint}"
    assert "Traceback" not in complaint, complaint
    return said


def refused(process: "subprocess.Popen[str]", *words: str) -> str:
    """Wait for the end of a process that must end with a message; the message."""
    _, complaint = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 2, complaint
    assert "Traceback" not in complaint, complaint
    for word in words:
        assert word in complaint, complaint
    return complaint


def wait_until(condition: Callable[[], object], process: "subprocess.Popen[str] | None" = None) -> None:
    """Wait for a condition; a process that is given must not end before it holds."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def kill(process: "subprocess.Popen[str]") -> None:
    """As the system does it when memory is short: without a word."""
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


@contextmanager
def paused(process: "subprocess.Popen[str]") -> Iterator[None]:
    """Stop a process between two of its steps, so that what a test sees of it still holds when it acts."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def kill_when(condition: Callable[[], object], process: "subprocess.Popen[str]") -> None:
    """Kill a process in a moment in which a condition holds."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        wait_until(condition, process)
        with paused(process):
            if condition():
                kill(process)
                return
        assert time.monotonic() < deadline, "waited in vain"


def worker_pids(process: "subprocess.Popen[str]") -> list[int]:
    """Process ids of the workers of a run."""
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    found = [int(pid) for pid in path.read_text().split()] if path.exists() else []
    return [
        pid for pid in found if b"dse.search.run.process_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def in_journal(journal: Path) -> int:
    """Finished trials in a journal that somebody may be writing: op 4 makes a trial, 6 sets a state."""
    lines = journal.read_bytes().split(b"\n")[:-1] if journal.exists() else []
    found = [json.loads(line) for line in lines]
    return sum(log["op_code"] in (4, 6) and log.get("state") == TrialState.COMPLETE.value for log in found)


def in_logs(out: Path) -> int:
    """Finished trials that are not stored yet."""
    return sum(path.read_bytes().count(b'{"finished"') for path in (out / "spool").glob("*.jsonl"))


def keys_in_logs(out: Path) -> set[str]:
    """Keys of the finished trials that are not stored yet."""
    lines = [line for path in (out / "spool").glob("*.jsonl") for line in path.read_bytes().split(b"\n")[:-1]]
    return {reported["finished"] for line in lines if "finished" in (reported := json.loads(line))}


def trials_in(url: str, name: str = "small") -> list[FrozenTrial]:
    """Trials of a stored study."""
    storage = optuna.storages.get_storage(open_storage(url))
    return optuna.load_study(study_name=name, storage=storage).trials


def check_whole(trials: list[FrozenTrial], complete: int, failed: range = range(1)) -> None:
    """Every trial is there once, none is left running, and what failed was tried once more."""
    states = Counter(t.state for t in trials)
    assert states[TrialState.COMPLETE] == complete, states
    assert states[TrialState.FAIL] in failed, states
    assert states[TrialState.RUNNING] == 0, states
    assert [t.number for t in trials] == list(range(len(trials)))
    keys = [t.user_attrs["dse:key"] for t in trials if t.state == TrialState.COMPLETE]
    assert len(set(keys)) == len(keys)
    tries = Counter(t.user_attrs["dse:retry_of"] for t in trials if "dse:retry_of" in t.user_attrs)
    for trial in trials:
        if trial.state == TrialState.FAIL and "dse:retry_of" not in trial.user_attrs:
            assert tries[trial.number] == 1
    if not states[TrialState.FAIL]:
        designs = [str(sorted(t.params.items())) for t in trials]
        assert len(set(designs)) == len(designs)


def environment(**given: str) -> dict[str, str]:
    """Our environment and some more."""
    return {**os.environ, **given}
