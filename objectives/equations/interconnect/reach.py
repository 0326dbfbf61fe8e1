"""How far the links of a chip go, by the size of the system: on a board, inside a rack, across racks.

Boards and racks hold compact blocks of the network. A link that stays on its board is wiring; one that leaves
the board takes a cable, one that leaves the rack takes optics. What leaves the scale-up domain goes through
NICs and the fabric of the scale-out network, which only a design that leaves it pays for.
"""

from objectives.api import Chips
from objectives.arrays import Array, where


def leaving(
    topology: str, block: float, *, domain: float, group: float, local: float = 1.0, across: float = 1.0
) -> float:
    """Share of a chip's link bandwidth that leaves a compact block of chips, in [0, 1].

    A block of m chips of a torus with d axes is a cube of m^(1/d), whose faces leave it: m^(-1/d); a ring has
    one axis. Of a dragonfly, links to the other chips of a group that has no room in the block,
    l (g - m) / (g - 1), and all that go to other groups. Through switches everything goes to the switch, of a
    fat tree as much to the spine as its pods let through.

    Args:
        topology: a name of `topology.TOPOLOGIES`.
        block: chips m of the block [1].
        domain: chips of the scale-up domain [1].
        group: chips g of a fully connected group or pod [1].
        local: share l of the bandwidth that stays in a group [1].
        across: share of the bandwidth that crosses groups [1].

    Returns:
        Share [1].

    Domain:
        Systems much larger than the block.

    Limits:
        0 for whole domains inside one block; 1 through switches.

    Source:
        Jouppi et al., ISCA 2023 (TPU v4), section 2.

    Examples:
        Published: 4,096 chips in racks of 4 x 4 x 4, of whose links the faces are optical: 96 fibres a rack
        of 64 chips with 6 links (ibid.), 1/4 of 384.

        >>> round(leaving("torus3d", 64.0, domain=4096.0, group=4096.0), 12)
        0.25
    """
    if domain <= block:
        return 0.0
    axes = {"ring": 1.0, "torus2d": 2.0, "torus3d": 3.0}
    if topology in axes:
        return float(block ** (-1.0 / axes[topology]))
    if topology == "dragonfly":
        apart = max(group - block, 0.0) / max(group - 1.0, 1.0)
        return min(local * apart + (across if domain > group else 0.0), 1.0)
    # whole pods inside the block: only what is oversubscribed to the spine leaves it
    if topology == "fat-tree" and group <= block:
        return across
    return 1.0


def scale_up_usd(chips: Chips, together: Array) -> Array:
    """Scale-up switches, boards, cables and optics of one chip [USD].

    Switches and boards always; cables beyond one board, optics beyond one rack.

    Args:
        chips: chips, for prices of links and the sizes of boards and racks.
        together: chips that work together [1].

    Returns:
        Dollars a chip, broadcast shape [USD].

    Domain:
        The first chip beyond a rack makes every rack-to-rack link optical: dear for systems just above one.

    Limits:
        That of a board alone for one board; grows with the system, in two steps.

    Source:
        A sum of parts; prices in the network files.

    Examples:
        By hand: 16 chips on boards of 8 in one rack of 64 pay 500 USD and 300 USD of cables.

        >>> import numpy as np
        >>> from objectives.chips import chips_with
        >>> chip = chips_with(network_usd=500.0, copper_usd=300.0, optics_usd=900.0, board_chips=8.0,
        ...                        rack_chips=64.0)
        >>> float(scale_up_usd(chip, np.array([16.0]))[0])
        800.0
    """
    # steps, not a mean: a link is on the board, or it is a cable, or it is optics
    cables = where(together > chips.links.board_chips, chips.cost.copper_usd, 0.0)
    return (
        chips.cost.network_usd + cables + where(together > chips.links.rack_chips, chips.cost.optics_usd, 0.0)
    )


def scale_out_usd(chips: Chips, together: Array) -> Array:
    """NICs and fabric of one chip [USD].

    Paid where the chips that work together leave their domain.

    Args:
        chips: chips, for the price of scale-out and the domain.
        together: chips that work together [1].

    Returns:
        Dollars a chip, broadcast shape [USD].

    Domain:
        One fabric for all chips of the system.

    Limits:
        0 for chips that stay inside their domain.

    Source:
        A sum of parts; prices in the network files.

    Examples:
        By hand:

        >>> import numpy as np
        >>> from objectives.chips import chips_with
        >>> chip = chips_with(scale_out_usd=3000.0, link_domain=8.0)
        >>> scale_out_usd(chip, np.array([8.0, 16.0])).tolist()
        [0.0, 3000.0]
    """
    return where(together > chips.links.link_domain, chips.cost.scale_out_usd, 0.0)


def optics_w(chips: Chips, together: Array) -> Array:
    """Power of the optics of one chip [W], which draw it whether or not bytes pass.

    Drawn in a system of more than one rack.

    Args:
        chips: chips, for the power of optics and the size of a rack.
        together: chips that work together [1].

    Returns:
        Watts a chip, broadcast shape [W].

    Domain:
        All rack-to-rack links are optical.

    Limits:
        0 inside one rack.

    Source:
        By definition; watts in the network files.

    Examples:
        By hand:

        >>> import numpy as np
        >>> from objectives.chips import chips_with
        >>> chip = chips_with(optics_w=7.0, rack_chips=72.0)
        >>> optics_w(chip, np.array([72.0, 73.0])).tolist()
        [0.0, 7.0]
    """
    return where(together > chips.links.rack_chips, chips.cost.optics_w, 0.0)
