"""Mixture of experts: how many experts a batch visits, and what one of them weighs.

Symbols: E experts of a layer, k experts that a row visits, T rows, d hidden size. Where the router may choose
Z experts that do nothing as well, k is the mean k' E / (E + Z) of k' choices; where experts see a narrower
width l than d, a projection down and one up are kept whole on every chip, as the router is.
"""

from objectives.api import Experts
from objectives.arrays import Array, ceil_div, maximum


def visited_experts(experts: Experts, rows: Array) -> Array:
    """Expected distinct experts that `rows` tokens visit in one layer [1].

    E (1 - (1 - k/E)^T): uniform routing, without replacement within a token.

    Args:
        experts: E and k.
        rows: tokens T [1].

    Returns:
        Experts, shape of `rows` [1].

    Domain:
        Uniform routing; skewed routing visits fewer.

    Limits:
        k for one token, E for many; never more than k T.

    Source:
        Coupon collector with k draws a round.

    Examples:
        By hand: of 8 experts two tokens with two each miss one with (3/4)^2, so 8 (1 - 9/16).

        >>> visited_experts(Experts(count=8, top_k=2, width=14336, matrices=3), 2.0)
        3.5
    """
    e, k = float(experts.count), experts.mean_top_k
    # the k experts of a row are distinct, so one of E is missed with 1 - k / E; rows are independent
    return e * (1.0 - (1.0 - k / e) ** rows)


def expert_elements(experts: Experts, hidden: int, split: Array) -> Array:
    """Weights of one expert on one of the chips that share its columns [1].

    matrices x d x ceil(width / split).

    Args:
        experts: width and matrices of one expert.
        hidden: hidden size d [1].
        split: chips that share the columns of one expert [1].

    Returns:
        Weights, shape of `split` [1].

    Domain:
        No biases.

    Limits:
        The whole expert at a split of 1.

    Source:
        Counted from the shapes.

    Examples:
        By hand: 3 x 7,168 x 2,048 for an expert of DeepSeek-V3.

        >>> expert_elements(Experts(count=256, top_k=8, width=2048, matrices=3), 7168, 1.0)
        44040192.0
    """
    return float(experts.matrices * (experts.latent or hidden)) * ceil_div(experts.width, split)


def shared_elements(experts: Experts, hidden: int, tp: Array) -> Array:
    """Weights that every token visits on one chip: shared experts split over TP, and the router [1].

    matrices x d x ceil(shared width / TP) + d (E + Z) + 2 d l.

    Args:
        experts: shared width, matrices and E.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].

    Returns:
        Weights, shape of `tp` [1].

    Domain:
        Every chip has the whole router.

    Limits:
        The router alone without shared experts.

    Source:
        DeepSeekMoE, Dai et al. 2024 (arXiv 2401.06066), section 3.2.

    Examples:
        By hand: the router of Mixtral 8x7B, 4,096 x 8.

        >>> shared_elements(Experts(count=8, top_k=2, width=14336, matrices=3), 4096, 1.0)
        32768.0
    """
    shared = float(experts.matrices * hidden) * ceil_div(experts.shared_width, tp)
    return shared + float(hidden * (experts.among + 2 * (experts.latent or 0)))


def padded_visits(experts: Experts, rows: Array, visits: Array, visited: Array, tile: Array) -> Array:
    """Rows that the matrix unit works through for visits to some experts [1].

    See `tiled`; exact where every row visits every expert.

    Args:
        experts: E and k.
        rows: rows of the pass [1].
        visits: visits of these rows to the experts [1].
        visited: distinct experts visited [1].
        tile: rows of one tile [1].

    Returns:
        Rows in whole tiles, broadcast shape [1].

    Domain:
        As `tiled`.

    Limits:
        Never below the visits.

    Source:
        As `tiled`.

    Examples:
        By hand: 5 rows through each of two experts in tiles of 8.

        >>> padded_visits(Experts(count=2, top_k=2, width=1, matrices=3), 5.0, 10.0, 2.0, 8.0)
        16.0
    """
    # nothing is left to chance, so tiles are counted instead of averaged
    if experts.among == experts.top_k:
        return visited * (ceil_div(rows, tile) * tile)
    return tiled(visits, visited, tile)


def tiled(visits: Array, visited: Array, tile: Array) -> Array:
    """Rows in whole tiles that visits make of the experts that chance gives them, on average [1].

    max(visited x tile, visits + visited (tile - 1) / 2): the last tile of an expert is as likely to hold any
    number of rows, and no expert takes less than one tile.

    Args:
        visits: visits of rows to experts [1].
        visited: distinct experts visited [1].
        tile: rows of one tile [1].

    Returns:
        Rows, broadcast shape [1].

    Domain:
        Within 5 % of drawn routings from 1 to 1,024 rows, for tiles of 1 to 128.

    Limits:
        `visits` for tiles of one row; never below them, and less than a tile above for each visited expert.

    Source:
        Mean of a uniform remainder.

    Examples:
        By hand: 100 visits to 4 experts in tiles of 8 leave 3.5 rows empty in each.

        >>> tiled(100.0, 4.0, 8.0)
        114.0
    """
    return maximum(visited * tile, visits + visited * ((tile - 1.0) / 2.0))


def shared_traffic(experts: Experts, hidden: int, tp: Array) -> Array:
    """Activation elements that one row moves through router and shared experts of one chip [1].

    2 d + matrices x ceil(shared width / TP): d in and out of the layer, and the widths.

    Args:
        experts: shared width and matrices.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].

    Returns:
        Elements read and written, shape of `tp` [1].

    Domain:
        Each operand crosses memory once.

    Limits:
        2 d without shared experts.

    Source:
        Counted from the shapes.

    Examples:
        By hand: 2 x 7,168 + 3 x 2,048 in DeepSeek-V3.

        >>> v3 = Experts(count=256, top_k=8, width=2048, matrices=3, shared_width=2048)
        >>> shared_traffic(v3, 7168, 1.0)
        20480.0
    """
    # down and up: the residual in and out once more, and the narrow width out and in
    between = 2.0 * (hidden + experts.latent) if experts.latent else 0.0
    return 2.0 * hidden + between + float(experts.matrices) * ceil_div(experts.shared_width, tp)


def visit_traffic(experts: Experts, hidden: int, split: Array) -> Array:
    """Activation elements that one visit moves through one expert of one chip [1].

    2 d + matrices x ceil(width / split): d in and out, and the widths of the part that the chip has of it.

    Args:
        experts: width and matrices of one expert.
        hidden: hidden size d [1].
        split: chips that share the columns of one expert [1].

    Returns:
        Elements read and written, shape of `split` [1].

    Domain:
        Each operand crosses memory once.

    Limits:
        2 d for an endless split, but for one column a matrix.

    Source:
        Counted from the shapes.

    Examples:
        By hand: 2 x 4,096 + 3 x 14,336 in Mixtral 8x7B.

        >>> visit_traffic(Experts(count=8, top_k=2, width=14336, matrices=3), 4096, 1.0)
        51200.0
    """
    return 2.0 * (experts.latent or hidden) + float(experts.matrices) * ceil_div(experts.width, split)
