"""Mixture of experts: how many experts a batch touches, and what one of them weighs."""

from objectives.api import Experts
from objectives.arrays import Array, ceil_div, namespace


def touched(experts: Experts, rows: Array) -> Array:
    """Expected distinct experts that `rows` tokens visit in one layer [1], shape of `rows`.

    E (1 - (1 - k/E)^T) under uniform routing without replacement within a token. Limits: k for one token, E
    for many; never more than k T. Domain: uniform routing; skewed routing touches fewer.

    Source: coupon collector with k draws a round; the same expectation is used by BLIS and Epoch AI.
    """
    e, k = float(experts.count), float(experts.top_k)
    return e * (1.0 - (1.0 - k / e) ** rows)


def expert_elements(experts: Experts, hidden: int, split: Array) -> Array:
    """Weights of one expert on one of the `split` chips that share its columns [1], shape of `split`."""
    return float(experts.matrices * hidden) * ceil_div(experts.width, split)


def shared_elements(experts: Experts, hidden: int, tp: Array) -> Array:
    """Weights that every token visits on one chip [1]: shared experts split over TP, and the router."""
    shared = float(experts.matrices * hidden) * ceil_div(experts.shared_width, tp)
    return shared + float(hidden * experts.count)


def padded_visits(experts: Experts, rows: Array, visited: Array, tile: Array) -> Array:
    """Rows that the matrix unit works through, summed over the touched experts [1]; see `tiled`.

    Limits: never below T k; exact where every row visits every expert.
    """
    if experts.count == experts.top_k:
        return visited * (ceil_div(rows, tile) * tile)
    return tiled(rows * float(experts.top_k), visited, tile)


def tiled(visits: Array, visited: Array, tile: Array) -> Array:
    """Rows in whole tiles that `visits` make of the experts that chance gives them, on average [1].

    max(visited x tile, visits + visited (tile - 1) / 2): the last tile of an expert is as likely to hold any
    number of rows, and no expert takes less than one tile. Limits: `visits` for tiles of one row; never below
    them, and less than a tile above for each visited expert. Within 5 % of drawn routings from 1 to 1,024
    rows, for tiles of 1 to 128.
    """
    least = visited * tile
    return namespace(least).maximum(least, visits + visited * ((tile - 1.0) / 2.0))


def traffic(experts: Experts, hidden: int, tp: Array, ep: Array | None = None) -> Array:
    """Activation elements that one row moves through the experts of one chip [1], shapes broadcast.

    d in and out of the layer and of each visit, and the widths. A chip sees k visits of each row, of which EP
    leaves it k / min(EP, TP): beyond TP it gets the rows of other replicas for its own.
    """
    visits = experts.top_k / (1.0 if ep is None else namespace(tp, ep).minimum(tp, ep))
    split = tp if ep is None else namespace(tp, ep).maximum(tp / ep, 1.0 + 0.0 * ep)
    widths = visits * ceil_div(experts.width, split) + ceil_div(experts.shared_width, tp)
    return 2.0 * hidden * (1.0 + visits) + float(experts.matrices) * widths
