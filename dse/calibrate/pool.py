"""Many stacks fitted together: engines around a centre, on GPU architectures that shift all of them alike.

Of an engine e on an architecture a each number is, on the line of the fit, centre + engine[e] + shift[a]. A
pair without measurements is their sum; an unknown engine is the centre, on whatever architecture.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from dse.arrays import Floats
from dse.calibrate.fit import Fit, fit
from dse.calibrate.parameters import Prior, architecture_prior
from dse.calibrate.residuals import Rows

ROUNDS: Final = 4
"""Rounds of stacks, their centre and architectures; a fifth changes no number by a per cent."""
AGAIN: Final = 2
"""Rounds after rows were left out, which begin where all rows ended."""
FAR: Final = 0.7
"""Distance from the centre, in spreads, from which on a stack counts less for it."""
FEWEST_ENGINES: Final = 2
"""Engines that must have rows on an architecture: what one alone shows may as well be its own."""

Keep = Mapping[str, Floats]
"""Stack to 1 for each of its rows that is kept and 0 for each that is left out; all are kept of others."""


@dataclass(frozen=True)
class Members:
    """Rows by the stack that drives them, and once more by the architecture of their chips."""

    stacks: Mapping[str, Rows]
    architectures: Mapping[str, Rows]
    """Of those that several engines were measured on."""
    places: Mapping[str, tuple[tuple[str, int], ...]]
    """Of each row of an architecture its stack, and its place among the rows of that stack."""

    @classmethod
    def of(cls, stacks: Mapping[str, Rows]) -> "Members":
        """Rows of stacks, grouped by architecture as well."""
        places: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for name, rows in stacks.items():
            for i, architecture in enumerate(_architectures(rows)):
                if architecture:
                    places[architecture].append((name, i))
        several = {a: tuple(p) for a, p in sorted(places.items()) if len({n for n, _ in p}) >= FEWEST_ENGINES}
        together = {a: _together(stacks, p) for a, p in several.items()}
        return cls(stacks=stacks, architectures=together, places=several)

    def engines(self, architecture: str) -> list[str]:
        """The stack of each row of an architecture."""
        return [name for name, _ in self.places[architecture]]


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Stacks fitted together."""

    members: Members = field(repr=False)
    counted: frozenset[str]
    """Stacks that shape the centre."""
    own: Prior
    """What is expected of the centre itself."""
    centre: Prior
    """What an unmeasured engine of the class is expected to be."""
    fits: Mapping[str, Fit]
    """Of each stack that has rows."""
    shifts: Mapping[str, Fit]
    """Of each architecture that has rows on several engines."""

    def errors(self, name: str) -> Floats:
        """log(predicted / measured) of the rows of a stack; one without a fit is the centre."""
        point = self.fits[name].x if name in self.fits else self.centre.centre
        errors: Floats = self.rows(name).errors(point)[0]
        return errors

    def rows(self, name: str) -> Rows:
        """Rows of a stack, moved by the shifts of their architectures."""
        rows = self.members.stacks[name]
        return rows.shifted({a: f.x for a, f in self.shifts.items()}, _architectures(rows))


def pool(
    stacks: Mapping[str, Rows], own: Prior, counted: Collection[str], guess: Floats | None = None
) -> Pool:
    """Fit each stack around the centre of those `counted`, the centre around `own`, and the architectures.

    `guess` is where the first fit begins. Limits: a stack without rows is the centre; with ever more rows it
    is its own fit; an architecture without rows has no shift.
    """
    found = Pool(
        members=Members.of(stacks), counted=frozenset(counted), own=own, centre=own, fits={}, shifts={}
    )
    # empirical Bayes by alternation, spreads held
    for _ in range(ROUNDS):
        found = _round(found, {}, set(stacks), guess)
    return found


def without(found: Pool, keep: Keep) -> Pool:
    """The pool as it would be without some rows; a stack without any row left is not among its fits."""
    gone = {name for name, kept in keep.items() if not kept.any()}
    fits = {name: f for name, f in found.fits.items() if name not in gone}
    # first the centre that has not seen the stacks that are gone: the prior of the fits below
    left = replace(found, fits=fits, centre=_centre(fits, found))
    for _ in range(AGAIN):
        left = _round(left, keep, set(keep) - gone, None)
    return left


def _round(found: Pool, keep: Keep, names: Collection[str], guess: Floats | None) -> Pool:
    """The stacks of some names, the centre, then every architecture that these stacks or `keep` touch."""
    fits, shifts, members = dict(found.fits), dict(found.shifts), found.members
    for name in sorted(names):
        rows = found.rows(name)
        # from the second round on a stack begins at its own last optimum
        begin = fits[name].x if name in fits else guess
        fits[name] = fit(rows, found.centre, rows.weights(keep.get(name)), begin)
    centre = _centre(fits, found)
    points = {name: fits[name].x if name in fits else centre.centre for name in members.stacks}
    # rows weigh in the fit of an architecture what they weigh in that of their stack
    weights = {name: rows.weights(keep.get(name)) for name, rows in members.stacks.items()}
    for name, rows in members.architectures.items():
        engines = members.engines(name)
        if not {*names, *keep} & set(engines):
            continue
        begin = shifts.pop(name).x if name in shifts else None
        weight = np.asarray([weights[stack][i] for stack, i in members.places[name]])
        if weight.any():
            prior = architecture_prior(found.own, rows.table)
            shifts[name] = fit(rows.shifted(points, engines), prior, weight, begin)
    return replace(found, fits=fits, shifts=shifts, centre=centre)


def _centre(fits: Mapping[str, Fit], found: Pool) -> Prior:
    return centre_of({name: f for name, f in fits.items() if name in found.counted}, found.own)


def _architectures(rows: Rows) -> list[str]:
    """Architecture of the chip of each row; the empty string for none."""
    return [case.chip.architecture or "" for case in rows.cases]


def _together(stacks: Mapping[str, Rows], places: Sequence[tuple[str, int]]) -> Rows:
    """Rows of several stacks as one."""
    first = next(iter(stacks.values()))
    return first.of_others([stacks[name].cases[i] for name, i in places])


def centre_of(fits: Mapping[str, Fit], own: Prior) -> Prior:
    """Mean of some stacks and of `own`, by how much rows determine each number, outliers counting less.

    A number that a stack leaves open does not count; weights fall with the distance as those of a Cauchy
    likelihood's square root.
    """
    centre: Floats = own.centre
    for _ in range(6):  # reweighted least squares, which has settled by then
        # the prior of the centre counts as one observation of weight 1
        weight: Floats = np.ones_like(centre)
        total: Floats = own.centre
        for f in fits.values():
            # share of the prior's variance that the rows removed: 1 when determined, 0 when open
            determined = np.clip(1.0 - f.freedom**2, 0.0, 1.0)
            far = (f.x - centre) / (FAR * own.spread)
            counts = determined / np.sqrt(1.0 + 2.0 * far * far)
            weight = weight + counts
            total = total + counts * f.x
        centre = total / weight
    return Prior(centre=centre, spread=own.spread)
