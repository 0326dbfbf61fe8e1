"""Weights of a network whose parts are stored or computed in unlike formats."""

from dataclasses import fields
from typing import Literal

from objectives.api import Experts, Precision
from objectives.arrays import Array, ceil_div
from objectives.chips import Compute
from objectives.equations.llm.experts import shared_elements
from objectives.parts import PEAKS_OF_PARTS, Parts

Part = Literal["experts", "shared", "dense", "attention", "embedding", "head", "router"]


def weighed(elements: Array, by: Parts | None, part: Part) -> Array:
    """Weights of a part times the number of that part.

    Args:
        elements: weights of the part [1].
        by: a number for each part; None for 1.
        part: its name.

    Returns:
        Weighed elements, shape of `elements` [1].

    Domain:
        Any number of at least 0.

    Limits:
        The elements themselves where no numbers are given.

    Source:
        Definition.

    Examples:
        By hand: two elements of half a byte.

        >>> ones = dict.fromkeys(("experts", "shared", "dense", "embedding", "head", "router"), 1.0)
        >>> weighed(2.0, Parts(attention=0.5, **ones), "attention")
        1.0
    """
    # None keeps the arithmetic of a batch of one format as it is
    return elements if by is None else elements * getattr(by, part)


def visited_by_all(experts: Experts, hidden: int, tp: Array, by: Parts | None) -> Array:
    """As `experts.shared_elements`, each part times its number: shared experts, router, projections.

    Args:
        experts: shared width, matrices and E.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].
        by: a number for each part; None for 1.

    Returns:
        Weighed elements, shape of `tp` [1].

    Domain:
        As `shared_elements`.

    Limits:
        `shared_elements` where no numbers are given.

    Source:
        As `shared_elements`.

    Examples:
        By hand: the router of Mixtral 8x7B, 4,096 x 8, in two bytes, next to experts of one.

        >>> ones = dict.fromkeys(("experts", "shared", "dense", "attention", "embedding", "head"), 1.0)
        >>> mixtral = Experts(count=8, top_k=2, width=14336, matrices=3)
        >>> visited_by_all(mixtral, 4096, 1.0, Parts(router=2.0, **ones))
        65536.0
    """
    if by is None:
        return shared_elements(experts, hidden, tp)
    shared = by.shared * (float(experts.matrices * hidden) * ceil_div(experts.shared_width, tp))
    around = by.dense * float(2 * hidden * (experts.latent or 0))
    return shared + by.router * float(hidden * experts.among) + around


def in_rest(precision: Precision) -> Parts | None:
    """Bytes of a weight of each part over those of the rest [1].

    Args:
        precision: formats of the network.

    Returns:
        A number for each part; None where all weights have one format.

    Domain:
        Formats of more than 0 bytes.

    Limits:
        1 for a part in the format of the rest.

    Source:
        Definition.

    Examples:
        By hand: experts of half a byte next to 16 bits.

        >>> others = ("shared", "dense", "attention", "embedding", "head", "router")
        >>> parts = Parts(experts=0.5, **dict.fromkeys(others, 2.0))
        >>> found = in_rest(Precision(weight_bytes=2.0, kv_bytes=2.0, activation_bytes=2.0, parts=parts))
        >>> found.experts, found.head
        (0.25, 1.0)
    """
    if precision.parts is None:
        return None
    whole = precision.weight_bytes
    return Parts(**{f.name: getattr(precision.parts, f.name) / whole for f in fields(Parts)})


def slowness(compute: Compute) -> Parts | None:
    """Time of a product of each part over that at the matrix peak [1].

    peak / peak of the part.

    Args:
        compute: matrix peaks of chips.

    Returns:
        A number for each part, shapes of the peaks; None where all parts are computed alike.

    Domain:
        Peaks above 0.

    Limits:
        1 for a part without a peak of its own.

    Source:
        Definition.

    Examples:
        By hand: experts at twice the peak take half as long.

        >>> from objectives.chips import chips_with
        >>> none = dict.fromkeys(PEAKS_OF_PARTS.values())
        >>> found = slowness(chips_with(**{**none, "peak_flops": 1e15, "experts_flops": 2e15}).compute)
        >>> found.experts, found.attention
        (0.5, 1.0)
    """
    known = {part: getattr(compute, column) for part, column in PEAKS_OF_PARTS.items()}
    if all(peak is None for peak in known.values()):
        return None
    ratios = {part: 1.0 if peak is None else compute.peak_flops / peak for part, peak in known.items()}
    return Parts(**{f.name: ratios.get(f.name, 1.0) for f in fields(Parts)})
