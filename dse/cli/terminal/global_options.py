"""Options of every verb: --quiet and --no-color."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated

import typer


@dataclass(frozen=True)
class GlobalOptions:
    """Values of the options that every verb has."""

    quiet: bool = False
    no_color: bool = False


_CURRENT: ContextVar[GlobalOptions] = ContextVar("global_options")  # of one call, as the terminal is
_OPTIONS = {
    "quiet": Annotated[
        bool, typer.Option("--quiet", "-q", help="Print results and errors only: no progress, no notes.")
    ],
    "no_color": Annotated[
        bool, typer.Option("--no-color", help="Print without colour; NO_COLOR=1 does the same.")
    ],
}


def global_options() -> GlobalOptions:
    """Those of the verb that is running."""
    # a wrong command line is refused before any verb runs
    return _CURRENT.get(GlobalOptions())


@contextmanager
def using(options: GlobalOptions) -> Iterator[None]:
    """Let `global_options` be these inside."""
    token = _CURRENT.set(options)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def with_global_options(verb: Callable[..., None]) -> Callable[..., None]:
    """`verb` with --quiet and --no-color, which `global_options` reads while the verb runs."""

    @wraps(verb)
    def call(**values: object) -> None:
        # removed, because the verb has no such parameters
        options = GlobalOptions(quiet=bool(values.pop("quiet")), no_color=bool(values.pop("no_color")))
        with using(options):
            verb(**values)

    more = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=False, annotation=option)
        for name, option in _OPTIONS.items()
    ]
    # typer reads both the signature and the type hints of a command
    call.__annotations__ = {**verb.__annotations__, **_OPTIONS}
    call.__signature__ = signature(verb).replace(parameters=[*signature(verb).parameters.values(), *more])  # type: ignore[attr-defined]
    return call
