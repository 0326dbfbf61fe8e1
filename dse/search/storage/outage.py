"""A storage that is away for a while: the work goes on, what was made waits to be stored."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from dse.errors import wrong
from dse.search.storage.by_url import hidden

_DRIVERS = ("psycopg2", "psycopg", "pymysql", "MySQLdb")
PATIENCE = 60.0
"""Seconds that a storage may be away; a database is back from a crash in less."""


class Outage:
    """Knows since when the storage is away, and whether the last write may have been done all the same."""

    def __init__(self) -> None:
        self.unsure = False
        self._since: float | None = None

    @property
    def on(self) -> bool:
        """Whether the storage was away when it was last asked."""
        return self._since is not None

    def over(self) -> None:
        """Everything is stored: the storage is there, and no write is in doubt."""
        self.unsure, self._since = False, None

    def doubt(self) -> None:
        """A write may have been stopped half-way through."""
        self.unsure = True

    @contextmanager
    def bridged(self, url: str) -> Iterator[None]:
        """Ask the storage; when it is away, note it and go on. Raises `SpecError` when it stays away."""
        try:
            yield
        except Exception as error:
            if not is_away(error):
                raise
            self.unsure = True
            now = time.monotonic()
            self._since = now if self._since is None else self._since
            if now - self._since > PATIENCE:
                told = str(error).splitlines()[0]
                raise wrong(
                    "--storage",
                    f"{hidden(url)} has been away for {PATIENCE:.0f} s ({told}); finished "
                    "trials are kept in the results folder, and the next run stores them",
                ) from None


def is_away(error: BaseException) -> bool:
    """Whether an error means that a server cannot be reached or has too much to do, now."""
    seen: BaseException | None = error
    while seen is not None:
        kind = type(seen)
        package = kind.__module__.partition(".")[0]
        names = {base.__name__ for base in kind.__mro__}
        if package in _DRIVERS and names & {"OperationalError", "InterfaceError"}:
            return True
        if (package == "redis" and names & {"ConnectionError", "TimeoutError"}) or "RpcError" in names:
            return True
        seen = seen.__cause__ or seen.__context__
    return False
