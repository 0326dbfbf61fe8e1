"""Joules of a token: what the chips draw at rest, what its resources draw, what servers and buildings add."""

from functools import reduce
from operator import add

from objectives.api import Chips, Economy
from objectives.arrays import Array
from objectives.equations.chip.resource_seconds import ResourceSeconds


def drawn_per_token(
    chips: Chips,
    resources: ResourceSeconds | None,
    count: Array,
    tokens_per_s: Array,
    economy: Economy,
    optics_w: Array,
) -> dict[str, Array]:
    """Energy that chips draw for each output token by part [J].

    static = n P_static / (u X), optics likewise; each resource: seconds at full rate for one token x its
    power. In the hours that are not used, 1 - u of all, chips rest.

    Args:
        chips: chips, for the power of each resource.
        resources: what one output token takes of each resource; None where a cost model does not count it,
            and chips draw their board power all the time [s].
        count: chips n [1].
        tokens_per_s: throughput X [token/s].
        economy: utilisation u.
        optics_w: power of the optics of one chip [W].

    Returns:
        Joules by part, broadcast shape [J].

    Domain:
        No sleep states, no clocks that follow the load; energy beyond the scale-up domain is not counted.

    Limits:
        At least what chips at rest draw; what resources draw does not depend on how fast they are used.

    Source:
        Race to idle against static power: Barroso & Hoelzle, IEEE Computer 40 (2007).

    Examples:
        By hand: 8 chips of 700 W at 2,000 token/s.

        >>> from types import SimpleNamespace
        >>> from objectives.chips import chips_with
        >>> chip, always = chips_with(power_w=700.0), SimpleNamespace(utilisation=1.0)
        >>> round(drawn_per_token(chip, None, 8.0, 2000.0, always, 0.0)["busy"], 9)
        2.8
    """
    each = 1.0 / tokens_per_s
    if resources is None:
        parts = {"busy": count * chips.cost.power_w * each}
    else:
        parts = {
            # chips draw it in unused hours too: 1 / u charges all hours to the tokens of those in use
            "static": count * (chips.cost.static_w / economy.utilisation) * each,
            **resources_drawn(chips, resources),
        }
    return {**parts, "optics": count * (optics_w / economy.utilisation) * each}


def resources_drawn(chips: Chips, resources: ResourceSeconds) -> dict[str, Array]:
    """Energy that the resources of chips draw for one output token by part [J].

    Of each: seconds at full rate for one token x its power.

    Args:
        chips: chips, for the power of each resource.
        resources: what one output token takes of each resource [s].

    Returns:
        Joules by part, one for each memory that the token takes of, broadcast shape [J].

    Domain:
        As `drawn_per_token`, whose parts these are.

    Limits:
        Does not depend on how fast resources are used.

    Source:
        By definition of power.

    Examples:
        By hand: 10 ms of cores of 700 W, 40 ms of DRAM of 100 W.

        >>> from objectives.chips import chips_with
        >>> from objectives.equations.chip.resource_seconds import ResourceSeconds
        >>> chip = chips_with(compute_w=700.0, sram_w=50.0, dram_w=100.0, link_w=20.0)
        >>> taken = ResourceSeconds(compute_s=0.01, sram_s=0.0, dram_s=0.04, link_s=0.0)
        >>> resources_drawn(chip, taken)
        {'compute': 7.0, 'sram': 0.0, 'dram': 4.0, 'link': 0.0}
    """
    return {
        "compute": resources.compute_s * chips.cost.compute_w,
        "sram": resources.sram_s * chips.sram.w,
        "dram": resources.dram_s * chips.dram.w,
        "link": resources.link_s * chips.cost.link_w,
        **{name: taken * chips.memory(name).w for name, taken in (resources.further_s or {}).items()},
    }


def metered(economy: Economy, drawn_j: Array) -> Array:
    """Energy at the meter of what chips draw [J].

    drawn x overhead of servers x PUE of the building.

    Args:
        economy: overhead of servers and PUE.
        drawn_j: what chips draw [J].

    Returns:
        Joules at the meter, shape of `drawn_j` [J].

    Domain:
        Overheads in proportion to the load.

    Limits:
        What chips draw at an overhead and a PUE of 1.

    Source:
        Power usage effectiveness: The Green Grid, white paper 49 (2012).

    Examples:
        Published: a fleet at a PUE of 1.10 takes 1.10 J for each joule of its servers (Google, fleet-wide
        trailing twelve months, 2023).

        >>> from types import SimpleNamespace
        >>> metered(SimpleNamespace(power_overhead=1.0, pue=1.10), 1.0)
        1.1
    """
    return drawn_j * (economy.power_overhead * economy.pue)


def metered_parts(economy: Economy, drawn_j: dict[str, Array]) -> dict[str, Array]:
    """Energy at the meter by part [J]; they sum to `metered` of all.

    server: what chips draw x (overhead - 1); building: what servers draw x (PUE - 1).

    Args:
        economy: overhead of servers and PUE.
        drawn_j: what chips draw by part [J].

    Returns:
        Joules by part, with `server` and `building` [J].

    Domain:
        As `metered`.

    Limits:
        No server or building part at an overhead and a PUE of 1.

    Source:
        As `metered`.

    Examples:
        By hand: 1 J of chips, 0.5 J of the server, a quarter of both of the building.

        >>> from types import SimpleNamespace
        >>> metered_parts(SimpleNamespace(power_overhead=1.5, pue=1.25), {"dram": 1.0})
        {'dram': 1.0, 'server': 0.5, 'building': 0.375}
    """
    chips = reduce(add, drawn_j.values())
    return {
        **drawn_j,
        "server": chips * (economy.power_overhead - 1.0),
        "building": chips * (economy.power_overhead * (economy.pue - 1.0)),
    }
