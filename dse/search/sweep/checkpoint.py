"""The state of a sweep: finished blocks and their common front, committed together or not at all."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from json import dumps, loads
from pathlib import Path
from typing import Protocol

import numpy as np

from dse.errors import Problem, SpecError, spec_error
from dse.front.own_files import opened
from dse.search.analysis.stored_question import HOW_TO_CHANGE, differences
from dse.search.sweep.local_front import Local

_TABLES = """
create table if not exists question (text text not null);
create table if not exists block (number integer primary key, evaluated integer not null);
create table if not exists front (point integer primary key, costs text not null);
"""


class Store(Protocol):
    """Keeps the state of a sweep."""

    def settle(self, question: Mapping[str, object]) -> None:
        """Write the question of a new sweep; raise `SpecError` when the stored one differs."""
        ...

    def load(self, objectives: int) -> tuple[dict[int, int], Local]:
        """Finished blocks with the points that each evaluated, and the front of all of them."""
        ...

    def commit(self, blocks: dict[int, int], front: Local) -> None:
        """Add finished blocks, and replace the front by `front`, that of all blocks so far."""
        ...


class SqliteStore:
    """The embedded store: one file, one transaction a commit."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # an empty file is an empty database; SQLite would make one that others can read
        opened(path, "ab").close()
        try:
            # both: a connection as context manager ends its transaction, and stays open
            with closing(self._connect()) as connection, connection:
                connection.executescript(_TABLES)
        except sqlite3.Error as error:
            raise spec_error(str(path), f"expected the checkpoint of a sweep, got: {error}") from None

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=30.0)

    def settle(self, question: Mapping[str, object]) -> None:
        """See `Store`."""
        with closing(self._connect()) as connection, connection:
            stored = connection.execute("select text from question").fetchone()
            if stored is None:
                connection.execute("insert into question values (?)", (dumps(question, sort_keys=True),))
                return
        # through JSON, as the stored one came: tuples become lists
        differing = sorted(differences(loads(stored[0]), loads(dumps(question))))
        if differing:
            first = Problem(str(self.path), "the question of this sweep has changed since it was stored:")
            fields = [Problem("", f"  {path}: stored {old}, now {new}") for path, old, new in differing]
            raise SpecError([first, *fields, Problem("", HOW_TO_CHANGE)])

    def load(self, objectives: int) -> tuple[dict[int, int], Local]:
        """See `Store`."""
        with closing(self._connect()) as connection:
            blocks = dict(connection.execute("select number, evaluated from block"))
            rows = connection.execute("select point, costs from front order by point").fetchall()
        # an array of no rows would lack the axis of the objectives
        if not rows:
            return blocks, Local.empty(objectives)
        costs = np.asarray([loads(text) for _, text in rows])
        return blocks, Local(costs, np.asarray([point for point, _ in rows], dtype=np.int64))

    def commit(self, blocks: dict[int, int], front: Local) -> None:
        """See `Store`. Costs are written with the digits that read back the same."""
        pairs = zip(front.points.tolist(), front.costs.tolist(), strict=True)
        rows = [(point, dumps(costs)) for point, costs in pairs]
        # one transaction: a kill leaves blocks and front either of before or of after
        with closing(self._connect()) as connection, connection:
            connection.executemany("insert or ignore into block values (?, ?)", list(blocks.items()))
            # a point of the stored front may be dominated by now
            connection.execute("delete from front")
            connection.executemany("insert into front values (?, ?)", rows)
