"""The rows of a CSV from anyone, each with its line; a quote that does not close is an error."""

import csv
from collections.abc import Iterator
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import Final

from dse.errors import spec_error

_END: Final = "\ud800"
"""A line behind the last: half of a letter, which no text that was read holds."""


def csv_rows(path: Path, text: str, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """The number of the line on which each row ends, and its cells; raises `SpecError` with the line."""
    # line ends as they are: `csv` itself treats those inside quotes
    reader = csv.reader(chain(StringIO(text, newline=""), [_END]), delimiter=delimiter)
    begins = 1
    try:
        for cells in reader:
            if cells == [_END]:
                return
            if cells and cells[-1].endswith(_END):
                # the quote took all lines behind it, which `csv` gives as one cell
                taken = sum(1 for _ in StringIO(cells[-1][:-1], newline=""))
                opens = reader.line_num - max(taken, 1)
                raise spec_error(f"{path}:{opens}", "expected a CSV, got a quote that does not close")
            yield reader.line_num, cells
            begins = reader.line_num + 1
    # a cell of more than 128 kB, most often behind a quote that is closed far below or never
    except csv.Error as error:
        what = f"expected a CSV, cannot read the row that begins here: {error}"
        raise spec_error(f"{path}:{begins}", what) from None
