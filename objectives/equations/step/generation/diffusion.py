"""Block diffusion: all tokens of a block are denoised together, in several passes over all of its rows."""

from objectives.api import Diffusion, Workload
from objectives.arrays import Array, ceil_div
from objectives.equations.step.speculation import checked_rows


def rows_of_sequence(work: Workload) -> float:
    """Rows that one sequence feeds to a pass of decode [1].

    B rows of a block, k + 1 of a draft, else one.

    Args:
        work: workload, with its block or its draft.

    Returns:
        Rows of a sequence [1].

    Domain:
        Every pass is over all rows of a block, those that are settled among them.

    Limits:
        1 for one token a step.

    Source:
        Block Diffusion, Arriola et al., ICLR 2025 (arXiv 2503.09573).

    Examples:
        By hand:

        >>> eight = Diffusion(block=32, steps=8.0, commit=True)
        >>> rows_of_sequence(Workload(isl=8.0, osl=64.0, mean_context=56.0, max_context=72.0,
        ...                           serving="static", diffusion=eight))
        32.0
    """
    return checked_rows(work.speculation) if work.diffusion is None else float(work.diffusion.block)


def passes_of_block(d: Diffusion) -> float:
    """Passes that one block takes [1].

    S that denoise it, and one more where its final tokens are written to the KV cache by a pass of their own.

    Args:
        d: block, steps and commit.

    Returns:
        Passes [1].

    Domain:
        Where a block is done after an unlike number of steps, S is the mean.

    Limits:
        1 for one step that also keeps its KV cache.

    Source:
        Transformers 5.14, page on DiffusionGemma: a block that is denoised is processed once more, for the KV
        cache.

    Examples:
        By hand:

        >>> passes_of_block(Diffusion(block=32, steps=8.0, commit=True))
        9.0
    """
    return d.steps + (1.0 if d.commit else 0.0)


def blocks_of_answer(d: Diffusion, osl: Array) -> Array:
    """Blocks that are denoised for an answer [1].

    ceil(OSL / B): the last block is denoised whole, whatever of it is wanted.

    Args:
        d: block, steps and commit.
        osl: output tokens [token].

    Returns:
        Blocks, shape of `osl` [1].

    Domain:
        Answers begin with a block of their own.

    Limits:
        1 for an answer that is shorter than a block.

    Source:
        By definition.

    Examples:
        By hand: 100 tokens need four blocks of 32.

        >>> blocks_of_answer(Diffusion(block=32, steps=8.0, commit=True), 100.0)
        4.0
    """
    return ceil_div(osl, float(d.block))


def tokens_per_pass(d: Diffusion, osl: Array) -> Array:
    """Output tokens that a pass gives each sequence, on average [token].

    OSL / (blocks x passes of a block): B / passes where OSL is whole blocks. Tokens beyond the end of an
    answer are computed and count for nothing.

    Args:
        d: block, steps and commit.
        osl: output tokens [token].

    Returns:
        Tokens, shape of `osl` [token].

    Domain:
        All requests have one length.

    Limits:
        B for one pass a block; below 1 where a block takes more passes than it has tokens.

    Source:
        By definition.

    Examples:
        By hand: two blocks of 32 in nine passes each; three blocks for one token more.

        >>> eight = Diffusion(block=32, steps=8.0, commit=True)
        >>> round(tokens_per_pass(eight, 64.0), 4), round(tokens_per_pass(eight, 65.0), 4)
        (3.5556, 2.4074)
    """
    return osl / (blocks_of_answer(d, osl) * passes_of_block(d))


def first_tokens(work: Workload) -> Array:
    """Tokens of an answer that come together at the end of TTFT [token].

    Those of a block, on average over an answer, or one.

    Args:
        work: workload, with its block where it has one.

    Returns:
        Tokens, shape of OSL [token].

    Domain:
        A block is shown when all of it is settled.

    Limits:
        1 for one token a step; OSL for a single block.

    Source:
        By definition; TPOT as in MLPerf Inference is of the tokens after those.

    Examples:
        By hand: 64 tokens in two blocks.

        >>> first_tokens(Workload(isl=8.0, osl=64.0, mean_context=56.0, max_context=72.0,
        ...                       serving="static", diffusion=Diffusion(block=32, steps=8.0, commit=True)))
        32.0
    """
    return 1.0 if work.diffusion is None else work.osl / blocks_of_answer(work.diffusion, work.osl)


def first_block_s(work: Workload, token_s: Array) -> Array:
    """Time from the end of a prompt until its first block is complete [s].

    S of the passes of a block: its tokens are known before they are written to the KV cache.

    Args:
        work: workload with a block.
        token_s: time per output token, waits for others included [s].

    Returns:
        Seconds, shape of `token_s` [s]; 0 without blocks.

    Domain:
        As `first_tokens`.

    Limits:
        All passes of a block where none is for its KV cache alone.

    Source:
        By definition.

    Examples:
        By hand: eight of nine passes of 10 ms, of which a token takes 9 / 32.

        >>> round(first_block_s(Workload(isl=8.0, osl=64.0, mean_context=56.0, max_context=72.0,
        ...     serving="static", diffusion=Diffusion(block=32, steps=8.0, commit=True)), 0.09 / 32), 9)
        0.08
    """
    d = work.diffusion
    return 0.0 * token_s if d is None else token_s * (tokens_per_pass(d, work.osl) * d.steps)


def context_of_blocks(d: Diffusion, isl: Array, osl: Array) -> tuple[Array, Array]:
    """Mean context of a row of decode, and the largest of a sequence [token].

    Each row sees the prompt, all blocks before and its own: ISL + B (n + 1) / 2 on average over n blocks, and
    ISL + n B at the end.

    Args:
        d: block, steps and commit.
        isl: prompt tokens [token].
        osl: output tokens [token].

    Returns:
        Mean and largest context, shapes broadcast [token].

    Domain:
        Blocks see what is before them and nothing after.

    Limits:
        ISL + OSL for a single block.

    Source:
        Block Diffusion, Arriola et al., ICLR 2025 (arXiv 2503.09573).

    Examples:
        By hand: rows of two blocks of 32 after 8 tokens see 40 and 72.

        >>> context_of_blocks(Diffusion(block=32, steps=8.0, commit=True), 8.0, 64.0)
        (56.0, 72.0)
    """
    size, count = float(d.block), blocks_of_answer(d, osl)
    return isl + size * (count + 1.0) / 2.0, isl + size * count


def undecided(work: Workload) -> str:
    """Why tokens cannot come out of passes so; the empty string where they can.

    Args:
        work: workload, with its block or its draft.

    Returns:
        A sentence.

    Domain:
        One way of decoding for all requests.

    Limits:
        None.

    Source:
        By definition: a step checks drafts, or is one of the passes of a block.

    Examples:
        >>> undecided(Workload(isl=8.0, osl=64.0, mean_context=40.0, max_context=72.0, serving="static"))
        ''
    """
    if work.diffusion is None or work.speculation is None:
        return ""
    return (
        f"diffusion: expected either diffusion or speculation, got blocks of {work.diffusion.block} and "
        f"drafts of {work.speculation.length}"
    )
