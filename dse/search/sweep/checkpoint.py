"""The state of a sweep: finished blocks and their common front, committed together or not at all."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from json import dumps, loads
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from dse.errors import Problem, SpecError, spec_error
from dse.front.own_files import opened
from dse.search.analysis.stored_question import HOW_TO_CHANGE, differences
from dse.search.sweep.local_front import Local

T = TypeVar("T")

_TABLES = """
create table if not exists question (text text not null);
create table if not exists block (number integer primary key, evaluated integer not null);
create table if not exists front (point integer primary key, costs text not null);
"""


LONGEST = 1 << 20
"""Letters of a question; of the costs of one point there are far fewer."""


class Store(Protocol):
    """Keeps the state of a sweep."""

    def settle(self, question: Mapping[str, object]) -> None:
        """Write the question of a new sweep; raise `SpecError` when the stored one differs."""
        ...

    def load(self, objectives: int) -> tuple[dict[int, int], Local]:
        """Finished blocks with the points that each evaluated, and the front of all of them."""
        ...

    def within(self, blocks: Mapping[int, int], front: Local, most: int, points: int) -> None:
        """Raise `SpecError` for a state that is not one of a grid of `most` blocks and so many points."""
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
            raise self._damaged(str(error)) from None

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=30.0)

    def within(self, blocks: Mapping[int, int], front: Local, most: int, points: int) -> None:
        """Raise `SpecError` for a state that is not one of a grid of `most` blocks and so many points."""
        if any(number >= most for number in blocks):
            raise self._damaged(f"a block beyond the {most:,} of this sweep")
        if (front.points >= points).any() or not np.isfinite(front.costs).all():
            raise self._damaged("a front that is not of this grid")

    def settle(self, question: Mapping[str, object]) -> None:
        """See `Store`."""
        with self._reading() as connection:
            stored = connection.execute("select text from question").fetchone()
            if stored is None:
                connection.execute("insert into question values (?)", (dumps(question, sort_keys=True),))
                return
        # through JSON, as the stored one came: tuples become lists
        differing = sorted(differences(self._json(stored[0], "question", 1, dict), loads(dumps(question))))
        if differing:
            first = Problem(str(self.path), "the question of this sweep has changed since it was stored:")
            fields = [Problem("", f"  {path}: stored {old}, now {new}") for path, old, new in differing]
            raise SpecError([first, *fields, Problem("", HOW_TO_CHANGE)])

    def load(self, objectives: int) -> tuple[dict[int, int], Local]:
        """See `Store`; raises `SpecError` with the table and the row of what is damaged."""
        with self._reading() as connection:
            finished = connection.execute("select number, evaluated from block order by number").fetchall()
            rows = connection.execute("select point, costs from front order by point").fetchall()
        for i, row in enumerate(finished, start=1):
            self._check_whole(row, "block", i)
        for i, (point, text) in enumerate(rows, start=1):
            self._check_whole((point,), "front", i)
            self._check_costs(text, objectives, i)
        # an array of no rows would lack the axis of the objectives
        if not rows:
            return dict(finished), Local.empty(objectives)
        costs = np.asarray([loads(text) for _, text in rows], dtype=np.float64)
        return dict(finished), Local(costs, np.asarray([point for point, _ in rows], dtype=np.int64))

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection whose errors name the file; what is written is committed."""
        try:
            with closing(self._connect()) as connection, connection:
                yield connection
        # of text that is no UTF-8, too
        except sqlite3.Error as error:
            raise self._damaged(str(error)) from None

    def _check_whole(self, row: Sequence[object], table: str, number: int) -> None:
        if not all(isinstance(v, int) and 0 <= v < 2**63 for v in row):
            raise self._damaged(f"no whole numbers in row {number} of the table {table}")

    def _check_costs(self, text: object, objectives: int, number: int) -> None:
        """Raise where the costs of a point are no numbers, one for each objective."""
        found = self._json(text, "front", number, list)
        if len(found) != objectives or not all(type(v) in (int, float) for v in found):
            what = f"no {objectives} numbers in row {number} of the table front"
            raise self._damaged(what)

    def _json(self, text: object, table: str, number: int, kind: type[T]) -> T:
        """Text of a table as JSON of one kind; raises `SpecError`."""
        try:
            found = loads(text) if isinstance(text, str) and len(text) <= LONGEST else None
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, kind):
            raise self._damaged(f"other text in row {number} of the table {table}")
        return found

    def _damaged(self, what: str) -> SpecError:
        hint = "Repeat `dse sweep` with --fresh"
        return spec_error(str(self.path), f"expected the checkpoint of a sweep, got: {what}. {hint}")

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
