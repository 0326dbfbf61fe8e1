"""Every error that a person can act on, with the exit code that the program ends with.

An error that is not here is a mistake of the program, and ends in a stack trace.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from enum import IntEnum
from itertools import islice
from typing import ClassVar, Final, ParamSpec, TypeVar, cast

from dse.text import LONGEST, one_line, short, visible

P = ParamSpec("P")
T = TypeVar("T")

CLOSE: Final = 0.2
"""A second name that is less alike than the first by more than this is no hint."""
LISTED: Final = 60
"""Most valid names that a message lists where a command lists them too."""
TOLD: Final = 100
"""Most problems of one file that are reported at once."""

PLUGIN_TIMEOUT: Final = "DSE_PLUGIN_TIMEOUT"
"""Environment variable with the seconds that one call of a plug-in may last; unset or 0 for no limit."""


class ExitCode(IntEnum):
    """How the program ends."""

    DONE = 0
    FAILED = 1
    """A check or a plug-in failed, or nothing feasible was found."""
    WRONG_INPUT = 2
    INTERRUPTED = 130
    """By Ctrl-C, as shells report it."""
    BROKEN_PIPE = 141
    """The reader of the output has gone, as shells report it."""
    TERMINATED = 143
    """By SIGTERM, as shells report it."""


@dataclass(frozen=True)
class Problem:
    """One sentence about one mistake."""

    where: str
    """`file:line`, or the name of a command-line option."""
    what: str
    key: str = ""
    """Dotted key, or setting, that it is about, where there is one."""

    def __str__(self) -> str:
        # a line each, whatever a stranger wrote into a name
        return one_line(f"{self.where}: {self.what}" if self.where else self.what)


class DseError(Exception):
    """An error that a person can act on; each line of its text is a sentence of its own."""

    exit_code: ClassVar[ExitCode] = ExitCode.WRONG_INPUT

    def __str__(self) -> str:
        # it may quote a stranger, and ends on a terminal
        return visible(super().__str__())

    @property
    def lines(self) -> tuple[str, ...]:
        """What the program prints on stderr."""
        return tuple(str(self).splitlines())


class SpecError(DseError, ValueError):
    """Wrong input, with all its problems."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))

    def __reduce__(self) -> tuple[type, tuple[tuple[Problem, ...]]]:
        # pickle would call the class with its text alone; errors of helper processes keep their problems
        return type(self), (self.problems,)


class UnitError(DseError, ValueError):
    """Text that is not a quantity of the expected dimension."""


class ResultsError(DseError, ValueError):
    """Stored results that are missing or damaged, or that cannot be written; names the path."""


class StaleResultsError(DseError, ValueError):
    """Stored results that the study does not give any more."""


class StorageError(DseError):
    """A storage of trials that fails while it is used."""


class PluginError(DseError):
    """A cost model, objective, sampler or other plug-in that cannot be loaded or breaks its contract."""

    exit_code = ExitCode.FAILED

    def __init__(self, what: str, *, trace: str = "", named: bool = False) -> None:
        """`trace` is the stack trace for its author; `named`: the sentence names the entry point."""
        self.trace, self.named = trace, named
        super().__init__(what)

    def __reduce__(self) -> tuple[Callable[..., "PluginError"], tuple[str, str, bool]]:
        # an error of another process keeps its trace, which is text
        return _plugin_error, (str(self), self.trace, self.named)


def _plugin_error(what: str, trace: str, named: bool) -> PluginError:
    return PluginError(what, trace=trace, named=named)


class InfeasibleError(DseError, ValueError):
    """No design may be proposed; every reason is a sentence."""

    exit_code = ExitCode.FAILED

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("\n".join(self.reasons))

    def __reduce__(self) -> tuple[type, tuple[tuple[str, ...]]]:
        # as for `SpecError`: a pickled error keeps its reasons
        return type(self), (self.reasons,)


class BeatsPhysics(DseError):
    """A prediction is faster or holds more than physics allows: the cost model is broken, not the input."""

    exit_code = ExitCode.FAILED


class InterruptedRun(DseError):
    """Ctrl-C ended a run in order; says what is kept and how to continue."""

    exit_code = ExitCode.INTERRUPTED


class HelperLost(DseError):
    """A process that ran a case for this one has gone; another one runs the case again."""

    exit_code = ExitCode.FAILED


def spec_error(where: str, what: str) -> SpecError:
    """A `SpecError` with a single problem."""
    return SpecError([Problem(where, what)])


class Attempts:
    """Runs steps one by one and keeps the problems of those that fail, so that all are reported at once."""

    def __init__(self, place: Callable[[str, Problem], Problem]) -> None:
        """`place` says where a problem is, of the name of its step and the problem."""
        self._place = place
        self._problems: list[Problem] = []

    def __call__(self, where: str, step: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """The result of a step called `where`; None where it failed, until `done`."""
        try:
            return step(*args, **options)
        except (SpecError, UnitError) as error:
            problems = error.problems if isinstance(error, SpecError) else [Problem("", str(error))]
            self._problems += [self._place(where, p) for p in problems]
            return cast(T, None)  # `done` raises before it is used

    @property
    def failed(self) -> bool:
        """Whether a step has failed so far."""
        return bool(self._problems)

    def done(self) -> None:
        """Raise `SpecError` with the problems of all steps so far, if there are any."""
        if self._problems:
            # steps that share a cause, such as a folder that is missing, report it each
            raise SpecError(dict.fromkeys(self._problems))


def told(problems: Iterable[Problem]) -> list[Problem]:
    """The first hundred problems; the others are not even looked for, since each may take a while to word."""
    rest = iter(problems)
    found = list(islice(rest, TOLD))
    if next(rest, None) is not None:
        found.append(Problem(found[-1].where, f"more problems follow these {TOLD}"))
    return found


def placed(where: str, problem: Problem) -> Problem:
    """The problem, at `where` unless it has a place already."""
    return problem if problem.where else Problem(where, problem.what, problem.key)


def nearest(name: str, known: Iterable[str], command: str = "") -> str:
    """A hint for an unknown name: the names most like it, then all valid ones.

    Where they are many, the hint is `command`, which lists them.

    >>> nearest("tpee", ["tpe", "random", "qmc"])
    "did you mean 'tpe'? Known: qmc, random, tpe"
    """
    names = sorted(set(known))
    if not names:
        return "none are known"
    few = len(names) <= (LISTED if command else 5 * LISTED)
    every = ", ".join(names) if few else f"{len(names)} names{f', see `{command}`' if command else ''}"
    # a name as long as a page is like none, and is not compared letter by letter
    close = _alike(str(name).lower(), {n.lower(): n for n in names}) if len(str(name)) <= LONGEST else []
    if not close:
        return f"known: {every}"
    return f"did you mean {' or '.join(repr(c) for c in close)}? Known: {every}"


def unknown(what: str, name: object, known: Iterable[str], command: str = "") -> str:
    """The sentence for a name that is none of the valid ones.

    >>> unknown("sampler", "tpee", ["tpe", "random", "qmc"])
    "unknown sampler 'tpee'; did you mean 'tpe'? Known: qmc, random, tpe"
    """
    return f"unknown {what} {short(name)}; {nearest(str(name)[: LONGEST + 1], known, command)}"


def _alike(name: str, lowered: dict[str, str]) -> list[str]:
    """At most two names like `name`, the second only where it is nearly as like."""
    found = get_close_matches(name, lowered, n=2, cutoff=0.5)
    ratios = [SequenceMatcher(None, c, name).ratio() for c in found]
    return [lowered[c] for c, ratio in zip(found, ratios, strict=True) if ratio > ratios[0] - CLOSE]
