"""The program `dse`: the verbs, each imported only when it is called."""

import os
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Annotated

import typer

import dse
from dse.cli.lazy_group import LazyGroup
from dse.cli.terminal.guard import complain, discard_unwritable
from dse.cli.terminal.process_list import hide_passwords
from dse.cli.terminal.termination import end_in_order, interrupted
from dse.errors import ExitCode
from dse.masks import masked
from dse.spoken import warn_in_a_line

HELP = """Search for the AI-inference chip that minimises $/(token/s) under latency targets.

Start with `dse run groq-vs-h100`, print the results with `dse front groq-vs-h100`, and evaluate one chip
with `dse estimate`. `dse VERB --help` explains each verb with examples."""

EPILOG = (
    "Every NAME may also be an alias or the path of a YAML file. "
    "Exit codes: 0 done, 1 a check or a plug-in failed, or no feasible design was found, 2 wrong input, "
    "130 interrupted, 143 ended by SIGTERM."
)

app = typer.Typer(
    cls=LazyGroup,
    help=HELP,
    epilog=EPILOG,
    no_args_is_help=True,
    # help is printed without rich, which need not be loaded then
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    # click wraps help at 80 columns of its own accord
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dse {dse.__version__}")
        raise typer.Exit


@app.callback()
def _dse(
    version: Annotated[
        # eager, so that it needs no verb
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


def _open_streams() -> None:
    """Replace a closed stderr by the null device; refuse a closed stdout."""
    if sys.stderr is None:
        # open until the program ends, so no context manager
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if sys.stdout is None:
        # the answer would be lost while the exit code said that all went well
        complain(
            "stdout: expected an open stream for the answer, got a closed one; use >/dev/null to discard it"
        )
        sys.exit(ExitCode.WRONG_INPUT)


def _without_passwords(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print the stack trace of a mistake of the program; drivers put addresses into their errors."""
    print(masked("".join(traceback.format_exception(kind, error, trace))), end="", file=sys.stderr)


def main() -> None:
    """Entry point of the program `dse`."""
    end_in_order()
    hide_passwords()
    sys.excepthook = _without_passwords
    warn_in_a_line()
    _open_streams()
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a sign gets a "?", not a stack trace
        # a captured stream may lack it
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    stdout = sys.stdout
    try:
        app(prog_name="dse")
    except SystemExit:
        # typer exchanges a stream whose reader has gone before a verb began, and ends with 1
        if sys.stdout is not stdout:
            sys.exit(ExitCode.BROKEN_PIPE)
        raise
    except KeyboardInterrupt:  # before any verb had begun
        sys.exit(interrupted())
    except OSError as error:  # of a help text: verbs have a guard of their own
        discard_unwritable()
        complain(f"stdout: cannot be written: {error.strerror or error}")
        sys.exit(ExitCode.WRONG_INPUT)
