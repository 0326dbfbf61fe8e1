"""The one module that imports Dask: work on the machines of a running scheduler.

Functions are sent by name, so every machine needs the same `dse`; what is sent is plain data. Dask is
imported where it is used: it is an optional package and takes half a second.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import dse
from dse.errors import SpecError, spec_error

T = TypeVar("T")
R = TypeVar("R")

CONNECT, PATIENCE = 10, 30
"""Seconds to wait for the scheduler, and for a worker where there is none."""
AHEAD = 2
"""Tasks in flight for each thread of the cluster."""
PULSE = 1.0
"""Seconds between two checks of a cluster that returns nothing."""
_KEPT = "finished work is kept; the same command resumes"


class Cluster:
    """A connection to a scheduler."""

    def __init__(self, client: Any, address: str) -> None:
        self._client, self._address = client, address

    @property
    def threads(self) -> dict[str, int]:
        """Threads of every worker at this moment, by its address."""
        try:
            return dict(self._client.nthreads())
        # Dask's CommClosedError is one
        except OSError as error:
            raise self._away(error) from None

    def each(
        self, work: Callable[[T], R], tasks: Iterable[T], idle: Callable[[], None] | None = None
    ) -> Iterator[R]:
        """Results of `work` in the order they come, a bounded number of tasks in flight.

        A task whose worker dies is given to another one. Tasks are taken from `tasks` when there is room.
        `idle` is called about every second in which nothing comes. Raises `SpecError` when the scheduler or
        all workers are gone, and when a task killed every worker that tried it.
        """
        # a queue, since Dask reports the end of a task in a thread of its own
        source, done = iter(tasks), SimpleQueue[Any]()
        running: set[Any] = set()

        def give() -> None:
            # with nothing in flight one task is sent even without workers, so that a late worker finds it
            room = max(AHEAD * sum(self.threads.values()) - len(running), 0 if running else 1)
            for task in islice(source, room):
                # not pure: Dask would answer a repeated task from its memo
                future = self._client.submit(work, task, pure=False)
                running.add(future)
                future.add_done_callback(done.put)

        try:
            give()
            while running:
                future = self._next(done, idle)
                running.discard(future)
                give()
                # given before the result is used, so that the cluster never waits for the caller
                result: R = self._result(future)
                yield result
        finally:  # the caller no longer waits for the others
            if running and self._client.status == "running":
                self._client.cancel(list(running))

    def _next(self, done: "SimpleQueue[Any]", idle: Callable[[], None] | None) -> Any:
        """The next task that came to an end."""
        # workers may come back, so patience counts from the last moment that one was there
        alone = time.monotonic()
        while True:
            try:
                return done.get(timeout=PULSE)
            except Empty:
                if self.threads:
                    alone = time.monotonic()
                elif time.monotonic() - alone > PATIENCE:
                    raise spec_error(
                        "--scheduler",
                        f"expected workers at {self._address}, got none for {PATIENCE} s; {_KEPT}",
                    ) from None
            if idle is not None:
                idle()

    def _result(self, future: Any) -> Any:
        """The result of a task that has ended; raises `SpecError` where the cluster lost it."""
        from distributed.scheduler import KilledWorker

        # we cancel only what is no longer waited for, so it was lost with the scheduler
        if future.status == "cancelled":
            raise self._away(None)
        try:
            return future.result()
        except KilledWorker as error:
            raise spec_error(
                "--scheduler",
                f"{self._address}: one task killed {error.allowed_failures + 1} workers, the last of them "
                f"{error.last_worker.address}; look at its log, and at its memory",
            ) from None

    def _away(self, error: Exception | None) -> SpecError:
        reason = f" ({_first(error)})" if error is not None else ""
        return spec_error("--scheduler", f"lost the scheduler at {self._address}{reason}; {_KEPT}")


def wanted() -> bool:
    """Inside a task: whether its result is still wanted."""
    from distributed import get_worker

    worker = get_worker()
    task = worker.state.tasks.get(worker.get_current_task())
    return task is not None and task.state == "executing"


@contextmanager
def cluster(address: str) -> Iterator[Cluster]:
    """A connection to the scheduler at `address`, such as tcp://head:8786.

    Raises `SpecError` when no scheduler answers, no worker comes, or a worker has another version of `dse`.
    """
    try:
        from distributed import Client
        from distributed.comm import get_address_host_port
    except ImportError:
        raise spec_error("--scheduler", "a cluster needs Dask: pip install 'dse[cluster]'") from None
    try:
        get_address_host_port(address)  # before there is a half-made client to close
        with _silent():
            # the calling program may have a default client of its own
            client = Client(address, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise spec_error(
            "--scheduler", f"expected a Dask scheduler at {address}, got: {_first(error)}"
        ) from None
    with _silent():
        try:
            _check(client, address)
            yield Cluster(client, address)
        finally:
            client.close()


@contextmanager
def _silent() -> Iterator[None]:
    """Suppress what Dask logs of a lost connection; our error says it."""
    log = logging.getLogger("distributed")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def version() -> str:
    """Of this program, as a task."""
    return str(dse.__version__)


def _check(client: Any, address: str) -> None:
    """Raise `SpecError` where no worker comes or one has another version."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        raise spec_error(
            "--scheduler", f"expected workers at {address}, got none within {PATIENCE} s"
        ) from None
    try:
        found = client.run(version)
    except Exception as error:  # what a worker raises that cannot import us
        raise spec_error(
            "--scheduler", f"expected dse {dse.__version__} on every worker, got: {_first(error)}"
        ) from None
    other = {worker: its for worker, its in found.items() if its != dse.__version__}
    if other:
        worker, its = next(iter(sorted(other.items())))
        raise spec_error(
            "--scheduler", f"expected dse {dse.__version__} on every worker, got {its} at {worker}"
        )


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
