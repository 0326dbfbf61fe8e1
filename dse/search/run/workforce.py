"""Who makes trials for a run: an island in this process, or several in processes of their own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from optuna.trial import FrozenTrial

from dse.front.tables import Table
from dse.search.run.local_worker import LocalWorker
from dse.search.trials.trial_entries import Entry, Task


@dataclass(frozen=True)
class Delivery:
    """What an island brings."""

    island: int
    entries: list[Entry] = field(default_factory=list)
    rows: Table | None = None
    """Rows of its front that are new; their `trial` is the number on the island."""
    lost: list[Task] = field(default_factory=list)
    """Tasks that nobody has begun."""
    bare: bool = False
    """The rows of the entries are lost."""


class Workforce(Protocol):
    """Makes trials."""

    def wanted(self) -> int:
        """How many more tasks should be given now, so that nobody waits for work."""

    def give(self, task: Task) -> None:
        """TaskLoop out a task."""

    def collect(self, patience: float) -> list[Delivery]:
        """What was made; waits for it for some seconds at most."""

    def rest(self) -> list[Delivery]:
        """What was made and not brought yet, such as rows."""

    def stored(self, island: int, keys: set[str]) -> None:
        """Entries of an island are stored."""

    def learn(self, trials: Sequence[FrozenTrial], besides: int | None = None) -> None:
        """Tell the islands what others found, all `besides` one."""

    def stop(self) -> list[Delivery]:
        """End in order: what is under way is finished or failed, tasks that were not begun come back."""


class InProcess:
    """One island in this process, which makes a trial whenever somebody collects."""

    def __init__(self, island: LocalWorker) -> None:
        self.island = island
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
        task = self._tasks[0]
        entry = self.island.make(task)
        self._tasks.pop(0)
        return [Delivery(0, [entry])]

    def rest(self) -> list[Delivery]:
        """See `Workforce.rest`."""
        return [Delivery(0, rows=self.island.new_rows())]

    def stored(self, island: int, keys: set[str]) -> None:
        """See `Workforce.stored`."""
        if self.island.spool is not None:
            self.island.spool.stored(keys)

    def learn(self, trials: Sequence[FrozenTrial], besides: int | None = None) -> None:
        """See `Workforce.learn`."""
        if besides != 0:
            self.island.learn(trials)

    def stop(self) -> list[Delivery]:
        """See `Workforce.stop`."""
        begun = self.island.settle()
        lost = self._tasks[1:] if begun is not None else self._tasks
        self._tasks = []
        entries = [begun] if begun is not None else []
        return [Delivery(0, entries, self.island.new_rows(), lost)]
