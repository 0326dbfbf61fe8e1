"""Projections of softmax attention: queries, keys, values, gate and output.

Symbols: d hidden size, Hq query heads, Hkv KV heads, dh and dv sizes of a key and a value, q rank of the
query, TP tensor-parallel ways. TP splits attention by whole heads, so that heads which TP does not divide
cost their ceiling on the fullest chip.
"""

from objectives.api import Attention
from objectives.arrays import Array, ceil_div


def value_dim(a: Attention) -> int:
    """Width of a value head [1]: that of a key unless the layer says otherwise.

    Args:
        a: architecture of the layer.

    Returns:
        Elements [1].

    Domain:
        Every softmax attention.

    Limits:
        None.

    Source:
        By definition.

    Examples:
        Published: MiMo-V2-Flash has keys of 192 and values of 128 (its `config.json`).

        >>> value_dim(Attention(heads=64, kv_heads=4, head_dim=192, value_dim=128))
        128
    """
    return a.head_dim if a.value_dim is None else a.value_dim


def params(a: Attention, hidden: int) -> int:
    """Parameters of one layer, its biases included [1].

    d (dh + dv) (Hq + Hkv), d dv Hq more with a gate, and dh Hq + (dh + dv) Hkv biases. A compressed query has
    q (d + dh Hq + 1) with its norm in place of d dh Hq; keys that are values save d dv Hkv, and a layer
    without keys and values of its own all that Hkv multiplies. Outputs of g groups of rank r have
    dv Hq r + g r d in place of d dv Hq.

    Args:
        a: architecture of the layer.
        hidden: hidden size d [1].

    Returns:
        Parameters of queries, keys, values, output, gate and biases [1].

    Domain:
        Norms of heads are not counted here.

    Limits:
        4 d^2 for MHA with Hq dh = d and no biases.

    Source:
        Vaswani et al. 2017 (arXiv 1706.03762); GQA, Ainslie et al. 2023 (arXiv 2305.13245).

    Examples:
        By hand: Llama-2 7B has 4 projections of 4,096 x 4,096 in a layer.

        >>> params(Attention(heads=32, kv_heads=32, head_dim=128), 4096) == 4 * 4096 * 4096
        True
    """
    biases = a.bias * (a.head_dim * a.heads + _kv_width(a) * a.kv_heads)
    latent = a.query_latent or 0
    shared = latent * (hidden + 1) + a.output_groups * a.output_latent * hidden
    return a.heads * _head(a, hidden) + a.kv_heads * hidden * _kv_width(a) + shared + biases


def projection_elements(a: Attention, hidden: int, tp: Array) -> Array:
    """Weights of the projections on one chip [1].

    ceil(Hq / TP) d (dh + dv) for query and output (d dv more for a gate), ceil(Hkv / TP) d (dh + dv) for keys
    and values. A compressed query has d q on every chip and q dh for each head in place of d dh. Outputs of
    g groups have r dv for each head and ceil(g / TP) r d in place of d dv.

    Args:
        a: architecture of the layer.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].

    Returns:
        Weights, shape of `tp` [1].

    Domain:
        TP divides Hq or is a multiple of it; biases are left out. What is no head's is on every chip.

    Limits:
        The published count at TP = 1. TP > Hkv replicates KV heads: the sum over chips grows beyond it.

    Source:
        Megatron-LM, Shoeybi et al. 2019 (arXiv 1909.08053), section 3: attention split by heads.

    Examples:
        By hand: of the 64 query and 8 KV heads of Llama-2 70B a chip of eight has 8 and 1.

        >>> projection_elements(Attention(heads=64, kv_heads=8, head_dim=128), 8192, 8.0) / (8192 * 128)
        18.0
    """
    queries = float(_head(a, hidden)) * ceil_div(a.heads, tp)
    total = queries + float(hidden * _kv_width(a)) * ceil_div(a.kv_heads, tp)
    if a.output_groups:
        total = total + float(a.output_latent * hidden) * ceil_div(a.output_groups, tp)
    return total + float(hidden * a.query_latent) if a.query_latent else total


def projection_traffic(a: Attention, hidden: int, tp: Array) -> Array:
    """Activation elements that one row moves through the projections on one chip [1].

    d read, d written, and the query, key, value, gate and output of the chip's heads once each; a compressed
    query or output is written and read.

    Args:
        a: architecture of the layer.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].

    Returns:
        Elements read and written, shape of `tp` [1].

    Domain:
        Each operand crosses memory once.

    Limits:
        2 d for heads spread over endless chips, but for one head each.

    Source:
        Counted from the shapes of the projections.

    Examples:
        By hand: 2 x 4,096 and 4 x 32 heads of 128.

        >>> projection_traffic(Attention(heads=32, kv_heads=32, head_dim=128), 4096, 1.0)
        24576.0
    """
    head = float(a.head_dim + (1 + a.gate) * value_dim(a))
    heads = head * ceil_div(a.heads, tp) + float(_kv_width(a)) * ceil_div(a.kv_heads, tp)
    if a.output_groups:
        heads = heads + 2.0 * a.output_latent * ceil_div(a.output_groups, tp)
    return 2.0 * (hidden + (a.query_latent or 0)) + heads


def _head(a: Attention, hidden: int) -> int:
    """Weights of the query, gate and output of one head [1]."""
    out = a.output_latent if a.output_groups else hidden
    return (a.query_latent or hidden) * a.head_dim + (out + a.gate * hidden) * value_dim(a)


def _kv_width(a: Attention) -> int:
    """Outputs of the key and value projections for one KV head [1]."""
    if a.kv == "shared":
        return 0
    return a.head_dim + (value_dim(a) if a.kv == "own" else 0)  # one projection makes both otherwise
