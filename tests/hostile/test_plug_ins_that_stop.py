"""A plug-in that breaks loses nothing that is stored, and one that hangs ends at the limit."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from broken_plugins import PLAIN, STUDIES, install, named, plugged, study
from said import Said, call

ESTIMATE = ("estimate", "--chip", "h100", "--llm", "llama2-7b", "--workload", "article")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("their"))


@pytest.fixture(autouse=True)
def theirs(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Their package is installed, nothing in it breaks yet, and the test is in a folder of its own."""
    monkeypatch.setenv("FAULT", "")
    monkeypatch.chdir(tmp_path)
    with plugged(place):
        yield


# --- nothing is lost


def trials(out: str) -> list[optuna.trial.FrozenTrial]:
    backend = optuna.storages.journal.JournalFileBackend(f"{out}/study.journal")
    found = optuna.load_study(study_name=None, storage=optuna.storages.JournalStorage(backend))
    return found.get_trials()


def finished(out: str) -> list[dict[str, object]]:
    return [t.params for t in trials(out) if t.state == optuna.trial.TrialState.COMPLETE]


def test_what_was_made_before_stays_and_the_study_goes_on_when_the_plug_in_is_mended(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = study("model")
    monkeypatch.setenv("FAULT", "later")
    said = call("run", path, "--out", "out", *PLAIN)
    named(said, "cost_models", "raised KeyError")
    kept = finished("out")
    assert 2 < len(kept) < 10
    # the author needs several tries: no trial may be given up meanwhile
    monkeypatch.setenv("FAULT", "key")
    for _ in range(3):
        named(call("run", path, "--out", "out", *PLAIN), "cost_models", "raised KeyError")
    monkeypatch.setenv("FAULT", "")
    said = call("run", path, "--out", "out", *PLAIN, "--no-verdicts")
    assert said.code == 0 and f"10 trials ({10 - len(kept)} new)" in said.out
    after = finished("out")
    assert len(after) == 10 and all(params in after for params in kept)
    assert not Path("out/spool").exists()


def test_a_sweep_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    path = study("model")
    monkeypatch.setenv("FAULT", "later")
    named(call("sweep", path, "--out", "out", *PLAIN), "cost_models", "raised KeyError")
    assert not Path("out/front.csv").exists()
    monkeypatch.setenv("FAULT", "")
    assert call("sweep", path, "--out", "out", *PLAIN).code == 0
    assert json.loads(Path("out/manifest.json").read_text())["sweep"]["points"] > 0


def program(*words: object, **env: str) -> Said:
    """`dse` in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "dse", *map(str, words)], env={**os.environ, **env}, capture_output=True,
        text=True, check=False, timeout=60,
    )  # fmt: skip
    return Said(done.returncode, done.stdout, done.stderr)


def test_of_several_processes_one_sentence_comes_through_and_the_study_goes_on() -> None:
    path = study("model")
    two = ("run", path, "--out", "out", "--workers", "2", *PLAIN, "--no-verdicts")
    named(program(*two, FAULT="later"), "cost_models", "raised KeyError: 'watts'")
    assert not list(Path().rglob("front.csv"))
    said = program(*two)
    assert said.code == 0 and len(finished("out")) == 10, said.err


def test_what_a_plug_in_says_is_no_part_of_the_answer() -> None:
    said = program(*ESTIMATE, "--cost-model", "theirs", "--format", "json", FAULT="speaks")
    assert said.code == 0 and json.loads(said.out), said.err
    assert "UserWarning: watch \\x1b[2Jout\n" in said.err and "here \\x1b[2JI am\n" in said.err
    assert "theirs.py" not in said.err


# --- what hangs


@pytest.mark.parametrize(
    ("name", "fault", "verb"),
    [
        ("model", "loop", "run"), ("model", "sleep", "run"), ("goal", "sleep", "run"),
        ("price", "loop", "run"),
        ("sampler", "sleep", "run"), ("serving", "loop", "sweep"), ("model", "loop elsewhere", "sweep"),
    ],
)  # fmt: skip
def test_a_call_that_hangs_ends_at_the_limit(
    name: str, fault: str, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, minute = study(name), ("--plugin-timeout", "1 min")
    monkeypatch.setenv("FAULT", fault)
    said = call(verb, path, "--out", "out", *PLAIN, "--plugin-timeout", "0.2 s")
    named(said, STUDIES[name][0], "expected an answer within 0.2 s, got none")
    monkeypatch.setenv("FAULT", "")
    assert "DSE_PLUGIN_TIMEOUT" not in os.environ
    # what is still in time is as ever
    assert name != "model" or call("run", path, "--out", "b", *PLAIN, "--no-verdicts", *minute).code == 0


@pytest.mark.parametrize(
    "words",
    [("sweep",), ("run", "--workers", "2", "--no-verdicts")],
    ids=["a thread that sleeps", "worker processes"],
)
def test_a_hang_that_no_exception_reaches_ends_the_process(words: tuple[str, ...]) -> None:
    verb, *options = words
    fault = "sleep elsewhere" if verb == "sweep" else "sleep"
    said = program(
        verb, study("model"), "--out", "out", *PLAIN, *options, FAULT=fault, DSE_PLUGIN_TIMEOUT="0.5"
    )
    named(said, "cost_models", "expected an answer within 0.5 s, got none")


def test_a_limit_that_is_none_is_refused() -> None:
    call(*ESTIMATE, "--plugin-timeout", "soon").refused("--plugin-timeout", "got 'soon'")
    program(*ESTIMATE, DSE_PLUGIN_TIMEOUT="soon").refused("--plugin-timeout", "soon")
