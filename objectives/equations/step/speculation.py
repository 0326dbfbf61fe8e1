"""Speculative decoding: a cheap draft proposes tokens, one step of the LLM checks them all at once."""

from objectives.api import Llm, Speculation


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


def unsplit_draft(s: Speculation | None, llm: Llm) -> str:
    """Why chips of one pool cannot draft so; the empty string where they can.

    Args:
        s: the draft; None without one.
        llm: the LLM that is served.

    Returns:
        A sentence.

    Domain:
        One pool, whose drafts take a stated share of its steps, or passes of layers of the LLM.

    Limits:
        None.

    Source:
        By definition: an LLM that drafts has chips of its own, and no cost is read; layers that draft have no
        cost but that of their passes.

    Examples:
        By hand:

        >>> llm = Llm(name="x", hidden=8, vocab=4, blocks=(), nominal_params=1.0)
        >>> unsplit_draft(Speculation(length=5, acceptance=0.8, cost=0.1), llm)
        ''
        >>> unsplit_draft(Speculation(length=5, acceptance=0.8, cost=0.0, own_layers=True), llm)
        'speculation.draft: expected an LLM with draft_layers for mtp, got x without'
    """
    if s is None:
        return ""
    if s.own_layers:
        return _unmade(s, llm)
    if s.llm is None:
        return ""
    return f"speculation.llm: expected pools draft and verify with it, or a cost instead, got {s.llm.name}"


def _unmade(s: Speculation, llm: Llm) -> str:
    """Why layers of an LLM do not draft so; the empty string where they do."""
    if llm.draft is None:
        return f"speculation.draft: expected an LLM with draft_layers for mtp, got {llm.name} without"
    if s.cost:
        return f"speculation.cost: expected none for mtp, whose passes are computed, got {s.cost:g}"
    if s.llm is not None:
        return f"speculation.llm: expected none for mtp, got {s.llm.name}"
    if s.length < 1:
        return f"speculation.length: expected 1 or more drafted tokens, got {s.length}"
    return ""
