"""Linear attention: a state of constant size per head, read and written by every token.

Symbols: d hidden size, H heads of values, Hk of keys, dk and dv their sizes, TP tensor-parallel ways.
"""

from typing import Final

from objectives.api import LinearAttention
from objectives.arrays import Array, ceil_div, ones_like, zeros_like

LAUNCHES: Final = 6
"""Kernels of a layer, see `llm.launches`: norm, projections, convolution or activation, core, gated norm,
output."""


def params(a: LinearAttention, hidden: int) -> int:
    """Parameters of one layer: projections, gates of the state, convolution, a norm of the outputs [1].

    d (2 Hk dk + (2 + gate) H dv), with the delta rule d 2 H for its two gates and 2 H for their biases, and
    the convolution over queries, keys and values. A decay of rank r for each element of keys takes the place
    of one gate: d r + r Hk dk, and Hk dk biases; a gate of rank r has d r + r H dv. With time steps d H and
    three numbers a head (step, decay, skip), a bias of the convolution, and a norm of all H dv.

    Args:
        a: architecture of the layer.
        hidden: hidden size d [1].

    Returns:
        Parameters [1].

    Domain:
        Lightning Attention, Gated DeltaNet, Kimi Delta Attention and Mamba-2 (SSD). For the last three every
        parameter; Lightning Attention has a norm as wide as all heads, which counts as that of one.

    Limits:
        Linear in d but for biases, convolution and norm.

    Source:
        Gated DeltaNet, Yang, Kautz & Hatamizadeh 2024 (arXiv 2412.06464); Lightning Attention in MiniMax-01
        (arXiv 2501.08313), section 2.2; Kimi Linear (arXiv 2510.26692); Mamba-2, Dao & Gu 2024 (arXiv
        2405.21060).

    Examples:
        By hand: 2 x 2 x 4 keys and 3 x 2 x 4 values of 8, 2 x 2 x 9 for gates, a norm of 4.

        >>> params(LinearAttention(heads=2, key_heads=2, key_dim=4, value_dim=4, gate=True, delta=True,
        ...                        state_bytes=4.0), 8)
        360
    """
    # queries have the heads and the size of keys, hence the 2
    keys, values = 2 * a.key_heads * a.key_dim, a.heads * a.value_dim
    gates = _gate_params(a, hidden)
    norm = values if a.step else a.value_dim
    return hidden * (keys + (2 + a.gate) * values) + gates + (a.conv + a.step) * (keys + values) + norm


def _gate_params(a: LinearAttention, hidden: int) -> int:
    """Parameters of what gates the state and the output, but for a gate as wide as the values [1]."""
    total = 2 * a.heads * (hidden + 1) if a.delta else 0
    if a.decay_latent is not None:
        # one number a head is left of the other gate, beside its decay, and biases are as many as keys
        decays = a.key_heads * a.key_dim
        total = a.heads * (hidden + 1) + a.decay_latent * (hidden + decays) + decays
    if a.gate_latent is not None:
        total += a.gate_latent * (hidden + a.heads * a.value_dim)
    return total + a.step * a.heads * (hidden + 3)


def projection_elements(a: LinearAttention, hidden: int, tp: Array) -> Array:
    """Weights of the projections on one chip [1]: split by heads as softmax attention is.

    d (2 ceil(Hk / TP) dk + (2 + gate) ceil(H / TP) dv), d ceil(H / TP) for time steps, and of the two
    matrices of a low rank the first whole on every chip.

    Args:
        a: architecture of the layer.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].

    Returns:
        Weights, shape of `tp` [1].

    Domain:
        Convolution, the two gates of Gated DeltaNet and norms are left out, below 1 % of a layer.

    Limits:
        At TP = 1 the parameters but for those.

    Source:
        As `params`.

    Examples:
        By hand: 8 x (2 x 4 + 3 x 4) for one of two heads.

        >>> projection_elements(LinearAttention(heads=2, key_heads=2, key_dim=4, value_dim=4, gate=True,
        ...                                     delta=True, state_bytes=4.0), 8, 2.0)
        160.0
    """
    keys = 2.0 * a.key_dim * ceil_div(a.key_heads, tp)
    total = hidden * (keys + (2.0 + a.gate) * a.value_dim * ceil_div(a.heads, tp))
    for inputs, outputs in _small(a, hidden, tp):
        total = total + inputs * outputs
    return total


def _small(a: LinearAttention, hidden: int, tp: Array) -> list[tuple[float, Array]]:
    """Inputs and outputs of the matrices beside queries, keys, values, their gate and the output [1]."""
    found: list[tuple[float, Array]] = []
    if a.step or a.decay_latent is not None:
        # time steps, or how much of a value a head writes
        found.append((float(hidden), ceil_div(a.heads, tp)))
    for rank, heads, width in (
        (a.decay_latent, a.key_heads, a.key_dim),
        (a.gate_latent, a.heads, a.value_dim),
    ):
        if rank is not None:
            found += [(float(hidden), rank * ones_like(tp)), (float(rank), width * ceil_div(heads, tp))]
    return found


def projection_traffic(a: LinearAttention, hidden: int, tp: Array) -> Array:
    """Activation elements that one row moves through the projections on one chip [1].

    2 d and what the projections write or read of the chip's heads.

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
        By hand: 16 + 2 x 2 x 4 + 3 x 2 x 4.

        >>> projection_traffic(LinearAttention(heads=2, key_heads=2, key_dim=4, value_dim=4, gate=True,
        ...                                    delta=True, state_bytes=4.0), 8, 1.0)
        56.0
    """
    keys = 2.0 * a.key_dim * ceil_div(a.key_heads, tp)
    moved = 2.0 * hidden + keys + (2.0 + a.gate) * a.value_dim * ceil_div(a.heads, tp)
    for _, outputs in _small(a, hidden, tp):
        moved = moved + outputs
    return moved


def kv_elements(a: LinearAttention, tp: Array) -> Array:
    """Elements of KV cache that one token leaves [1]: none.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        0, shape of `tp` [1].

    Domain:
        Every linear attention; see `state_bytes`.

    Limits:
        0.

    Source:
        Katharopoulos et al., ICML 2020 (arXiv 2006.16236), section 3.4: constant memory per sequence.

    Examples:
        >>> kv_elements(LinearAttention(heads=2, key_heads=2, key_dim=4, value_dim=4, gate=False,
        ...                             delta=False, state_bytes=4.0), 1.0)
        0.0
    """
    return zeros_like(tp)


def core_flop(a: LinearAttention, tp: Array) -> Array:
    """FLOP of one row on the state [FLOP]; the same however long the context is.

    2 (2 + delta) dk dv ceil(H / TP): a multiply-add to write a key with its value and one to read with a
    query, and with the delta rule another to read what the state already says of the key.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        FLOP, shape of `tp` [FLOP].

    Domain:
        Of a row that decodes; prompts may work through chunks, see `prompt_core_flop`.

    Limits:
        Independent of the context.

    Source:
        Yang, Kautz & Hatamizadeh 2024 (arXiv 2412.06464), section 3: the recurrence.

    Examples:
        By hand: 3 multiply-adds on 128 x 128 in 32 heads of Qwen3-Next.

        >>> core_flop(LinearAttention(heads=32, key_heads=16, key_dim=128, value_dim=128, gate=True,
        ...                           delta=True, conv=4, state_bytes=4.0), 1.0) == 32 * 3 * 2 * 128 * 128
        True
    """
    # the delta rule reads the state once more, to subtract what it holds of the key
    accesses = 3.0 if a.delta else 2.0
    return 2.0 * accesses * float(a.key_dim * a.value_dim) * ceil_div(a.heads, tp)


def prompt_core_flop(a: LinearAttention, tp: Array) -> Array:
    """As `core_flop`, for a row of a prompt [FLOP]; the same where tokens come one after the other.

    In chunks of C tokens each row is multiplied with the C / 2 rows before it as well: C dk for each head of
    keys and C dv for each of values, 2 FLOP an element. The delta rule solves for what rows take from each
    other: 2 C dk, C dv and C^2 / 3 more for each head of values.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        FLOP, shape of `tp` [FLOP].

    Domain:
        Prompts of many chunks; kernels that compute the upper triangle too need up to twice the addition.

    Limits:
        `core_flop` without chunks.

    Source:
        Dao & Gu 2024 (arXiv 2405.21060), section 6: the four steps of SSD in chunks; Yang et al. 2024 (arXiv
        2406.06484), section 3.2: the delta rule in chunks, its triangle solved by substitution.

    Examples:
        By hand: 2 x 2 x 4 x 4 on the state, and half of a chunk of 8 rows with keys and values of 4.

        >>> prompt_core_flop(LinearAttention(heads=1, key_heads=1, key_dim=4, value_dim=4, gate=False,
        ...                                  delta=False, chunk=8, state_bytes=4.0), 1.0)
        128.0
        >>> prompt_core_flop(LinearAttention(heads=1, key_heads=1, key_dim=4, value_dim=4, gate=False,
        ...                                  delta=False, state_bytes=4.0), 1.0)
        64.0
    """
    if not a.chunk:
        return core_flop(a, tp)
    c = float(a.chunk)
    # products of queries with keys are those of a group of heads in SSD, and of a head where keys are unlike
    pairs = c * a.key_dim * ceil_div(a.key_heads, tp)
    each = c * a.value_dim
    if a.delta:
        each = each + 2.0 * c * a.key_dim + c * a.value_dim + c * c / 3.0
    return core_flop(a, tp) + pairs + each * ceil_div(a.heads, tp)


def seen(a: LinearAttention, context: Array) -> Array:
    """Tokens that a decoded row attends to [token]: one state, which counts as one.

    Args:
        a: architecture of the layer.
        context: tokens before and including the row [token].

    Returns:
        1, shape of `context` [token].

    Domain:
        Makes `core_flop` times `seen` the FLOP of a row.

    Limits:
        1.

    Source:
        By definition.

    Examples:
        >>> seen(LinearAttention(heads=1, key_heads=1, key_dim=4, value_dim=4, gate=False, delta=False,
        ...                      state_bytes=4.0), 4096.0)
        1.0
    """
    return ones_like(context)


def kept(a: LinearAttention, context: Array) -> Array:
    """Tokens whose KV cache must have room [token], each of no bytes here: the context.

    Args:
        a: architecture of the layer.
        context: largest context of a sequence [token].

    Returns:
        The context; `kv_elements` of each are 0 [token].

    Domain:
        See `state_bytes`.

    Limits:
        The context.

    Source:
        By definition.

    Examples:
        >>> kept(LinearAttention(heads=1, key_heads=1, key_dim=4, value_dim=4, gate=False, delta=False,
        ...                      state_bytes=4.0), 4096.0)
        4096.0
    """
    return context


def seen_by_prompt(a: LinearAttention, isl: Array) -> Array:
    """Tokens that a row of a prompt attends to [token]: one state, which counts as one.

    Args:
        a: architecture of the layer.
        isl: prompt tokens [token].

    Returns:
        1, shape of `isl` [token].

    Domain:
        See `seen`.

    Limits:
        1.

    Source:
        By definition.

    Examples:
        >>> seen_by_prompt(LinearAttention(heads=1, key_heads=1, key_dim=4, value_dim=4, gate=False,
        ...                                delta=False, state_bytes=4.0), 4096.0)
        1.0
    """
    return ones_like(isl)


def state_bytes(a: LinearAttention, tp: Array) -> Array:
    """Bytes of the state of one sequence in one layer on one chip [B].

    ceil(H / TP) dk dv elements, and conv - 1 tokens of what the convolution reaches back to.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        Bytes, shape of `tp` [B].

    Domain:
        The state has a format of its own, whatever that of KV caches, and the convolution may have another.

    Limits:
        Independent of the context.

    Source:
        Yang, Kautz & Hatamizadeh 2024 (arXiv 2412.06464), section 3.

    Examples:
        By hand: 32 heads of 128 x 128 in four bytes are 2 MiB.

        >>> state_bytes(LinearAttention(heads=32, key_heads=16, key_dim=128, value_dim=128, gate=True,
        ...                             delta=True, state_bytes=4.0), 1.0) / 2**20
        2.0
    """
    heads = ceil_div(a.heads, tp)
    # the convolution runs over queries, keys and values, each a window of its last tokens
    back = max(a.conv - 1, 0) * (2.0 * a.key_dim * ceil_div(a.key_heads, tp) + a.value_dim * heads)
    if a.conv_bytes is not None:
        return a.state_bytes * (float(a.key_dim * a.value_dim) * heads) + a.conv_bytes * back
    return a.state_bytes * (float(a.key_dim * a.value_dim) * heads + back)
