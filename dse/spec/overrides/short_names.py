"""Short names of numbers, such as `hbm_bandwidth`, and the dotted path of each in its spec.

A `*` in a path means every node, or every kind of DRAM, that the study uses.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, get_args

from dse.errors import Problem, SpecError
from dse.spec.schema.chip import PeakFormat

CHIP: Final = MappingProxyType(
    {
        "sram": "sram.capacity",
        "sram_bandwidth": "sram.bandwidth",
        "weight_load": "sram.weight_load",
        "dram": "dram.capacity",
        "dram_bandwidth": "dram.bandwidth",
        "dram_stacks": "dram.stacks",
        "hbm": "dram.capacity",
        "hbm_bandwidth": "dram.bandwidth",
        "hbm_stacks": "dram.stacks",
        "link_bandwidth": "link.bandwidth",
        "process": "die.process",
        "dies": "die.count",
        "die_bandwidth": "die.joined",
        "last_level": "sram.last_level",
        "cooling": "cooling",
        "clock": "clock",
        "power": "power",
        "price": "price",
        "host": "host",
        "rent": "rent",
        "gross_margin": "gross_margin",
        "claimed_user_speed": "claimed_user_speed",
        **{f"peak_{f}": f"peak.{f}" for f in get_args(PeakFormat)},
        # fp16 stands for both, see `PeakFormat`
        "peak_bf16": "peak.fp16",
    }
)
STACK: Final = MappingProxyType(
    {
        name: name
        for name in (
            "compute_efficiency",
            "core_efficiency",
            "decode_core_efficiency",
            "expert_efficiency",
            "tile_rows",
            "dram_efficiency",
            "kv_efficiency",
            "sram_efficiency",
            "link_efficiency",
            "all_to_all_efficiency",
            "overlap",
            "window_kept",
            "kv_under_prefill",
            "unlike_stages",
            "layer_overhead",
            "prompt_overhead",
            "expert_overhead",
            "activation_passes",
            "exposed_share",
            "step_overhead",
            "collective_overhead",
            "usable_capacity",
            "reserve",
        )
    }
)
NETWORK: Final = MappingProxyType({"hop_latency": "hop_latency", "domain": "domain", "network_cost": "cost"})
TECHNOLOGY: Final = MappingProxyType(
    {
        **{
            name: f"nodes.*.{name}"
            for name in (
                "wafer_cost",
                "defect_density",
                "logic_density",
                "scratchpad_area",
                "cache_area",
                "matrix_density",
                "vector_density",
                "matrix_energy",
                "vector_energy",
                "sram_energy",
                "static_power",
            )
        },
        "sram_area": "nodes.*.scratchpad_area",
        "hbm_cost": "dram.*.cost",
        "dram_cost": "dram.*.cost",
        "hbm_energy": "dram.*.energy",
        "reticle": "wafer.reticle",
        **{
            name: f"package.{name}"
            for name in (
                "interposer_cost",
                "bridge_cost",
                "test_cost",
                "board_cost",
                "board_cost_per_watt",
            )
        },
        **{f"{c}_yield": f"die_to_die.{c}.part_yield" for c in ("organic", "interposer", "bridge")},
    }
)
WORKLOAD: Final = MappingProxyType(
    {
        **{
            name: name
            for name in (
                "isl",
                "osl",
                "context",
                "routing_skew",
                "prefill_load",
                "pools",
                "weight_updates",
                "redundant_experts",
            )
        },
        "prefix_hit": "prefix_cache.hit",
        "prefix_stored": "prefix_cache.stored",
        "prefix_bandwidth": "prefix_cache.bandwidth",
        "prefix_cost": "prefix_cache.cost",
        "draft_length": "speculation.length",
        "draft_acceptance": "speculation.acceptance",
        "draft_cost": "speculation.cost",
        "block_size": "diffusion.block",
        "block_steps": "diffusion.steps",
    }
)
ECONOMY: Final = MappingProxyType(
    {
        name: name
        for name in (
            "lifetime",
            "cost_of_capital",
            "electricity",
            "pue",
            "power_overhead",
            "upkeep",
            "utilisation",
            "building",
            "building_lifetime",
            "blend",
        )
    }
)

_BY_PATH: Final = {path: name for name, path in reversed(list(CHIP.items()))}  # of two names, the first


def names() -> tuple[str, ...]:
    """Every name that `--set` takes."""
    return (*CHIP, *STACK, *NETWORK, *WORKLOAD, *ECONOMY)


def by_short_name(settings: Mapping[str, str]) -> dict[str, str]:
    """Settings by short name; paths of files and of the catalog, such as `dram.bandwidth`, are known too.

    Raises `SpecError` where two names set the same number: one of them would be dropped in silence.
    """
    found = {name: _BY_PATH.get(name, name) for name in settings}
    same: dict[str, list[str]] = {}
    for name, short in found.items():
        same.setdefault(CHIP.get(short, short), []).append(name)
    problems = [
        Problem(
            "--set",
            f"expected either {' or '.join(several)}, which are the same number, got both",
            key=several[-1],
        )
        for several in same.values()
        if len(several) > 1
    ]
    if problems:
        raise SpecError(problems)
    return {short: settings[name] for name, short in found.items()}
