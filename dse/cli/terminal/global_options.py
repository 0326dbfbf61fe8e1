"""How every verb talks: in colour or not, with its progress or without."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated

import typer


@dataclass(frozen=True)
class Manner:
    """What one call of the program was asked for."""

    quiet: bool = False
    no_color: bool = False


_MANNER: ContextVar[Manner] = ContextVar("manner")  # of one call, as the terminal is
_OPTIONS = {
    "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no remarks.")],
    "no_color": Annotated[bool, typer.Option("--no-color", help="No colour (so does NO_COLOR).")],
}


def manner() -> Manner:
    """What the verb that is running was asked for."""
    return _MANNER.get(Manner())


def mannered(verb: Callable[..., None]) -> Callable[..., None]:
    """`verb` with --quiet and --no-color; one that has them itself keeps its own, and is heeded alike."""
    own = signature(verb).parameters
    added = {name: option for name, option in _OPTIONS.items() if name not in own}

    @wraps(verb)
    def call(**given: object) -> None:
        asked = Manner(quiet=bool(given["quiet"]), no_color=bool(given["no_color"]))
        token = _MANNER.set(asked)
        try:
            verb(**{name: value for name, value in given.items() if name not in added})
        finally:
            _MANNER.reset(token)

    more = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=False, annotation=option)
        for name, option in added.items()
    ]
    call.__annotations__ = {**verb.__annotations__, **added}
    call.__signature__ = signature(verb).replace(parameters=[*own.values(), *more])  # type: ignore[attr-defined]
    return call
