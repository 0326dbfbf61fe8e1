"""The default cost model: bytes over bandwidth, FLOP over peak, hops over links, group by group."""

from typing import final

from objectives.api import Context, Designs, Metrics, Workload
from objectives.arrays import Array, namespace
from objectives.costmodels.totals import Ledger, metrics, silicon_violations
from objectives.equations.interconnect import topology
from objectives.equations.llm import expert_parallel
from objectives.equations.serving import pools as disaggregation
from objectives.equations.serving.modes import MODES, Served
from objectives.equations.step import prefix_cache
from objectives.equations.step.batch_setup import Decode, Scene, decode, scene
from objectives.equations.step.pipeline_pass import bounds


@final
class RooflineCostModel:
    """Roofline per operator group with placement, collectives, pipelines and serving.

    Domain: transformers with MHA, GQA, MQA, MLA, windowed or linear attention, dense or mixtures of experts
    (split over TP or spread by EP; replicas that share experts step together), and networks of matrices.
    Aggregated serving sends whole prompts through the pipeline in line with the steps of decode, which crawl
    behind them; prompts that come together wait for one another. Chunked serving cuts and packs prompts into
    the rows that the stack takes at once; disaggregated serving pays two pools of one layout, in a real ratio
    or whole; static serving prefills all at once, as one micro-batch. In every mode a slot is held for the
    prompt and the waits of its request as well (Little's law). Layers of several
    kinds are averaged before the slowest resource is taken. With a `speed-of-light` stack the result is an
    upper bound on speed.
    """

    name = "roofline"
    requires: tuple[str, ...] = ()

    def evaluate(self, designs: Designs, context: Context, *, detail: bool = False) -> Metrics:
        """Metrics of every design; see `objectives.api.Metrics` for units."""
        d, work = designs.deployments, context.workload
        s = scene(designs, context, *_prompts(designs, work))
        steps = decode(s)
        served = MODES[work.serving](s, steps)
        replicas = None if served.prefill_replicas is None else d.dp + served.prefill_replicas
        return metrics(
            designs, context, served.tpot, served.ttft, served.tokens, _violations(s, served),
            ledger=_ledger(s, steps, served) if detail else Ledger.empty(), detail=detail,
            chips=None if replicas is None else d.tp * d.pp * replicas, beside=_beside(s, served),
            busy=served.work, prompt_share=served.prompt_share, together=_together(s, replicas),
        )  # fmt: skip


def _prompts(designs: Designs, work: Workload) -> tuple[Array, Array]:
    """Prompts that are prefilled at once, and rows of prompts that run together at most [1]."""
    chips, d = designs.chips, designs.deployments
    one = 1.0 + 0.0 * d.tp
    rows, budget = prefix_cache.computed(work), chips.prompt_rows
    if work.serving == "decode-only":
        return one, 0.0 * one
    if work.serving == "chunked":
        return one, _least(namespace(d.batch).maximum(d.batch * rows, one), budget)
    if work.serving == "disaggregated":
        together = disaggregation.packed(rows, budget, d.batch, work.prefill_load)
        return together, _least(together * rows, budget)
    prompts = d.batch if work.serving == "static" else one
    return prompts, _least(prompts * rows, budget)


def _together(s: Scene, replicas: Array | None) -> Array:
    """Chips that exchange bytes [1]: a replica, all that share its experts, all pools that pass KV on."""
    d = s.deployments
    one = 1.0 + 0.0 * d.dp
    joined = next((part.spread.joined for part in s.layer.routed), one)
    if replicas is not None:  # its share of the prefill pool, which is one replica at least
        joined = joined + namespace(joined).maximum(joined * (replicas / d.dp - 1.0), one)
    return d.tp * d.pp * joined


def _least(a: Array, b: Array) -> Array:
    return namespace(a, b).minimum(a, b)


def _violations(s: Scene, served: Served) -> dict[str, Array]:
    """Every named constraint; feasible where <= 0."""
    d, excess = s.deployments, s.machine.placed.excess
    if served.excess is not None:
        excess = namespace(excess).maximum(excess, served.excess)
    joined = [part.spread.joined for part in s.layer.routed[:1]]
    found = {
        "capacity": excess,
        "network_domain": topology.domain_excess(s.chips, d.tp * joined[0] if joined else d.tp, d.pp),
        **silicon_violations(s.chips),
    }
    if joined:
        found["expert_replicas"] = expert_parallel.missing_replicas(d.tp, d.ep, d.dp)
    return found


def _beside(s: Scene, served: Served) -> dict[str, Array]:
    """Capital beside chips, hosts and networks [USD]: the tier of a prefix cache, where prompts run."""
    cache = s.context.workload.prefix
    if cache is None or cache.tier == "dram":
        return {}
    d = s.deployments
    size = prefix_cache.stored_bytes(s.context, 1.0 + 0.0 * d.tp)
    readers = d.dp if served.prefill_replicas is None else served.prefill_replicas
    return {"prefix_cache": prefix_cache.store_usd(cache, size, readers)}


def _ledger(s: Scene, steps: Decode, served: Served) -> Ledger:
    """Where seconds, bytes and replicas go."""
    parts = steps.parts(s.machine) | dict(served.step_parts)
    first = served.first.parts(s) | dict(served.first_parts)
    pools = {}
    if served.prefill_replicas is not None:
        pools = {"decode": s.deployments.dp, "prefill": served.prefill_replicas}
    return Ledger(
        tpot=parts, ttft=first, capacity=s.held, pools=pools,
        bounds=bounds(steps.passed, parts, s.context.llm.layers / steps.tokens, 1.0 / steps.tokens),
    )  # fmt: skip
