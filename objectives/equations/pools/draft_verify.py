"""A draft LLM on one pool, the LLM that verifies on the other: rounds of drafted tokens between both."""

from dataclasses import dataclass

from objectives.api import Speculation
from objectives.arrays import Array, ceil_div, maximum
from objectives.equations.pools.crossing import Message
from objectives.equations.step.pipeline import pipeline_time
from objectives.equations.step.speculation import tokens_per_step


@dataclass(frozen=True, kw_only=True)
class DraftedToken:
    """One output token of every sequence, and where its seconds go."""

    draft_s: Array
    """Steps of the draft LLM [s]."""
    verify_s: Array
    """Passes of the LLM that verifies [s]."""
    crossing_s: Array
    """Drafted tokens on their way there, and what was accepted on its way back [s]."""
    wait_s: Array
    """For other groups of sequences [s]; 0 where one is alone."""
    draft_busy: Array
    """Share of the time that the draft's pool works [1]."""
    verify_busy: Array
    """Share of the time that the pool that verifies works [1]."""

    @property
    def seconds(self) -> Array:
        """Time per output token [s]."""
        return self.draft_s + self.verify_s + self.crossing_s + self.wait_s


def drafted_token(
    draft: Speculation,
    draft_step_s: Array,
    verify_s: Array,
    there: Message,
    back: Message,
    groups: Array = 1.0,
) -> DraftedToken:
    """An output token where one pool drafts and the other verifies.

    A round of one group of sequences is k steps of the draft, a crossing, one pass over k + 1 rows of each
    sequence, and a crossing: it gives E tokens (`speculation.tokens_per_step`). With g groups in turn both
    pools work at once, and a round takes

        max(k t_draft + t_verify + crossings, g max(k t_draft, t_verify, busy link)).

    Args:
        draft: tokens k that are drafted and the chance that one is accepted; its `cost` is not used, since
            the draft LLM has its own pool.
        draft_step_s: a step of the draft LLM for the sequences of one group [s].
        verify_s: a pass over k + 1 rows of each of them [s].
        there: drafted tokens, and their probabilities where sampling needs them.
        back: accepted tokens.
        groups: groups of sequences in turn [1]: 1 for rounds one after the other, 2 to keep both pools busy.

    Returns:
        Seconds of an output token, parts that sum to them, and how busy both pools are, shapes broadcast.

    Domain:
        Chains of tokens, no trees. No draft is begun before the last one of the same sequences is verified.
        Acceptance independent of position and group. Tokens a second are `queueing.throughput` of the
        sequences of all groups.

    Limits:
        Leviathan et al., theorem 3.8, for one group and a free link: (k c + 1) / E plain steps where a pass
        takes no longer than a plain step. For two groups 2 max(draft, verify) / E where the link is fast,
        twice the time of the slower pool for twice the sequences.

    Source:
        Leviathan, Kalman & Matias, ICML 2023 (arXiv 2211.17192), theorem 3.8; groups in turn are a cyclic
        line of deterministic stations, confirmed by an event simulation in tests/simulation.

    Examples:
        By hand: four drafted tokens of 1 ms and a pass of 4 ms give 1.9375 tokens at a chance of 1/2; two
        groups take the same round and serve twice the sequences.

        >>> no_time = Message(seconds=0.0, busy_s=0.0)
        >>> s = Speculation(length=4, acceptance=0.5, cost=0.0)
        >>> one, two = (drafted_token(s, 1.0, 4.0, no_time, no_time, groups) for groups in (1.0, 2.0))
        >>> round(one.seconds, 6), round(two.seconds, 6), one.verify_busy, two.verify_busy
        (4.129032, 4.129032, 0.5, 1.0)
    """
    drafting, crossings = draft.length * draft_step_s, there.seconds + back.seconds
    slowest = maximum(maximum(drafting, verify_s), maximum(there.busy_s, back.busy_s))
    turn = pipeline_time(drafting + verify_s + crossings, slowest, groups)
    tokens = tokens_per_step(draft)
    return DraftedToken(
        draft_s=drafting / tokens,
        verify_s=verify_s / tokens,
        crossing_s=crossings / tokens,
        wait_s=turn.wait_s() / tokens,
        draft_busy=groups * drafting / turn.seconds,
        verify_busy=groups * verify_s / turn.seconds,
    )


def fed_sequences(batch: Array, verify_replicas: Array, draft_replicas: Array) -> Array:
    """Sequences that a replica that drafts serves, and whose KV cache it keeps [1].

    ceil(batch x replicas that verify / replicas that draft): those of the fullest replica.

    Args:
        batch: sequences of a replica that verifies [1].
        verify_replicas: replicas that verify [replica].
        draft_replicas: replicas that draft [replica].

    Returns:
        Sequences, shapes broadcast [1].

    Domain:
        Replicas of a pool are alike. Sequences are not split.

    Limits:
        The batch where both pools have as many replicas.

    Source:
        Conservation of sequences.

    Examples:
        By hand: four replicas of 24 sequences feed on one that drafts; one of 5 feeds on two.

        >>> fed_sequences(24.0, 4.0, 1.0), fed_sequences(5.0, 1.0, 2.0)
        (96.0, 3.0)
    """
    return ceil_div(batch * verify_replicas, draft_replicas)


def token_bytes(sequences: Array, tokens: Array, bytes_each: Array) -> Array:
    """Bytes of the tokens of some sequences that cross between both pools [B].

    sequences x tokens x bytes.

    Args:
        sequences: sequences of a group [1].
        tokens: tokens of each [token].
        bytes_each: bytes of one token [B]: its number, and where the draft samples its probabilities too,
            which rejection compares with those of the LLM; a draft of the most likely tokens has none.

    Returns:
        Bytes, shapes broadcast [B].

    Domain:
        As many tokens of each sequence.

    Limits:
        Linear in each argument.

    Source:
        Leviathan, Kalman & Matias, ICML 2023 (arXiv 2211.17192), algorithm 1, for what must cross.

    Examples:
        By hand: numbers of four bytes, five tokens of 64 sequences.

        >>> token_bytes(64.0, 5.0, 4.0)
        1280.0
    """
    return sequences * tokens * bytes_each
