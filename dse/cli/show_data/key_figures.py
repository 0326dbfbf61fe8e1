"""Key figures by kind of config: what a line of `dse catalog KIND` tells."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dse.spec.yaml.units import parse, pretty


@dataclass(frozen=True)
class Figure:
    """One column: its header for people, its key with the unit for programs, and how to get it in SI."""

    title: str
    key: str
    unit: str
    of: Callable[[Any], Any]


def _leaf(*path: str) -> Callable[[Any], Any]:
    """Reader of the sourced value at a path; None where a part is absent or nobody knows the value."""

    def read(spec: Any) -> Any:
        for name in path:
            spec = spec.get(name) if isinstance(spec, dict) else getattr(spec, name, None)
        return getattr(spec, "value", spec)

    return read


def _kv_heads(llm: Any) -> int | None:
    return max((b.attention.kv_heads for b in llm.blocks if b.attention), default=None)


def _targets(workload: Any) -> str:
    return ", ".join(f"{name} {pretty(limit, 's')}" for name, limit in workload.targets.items())


def _years(economy: Any) -> float:
    return float(economy.lifetime.value) / parse("1 year", "s")


def _names(attribute: str) -> Callable[[Any], str]:
    return lambda spec: ", ".join(getattr(spec, attribute))


FIGURES: dict[str, tuple[Figure, ...]] = {
    "chips": (
        Figure("SRAM", "sram_bytes", "B", _leaf("sram", "capacity")),
        Figure("DRAM", "dram_bytes", "B", _leaf("dram", "capacity")),
        Figure("DRAM speed", "dram_bandwidth_bytes_per_s", "B/s", _leaf("dram", "bandwidth")),
        Figure("fp16 peak", "peak_fp16_flop_per_s", "FLOP/s", _leaf("peak", "fp16")),
        Figure("power", "power_w", "W", _leaf("power")),
        Figure("price USD", "price_usd", "USD", _leaf("price")),
    ),
    "llms": (
        Figure("parameters", "params", "", lambda s: s.params.value),
        Figure("layers", "layers", "", lambda s: sum(b.count for b in s.blocks)),
        Figure("hidden", "hidden", "", lambda s: s.hidden),
        Figure("KV heads", "kv_heads", "", _kv_heads),
    ),
    "workloads": (
        Figure("prompt", "isl_tokens", "token", _leaf("isl")),
        Figure("output", "osl_tokens", "token", _leaf("osl")),
        Figure("serving", "serving", "text", lambda s: s.serving),
        Figure("targets", "targets", "text", _targets),
    ),
    "stacks": (
        Figure("compute eff.", "compute_efficiency", "", _leaf("compute_efficiency")),
        Figure("DRAM eff.", "dram_efficiency", "", _leaf("dram_efficiency")),
        Figure("per layer", "layer_overhead_s", "s", _leaf("layer_overhead")),
        Figure("trust", "estimate", "text", lambda s: s.estimate),
    ),
    "networks": (
        Figure("topology", "topology", "text", lambda s: s.topology),
        Figure("domain", "domain_chips", "", _leaf("domain")),
        Figure("hop", "hop_latency_s", "s", _leaf("hop_latency")),
        Figure("USD per chip", "cost_usd", "USD", _leaf("cost")),
    ),
    "economies": (
        Figure("lifetime, years", "lifetime_years", "", _years),
        Figure("capital a year", "cost_of_capital_per_year", "", _leaf("cost_of_capital")),
        Figure("PUE", "pue", "", _leaf("pue")),
        Figure("utilisation", "utilisation", "", _leaf("utilisation")),
    ),
    "silicon": (
        Figure("nodes", "nodes", "text", _names("nodes")),
        Figure("DRAM", "dram", "text", _names("dram")),
    ),
    "spaces": (Figure("branches", "branches", "text", _names("branches")),),
    "buildable": (
        Figure("SRAM", "sram_bytes", "B", _leaf("sram")),
        Figure("links", "link_bandwidth_bytes_per_s", "B/s", _leaf("link_bandwidth")),
        Figure("fp16 peak", "peak_fp16_flop_per_s", "FLOP/s", _leaf("peak_flops")),
    ),
    "studies": (
        Figure("LLM", "llm", "text", lambda s: s.llm),
        Figure("workload", "workload", "text", lambda s: s.workload),
        Figure("trials", "trials", "", lambda s: s.budget.trials),
    ),
}  # fmt: skip


def shown(value: Any, unit: str) -> str:
    """A key figure for people."""
    if value is None or value == "":
        return "-"
    if unit == "text":
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if unit == "" and value >= 1e6:
        return pretty(value, "_").removesuffix("_").replace("G", "B")  # parameters are counted in billions
    return pretty(value, "" if unit in ("USD", "token") else unit)
