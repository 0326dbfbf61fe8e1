"""The file of a SQLite database, checked before Optuna reads it or adds its tables to it."""

import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from dse.errors import spec_error
from dse.front.own_files import opened, own_folder
from dse.search.storage.optuna_private import expected_columns

SECONDS = 2.0
"""Time of the check of a file; of a larger one it sees a part, which is not refused for its size."""
STEPS = 10_000
"""Steps of SQLite between two looks at the clock."""
WAIT = 60
"""Seconds to wait for a writer."""

_VERSION = re.compile(r"v\d+\.\d+\.\d+(\.\w+)?")
"""How Optuna names the versions of its tables, newer ones too."""

_FILE = re.compile(r"sqlite(?:\+\w+)?:///([^?]+)")


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite URL, without the options behind it; None for other databases and for memory."""
    found = _FILE.match(url)
    # a name that is a URL itself is opened by SQLite in its own way
    return None if found is None or found[1].startswith((":memory:", "file:")) else Path(found[1])


def own_sqlite(path: Path) -> None:
    """Make a missing file for its user alone, else `check_sqlite`; raises `SpecError`."""
    try:
        own_folder(path.parent)
        # an empty file is an empty database; SQLite would make one that others can read
        opened(path, "ab").close()
    except OSError as error:
        raise spec_error(
            "--storage", f"{path}: expected a database of Optuna studies, got: {error}"
        ) from None
    check_sqlite(path)


def check_sqlite(path: Path) -> None:
    """Raise `SpecError` for a file that is damaged or holds something else; it is only read."""
    try:
        if path.stat().st_size == 0:
            return
        # read only, so that the database of another program is left as it is
        address = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=WAIT)) as connection:
            other, damage = _held(connection)
    except (OSError, sqlite3.Error) as error:
        raise spec_error(
            "--storage", f"{path}: expected a database of Optuna studies, got: {error}"
        ) from None
    if other:
        raise spec_error("--storage", f"{path}: expected a database of Optuna studies, got one with {other}")
    if damage:
        raise spec_error(
            "--storage",
            f"{path}: expected a database of Optuna studies, got a damaged one: {damage}. "
            "Put it back from a copy, or give another --storage",
        )


def _held(connection: sqlite3.Connection) -> tuple[str, str]:
    """What is in a database that is not one of Optuna, and what is damaged in one that is."""
    tables = connection.execute("select name from sqlite_master where type='table'")
    names = {str(name) for (name,) in tables}
    if not names:
        return "", ""
    if "studies" not in names:
        return ", ".join(sorted(names)), ""
    return "", _torn(connection) or _lacking(connection, names)


def _torn(connection: sqlite3.Connection) -> str:
    """The first page or index that does not fit the others; nothing where the time was up before."""
    end = time.monotonic() + SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > end, STEPS)
    try:
        (found,) = connection.execute("pragma quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        # other programs write while we look
        if error.sqlite_errorcode in (sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY):
            return ""
        raise
    finally:
        connection.set_progress_handler(None, 0)
    return "" if found == "ok" else " ".join(str(found).split())[:200]


def _lacking(connection: sqlite3.Connection, names: set[str]) -> str:
    """A table, column or version that Optuna needs and that is not there."""
    # another process may be making the tables; the first study comes after all of them
    if connection.execute("select 1 from studies limit 1").fetchone() is None:
        return ""
    if "alembic_version" in names:
        for (version,) in connection.execute("select version_num from alembic_version"):
            if not _VERSION.fullmatch(str(version)):
                return f"its tables are of version {ascii(version)[:40]}, which no Optuna has"
    for table, columns in expected_columns().items():
        if table not in names:
            return f"it lacks the table {table}"
        found = {str(row[1]) for row in connection.execute(f"pragma table_info({table})")}
        if missing := sorted(columns - found):
            return f"its table {table} lacks the column {missing[0]}"
    return ""
