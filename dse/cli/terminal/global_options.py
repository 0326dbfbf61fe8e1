"""Options of every verb: --quiet, --no-color, and those for plug-ins that break."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from importlib import import_module
from inspect import Parameter, signature
from typing import Annotated

import typer

from dse.errors import PLUGIN_TIMEOUT


@dataclass(frozen=True)
class GlobalOptions:
    """Values of the options that every verb has."""

    quiet: bool = False
    no_color: bool = False
    traceback: bool = False
    plugin_timeout: float | None = None


def _seconds(text: str) -> float:
    """A duration [s], as other options take one."""
    # imported when it is given: the help of the group needs no units
    found: float = import_module("dse.cli.input.options").seconds(text)
    return found


_CURRENT: ContextVar[GlobalOptions] = ContextVar("global_options")  # of one call, as the terminal is
_OPTIONS = {
    "quiet": Annotated[
        bool, typer.Option("--quiet", "-q", help="Print results and errors only: no progress, no notes.")
    ],
    "no_color": Annotated[
        bool, typer.Option("--no-color", help="Print without colour; NO_COLOR=1 does the same.")
    ],
    "plugin_timeout": Annotated[
        float | None,
        typer.Option(
            "--plugin-timeout",
            metavar="S",
            parser=_seconds,
            envvar=PLUGIN_TIMEOUT,
            show_envvar=False,
            help=(
                "Stop when one call of a plug-in takes longer [default: no limit]; "
                f"{PLUGIN_TIMEOUT} does the same."
            ),
        ),
    ],
    "traceback": Annotated[
        bool,
        typer.Option(
            "--traceback",
            envvar="DSE_TRACEBACK",
            show_envvar=False,
            help="When a plug-in fails, print its stack trace too; DSE_TRACEBACK=1 does the same.",
        ),
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


@contextmanager
def _for_children(plugin_timeout: float | None) -> Iterator[None]:
    """Set the time limit of plug-ins where every process of a run finds it: in the environment."""
    before = os.environ.get(PLUGIN_TIMEOUT)
    if plugin_timeout is not None:
        os.environ[PLUGIN_TIMEOUT] = str(plugin_timeout)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(PLUGIN_TIMEOUT, None)
        else:
            os.environ[PLUGIN_TIMEOUT] = before


def with_global_options(verb: Callable[..., None]) -> Callable[..., None]:
    """`verb` with --quiet and --no-color, which `global_options` reads while the verb runs."""

    @wraps(verb)
    def call(**values: object) -> None:
        # removed, because the verb has no such parameters
        timeout = values.pop("plugin_timeout", None)
        options = GlobalOptions(
            quiet=bool(values.pop("quiet")),
            no_color=bool(values.pop("no_color")),
            traceback=bool(values.pop("traceback", False)),
            plugin_timeout=timeout if isinstance(timeout, float) else None,
        )
        with using(options), _for_children(options.plugin_timeout):
            verb(**values)

    more = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=getattr(GlobalOptions, name), annotation=option)
        for name, option in _OPTIONS.items()
    ]
    # typer reads both the signature and the type hints of a command
    call.__annotations__ = {**verb.__annotations__, **_OPTIONS}
    call.__signature__ = signature(verb).replace(parameters=[*signature(verb).parameters.values(), *more])  # type: ignore[attr-defined]
    return call
