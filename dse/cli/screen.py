"""Tables for people: colour only on a terminal, nothing cut off, plain text in a pipe."""

import os
import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from dse.cli.manner import manner

WIDTH = 100
"""Columns where the terminal does not tell, as in a pipe."""


class _Screen(Console):
    """A console that lets the guard deal with a closed pipe."""

    def on_broken_pipe(self) -> None:
        """Called by rich while it handles the error."""
        raise


def stdout(*, no_color: bool = False) -> Console:
    """Where answers go."""
    return _console(stderr=False, no_color=no_color)


def stderr(*, no_color: bool = False) -> Console:
    """Where progress, remarks and problems go."""
    return _console(stderr=True, no_color=no_color)


def _console(*, stderr: bool, no_color: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    told = (stream is not None and stream.isatty()) or os.environ.get("COLUMNS", "").isdigit()
    grey = no_color or manner().no_color
    return _Screen(
        stderr=stderr, no_color=grey or None, highlight=False, width=None if told else WIDTH,
        soft_wrap=False, emoji=False, markup=False,
    )  # fmt: skip


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    *,
    title: str = "",
    right: Iterable[str] = (),
    flexible: Iterable[str] = (),
    least: int = 0,
) -> RenderableType:
    """A table of texts; columns named in `right` are numbers, those in `flexible` may be wrapped.

    Without `flexible` any column may be; `least` is the width below which none is squeezed.
    """
    cells = [list(row) for row in rows]
    wide, numbers = set(flexible), set(right)
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    for i, name in enumerate(columns):
        made.add_column(
            name,
            min_width=min(least, max((_width(row[i]) for row in cells), default=0)) or None,
            justify="right" if name in numbers else "left",
            no_wrap=bool(wide) and name not in wide,
            overflow="fold",
        )
    for row in cells:
        made.add_row(*(plain(cell) if isinstance(cell, str) else cell for cell in row))
    return Group(Text(title, style="bold"), made) if title else made  # a table's own title wraps at its width


def _width(cell: str | Text) -> int:
    return max((len(line) for line in str(cell).splitlines()), default=0)


def plain(text: str) -> Text:
    """Text that is shown as it is: square brackets in it are no markup."""
    return Text(text)


def remark(text: str, *, no_color: bool = False) -> None:
    """A line on stderr that is no problem; none with --quiet."""
    if manner().quiet:
        return
    stderr(no_color=no_color).print(text, style="dim", soft_wrap=True)
