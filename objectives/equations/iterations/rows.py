"""Rows of one pass that carries steps of decode and a chunk of prompts."""

from objectives.arrays import maximum
from objectives.equations.step.forward_pass import PassInput


def mixed(decoding: PassInput, chunk: PassInput) -> PassInput:
    """A step of decode that carries one chunk of prompts.

    Rows, sequences, bytes of KV cache and states are sums; FLOP of a row are the mean over rows.

    Args:
        decoding: rows that decode.
        chunk: rows of prompts.

    Returns:
        Rows of one pass, shapes broadcast.

    Domain:
        Both read the same weights in the same pass; one of them has a row at least.

    Limits:
        The chunk alone where nothing decodes.

    Source:
        Agrawal et al., Sarathi-Serve, OSDI 2024 (arXiv 2403.02310), section 4.

    Examples:
        By hand: 3 rows of 10 FLOP and 1 of 50 make 4 rows of 20, five eighths of which are of prompts.

        >>> one = dict(sequences=1.0, kv_elements=8.0, kv_share=0.0)
        >>> decoding = PassInput(rows=3.0, head_rows=3.0, core_flop=10.0, **one)
        >>> chunk = PassInput(rows=1.0, head_rows=0.0, core_flop=50.0, prompt=True, **one)
        >>> both = mixed(decoding, chunk)
        >>> both.rows, both.core_flop, both.decoded, both.kv_elements
        (4.0, 20.0, 0.375, 16.0)
    """
    rows = decoding.rows + chunk.rows
    decoded, prompted = decoding.rows * decoding.core_flop, chunk.rows * chunk.core_flop
    state = decoding.state_bytes
    if state is not None and chunk.state_bytes is not None:
        state = state + chunk.state_bytes
    exchanged = decoding.exchanged
    if exchanged is not None and chunk.exchanged is not None:
        exchanged = (decoding.rows * exchanged + chunk.rows * chunk.exchanged) / rows
    return PassInput(
        rows=rows,
        head_rows=decoding.head_rows + chunk.head_rows,
        sequences=decoding.sequences + chunk.sequences,
        # the pass wants FLOP of a row, so both kinds of rows are averaged
        core_flop=(decoded + prompted) / rows,
        decoded=decoded / maximum(decoded + prompted, 1.0),
        kv_elements=decoding.kv_elements + chunk.kv_elements,
        kv_share=decoding.kv_share,
        kv_further=decoding.kv_further,
        kv_written=chunk.kv_written,
        # launches of a pass with a chunk are not recorded, so it pays those of prompts
        prompt=True,
        state_bytes=state,
        exchanged=exchanged,
    )
