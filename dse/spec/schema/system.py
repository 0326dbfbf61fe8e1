"""What surrounds a chip: software stack, network, economy."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import numpy as np
from pydantic import Field

from dse.errors import Problem, SpecError
from dse.spec.schema.base import (
    Aliases,
    AtLeastOne,
    FileName,
    IsoDate,
    Notes,
    PositiveNumber,
    Ratio,
    Sourced,
    SourcedBandwidth,
    SourcedBytes,
    SourcedCount,
    SourcedFlag,
    SourcedNumber,
    SourcedRatio,
    SourcedSeconds,
    SourcedShare,
    SourcedUsd,
    Spec,
    Title,
    unit,
)
from dse.spec.schema.chip import ChipClass
from dse.spec.schema.pattern import Pattern
from objectives import api

AtLeastOneRow = Annotated[int, Field(ge=1, json_schema_extra={"x-unit": "row"})]
"""A number of rows."""
ShiftedByNetwork = Literal["link_efficiency", "collective_overhead"]
"""Numbers of a stack that a network moves."""
Unlike = Literal["architecture", "llm", "experts", "joined"]
"""What makes a question unlike the rows that a stack was fitted to."""


RARE: Final = ("kv_under_prefill", "unlike_stages")
"""What few stacks can do: a flag of those that can, left out of the others."""


class StackSpec(Spec):
    """Hardware and software together: the few numbers that separate a roofline from a measurement."""

    kind: Literal["stack"]
    """Kind of this file."""
    name: FileName
    title: Title
    aliases: Aliases = ()
    estimate: Literal["speed-of-light", "uncalibrated", "calibrated"]
    """`speed-of-light`: an upper bound on speed; `uncalibrated`: published derates, no error bar yet."""
    engines: Annotated[tuple[Pattern, ...], Field(max_length=20)] = ()
    """Regular expressions of the engines that this profile was calibrated on, case ignored."""
    classes: tuple[ChipClass, ...] = ()
    """Classes of chips that it holds for; all when left out."""
    chips: tuple[str, ...] = ()
    """Chips that it was calibrated on; on another one the wider interval of its class holds."""
    rows: dict[str, AtLeastOneRow] = Field(default={})
    """Chip to its rows among those that the stack, or the engines of its class, were fitted to."""
    makers: tuple[str, ...] = ()
    """Vendors of the chips of these rows: the software of another vendor was not measured."""
    llms: tuple[str, ...] = ()
    """LLMs that it was calibrated on; on another one the interval is wider."""
    vendors: tuple[str, ...] = ()
    """Vendors of these chips, where each writes its own software; none where any chip of a class runs it."""
    since: IsoDate | None = None
    """First date of the software that it holds for, where the name of the engine does not say."""
    until: IsoDate | None = None
    """Last date of the software that it holds for."""
    compute_efficiency: SourcedRatio
    """Sustained share of the matrix peak on full tiles."""
    core_efficiency: SourcedRatio
    """Sustained share of the matrix peak in the attention core."""
    decode_core_efficiency: SourcedRatio | None = None
    """The same in steps of decode: as in prompts when left out."""
    expert_efficiency: SourcedRatio | None = None
    """Bandwidth that grouped products of routed experts sustain over that of one matrix: 1 when left out."""
    tile_rows: SourcedCount
    """Rows that one pass of the matrix unit takes; fewer rows take the same time."""
    dram_efficiency: SourcedRatio
    """Sustained share of the DRAM bandwidth when weights are read."""
    kv_efficiency: SourcedRatio
    """Sustained share of the DRAM bandwidth when KV cache is read."""
    sram_efficiency: SourcedRatio
    """Sustained share of the SRAM bandwidth."""
    link_efficiency: SourcedRatio
    """Sustained share of the link bandwidth."""
    all_to_all_efficiency: SourcedRatio | None = None
    """Sustained share of the link bandwidth in all-to-alls: as `link_efficiency` when left out."""
    overlap: SourcedShare | None = None
    """Share of an all-to-all that hides behind a second micro-batch, whose weights are read again: none when
    left out."""
    window_kept: SourcedShare | None = None
    """Share of the tokens beyond a window of attention whose KV cache stays in memory: none when left out."""
    layer_overhead: SourcedSeconds
    """Fixed time of one layer, such as kernel launches."""
    prompt_overhead: SourcedSeconds
    """Fixed time of one layer of prompts, in addition to `layer_overhead`."""
    expert_overhead: SourcedSeconds
    """Fixed time of routing in one layer of experts: gate, sort, gather and scatter."""
    activation_passes: SourcedNumber
    """Times that the activations of a layer pass through DRAM between its matrices."""
    exposed_share: SourcedShare
    """Share of the shorter of compute and memory time that does not overlap with the longer."""
    step_overhead: SourcedSeconds
    """Fixed time of one step of one pipeline stage, such as scheduling on the host."""
    sequence_overhead: SourcedSeconds
    """Time of one step per resident sequence, such as sampling."""
    request_overhead: SourcedSeconds
    """Time of one request before the engine sees it and after its first token."""
    burst: SourcedShare
    """Share of the requests in flight that arrive together."""
    collective_overhead: SourcedSeconds
    """Fixed software time of one collective."""
    prompt_rows: SourcedCount
    """Tokens of prompts that run together."""
    prompt_rows_from_dram: SourcedCount | None = None
    """The same on a chip that has DRAM to read its weights from: as `prompt_rows` when left out."""
    held_rows: SourcedCount | None = None
    """Of these, how many have their activations held at once: all when left out, few where they stream."""
    context_parallel: SourcedFlag | None = None
    """Whether the KV cache of a sequence can be split along its tokens over chips (CP): it cannot when left
    out."""
    # left out at its default, so that a question stored before the key existed is still the same one
    kv_under_prefill: SourcedFlag | None = Field(default=None, exclude_if=lambda v: v is None)
    """Whether a pool that prefills sends the KV cache of a layer while it computes the next ones: it sends
    all after the prefill when left out or null."""
    unlike_stages: SourcedFlag | None = Field(default=None, exclude_if=lambda v: v is None)
    """Whether pipeline stages with fewer layers have fewer chips: all have TP x CP when left out or null."""
    reserve: SourcedBytes | None = Field(default=None, exclude_if=lambda v: v is None)
    """Memory of each chip that engine and driver keep beyond weights, KV cache and activations, within the
    usable share: contexts, recorded graphs, buffers of libraries. None when left out."""
    network_shifts: dict[str, dict[ShiftedByNetwork, Sourced[PositiveNumber]]] = Field(
        default={}, exclude_if=lambda v: not v
    )
    """Network to number of the stack to the factor that it takes there, on the odds of a share: collectives
    over it are slower or faster than on the networks that the number was fitted to."""
    usable_capacity: SourcedRatio
    """Share of the memory that the runtime leaves to weights, KV cache and activations."""
    interval: dict[str, Annotated[AtLeastOne, Field(gt=1.0)]] = Field(default={})
    """Metric (tpot, ttft, throughput, end_to_end) to the factor up and down that held 80 % of the rows left
    out. End to end without one has that of throughput, whose inverse it is."""
    widened: dict[Unlike, dict[str, Annotated[AtLeastOne, Field(gt=1.0)]]] = Field(default={})
    """What a question has and the measured rows hardly had, to metric and the factor up and down that comes
    on top, as an error of its own: `architecture` and `llm`, one that no row was of; `experts`, routed ones;
    `joined`, replicas that share experts. The stack of a class says it for all stacks of its chips."""
    notes: Notes = None

    def can(self, name: str) -> bool:
        """Whether it can do something that few can, see `RARE`."""
        flag = getattr(self, name)
        return isinstance(flag, Sourced) and bool(flag.value)


def widened(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """An interval with an independent error on top: logarithms add as squares; of the metrics of `one`."""
    return {m: float(np.exp(np.hypot(np.log(f), np.log(other.get(m, 1.0))))) for m, f in one.items()}


def wider(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """Of two intervals, metric by metric the wider one."""
    # a metric that one of the two lacks has the factor of the other
    return {m: max(one.get(m, 1.0), other.get(m, 1.0)) for m in {**one, **other}}


class ScaleOut(Spec):
    """What joins scale-up domains."""

    bandwidth: SourcedBandwidth
    """Bandwidth of one chip beyond the domain, one way."""
    latency: SourcedSeconds
    """Latency of one message beyond the domain."""


class NetworkSpec(Spec):
    """A scale-up network; its bandwidth belongs to the chip that drives it."""

    kind: Literal["network"]
    """Kind of this file."""
    name: FileName
    title: Title
    aliases: Aliases = ()
    topology: Literal["switch", "ring", "torus2d", "torus3d", "dragonfly", "fat-tree"]
    """How the chips of a scale-up domain are joined."""
    domain: SourcedCount
    """Chips that one scale-up domain joins."""
    hop_latency: SourcedSeconds
    """Latency of one hop between neighbours."""
    in_network_reduction: bool = False
    """Whether switches add up an all-reduce."""
    group: SourcedCount | None = None
    """Chips of one fully connected group (dragonfly) or one pod (fat tree)."""
    local_share: Sourced[Ratio] | None = None
    """Share of a chip's bandwidth on links inside its group."""
    global_share: Sourced[Ratio] | None = None
    """Share of a chip's bandwidth that crosses groups (a fat tree: 1 / oversubscription)."""
    scale_out: ScaleOut | None = None
    """Network beyond the domain; left out when a system cannot exceed its domain."""
    board: SourcedCount | None = None
    """Chips on one board; the technology file's when left out."""
    rack: SourcedCount | None = None
    """Chips in one rack; the technology file's when left out."""
    beyond_rack: SourcedShare | None = None
    """Share of a chip's bandwidth on links that leave its rack in a large system; by its topology when left
    out."""
    cost: SourcedUsd
    """Switches, NICs and cables per chip, as published."""
    notes: Notes = None


class EconomySpec(Spec):
    """What turns capital into running cost."""

    kind: Literal["economy"]
    """Kind of this file."""
    name: FileName
    title: Title
    aliases: Aliases = ()
    lifetime: SourcedSeconds
    """Time over which the capital is paid off."""
    cost_of_capital: SourcedNumber
    """Yearly rate."""
    electricity: Sourced[Annotated[float, unit("USD/J")]]
    """Price of electricity."""
    pue: SourcedNumber
    """Power of the data centre over the power of its servers."""
    power_overhead: SourcedNumber
    """Watts of a server per watt of its accelerators."""
    upkeep: SourcedNumber
    """Share of the capital spent on upkeep each year."""
    utilisation: SourcedRatio
    """Share of the time in which tokens are sold."""
    building: Sourced[Annotated[float, unit("USD/W")]]
    """Data centre per watt of servers."""
    building_lifetime: SourcedSeconds
    """Time over which the building is paid off."""
    # left out at its default, so that a question stored before the key existed is still the same one
    blend: SourcedNumber | None = Field(default=None, exclude_if=lambda v: v is None)
    """Prompt tokens for each output token in a blended price; those of the workload when left out."""
    notes: Notes = None

    def resolve(self) -> api.Economy:
        """The economy as the equations want it; raises `SpecError` naming each null."""
        leaves = {n: getattr(self, n) for n in type(self).model_fields}
        # what has no source is a name or a note
        values = {n: leaf.value for n, leaf in leaves.items() if isinstance(leaf, Sourced)}
        if unknown := [n for n, value in values.items() if value is None]:
            where = f"economies/{self.name}"
            raise SpecError([Problem(where, f"{n}: expected a known value, got null") for n in unknown])
        known = {n: float(value) for n, value in values.items() if value is not None}
        return api.Economy(
            lifetime_s=known["lifetime"],
            cost_of_capital=known["cost_of_capital"],
            usd_per_joule=known["electricity"],
            pue=known["pue"],
            power_overhead=known["power_overhead"],
            upkeep_per_year=known["upkeep"],
            utilisation=known["utilisation"],
            building_usd_per_watt=known["building"],
            building_lifetime_s=known["building_lifetime"],
            blend=known.get("blend"),
        )
