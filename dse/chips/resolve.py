"""A chip, its stack, its network and its price to the columns that cost models read."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from dse.chips.architecture import on_network
from dse.chips.chip_price import AROUND, around, needs_of, price_of, price_unknowns
from dse.chips.formats import matrix_formats, part_peaks, peak_of, with_formats
from dse.chips.interval import interval_columns
from dse.chips.link_reach import reach_columns
from dse.chips.memories import (
    added_watts,
    cost_unknowns,
    memory_columns,
    speed_unknowns,
    unkept,
    without_streams,
)
from dse.chips.price_method import price_method
from dse.chips.setting import Columns, Setting
from dse.chips.silicon_columns import (
    BONDED,
    EXCESS,
    ONE_DIE,
    WATTS,
    as_made,
    at_clock,
    check_made,
    chip_excess,
    chip_made,
    chip_package,
    chip_power,
)
from dse.errors import Problem, SpecError
from dse.spec.schema.base import Sourced
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.formats import REST, multiplied, parts_of
from dse.spec.schema.study import PrecisionSpec
from dse.spec.schema.system import RARE, NetworkSpec, StackSpec
from dse.spec.schema.technology import TechnologySpec
from objectives import api
from objectives.arrays import Array
from objectives.equations.chip.formats import FORMATS
from objectives.equations.interconnect.topology import TOPOLOGIES
from objectives.memories import FURTHER, MEMORIES

OPTIONAL = frozenset(f"{m}_{c}" for m in FURTHER for c in MEMORIES[m].columns) | {
    BONDED,
    *RARE,
    "reserve_bytes",
}
"""Columns that few chips have: of their memories, and of what their stack can do and keeps."""


def precision_of(spec: PrecisionSpec) -> api.Precision:
    """Bytes of one stored element of each kind, scales included."""
    parts = parts_of(spec.weights)
    return api.Precision(
        weight_bytes=FORMATS[parts.pop(REST)],
        kv_bytes=FORMATS[spec.cache],
        activation_bytes=FORMATS[spec.activations],
        # one format keeps the arithmetic of one
        parts=api.Parts(**{part: FORMATS[name] for part, name in parts.items()})
        if "=" in spec.weights
        else None,
    )


def chip_columns(
    chip: ChipSpec, setting: Setting, stack: StackSpec | None = None, network: NetworkSpec | None = None
) -> Columns:
    """Every column of one chip; raises `SpecError` with every unknown that the study needs.

    `stack` and `network` replace those that the setting and the chip name.
    """
    if stack is not None or network is not None:
        return _derived_columns(chip, setting, stack, network)
    # a study looks at its chips when it is resolved, and again whenever they are evaluated
    of, columns = setting.columns_known.get(id(chip), (None, {}))
    if of is not chip:
        columns = _derived_columns(chip, setting, None, None)
        setting.columns_known[id(chip)] = (chip, columns)
    return dict(columns)


def _derived_columns(
    chip: ChipSpec, setting: Setting, stack: StackSpec | None, network: NetworkSpec | None
) -> Columns:
    """See `chip_columns`."""
    chip = with_formats(chip, setting.technology)
    stack = stack or setting.stack_of(chip.name, chip.stack, chip.architecture)
    network = network or setting.catalog.get(NetworkSpec, setting.network or chip.link.network)
    # all unknowns first, so that one error names every fact that is missing
    kept = unkept(f"chips/{chip.name}", chip.memories, setting.kept, setting.technology)
    problems = [*_unknowns(chip, setting, network, stack), *kept]
    if problems:
        raise SpecError(problems)
    # dollars only where the price reads them: a part of unknown price must not stop a chip with a list price
    made = chip_made(chip, setting.foundry, priced="unit cost" in needs_of(chip, setting.price))
    # what is built around the chip is sized by the same watts
    power = chip_power(chip, made)
    stated = _stated(chip, setting, stack, network)
    if made is not None:
        # rates alone: the watts of `power` are at this clock already
        stated = at_clock(stated, float(np.asarray(made.clock_share).reshape(-1)[0]), 1.0)
    power["power_w"] += added_watts(chip)
    return {
        **stated,
        **(interval_columns(stack, chip, setting.catalog, setting.llms) if setting.with_intervals else {}),
        **power,
        "price_usd": price_of(chip, setting, made),
        **around(chip, network, setting, power["power_w"]),
        **chip_package(chip, made),
        **chip_excess(chip, made),
    }


def template_columns(chip: ChipSpec, setting: Setting, stack: StackSpec, network: NetworkSpec) -> Columns:
    """As `chip_columns` of a chip that others are made after: what follows from silicon is theirs, here 0."""
    problems = list(_unknowns(chip, setting, network, stack))
    if problems:
        raise SpecError(problems)
    # the template's own silicon is not needed, but what keeps it from being derived is reported here
    check_made(chip, setting.foundry, priced="unit cost" in needs_of(chip, setting.price))
    # once a template: wrong terms are an error of the study, not of each chip that it makes
    price_method(setting.price.method).check(setting.terms)
    return {
        **_stated(chip, setting, stack, network),
        **dict.fromkeys(("power_w", "price_usd", *WATTS, *ONE_DIE, *EXCESS), 0.0),
        **around(chip, network, setting, 0.0),
    }


def _stated(chip: ChipSpec, setting: Setting, stack: StackSpec, network: NetworkSpec) -> Columns:
    """Columns that need no silicon."""
    return {
        **_compute(chip, setting.precision),
        **_storage(chip),
        **network_columns(network),
        **stack_columns(stack, chip.dram is not None, network.name),
        **reach_columns(chip.link.bandwidth.value or 0.0, network, setting.technology),
        "link_bandwidth": chip.link.bandwidth.value or 0.0,
        "user_tokens_per_s": _or_zero(chip.claimed_user_speed),
        "sram_usable": sram_usable(chip, setting.technology),
        **memory_columns(chip),
    }


def speed_columns(
    chip: ChipSpec, precision: PrecisionSpec, stack: StackSpec, network: NetworkSpec
) -> Columns:
    """As `chip_columns` for questions of speed alone: every dollar and watt is 0.

    Raises `SpecError` with every unknown that speed needs.
    """
    problems = list(_speed_unknowns(chip, precision, network, stack))
    if problems:
        raise SpecError(problems)
    free = ("price_usd", *AROUND, "board_chips", "rack_chips", "optics_w", "power_w", *WATTS, *EXCESS)
    return {
        **_compute(chip, precision),
        **_storage(chip),
        **network_columns(network),
        **stack_columns(stack, chip.dram is not None, network.name),
        **as_made(chip),
        **dict.fromkeys((*free, "user_tokens_per_s"), 0.0),
        **{name: 0.0 if name.endswith("_w") else x for name, x in memory_columns(chip).items()},
        # the share of code is in the technology file, which questions of speed do without
        "sram_usable": 1.0,
        "link_bandwidth": _or_zero(chip.link.bandwidth),
    }


def chips_of(rows: list[Columns]) -> api.Chips:
    """A batch of chips, one a row, every column of shape (n,); memories that only some have are 0."""
    alike = with_absent(rows)
    return api.Chips.of(**{name: np.array([row[name] for row in alike], dtype=float) for name in alike[0]})


def with_absent(parts: Sequence[Mapping[str, Array]]) -> list[dict[str, Array]]:
    """Parts of one batch with equal names: memories that only some have are 0 in the others."""
    absent = {name: 0.0 for part in parts for name in part if name in OPTIONAL}
    return [{**absent, **part} for part in parts]


def _or_zero(leaf: Sourced[float] | None) -> float:
    return 0.0 if leaf is None or leaf.value is None else leaf.value


def _compute(chip: ChipSpec, precision: PrecisionSpec) -> Columns:
    return {
        **part_peaks(chip, precision),
        "attention_flops": peak_of(chip, matrix_formats(chip, precision.cache, precision.activations)) or 0.0,
    }


def _storage(chip: ChipSpec) -> Columns:
    """Columns of SRAM and DRAM; a chip without DRAM has none of it."""
    sram, dram = chip.sram, chip.dram
    return {
        # a cache may be of unknown size, since nothing is placed in it
        "sram_bytes": _or_zero(sram.capacity),
        "sram_bandwidth": _or_zero(sram.bandwidth),
        "sram_pinned": 1.0 if sram.use == "scratchpad" else 0.0,
        "weight_load_bandwidth": _or_zero(sram.weight_load),
        "dram_bytes": _or_zero(dram.capacity) if dram else 0.0,
        "dram_bandwidth": _or_zero(dram.bandwidth) if dram else 0.0,
    }


def sram_usable(chip: ChipSpec, technology: TechnologySpec) -> float:
    """Share of a chip's SRAM that tensors can occupy [1]: SRAM that software manages holds its code too."""
    share = technology.area.code_share.value or 0.0
    return 1.0 - share if chip.sram.use == "scratchpad" else 1.0


def network_columns(network: NetworkSpec) -> Columns:
    """Columns that a network gives to the chips it joins."""
    domain = float(network.domain.value or 1)
    out = network.scale_out
    return {
        "link_latency": _or_zero(network.hop_latency),
        "link_topology": float(TOPOLOGIES[network.topology]),
        "link_domain": domain,
        # a topology without groups is one group of the whole domain
        "link_group": float((network.group.value if network.group else None) or domain),
        # shares are divisors; a topology without groups has all of its links for both
        "link_local_share": _or_zero(network.local_share) or 1.0,
        "link_global_share": _or_zero(network.global_share) or 1.0,
        "in_network_reduction": float(network.in_network_reduction),
        "scale_out_bandwidth": _or_zero(out.bandwidth) if out else 0.0,
        "scale_out_latency": _or_zero(out.latency) if out else 0.0,
    }


def stack_columns(stack: StackSpec, dram: bool, network: str = "") -> Columns:
    """Columns that a stack gives to the chips it drives, which have `dram` or none, on a network."""
    stack = on_network(stack, network)
    # dataflow chips with DRAM run larger chunks of prompts, as those of SambaNova and Tenstorrent do
    rows = (stack.prompt_rows_from_dram if dram else None) or stack.prompt_rows
    return {
        # nulls were refused by `_speed_unknowns`: the defaults here satisfy the types only
        "compute_efficiency": stack.compute_efficiency.value or 1.0,
        "core_efficiency": stack.core_efficiency.value or 1.0,
        "decode_core_efficiency": (stack.decode_core_efficiency or stack.core_efficiency).value or 1.0,
        "expert_efficiency": (stack.expert_efficiency and stack.expert_efficiency.value) or 1.0,
        "all_to_all_efficiency": (stack.all_to_all_efficiency or stack.link_efficiency).value or 1.0,
        "tile_rows": float(stack.tile_rows.value or 1),
        "dram_efficiency": stack.dram_efficiency.value or 1.0,
        "kv_efficiency": stack.kv_efficiency.value or 1.0,
        "sram_efficiency": stack.sram_efficiency.value or 1.0,
        "link_efficiency": stack.link_efficiency.value or 1.0,
        "overlap": _or_zero(stack.overlap),
        "window_kept": _or_zero(stack.window_kept),
        "layer_overhead_s": _or_zero(stack.layer_overhead),
        "prompt_overhead_s": _or_zero(stack.prompt_overhead),
        "expert_overhead_s": _or_zero(stack.expert_overhead),
        "activation_passes": _or_zero(stack.activation_passes),
        "exposed_share": _or_zero(stack.exposed_share),
        "step_overhead_s": _or_zero(stack.step_overhead),
        "sequence_overhead_s": _or_zero(stack.sequence_overhead),
        "request_overhead_s": _or_zero(stack.request_overhead),
        "burst": _or_zero(stack.burst),
        "collective_overhead_s": _or_zero(stack.collective_overhead),
        "prompt_rows": float(rows.value or 1),
        "held_rows": float((stack.held_rows or rows).value or 1),
        "context_parallel": 1.0 if stack.context_parallel and stack.context_parallel.value else 0.0,
        "usable_capacity": stack.usable_capacity.value or 1.0,
        **{name: 1.0 for name in RARE if stack.can(name)},
        **({} if stack.reserve is None else {"reserve_bytes": stack.reserve.value or 0.0}),
    }


def _unknowns(chip: ChipSpec, setting: Setting, network: NetworkSpec, stack: StackSpec) -> Iterator[Problem]:
    """Nulls that this study needs, by name."""
    yield from _speed_unknowns(chip, setting.precision, network, stack)
    needed: dict[str, object] = {"link.bandwidth": chip.link.bandwidth.value}
    needed |= dict(cost_unknowns(chip))
    if chip.power.value == 0:  # it would be powered, cooled and housed for nothing
        yield from _nulls(f"chips/{chip.name}", {"power": 0}, positive=True)
    needs = needs_of(chip, setting.price)
    prices, wrong = price_unknowns(chip, setting, network)
    needed |= prices
    yield from (Problem(f"chips/{chip.name}", what) for what in wrong)
    claimed: dict[str, object] = {}
    for name in setting.requires:
        # by name, as a cost model of another package may require any fact of a chip
        claimed[name] = getattr(getattr(chip, name, None), "value", None)
    yield from _nulls(f"chips/{chip.name}", needed)
    # a cost model may divide by what it requires
    yield from _nulls(f"chips/{chip.name}", claimed, positive=True)
    if "fp16 peak" in needs and peak_of(chip, ("fp16",)) is None:
        what = f"peak.fp16: expected a known value for a price by {setting.price.method}, got none"
        yield Problem(f"chips/{chip.name}", what)


def _speed_unknowns(
    chip: ChipSpec, precision: PrecisionSpec, network: NetworkSpec, stack: StackSpec
) -> Iterator[Problem]:
    """Nulls that any question of speed needs, by name."""
    # a tier of size or speed 0 would hold or read everything for nothing
    tiers: dict[str, object] = {f"peak.{f}": leaf.value for f, leaf in chip.peak.items() if leaf.value == 0}
    if chip.sram.weight_load is not None and chip.sram.weight_load.value == 0:
        tiers["sram.weight_load"] = 0
    if chip.sram.use == "scratchpad":
        tiers |= {"sram.capacity": chip.sram.capacity.value, "sram.bandwidth": chip.sram.bandwidth.value}
    if chip.dram is not None:
        tiers |= {"dram.capacity": chip.dram.capacity.value, "dram.bandwidth": chip.dram.bandwidth.value}
    tiers |= dict(speed_unknowns(chip))
    yield from without_streams(chip)
    yield from _nulls(f"chips/{chip.name}", tiers, positive=True)
    needed: dict[str, object] = {}
    for name in ("domain", "hop_latency"):
        needed[f"networks/{network.name}: {name}"] = getattr(network, name).value
    for name in StackSpec.model_fields:
        # what no source says of a stack it cannot do
        if isinstance(leaf := getattr(stack, name), Sourced) and name not in RARE:
            needed[f"stacks/{stack.name}: {name}"] = leaf.value
    yield from _nulls(f"chips/{chip.name}", needed)
    # weights and KV cache often share a format, whose lack is named once
    for stored in dict.fromkeys((*multiplied(precision.weights).values(), precision.cache)):
        formats = matrix_formats(chip, stored, precision.activations)
        if peak_of(chip, formats) is None:
            known = ", ".join(chip.peak)
            yield Problem(
                f"chips/{chip.name}", f"peak: expected one of {', '.join(formats)}, got {known or 'none'}"
            )


def _nulls(where: str, needed: dict[str, object], positive: bool = False) -> Iterator[Problem]:
    """Values that are not published, and those that are 0 where only more makes sense."""
    for name, value in needed.items():
        if value is None:
            yield Problem(where, f"{name}: expected a known value, got null (not published)")
        elif positive and value == 0:
            yield Problem(where, f"{name}: expected more than 0, got 0")
