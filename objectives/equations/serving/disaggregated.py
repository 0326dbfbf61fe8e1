"""Disaggregated: one pool of replicas prefills, another decodes, KV cache travels between them."""

from typing import Final, final

from objectives.api import Chips, Designs, Pools, Workload
from objectives.arrays import Array, inverse, maximum, minimum, ones_like, where
from objectives.equations.interconnect.alpha_beta import AlphaBeta
from objectives.equations.serving.first_token import first_token_parts, total
from objectives.equations.serving.matched_pools import DecodePool, PrefillPool, matched_pools
from objectives.equations.serving.mode import ServingResult
from objectives.equations.serving.under_prefill import exposed_s, under_prefill
from objectives.equations.step.batch_setup import PromptLoad, Setup
from objectives.equations.step.decode_steps import DecodeSteps
from objectives.equations.step.prefill_pass import prefill_pass, prefix_busy_s
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
        After prefill, not layer by layer under it (`under_prefill`); chips of both pools are paired.

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
    line = _line(chips)
    return line.latency_s + size_bytes * line.s_per_byte


def _line(chips: Chips) -> AlphaBeta:
    """From a prefill chip to its peer."""
    # without scale-out both pools are in one domain, and KV cache takes its links
    out = chips.links.scale_out_bandwidth > 0.0
    link = inverse(chips.links.link_bandwidth * chips.stack.link_efficiency)
    return AlphaBeta(
        latency_s=where(out, chips.links.scale_out_latency, chips.links.link_latency),
        s_per_byte=where(out, inverse(chips.links.scale_out_bandwidth), link),
    )


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
        kv_bytes = s.context.precision.kv_bytes
        size = s.most_of_stage(lambda layer: layer.kept_bytes(work.isl, kv_bytes))
        prefill, step = prefill_pass(s), steps.per_token_s()
        used = prefill.resources(s, prompts)
        load = prefix_busy_s(s, used)
        transfer = prefill.where_prompts(transfer_s(s.chips, size))
        # of the first: replicas that share experts follow from EP and TP alone, so all blocks have the same
        joined = s.layer.routed[0].spread.joined if s.layer.routed else ones_like(d.tp)
        rates = matched_pools(
            PrefillPool(
                pass_s=prefill.stage_s(),
                prompts=prompts,
                # what a prefix cache brings back takes the replica's time like what it sends
                send_s=transfer if load is None else maximum(transfer, load),
                load=work.prefill_load,
                joined=joined,
            ),
            # a replica must receive B prompts in the time of OSL tokens
            DecodePool(batch=d.batch, step_s=step, osl=work.osl, replicas=d.dp, receive_s=transfer),
            transfer,
            whole=work.pools == "system",
        )
        replicas, under = rates.prefill_replicas, under_prefill(s, prefill, prompts)
        exposed = transfer
        if under is not None:
            line = _line(s.chips)
            sent = size * line.s_per_byte  # both pools have one layout, so that both sides take as long
            exposed = prefill.where_prompts(line.latency_s + exposed_s(under, sent, sent, under.layers))
        parts = {
            "queue": rates.queue_s,
            "kv_transfer": exposed,
            "request_overhead": s.chips.stack.request_overhead_s,
            **first_token_parts(s, prefill, step, prompts, rates.tpot_s),
        }
        prompt_kv = d.pp * prompts * size  # every stage has prompts on their way
        return ServingResult(
            tpot_s=rates.tpot_s,
            ttft_s=total(prefill.seconds(), parts),
            tokens_per_s=rates.tokens_per_s,
            prefill=prefill,
            resources=steps.resources.plus(used),
            tpot_parts_s={"kv_transfer": rates.behind_s},
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
