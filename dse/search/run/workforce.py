"""What makes the trials of a run: one worker in this process, or several in processes of their own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from optuna.trial import FrozenTrial

from dse.front.tables import Table
from dse.search.run.local_worker import LocalWorker
from dse.search.trials.trial_entries import Entry, Task


@dataclass(frozen=True)
class Delivery:
    """What a worker delivers."""

    worker: int
    """Number of the worker."""
    entries: list[Entry] = field(default_factory=list)
    rows: Table | None = None
    """New rows of the worker's front; `trial` is the number that the trial has in that worker."""
    unbegun: list[Task] = field(default_factory=list)
    """Tasks that the worker returns without having begun them."""
    without_rows: bool = False
    """Whether the rows of the entries are lost, because the worker died."""


class Workforce(Protocol):
    """Makes trials."""

    def wanted(self) -> int:
        """How many more tasks should be given now, so that no worker waits for work."""

    def give(self, task: Task) -> None:
        """Give a task to a worker."""

    def collect(self, patience: float) -> list[Delivery]:
        """What has been made since the last call; waits for it at most `patience` [s]."""

    def rest(self) -> list[Delivery]:
        """What has been made and is not collected with its trials, such as rows."""

    def stored(self, worker: int, keys: set[str]) -> None:
        """The entries of a worker with these keys are stored."""

    def learn(self, trials: Sequence[FrozenTrial], but: int | None = None) -> None:
        """Pass the trials of others to every worker but one."""

    def stop(self) -> list[Delivery]:
        """End in order: what is under way is finished or failed, tasks that were not begun come back."""


class InProcess:
    """One worker in this process, which makes a trial whenever it is collected."""

    def __init__(self, worker: LocalWorker) -> None:
        self.worker = worker
        self._tasks: list[Task] = []

    def wanted(self) -> int:
        """See `Workforce.wanted`: one trial at a time, so that every trial knows all before it."""
        return 1 - len(self._tasks)

    def give(self, task: Task) -> None:
        """See `Workforce.give`."""
        self._tasks.append(task)

    def collect(self, patience: float) -> list[Delivery]:
        """See `Workforce.collect`."""
        if not self._tasks:
            return []
        entry = self.worker.make(self._tasks[0])
        self._tasks.pop(0)  # not before: an interrupted task is still there, and is settled by `stop`
        return [Delivery(0, [entry])]

    def rest(self) -> list[Delivery]:
        """See `Workforce.rest`."""
        return [Delivery(0, rows=self.worker.new_rows())]

    def stored(self, worker: int, keys: set[str]) -> None:
        """See `Workforce.stored`."""
        if self.worker.log is not None:
            self.worker.log.stored(keys)

    def learn(self, trials: Sequence[FrozenTrial], but: int | None = None) -> None:
        """See `Workforce.learn`."""
        if but != 0:
            self.worker.learn(trials)

    def stop(self) -> list[Delivery]:
        """See `Workforce.stop`."""
        begun = self.worker.settle()
        # a task is removed when its trial is made, so the one that was begun is still the first
        unbegun = self._tasks[1:] if begun is not None else self._tasks
        self._tasks = []
        entries = [begun] if begun is not None else []
        return [Delivery(0, entries, self.worker.new_rows(), unbegun)]
