"""Feed-forward networks, bare matrices and the LM head on one chip of a tensor-parallel group.

Symbols: d hidden size, V vocabulary, TP tensor-parallel ways. Columns are split over TP, so that a width
which TP does not divide costs its ceiling on the fullest chip.
"""

from objectives.api import Block, Ffn, Llm
from objectives.arrays import Array, ceil_div, zeros_like


def ffn_elements(ffn: Ffn, hidden: int, tp: Array) -> Array:
    """Weights of the FFN on one chip [1].

    matrices x d x ceil(width / TP).

    Args:
        ffn: width, and two matrices or three when gated.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].

    Returns:
        Weights, shape of `tp` [1].

    Domain:
        No biases.

    Limits:
        The published count at TP = 1; d a matrix where TP exceeds the width.

    Source:
        Megatron-LM, Shoeybi et al. 2019 (arXiv 1909.08053), section 3; SwiGLU, Shazeer 2020
        (arXiv 2002.05202).

    Examples:
        By hand: a chip of eight holds 3 x 8,192 x 3,584 of Llama-2 70B.

        >>> ffn_elements(Ffn(width=28672, matrices=3), 8192, 8.0)
        88080384.0
    """
    return float(ffn.matrices * hidden) * ceil_div(ffn.width, tp)


def ffn_traffic(ffn: Ffn, hidden: int, tp: Array) -> Array:
    """Activation elements that one row moves through the FFN on one chip [1].

    2 d + matrices x ceil(width / TP): d in, d out, the width written and read.

    Args:
        ffn: width and matrices.
        hidden: hidden size d [1].
        tp: tensor-parallel ways [1].

    Returns:
        Elements read and written, shape of `tp` [1].

    Domain:
        Each operand crosses memory once; the two results of a gated FFN are fused into one.

    Limits:
        2 d for endless TP, but for one column a matrix.

    Source:
        Counted from the shapes.

    Examples:
        By hand: 2 x 8,192 + 3 x 28,672.

        >>> ffn_traffic(Ffn(width=28672, matrices=3), 8192, 1.0)
        102400.0
    """
    return 2.0 * hidden + float(ffn.matrices) * ceil_div(ffn.width, tp)


def matrix_elements(block: Block, tp: Array) -> Array:
    """Weights of a layer of bare matrices on one chip [1]: columns split over TP.

    Sum of inputs x ceil(outputs / TP).

    Args:
        block: layer with bare matrices.
        tp: tensor-parallel ways [1].

    Returns:
        Weights, shape of `tp` [1].

    Domain:
        Each matrix is split by columns, and its outputs are gathered.

    Limits:
        0 without matrices.

    Source:
        Counted from the shapes.

    Examples:
        By hand: 512 inputs to one of two halves of 100 columns.

        >>> from objectives.api import Matrix
        >>> matrix_elements(Block(count=1, matrices=(Matrix(inputs=512, outputs=100),)), 2.0)
        25600.0
    """
    # a matrix at a time, since each rounds its own columns up to whole ones on the fullest chip
    total = zeros_like(tp)
    for m in block.matrices:
        total = total + float(m.inputs) * ceil_div(m.outputs, tp)
    return total


def matrix_traffic(block: Block, tp: Array) -> Array:
    """Activation elements that one row moves through bare matrices on one chip [1].

    Sum of inputs + ceil(outputs / TP).

    Args:
        block: layer with bare matrices.
        tp: tensor-parallel ways [1].

    Returns:
        Elements read and written, shape of `tp` [1].

    Domain:
        Every chip reads all inputs, which an all-gather has brought.

    Limits:
        The inputs alone for endless TP, but for one column.

    Source:
        Counted from the shapes.

    Examples:
        By hand: 512 read, 50 written.

        >>> from objectives.api import Matrix
        >>> matrix_traffic(Block(count=1, matrices=(Matrix(inputs=512, outputs=100),)), 2.0)
        562.0
    """
    total = zeros_like(tp)
    for m in block.matrices:
        total = total + float(m.inputs) + ceil_div(m.outputs, tp)
    return total


def head_elements(llm: Llm, tp: Array) -> Array:
    """Weights of the LM head on one chip [1].

    d x ceil(V / TP).

    Args:
        llm: network with `hidden` and `vocab`.
        tp: tensor-parallel ways [1].

    Returns:
        Weights, shape of `tp` [1].

    Domain:
        Split over the vocabulary.

    Limits:
        0 without a vocabulary.

    Source:
        Megatron-LM, Shoeybi et al. 2019 (arXiv 1909.08053), section 3: embedding split over the vocabulary.

    Examples:
        By hand: 8,192 x 4,000 of Llama-2 70B on one of eight chips.

        >>> head_elements(Llm(name="70b", hidden=8192, vocab=32000, blocks=(), nominal_params=70e9), 8.0)
        32768000.0
    """
    return float(llm.hidden) * ceil_div(llm.vocab, tp)
