"""The error for a plug-in that breaks its contract: its entry point, its package and the design."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from types import FrameType, TracebackType

from dse.errors import DseError, PluginError
from dse.plugins.entry import foreign, name_of
from dse.plugins.time_limit import TimedOut, aside, limited

LONGEST = 200
"""Characters of a plug-in's own message that are repeated."""
UNREADABLE = "expected an answer that can be looked at, got"
"""How an error came about that was met while the answer of a plug-in was checked."""


def broken(point: EntryPoint, what: str, cause: BaseException | None = None) -> PluginError:
    """The error for a plug-in that is not what it must be; it names the entry point and its package."""
    trace = "" if cause is None else _trace(cause)
    hint = "; --traceback shows where" if trace else ""
    return PluginError(f"{name_of(point)}: {what}{hint}", trace=trace, named=True)


def _trace(cause: BaseException) -> str:
    """Its stack trace; empty for an error that cannot be asked for it."""
    try:
        # without its context: the search for the design has met the same error again
        return "".join(traceback.format_exception(cause, chain=cause.__cause__ is not None))
    except KeyboardInterrupt:
        raise
    except BaseException:
        return ""


def named(error: BaseException) -> bool:
    """Whether an error is the sentence of a plug-in already, such as of one that another plug-in uses."""
    # by the type: an error may be of a class that raises when it is asked anything
    return issubclass(type(error), PluginError) and error.named is True  # type: ignore[attr-defined]


def raised(point: EntryPoint, error: BaseException, where: str = "", *, how: str = "raised") -> PluginError:
    """The error for a plug-in that raised; `where` is the design, or what it was called for."""
    if isinstance(error, PluginError) and named(error):
        return error
    at = f"{where}: " if where else ""
    if isinstance(error, TimedOut):
        return broken(point, f"{at}expected an answer within {error.seconds:g} s, got none", error)
    said = f": {first_line(error)}" if first_line(error) else ""
    kind = type(error).__name__
    # what is given to a plug-in cannot be written to, which NumPy says in these words
    changed = " (it changes its input)" if isinstance(error, ValueError) and "read-only" in said else ""
    return broken(point, f"{at}{how} {kind}{said}{changed}", error)


def first_line(error: BaseException) -> str:
    """What an error says, cut to one line."""
    try:
        line = (str(error).splitlines() or [""])[0]
    except KeyboardInterrupt:
        raise
    except BaseException:  # the text of an error is code of the plug-in too
        return ""
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


def met_in(error: BaseException, points: Sequence[EntryPoint]) -> EntryPoint | None:
    """The plug-in of another package that an error came through last; None where it came through none."""
    roots = {point.module.partition(".")[0]: point for point in points if foreign(point)}
    modules = [str(frame.f_globals.get("__name__", "")) for frame in _frames(error)]
    return next((roots[root] for m in reversed(modules) if (root := m.partition(".")[0]) in roots), None)


def _frames(error: BaseException) -> Iterator[FrameType]:
    # past what its class makes of attributes
    at: TracebackType | None = object.__getattribute__(error, "__traceback__")
    while at is not None:
        yield at.tb_frame
        at = at.tb_next


@contextmanager
def loading(point: EntryPoint) -> Iterator[None]:
    """A plug-in that cannot be imported or made becomes a `PluginError` that names its package."""
    try:
        with limited(point):
            yield
    except KeyboardInterrupt:
        raise
    # an import runs any code, and may raise anything, `SystemExit` among it
    except BaseException as error:
        if named(error):
            raise
        if isinstance(error, TimedOut):
            raise raised(point, error, "while it loads") from error
        reason = first_line(error) or type(error).__name__
        kind = "" if isinstance(error, ImportError) else f"{type(error).__name__}: "
        reason = reason if reason == type(error).__name__ else f"{kind}{reason}"
        raise broken(point, f"expected a plug-in that loads, got: {reason}", error) from error


def _for_the_user(error: BaseException) -> bool:
    """Whether an error is one of ours about wrong input, not one that a plug-in has made up."""
    ours = type(error).__module__ == DseError.__module__
    return ours and isinstance(error, DseError) and not isinstance(error, PluginError)


@contextmanager
def asking(
    point: EntryPoint, where: str | Callable[[], str] = "", *, may_refuse: bool = False, how: str = "raised"
) -> Iterator[None]:
    """What a plug-in raises inside becomes a `PluginError`; `may_refuse` lets errors for the user through."""
    try:
        with aside(foreign(point)):
            yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # a price method may refuse terms, and a plot may miss trials: that is what the user is told
        if named(error) or (may_refuse and _for_the_user(error)):
            raise
        # words for a design take time, and are made for an error only
        raise raised(point, error, where() if callable(where) else where, how=how) from error
