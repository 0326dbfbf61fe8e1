"""The front of a run while it grows: rows of its workers, and trials of others evaluated again."""

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
        self._without_rows: set[str | None] = set()
        self._whole = True

    def hold_rows(self, delivery: Delivery) -> None:
        """Hold the rows of a delivery until their trials are stored and have numbers."""
        if delivery.without_rows:
            self._without_rows |= {e.key for e in delivery.entries}
        if delivery.rows is not None:
            self._rows[delivery.worker].append(delivery.rows)

    def stored(self, placed: Iterable[tuple[int, Entry, int | None]]) -> None:
        """Add the rows of stored trials.

        `placed` are workers, entries and the numbers under which they are stored; None for one that was not.
        """
        for worker, entry, number in placed:
            if number is None:  # its rows may have hidden others
                self._whole = False
            elif entry.key not in self._without_rows:
                self._numbers[worker][entry.trial.number] = number
                self._covered.add(number)
        for worker, tables in self._rows.items():
            for table in tables:
                self._archive.add_frame(renumbered(table, self._numbers[worker]))
        self._rows.clear()

    def mark_incomplete(self) -> None:
        """Rows may be missing, so the front is built again from the stored trials."""
        self._whole = False

    def archive(self) -> Archive:
        """The archive over all stored trials; those without rows are evaluated again."""
        complete = self._shared.complete
        # dominated rows are not kept, so a row that was hidden wrongly comes back only by evaluating it again
        if not self._whole:
            self._archive, self._covered, self._whole = Archive(axes_of(self._shared.resolved)), set(), True
        # trials of other runs, of earlier ones, and of workers that died with their rows
        missing = [t for t in complete if t.number not in self._covered]
        for points in replay(self._shared.resolved, missing):
            self._archive.add(points.values, points.feasible, points.rows, points.ranks)
        self._covered |= {t.number for t in missing}
        return self._archive
