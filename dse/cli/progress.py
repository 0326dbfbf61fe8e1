"""Progress of a run for people."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def shown(study: str, *, hidden: bool, no_color: bool) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar on stderr, when that is a terminal; yields what a run reports to."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from dse.cli.screen import stderr

    console = stderr(no_color=no_color)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True, disable=hidden or not console.is_terminal)
    with bar:
        task = bar.add_task(study, total=None)
        yield lambda done, wanted, what: bar.update(task, completed=done, total=wanted, description=what)


@contextmanager
def calm() -> Iterator[None]:
    """Warnings that parts of Optuna are experimental are for developers, who see them in the tests."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".* is (an )?experimental")
        yield
