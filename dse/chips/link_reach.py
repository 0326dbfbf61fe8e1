"""Boards and racks of a network, and what its links cost by how far they go."""

from dse.errors import spec_error
from dse.spec.schema.base import Sourced
from dse.spec.schema.system import NetworkSpec
from dse.spec.schema.technology import TechnologySpec
from objectives.arrays import Array, zeros_like
from objectives.equations.interconnect.reach import leaving

SWITCHED = ("switch", "fat-tree")
"""Topologies whose scale-up links go through switches."""


def on_board_and_in_rack(network: NetworkSpec, technology: TechnologySpec) -> tuple[float, float]:
    """Chips on one board and in one rack [1]: the network's own, else the usual ones of the technology."""
    # a rack holds whole boards, so it is never the smaller of the two
    board, rack = network.board, network.rack
    usual = technology.system.chips_per_board, technology.system.chips_per_rack
    return _count(board or usual[0]), max(_count(rack or usual[1]), _count(board or usual[0]))


def shares(network: NetworkSpec, technology: TechnologySpec) -> tuple[float, float]:
    """Shares of a chip's link bandwidth that leave its board, and its rack, in a large system [1]."""
    board, rack = on_board_and_in_rack(network, technology)
    domain = _count(network.domain)
    sizes: dict[str, float] = {
        "domain": domain,
        "group": domain if network.group is None else _count(network.group),
    }
    if network.local_share is not None:
        sizes["local"] = float(network.local_share.value or 1.0)
    if network.global_share is not None:
        sizes["across"] = float(network.global_share.value or 1.0)
    beyond = leaving(network.topology, board, **sizes), leaving(network.topology, rack, **sizes)
    # a published share replaces the geometric one, unless the rack holds the whole domain
    if network.beyond_rack is not None and beyond[1] > 0.0:
        beyond = beyond[0], float(network.beyond_rack.value or 0.0)
    # what leaves the rack has left the board before
    return max(beyond), beyond[1]


def ends(network: NetworkSpec) -> float:
    """Ends of a link that a chip pays for: its own, and that of the switch where there is one."""
    return 2.0 if network.topology in SWITCHED else 1.0


def reach_columns(
    link_bandwidth: Array, network: NetworkSpec, technology: TechnologySpec
) -> dict[str, Array]:
    """Sizes of boards and racks, and the power of optics, by column of `objectives.api.Chips`.

    A switch is where its domain is: its links are as long in a small system as in a large one.
    """
    board, rack = on_board_and_in_rack(network, technology)
    energy = technology.system.optics_energy.value
    if energy is None:
        raise spec_error("system.optics_energy", "expected a known value in the technology file, got null")
    # 0 chips on a board: every system is then larger than one, and pays for the way to the switch
    small = 0.0 if network.topology in SWITCHED else 1.0
    _, optical = shares(network, technology)
    both_ways = 2.0 * ends(network) * optical * energy  # a link sends and receives at once
    return {
        "board_chips": board * small + zeros_like(link_bandwidth),
        "rack_chips": rack * small + zeros_like(link_bandwidth),
        "optics_w": link_bandwidth * both_ways,
    }


def _count(leaf: Sourced[int]) -> float:
    return float(leaf.value or 1)
