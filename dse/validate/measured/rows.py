"""A table of measurements, ours or an external one: one metric of one run a row."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from dse.errors import Problem, SpecError, nearest, spec_error, told
from dse.spec.catalog.lookup import Catalog
from dse.validate.measured.reading import spellings
from dse.validate.measured.reading.row_of_cells import Place, row_of
from dse.validate.measured.reading.serving import Clues, modes
from dse.validate.measured.reading.table import RawLine, RawTable, raw_table
from dse.validate.measured.row import KINDS, METRICS, Measured, run_of

OTHER_TABLES: Final = {
    "article": "claims",
    "silicon": "areas, powers and unit costs",
    "dataflow": "speeds compared with ours",
}
"""Tables that are shown in a way of their own, and what they hold; `dse validate` knows them."""

SUFFIXES: Final = (".csv", ".tsv", ".gz")
"""What looks like a file."""

MOST_NAMES: Final = 500
"""Different chips, LLMs and engines of a table, each of which is looked up."""

__all__ = [
    "KINDS",
    "METRICS",
    "OTHER_TABLES",
    "Measured",
    "MeasuredTable",
    "find_table",
    "measured_table",
    "read_rows",
    "run_of",
]


def find_table(name: str, catalog: Catalog, others: Sequence[str] = ()) -> Path:
    """A CSV by path, or a bundled table of measurements by name.

    `others` are further tables that the hint may name. Raises `SpecError` with the nearest names.
    """
    found: dict[str, Path] = {}
    for folder in catalog.folders:
        for path in sorted((folder / "measurements").glob("published*.csv*")):
            # the first folder wins, so that a table of one's own replaces ours
            found.setdefault(path.name.partition(".")[0], path)
    # a name of ours wins over a file that is called so
    if name in found:
        return found[name]
    given = Path(name)
    # a named pipe too, such as <(...) of a shell
    if given.is_file() or given.is_fifo():
        return given
    if given.is_dir():
        known = ", ".join(sorted([*found, *others]))
        raise spec_error("", f"expected a CSV or a table ({known}), got the folder {name!r}")
    if given.exists():
        raise spec_error("", f"expected a CSV, got {name!r}, which is not a regular file")
    if given.suffix in SUFFIXES or "/" in name:
        raise spec_error("", f"expected a CSV, got {name!r}, which does not exist")
    if name in OTHER_TABLES:
        what = f"expected a table of measured speeds, got {name!r}, which holds {OTHER_TABLES[name]}"
        raise spec_error("", f"{what}; known: {', '.join(sorted(found))}")
    raise spec_error("", f"unknown table {name!r}; {nearest(name, [*found, *others])}")


@dataclass(frozen=True, kw_only=True)
class MeasuredTable:
    """A table as it is written, and what is measured in it."""

    raw: RawTable
    rows: tuple[Measured, ...]


def read_rows(path: Path) -> list[Measured]:
    """Every row of a CSV, see `measured_table`."""
    return list(measured_table(path).rows)


def measured_table(path: Path) -> MeasuredTable:
    """Every row of a CSV in any order of columns, with a metric a line or a column for each metric.

    What is no number is a problem of the table; what is a number of something else (a metric that is not
    predicted, lengths that are not stated) is a row that says why it is `unclear`. Raises `SpecError` with
    all problems.
    """
    raw = raw_table(path)
    rows: list[Measured] = []
    problems: list[Problem] = []
    for line in raw.lines:
        for place, given in _values(raw, line):
            try:
                rows.append(row_of(place, given))
            except ValueError as error:
                problems.append(Problem(f"{path}:{line.number}", str(error)))
    if problems:
        raise SpecError(told(dict.fromkeys(problems)))
    if not rows:
        raise spec_error(f"{path}:1", "expected at least one row, got none")
    _hold_names(path, rows)
    return MeasuredTable(raw=raw, rows=tuple(_served(rows)))


def _values(raw: RawTable, line: RawLine) -> Iterator[tuple[Place, Mapping[str, str]]]:
    """Each value of a line, as the cells of a line of its own."""
    where, file = f"{raw.path.name}:{line.number}", raw.path.name
    if not line.given:
        return
    if not raw.values:
        yield Place(where=where, file=file, line=line.number), line.given
        return
    for i in raw.values:
        text = spellings.cell("value", line.cells[i]) if i < len(line.cells) else ""
        if text:
            heading = raw.header[i]
            place = Place(where=where, file=file, line=line.number, heading=heading)
            yield place, {**line.given, "metric": heading.strip(), "value": text}


def _served(rows: Sequence[Measured]) -> list[Measured]:
    """The rows with the serving mode that each is predicted in."""
    clues = [
        Clues(
            run=run_of(row),
            family=METRICS.get(row.metric, ""),
            kind=row.kind,
            phase=row.phase,
            serving=row.serving,
        )
        for row in rows
    ]
    return [
        replace(row, mode=found.name, assumed=found.assumed)
        for row, found in zip(rows, modes(clues), strict=True)
    ]


def _hold_names(path: Path, rows: Sequence[Measured]) -> None:
    """Raise `SpecError` for more different names than can be looked up in a few seconds."""
    counts = {name: len({getattr(row, name) for row in rows}) for name in ("chip", "llm", "engine")}
    problems = [
        Problem(
            f"{path}:1", f"{name}: expected at most {MOST_NAMES} different ones in a table, got {count:,}"
        )
        for name, count in counts.items()
        if count > MOST_NAMES
    ]
    if problems:
        raise SpecError(problems)
