"""One run: give tasks to workers, store what they make in bulk, keep the front."""

import time
from collections.abc import Callable, Sequence

from optuna.trial import TrialState

from dse.errors import PluginError
from dse.search.run.interrupt import held_back
from dse.search.run.running_front import RunningFront
from dse.search.run.workforce import Delivery, Workforce
from dse.search.storage.outage import Outage
from dse.search.storage.shared_study import Shared
from dse.search.trials.trial_entries import Entry, Task

Progress = Callable[[int, int], None]
"""Called with the number of finished trials and of those in the budget."""

OFTEN, SHARE = 0.5, 0.1
"""Seconds between two writes at least, and the largest share of the time that they may take: where writing is
slow, or a thousand others write too, writes are fewer and larger."""


class Session:
    """Spends a budget of trials on a shared study."""

    def __init__(
        self,
        shared: Shared,
        workforce: Workforce,
        budget: int,
        progress: Progress | None = None,
        front: RunningFront | None = None,
    ) -> None:
        """`front` is kept up to date; without one, trials are stored and nothing else is kept."""
        self.shared, self.workforce, self.budget, self.progress = shared, workforce, budget, progress
        self.interrupted = False
        self.new = 0
        # a resumed study continues the round of branches where it was
        self._turn = len(shared.trials)
        self._out = 0
        self._pending: list[tuple[int, Entry]] = []
        self._unbegun: list[Task] = []
        self._stored = len(shared.complete)
        self._outage = Outage()
        self._due = time.monotonic() + OFTEN
        self._front = front

    def run(self, timeout: float | None) -> None:
        """Make trials until the budget or the time is spent, or Ctrl-C."""
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            self._report()
            while not _past(deadline) and not self._spent():
                self._give_tasks()
                self._accept(self.workforce.collect(max(0.0, self._due - time.monotonic())))
                if time.monotonic() >= self._due:
                    self._flush()
            self._end()
        except KeyboardInterrupt:
            self.interrupted = True
            self._outage.doubt()  # the interrupt may have come half-way through storing or keeping
            if self._front is not None:
                self._front.mark_incomplete()
            self._end()
        except PluginError:
            # what is finished is stored, and what was claimed waits again for the plug-in to be mended
            self._end()
            raise

    def _spent(self) -> bool:
        """Whether the budget is stored; a trial that the storage had no room for does not count."""
        if self._stored + self._finished() < self.budget:
            return False
        self._store_all()
        return self._stored >= self.budget

    def _give_tasks(self) -> None:
        for _ in range(self.workforce.wanted()):
            # all tasks under way may succeed; where some fail, more are given later
            if self._stored + self._finished() + self._out >= self.budget:
                return
            # what is claimed is given, so that it can be given back
            with held_back():
                self.workforce.give(self._next())
                self._out += 1

    def _next(self) -> Task:
        """A waiting trial of the storage, or else a trial of the branch whose turn it is.

        Most samplers would settle on the branch that looks best early and never learn what another one would
        have become; inside the branch the sampler chooses everything.
        """
        with self._outage.tolerated(self.shared.url):
            claimed = self.shared.claim()
            # first what waits: the first trials of the study, and second tries
            if claimed is not None:
                return claimed
        names = sorted(self.shared.resolved.branches)
        self._turn += 1
        return Task(params={"branch": names[(self._turn - 1) % len(names)]} if len(names) > 1 else {})

    def _accept(self, deliveries: Sequence[Delivery]) -> None:
        """Queue what workers made for storing, and pass it to the other workers."""
        for delivery in deliveries:
            self._out -= len(delivery.entries) + len(delivery.unbegun)
            self._pending += [(delivery.worker, e) for e in delivery.entries]
            if self._front is not None:
                self._front.hold_rows(delivery)
            self.workforce.learn([e.trial for e in delivery.entries], but=delivery.worker)
            # only a claimed trial is in the storage; any other task is made again by `_next`
            self._unbegun += [task for task in delivery.unbegun if task.trial_id is not None]
            if delivery.entries:
                self._report()

    def _finished(self) -> int:
        return sum(e.trial.state == TrialState.COMPLETE for _, e in self._pending)

    def _flush(self) -> None:
        """Store what was made and read what others made; the next time after a pause in proportion."""
        start = time.monotonic()
        self._accept(self.workforce.rest())
        with held_back(), self._outage.tolerated(self.shared.url):
            self._store()
            while self._unbegun:
                # removed only when the storage has answered: after an outage it is given back again
                self.shared.give_back(self._unbegun[0])
                self._unbegun.pop(0)
            self.workforce.learn(self.shared.sync())
            self.shared.heartbeat()
            self._stored = len(self.shared.complete)
            self._outage.over()
        now = time.monotonic()
        self._due = now + max(OFTEN, (now - start) / SHARE)

    def _store(self) -> None:
        """Store what is pending, and retry what failed."""
        # kept until the storage has answered: after an outage they are put again, but stored once, by key
        done = self._pending
        numbers = self.shared.put([e for _, e in done], again=self._outage.unsure, limit=self.budget)
        self._pending = []
        placed = [(worker, entry, n) for (worker, entry), n in zip(done, numbers, strict=True)]
        stored = sum(n is not None and e.trial.state == TrialState.COMPLETE for _, e, n in placed)
        self._stored += stored  # now, since the storage may be away when it is read next
        self.new += stored
        if self._front is not None:
            self._front.stored(placed)
        for _, entry, number in placed:
            if number is not None and entry.trial.state == TrialState.FAIL:
                self.shared.retry(entry.trial, number)
        # last: until here a kill loses nothing, since the recovery logs still hold them
        for worker in {w for w, _ in done}:
            self.workforce.stored(worker, {e.key for w, e in done if w == worker and e.key is not None})

    def _end(self) -> None:
        """Stop the workers and store the last of their trials."""
        self._accept(self.workforce.stop())
        self._store_all()

    def _store_all(self) -> None:
        """Store all that is pending; waits for a storage that is away, or raises `SpecError`."""
        self._flush()
        while self._outage.on:
            time.sleep(OFTEN)
            self._flush()

    def _report(self) -> None:
        if self.progress is not None:
            # other runs may have stored more than the budget
            self.progress(min(self._stored + self._finished(), self.budget), self.budget)


def _past(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() >= deadline
