"""Many stacks of one class fitted together, each with the rest as its prior; unknown engines have all."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from dse.arrays import Floats
from dse.calibrate.fit import Fit, fit
from dse.calibrate.parameters import Prior
from dse.calibrate.residuals import Rows

ROUNDS: Final = 4
"""Rounds of fitting the stacks, then their centre; a fifth changes no number by a per cent."""
FAR: Final = 0.7
"""Distance from the centre, in spreads, from which on a stack counts less for it."""


@dataclass(frozen=True)
class Pool:
    """Stacks fitted together."""

    fits: Mapping[str, Fit]
    centre: Prior
    """What an unmeasured engine of the class is expected to be."""
    own: Prior
    """What is expected of the centre itself."""


def pool(rows: Mapping[str, Rows], own: Prior, counted: Collection[str], guess: Floats | None = None) -> Pool:
    """Fit each stack around the centre of those `counted`, then the centre around `own`, and repeat.

    `guess` is where the first fit begins. Limits: a stack without rows is the centre; with ever more rows it
    is its own fit.
    """
    centre = own
    fits: dict[str, Fit] = {}
    # empirical Bayes by alternation, the spread held: stacks given the centre, the centre given the stacks
    for _ in range(ROUNDS):
        for name, mine in rows.items():
            # from the second round on a stack begins at its own last optimum
            fits[name] = fit(mine, centre, guess=fits[name].x if name in fits else guess)
        centre = centre_of({name: f for name, f in fits.items() if name in counted}, own)
    return Pool(fits=fits, centre=centre, own=own)


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


def without(
    found: Pool, rows: Mapping[str, Rows], keep: Mapping[str, Floats], counted: Collection[str]
) -> dict[str, Floats]:
    """Point of each stack in `keep` as it would be without some rows (0 where a row is left out).

    A stack without any row left is the centre of the others.
    """
    # a stack without rows left cannot be fitted: it is read off the centre instead
    gone = {name for name, kept in keep.items() if not kept.any()}
    fits = dict(found.fits)
    others = [name for name in counted if name not in gone]
    # first the centre that has not seen the stacks that are gone: the prior of the refits below
    centre = centre_of({name: fits[name] for name in others if name in fits}, found.own)
    for name, kept in keep.items():
        if name not in gone:
            fits[name] = fit(rows[name], centre, rows[name].weights(kept), fits[name].x)
    # again, as the refitted stacks have moved
    centre = centre_of({name: fits[name] for name in others if name in fits}, found.own)
    return {name: centre.centre if name in gone else fits[name].x for name in keep}
