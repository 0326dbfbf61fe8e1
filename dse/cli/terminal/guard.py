"""Errors that a person can act on become one line per problem and an exit code, never a stack trace."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module

import typer

from dse.cli.terminal.global_options import global_options
from dse.cli.terminal.termination import interrupted
from dse.errors import DseError, ExitCode, Problem, SpecError
from dse.masks import masked
from dse.text import visible


@contextmanager
def guard() -> Iterator[None]:
    """Print errors on stderr and exit with their code; let mistakes of the program through."""
    try:
        yield
        # flushed here, so that a reader that has gone is noticed inside the guard
        sys.stdout.flush()
    except KeyboardInterrupt:
        complain("interrupted")
        raise typer.Exit(interrupted()) from None
    except BrokenPipeError:
        # before OSError, of which it is a subclass
        _close_quietly()
        raise typer.Exit(ExitCode.BROKEN_PIPE) from None
    except DseError as error:
        _tell(error)
        code = interrupted() if error.exit_code == ExitCode.INTERRUPTED else error.exit_code
        raise typer.Exit(code) from None
    except Exception as error:
        # a plug-in raises what it likes, an `OSError` too; loaded now, since help needs no plug-ins
        named: DseError | None = import_module("dse.plugins").blamed(error)
        if named is not None:
            _tell(named)
            raise typer.Exit(named.exit_code) from None
        with _worded():
            raise


@contextmanager
def _worded() -> Iterator[None]:
    """Words for errors of the system."""
    try:
        yield
    except OSError as error:
        discard_unwritable()
        where = f"{error.filename}: " if error.filename else ""
        complain(f"{where}cannot be read or written: {error.strerror or error}")
        raise typer.Exit(ExitCode.WRONG_INPUT) from None
    except ImportError as error:
        # the first line alone: libraries add advice to their import errors
        reason = (str(error).splitlines() or ["it cannot be imported"])[0]
        complain(f"expected an installed package, got: {reason}")
        raise typer.Exit(ExitCode.WRONG_INPUT) from None


def _tell(error: DseError) -> None:
    """Print the sentences of an error, and the stack trace of a plug-in before them where it is wanted."""
    trace = getattr(error, "trace", "")
    if trace and global_options().traceback:
        typer.echo(trace, err=True)
    complain(*error.lines)


@contextmanager
def blame(where: str) -> Iterator[None]:
    """Problems that do not say where they are get the place `where`, such as the name of an option."""
    try:
        yield
    except SpecError as error:
        first, *rest = error.problems
        placed = first if first.where else Problem(where, first.what)
        raise SpecError([placed, *rest]) from None


def complain(*lines: str) -> None:
    """Print one line per problem on stderr, red on a terminal; without rich, which help need not load."""
    # None leaves it to click: colour on a terminal only
    color = False if global_options().no_color or os.environ.get("NO_COLOR") else None
    for line in lines:
        # a stranger's name in it must not steer the terminal
        typer.secho(visible(masked(line)), err=True, fg=typer.colors.RED, color=color)


def discard_unwritable() -> None:
    """Discard what stdout still holds, where it cannot be written, as on a full disk."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _close_quietly()


def _close_quietly() -> None:
    """Discard what is still buffered, so that it does not raise again when Python ends."""
    with suppress(OSError, ValueError):  # a captured stdout has no file
        # Python flushes stdout at exit, and would end with a code of its own; the null device cannot fail
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
