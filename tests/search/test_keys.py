"""A key says which worker of which run made a trial."""

import pytest
from optuna.trial import FrozenTrial, create_trial

from dse.search.analysis.manifest import repeatable
from dse.search.trials.keys import WorkerName, worker_of
from dse.search.trials.trial_entries import KEY


@pytest.mark.parametrize("worker", [WorkerName("a1b2", 0), WorkerName("00ff", 137)])
def test_the_worker_is_read_back_from_each_of_its_keys(worker: WorkerName) -> None:
    keys = [worker.key(count) for count in range(12)]
    assert len(set(keys)) == 12
    assert {worker_of(key) for key in keys} == {worker}


@pytest.mark.parametrize("key", [None, "", "a1b2", "a1b2.0", "a1b2-3", "a1b2.x-3", "a1b2.0-x", ".", "-"])
def test_what_is_no_key_names_no_worker(key: str | None) -> None:
    assert worker_of(key) is None


def trials(*keys: str | None) -> list[FrozenTrial]:
    return [create_trial(value=0.0, user_attrs={} if key is None else {KEY: key}) for key in keys]


@pytest.mark.parametrize(
    ("keys", "start"),
    [
        (("a.0-0", "a.0-1"), "yes: one worker"),
        ((), "yes: one worker"),
        (("a.0-0", "a.1-0"), "no: several workers"),
        (("a.1-0",), "no: several workers"),
        (("a.0-0", "b.0-0"), "no: 2 runs"),
        (("a.0-0", None), "no: 2 runs"),
        ((None,), "no: several workers"),
    ],
)
def test_one_first_worker_of_one_run_is_repeatable(keys: tuple[str | None, ...], start: str) -> None:
    assert repeatable(trials(*keys)).startswith(start)
