"""Key figures of each kind of config, the columns of `dse catalog KIND`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from dse.spec.attention.softmax import AttentionSpec
from dse.spec.schema.architecture import ArchitectureSpec, Shifted
from dse.spec.schema.base import Spec
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.rents import TERMS, RentsSpec
from dse.spec.schema.system import EconomySpec, StackSpec
from dse.spec.schema.traffic import TrafficSpec
from dse.spec.schema.workload import WorkloadSpec
from dse.spec.yaml.units import parse, pretty
from dse.traffic.profile import moments_of

S = TypeVar("S", bound=Spec)
Value = float | int | str | None
Reader = Callable[[Spec], Value]


@dataclass(frozen=True)
class Figure:
    """One column: its header for people, its key with the unit for programs, and how to get it in SI.

    A column without a header is for programs alone.
    """

    title: str
    key: str
    unit: str
    of: Reader


def _leaf(*path: str) -> Reader:
    """Reader of the sourced value at a path; None where a part is absent or the value is unknown."""

    def read(spec: Spec) -> Value:
        found: object = spec
        for name in path:
            # peaks are a mapping by format, all else is an attribute
            found = found.get(name) if isinstance(found, dict) else getattr(found, name, None)
        # a plain field is the value itself
        value = getattr(found, "value", found)
        return value if isinstance(value, float | int | str) else None

    return read


def _shift(name: Shifted) -> Reader:
    """Reader of the factor of an architecture on a number of a stack; None where it has none."""

    def read(spec: Spec) -> Value:
        found = spec.shifts.get(name) if isinstance(spec, ArchitectureSpec) else None
        return None if found is None else found.value

    return read


def _of(kind: type[S], read: Callable[[S], Value]) -> Reader:
    """Reader of a spec of one kind, which `read` computes."""

    def checked(spec: Spec) -> Value:
        if not isinstance(spec, kind):
            raise TypeError(f"expected a {kind.__name__}, got a {type(spec).__name__}")
        return read(spec)

    return checked


def _kv_heads(llm: LlmSpec) -> int | None:
    layers = [block.attention_of_any_kind for block in llm.blocks]
    return max((a.kv_heads for a in layers if isinstance(a, AttentionSpec)), default=None)


def _targets(workload: WorkloadSpec) -> str:
    return ", ".join(f"{name} {pretty(limit, 's')}" for name, limit in workload.targets.items())


def _length(which: Literal["isl", "osl"], what: Literal["mean", "p95"]) -> Reader:
    """Reader of a moment of lengths; None of a trace, whose folder a spec does not know."""

    def read(spec: TrafficSpec) -> Value:
        moments = moments_of(spec)
        return None if moments is None else float(getattr(getattr(moments, which), what))

    return _of(TrafficSpec, read)


def _price_from(chip: ChipSpec) -> str:
    """Basis and date of the price; of a range of dates its end, from which the age is counted."""
    price = chip.price
    return "" if price.value is None else f"{price.basis} {(price.date or '').split('/')[-1]}"


def _years(economy: EconomySpec) -> float | None:
    seconds = economy.lifetime.value
    # the year of `parse`, so that a file with 4 years shows 4
    return None if seconds is None else seconds / parse("1 year", "s")


def _terms(rents: RentsSpec) -> str:
    return ", ".join(t for t in TERMS if any(t in chip for chip in rents.chips.values()))


def _names(attribute: str) -> Reader:
    return lambda spec: ", ".join(getattr(spec, attribute))


FIGURES: dict[str, tuple[Figure, ...]] = {
    "chips": (
        Figure("SRAM", "sram_bytes", "B", _leaf("sram", "capacity")),
        Figure("DRAM", "dram_bytes", "B", _leaf("dram", "capacity")),
        Figure("DRAM speed", "dram_bandwidth_bytes_per_s", "B/s", _leaf("dram", "bandwidth")),
        Figure("fp16 peak", "peak_fp16_flop_per_s", "FLOP/s", _leaf("peak", "fp16")),
        Figure("power", "power_w", "W", _leaf("power")),
        Figure("price USD", "price_usd", "USD", _leaf("price")),
        Figure("price from", "", "text", _of(ChipSpec, _price_from)),
        Figure("", "price_date", "text", _of(ChipSpec, lambda s: s.price.date)),
        Figure(
            "", "price_evidence", "text", _of(ChipSpec, lambda s: s.price.basis if s.price.value else None)
        ),
        Figure("", "price_basis", "text", _of(ChipSpec, lambda s: s.price_basis)),
    ),
    "llms": (
        Figure("parameters", "params", "", _leaf("params")),
        Figure("layers", "layers", "", _of(LlmSpec, lambda s: sum(b.count for b in s.blocks))),
        Figure("hidden", "hidden", "", _leaf("hidden")),
        Figure("KV heads", "kv_heads", "", _of(LlmSpec, _kv_heads)),
        Figure("context", "longest_context_tokens", "", _of(LlmSpec, lambda s: s.context)),
    ),
    "workloads": (
        Figure("prompt", "isl_tokens", "token", _leaf("isl")),
        Figure("output", "osl_tokens", "token", _leaf("osl")),
        Figure("serving", "serving", "text", _leaf("serving")),
        Figure("targets", "targets", "text", _of(WorkloadSpec, _targets)),
        Figure("", "traffic", "text", _leaf("traffic")),
    ),
    "traffic": (
        Figure("prompt", "isl_mean_tokens", "token", _length("isl", "mean")),
        Figure("p95", "isl_p95_tokens", "token", _length("isl", "p95")),
        Figure("output", "osl_mean_tokens", "token", _length("osl", "mean")),
        Figure("", "osl_p95_tokens", "token", _length("osl", "p95")),
        Figure("", "arrivals", "text", _leaf("arrivals", "process")),
        Figure("", "arrival_cv", "", _leaf("arrivals", "cv")),
        Figure("rate/s", "requests_per_s", "", _leaf("rate")),
        Figure("seen", "prefix_hit", "", _leaf("prefixes", "hit")),
    ),
    "stacks": (
        Figure("compute eff.", "compute_efficiency", "", _leaf("compute_efficiency")),
        Figure("DRAM eff.", "dram_efficiency", "", _leaf("dram_efficiency")),
        Figure("per layer", "layer_overhead_s", "s", _leaf("layer_overhead")),
        Figure("trust", "estimate", "text", _leaf("estimate")),
        Figure("rows", "measured_rows", "", _of(StackSpec, lambda s: sum(s.rows.values()) or None)),
    ),
    "architectures": (
        Figure("compute x", "compute_efficiency_factor", "", _shift("compute_efficiency")),
        Figure("DRAM x", "dram_efficiency_factor", "", _shift("dram_efficiency")),
        Figure("per layer x", "layer_overhead_factor", "", _shift("layer_overhead")),
        Figure("experts x", "expert_overhead_factor", "", _shift("expert_overhead")),
    ),
    "networks": (
        Figure("topology", "topology", "text", _leaf("topology")),
        Figure("domain", "domain_chips", "", _leaf("domain")),
        Figure("hop", "hop_latency_s", "s", _leaf("hop_latency")),
        Figure("USD per chip", "cost_usd", "USD", _leaf("cost")),
    ),
    "economies": (
        Figure("lifetime, years", "lifetime_years", "", _of(EconomySpec, _years)),
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
    "rents": (
        Figure("chips", "chips", "", _of(RentsSpec, lambda s: len(s.chips))),
        Figure("terms", "terms", "text", _of(RentsSpec, _terms)),
    ),
    "studies": (
        Figure("LLM", "llm", "text", _leaf("llm")),
        Figure("workload", "workload", "text", _leaf("workload")),
        Figure("trials", "trials", "", _leaf("budget", "trials")),
    ),
}


def shown(value: Value, unit: str) -> str:
    """A key figure for people."""
    if value is None or value == "":
        return "-"
    if isinstance(value, str):
        return value
    # counts in full, whatever their size
    if isinstance(value, int):
        return f"{value:,}"
    if unit == "" and value >= 1e6:
        # with a unit, since `pretty` scales no plain number
        return pretty(value, "_").removesuffix("_").replace("G", "B")  # parameters are counted in billions
    return pretty(value, "" if unit in ("USD", "token") else unit)
