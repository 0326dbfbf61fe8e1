"""What is written to a stored study: finished trials with their keys, and waiting trials."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from optuna.trial import FrozenTrial, TrialState, create_trial

from dse.search.storage.optuna_private import FIXED_PARAMS

KEY = "dse:key"
"""User attribute of a trial that a worker made: by it a trial that is written twice is stored once."""
CLAIM = "dse:claim"
"""User attribute of a running trial: name of the run that works on it."""
RETRY = "dse:retry_of"
"""User attribute of a trial that is the second try of another one, with that one's number."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What to try next: some parameters, and the stored trial that waits for them, if any."""

    params: Mapping[str, object] = field(default_factory=dict)
    attrs: Mapping[str, object] = field(default_factory=dict)
    trial_id: int | None = None
    """Of the claimed trial in the storage; None for a trial that is stored when it is finished."""
    number: int | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A trial to be stored."""

    trial: FrozenTrial
    task: Task = Task()

    @property
    def key(self) -> str | None:
        """Of a trial that a worker made; None for one that waits."""
        found: str | None = self.trial.user_attrs.get(KEY)
        return found

    @property
    def fresh_attrs(self) -> tuple[dict[str, object], dict[str, Any]]:
        """User and system attributes that a claimed trial does not have in the storage yet."""
        had = {*self.task.attrs, CLAIM}
        user = {k: v for k, v in self.trial.user_attrs.items() if k not in had}
        return user, {k: v for k, v in self.trial.system_attrs.items() if k != FIXED_PARAMS}


class Writer(Protocol):
    """Writes many trials at once."""

    def put(
        self, study_id: int, entries: Sequence[Entry], *, known: int, again: bool, limit: int | None
    ) -> list[int | None]:
        """Store entries, each once; returns their numbers, None for a waiting one and beyond the limit.

        `known` trials of the study have been read; with `again`, entries that are among the later ones are
        not stored a second time. Beyond `limit` complete trials nothing more is stored, except claimed
        trials that were under way; some storages notice the limit late.
        """

    def claim(self, trial: FrozenTrial, who: str) -> bool:
        """Set a waiting trial to running in the name of `who`; False when another run was faster."""


def waiting(params: Mapping[str, object], attrs: Mapping[str, object]) -> Entry:
    """A waiting trial, as Optuna enqueues it."""
    return Entry(
        trial=create_trial(
            state=TrialState.WAITING, system_attrs={FIXED_PARAMS: dict(params)}, user_attrs=dict(attrs)
        )
    )


def retry_of(trial: FrozenTrial, number: int) -> Entry | None:
    """The second try of a trial that failed with its worker; None when it was a second try itself.

    `number` is that of the trial in the storage; the second try has the parameters of the first.
    """
    if RETRY in trial.user_attrs:
        return None
    params = {**trial.system_attrs.get(FIXED_PARAMS, {}), **trial.params}
    # the key would make it a duplicate; claim and design are those of the first try
    kept = {k: v for k, v in trial.user_attrs.items() if k not in (KEY, CLAIM, "design")}
    return waiting(params, {**kept, RETRY: number})


def looked_through(entries: Sequence[Entry], known: int) -> int:
    """First trial among which entries may be that were stored before the answer was lost.

    New ones come after the first `known` trials; claimed ones had their numbers before.
    """
    return min([known, *(e.task.number for e in entries if e.task.number is not None)])


def within(entries: Sequence[Entry], left: int | None) -> Iterator[Entry | None]:
    """Entries, with None for those that do not fit into a study with room for `left` finished trials."""
    for entry in entries:
        # a failed trial takes no place of the budget, so it is stored in any case
        counts = entry.trial.state == TrialState.COMPLETE
        full = left is not None and left <= 0
        left = left - 1 if left is not None and counts else left
        # a claimed trial has its place in the study already, so it is finished even beyond the limit
        yield None if counts and full and entry.task.trial_id is None else entry
