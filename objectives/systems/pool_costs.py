"""What the chips of one pool cost and draw, whatever the other pools of the system are."""

from dataclasses import dataclass
from functools import reduce
from operator import add

from objectives.api import Economy, PoolLink
from objectives.arrays import Array
from objectives.columns import Columns
from objectives.equations.cost import money
from objectives.equations.cost.energy import metered, resources_drawn
from objectives.equations.interconnect import reach
from objectives.systems.result import PoolUse


@dataclass(frozen=True, kw_only=True)
class PoolCosts(Columns):
    """Dollars, watts and joules of some chips of one pool."""

    chips: Array
    """Chips [1]."""
    capex_usd: Array
    """Capital of all parts, ports of the link among them [USD]."""
    power_w: Array
    """Board power and optics, which the building must carry [W]."""
    static_w: Array
    """What chips draw whatever they do, that of unused hours included [W]."""
    drawn_j: Array
    """What resources draw for one output token [J]."""


def pool_costs(use: PoolUse, link: PoolLink, economy: Economy) -> PoolCosts:
    """Costs of the chips of one pool; all but `drawn_j` are in proportion to their number.

    Args:
        use: chips of the pool, and what an output token takes of them.
        link: network between the pools, whose ports are paid for every chip.
        economy: utilisation.

    Returns:
        Chips, dollars, watts and joules, shapes broadcast.

    Domain:
        As `money.capex` and `energy.drawn_per_token`.

    Limits:
        Linear in the number of chips.

    Source:
        As `totals.metrics_of_pools`, which adds the same up over pools.

    Examples:
        By hand, in tests/systems/test_shares.py.
    """
    c, optics = use.chips, reach.optics_w(use.chips, use.together)
    parts = {**money.capex(c, use.count, use.together), "pool_link": use.count * link.usd}
    drawn = resources_drawn(c, use.resources)
    return PoolCosts(
        chips=use.count,
        capex_usd=sum(list(parts.values())[1:], parts["chips"]),
        power_w=use.count * (c.cost.power_w + optics),
        static_w=use.count * ((c.cost.static_w + optics) / economy.utilisation),
        drawn_j=reduce(add, drawn.values()),
    )


def per_million(costs: PoolCosts, economy: Economy) -> tuple[Array, Array]:
    """Running cost of a million tokens that a pool adds [USD]: for one second a token, and of each token.

    The first is divided by the output tokens a second of the system; the second is there at any rate.

    Args:
        costs: dollars, watts and joules of the pool.
        economy: lifetimes, rates and tariff.

    Returns:
        Dollars times tokens a second [USD token/s], and dollars [USD].

    Domain:
        As `money.usd_per_million_tokens`, which is linear in capital, power and energy.

    Limits:
        Both add up over pools to the running cost of the system.

    Source:
        As `money.usd_per_million_tokens`.

    Examples:
        By hand, in tests/systems/test_shares.py.
    """
    at_rest, none = metered(economy, costs.static_w), 0.0 * costs.capex_usd
    slope = money.usd_per_million_tokens(economy, costs.capex_usd, costs.power_w, 1.0, at_rest)
    fixed = money.usd_per_million_tokens(economy, none, none, 1.0, metered(economy, costs.drawn_j))
    return slope, fixed
