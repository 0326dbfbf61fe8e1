"""Mamba-1 in place of attention: a state of a few numbers for each inner channel, scanned token by token.

Symbols: d hidden size, I inner width, N numbers of a state, R rank of the time steps, k taps, TP
tensor-parallel ways.
"""

from typing import Final

from objectives.api import Mamba
from objectives.arrays import Array, ceil_div, ones_like, zeros_like

LAUNCHES: Final = 7
"""Kernels of a layer, see `llm.launches`: norm, projections, convolution, time steps with keys and queries,
their projection, scan, output."""


def params(a: Mamba, hidden: int) -> int:
    """Parameters of one layer: projections, convolution, time steps, decays, skips, norms and biases [1].

    2 d I into the layer, k I taps and I biases of them, I (R + 2 N) for time steps, keys and queries, R I + I
    that widen the time steps, I N decays, I skips, I d out of it; R + 2 N where these have norms, and 2 I + d
    biases of the projections.

    Args:
        a: architecture of the layer.
        hidden: hidden size d [1].

    Returns:
        Parameters [1].

    Domain:
        Mamba, Falcon Mamba, Jamba and Zamba, every parameter; norms without weights count as none.

    Limits:
        3 d I for narrow states and ranks.

    Source:
        Gu & Dao 2023 (arXiv 2312.00752), section 3.4; `MambaMixer`, `JambaMambaMixer` of Transformers 5.24.

    Examples:
        By hand: 3 x 8 x 16 in and out, 4 x 16 + 16 of the convolution, 16 x (2 + 2 x 4), 2 x 16 + 16, 16 x 4
        decays, 16 skips.

        >>> params(Mamba(inner=16, state_dim=4, step_rank=2, conv=4, state_bytes=4.0), 8)
        752
    """
    made = a.step_rank + 2 * a.state_dim
    into_and_out = 3 * hidden * a.inner + (2 * a.inner + hidden) * a.bias
    convolved = (a.conv + a.conv_bias) * a.inner
    scanned = a.inner * made + (a.step_rank + 1) * a.inner + a.inner * (a.state_dim + 1)
    return into_and_out + convolved + scanned + made * a.norms


def projection_elements(a: Mamba, hidden: int, tp: Array) -> Array:
    """Weights of the projections on one chip [1]: ceil(I / TP) (3 d + 2 R + 2 N), split by channels.

    Args:
        a: architecture of the layer.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].

    Returns:
        Weights, shape of `tp` [1].

    Domain:
        Taps, decays, skips, norms and biases are left out, below 1 % of a layer.

    Limits:
        At TP = 1 the parameters but for those.

    Source:
        `MambaMixer` of vLLM: channels are split, and time steps, keys and queries are added up.

    Examples:
        By hand: half of 16 x (3 x 8 + 2 x 2 + 2 x 4).

        >>> projection_elements(Mamba(inner=16, state_dim=4, step_rank=2, conv=4, state_bytes=4.0), 8, 2.0)
        288.0
    """
    return (3.0 * hidden + 2.0 * a.step_rank + 2.0 * a.state_dim) * ceil_div(a.inner, tp)


def projection_traffic(a: Mamba, hidden: int, tp: Array) -> Array:
    """Activation elements that one row moves through the projections on one chip [1].

    2 d + 5 ceil(I / TP) + 2 R + 2 N: the row and the output, what each projection reads and writes of the
    chip's channels, and time steps, keys and queries, which every chip has whole.

    Args:
        a: architecture of the layer.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].

    Returns:
        Elements read and written, shape of `tp` [1].

    Domain:
        Each operand crosses memory once.

    Limits:
        2 d + 2 R + 2 N for channels spread over endless chips, but for one channel each.

    Source:
        Counted from the shapes of the projections.

    Examples:
        By hand: 16 + 5 x 16 + 4 + 8.

        >>> projection_traffic(Mamba(inner=16, state_dim=4, step_rank=2, conv=4, state_bytes=4.0), 8, 1.0)
        108.0
    """
    return 2.0 * hidden + 2.0 * a.step_rank + 2.0 * a.state_dim + 5.0 * ceil_div(a.inner, tp)


def summed_elements(a: Mamba) -> float:
    """Elements of a row that the chips of a layer add up before its state [1]: R + 2 N.

    Args:
        a: architecture of the layer.

    Returns:
        Elements [1].

    Domain:
        Channels split over chips: each has a part of the sums that time steps, keys and queries are.

    Limits:
        Independent of the inner width.

    Source:
        As `projection_elements`.

    Examples:
        >>> summed_elements(Mamba(inner=16, state_dim=4, step_rank=2, conv=4, state_bytes=4.0))
        10.0
    """
    return float(a.step_rank + 2 * a.state_dim)


def state_bytes(a: Mamba, tp: Array) -> Array:
    """Bytes of the state of one sequence in one layer on one chip [B].

    N ceil(I / TP) elements, and k - 1 tokens of what the convolution reaches back to.

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
        Gu & Dao 2023 (arXiv 2312.00752), section 3.3; `MambaStateShapeCalculator.mamba1_state_shape` of vLLM.

    Examples:
        By hand: 8,192 channels of 16 numbers and of three tokens, in four bytes, are 608 KiB.

        >>> state_bytes(Mamba(inner=8192, state_dim=16, step_rank=256, conv=4, state_bytes=4.0), 1.0) / 1024
        608.0
    """
    back = a.state_bytes if a.conv_bytes is None else a.conv_bytes
    return (a.state_bytes * a.state_dim + back * max(a.conv - 1, 0)) * ceil_div(a.inner, tp)


def core_flop(a: Mamba, tp: Array) -> Array:
    """FLOP of one row in convolution, scan and gate [FLOP]; the same however long the context is.

    (7 N + 2 k + 4) ceil(I / TP). Of each number of a state: step times decay, its exponential, key times
    value, the state decayed and added to, and a multiply-add with the query. Of each channel: the taps, step
    times value, the skip, and the gate.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        FLOP, shape of `tp` [FLOP].

    Domain:
        An exponential counts as one. They are no products of matrices; a chip's rate for attention counts.

    Limits:
        Independent of the context.

    Source:
        Gu & Dao 2023 (arXiv 2312.00752), algorithm 2 and equation 2: the recurrence.

    Examples:
        By hand: 16 x (7 x 4 + 2 x 4 + 4).

        >>> core_flop(Mamba(inner=16, state_dim=4, step_rank=2, conv=4, state_bytes=4.0), 1.0)
        640.0
    """
    return (7.0 * a.state_dim + 2.0 * a.conv + 4.0) * ceil_div(a.inner, tp)


def prompt_core_flop(a: Mamba, tp: Array) -> Array:
    """As `core_flop`, for a row of a prompt [FLOP]: the same, the scan is no product of matrices.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        FLOP, shape of `tp` [FLOP].

    Domain:
        Kernels whose threads scan runs of tokens in order; what joins the runs is left out.

    Limits:
        As `core_flop`.

    Source:
        Gu & Dao 2023 (arXiv 2312.00752), section 3.3.2: as many FLOP as the recurrence, in the order of I N.

    Examples:
        >>> prompt_core_flop(Mamba(inner=16, state_dim=4, step_rank=2, conv=4, state_bytes=4.0), 1.0)
        640.0
    """
    return core_flop(a, tp)


def kv_elements(a: Mamba, tp: Array) -> Array:
    """Elements of KV cache that one token leaves [1]: none.

    Args:
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        0, shape of `tp` [1].

    Domain:
        Every Mamba-1; see `state_bytes`.

    Limits:
        0.

    Source:
        Gu & Dao 2023 (arXiv 2312.00752), section 3.3: constant memory a sequence.

    Examples:
        >>> kv_elements(Mamba(inner=8, state_dim=4, step_rank=2, conv=4, state_bytes=4.0), 1.0)
        0.0
    """
    return zeros_like(tp)


def seen(a: Mamba, context: Array) -> Array:
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
        >>> seen(Mamba(inner=8, state_dim=4, step_rank=2, conv=4, state_bytes=4.0), 4096.0)
        1.0
    """
    return ones_like(context)


def kept(a: Mamba, context: Array) -> Array:
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
        >>> kept(Mamba(inner=8, state_dim=4, step_rank=2, conv=4, state_bytes=4.0), 4096.0)
        4096.0
    """
    return context


def seen_by_prompt(a: Mamba, isl: Array) -> Array:
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
        >>> seen_by_prompt(Mamba(inner=8, state_dim=4, step_rank=2, conv=4, state_bytes=4.0), 4096.0)
        1.0
    """
    return ones_like(isl)
