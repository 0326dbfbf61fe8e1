"""Disaggregated: one pool of replicas prefills, another decodes, KV cache travels between them."""

from typing import Final, final

from objectives.api import Chips, Designs, Pools, Workload
from objectives.arrays import Array, ceil_div, inverse, maximum, minimum, ones_like, where
from objectives.equations.serving.first_token import first_token_parts, total
from objectives.equations.serving.mode import ServingResult
from objectives.equations.serving.queueing import shortfall, throughput
from objectives.equations.step.batch_setup import PromptLoad, Setup
from objectives.equations.step.decode_steps import DecodeSteps
from objectives.equations.step.prefill_pass import prefill_pass, prefix_load_s
from objectives.equations.step.prefix_cache import computed_tokens

_POOLS: Final[dict[Pools, str]] = {
    "fleet": "pools are a fleet of many replicas: their ratio is a real number, and so are the chips",
    "system": "pools are one system: each has whole replicas",
}


def packed(prompt: Array, budget: Array, batch: Array, load: float) -> Array:
    """Prompts in one pass of a prefill replica, on average: those that are there when it begins [1].

    A pool that is busy for a share of the time finds that share of what fits into its rows, at least one
    prompt, and no more than a decode replica serves sequences: max(load min(budget / prompt, B), 1).

    Args:
        prompt: rows of a prompt [token].
        budget: rows of prompts that run together at most [1].
        batch: sequences B of a decode replica [1].
        load: share of the time that the pool is busy [1].

    Returns:
        Prompts, shapes broadcast [1].

    Domain:
        All prompts have one length.

    Limits:
        1 for prompts above the budget; the rows of a pass do not depend on the length of the prompts below
        it.

    Source:
        DistServe, Zhong et al., OSDI 2024 (arXiv 2401.09670), section 4: batches of prefill up to the length
        that saturates.

    Examples:
        By hand: half of the eight prompts of 256 tokens that fit into 2,048 rows.

        >>> packed(256.0, 2048.0, 64.0, 0.5)
        4.0
    """
    return maximum(minimum(budget / maximum(prompt, 1.0), batch) * load, 1.0)


def prefill_replicas(
    requests_per_s: Array, pass_s: Array, prompts: Array, load: float, joined: Array, *, whole: bool
) -> Array:
    """Replicas of the prefill pool that are busy for a share of the time [replica].

    requests x seconds of a pass / (prompts of a pass x load). A fleet of many replicas buys the two pools in
    this ratio. One system rounds up to groups of the replicas that share experts, so it is busy for that
    share at most.

    Args:
        requests_per_s: requests of all decode replicas [1/s].
        pass_s: time that a pass occupies a prefill replica [s].
        prompts: prompts of a pass [1].
        load: share of the time that the pool is busy [1].
        joined: replicas that share experts [1].
        whole: whether pools are whole replicas of one system.

    Returns:
        Replicas, shapes broadcast [replica].

    Domain:
        Both pools have one layout.

    Limits:
        0 where prompts take no time; the decode pool never starves, since load <= 1.

    Source:
        Utilisation law, Lazowska et al., Quantitative System Performance (1984), section 3.2.

    Examples:
        By hand: 10 requests a second of 0.2 s each keep two replicas busy all the time, or 2.5 for 80 % of
        it: three whole ones.

        >>> prefill_replicas(10.0, 0.2, 1.0, 0.8, 1.0, whole=False)
        2.5
        >>> prefill_replicas(10.0, 0.2, 1.0, 0.8, 1.0, whole=True)
        3.0
    """
    need = requests_per_s * pass_s / (prompts * load)
    return joined * ceil_div(need, joined) if whole else need


def wait(pass_s: Array, load: float, others: Array) -> Array:
    """Mean time that a prompt waits in a pool that is busy for a share of the time [s].

    rho / (2 (1 - rho)) of a pass: Pollaczek-Khinchine for passes of equal length and random arrivals, as if
    the pool were one server. Never longer than the passes of all other requests in flight.

    Args:
        pass_s: time of a pass [s].
        load: share rho of the time that the pool is busy [1].
        others: passes of all other requests in flight [1].

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        An upper bound: a real pool of several replicas waits less, and so does one that is less busy.

    Limits:
        0 when idle or when there is no other request.

    Source:
        Kleinrock, Queueing Systems I (1975), equation 5.64 (M/D/1).

    Examples:
        Published: at a load of 1/2 an M/D/1 queue waits half of a service time, half of what an M/M/1 queue
        waits (ibid.).

        >>> wait(1.0, 0.5, 100.0)
        0.5
    """
    # the bound by `others` matters for few requests in flight: a closed loop has no endless queue
    return pass_s * minimum(load / (2.0 * (1.0 - load)), others)


def transfer_s(chips: Chips, size_bytes: Array) -> Array:
    """Time to send KV cache from a prefill chip to its peer [s].

    Latency + bytes / bandwidth of the scale-out network where there is one, else of the links; every chip of
    a stage sends its own.

    Args:
        chips: chips, for links and scale-out.
        size_bytes: KV cache of one prompt on one chip [B].

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        After prefill, not layer by layer under it; chips of both pools are paired.

    Limits:
        The latency for no bytes.

    Source:
        DistServe, Zhong et al., OSDI 2024 (arXiv 2401.09670); Splitwise, Patel et al., ISCA 2024.

    Examples:
        Published: the KV cache of 512 tokens of OPT-66B is 1.13 GB (DistServe, section 3.3); 22.6 ms at
        50 GB/s.

        >>> from objectives.chips import chips_with
        >>> chip = chips_with(scale_out_bandwidth=50e9, scale_out_latency=0.0, link_bandwidth=450e9,
        ...                        link_efficiency=1.0, link_latency=0.0)
        >>> transfer_s(chip, 1.13e9)
        0.0226
    """
    # without scale-out both pools are in one domain, and KV cache takes its links
    out = chips.links.scale_out_bandwidth > 0.0
    link = inverse(chips.links.link_bandwidth * chips.stack.link_efficiency)
    per_byte = where(out, inverse(chips.links.scale_out_bandwidth), link)
    return where(out, chips.links.scale_out_latency, chips.links.link_latency) + size_bytes * per_byte


@final
class Disaggregated:
    """A pool of replicas of the same layout prefills, the other decodes undisturbed."""

    name = "disaggregated"
    counts_prompts = True
    starts_together = False
    has_pools = True

    def missing(self, work: Workload) -> str:
        """The load of the prefill pool."""
        if 0.0 < work.prefill_load < 1.0:
            return ""
        return f"prefill_load: expected a share above 0 and below 1, got {work.prefill_load or 'none'}"

    def prompt_load(self, designs: Designs, work: Workload) -> PromptLoad:
        """What a prefill replica finds when a pass begins."""
        # only what no cache holds is computed, so only that fills the rows of a pass
        budget, rows = designs.chips.stack.prompt_rows, computed_tokens(work)
        together = packed(rows, budget, designs.deployments.batch, work.prefill_load)
        return PromptLoad(prompts=together, rows=minimum(together * rows, budget))

    def serve(self, s: Setup, steps: DecodeSteps) -> ServingResult:
        """Undisturbed steps, KV cache on its way, and a prefill pool for the requests that decode serves."""
        d, work, prompts = s.deployments, s.context.workload, s.prompt_load.prompts
        # stages send at once, so the one with the most layers decides
        size = s.stage_layers * s.layer.kept_bytes(work.isl, s.context.precision.kv_bytes)
        prefill, step, load = prefill_pass(s), steps.per_token_s(), prefix_load_s(s)
        transfer = prefill.where_prompts(transfer_s(s.chips, size))
        # a replica must receive B prompts in the time of OSL tokens
        behind = shortfall(d.batch, transfer, step + transfer / work.osl, work.osl)
        tpot = step + behind
        # the slot is kept while KV cache travels into it
        tokens = throughput(d.batch, tpot + transfer / work.osl, d.dp)
        # a replica's network sends the KV cache of its prompts while the next ones are computed
        busy = maximum(prefill.stage_s(), prompts * transfer)
        if load is not None:
            busy = maximum(busy, prompts * load)
        # of the first: replicas that share experts follow from EP and TP alone, so all blocks have the same
        joined = s.layer.routed[0].spread.joined if s.layer.routed else ones_like(d.tp)
        whole = work.pools == "system"
        replicas = prefill_replicas(tokens / work.osl, busy, prompts, work.prefill_load, joined, whole=whole)
        parts = {
            "queue": wait(busy, work.prefill_load, (d.dp * d.batch - 1.0) / prompts),
            "kv_transfer": transfer,
            "request_overhead": s.chips.stack.request_overhead_s,
            **first_token_parts(s, prefill, step, prompts),
        }
        prompt_kv = d.pp * prompts * size  # every stage has prompts on their way
        return ServingResult(
            tpot_s=tpot,
            ttft_s=total(prefill.seconds(), parts),
            tokens_per_s=tokens,
            prefill=prefill,
            resources=steps.resources.plus(prefill.resources(s, prompts)),
            tpot_parts_s={"kv_transfer": behind},
            ttft_parts_s=parts,
            # both pools have one layout, so that chips are in the ratio of replicas
            prompt_share=replicas / (replicas + d.dp),
            prefill_replicas=replicas,
            # a prefill replica has the same weights, and KV cache of its prompts in place of the batch
            excess_bytes=s.machine.placed.excess_bytes + (prompt_kv - s.held_bytes["kv_cache"]),
        )

    def notes(self, work: Workload, stages: float) -> tuple[str, ...]:
        """That both pools are alike and paid, and how they are counted."""
        both = "disaggregated: both pools are of this chip in this layout, and both are paid"
        return both, _POOLS[work.pools]
