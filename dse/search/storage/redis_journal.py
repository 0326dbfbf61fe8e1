"""A journal in Redis: lines of JSON under the names that Optuna gives them, and nothing else.

Optuna's own backend also keeps a pickled snapshot there and loads it, so that a user who can write to the
server could run code in every process that opens it. This one neither loads nor saves a snapshot.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from optuna.storages.journal import BaseJournalBackend

from dse.errors import StorageError
from dse.search.storage.log_lines import LIMIT, Damage
from dse.search.storage.optuna_private import LogLine

AT_ONCE: Final = 1000
"""Lines that are read or written in one exchange with the server."""
_COUNT = ":log_number"
_APPEND = """
redis.call('setnx', ':log_number', -1)
for _, line in ipairs(ARGV) do
  redis.call('set', string.format(':log:%d', redis.call('incr', ':log_number')), line)
end
"""


class Pipe(Protocol):
    """The part of `redis.client.Pipeline` that is used."""

    def strlen(self, name: str) -> object:
        """Add the command that measures the bytes under a name."""

    def execute(self, raise_on_error: bool) -> Sequence[object]:
        """The answers to all commands; of one that failed its error."""


class Server(Protocol):
    """The part of `redis.Redis` that is used."""

    def get(self, name: str) -> bytes | None:
        """The bytes under a name; None where there are none."""

    def mget(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        """The bytes under each name."""

    def pipeline(self, transaction: bool) -> Pipe:
        """Commands that travel together."""

    def eval(self, script: str, numkeys: int, *keys_and_args: str) -> object:
        """Run a script on the server, with nothing in between."""


class RedisJournal(BaseJournalBackend):
    """The lines of a journal in Redis, each of them checked; some appended together are there together."""

    def __init__(self, server: Server, name: str) -> None:
        """`name` is that of the server in messages."""
        self._server, self._name = server, name
        # as in a file, the first line has the number 1
        self._damage = Damage(lambda number: f"{name}: line {number} (key :log:{number - 1})")

    def read_logs(self, log_number_from: int) -> Iterator[LogLine]:
        """Lines from a number on; a damaged one is left out. Raises `StorageError` and `LineError`."""
        last = self._last()
        for start in range(log_number_from, last + 1, AT_ONCE):
            keys = [f":log:{n}" for n in range(start, min(start + AT_ONCE, last + 1))]
            for number, raw in enumerate(self._values(keys), start=start + 1):
                yield self._damage.missing(number) if raw is None else self._damage.line(raw, number)
        self._damage.report(last + 1)

    def append_logs(self, logs: Sequence[LogLine]) -> None:
        """Append lines; those of one exchange are stored together or not at all."""
        lines = [json.dumps(log, separators=(",", ":")) for log in logs]
        for start in range(0, len(lines), AT_ONCE):
            self._server.eval(_APPEND, 0, *lines[start : start + AT_ONCE])

    def _last(self) -> int:
        """Number of the last line, from 0; -1 where there is none. Raises `StorageError` for no number."""
        stored = self._server.get(_COUNT)
        if stored is None:
            return -1
        last = int(stored) if stored.removeprefix(b"-").isdigit() and len(stored) < 16 else None
        # a number that somebody has raised would let us read for ever
        if last is None or (last >= 0 and self._server.get(f":log:{last}") is None):
            raise StorageError(
                f"{self._name}: expected the number of the last line under {_COUNT!r}, "
                f"got {stored[:20].decode('latin-1')!a}, and there is no such line"
            )
        return last

    def _values(self, keys: Sequence[str]) -> list[bytes | None]:
        """The lines under some keys; of one that is too long as many bytes as show it."""
        pipe = self._server.pipeline(transaction=False)
        for key in keys:
            pipe.strlen(key)
        lengths = pipe.execute(raise_on_error=False)
        # what is no text has an error for its length
        fit = [k for k, n in zip(keys, lengths, strict=True) if isinstance(n, int) and n <= LIMIT]
        values = dict(zip(fit, self._server.mget(fit) if fit else [], strict=True))
        unread = bytes(LIMIT + 1) if len(fit) < len(keys) else b""
        return [
            values.get(k, unread if isinstance(n, int) else b"") for k, n in zip(keys, lengths, strict=True)
        ]
