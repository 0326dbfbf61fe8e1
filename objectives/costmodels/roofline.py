"""The default cost model: bytes over bandwidth, FLOP over peak, hops over links, operator by operator."""

from typing import final

from objectives.api import Context, Designs, Metrics
from objectives.arrays import Array, inverse, maximum, ones_like
from objectives.costmodels.totals import Breakdown, metrics, metrics_of_pools, silicon_violations
from objectives.equations.cost.wear import wear_excess
from objectives.equations.interconnect.stage_hops import domain_excess
from objectives.equations.llm.context_parallel import unsplit_ways
from objectives.equations.llm.expert_parallel import missing_replicas
from objectives.equations.serving.mode import ServingResult
from objectives.equations.serving.registry import serving_mode
from objectives.equations.step import prefix_cache
from objectives.equations.step.batch_setup import Setup, set_up
from objectives.equations.step.decode_steps import DecodeSteps, decode_steps
from objectives.equations.step.generation.diffusion import undecided
from objectives.equations.step.pipeline_pass import bounds
from objectives.equations.step.prefill_pass import prefixes_written
from objectives.equations.step.speculation import unsplit_draft
from objectives.equations.step.stage_widths import with_unlike_stages
from objectives.systems.split import system


@final
class RooflineCostModel:
    """Roofline per operator with placement, collectives, pipelines and serving.

    Domain: transformers with MHA, GQA, MQA, MLA, windowed or linear attention, dense or mixtures of experts
    (split over TP or spread by EP; replicas that share experts step together), KV cache split along its
    tokens by CP where the stack can, an encoder before each prompt, and networks of matrices. Chips have
    SRAM, DRAM and any further memories of `objectives.memories`, among which bytes are placed so that a step
    is as fast as it can be. Aggregated serving sends whole prompts through the pipeline in line with the
    steps of decode, which crawl behind them; prompts that come together wait for one another. Chunked serving
    cuts and packs prompts into the rows that the stack takes at once; disaggregated serving pays two pools of
    one layout, in a real ratio or whole; static serving prefills all at once, as one micro-batch. In every
    mode a slot is held for the prompt and the waits of its request as well (Little's law). Layers of several
    kinds are averaged before the slowest resource is taken. With a `speed-of-light` stack the result is an
    upper bound on speed.
    """

    name = "roofline"
    requires: tuple[str, ...] = ()
    memories: bool = True
    weight_parts: bool = True
    blocks: bool = True
    encoders: bool = True
    factorises = True

    def evaluate(self, designs: Designs, context: Context, *, detail: bool = False) -> Metrics:
        """Metrics of every design; see `objectives.api.Metrics` for units.

        Raises `ValueError` for a serving mode that is unknown or that the workload lacks a fact for.
        """
        if len(designs.pools) > 1:
            return metrics_of_pools(system(designs, context), context, detail=detail)
        d, work = designs.deployments, context.workload
        mode = serving_mode(work.serving)
        drafts = unsplit_draft(work.speculation, context.llm)
        if missing := mode.missing(work) or drafts or undecided(work):
            raise ValueError(missing)
        # prompts first: how many run together decides what each chip must hold
        setup = set_up(designs, context, mode.prompt_load(designs, work))
        steps, decoding = decode_steps(setup), with_unlike_stages(setup)
        # replicas that only prefill keep equal stages: their pipelines are filled by chance
        served = mode.serve(setup if mode.has_pools else decoding, steps)
        replicas = None if served.prefill_replicas is None else d.dp + served.prefill_replicas
        chips = _chips(decoding, served.prefill_replicas)
        return metrics(
            designs,
            context,
            served.tpot_s,
            served.ttft_s,
            served.tokens_per_s,
            _violations(setup, served),
            breakdown=_breakdown(setup, steps, served) if detail else Breakdown.empty(),
            detail=detail,
            chips=chips,
            extra_capex=_extra_capex(setup, served),
            resources=served.resources,
            prompt_share=_prompt_share(decoding, served, chips),
            together=_together(decoding, replicas),
        )


def _chips(s: Setup, prefill_replicas: Array | None) -> Array | None:
    """Chips of all replicas [1]; None where the layout gives their number, as `metrics` counts it."""
    d = s.deployments
    if s.replica_chips is None:
        return None if prefill_replicas is None else d.ways * d.pp * (d.dp + prefill_replicas)
    decode = s.replica_chips * d.dp
    return decode if prefill_replicas is None else decode + d.ways * d.pp * prefill_replicas


def _prompt_share(s: Setup, served: ServingResult, chips: Array | None) -> Array | None:
    """Share of the capital that prompts take [1]; of pools that of the chips that prefill."""
    if s.replica_chips is None or served.prefill_replicas is None or chips is None:
        return served.prompt_share
    return s.deployments.ways * s.deployments.pp * served.prefill_replicas / chips


def _together(s: Setup, replicas: Array | None) -> Array:
    """Chips that send each other bytes: a replica, all that share its experts, all pools that pass KV on."""
    d = s.deployments
    # a replica without experts works alone
    joined = next((part.spread.joined for part in s.layer.routed), ones_like(d.dp))
    if replicas is not None:  # its share of the prefill pool, which is one replica at least
        joined = joined + maximum(joined * (replicas / d.dp - 1.0), 1.0)
    return s.chips_of_replica * joined


def _violations(s: Setup, served: ServingResult) -> dict[str, Array]:
    """Every named constraint; feasible where <= 0."""
    d, excess = s.deployments, s.machine.placed.excess_bytes
    # both pools have one layout, and either may lack room
    if served.excess_bytes is not None:
        excess = maximum(excess, served.excess_bytes)
    # EP is one column for all kinds of experts, so the first kind speaks for all
    joined = [part.spread.joined for part in s.layer.routed[:1]]
    found = {
        "capacity": s.machine.placed.lacking(excess),
        # replicas that share experts send each other rows, so all of them need one network
        "network_domain": domain_excess(s.chips, d.ways * joined[0] if joined else d.ways, d.pp),
        "context_parallel": unsplit_ways(s.chips, d.cp),
        **silicon_violations(s.chips),
    }
    if s.machine.placed.writable_excess is not None:
        # both pools of a layout need as much more or less as they do of all memories
        found["writable_capacity"] = s.machine.placed.writable_excess + (
            excess - s.machine.placed.excess_bytes
        )
    found |= wear_excess(s.chips, s.context.workload, s.context.economy, _written_per_s(s, served))
    if joined:
        found["expert_replicas"] = missing_replicas(d.ways, d.ep, d.dp)
    return found


def _written_per_s(s: Setup, served: ServingResult) -> dict[str, Array]:
    """Bytes a second that prompts add to a prefix cache on a chip [B/s], by its memory."""
    work = s.context.workload
    if work.prefix is None or not serving_mode(work.serving).counts_prompts:
        return {}
    replicas = s.deployments.dp if served.prefill_replicas is None else served.prefill_replicas
    # requests without a prompt need no replica that prefills
    return prefixes_written(s, served.tokens_per_s * inverse(work.osl * replicas))


def _extra_capex(s: Setup, served: ServingResult) -> dict[str, Array]:
    """Capital beyond chips, hosts and networks [USD]: the tier of a prefix cache, where prompts run."""
    cache = s.context.workload.prefix
    # memories of the chips are in their price
    if cache is None or cache.on_chip:
        return {}
    d = s.deployments
    size = prefix_cache.stored_bytes(s.context, ones_like(d.tp))
    # prompts run in the prefill pool where there is one, and their prefixes are read there
    readers = d.dp if served.prefill_replicas is None else served.prefill_replicas
    return {"prefix_cache": prefix_cache.store_usd(cache, size, readers)}


def _breakdown(s: Setup, steps: DecodeSteps, served: ServingResult) -> Breakdown:
    """Where seconds, bytes and replicas go."""
    # the steps by themselves, and what the way of serving adds to them
    parts = steps.parts(s.machine) | dict(served.tpot_parts_s)
    # replicas that do both are one pool, which a ledger need not name
    pools = {}
    if served.prefill_replicas is not None:
        pools = {"decode": s.deployments.dp, "prefill": served.prefill_replicas}
    return Breakdown(
        tpot=parts,
        ttft=served.prefill.parts(s) | dict(served.ttft_parts_s),
        capacity=s.held_by_part(),
        pools=pools,
        # a step gives several tokens where drafts are checked: each pays its share of the layers
        bounds=bounds(steps.layer_pass, parts, s.context.llm.layers / steps.tokens, 1.0 / steps.tokens),
    )
