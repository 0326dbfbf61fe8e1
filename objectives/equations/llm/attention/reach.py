"""How many tokens the rows of a prompt attend to where each attends to some at most."""

from objectives.arrays import Array, maximum, minimum


def mean_reach(isl: Array, most: float) -> Array:
    """Tokens that a row of a prompt attends to at most `most` of, the mean over its rows [token].

    The triangle of the first rows, then `most` a row: most - most^2 / (2 isl), or isl / 2 where most >= isl.

    Args:
        isl: prompt tokens [token].
        most: tokens that a row attends to at most [token].

    Returns:
        Tokens, shape of `isl` [token].

    Domain:
        Whole prompts; a row sees itself as half a token. Which tokens they are does not matter.

    Limits:
        isl / 2 for short prompts, `most` for a prompt without end, 0 for an empty one.

    Source:
        Counted from the causal mask.

    Examples:
        By hand: rows 1 to 4 of eight see half of 4 on average, the others 4.

        >>> mean_reach(8.0, 4.0)
        3.0
    """
    # the floor makes an empty prompt see 0 tokens instead of 0 / 0
    prompt, inside = maximum(isl, 1e-9), minimum(isl, float(most))
    return inside - inside * inside / (2.0 * prompt)
