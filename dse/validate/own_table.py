"""A CSV in columns of ours, from a folder of configs that another person may have written."""

import csv
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import TypeVar

from dse.errors import Problem, SpecError, placed, spec_error, told
from dse.reading import TABLE_LIMIT, read_text
from dse.spec.yaml.units import plain_number
from dse.text import from_cell, short
from dse.validate.measured.table import MOST_ROWS

T = TypeVar("T")


def read_table(path: Path, make: Callable[[Mapping[str, str]], T]) -> list[T]:
    """What `make` makes of the cells of each line by their columns; raises `SpecError` with all problems.

    `make` takes a column that the table lacks for a `KeyError`, and says what is wrong with a cell in a
    `ValueError` or a `SpecError`.
    """
    found: list[T] = []
    problems: list[Problem] = []
    reader = csv.DictReader(StringIO(read_text(path, TABLE_LIMIT), newline=""), restkey="", restval="")
    try:
        for cells in reader:
            where = f"{path}:{reader.line_num}"
            if len(found) + len(problems) >= MOST_ROWS:
                raise spec_error(where, f"expected at most {MOST_ROWS:,} rows, got more")
            try:
                found.append(make({n: from_cell(v) for n, v in cells.items() if isinstance(v, str)}))
            except SpecError as error:
                problems += [placed(where, p) for p in error.problems]
            except KeyError as error:
                problems.append(Problem(f"{path}:1", f"expected the column {error.args[0]}, got none"))
            except ValueError as error:
                problems.append(Problem(where, str(error)))
    except csv.Error as error:
        raise spec_error(f"{path}:{reader.line_num}", f"expected a CSV, cannot read it: {error}") from None
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
