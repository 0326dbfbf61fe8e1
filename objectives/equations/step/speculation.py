"""Speculative decoding: a cheap draft proposes tokens, one step of the LLM checks them all at once."""

from objectives.api import Speculation


def tokens_per_step(s: Speculation) -> float:
    """Expected tokens that one checked draft yields [token].

    (1 - a^(k+1)) / (1 - a) for k drafted tokens, each accepted with chance a while all before it are; the
    step itself gives one more.

    Args:
        s: length k and acceptance a of the draft.

    Returns:
        Tokens of a step [token].

    Domain:
        Acceptance independent of the position.

    Limits:
        1 at a = 0; k + 1 at a = 1.

    Source:
        Leviathan, Kalman & Matias, ICML 2023 (arXiv 2211.17192), equation 1.

    Examples:
        Published: speed over plain decoding with a free draft, 1.96 for a = 0.6 and k = 2, 3.69 for 0.8 and
        5, 6.86 for 0.9 and 10 (ibid., table 1).

        >>> drafts = [(0.6, 2), (0.8, 5), (0.9, 10)]
        >>> [round(tokens_per_step(Speculation(length=k, acceptance=a, cost=0.0)), 2) for a, k in drafts]
        [1.96, 3.69, 6.86]
    """
    # the geometric sum is 0 / 0 at a = 1, where its limit is k + 1
    a, k = s.acceptance, s.length
    return k + 1.0 if a == 1.0 else (1.0 - a ** (k + 1)) / (1.0 - a)


def checked_rows(s: Speculation | None) -> float:
    """Rows that one sequence feeds to a step: its drafted tokens and the last one that is certain [1].

    k + 1.

    Args:
        s: the draft; None without one.

    Returns:
        Rows of a sequence [1].

    Domain:
        Chains of tokens, no trees.

    Limits:
        1 without a draft.

    Source:
        Leviathan, Kalman & Matias, ICML 2023 (arXiv 2211.17192), algorithm 1.

    Examples:
        By hand:

        >>> checked_rows(Speculation(length=5, acceptance=0.8, cost=0.0))
        6.0
    """
    return 1.0 if s is None else s.length + 1.0


def unsplit_draft(s: Speculation | None) -> str:
    """Why chips of one pool cannot draft so; the empty string where they can.

    Args:
        s: the draft; None without one.

    Returns:
        A sentence.

    Domain:
        One pool, whose drafts take a stated share of its steps.

    Limits:
        None.

    Source:
        By definition: an LLM that drafts has chips of its own, and no cost is read.

    Examples:
        By hand:

        >>> unsplit_draft(Speculation(length=5, acceptance=0.8, cost=0.1))
        ''
    """
    if s is None or s.llm is None:
        return ""
    return f"speculation.llm: expected pools draft and verify with it, or a cost instead, got {s.llm.name}"
