"""A progress bar for work of a few seconds; lines in a pipe where it takes longer, nothing with --quiet."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from dse.cli.terminal.global_options import global_options
from dse.cli.terminal.log_lines import LogLines
from dse.cli.terminal.tables import stderr


@contextmanager
def spinner(what: str, steps: int | None = None) -> Iterator[Callable[[str], None]]:
    """Say on stderr what is being worked out, when that is a terminal; yields what names the next step.

    With `steps` the bar fills by one for each step that is named, else it only moves.
    """
    console = stderr()
    unseen = global_options().quiet or not console.is_terminal
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=unseen) as bar:
        task = bar.add_task(what, total=steps)
        log = LogLines()

        def report(now: str) -> None:
            bar.update(task, description=f"{what}: {now}", advance=1 if steps else None)
            log.say(f"{what}: {now}")

        yield report
