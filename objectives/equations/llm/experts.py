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


def padded_visits(experts: Experts, rows: Array, visits: Array, visited: Array, tile: Array) -> Array:
    """Rows that the matrix unit works through for `visits` of `rows` rows to `visited` experts [1].

    See `tiled`. Limits: never below the visits; exact where every row visits every expert.
    """
    if experts.count == experts.top_k:
        return visited * (ceil_div(rows, tile) * tile)
    return tiled(visits, visited, tile)


def tiled(visits: Array, visited: Array, tile: Array) -> Array:
    """Rows in whole tiles that `visits` make of the experts that chance gives them, on average [1].

    max(visited x tile, visits + visited (tile - 1) / 2): the last tile of an expert is as likely to hold any
    number of rows, and no expert takes less than one tile. Limits: `visits` for tiles of one row; never below
    them, and less than a tile above for each visited expert. Within 5 % of drawn routings from 1 to 1,024
    rows, for tiles of 1 to 128.
    """
    least = visited * tile
    return namespace(least).maximum(least, visits + visited * ((tile - 1.0) / 2.0))


def shared_traffic(experts: Experts, hidden: int, tp: Array) -> Array:
    """Activation elements that one row moves through router and shared experts of one chip [1].

    d in and out of the layer, and the widths; shape of `tp`.
    """
    return 2.0 * hidden + float(experts.matrices) * ceil_div(experts.shared_width, tp)


def visit_traffic(experts: Experts, hidden: int, split: Array) -> Array:
    """Activation elements that one visit moves through one expert of one chip [1], shape of `split`.

    d in and out, and the widths of the `split`th part that the chip has of it.
    """
    return 2.0 * hidden + float(experts.matrices) * ceil_div(experts.width, split)
