"""A storage that fails again and again, before or after it has done what it was asked; nobody sees which."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from processes import check_whole
from studies_for_tests import write_study

from dse.search.run import session
from dse.search.run.runner import RunResult, run
from dse.search.storage import shared_study

CALLS = (
    "create_new_trial",
    "set_trial_param",
    "set_trial_user_attr",
    "set_trial_system_attr",
    "set_trial_state_values",
    "set_study_user_attr",
    "get_all_trials",
    "get_trial",
    "get_study_user_attrs",
)
SHARES = {"memory:": 0.04, "sqlite:///": 0.25, "journal:": 0.25}
"""Of the calls that fail before they are done; as many do afterwards. A database is called for many trials at
once, which are stored all or none."""


TRIALS = 40


class RpcError(Exception):
    """Named as the error of a connection that broke."""


class Faults:
    """Lets calls fail, once it is switched on."""

    def __init__(self, seed: int, share: float) -> None:
        self.on, self.count, self._share = False, 0, share
        self._random = random.Random(seed)
        self._inside = False

    def into(self, target: Any, name: str) -> None:
        """Let a method of an object fail; what it calls itself does not."""
        inner: Callable[..., Any] = getattr(target, name)

        def call(*args: Any, **named: Any) -> Any:
            if not self.on or self._inside:
                return inner(*args, **named)
            draw = self._random.random()
            if draw < self._share:
                self.count += 1
                raise RpcError("not done")
            self._inside = True
            try:
                found = inner(*args, **named)
            finally:
                self._inside = False
            if draw > 1 - self._share:
                self.count += 1
                raise RpcError("done, and the answer was lost")
            return found

        setattr(target, name, call)


def disturbed(path: Path, url: str, faults: Faults, monkeypatch: pytest.MonkeyPatch) -> RunResult:
    opened, writer_of = shared_study.open_storage, shared_study.writer_of

    def storage(address: str) -> Any:
        made = opened(address)
        for name in CALLS if address == "memory:" else ():  # calls of a database are not ours alone
            faults.into(made, name)
        return made

    def writer(made: Any) -> Any:
        found = writer_of(made)
        for name in ("put", "claim"):
            faults.into(found, name)
        return found

    monkeypatch.setattr(shared_study, "open_storage", storage)
    if url != "memory:":
        monkeypatch.setattr(shared_study, "writer_of", writer)

    def begin(_finished: int, _wanted: int) -> None:
        faults.on = True

    result = run(str(path), trials=TRIALS, out=path.parent / "out", storage=url, progress=begin)
    faults.on = False
    return result


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """A run that nothing disturbs."""
    folder = tmp_path_factory.mktemp("calm")
    return run(str(write_study(folder)), trials=TRIALS, out=folder / "out")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", SHARES)
def test_no_lost_answer_loses_or_doubles_a_trial(
    kind: str, seed: int, calm: RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_study(tmp_path)
    for name, value in (("OFTEN", 0.02), ("SHARE", 1.0)):  # many writes of few trials each
        monkeypatch.setattr(session, name, value)
    url = kind if kind == "memory:" else f"{kind}{tmp_path / 'store'}"
    faults = Faults(seed, SHARES[kind])
    result = disturbed(path, url, faults, monkeypatch)
    assert faults.count >= 2
    trials = result.optuna_study.trials
    check_whole(trials, TRIALS)
    assert [t.params for t in trials] == [t.params for t in calm.optuna_study.trials]
    assert (result.out / "front.csv").read_bytes() == (calm.out / "front.csv").read_bytes()
