"""How far a search among pairs is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from dse.cli.terminal.global_options import global_options
from dse.cli.terminal.log_lines import LogLines
from dse.cli.terminal.tables import stderr


@contextmanager
def bar(study: str, what: str, done: str = "evaluated") -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr, and lines where that is no terminal."""
    console, log = stderr(), LogLines()
    unseen = global_options().quiet or not console.is_terminal
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    shown = Bar(*columns, console=console, transient=True, disable=unseen)

    def report(number: int, wanted: int) -> None:
        shown.update(task, completed=number, total=wanted)
        log.say(f"{study}: {number:,} of {wanted:,} {what} {done}")

    with shown:
        task = shown.add_task(study, total=None)
        yield report
