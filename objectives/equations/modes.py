"""Ways of serving: what steps of decode and passes over prompts make of each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from objectives.arrays import Array, namespace
from objectives.equations import chunked, disaggregation, prefix_cache, serving
from objectives.equations.energy import Busy
from objectives.equations.passes import Pass, Rows, one_pass
from objectives.equations.scene import Decode, Scene, prefix_load_s, prompt_rows
from objectives.equations.walk import Walk, walk_through
from objectives.equations.work import work_of


@dataclass(frozen=True, kw_only=True)
class First:
    """The pass over prompts that a first token waits for."""

    walk: Walk
    passed: Pass
    rows: Rows

    def work(self, s: Scene, prompts: Array) -> Busy:
        """Its work for each output token of its `prompts` [chip-second]."""
        share = s.deployments.tp / (prompts * s.context.workload.osl)
        return work_of(s.machine, self.passed, self.rows).times(share)


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
    return First(
        walk=walk_through(s.machine, passed, rows, pp, s.hops, 1.0 + 0.0 * pp), passed=passed, rows=rows
    )


def decode_only(s: Scene, steps: Decode) -> Served:
    """Prompts cost nothing; TTFT is that of one prompt alone."""
    first, tpot = prefill(s), steps.per_token()
    tokens = serving.throughput(s.deployments.batch, tpot, s.deployments.dp)
    return _with_prefix(
        s, Served(tpot=tpot, ttft=first.walk.turn.walk, tokens=tokens, first=first, work=steps.work)
    )


def static(s: Scene, steps: Decode) -> Served:
    """All prompts first, as one micro-batch, then decode to the end."""
    first, d, osl = prefill(s), s.deployments, s.context.workload.osl
    work = steps.work.plus(first.work(s, s.prompts))
    served = _with_prefix(
        s,
        Served(tpot=steps.per_token(), ttft=first.walk.turn.walk, tokens=0.0, first=first, work=work),
        prompts=d.batch,
    )
    tokens = serving.static_throughput(d.batch, served.ttft, served.tpot, osl, d.dp)
    share = serving.static_share(served.ttft, served.tpot, osl)
    return replace(served, tokens=tokens, prompt_share=share)


def aggregated(s: Scene, steps: Decode) -> Served:
    """Whole prompts, one after the other, stall the steps of decode."""
    d, work, first, step = s.deployments, s.context.workload, prefill(s), steps.per_token()
    waited = serving.wait_for_prompts(d.batch, first.walk.stage, s.chips.burst)
    stall = serving.prefill_stall(d.batch, first.walk.stage, waited, work.osl)
    tokens = serving.steady_throughput(d.batch, step, first.walk.stage, work.osl, d.dp)
    both = steps.work.plus(first.work(s, s.prompts))
    return _shared(s, step, stall, waited, tokens, first, both, {})


def in_chunks(s: Scene, steps: Decode) -> Served:
    """Chunks of prompts ride with the steps of decode, whose weights they share."""
    d, work, step = s.deployments, s.context.workload, steps.per_token()
    prompt, room = prefix_cache.computed(work), s.micro.count / steps.tokens
    cut = chunked.chunks(prompt, s.prompt_rows, d.batch / work.osl * prompt / room)
    rows, alone = _mixed(s, steps.rows, cut), _chunk(s, cut)
    passed, one = one_pass(s.machine, rows), 1.0 + 0.0 * d.pp
    walk = walk_through(s.machine, passed, rows, d.pp, s.hops, one)
    lone = walk_through(s.machine, one_pass(s.machine, alone), alone, d.pp, s.hops, one)
    first = First(walk=walk, passed=passed, rows=rows)
    each = cut.pieces / cut.together  # chunks of a prompt
    waited = serving.wait_for_prompts(d.batch, each * walk.stage, s.chips.burst)
    # as where prompts are whole: the others' that were not waited for come between the tokens
    due = (d.batch - 1.0) * (1.0 - s.chips.burst / 2.0) * each / work.osl
    stall = chunked.riding(due, room, walk.stage, steps.walk.stage, lone.stage)
    stay = work.osl * (step + stall) + waited + cut.pieces * walk.stage
    later = (cut.pieces - 1.0) * walk.stage
    plain = work_of(s.machine, steps.passed, steps.rows).times(-1.0)
    added = work_of(s.machine, passed, rows).plus(plain).times(d.tp * each / work.osl)
    tokens = serving.throughput(d.batch, stay / work.osl, d.dp)
    return _shared(s, step, stall, waited, tokens, first, steps.work.plus(added), {"later_chunks": later})


def disaggregated(s: Scene, steps: Decode) -> Served:
    """A pool of replicas of the same layout prefills, the other decodes undisturbed."""
    d, work, m = s.deployments, s.context.workload, s.machine
    size = s.stage_layers * s.layer.kept_bytes(work.isl, s.context.precision.kv_bytes)
    transfer = disaggregation.transfer_s(s.chips, size)
    step, load = steps.per_token(), prefix_load_s(s)
    wait = serving.shortfall(d.batch, transfer, step, work.osl)
    tpot = step + wait
    joined = s.layer.routed[0].spread.joined if s.layer.routed else 1.0 + 0.0 * d.tp
    requests = d.dp * d.batch / (work.osl * tpot)
    first = prefill(s)
    busy = first.walk.stage
    if load is not None:
        busy = namespace(busy).maximum(busy, s.prompts * load)
    replicas = disaggregation.prefill_replicas(requests, busy, s.prompts, work.prefill_load, joined)
    queue = disaggregation.wait(busy, work.prefill_load, (d.dp * d.batch - 1.0) / s.prompts)
    overhead = s.chips.request_overhead_s
    parts = {"queue": queue, "kv_transfer": transfer, "request_overhead": overhead}
    ttft = first.walk.turn.walk + queue + transfer + overhead
    if load is not None:
        parts["prefix_load"] = s.prompts * load
        ttft = ttft + s.prompts * load
    prompt_kv = d.pp * s.prompts * size  # every stage has prompts on their way
    excess = m.placed.excess + (prompt_kv - s.held["kv_cache"])
    return Served(
        tpot=tpot, ttft=ttft, tokens=serving.throughput(d.batch, tpot, d.dp), first=first,
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


def _chunk(s: Scene, cut: chunked.Chunks) -> Rows:
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


def _mixed(s: Scene, decoding: Rows, cut: chunked.Chunks) -> Rows:
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
    s: Scene, step: Array, stall: Array, waited: Array, tokens: Array, first: First, work: Busy,
    parts: dict[str, Array],
) -> Served:  # fmt: skip
    """Decode and prefill on the same replicas: tokens wait for prompts, and prompts for each other."""
    tpot, queue = step + stall, serving.queue(waited, step)
    overhead = s.chips.request_overhead_s
    told = {**parts, "queue": queue, "request_overhead": overhead}
    ttft = first.walk.turn.walk + queue + overhead
    served = Served(
        tpot=tpot, ttft=ttft + parts["later_chunks"] if "later_chunks" in parts else ttft, tokens=tokens,
        first=first, work=work, step_parts={"prefill_stall": stall}, first_parts=told,
        prompt_share=serving.prompt_share(s.deployments.batch, step, tokens, s.deployments.dp),
    )  # fmt: skip
    served = _with_prefix(s, served)
    if served.tpot is tpot:
        return served
    # what the tier cannot keep up with slows every token
    return replace(served, tokens=namespace(tokens).minimum(
        tokens, serving.throughput(s.deployments.batch, served.tpot, s.deployments.dp)))  # fmt: skip


def _with_prefix(s: Scene, served: Served, prompts: Array | None = None) -> Served:
    """What bringing back prefixes adds: to TTFT its time, to TPOT what the tier cannot keep up with."""
    load = prefix_load_s(s)
    if load is None:
        return served
    first = load if prompts is None else prompts * load
    out = replace(
        served,
        ttft=served.ttft + first,
        first_parts={**served.first_parts, "prefix_load": first + 0.0 * served.ttft},
    )
    if s.context.workload.serving in ("decode-only", "static"):
        return out
    wait = serving.shortfall(s.deployments.batch, load, served.tpot, s.context.workload.osl)
    return replace(out, tpot=served.tpot + wait, step_parts={**served.step_parts, "prefix_load": wait})
