"""A storage that is unreachable for a while: workers continue, and their trials wait to be stored."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from dse.errors import spec_error
from dse.masks import hidden
from dse.search.storage.by_url import first_line

_DRIVERS = ("psycopg2", "psycopg", "pymysql", "MySQLdb")
PATIENCE = 60.0
"""Seconds that a storage may be unreachable; a database restarts after a crash in less."""


class Outage:
    """Since when the storage is unreachable, and whether its last write may have been done nevertheless."""

    def __init__(self) -> None:
        self.unsure = False
        self._since: float | None = None

    @property
    def on(self) -> bool:
        """Whether the storage was unreachable at the last attempt."""
        return self._since is not None

    def over(self) -> None:
        """Everything is stored: the storage is reachable, and no write is in doubt."""
        self.unsure, self._since = False, None

    def doubt(self) -> None:
        """A write may have been stopped half-way through."""
        self.unsure = True

    @contextmanager
    def tolerated(self, url: str) -> Iterator[None]:
        """Use the storage; an outage is noted. Raises `SpecError` when it lasts longer than `PATIENCE`."""
        try:
            yield
        # any of them, since the classes of drivers are known by name only
        except Exception as error:
            if not is_away(error):
                raise
            # the answer is lost; the write itself may have been done
            self.unsure = True
            now = time.monotonic()
            self._since = now if self._since is None else self._since
            if now - self._since > PATIENCE:
                reason = first_line(error)
                raise spec_error(
                    "--storage",
                    f"{hidden(url)} has been unreachable for {PATIENCE:.0f} s ({reason}). "
                    "Finished trials are kept in the results folder; the next run stores them.",
                ) from None


def is_away(error: BaseException) -> bool:
    """Whether an error means that a server is unreachable or overloaded for now.

    Drivers are recognised by name, because only those in use are installed.
    """
    seen: BaseException | None = error
    while seen is not None:
        kind = type(seen)
        package = kind.__module__.partition(".")[0]
        names = {base.__name__ for base in kind.__mro__}
        if package in _DRIVERS and names & {"OperationalError", "InterfaceError"}:
            return True
        if (package == "redis" and names & {"ConnectionError", "TimeoutError"}) or "RpcError" in names:
            return True
        # Optuna and SQLAlchemy raise errors of their own from that of the driver
        seen = seen.__cause__ or seen.__context__
    return False
