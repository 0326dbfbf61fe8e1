"""One run: hand out tasks, gather what the crew makes, store it in bulk, keep the front."""

import time
from collections.abc import Callable, Sequence

from optuna.trial import TrialState

from dse.search.run.running_front import RunningFront
from dse.search.run.workforce import Delivery, Workforce
from dse.search.storage.outage import Outage
from dse.search.storage.shared_study import Shared
from dse.search.trials.trial_entries import Entry, Task

Progress = Callable[[int, int], None]
"""Called with the finished and the wanted number of trials."""

OFTEN, SHARE = 0.5, 0.1
"""Seconds between two writes at least, and the largest share of the time that they may take: where writing is
slow, or a thousand others write too, there are fewer and larger ones."""


class Session:
    """Spends a budget of trials with a crew on a shared study."""

    def __init__(
        self,
        shared: Shared,
        crew: Workforce,
        budget: int,
        progress: Progress | None = None,
        keeper: RunningFront | None = None,
    ) -> None:
        """`keeper` gathers the front; without one the trials are stored and nothing else is kept."""
        self.shared, self.crew, self.budget, self.progress = shared, crew, budget, progress
        self.interrupted = False
        self.new = 0
        self._turn = len(shared.trials)
        self._out = 0
        self._pending: list[tuple[int, Entry]] = []
        self._unbegun: list[Task] = []
        self._stored = len(shared.complete)
        self._outage = Outage()
        self._due = time.monotonic() + OFTEN
        self._keeper = keeper

    def go(self, timeout: float | None) -> None:
        """Make trials until the budget or the time is spent, or Ctrl-C."""
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            self._tell()
            while not _past(deadline) and not self._spent():
                self._hand_out()
                self._take(self.crew.collect(max(0.0, self._due - time.monotonic())))
                if time.monotonic() >= self._due:
                    self._flush()
            self._end()
        except KeyboardInterrupt:
            self.interrupted = True
            self._outage.doubt()  # the interrupt may have come half-way through storing or keeping
            if self._keeper is not None:
                self._keeper.doubt()
            self._end()

    def _spent(self) -> bool:
        """Whether all trials are stored; one that found no place in the storage does not count."""
        if self._stored + self._finished() < self.budget:
            return False
        self._store_all()
        return self._stored >= self.budget

    def _hand_out(self) -> None:
        for _ in range(self.crew.wanted()):
            if self._stored + self._finished() + self._out >= self.budget:
                return
            self.crew.give(self._next())
            self._out += 1

    def _next(self) -> Task:
        """A trial that waits, or else the turn of a branch.

        Left to itself a sampler settles on the branch that looks best early and never learns what another
        would have become; inside its branch it chooses everything.
        """
        with self._outage.bridged(self.shared.url):
            claimed = self.shared.claim()
            if claimed is not None:
                return claimed
        names = sorted(self.shared.resolved.branches)
        self._turn += 1
        return Task(params={"branch": names[(self._turn - 1) % len(names)]} if len(names) > 1 else {})

    def _take(self, batches: Sequence[Delivery]) -> None:
        for batch in batches:
            self._out -= len(batch.entries) + len(batch.lost)
            self._pending += [(batch.island, e) for e in batch.entries]
            if self._keeper is not None:
                self._keeper.keep(batch)
            self.crew.learn([e.trial for e in batch.entries], besides=batch.island)
            self._unbegun += [task for task in batch.lost if task.trial_id is not None]
            if batch.entries:
                self._tell()

    def _finished(self) -> int:
        return sum(e.trial.state == TrialState.COMPLETE for _, e in self._pending)

    def _flush(self) -> None:
        """Store what was made, learn what others made; as often as that costs little of the time."""
        start = time.monotonic()
        self._take(self.crew.rest())
        with self._outage.bridged(self.shared.url):
            self._store()
            while self._unbegun:
                self.shared.give_back(self._unbegun[0])
                self._unbegun.pop(0)
            self.crew.learn(self.shared.sync())
            self.shared.beat()
            self._stored = len(self.shared.complete)
            self._outage.over()
        now = time.monotonic()
        self._due = now + max(OFTEN, (now - start) / SHARE)

    def _store(self) -> None:
        done = self._pending
        numbers = self.shared.put([e for _, e in done], again=self._outage.unsure, limit=self.budget)
        self._pending = []
        placed = [(island, entry, n) for (island, entry), n in zip(done, numbers, strict=True)]
        stored = sum(n is not None and e.trial.state == TrialState.COMPLETE for _, e, n in placed)
        self._stored += stored  # also where the storage is away before we can see it
        self.new += stored
        if self._keeper is not None:
            self._keeper.stored(placed)
        for _, entry, number in placed:
            if number is not None and entry.trial.state == TrialState.FAIL:
                self.shared.retry(entry.trial, number)
        for island in {i for i, _ in done}:
            self.crew.stored(island, {e.key for i, e in done if i == island and e.key is not None})

    def _end(self) -> None:
        """Stop the crew and store the last of it."""
        self._take(self.crew.stop())
        self._store_all()

    def _store_all(self) -> None:
        """Store what there is, however long that takes: a storage that stays away raises `SpecError`."""
        self._flush()
        while self._outage.on:
            time.sleep(OFTEN)
            self._flush()

    def _tell(self) -> None:
        if self.progress is not None:
            self.progress(min(self._stored + self._finished(), self.budget), self.budget)


def _past(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() >= deadline
