"""Wrong command lines: every problem at once, in the form of every other error."""

from collections.abc import Iterator, Sequence
from typing import NoReturn, Protocol

import typer

from dse.cli.terminal.global_options import GlobalOptions, using
from dse.cli.terminal.guard import complain
from dse.errors import ExitCode, Problem, nearest
from dse.text import LONGEST


class _Parameter(Protocol):
    """What is used of click's options and arguments, whose classes are private to typer."""

    @property
    def opts(self) -> list[str]: ...

    @property
    def secondary_opts(self) -> list[str]: ...


def refuse(command: str, args: Sequence[str], problems: Sequence[Problem]) -> NoReturn:
    """Print the problems of `args` and where help is, and exit as for wrong input."""
    # a line that is refused was not parsed, so its global options are read as they were typed
    with using(GlobalOptions(no_color="--no-color" in args)):
        complain(*map(str, problems), f"`{command} --help` explains every option.")
    raise typer.Exit(ExitCode.WRONG_INPUT)


def problem_of(error: typer.TyperException, parameters: Sequence[_Parameter]) -> Problem:
    """What click found wrong, with the name of the option or argument before it."""
    parameter = getattr(error, "param", None)
    option = getattr(error, "option_name", None)
    if parameter is not None:
        # one that is missing has no message of its own; its help says what it may be
        said = error.message or f"expected a value, got none. {getattr(parameter, 'help', None) or ''}"
        return Problem(name_of(parameter), said.strip())
    if option is not None and hasattr(error, "possibilities"):
        return Problem(option[:LONGEST], f"unknown option; {nearest(option, _options(parameters))}")
    if option is not None:
        # only a flag is refused for its value, and only another option for the lack of one
        flag = any(getattr(p, "is_flag", False) for p in parameters if option in (*p.opts, *p.secondary_opts))
        return Problem(option, "expected no value" if flag else "expected a value, got none")
    return Problem("", error.message)


def takes_one(parameter: _Parameter) -> bool:
    """Whether it is an option of a single value: no flag, no list, no argument."""
    many = any(getattr(parameter, name, False) for name in ("multiple", "is_flag", "count"))
    return parameter.opts[0].startswith("-") and not many


def name_of(parameter: _Parameter) -> str:
    """The longest spelling of an option, or the metavar of an argument."""
    spelt = [text for text in parameter.opts if text.startswith("-")]
    return max(spelt, key=len) if spelt else str(getattr(parameter, "metavar", None) or parameter.opts[0])


def _options(parameters: Sequence[_Parameter]) -> Iterator[str]:
    for parameter in parameters:
        yield from (text for text in (*parameter.opts, *parameter.secondary_opts) if text.startswith("--"))
