"""Ways of serving: what steps of decode and passes over prompts make of each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from objectives.arrays import Array, namespace
from objectives.equations.cost.energy import Busy
from objectives.equations.serving import chunks, pools, queueing
from objectives.equations.step import pipeline, prefix_cache
from objectives.equations.step.batch_setup import Decode, Scene, prefix_load_s, prompt_rows
from objectives.equations.step.forward_pass import Pass, Rows, one_pass
from objectives.equations.step.pipeline_pass import Walk, walk_through
from objectives.equations.step.resource_use import work_of


@dataclass(frozen=True, kw_only=True)
class First:
    """The pass over prompts that a first token waits for."""

    walk: Walk
    passed: Pass
    rows: Rows
    some: Array | None = None
    """1 where requests have prompt tokens to compute, 0 where they have none; None where all have."""

    def seconds(self) -> Array:
        """The walk through all stages [s]; 0 without a prompt."""
        return _if(self.some, self.walk.seconds)

    def stage(self) -> Array:
        """Time that the slowest stage is occupied [s]; 0 without a prompt."""
        return _if(self.some, self.walk.stage)

    def parts(self, s: Scene) -> dict[str, Array]:
        """Where its seconds go [s]."""
        parts = self.walk.parts(s.machine, self.passed)
        return {name: _if(self.some, part) for name, part in parts.items()}

    def work(self, s: Scene, prompts: Array) -> Busy:
        """Its work for each output token of its `prompts` [chip-second]."""
        share = s.deployments.tp / (prompts * s.context.workload.osl)
        return work_of(s.machine, self.passed, self.rows).times(_if(self.some, share))


@dataclass(frozen=True, kw_only=True)
class Served:
    """What a way of serving comes to; every added part is counted in its total."""

    tpot: Array
    ttft: Array
    tokens: Array
    """Output tokens a second of all replicas [token/s]."""
    first: First
    work: Busy
    """Work of one output token, its share of the prompt included [chip-second]."""
    step_parts: Mapping[str, Array] = field(default_factory=dict)
    """Seconds of TPOT beyond the steps of decode [s]."""
    first_parts: Mapping[str, Array] = field(default_factory=dict)
    """Seconds of TTFT beyond one pass over prompts [s]."""
    prompt_share: Array | None = None
    """Share of the chips' time that prompts take [1]; None where they cost nothing."""
    prefill_replicas: Array | None = None
    """Replicas that only prefill [replica]; None where all do both."""
    excess: Array | None = None
    """Bytes that a replica that only prefills lacks [B]; feasible where <= 0."""


def prefill(s: Scene) -> First:
    """The pass over the prompts of the scene, alone in the pipeline."""
    rows, pp = prompt_rows(s), s.deployments.pp
    passed = one_pass(s.machine, rows)
    walk = walk_through(s.machine, passed, rows, pp, s.hops, 1.0 + 0.0 * pp)
    return First(walk=walk, passed=passed, rows=rows, some=_some(s))


def decode_only(s: Scene, steps: Decode) -> Served:
    """Prompts cost nothing; TTFT is that of one prompt alone."""
    first, tpot = prefill(s), steps.per_token()
    tokens = queueing.throughput(s.deployments.batch, tpot, s.deployments.dp)
    parts = _first_parts(s, first, tpot)
    return Served(
        tpot=tpot, ttft=_with(first.seconds(), parts), tokens=tokens, first=first, work=steps.work,
        first_parts=parts,
    )  # fmt: skip


def static(s: Scene, steps: Decode) -> Served:
    """All prompts first, as one micro-batch, then decode to the end."""
    first, tpot = prefill(s), steps.per_token()
    d, osl, parts = s.deployments, s.context.workload.osl, _first_parts(s, first, tpot, s.prompts)
    ttft = _with(first.seconds(), parts)
    return Served(
        tpot=tpot, ttft=ttft, tokens=queueing.static_throughput(d.batch, ttft, tpot, osl, d.dp),
        first=first, work=steps.work.plus(first.work(s, s.prompts)), first_parts=parts,
        prompt_share=queueing.static_share(ttft, tpot, osl),
    )  # fmt: skip


def aggregated(s: Scene, steps: Decode) -> Served:
    """Whole prompts pass the stages in line with the steps of decode, which crawl behind them."""
    d, osl, first, step = s.deployments, s.context.workload.osl, prefill(s), steps.per_token()
    waited = queueing.wait_for_prompts(d.batch, first.stage(), s.chips.burst)
    stay = pipeline.turns_behind_prompts(
        d.batch, s.micro.count, osl / steps.tokens, step * steps.tokens, first.stage(), first.seconds()
    )
    alone = osl * step + (waited + first.seconds())
    stall = queueing.stalled(namespace(stay).maximum(stay, alone), alone, osl)
    both = steps.work.plus(first.work(s, s.prompts))
    return _shared(s, step, stall, first, both, {"queue": queueing.queue(waited, step)}, waited)


def in_chunks(s: Scene, steps: Decode) -> Served:
    """Chunks of prompts ride with the steps of decode, whose weights they share."""
    d, work, step = s.deployments, s.context.workload, steps.per_token()
    prompt, room = prefix_cache.computed(work), s.micro.count / steps.tokens
    cut = chunks.chunks(prompt, s.prompt_rows, d.batch / work.osl * prompt / room)
    rows, alone = _mixed(s, steps.rows, cut), _chunk(s, cut)
    passed, one = one_pass(s.machine, rows), 1.0 + 0.0 * d.pp
    walk = walk_through(s.machine, passed, rows, d.pp, s.hops, one)
    lone = walk_through(s.machine, one_pass(s.machine, alone), alone, d.pp, s.hops, one)
    first = First(walk=walk, passed=passed, rows=rows, some=_some(s))
    each = _if(first.some, cut.pieces / cut.together)  # chunks of a prompt
    waited = queueing.wait_for_prompts(d.batch, each * walk.stage, s.chips.burst)
    due = (d.batch - 1.0) * each / work.osl
    ride = namespace(due, room).minimum(due, room)
    turn, xp = steps.walk.turn.seconds, namespace(walk.stage, lone.stage)
    # where passes are so far apart that a chunk finds a gap, it goes by itself
    gap = turn / s.micro.count - steps.walk.stage >= lone.stage
    mixed = pipeline.turn_with_chunks(
        turn, s.micro.count, ride / room, cut.pieces, xp.where(gap, lone.stage, walk.stage),
        xp.where(gap, lone.seconds, walk.seconds),
    )  # fmt: skip
    others = (mixed - turn) / steps.tokens + (due - ride) * lone.stage
    # prompts that were waited for come between no tokens; together they save no time
    stall = xp.maximum(others * (1.0 - s.chips.burst / 2.0), others - waited / work.osl)
    plain = work_of(s.machine, steps.passed, steps.rows).times(-1.0)
    added = work_of(s.machine, passed, rows).plus(plain).times(d.tp * each / work.osl)
    later = (cut.pieces - 1.0) * first.stage()
    parts = {"queue": queueing.queue(waited, step), "later_chunks": later}
    return _shared(s, step, stall, first, steps.work.plus(added), parts, waited + later)


def disaggregated(s: Scene, steps: Decode) -> Served:
    """A pool of replicas of the same layout prefills, the other decodes undisturbed."""
    d, work, m = s.deployments, s.context.workload, s.machine
    size = s.stage_layers * s.layer.kept_bytes(work.isl, s.context.precision.kv_bytes)
    first, step, load = prefill(s), steps.per_token(), prefix_load_s(s)
    transfer = _if(first.some, pools.transfer_s(s.chips, size))
    wait = queueing.shortfall(d.batch, transfer, step + transfer / work.osl, work.osl)
    tpot = step + wait
    # the slot is kept while KV cache travels into it
    tokens = queueing.throughput(d.batch, tpot + transfer / work.osl, d.dp)
    joined = s.layer.routed[0].spread.joined if s.layer.routed else 1.0 + 0.0 * d.tp
    # a replica's network sends the KV cache of its prompts while the next ones are computed
    xp, sent = namespace(first.stage(), transfer), s.prompts * transfer
    busy = xp.maximum(first.stage(), sent)
    if load is not None:
        busy = xp.maximum(busy, s.prompts * load)
    replicas = pools.prefill_replicas(
        tokens / work.osl, busy, s.prompts, work.prefill_load, joined, whole=work.pools == "system"
    )
    queue = pools.wait(busy, work.prefill_load, (d.dp * d.batch - 1.0) / s.prompts)
    parts = {
        "queue": queue, "kv_transfer": transfer, "request_overhead": s.chips.request_overhead_s,
        **_first_parts(s, first, step, s.prompts),
    }  # fmt: skip
    prompt_kv = d.pp * s.prompts * size  # every stage has prompts on their way
    excess = m.placed.excess + (prompt_kv - s.held["kv_cache"])
    return Served(
        tpot=tpot, ttft=_with(first.seconds(), parts), tokens=tokens, first=first,
        work=steps.work.plus(first.work(s, s.prompts)), step_parts={"kv_transfer": wait}, first_parts=parts,
        prompt_share=replicas / (replicas + d.dp), prefill_replicas=replicas, excess=excess,
    )  # fmt: skip


MODES = {
    "decode-only": decode_only,
    "aggregated": aggregated,
    "chunked": in_chunks,
    "disaggregated": disaggregated,
    "static": static,
}
"""Way of serving to what it comes to."""


def _chunk(s: Scene, cut: chunks.Chunks) -> Rows:
    """A chunk of prompts by itself."""
    work, layer = s.context.workload, s.layer
    computed = prefix_cache.computed(work)
    # a chunk reads what earlier ones wrote: of n chunks (n + 1) / (2 n) of the prompt on average
    before = (work.isl - computed) + computed * ((cut.pieces + 1.0) / (2.0 * cut.pieces))
    ended = cut.together / cut.pieces
    return Rows(
        rows=cut.rows,
        head_rows=ended,
        sequences=ended,
        core_flop=prefix_cache.prompt_core_flop(layer, work),
        cached=cut.together * layer.kept(before),
        kv_share=s.machine.placed.kv_share,
        prompt=True,
        state=None if layer.state is None else 2.0 * layer.state * cut.together,
    )


def _mixed(s: Scene, decoding: Rows, cut: chunks.Chunks) -> Rows:
    """A step of decode with one chunk of prompts beside it."""
    chunk = _chunk(s, cut)
    rows = decoding.rows + chunk.rows
    state = decoding.state
    if state is not None and chunk.state is not None:
        state = state + chunk.state
    return Rows(
        rows=rows,
        head_rows=decoding.head_rows + chunk.head_rows,
        sequences=decoding.sequences + chunk.sequences,
        core_flop=(decoding.rows * decoding.core_flop + chunk.rows * chunk.core_flop) / rows,
        cached=decoding.cached + chunk.cached,
        kv_share=decoding.kv_share,
        prompt=True,
        state=state,
    )


def _shared(
    s: Scene, step: Array, stall: Array, first: First, work: Busy, parts: dict[str, Array], before: Array
) -> Served:
    """Decode and prefill on the same replicas: tokens wait for prompts, and prompts for each other.

    A slot is held for `before`, the walk of its own prompt, what it brings back, and OSL tokens.
    """
    d, osl, tpot = s.deployments, s.context.workload.osl, step + stall
    parts = {**parts, "request_overhead": s.chips.request_overhead_s, **_first_parts(s, first, step)}
    told, slot, load = {"prefill_stall": stall}, tpot + (before + first.seconds()) / osl, prefix_load_s(s)
    if load is not None:  # what the tier cannot keep up with slows every token
        slot = slot + load / osl
        wait = queueing.shortfall(d.batch, load, slot, osl)
        tpot, slot, told = tpot + wait, slot + wait, {**told, "prefix_load": wait}
    tokens = queueing.throughput(d.batch, slot, d.dp)
    return Served(
        tpot=tpot, ttft=_with(first.seconds(), parts), tokens=tokens, first=first, work=work, step_parts=told,
        first_parts=parts, prompt_share=queueing.prompt_share(d.batch, step, tokens, d.dp),
    )  # fmt: skip


def _first_parts(s: Scene, first: First, step: Array, prompts: Array | None = None) -> dict[str, Array]:
    """Seconds of TTFT beside the pass over prompts: what they bring back; a step where there is no prompt."""
    parts, load = {}, prefix_load_s(s)
    if load is not None:
        parts["prefix_load"] = load if prompts is None else prompts * load
    if first.some is not None:
        parts["first_step"] = (1.0 - first.some) * step
    return parts


def _with(seconds: Array, parts: Mapping[str, Array]) -> Array:
    """Seconds and the parts beside them [s]."""
    for part in parts.values():
        seconds = seconds + part
    return seconds


def _some(s: Scene) -> Array | None:
    """1 where requests have prompt tokens to compute, 0 where they have none; None where all have."""
    rows = prefix_cache.computed(s.context.workload)
    if isinstance(rows, (int, float)):
        return None if rows > 0.0 else 0.0 * s.deployments.tp
    xp = namespace(rows)
    return xp.where(rows > 0.0, 1.0 + 0.0 * rows, 0.0 * rows)


def _if(some: Array | None, seconds: Array) -> Array:
    """What requests with a prompt pay."""
    return seconds if some is None else some * seconds
