"""The clock of the optimistic chip of a box: as fast as the coolest chip in it may run.

Rates rise and fall with whatever heats a chip, so they have no direction. Their nominal values have one, and
so does what the clock follows from; the best of both is no worse than any product.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.chips.branch import Branch
from dse.chips.silicon_columns import at_clock
from objectives.equations.fabrication.thermal import (
    Heat,
    clock_share,
    dynamic_share,
    least_dynamic_share,
    room_between,
)

CLOCK = "package_share"
"""Dynamic share at which the package is within its cooling, where that is best large: it is the clock."""

FAST = frozenset({CLOCK, "die_limit_w"})
"""Columns of heat of which more never makes a design worse."""

HEAT = FAST | {"package_watts", "die_watts", "die_fixed_w", "die_clocked_w"}
"""Columns of heat: shares of the clocked power by limit, and the watts of the compute dies. Those that end in
`watts` are the shares again, where less is better because watts follow them."""

NO_OBSTACLE = MappingProxyType({CLOCK: 1.0, "die_limit_w": np.inf})
"""Values that limit no chip; those of other columns are 0."""


def heat_columns(heat: Heat) -> dict[str, Floats]:
    """What the clock of chips (n,) follows from."""
    found = {CLOCK: heat.package_share, "package_watts": heat.package_share}
    die = heat.die
    if die is None:
        return found
    room = np.broadcast_to(die.room, np.shape(heat.package_share))
    watts = {"die_limit_w": die.limit_w, "die_fixed_w": die.fixed_w, "die_clocked_w": die.clocked_w}
    return {**found, "die_watts": room, **watts}


def at_best_clock(
    branch: Branch, columns: Mapping[str, Floats], single: npt.NDArray[np.bool_]
) -> dict[str, Floats]:
    """Columns at the fastest clock that a chip of each box may run at, with the watts of the slowest.

    `columns` hold those of heat, which are left out of the answer; a `single` chip keeps its own excess.
    """
    out = {n: a for n, a in columns.items() if n not in HEAT}
    clock = branch.technologies[0][0].clock
    limited = "die_limit_w" in columns
    least = 1.0 if clock is None else least_dynamic_share(clock)
    if limited:
        limit, fixed, clocked = (columns[f"die_{n}_w"] for n in ("limit", "fixed", "clocked"))
        # what the coolest dies draw at the least clock, beyond what the largest may draw; of dies below a
        # square metre it is less than the excess of their density, so it closes a box and claims no more
        beyond = fixed + least * clocked - limit
        told = out["power_density_excess"]
        out["power_density_excess"] = np.where(single | (beyond <= 0.0), told, np.maximum(told, beyond))
    if clock is None:
        return out
    fast, slow = [columns[CLOCK]], [columns["package_watts"]]
    if limited:
        fast.append(room_between(limit - fixed, clocked))
        slow.append(columns["die_watts"])
    best = clock_share(dynamic_share(fast, clock), clock)
    return at_clock(out, best, dynamic_share(slow, clock))
