"""Mistakes of the user become one sentence per problem and an exit code, never a stack trace."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import typer

from dse.cli.terminal.global_options import manner
from dse.errors import Problem, SpecError

FAILED, WRONG, INTERRUPTED, PIPE = 1, 2, 130, 141
"""Exit codes: a check failed; wrong input; Ctrl-C; the reader of our output has gone, as a shell says."""


@contextmanager
def guard() -> Iterator[None]:
    """Turn what a user can cause into messages on stderr and an exit code; let our own mistakes through."""
    try:
        yield
        sys.stdout.flush()
    except KeyboardInterrupt:
        complain("interrupted")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        _close_quietly()
        raise typer.Exit(PIPE) from None
    except Exception as error:
        if _beats_physics(error):
            complain(f"the cost model is broken: {error}")
            raise typer.Exit(FAILED) from None
        lines = _lines(error)
        if lines is None:
            raise
        complain(*lines)
        raise typer.Exit(WRONG) from None


@contextmanager
def blame(where: str) -> Iterator[None]:
    """Problems that do not say where they are get the place `where`, such as the name of an option."""
    try:
        yield
    except SpecError as error:
        first, *rest = error.problems
        told = first if first.where else Problem(where, first.what)
        raise SpecError([told, *rest]) from None


def complain(*lines: str) -> None:
    """Print one line per problem on stderr, red on a terminal; without rich, which help need not load."""
    color = False if manner().no_color or os.environ.get("NO_COLOR") else None
    for line in lines:
        typer.secho(line, err=True, fg=typer.colors.RED, color=color)


def _beats_physics(error: Exception) -> bool:
    """Whether a prediction was better than any machine could be, which no input of a user excuses."""
    light = sys.modules.get("dse.bounds.speed_of_light")
    return light is not None and isinstance(error, light.BeatsPhysics)


def _lines(error: Exception) -> list[str] | None:
    """What to tell about an error of the user; None for a mistake of ours."""
    if isinstance(error, SpecError):
        return [str(problem) for problem in error.problems]
    files = sys.modules.get("dse.front.files")  # loaded by whoever could raise a FrontError
    if files is not None and isinstance(error, files.FrontError):
        return [str(error)]
    optuna = sys.modules.get("optuna.exceptions")
    if optuna is not None and isinstance(error, optuna.StorageInternalError):
        return [
            f"--storage: expected a storage that dse can work with, got: {_first(error.__cause__ or error)}"
        ]
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return [f"{where}cannot be read or written: {error.strerror or error}"]
    if isinstance(error, ImportError):
        return [f"expected an installed package, got: {_first(error)}"]
    return None


def _first(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _close_quietly() -> None:
    """Nobody reads on: what is still buffered must not raise again when Python ends."""
    with suppress(OSError, ValueError):  # a captured stdout has no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
