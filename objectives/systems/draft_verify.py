"""Draft | verify: a small LLM drafts on one pool, the LLM that is served verifies on the other."""

from dataclasses import replace
from typing import Final

from objectives.api import Context, Deployments, Designs, Pool, PoolLink, Speculation
from objectives.arrays import Array, ceil_div, inverse, maximum, minimum, ones_like
from objectives.equations.chip.operator_time import add_bounds
from objectives.equations.chip.resource_seconds import ResourceSeconds
from objectives.equations.interconnect.alpha_beta import AlphaBeta
from objectives.equations.llm.parameters import params
from objectives.equations.pools.crossing import crossing, message
from objectives.equations.pools.draft_verify import DraftedToken, drafted_token, fed_sequences, token_bytes
from objectives.equations.serving.first_token import first_token_parts
from objectives.equations.step.batch_setup import Setup, set_up
from objectives.equations.step.decode_steps import DecodeSteps, decode_steps
from objectives.equations.step.pipeline import micro_batches
from objectives.equations.step.pipeline_pass import bounds
from objectives.equations.step.prefill_pass import prefill_pass
from objectives.systems.decode_side import (
    DecodeSide,
    no_prompts,
    port_bandwidth,
    stored,
)
from objectives.systems.turns import PoolTurn, Turn, fastest, side_of

GROUPS: Final = (1, 2, 3, 4)
"""Groups that the sequences of a replica that verifies are cut into; more are not tried."""
TOKEN_BYTES: Final = 4.0
"""The number of a token on its way between the pools, an integer of 32 bits [B]."""
ANSWER: Final = 2.0
"""Numbers that come back for each sequence: how many were accepted, and the token that follows them."""


def draft_problem(context: Context) -> str:
    """Why a workload has no draft that a pool of its own could make; the empty string where it has one.

    Args:
        context: network and workload.

    Returns:
        A sentence.

    Domain:
        Pools draft and verify.

    Limits:
        None.

    Source:
        Exact acceptance compares the chances that both LLMs give the same token, so that both need the same
        vocabulary: Leviathan, Kalman & Matias, ICML 2023 (arXiv 2211.17192), algorithm 1.

    Examples:
        By hand, in tests/systems/test_pool_inputs.py.
    """
    draft, llm = context.workload.speculation, context.llm
    if draft is None:
        return "speculation: expected an LLM that drafts, a length and an acceptance, got none"
    if draft.own_layers:
        return f"speculation.draft: expected an LLM that drafts, got mtp, which is layers of {llm.name}"
    if draft.llm is None:
        return "speculation.llm: expected the LLM that drafts, got none"
    if draft.length < 1:
        return f"speculation.length: expected 1 or more drafted tokens, got {draft.length}"
    prefix = context.workload.prefix
    if prefix is not None and prefix.tier == "memory":
        return f"prefix_cache.tier: expected dram, or host or pooled apart from the chip, got {prefix.memory}"
    own = draft.llm
    if own.vocab != llm.vocab:
        what = f"expected the vocabulary of {llm.name}, {llm.vocab:,} tokens, for exact acceptance"
        return f"speculation.llm: {what}, got {own.name} with {own.vocab:,}"
    if params(own) > params(llm):
        what = f"expected an LLM of at most the {_billions(llm.name, params(llm))}"
        return f"speculation.llm: {what}, got {_billions(own.name, params(own))}"
    return ""


def _billions(name: str, parameters: float) -> str:
    return f"{parameters / 1e9:,.4g} billion parameters of {name}"


def draft_context(context: Context) -> Context:
    """What the pool that drafts computes: plain steps of the draft LLM for the same requests.

    Args:
        context: network, formats and workload, with a draft LLM.

    Returns:
        The context of the draft LLM.

    Domain:
        As `drafted_side`.

    Limits:
        None.

    Source:
        By definition.

    Examples:
        By hand, in tests/systems/test_draft_verify.py.
    """
    draft = context.workload.speculation
    if draft is None or draft.llm is None:
        raise ValueError(draft_problem(context))
    work = replace(context.workload, speculation=None)
    precision = context.precision if draft.precision is None else draft.precision
    return replace(context, llm=draft.llm, precision=precision, workload=work)


def free_draft(context: Context) -> Speculation:
    """The draft of a workload, whose cost is that of a pool of its own.

    Args:
        context: workload with a draft.

    Returns:
        The draft at no cost.

    Raises:
        ValueError: without one.

    Domain:
        As `drafted_side`.

    Limits:
        None.

    Source:
        By definition.

    Examples:
        By hand, in tests/systems/test_draft_verify.py.
    """
    draft = context.workload.speculation
    if draft is None:
        raise ValueError(draft_problem(context))
    return replace(draft, cost=0.0)


def drafted_side(draft: Pool, verify: Pool, link: PoolLink, context: Context) -> DecodeSide:
    """Decode with drafts from one pool that another one verifies.

    A replica that verifies has `batch` sequences, cut into the groups that make a token fastest. In a round
    the draft LLM makes k tokens for each sequence of a group, one step after the other; their numbers cross
    the link; one pass of the LLM over k + 1 rows a sequence checks them; what was accepted crosses back.
    While one group is verified another one is drafted. All `dp` replicas that verify are fed by the `dp`
    replicas that draft, each of which serves its share of their sequences in one pass and keeps the KV cache
    of the draft LLM for all of them; `batch` of the pool that drafts is not read. Inside a pool one group is
    served at a time, in as many micro-batches as the pool has stages.

    Args:
        draft: chips of the draft LLM.
        verify: chips of the LLM.
        link: network between them.
        context: network, formats and workload, with a draft LLM.

    Returns:
        Steps of decode, without prompts; both LLMs have the KV cache of the prompts.

    Domain:
        The draft proposes its most likely token, so that acceptance is exact with the numbers of the tokens
        alone: the chance of a token that is proposed for certain is 1, and what replaces a refused one is
        drawn from what the LLM has. A draft that samples would send its chances of the whole vocabulary too.
        Chains of tokens, no trees; nothing is drafted ahead of a check of the same sequences. A row that the
        draft LLM has not seen, the last of a draft that was accepted whole, rides with its next step.

    Limits:
        Leviathan et al., theorem 3.8, for one group and a link that takes no time; the slower of both pools
        for groups that keep it busy.

    Source:
        Leviathan, Kalman & Matias, ICML 2023 (arXiv 2211.17192), algorithm 1, equation 1 and theorem 3.8;
        Chen et al. 2023 (arXiv 2302.01318). Both LLMs at work at once: PEARL, Liu et al., ICLR 2025 (arXiv
        2408.11850), which also drafts ahead; here groups of sequences keep both busy instead.

    Examples:
        By hand, in tests/systems/test_draft_verify.py.
    """
    d, drafted = verify.deployments, free_draft(context)
    held = _held_by(draft, verify)
    checks = replace(context, workload=replace(context.workload, speculation=drafted))
    drafts = draft_context(context)

    def set_up_both(groups: Array) -> tuple[Setup, Setup]:
        none = no_prompts(d.tp)
        first = set_up(Designs.of(draft.chips, held), drafts, none, held.pp * groups)
        return first, set_up(Designs.of(verify.chips, d), checks, none, d.pp * groups)

    def turn(most: int) -> Turn:
        groups = _groups(d.batch, most)
        first, then = set_up_both(groups)
        return _turn(first, then, groups, drafted, _line(draft, verify, link))

    chosen = fastest([turn(most) for most in GROUPS])
    # what does not change with the number of groups
    first, then = set_up_both(ones_like(d.batch))
    return side_of(chosen, (draft, first), (verify, then), holder=1)


def _held_by(draft: Pool, verify: Pool) -> Deployments:
    """The layout of the pool that drafts, with the sequences that it keeps."""
    d, e = verify.deployments, draft.deployments
    return e.replace(batch=fed_sequences(d.batch, d.dp, e.dp))


def _groups(batch: Array, most: int) -> Array:
    """Groups of a batch: at most so many, and none without a sequence."""
    return micro_batches(batch, minimum(batch, float(most))).count


def _turn(draft: Setup, verify: Setup, groups: Array, drafted: Speculation, line: AlphaBeta) -> Turn:
    """One token of every sequence with the groups of the setups."""
    first, then = of_group(draft, groups), of_group(verify, groups)
    steps, checks = decode_steps(first), decode_steps(then)
    rows = ceil_div(draft.deployments.batch, groups)
    took = drafted_token(
        drafted,
        steps.pipeline.time.seconds,
        checks.pipeline.time.seconds,
        message(line, token_bytes(rows, float(drafted.length), TOKEN_BYTES)),
        message(line, token_bytes(rows, ANSWER, TOKEN_BYTES)),
        groups,
    )
    share = drafted.length / checks.tokens  # steps of the draft LLM for each token
    return Turn(
        step_s=took.seconds,
        count=groups * then.micro.count,
        parts_s=_parts(checks, then, took),
        bounds_s=_bounds(steps, first, checks, then, took, share),
        first=PoolTurn(
            busy=took.draft_busy,
            excess=draft.machine.placed.excess_bytes,
            used=used_of_round(first, steps, share, share * TOKEN_BYTES),
            held=draft.held_by_part(),
        ),
        then=PoolTurn(
            busy=took.verify_busy,
            excess=verify.machine.placed.excess_bytes,
            used=used_of_round(then, checks, 1.0, ANSWER * TOKEN_BYTES / checks.tokens),
            held=verify.held_by_part(),
        ),
    )


def of_group(s: Setup, groups: Array) -> Setup:
    """The setup with the micro-batches of one group, which a pool serves at a time.

    Args:
        s: a pool, set up for all groups.
        groups: groups of its sequences [1].

    Returns:
        The same machine with other micro-batches.

    Domain:
        As `drafted_side`.

    Limits:
        The micro-batches of the batch for one group.

    Source:
        By definition.

    Examples:
        By hand, in tests/systems/test_draft_verify.py.
    """
    sequences = ceil_div(s.deployments.batch, groups)
    return replace(s, micro=micro_batches(sequences, s.deployments.pp))


def _line(draft: Pool, verify: Pool, link: PoolLink) -> AlphaBeta:
    """Link between a replica that drafts and its share of those that verify."""
    d, e = verify.deployments, draft.deployments
    return crossing(
        e.ways,
        port_bandwidth(draft.chips, link.bandwidth),
        d.ways * (d.dp / e.dp),
        port_bandwidth(verify.chips, link.bandwidth),
        link.latency_s,
    )


def used_of_round(s: Setup, steps: DecodeSteps, times: float, sent_bytes: float) -> ResourceSeconds:
    """What an output token takes of a pool: its passes, and what it sends of a sequence.

    Args:
        s: the pool, set up for one group.
        steps: its steps.
        times: steps for each output token [1].
        sent_bytes: bytes that it sends for each output token [B].

    Returns:
        Chip-seconds of each resource [chip-second].

    Domain:
        As `drafted_side`.

    Limits:
        The passes alone for no bytes.

    Source:
        Bytes over the rate of the chip's links.

    Examples:
        By hand, in tests/systems/test_draft_verify.py.
    """
    own = steps.resources.times(times)
    # a port of the host is none of the chip's links, whose power is not stated
    ports = maximum(s.chips.links.link_bandwidth, s.chips.links.scale_out_bandwidth)
    return replace(own, link_s=own.link_s + sent_bytes * inverse(ports))


def _parts(checks: DecodeSteps, verify: Setup, took: DraftedToken) -> dict[str, Array]:
    """Where the seconds of a token go [s]; they sum to all."""
    return {
        **checks.parts(verify.machine),
        "draft": took.draft_s,
        "pool_crossings": took.crossing_s,
        "micro_batch_wait": took.wait_s,
    }


def _bounds(
    steps: DecodeSteps, draft: Setup, checks: DecodeSteps, verify: Setup, took: DraftedToken, share: float
) -> dict[str, Array]:
    """What a token waits for [s]: operators of both pools, links, fixed times, other groups."""
    drafting = {name: share * part for name, part in steps.parts(draft.machine).items()}
    checking = checks.parts(verify.machine)
    checking.pop("draft")
    each = 1.0 / checks.tokens
    return add_bounds(
        [
            bounds(steps.layer_pass, drafting, share * draft.context.llm.layers, share),
            bounds(checks.layer_pass, checking, each * verify.context.llm.layers, each),
            {"link": took.crossing_s, "pipeline": took.wait_s},
        ]
    )


def verified_prompt(verify: Pool, context: Context, step_s: Array) -> dict[str, Array]:
    """Seconds of one prompt that the pool that verifies runs alone, by part [s].

    Args:
        verify: chips of the LLM.
        context: network, formats and workload.
        step_s: a step of decode, for a request without a prompt to compute [s].

    Returns:
        Seconds by part, shapes broadcast [s].

    Domain:
        The first token is that of the LLM; the draft LLM runs the prompt on its own chips meanwhile.

    Limits:
        As decode-only serving of the chips alone.

    Source:
        As `serving.decode_only`.

    Examples:
        By hand, in tests/systems/test_draft_verify.py.
    """
    d = verify.deployments
    s = set_up(Designs.of(verify.chips, d), context, no_prompts(d.tp))
    prefill = prefill_pass(s)
    return {**prefill.parts(s), **first_token_parts(s, prefill, step_s)}


def stored_by_both(draft: Pool, verify: Pool, context: Context, one: Array) -> dict[str, Array]:
    """Capital of prefix caches beyond the chips' own DRAM [USD]: each LLM keeps its own.

    Args:
        draft: chips of the draft LLM.
        verify: chips of the LLM.
        context: network, formats and workload.
        one: a column of ones of the shape that is wanted [1].

    Returns:
        Dollars by part; none without such a cache.

    Domain:
        As `stored`.

    Limits:
        As `stored`.

    Source:
        As `stored`.

    Examples:
        By hand, in tests/systems/test_draft_verify.py.
    """
    return {
        **stored(draft.role, draft_context(context), draft.deployments.dp, one),
        **stored(verify.role, context, verify.deployments.dp, one),
    }
