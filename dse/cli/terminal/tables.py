"""Tables for people: colour only on a terminal, nothing cut off, plain text in a pipe."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from dse.cli.terminal.global_options import global_options
from dse.masks import masked
from dse.text import is_count, visible

WIDTH = 100
"""Width where the terminal has none, as in a pipe."""


class _Screen(Console):
    """A console that lets the guard deal with a closed pipe, and shows what would steer the terminal."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What is printed, whoever made it: only rich itself moves the cursor and sets colours."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))

    def on_broken_pipe(self) -> None:
        """Called by rich while it handles the error."""
        # raised again for the guard; rich alone would exit with status 1
        raise


def stdout() -> Console:
    """Where answers go."""
    return _console(stderr=False)


def stderr() -> Console:
    """Where progress, remarks and problems go."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    """A console of fixed width where the stream is no terminal and COLUMNS is not set."""
    stream = sys.stderr if stderr else sys.stdout
    # a pipe has no width; a fixed one keeps the text reproducible
    # rich ignores COLUMNS where it is no whole number
    has_width = (stream is not None and stream.isatty()) or is_count(os.environ.get("COLUMNS", ""))
    return _Screen(
        stderr=stderr,
        # None leaves the decision to rich, which reads NO_COLOR
        no_color=global_options().no_color or None,
        # rich would colour numbers, and read colons and brackets in names as emoji and markup
        highlight=False,
        width=None if has_width else WIDTH,
        soft_wrap=False,
        emoji=False,
        markup=False,
    )


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

    Without `flexible` any column of words may be; `least` is the width below which none is squeezed. Words
    and numbers never break: where they do not fit, the cells of a row are printed below each other.
    """
    cells = [[plain(c) if isinstance(c, str) else c for c in row] for row in rows]
    made = _Fitting(tuple(map(visible, columns)), cells, frozenset(right), frozenset(flexible), least)
    return Group(Text(visible(title), style="bold"), made) if title else made


@dataclass(frozen=True)
class _Fitting:
    """A table where words and numbers fit whole into its columns, else one cell below the other."""

    columns: tuple[str, ...]
    cells: list[list[Text]]
    numbers: frozenset[str]
    wide: frozenset[str]
    least: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        # gaps are between columns only, see `pad_edge`
        room = options.max_width - _GAP * (len(self.columns) - 1)
        narrowest = [self._narrowest(i) for i in range(len(self.columns))]
        if sum(narrowest) <= room:
            yield self._side_by_side(
                _shared(room, narrowest, [self._widest(i) for i in range(len(narrowest))])
            )
            return
        for row in self.cells:
            for name, cell in zip(self.columns, row, strict=True):
                yield from _below_its_name(name, cell, options.max_width)
            yield Text()

    def _narrowest(self, i: int) -> int:
        """Width below which a word of the column, or one of its numbers, would break."""
        texts = [str(row[i]) for row in self.cells]
        whole = self.columns[i] in self.numbers or (self.wide and self.columns[i] not in self.wide)
        cells = max((_longest(text, whole=bool(whole)) for text in texts), default=0)
        # `least`, but no more than its longest line needs
        some = min(self.least, max((_longest(text, whole=True) for text in texts), default=0))
        return max(cells, some, _longest(self.columns[i], whole=False))

    def _widest(self, i: int) -> int:
        """Width at which no line of the column is wrapped."""
        return max(
            _longest(text, whole=True) for text in (self.columns[i], *(str(row[i]) for row in self.cells))
        )

    def _side_by_side(self, widths: Sequence[int]) -> Table:
        made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
        for name, width in zip(self.columns, widths, strict=True):
            justify: Literal["left", "right"] = "right" if name in self.numbers else "left"
            # rich would end a longer word with an ellipsis
            made.add_column(name, width=width, justify=justify, overflow="fold")
        for row in self.cells:
            made.add_row(*row)
        return made


_GAP = 3
"""Columns between two columns of a table."""


def _shared(room: int, narrowest: Sequence[int], widest: Sequence[int]) -> list[int]:
    """Widths whose sum is at most `room`: the widest column that may still be wrapped gives way first.

    Rich alone would shrink columns below the width of their numbers, and crop them.
    """
    widths = [max(pair) for pair in zip(narrowest, widest, strict=True)]
    while sum(widths) > room:
        # never empty: the caller has checked that the narrowest widths fit
        loose = [i for i, width in enumerate(widths) if width > narrowest[i]]
        widths[max(loose, key=widths.__getitem__)] -= 1
    return widths


def _below_its_name(name: str, cell: Text, width: int) -> Iterator[Text]:
    """The name of a column and a cell of it: on one line where both fit, else on two."""
    if cell_len(name) + 2 + _longest(str(cell), whole=True) <= width:
        yield Text.assemble((name, "bold"), "  ", cell)
    else:
        yield Text(name, style="bold")
        yield cell


def _longest(text: str, *, whole: bool) -> int:
    """The longest line of a text, or its longest word."""
    parts = text.splitlines() if whole else text.split()
    return max((cell_len(part) for part in parts), default=0)


def plain(text: str) -> Text:
    """Text that is shown as it is: square brackets in it are no markup, control characters are visible."""
    return Text(visible(text))


def remark(text: str) -> None:
    """A line on stderr that is no problem; none with --quiet."""
    if global_options().quiet:
        return
    # a line break in a path or a command would be copied with it
    stderr().print(visible(masked(text)), style="dim", soft_wrap=True)
