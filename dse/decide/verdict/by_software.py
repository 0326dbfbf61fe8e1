"""Who wins under each software, and whether that holds: the winner at a target under all three, side by side.

A verdict that is the same as sold, under equal software and with none at all is one on hardware. Where it is
not, one more number says how much software it takes to turn it: a time a layer, added to every chip alike.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from dse.arrays import Floats
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.software import SOFTWARE
from dse.spec.schema.system import StackSpec
from dse.spec.yaml.units import pretty

POINTS: Final = 9
"""Times a layer that one look tries, ends included."""
AT_ONCE: Final = 3
"""Times of a look that are tried together; where the winner has changed by then the rest is left."""
LOOKS: Final = 4
"""Looks, each between two neighbours of the one before: the flip is known to the range over 8^4."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The winner at one target under one software."""

    target: float | None
    """TPOT at most [s]; None where the question has no targets."""
    software: str
    winner: str | None
    """Name of the chip; None where no anchored chip meets the target."""
    kind: str | None
    """Storage kind of the winner."""
    value: float | None
    """The goal of the winner, in its SI unit."""
    low: float | None
    """80 % interval of the goal, by that of the stack; None where no measurement gives one."""
    high: float | None
    basis: str
    """What prices are prices of, see `dse.chips.price_basis`: winners are named within one basis."""
    tied_with: str | None = None
    """What is as good within the tolerance of the question: another kind, or another chip of a comparison."""
    parameters: Mapping[str, float | str] = field(default_factory=dict)
    """Of a chip of a search space what it is made of, in SI; empty for a chip of the catalog."""


def nobody(target: float | None, software: str, basis: str) -> Verdict:
    """That no anchored chip meets the target."""
    return Verdict(
        target=target, software=software, winner=None, kind=None, value=None, low=None, high=None, basis=basis
    )


@dataclass(frozen=True, kw_only=True)
class Flip:
    """A time a layer at which the winner changes."""

    layer_s: float
    below: str | None
    above: str | None


@dataclass(frozen=True, kw_only=True)
class Dependence:
    """Whether the winner at one target depends on software."""

    target: float | None
    basis: str
    holds: bool
    """Whether the same wins under all three."""
    flips_at_layer_s: float | None
    """Time a layer, added to chips that lose nothing else, at which the winner changes [s]; None where it
    does not in the range that was looked at."""
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """Every verdict of a question, and what each target depends on."""

    verdicts: tuple[Verdict, ...]
    dependence: tuple[Dependence, ...]

    def as_dict(self) -> dict[str, object]:
        """Plain data for JSON and for manifests."""
        return {
            "verdicts": [asdict(v) for v in self.verdicts],
            "dependence": [asdict(d) for d in self.dependence],
        }


def verdicts_from(manifest: Mapping[str, Any]) -> Verdicts | None:
    """The verdicts that a manifest holds; None where it has none, as those of older versions."""
    try:
        return Verdicts(
            verdicts=tuple(Verdict(**v) for v in manifest["verdicts"]),
            dependence=tuple(Dependence(**d) for d in manifest["dependence"]),
        )
    # TypeError: verdicts of another version have other fields
    except (KeyError, TypeError):
        return None


def kept(before: Mapping[str, Any], now: Mapping[str, Any]) -> Verdicts | None:
    """The verdicts of an earlier manifest of the same question, if nothing was searched since."""
    # a search that was resumed has more trials or another hypervolume
    same = ("problem", "trials", "sampler", "seed", "hypervolume", "targets", "tolerance")
    return verdicts_from(before) if all(before.get(n) == now.get(n) for n in same) else None


def within(
    value: float, factors: Mapping[str, float], metric: str = "throughput"
) -> tuple[float | None, float | None]:
    """The 80 % interval of a value that a stack knows to a factor up and down; (None, None) without one."""
    # of throughput unless said otherwise: dollars over token/s are in proportion to its inverse
    factor = factors.get(metric)
    return (None, None) if factor is None else (value / factor, value * factor)


def largest_layer_s(catalog: Catalog) -> float:
    """The largest time a layer that any stack was fitted to [s]."""
    stacks = catalog.all(StackSpec).values()
    # an assumed stack may have any time; a fitted one is a loss that was measured
    return max(float(s.layer_overhead.value or 0.0) for s in stacks if s.estimate == "calibrated")


def flip_of(costs: Callable[[Floats], Floats], names: Sequence[str], top: float) -> Flip | None:
    """Where the winner changes first as a time a layer grows from 0 to `top` [s]; None where it does not.

    `costs` gives the goal of each of `names`, smaller is better, infinite where it misses the target, of
    shape (times, names). A look of some times brackets the change, the next look is at what is between.
    """
    low, high, flip = 0.0, top, None
    first, last = (_winner(row, names) for row in costs(np.asarray([low, high])))
    for _ in range(LOOKS):
        # both ends are known from the look before, so only what is between them is evaluated
        times = np.linspace(low, high, POINTS)
        # cut short, the list holds the change already, so that the wrong place of `last` does not matter
        won = [first, *_up_to_a_change(costs, names, times[1:-1], first), last]
        # the first change of several is what a reader needs: below it the verdict holds
        at = next((i for i in range(1, len(won)) if won[i] != first), None)
        if at is None:
            return flip
        low, high, first, last = float(times[at - 1]), float(times[at]), won[at - 1], won[at]
        # the middle is off by half the bracket at most
        flip = Flip(layer_s=0.5 * (low + high), below=first, above=last)
    return flip


def _up_to_a_change(
    costs: Callable[[Floats], Floats], names: Sequence[str], times: Floats, first: str | None
) -> list[str | None]:
    """Who wins at each of `times`, some at once, no farther than where it is not `first`."""
    won: list[str | None] = []
    for start in range(0, len(times), AT_ONCE):
        won += [_winner(row, names) for row in costs(times[start : start + AT_ONCE])]
        if any(name != first for name in won):
            break
    return won


def _winner(costs: Floats, names: Sequence[str]) -> str | None:
    best = int(np.argmin(costs))
    return names[best] if np.isfinite(costs[best]) else None


Winner = tuple[str | None, str | None]
"""Who wins, and what is as good within the tolerance."""


def dependence(
    target: float | None, basis: str, winners: Sequence[Winner], flip: Flip | None, top: float
) -> Dependence:
    """What one target depends on, from the winners under `SOFTWARE`, as a sentence."""
    # a tie is no winner, so a verdict with one does not hold
    alone = {first if tied is None else None for first, tied in winners}
    holds = len(alone) == 1 and None not in alone
    return Dependence(
        target=target,
        basis=basis,
        holds=holds,
        sentence=_sentence(winners, flip, top),
        flips_at_layer_s=None if flip is None or holds else flip.layer_s,
    )


def _sentence(winners: Sequence[Winner], flip: Flip | None, top: float) -> str:
    """What the winners under the three softwares mean, as half a sentence."""
    first = [w for w, _ in winners]
    if all(w is None for w in first):
        return "no anchored chip meets it under any software"
    ties = any(tied for _, tied in winners)
    if len(set(first)) == 1 and not ties:
        return f"{first[0]} holds under all three"
    each = ", ".join(f"{_told(w)} {_as(s)}" for s, w in zip(SOFTWARE, winners, strict=True))
    # here a tie is left, which `alone` of `dependence` counts as no winner
    if len(set(first)) == 1:
        return f"{first[0]} leads under all three, not everywhere by more than the tolerance ({each})"
    if flip is None:
        return f"depends on software ({each}): does not flip from 0 to {pretty(top, 's')} a layer alone"
    turned = f"from {_name(flip.below)} to {_name(flip.above)}"
    return f"depends on software ({each}): flips at {pretty(flip.layer_s, 's')} a layer, {turned}"


def _told(winner: Winner) -> str:
    first, tied = winner
    return f"{_name(first)} and {tied} alike" if tied else _name(first)


def _name(winner: str | None) -> str:
    return winner or "none"


def _as(software: str) -> str:
    return {"as-sold": "as sold", "equal": "when equal", "ideal": "when ideal"}[software]
