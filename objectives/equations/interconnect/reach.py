"""How far the links of a chip go, by the size of the system: on a board, inside a rack, across racks.

Boards and racks hold compact blocks of the network. A link that stays on its board is wiring; one that leaves
the board takes a cable, one that leaves the rack takes optics. What leaves the scale-up domain goes through
NICs and the fabric of the scale-out network, which only a design that leaves it pays for.
"""

from objectives.api import Chips
from objectives.arrays import Array, namespace


def leaving(
    topology: str, block: float, *, domain: float, group: float, local: float = 1.0, across: float = 1.0
) -> float:
    """Share of a chip's link bandwidth that leaves a compact block of `block` chips, in [0, 1].

    Maths: a block of m chips of a torus with d axes is a cube of m^(1/d), whose faces leave it: m^(-1/d); a
    ring has one axis. Of a dragonfly, links to the other chips of a group that has no room in the block,
    l (g - m) / (g - 1), and all that go to other groups. Through switches everything goes to the switch, of
    a fat tree as much to the spine as its pods let through.
    Parameters: chips of the domain and of a fully connected group or pod [1]; share l of the bandwidth that
    stays in a group, share that crosses groups.
    Domain: systems much larger than the block; whole domains inside one leave nothing.
    Source: TPU v4, racks of 4 x 4 x 4: 64^(-1/3) = 1/4 of the links of a chip are optical, 6,144 for 4,096
    chips (Jouppi et al., ISCA 2023).
    """
    if domain <= block:
        return 0.0
    axes = {"ring": 1.0, "torus2d": 2.0, "torus3d": 3.0}
    if topology in axes:
        return float(block ** (-1.0 / axes[topology]))
    if topology == "dragonfly":
        apart = max(group - block, 0.0) / max(group - 1.0, 1.0)
        return min(local * apart + (across if domain > group else 0.0), 1.0)
    if topology == "fat-tree" and group <= block:
        return across
    return 1.0


def scale_up_usd(chips: Chips, together: Array) -> Array:
    """Scale-up switches, boards, cables and optics of one chip [USD], broadcast shape.

    Parameters: chips that work together [1]. Cables are paid beyond one board, optics beyond one rack.
    Limits: that of a board alone for one board; grows with the system, in two steps. The first chip beyond a
    rack makes every rack-to-rack link optical: dear for systems just above one.
    """
    xp = namespace(together, chips.copper_usd)
    none = 0.0 * (together + chips.copper_usd)
    cables = xp.where(together > chips.board_chips, chips.copper_usd + none, none)
    return chips.network_usd + cables + xp.where(together > chips.rack_chips, chips.optics_usd + none, none)


def scale_out_usd(chips: Chips, together: Array) -> Array:
    """NICs and fabric of one chip [USD], broadcast shape: 0 for chips that stay inside their domain."""
    none = 0.0 * (together + chips.scale_out_usd)
    return namespace(none).where(together > chips.link_domain, chips.scale_out_usd + none, none)


def optics_w(chips: Chips, together: Array) -> Array:
    """Power of the optics of one chip [W], broadcast shape, which draw it whether or not bytes pass."""
    none = 0.0 * (together + chips.optics_w)
    return namespace(none).where(together > chips.rack_chips, chips.optics_w + none, none)
