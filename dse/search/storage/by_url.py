"""Optuna storages by URL."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from optuna.exceptions import OptunaError, StorageInternalError
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage

from dse.errors import DseError, StorageError, nearest, spec_error
from dse.masks import hidden, masked, remember
from dse.search.samplers.optuna_samplers import without_experimental_warnings
from dse.search.storage.journal import open_journal
from dse.search.storage.line_shapes import LineError
from dse.search.storage.optuna_private import ReconnectingProxy
from dse.search.storage.redis_journal import RedisJournal, Server
from dse.search.storage.sqlite_file import own_sqlite, sqlite_file

SCHEMES = ("journal", "sqlite", "postgresql", "mysql", "redis", "rediss", "grpc", "memory")
TRIES = 10
EXTRA = "pip install 'dse[cluster]'"
OF_OTHERS = (RuntimeError, ValueError, OSError, TypeError, LookupError, AssertionError)
"""What Optuna and drivers raise for a URL, or for tables and rows of others, besides their own errors."""


_PACKAGES = ("sqlalchemy", "sqlite3", "psycopg", "psycopg2", "pymysql", "MySQLdb", "redis", "grpc")
"""Packages whose errors are those of a storage; only those in use are installed."""


@contextmanager
def storage_errors(url: str = "") -> Iterator[None]:
    """Failures of the storage at `url` while it is used become `StorageError`."""
    place = f" at {hidden(url)}" if url else ""
    try:
        yield
    except Exception as error:
        of_storage = isinstance(error, StorageInternalError | LineError)
        if not of_storage and type(error).__module__.partition(".")[0] not in _PACKAGES:
            raise
        # Optuna's own text is the same for every failed commit; the driver's says what failed
        reason = first_line(error.__cause__ or error)
        raise StorageError(
            f"--storage: expected a storage that dse can work with{place}, got: {reason}"
        ) from error


def default_url(out: Path) -> str:
    """The embedded storage: a journal file in the results folder."""
    return f"journal:{out / 'study.journal'}"


def open_storage(url: str) -> BaseStorage:
    """Storage at `url`.

    A URL is journal:PATH, sqlite:///PATH, postgresql://..., mysql://..., redis://..., grpc://HOST:PORT or
    memory:. Raises `SpecError` for an unknown scheme, and for a storage that cannot be opened or holds
    something else.
    """
    # before anything can fail with it
    remember(url)
    # a URL may name its driver, as postgresql+psycopg does
    scheme = url.partition(":")[0].partition("+")[0]
    if scheme == "memory":
        return InMemoryStorage()
    if scheme == "journal":
        return open_journal(Path(url.removeprefix("journal:")))
    if scheme in ("redis", "rediss"):
        return _redis(url)
    if scheme == "grpc":
        return _grpc(url)
    if scheme in SCHEMES:
        return _rdb(url)
    raise spec_error("--storage", f"unknown scheme in {hidden(url)!r}; {nearest(scheme, SCHEMES)}")


def _redis(url: str) -> BaseStorage:
    """A journal in Redis."""
    try:
        from redis import Redis, RedisError  # an optional package
    except ImportError:
        raise spec_error("--storage", f"redis:// needs the package redis: {EXTRA}") from None
    try:
        return JournalStorage(RedisJournal(cast(Server, Redis.from_url(url)), hidden(url)))
    except LineError as error:
        raise spec_error(
            "--storage", f"{hidden(url)}: expected the journal of an Optuna study, got {error}"
        ) from None
    # redis raises ValueError for a URL that it cannot read
    except (RedisError, ValueError, OSError) as error:
        raise spec_error("--storage", f"{hidden(url)} cannot be opened: {first_line(error)}") from None


def _grpc(url: str) -> BaseStorage:
    """A client of `dse serve-storage`, checked to answer."""
    # at the last colon: an IPv6 address has others
    host, _, port = url.removeprefix("grpc://").rpartition(":")
    if not host or not port.isdigit():
        raise spec_error("--storage", f"expected grpc://HOST:PORT, got {hidden(url)!r}")
    try:
        with without_experimental_warnings():
            proxy = ReconnectingProxy(host=host, port=int(port))
        proxy.wait_server_ready(timeout=10.0)
    except ImportError:
        raise spec_error("--storage", f"grpc:// needs the package grpcio: {EXTRA}") from None
    except Exception as error:  # grpc.FutureTimeoutError is no class of its own without the package
        raise spec_error(
            "--storage", f"{hidden(url)}: expected `dse serve-storage` there, got {first_line(error)}"
        ) from None
    return proxy


def _rdb(url: str) -> BaseStorage:
    """A database, whose tables are created where they are missing."""
    from sqlalchemy.exc import SQLAlchemyError  # 0.2 s, which only databases need
    from sqlalchemy.pool import NullPool

    from dse.search.storage.bulk_rdb import open_database

    # a connection for the time of a write: a hundred workers hold none while they compute
    # SQLite has one writer at a time: the others wait, by default not long enough
    options = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {"poolclass": NullPool}
    try:
        if path := sqlite_file(url):
            own_sqlite(path)
        # a copy for each attempt, since Optuna adds options to it
        return _made(lambda: open_database(with_driver(url), dict(options)))
    # some are a `ValueError` too, which the last clause would reword
    except DseError:
        raise
    except ImportError:
        raise spec_error("--storage", f"{hidden(url)} needs the driver of its database: {EXTRA}") from None
    # Optuna raises RuntimeError for tables of another of its versions
    # and ValueError comes of a port that is no number, as where a slash in a password ends the host
    except (SQLAlchemyError, OptunaError, *OF_OTHERS) as error:
        raise spec_error("--storage", f"{hidden(url)} cannot be opened: {first_line(error)}") from None


def _made(make: Callable[[], BaseStorage]) -> BaseStorage:
    """Make a storage, again where it fails because another process creates the same tables."""
    from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError  # see `_rdb`

    for attempt in range(1, TRIES):
        try:
            return make()
        except (IntegrityError, OperationalError, ProgrammingError) as error:
            # each database raises another error for a table or row that exists; only the words are alike
            if not any(word in str(error) for word in ("already exists", "UNIQUE", "duplicate")):
                raise
            # growing waits: the other process may need some time
            time.sleep(0.1 * attempt)
    return make()


def with_driver(url: str) -> str:
    """The URL with the driver of `dse[cluster]`, where it names none."""
    # SQLAlchemy's own choice is psycopg2, which `dse[cluster]` does not install
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def first_line(error: BaseException) -> str:
    """First line of the message of an error, without passwords; its type where there is no message."""
    return masked((str(error).splitlines() or [type(error).__name__])[0])
