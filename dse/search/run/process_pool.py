"""Several workers, each in a process of its own; one that dies is replaced, and its work is recovered."""

import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait

from optuna.trial import FrozenTrial

from dse.errors import DseError, PluginError, spec_error
from dse.search.run.interrupt import Interrupt
from dse.search.run.process_main import WorkerStart
from dse.search.run.recovered import Remains
from dse.search.run.worker_process import WorkerProcess, launch
from dse.search.run.workforce import Delivery
from dse.search.trials.trial_entries import Task

GRACE = 10.0
"""Seconds that a worker has to finish the trial under way when the run ends."""
DEATHS = 5
"""Workers that may die one after the other without a trial being finished in between."""


class ProcessPool:
    """A `Workforce` of processes. Ctrl-C is raised by `collect`, when no message is half sent."""

    def __init__(self, start: Callable[[], WorkerStart], count: int, strangers: Sequence[str] = ()) -> None:
        """`start` makes the arguments of the next worker; `strangers` are plug-ins of others at work."""
        self._start, self._strangers = start, strangers
        self._next = 0
        self._deaths = 0
        self._interrupt = Interrupt()
        self._remains: dict[int, Remains] = {}
        self._workers: list[WorkerProcess] = []
        for _ in range(count):
            self._launch()

    def wanted(self) -> int:
        """See `Workforce.wanted`: each worker has about a second of work ahead."""
        return sum(max(0, w.ahead - len(w.tasks)) for w in self._workers if w.ready)

    def give(self, task: Task) -> None:
        """See `Workforce.give`; the worker with the least to do gets it."""
        # relative to its own speed: a worker on a busy core gets fewer tasks
        worker = min((w for w in self._workers if w.ready), key=lambda w: len(w.tasks) / w.ahead)
        worker.tasks.append(task)
        worker.send("task", task)

    def collect(self, patience: float) -> list[Delivery]:
        """See `Workforce.collect`."""
        if self._interrupt.requested:
            raise KeyboardInterrupt
        readable = wait([*(w.pipe for w in self._workers), self._interrupt.fd], patience)
        # over a copy: `_received` replaces dead workers in the list
        return [d for w in list(self._workers) if w.pipe in readable for d in self._received(w)]

    def rest(self) -> list[Delivery]:
        """See `Workforce.rest`: rows come with their trials."""
        return []

    def stored(self, worker: int, keys: set[str]) -> None:
        """See `Workforce.stored`."""
        # a dead worker: its last delivery is stored, so its log is no longer needed
        if worker in self._remains:
            self._remains.pop(worker).remove()
        for process in self._workers:
            if process.number == worker:
                process.send("stored", keys)

    def learn(self, trials: Sequence[FrozenTrial], but: int | None = None) -> None:
        """See `Workforce.learn`."""
        for worker in self._workers:
            if trials and worker.number != but:
                worker.send("learn", list(trials))

    def stop(self) -> list[Delivery]:
        """See `Workforce.stop`; a worker that does not end in time is killed."""
        for worker in self._workers:
            worker.send("stop")
        found: list[Delivery] = []
        # one that is not ready has no trial to deliver
        waited = [w for w in self._workers if w.ready]
        deadline = time.monotonic() + GRACE
        while waited:
            readable = wait([w.pipe for w in waited], max(0.0, deadline - time.monotonic()))
            if not readable:
                for worker in waited:
                    # that closes its pipe, so `_last` comes to an end and recovers the log
                    worker.process.kill()
            for worker in [w for w in waited if w.pipe in readable or not readable]:
                deliveries, over = self._last(worker)
                found += deliveries
                if over:
                    waited.remove(worker)
        return found

    def close(self) -> None:
        """End every process; what is not stored stays in the logs, where the next run finds it."""
        for worker in self._workers:
            # to all before waiting for one, so that they end side by side
            worker.send("exit")
        deadline = time.monotonic() + GRACE
        for worker in self._workers:
            worker.end(deadline)
        for remains in self._remains.values():
            remains.leave()
        self._interrupt.close()

    def _all_die(self, code: int) -> DseError:
        """The error for workers that die one after the other; a plug-in of others may have ended them."""
        died = f"{self._deaths} workers died one after the other, the last with exit code {code}"
        if not self._strangers:
            return spec_error("--workers", f"{died}; run without --workers to see why")
        # which of them was called last died with the worker
        who = " and ".join(self._strangers)
        return PluginError(f"{who}: expected answers, got none: {died}", named=True)

    def _launch(self) -> None:
        self._workers.append(launch(self._start(), self._next))
        self._next += 1

    def _received(self, worker: WorkerProcess) -> list[Delivery]:
        """One message of a worker, or its death."""
        message = worker.receive()
        if message is None:
            self._workers.remove(worker)
            self._deaths += 1
            # a fault that every worker meets must end the run, not start workers for ever
            if self._deaths > DEATHS:
                raise self._all_die(worker.process.wait())
            self._launch()
            return [self._recover(worker)]
        kind, what = message
        if kind == "error":
            raise what
        if kind == "crashed":
            raise RuntimeError(f"a worker failed:\n{what}")
        if kind == "ready":
            return []
        delivery = worker.delivered(what)
        self._deaths = 0 if delivery.entries else self._deaths
        return [delivery]

    def _last(self, worker: WorkerProcess) -> tuple[list[Delivery], bool]:
        """What a stopped worker sends, and whether that was all."""
        message = worker.receive()
        if message is None:
            self._workers.remove(worker)
            return [self._recover(worker)], True
        kind, what = message
        if kind in ("made", "end"):
            # "made" may be on its way from before the stop: "end" is the last message
            return [worker.delivered(what)], kind == "end"
        # "ready" may still come
        if kind == "ready":
            return [], False
        # after an error or a crash nothing comes, and its log has what it made
        self._workers.remove(worker)
        return [self._recover(worker)], True

    def _recover(self, worker: WorkerProcess) -> Delivery:
        """Trials in the log of a dead worker that it had not delivered, and tasks that it had not begun."""
        remains, delivery = worker.remains()
        if remains is not None:
            self._remains[worker.number] = remains
        return delivery
