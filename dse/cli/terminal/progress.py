"""Progress of a run for people."""

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dse.cli.terminal.global_options import global_options
from dse.cli.terminal.log_lines import LogLines
from dse.cli.terminal.tables import stderr


@contextmanager
def shown(study: str) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar on stderr, lines where that is no terminal; yields what a run reports to.

    Each thread that reports has a line of its own.
    """
    console = stderr()
    unseen = global_options().quiet or not console.is_terminal
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # transient: the bar leaves nothing above the answer
    bar = Progress(*columns, console=console, transient=True, disable=unseen)
    with bar:
        # without a total the bar moves until the first report
        lines = {threading.get_ident(): bar.add_task(study, total=None)}
        log = LogLines()

        def report(done: int, wanted: int, what: str) -> None:
            line = lines.get(threading.get_ident())
            if line is None:
                line = lines[threading.get_ident()] = bar.add_task(what)
            bar.update(line, completed=done, total=wanted, description=what)
            log.say(f"{what}: {done:,} of {wanted:,}")

        yield report


@contextmanager
def calm() -> Iterator[None]:
    """Warnings that parts of Optuna are experimental are for developers, who see them in the tests."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".* is (an )?experimental")
        yield
