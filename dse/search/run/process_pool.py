"""Several islands, each in a process of its own; one that dies is replaced, and what it left is taken in."""

import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait

from optuna.trial import FrozenTrial

from dse.errors import wrong
from dse.search.run.interrupt import Interrupt
from dse.search.run.process_main import Start
from dse.search.run.worker_process import Remains, Worker, launch
from dse.search.run.workforce import Delivery
from dse.search.trials.trial_entries import Task

GRACE = 10.0
"""Seconds that a worker has to finish the trial under way when the run ends."""
DEATHS = 5
"""Workers that may die one after the other without a trial being finished in between."""


class ProcessPool:
    """A `Workforce` of processes. Ctrl-C is raised by `collect`, when nothing is half said."""

    def __init__(self, start: Callable[[], Start], count: int) -> None:
        """`start` makes what the next worker must know."""
        self._start = start
        self._next = 0
        self._deaths = 0
        self._bell = Interrupt()
        self._remains: dict[int, Remains] = {}
        self._workers: list[Worker] = []
        for _ in range(count):
            self._launch()

    def wanted(self) -> int:
        """See `Workforce.wanted`: each worker has about a second of work ahead."""
        return sum(max(0, w.ahead - len(w.tasks)) for w in self._workers if w.ready)

    def give(self, task: Task) -> None:
        """See `Workforce.give`; to the one with the least to do."""
        worker = min((w for w in self._workers if w.ready), key=lambda w: len(w.tasks) / w.ahead)
        worker.tasks.append(task)
        worker.send("give", task)

    def collect(self, patience: float) -> list[Delivery]:
        """See `Workforce.collect`."""
        if self._bell.rung:
            raise KeyboardInterrupt
        heard = wait([*(w.pipe for w in self._workers), self._bell.fd], patience)
        return [b for w in list(self._workers) if w.pipe in heard for b in self._heard(w)]

    def rest(self) -> list[Delivery]:
        """See `Workforce.rest`: rows come with their trials."""
        return []

    def stored(self, island: int, keys: set[str]) -> None:
        """See `Workforce.stored`."""
        if island in self._remains:
            self._remains.pop(island).remove()
        for worker in self._workers:
            if worker.number == island:
                worker.send("stored", keys)

    def learn(self, trials: Sequence[FrozenTrial], besides: int | None = None) -> None:
        """See `Workforce.learn`."""
        for worker in self._workers:
            if trials and worker.number != besides:
                worker.send("learn", list(trials))

    def stop(self) -> list[Delivery]:
        """See `Workforce.stop`; a worker that does not end in time is killed."""
        for worker in self._workers:
            worker.send("stop")
        found: list[Delivery] = []
        waited = [w for w in self._workers if w.ready]
        deadline = time.monotonic() + GRACE
        while waited:
            heard = wait([w.pipe for w in waited], max(0.0, deadline - time.monotonic()))
            if not heard:
                for worker in waited:
                    worker.process.kill()
            for worker in [w for w in waited if w.pipe in heard or not heard]:
                batches, over = self._last(worker)
                found += batches
                if over:
                    waited.remove(worker)
        return found

    def close(self) -> None:
        """Let every process go; what is not stored stays where the next run finds it."""
        for worker in self._workers:
            worker.send("bye")
        deadline = time.monotonic() + GRACE
        for worker in self._workers:
            worker.end(deadline)
        for remains in self._remains.values():
            remains.leave()
        self._bell.close()

    def _launch(self) -> None:
        self._workers.append(launch(self._start(), self._next))
        self._next += 1

    def _heard(self, worker: Worker) -> list[Delivery]:
        """One message of a worker, or its death."""
        message = worker.hear()
        if message is None:
            self._workers.remove(worker)
            self._deaths += 1
            if self._deaths > DEATHS:
                code = worker.process.wait()
                raise wrong(
                    "--workers",
                    f"{self._deaths} workers died one after the other, the last with exit code "
                    f"{code}; run without --workers to see why",
                )
            self._launch()
            return [self._bury(worker)]
        word, what = message
        if word == "wrong":
            raise what
        if word == "broken":
            raise RuntimeError(f"a worker failed:\n{what}")
        if word == "ready":
            return []
        batch = worker.brought(what)
        self._deaths = 0 if batch.entries else self._deaths
        return [batch]

    def _last(self, worker: Worker) -> tuple[list[Delivery], bool]:
        """What a worker that was told to stop says, and whether that was all."""
        message = worker.hear()
        if message is None:
            self._workers.remove(worker)
            return [self._bury(worker)], True
        word, what = message
        return ([worker.brought(what)], word == "end") if word in ("made", "end") else ([], word != "ready")

    def _bury(self, worker: Worker) -> Delivery:
        """What a dead worker left: trials in its spool that it had not brought, tasks it had not begun."""
        remains, batch = worker.remains()
        if remains is not None:
            self._remains[worker.number] = remains
        return batch
