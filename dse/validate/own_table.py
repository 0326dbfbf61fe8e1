"""A CSV in columns of ours, from a folder of configs that another person may have written."""

from collections.abc import Callable, Mapping
from itertools import chain, repeat
from pathlib import Path
from typing import TypeVar

from dse.csv_rows import csv_rows
from dse.errors import Problem, SpecError, placed, spec_error, told
from dse.reading import TABLE_LIMIT, read_text
from dse.spec.yaml.units import plain_number
from dse.text import from_cell, short
from dse.validate.measured.reading.table import MOST_ROWS

T = TypeVar("T")


def read_table(path: Path, make: Callable[[Mapping[str, str]], T]) -> list[T]:
    """What `make` makes of the cells of each line by their columns; raises `SpecError` with all problems.

    `make` takes a column that the table lacks for a `KeyError`, and says what is wrong with a cell in a
    `ValueError` or a `SpecError`.
    """
    found: list[T] = []
    problems: list[Problem] = []
    rows = csv_rows(path, read_text(path, TABLE_LIMIT))
    _, names = next(rows, (1, []))
    for line, cells in rows:
        if not cells:
            continue
        where = f"{path}:{line}"
        if len(found) + len(problems) >= MOST_ROWS:
            raise spec_error(where, f"expected at most {MOST_ROWS:,} rows, got more")
        # a line that ends early has blanks there, cells beyond the header are dropped
        given = chain(map(from_cell, cells), repeat(""))
        try:
            found.append(make(dict(zip(names, given, strict=False))))
        except SpecError as error:
            problems += [placed(where, p) for p in error.problems]
        except KeyError as error:
            problems.append(Problem(f"{path}:1", f"expected the column {error.args[0]}, got none"))
        except ValueError as error:
            problems.append(Problem(where, str(error)))
    if problems:
        raise SpecError(told(dict.fromkeys(problems)))
    return found


def number(cells: Mapping[str, str], name: str) -> float:
    """The plain number in a cell; raises `ValueError`."""
    found = plain_number(cells[name])
    if found is None:
        raise ValueError(f"{name}: expected a number, got {short(cells[name])}")
    return float(found)


def whole(cells: Mapping[str, str], name: str) -> int:
    """The whole number of at least 1 in a cell; raises `ValueError`."""
    found = plain_number(cells[name])
    if not isinstance(found, int) or not 1 <= found <= 10**9:
        raise ValueError(f"{name}: expected a whole number of at least 1, got {short(cells[name])}")
    return found
