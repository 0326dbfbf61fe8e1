"""The front of a run while it grows: rows that workers bring, and the trials of others evaluated again."""

from collections import defaultdict
from collections.abc import Iterable

from dse.evaluate.batch import axes_of
from dse.front.archive import Archive
from dse.front.tables import Table, renumbered
from dse.search.run.workforce import Delivery
from dse.search.storage.shared_study import Shared
from dse.search.trials.replay import replay
from dse.search.trials.trial_entries import Entry


class RunningFront:
    """Keeps every non-dominated design of the trials that are stored, and of no others."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._archive = Archive(axes_of(shared.resolved))
        self._covered: set[int] = set()
        self._rows: dict[int, list[Table]] = defaultdict(list)
        self._numbers: dict[int, dict[int, int]] = defaultdict(dict)
        self._bare: set[str | None] = set()
        self._whole = True

    def keep(self, batch: Delivery) -> None:
        """Hold rows until their trials are stored and have numbers."""
        if batch.bare:
            self._bare |= {e.key for e in batch.entries}
        if batch.rows is not None:
            self._rows[batch.island].append(batch.rows)

    def stored(self, placed: Iterable[tuple[int, Entry, int | None]]) -> None:
        """Islands, entries and the numbers under which they are stored; None for one that was not."""
        for island, entry, number in placed:
            if number is None:  # its rows may have hidden others
                self._whole = False
            elif entry.key not in self._bare:
                self._numbers[island][entry.trial.number] = number
                self._covered.add(number)
        for island, tables in self._rows.items():
            for table in tables:
                self._archive.add_frame(renumbered(table, self._numbers[island]))
        self._rows.clear()

    def doubt(self) -> None:
        """Rows may be missing."""
        self._whole = False

    def archive(self) -> Archive:
        """The archive over all stored trials: those that nobody brought rows of are evaluated again."""
        complete = self._shared.complete
        if not self._whole:
            self._archive, self._covered, self._whole = Archive(axes_of(self._shared.resolved)), set(), True
        missing = [t for t in complete if t.number not in self._covered]
        for points in replay(self._shared.resolved, missing):
            self._archive.add(points.values, points.feasible, points.rows, points.ranks)
        self._covered |= {t.number for t in missing}
        return self._archive
