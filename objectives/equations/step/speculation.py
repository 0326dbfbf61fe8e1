"""Speculative decoding: a cheap draft proposes tokens, one step of the LLM checks them all at once."""

from objectives.api import Speculation


def tokens_per_step(s: Speculation) -> float:
    """Expected tokens that one checked draft yields [token].

    (1 - a^(k+1)) / (1 - a) for k drafted tokens, each accepted with chance a while all before it are; the
    step itself gives one more. Limits: 1 at a = 0; k + 1 at a = 1. Domain: acceptance independent of the
    position.

    Source: Leviathan, Kalman & Matias, ICML 2023 (arXiv 2211.17192), equation 1.
    """
    a, k = s.acceptance, s.length
    return k + 1.0 if a == 1.0 else (1.0 - a ** (k + 1)) / (1.0 - a)


def checked_rows(s: Speculation | None) -> float:
    """Rows that one sequence feeds to a step [1]: its drafted tokens and the last one that is certain."""
    return 1.0 if s is None else s.length + 1.0
