"""What each pool of a system that takes turns brings to a pair, for one cut of the batch.

One pool leads: its layout decides what the other one is fed with. Attention leads FFNs, and the pool that
verifies leads the one that drafts. Both are evaluated alone; metrics of a pair cost some additions. With the
cut given, and not the fastest one, each of them falls, or stays, with every second, dollar, watt and joule of
either pool, and with a wider port.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from objectives.api import Context, Deployments, Designs, Metrics, Pool, PoolLink
from objectives.arrays import Array, ceil_div, minimum, ones_like, zeros_like
from objectives.equations.cost import money
from objectives.equations.cost.energy import metered
from objectives.equations.interconnect.alpha_beta import AlphaBeta
from objectives.equations.llm.parts import attention_part, ffn_part
from objectives.equations.pools.attention_ffn import ffn_rows, split_token
from objectives.equations.pools.crossing import message
from objectives.equations.pools.draft_verify import drafted_token, fed_sequences, token_bytes
from objectives.equations.serving.first_token import first_token_parts, total
from objectives.equations.serving.queueing import throughput
from objectives.equations.step.batch_setup import Setup, set_up
from objectives.equations.step.decode_steps import decode_steps
from objectives.equations.step.pipeline import micro_batches
from objectives.equations.step.prefill_pass import PrefillPass, prefill_pass
from objectives.equations.step.prefix_cache import kept_elsewhere
from objectives.equations.step.speculation import tokens_per_step
from objectives.systems.attention_ffn import MICRO_BATCHES, launched_s, row_messages, used_of_split
from objectives.systems.decode_side import no_prompts, pool_violations, port_bandwidth, stored
from objectives.systems.draft_verify import (
    ANSWER,
    GROUPS,
    TOKEN_BYTES,
    draft_context,
    free_draft,
    of_group,
    used_of_round,
)
from objectives.systems.pool_costs import PoolCosts, pool_costs
from objectives.systems.turns import PoolTurn

CUTS: Final = MappingProxyType({"attention": MICRO_BATCHES, "verify": GROUPS})
"""Cuts of the batch that are tried, by what leads: micro-batches for each of its stages, or groups."""

LEADS: Final = MappingProxyType({"attention": "ffn", "verify": "draft"})
"""Pools that lead, to those that they feed."""

Share = tuple["TurnShare", Mapping[str, Array]]
"""What a pool brings, and its violations, feasible where <= 0."""


@dataclass(frozen=True, kw_only=True)
class Fed:
    """What the layout of the pool that leads feeds the other one with."""

    rows: Array
    """Rows of a micro-batch of all its replicas, or sequences of all of them [1]."""
    parts: Array
    """Groups of these [1]; 1 where `rows` are of one part."""


@dataclass(frozen=True, kw_only=True)
class TurnShare(PoolCosts):
    """All replicas of one pool."""

    work_s: Array
    """A layer of a micro-batch, the steps of a draft, or a pass that verifies [s]."""
    fixed_s: Array
    """Head, and fixed times of a step [s]."""
    prompt_s: Array
    """One prompt alone, with what a prefix cache brings [s]; 0 where TTFT does not count."""
    port: Array
    """What its replicas send the other pool together [B/s]."""
    replicas: Array
    """Replicas [replica]."""
    stages: Array
    """Stages of layers [1]."""
    batch: Array
    """Sequences of a replica that leads; rows, or sequences, that cross in a part to one that is fed [1]."""
    parts: Array
    """Parts of the batch in flight [1]."""
    prompt_rows: Array
    """Rows of one prompt [1]."""
    some: Array
    """Share of requests with prompt tokens to compute [1]."""


def fed_by(role: str, layouts: Deployments, cut: Array) -> Fed:
    """What a pool feeds the other one with, whatever its chips.

    Args:
        role: what it does: attention, or verify.
        layouts: its layouts.
        cut: micro-batches for each of its stages, or groups of its sequences at most [1].

    Returns:
        Rows and their parts, shapes broadcast.

    Domain:
        As `split_side` and `drafted_side`.

    Limits:
        The batch of all replicas for one part.

    Source:
        As `split_side` and `drafted_side`.

    Examples:
        By hand: two replicas of 10 sequences in four micro-batches of 3 rows.

        >>> from objectives.api import Deployments
        >>> d = Deployments(batch=10.0, tp=1.0, cp=1.0, pp=2.0, ep=1.0, dp=2.0)
        >>> fed_by("attention", d, 2.0)
        Fed(rows=6.0, parts=1.0)
    """
    d = layouts
    if role == "attention":
        rows = micro_batches(d.batch, d.pp * cut).rows
        return Fed(rows=rows * d.dp, parts=ones_like(rows))
    groups = micro_batches(d.batch, minimum(d.batch, cut)).count
    return Fed(rows=d.batch * d.dp, parts=groups)


def lead_share(pool: Pool, cut: Array, link: PoolLink, context: Context, *, prompts: bool) -> Share:
    """What attention, or the pool that verifies, brings to any pair.

    Args:
        pool: chips and layouts.
        cut: micro-batches for each stage of attention, or groups of sequences at most [1].
        link: network to the other pool.
        context: network, formats, workload and economy.
        prompts: whether TTFT counts.

    Returns:
        Columns of all replicas, and violations.

    Domain:
        As `split_side` and `drafted_side`.

    Limits:
        None.

    Source:
        As `split_side` and `drafted_side`.

    Examples:
        By hand, in tests/systems/test_turn_shares.py.
    """
    d = pool.deployments
    if pool.role == "attention":
        own, none = replace(context, llm=attention_part(context.llm)), no_prompts(d.tp)
        s = set_up(Designs.of(pool.chips, d), own, none, d.pp * cut)
        steps = decode_steps(s)
        each = steps.rows.sequences * s.chips.stack.sequence_overhead_s
        fixed = steps.layer_pass.head_s() + launched_s(s) + each
        crossed = float(ffn_part(context.llm).layers)
        used = used_of_split(s, steps.resources, crossed, forth=True)
        work, parts = steps.layer_pass.layer_s(), s.micro.count
    else:
        draft = free_draft(context)
        own = replace(context, workload=replace(context.workload, speculation=draft))
        parts = fed_by(pool.role, d, cut).parts
        s = set_up(Designs.of(pool.chips, d), own, no_prompts(d.tp), d.pp * parts)
        group = of_group(s, parts)
        steps = decode_steps(group)
        used = used_of_round(group, steps, 1.0, ANSWER * TOKEN_BYTES / steps.tokens)
        work, fixed = steps.pipeline.time.seconds, zeros_like(d.tp)
    held = set_up(Designs.of(pool.chips, d), own, no_prompts(d.tp), d.pp)
    turn = PoolTurn(busy=ones_like(d.tp), excess=s.machine.placed.excess_bytes, used=used, held={})
    alone = held
    if prompts and pool.role == "verify":  # its prompts draft nothing
        alone = set_up(Designs.of(pool.chips, d), context, no_prompts(d.tp))
    prompt = prefill_pass(alone) if prompts else None
    share = _share(pool, turn, alone, prompt, link, context)
    if prompt is not None:
        brought = first_token_parts(alone, prompt, zeros_like(d.tp))
        share = share.replace(prompt_s=total(share.prompt_s, brought))
    columns = {"work_s": work, "fixed_s": fixed, "batch": d.batch, "parts": parts}
    return share.replace(**columns), pool_violations(pool.role, held, turn.excess)


def fed_share(pool: Pool, fed: Fed, link: PoolLink, context: Context, *, prompts: bool) -> Share:
    """What FFNs, or the pool that drafts, bring to any pair.

    Args:
        pool: chips and layouts.
        fed: what it is fed with.
        link: network to the other pool.
        context: network, formats, workload and economy.
        prompts: whether TTFT counts.

    Returns:
        Columns of all replicas, and violations.

    Domain:
        As `lead_share`.

    Limits:
        None.

    Source:
        As `split_side` and `drafted_side`.

    Examples:
        By hand, in tests/systems/test_turn_shares.py.
    """
    d = pool.deployments
    if pool.role == "ffn":
        own = replace(kept_elsewhere(context), llm=ffn_part(context.llm))
        layers = float(own.llm.layers)
        each = d.replace(batch=ffn_rows(fed.rows, 1.0, d.dp))
        s = set_up(Designs.of(pool.chips, each), own, no_prompts(d.tp), ones_like(d.tp))
        steps = decode_steps(s)
        used = used_of_split(s, steps.resources, layers, forth=False)
        work, fixed, rows = steps.layer_pass.layer_s(), launched_s(s), s.micro.rows
        held = set_up(Designs.of(pool.chips, d), own, no_prompts(d.tp))
    else:
        draft, own = free_draft(context), draft_context(context)
        each = d.replace(batch=fed_sequences(fed.rows, 1.0, d.dp))
        s = set_up(Designs.of(pool.chips, each), own, no_prompts(d.tp), d.pp * fed.parts)
        group = of_group(s, fed.parts)
        steps, tokens = decode_steps(group), _tokens(context)
        used = used_of_round(group, steps, draft.length / tokens, draft.length / tokens * TOKEN_BYTES)
        work, fixed = steps.pipeline.time.seconds, zeros_like(d.tp)
        rows = ceil_div(each.batch, fed.parts)
        held = set_up(Designs.of(pool.chips, each), own, no_prompts(d.tp), d.pp)
    turn = PoolTurn(busy=ones_like(d.tp), excess=s.machine.placed.excess_bytes, used=used, held={})
    prompt = prefill_pass(held) if prompts and pool.role == "ffn" else None
    share = _share(pool, turn, held, prompt, link, context)
    columns = {"work_s": work, "fixed_s": fixed, "batch": rows, "parts": fed.parts}
    return share.replace(**columns), pool_violations(pool.role, held, turn.excess)


def _tokens(context: Context) -> float:
    """Tokens that a round gives each sequence [token]."""
    return float(tokens_per_step(free_draft(context)))


def _share(
    pool: Pool, turn: PoolTurn, s: Setup, prompt: PrefillPass | None, link: PoolLink, context: Context
) -> TurnShare:
    """Dollars, watts, ports and prompts of a pool; times of a turn are filled in by what it does."""
    d = pool.deployments
    one, cached = ones_like(d.tp), {}
    if pool.role != "ffn":
        own = draft_context(context) if pool.role == "draft" else context
        cached = stored(pool.role, own, d.dp, one)
    costs = pool_costs(turn.use(pool, s), link, context.economy)
    none, took = zeros_like(d.tp), {}
    if prompt is not None:
        # rows of the other pool come to the next stage, so that stages send each other nothing
        took = {k: v for k, v in prompt.parts(s).items() if k != "pipeline_hops" or pool.role == "verify"}
    columns = {
        **costs.columns(),
        "capex_usd": total(costs.capex_usd, cached),
        "port": d.ways * d.dp * port_bandwidth(pool.chips, link.bandwidth),
        "replicas": d.dp,
        "stages": d.pp,
        "prompt_s": total(none, took),
        "prompt_rows": none if prompt is None else prompt.rows.rows + none,
        "some": one if prompt is None else prompt.where_prompts(one),
    }
    return TurnShare(**columns, work_s=none, fixed_s=none, batch=none, parts=none)


def in_turn(role: str, leads: TurnShare, fed: TurnShare, link: PoolLink, context: Context) -> Metrics:
    """Metrics of pairs of pools for one cut of the batch, from what each of them brings.

    Args:
        role: what the pool that leads does.
        leads: the pool that leads.
        fed: the other one, for what the first one feeds; columns broadcast.
        link: network between the pools.
        context: network, formats, workload and economy.

    Returns:
        Metrics without ledgers and without violations, which both pools have of their own.

    Domain:
        As `split_side` and `drafted_side`, each with one cut; TTFT where both shares have prompts.

    Limits:
        The fastest cut is that of the system.

    Source:
        `split_token`, `drafted_token`; sums over pools.

    Examples:
        By hand, in tests/systems/test_turn_shares.py.
    """
    line = AlphaBeta(latency_s=link.latency_s, s_per_byte=fed.replicas / minimum(leads.port, fed.port))
    step, crossed = (_split if role == "attention" else _drafted)(leads, fed, line, context)
    economy = context.economy
    tokens = throughput(leads.batch, step, leads.replicas * ones_like(step))
    capex, power = leads.capex_usd + fed.capex_usd, leads.power_w + fed.power_w
    drawn = (leads.static_w + fed.static_w) / tokens + leads.drawn_j + fed.drawn_j
    energy, none = metered(economy, drawn), zeros_like(tokens)
    per_mtok = money.usd_per_million_tokens(economy, capex, power, tokens, energy)
    return Metrics(
        tpot_s=step,
        ttft_s=leads.prompt_s + fed.prompt_s + crossed + (1.0 - leads.some) * step,
        tokens_per_s=tokens,
        chips=leads.chips + fed.chips + none,
        capex_usd=capex + none,
        usd_per_token_per_s=capex / tokens,
        usd_per_million_tokens=per_mtok,
        usd_per_million_input_tokens=none,
        usd_per_million_output_tokens=per_mtok,
        energy_per_token_j=energy,
        violations={},
    )


def _split(a: TurnShare, f: TurnShare, line: AlphaBeta, context: Context) -> tuple[Array, Array]:
    """A token through attention and FFNs, and the crossings of one prompt [s]."""
    layers, crossed = float(attention_part(context.llm).layers), float(ffn_part(context.llm).layers)
    share = crossed / layers
    out, back = (sent.times(share) for sent in row_messages(line, f.batch, context))
    took = split_token(
        layers,
        a.parts,
        a.work_s,
        share * f.work_s,
        out,
        back,
        a.fixed_s + f.fixed_s,
        attention_stages=a.stages,
        ffn_stages=f.stages,
    )
    there, again = (sent.times(crossed) for sent in row_messages(line, a.prompt_rows, context))
    return took.seconds, a.some * (there.seconds + again.seconds)


def _drafted(v: TurnShare, d: TurnShare, line: AlphaBeta, context: Context) -> tuple[Array, Array]:
    """A token of a draft that is verified [s]; prompts cross nothing."""
    draft = free_draft(context)
    there = message(line, token_bytes(d.batch, float(draft.length), TOKEN_BYTES))
    back = message(line, token_bytes(d.batch, ANSWER, TOKEN_BYTES))
    took = drafted_token(draft, d.work_s, v.work_s, there, back, v.parts)
    return took.seconds, zeros_like(took.seconds)
