"""Everything wrong with the input, at once: where, what, expected, got, hint."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from typing import Final

CLOSE: Final = 0.2
"""A second name that is less alike than the first by more than this is no hint."""


@dataclass(frozen=True)
class Problem:
    """One sentence about one mistake."""

    where: str
    """`file:line`, or the name of a command-line option."""
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


class SpecError(ValueError):
    """Wrong input, with all its problems. The command line prints them and exits with 2."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))

    def __reduce__(self) -> tuple[type, tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


def wrong(where: str, what: str) -> SpecError:
    """A `SpecError` with a single problem."""
    return SpecError([Problem(where, what)])


def nearest(name: str, known: Iterable[str]) -> str:
    """Hint with the nearest known names, or with all of them when none is near."""
    names = sorted(set(known))
    lowered = {n.lower(): n for n in names}
    asked = str(name).lower()
    found = get_close_matches(asked, lowered, n=2, cutoff=0.5)
    best = [SequenceMatcher(None, c, asked).ratio() for c in found]
    close = [lowered[c] for c, ratio in zip(found, best, strict=True) if ratio > best[0] - CLOSE]
    if close:
        return f"did you mean {' or '.join(repr(c) for c in close)}?"
    if len(names) > 24:
        return f"{len(names)} names are known, see `dse catalog`"
    return f"known: {', '.join(names)}" if names else "none are known"
