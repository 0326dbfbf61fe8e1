"""Index of sparse attention: small heads score all tokens for a row, and attention visits the best.

Symbols: d hidden size, r width that queries are projected from, H index heads of size di, c tokens that leave
one key together, TP tensor-parallel ways. Heads share one key, which lies apart from KV cache. Heads whose
scores are added up choose together, so TP does not split them: every chip scores for all. Heads that each
choose for their share of the query heads are split with these.
"""

from typing import Final

from objectives.api import Index
from objectives.arrays import Array, ceil_div, ones_like

LAUNCHES: Final = 5
"""Kernels that an index adds to a layer, see `llm.launches`: queries, keys with weights of heads, rotation
with the write, scores, the best of them."""


def params(a: Index, hidden: int) -> int:
    """Parameters of an index [1]: projections, two norms, places of tokens in a key.

    r H di for queries, d di for keys, d H where heads are weighed, 2 di. Keys of c tokens have two matrices,
    twice as wide where they overlap, a bias for each place, and one norm.

    Args:
        a: architecture of the index.
        hidden: hidden size d [1].

    Returns:
        Parameters [1].

    Domain:
        Of one layer; a layer that uses the choice of another has no index.

    Limits:
        Linear in d without compressed queries.

    Source:
        DeepSeek-V3.2 (arXiv 2512.02556), section 2.1; `modeling_deepseek_v32.py` of Transformers 5.24.

    Examples:
        By hand: 1,536 x 64 x 128, 7,168 x (128 + 64) and 2 x 128.

        >>> params(Index(heads=64, dim=128, inputs=1536), 7168)
        13959424
    """
    own = 2 * a.dim if a.ratio == 1 else a.dim * (a.ratio * (1 + a.overlap) + 1)
    return a.heads * _head(a, hidden) + hidden * _keys(a) + own


def projection_elements(a: Index, hidden: int, tp: Array) -> Array:
    """Weights of the projections of an index on one chip [1].

    Args:
        a: architecture of the index.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].

    Returns:
        Weights, shape of `tp` [1].

    Domain:
        Norms are left out.

    Limits:
        `params` but for norms at TP = 1; the same at any TP where heads choose together.

    Source:
        DeepSeek-V3.2 (arXiv 2512.02556), section 2.1; `modeling_deepseek_v32.py` of Transformers 5.24.

    Examples:
        By hand: 1,536 x 64 x 128 and 7,168 x (128 + 64), on each of eight chips.

        >>> projection_elements(Index(heads=64, dim=128, inputs=1536), 7168, 8.0)
        13959168.0
    """
    return float(_head(a, hidden)) * _heads(a, tp) + float(hidden * _keys(a))


def projection_traffic(a: Index, hidden: int, tp: Array) -> Array:
    """Activation elements that one row moves through the projections of an index on one chip [1].

    d read once, and queries, keys and weights of heads written.

    Args:
        a: architecture of the index.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].

    Returns:
        Elements, shape of `tp` [1].

    Domain:
        Each operand crosses memory once.

    Limits:
        d and a key for heads spread over endless chips, but for one head each.

    Source:
        Counted from the shapes of the projections.

    Examples:
        By hand: 7,168, 64 heads of 128 with a weight each, and a key of 128.

        >>> projection_traffic(Index(heads=64, dim=128, inputs=1536), 7168, 1.0)
        15552.0
    """
    return float(a.dim + a.weighted) * _heads(a, tp) + float(hidden + _keys(a))


def kv_elements(a: Index, tp: Array) -> Array:
    """Elements that one token leaves on one chip [1]: di / c, on every chip, as elements of KV cache.

    Args:
        a: architecture of the index.
        tp: tensor-parallel ways [1].

    Returns:
        Elements, shape of `tp` [1].

    Domain:
        Apart from the KV cache of the layer; in another format each counts as its bytes over those of the
        cache.

    Limits:
        di without compression.

    Source:
        DeepSeek-V3.2 (arXiv 2512.02556), section 2.1; `modeling_deepseek_v32.py` of Transformers 5.24.

    Examples:
        Published: 128 elements a token next to 576 of the latent.

        >>> kv_elements(Index(heads=64, dim=128, inputs=1536), 8.0)
        128.0
    """
    return (a.dim / a.ratio * a.of_kv) * ones_like(tp)


def state_bytes(_a: Index, _tp: Array) -> None:
    """Bytes of a state [B]: an index has none.

    Args:
        _a: architecture of the index.
        _tp: tensor-parallel ways [1].

    Returns:
        None.

    Domain:
        Tokens that wait until they leave a key together are left out.

    Limits:
        None.

    Source:
        By definition.

    Examples:
        >>> state_bytes(Index(heads=64, dim=128), 1.0)
    """
    return


def core_flop(a: Index, tp: Array) -> Array:
    """FLOP of the scores of one row for each token [FLOP/token].

    2 H (di + 1) / c: a product with the key and a weighted sum; without weights 2 H di / c.

    Args:
        a: architecture of the index.
        tp: tensor-parallel ways [1].

    Returns:
        FLOP, shape of `tp` [FLOP/token].

    Domain:
        Comparisons that pick the best are left out.

    Limits:
        Independent of r and k.

    Source:
        DeepSeek-V3.2 (arXiv 2512.02556), section 2.1; `modeling_deepseek_v32.py` of Transformers 5.24.

    Examples:
        By hand: 2 x 64 x 129.

        >>> core_flop(Index(heads=64, dim=128, inputs=1536), 1.0)
        16512.0
    """
    return (2.0 * (a.dim + a.weighted) / a.ratio) * _heads(a, tp)


def prompt_core_flop(a: Index, tp: Array) -> Array:
    """As `core_flop`, for a row of a prompt [FLOP/token]; the same.

    Args:
        a: architecture of the index.
        tp: tensor-parallel ways [1].

    Returns:
        FLOP, shape of `tp` [FLOP/token].

    Domain:
        See `core_flop`.

    Limits:
        See `core_flop`.

    Source:
        See `core_flop`.

    Examples:
        >>> prompt_core_flop(Index(heads=64, dim=128, inputs=1536), 1.0)
        16512.0
    """
    return core_flop(a, tp)


def exchanged_elements(a: Index, tp: Array) -> Array:
    """Elements of a row that chips exchange which share the tokens of a sequence [1].

    The queries and weights of the heads; scores of the best go with the results of attention.

    Args:
        a: architecture of the index.
        tp: tensor-parallel ways [1].

    Returns:
        Elements, shape of `tp` [1].

    Domain:
        Every chip scores its own tokens.

    Limits:
        Independent of the context.

    Source:
        Counted from what the scores need.

    Examples:
        By hand: 64 x 129.

        >>> exchanged_elements(Index(heads=64, dim=128, inputs=1536), 1.0)
        8256.0
    """
    return float(a.dim + a.weighted) * _heads(a, tp)


def seen(_a: Index, context: Array) -> Array:
    """Tokens that a decoded row scores [token]: all of them.

    Args:
        _a: architecture of the index.
        context: tokens before and including the row [token].

    Returns:
        The context [token].

    Domain:
        No window.

    Limits:
        The context.

    Source:
        DeepSeek-V3.2 (arXiv 2512.02556), section 2.1.

    Examples:
        >>> seen(Index(heads=64, dim=128), 4096.0)
        4096.0
    """
    return context


kept = seen


def seen_by_prompt(_a: Index, isl: Array) -> Array:
    """Tokens that a row of a prompt scores, the mean over its rows [token]: isl / 2, a causal mask.

    Args:
        _a: architecture of the index.
        isl: prompt tokens [token].

    Returns:
        Tokens, shape of `isl` [token].

    Domain:
        Whole prompts; a row sees itself as half a token.

    Limits:
        Linear.

    Source:
        Counted from the causal mask.

    Examples:
        >>> seen_by_prompt(Index(heads=64, dim=128), 1024.0)
        512.0
    """
    return isl / 2.0


def _head(a: Index, hidden: int) -> int:
    """Weights of the query of one head, and of what weighs it [1]."""
    return (a.inputs or hidden) * a.dim + a.weighted * hidden


def _keys(a: Index) -> int:
    """Outputs of the projections of keys [1]: keys of several tokens have a second one that weighs tokens."""
    return a.dim if a.ratio == 1 else 2 * (1 + a.overlap) * a.dim


def _heads(a: Index, tp: Array) -> Array:
    """Heads on one chip [1]."""
    return a.heads * ones_like(tp) if a.weighted else ceil_div(a.heads, tp)
