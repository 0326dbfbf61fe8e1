"""From seconds and bytes to metrics: throughput, dollars, joules, violations. Shared by all cost models."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from objectives.api import Chips, Context, Designs, Metrics
from objectives.arrays import Array, zeros_like
from objectives.equations.chip.resource_seconds import ResourceSeconds
from objectives.equations.cost import money
from objectives.equations.cost.energy import drawn_per_token, metered, metered_parts
from objectives.equations.interconnect import reach


def total(parts: Mapping[str, Array]) -> Array:
    """Sum of the parts, in their order."""
    first, *rest = parts.values()
    for part in rest:
        first = first + part
    return first


def silicon_violations(chips: Chips) -> dict[str, Array]:
    """What keeps a hypothetical die from being made, each in its own unit; feasible where <= 0."""
    return {
        "die_area": chips.limits.area_excess_m2,
        "dram_stacks": chips.limits.dram_stacks_excess,
        "link_edge": chips.limits.link_excess,
        "cooling": chips.limits.cooling_excess_w,
        "power_density": chips.limits.power_density_excess,
    }


@dataclass(frozen=True, kw_only=True)
class Breakdown:
    """Where seconds and bytes go; filled with `detail` only."""

    tpot: Mapping[str, Array]
    ttft: Mapping[str, Array]
    capacity: Mapping[str, Array]
    bounds: Mapping[str, Array]
    pools: Mapping[str, Array] = field(default_factory=dict)

    @classmethod
    def empty(cls) -> "Breakdown":
        """What a search over millions of designs wants."""
        return cls(tpot={}, ttft={}, capacity={}, bounds={})


def metrics(
    designs: Designs,
    context: Context,
    tpot_s: Array,
    ttft_s: Array,
    tokens_per_s: Array,
    violations: Mapping[str, Array],
    *,
    breakdown: Breakdown,
    detail: bool,
    chips: Array | None = None,
    resources: ResourceSeconds | None = None,
    prompt_share: Array | None = None,
    extra_capex: Mapping[str, Array] | None = None,
    together: Array | None = None,
) -> Metrics:
    """Metrics of designs whose seconds, bytes and tokens a second are known.

    Args:
        designs: chips and deployments.
        context: network, formats, workload and economy.
        tpot_s: time per output token [s].
        ttft_s: time to first token [s].
        tokens_per_s: throughput of all replicas [token/s].
        violations: named constraints, feasible where <= 0.
        breakdown: where seconds and bytes go.
        detail: whether ledgers of dollars and joules are filled too.
        chips: chips of all replicas, where the layout does not say [1].
        resources: what one output token takes of each resource; without it chips are taken to draw their
            board power all the time [chip-second].
        prompt_share: share of the time that prompts take [1].
        extra_capex: capital beyond chips, hosts and networks [USD].
        together: chips that send each other bytes, all of them where it is left out; their links reach as far
            as that many chips extend [1].
    """
    c, d, work = designs.chips, designs.deployments, context.workload
    count = d.tp * d.pp * d.dp if chips is None else chips
    near = count if together is None else together
    optics = reach.optics_w(c, near)
    # all parts are of the whole system, extra ones too
    capex_parts = money.capex(c, count, near) | dict(extra_capex or {})
    capex = total(capex_parts)
    drawn = drawn_per_token(c, resources, count, tokens_per_s, context.economy, optics)
    # at the meter, which electricity is paid for; `drawn` is at the chips
    energy = metered(context.economy, total(drawn))
    # the building must carry all chips at full power; electricity is paid for what they draw
    paid = (context.economy, capex, count * (c.cost.power_w + optics), tokens_per_s, energy)
    per_million = money.usd_per_million_tokens(*paid)
    # where a mode counts no prompts, the whole cost is that of outputs
    inputs, outputs = zeros_like(d.tp), per_million
    if prompt_share is not None:
        inputs, outputs = money.token_prices(per_million, prompt_share, work.isl, work.osl)
    empty: Mapping[str, Array] = {}
    return Metrics(
        tpot_s=tpot_s,
        ttft_s=ttft_s,
        tokens_per_s=tokens_per_s,
        chips=count,
        capex_usd=capex,
        usd_per_token_per_s=capex / tokens_per_s,
        usd_per_million_tokens=per_million,
        usd_per_million_input_tokens=inputs,
        usd_per_million_output_tokens=outputs,
        energy_per_token_j=energy,
        violations=violations,
        tpot_parts=breakdown.tpot,
        ttft_parts=breakdown.ttft,
        capex_parts=capex_parts if detail else empty,
        running_parts=money.running_cost(*paid) if detail else empty,
        energy_parts=metered_parts(context.economy, drawn) if detail else empty,
        capacity_parts=breakdown.capacity,
        bounds=breakdown.bounds,
        pools=breakdown.pools,
    )
