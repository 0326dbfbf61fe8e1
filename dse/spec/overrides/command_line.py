"""Numbers exchanged under their field's name: `--set NAME=VALUE`, and "what if" questions to a study."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, TypeVar, cast, get_args

from pydantic import BaseModel

from dse.errors import Problem, SpecError, nearest
from dse.spec.schema.base import (
    AtLeastOne,
    Basis,
    Sourced,
    SourcedBandwidth,
    SourcedFlops,
    SourcedShare,
    SourcedTokensPerSecond,
    Spec,
    unit,
)
from dse.spec.schema.chip import ChipSpec, PeakFormat
from dse.spec.schema.system import NetworkSpec, StackSpec
from dse.spec.schema.workload import WorkloadSpec
from dse.spec.yaml.loading import build_spec

S = TypeVar("S", bound=Spec)

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
        "power": "power",
        "price": "price",
        "host": "host",
        "claimed_user_speed": "claimed_user_speed",
        **{f"peak_{f}": f"peak.{f}" for f in get_args(PeakFormat)},
        "peak_bf16": "peak.fp16",
    }
)
_SHORT: Final = {path: name for name, path in reversed(list(CHIP.items()))}
STACK: Final = MappingProxyType(
    {
        name: name
        for name in (
            "compute_efficiency",
            "core_efficiency",
            "tile_rows",
            "dram_efficiency",
            "kv_efficiency",
            "sram_efficiency",
            "link_efficiency",
            "layer_overhead",
            "prompt_overhead",
            "expert_overhead",
            "activation_passes",
            "exposed_share",
            "step_overhead",
            "collective_overhead",
            "usable_capacity",
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
        **{name: name for name in ("isl", "osl", "context", "routing_skew", "prefill_load", "pools")},
        "prefix_hit": "prefix_cache.hit",
        "prefix_stored": "prefix_cache.stored",
        "prefix_bandwidth": "prefix_cache.bandwidth",
        "prefix_cost": "prefix_cache.cost",
        "draft_length": "speculation.length",
        "draft_acceptance": "speculation.acceptance",
        "draft_cost": "speculation.cost",
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
        )
    }
)
"""Name on the command line to dotted path in the spec; a `*` stands for the nodes or the kinds of DRAM that
the question uses."""


OPTIONAL: Final = MappingProxyType(
    {
        "claimed_user_speed": SourcedTokensPerSecond,
        "joined": SourcedBandwidth,
        "weight_load": SourcedBandwidth,
        "context": Sourced[Annotated[float, unit("token")]],
        "routing_skew": Sourced[AtLeastOne],
        "prefill_load": SourcedShare,
    }
)
"""Leaves that a file may leave out, by name."""


def names() -> tuple[str, ...]:
    """Everything that can be set."""
    return (*CHIP, *STACK, *NETWORK, *WORKLOAD)


def spelled(given: Mapping[str, str]) -> dict[str, str]:
    """Settings by their short names; `dram.bandwidth`, as files and the catalog have it, is known as well."""
    return {_SHORT.get(name, name): text for name, text in given.items()}


def apply(
    given: Mapping[str, str], chip: ChipSpec, stack: StackSpec, network: NetworkSpec, workload: WorkloadSpec
) -> tuple[ChipSpec, StackSpec, NetworkSpec, WorkloadSpec]:
    """The four specs with the numbers exchanged; raises `SpecError` with every problem at once."""
    given = spelled(given)
    unknown = [n for n in given if n not in names()]
    problems = [Problem("--set", f"unknown name {n!r}; {nearest(n, names())}") for n in unknown]
    out: list[Any] = []
    for spec, table in ((chip, CHIP), (stack, STACK), (network, NETWORK), (workload, WORKLOAD)):
        here = {table[n]: (n, text) for n, text in given.items() if n in table}
        try:
            out.append(_exchange(spec, here))
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    return _with_its_cache(chip, out[0], given), out[1], out[2], out[3]


def chip_with(given: Mapping[str, str], chip: ChipSpec) -> ChipSpec:
    """The chip alone with its numbers exchanged; raises `SpecError` with every problem at once."""
    given = spelled(given)
    problems = [Problem("--set", f"unknown name {n!r}; {nearest(n, CHIP)}") for n in given if n not in CHIP]
    try:
        found = _exchange(chip, {CHIP[n]: (n, text) for n, text in given.items() if n in CHIP})
    except SpecError as error:
        problems += error.problems
    if problems:
        raise SpecError(problems)
    return _with_its_cache(chip, found, given)


def _with_its_cache(before: ChipSpec, after: ChipSpec, given: Mapping[str, str]) -> ChipSpec:
    """The chip whose last level grew by as many bytes as its SRAM; what belongs to the cores stays."""
    if "sram" not in given or "last_level" in given or after.sram.last_level is None:
        return after
    level, old, new = after.sram.last_level.value, before.sram.capacity.value, after.sram.capacity.value
    if level is None or old is None or new is None:
        return after
    return exchange(after, "sram.last_level", max(level + new - old, 0.0), "as much larger as the SRAM")


def exchange(
    spec: S, path: str, value: Any, note: str, *, source: str = "command-line", basis: Basis = "assumption"
) -> S:
    """A copy of `spec` whose leaf at the dotted `path` holds `value`, unchecked, with its birth certificate.

    `value` is in SI, as a specification holds it. Raises `LookupError` for a path that leads nowhere.
    """
    return exchange_all(spec, {path: value}, note, source=source, basis=basis)


def exchange_all(
    spec: S,
    values: Mapping[str, Any],
    note: str,
    *,
    source: str = "command-line",
    basis: Basis = "assumption",
) -> S:
    """As `exchange`, of several leaves by their dotted paths."""
    told = {"source": source, "basis": basis, "note": note}
    given = {tuple(path.split(".")): value for path, value in values.items()}
    return cast(S, _put(spec, given, lambda leaf, v: _certified(leaf, v, told)))


def _certified(leaf: Any, value: Any, told: Mapping[str, Any]) -> Any:
    fresh = leaf if not isinstance(leaf, type) else leaf(value=None, **told)
    return fresh.model_copy(update={"value": value, "date": None, "low": None, "high": None, **told})


def _exchange(spec: S, here: Mapping[str, tuple[str, str]]) -> S:
    problems: list[Problem] = []
    for path, (name, text) in here.items():
        try:
            spec = _put(spec, {tuple(path.split(".")): _number(text)}, _leaf)
        except SpecError as error:
            problems += [Problem("--set", f"{name}: {p.what.split(': ', 1)[-1]}") for p in error.problems]
        except LookupError as error:
            problems.append(Problem("--set", f"{name}: {error.args[0]}"))
    if problems:
        raise SpecError(problems)
    return spec


def _number(text: str) -> Any:
    """A plain number as YAML would read it, else the text with its unit."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


Path = tuple[str, ...]


def _put(spec: Any, values: Mapping[Path, Any], make: Callable[[Any, Any], Any]) -> Any:
    """A copy of `spec` with the leaf at each path replaced by what `make` makes of the old one and its value.

    What several paths lead through is copied once.
    """
    by_head: dict[str, dict[Path, Any]] = {}
    for path, value in values.items():
        by_head.setdefault(path[0], {})[path[1:]] = value
    if isinstance(spec, dict):
        for head in by_head:
            if head not in spec:
                raise LookupError(f"expected one of {', '.join(spec)}, which this chip has, got {head}")
        return {**spec, **{head: _inner(spec[head], rest, make) for head, rest in by_head.items()}}
    return spec.model_copy(update={head: _field(spec, head, rest, make) for head, rest in by_head.items()})


def _inner(inner: Any, rest: Mapping[Path, Any], make: Callable[[Any, Any], Any]) -> Any:
    return make(inner, rest[()]) if () in rest else _put(inner, rest, make)


def _field(spec: Any, head: str, rest: Mapping[Path, Any], make: Callable[[Any, Any], Any]) -> Any:
    if head not in type(spec).model_fields:
        raise LookupError(f"unknown field {head!r}; {nearest(head, type(spec).model_fields)}")
    inner = getattr(spec, head)
    if head == "peak" and isinstance(spec, ChipSpec):
        return _put(_with_peaks(inner, rest), rest, make)
    if inner is None and () in rest and head in OPTIONAL:  # a claim may be made for any chip
        return make(OPTIONAL[head], rest[()])
    if inner is None:
        kind = "workload" if isinstance(spec, WorkloadSpec) else "chip"
        raise LookupError(f"expected a {kind} that has it, got one without")
    known = get_args(type(spec).model_fields[head].annotation)
    if isinstance(inner, str) and () in rest and known and rest[()] not in known:
        raise LookupError(f"expected one of {', '.join(known)}, got {rest[()]!r}")
    return _inner(inner, rest, make)


def _with_peaks(peaks: Mapping[str, Any], rest: Mapping[Path, Any]) -> dict[str, Any]:
    """The peaks of a chip, with the type of a peak where its file lacks one of those that are given."""
    known = get_args(PeakFormat)
    for path in rest:
        if path[0] not in known:
            raise LookupError(f"expected one of {', '.join(known)}, got {path[0]}")
    return {**peaks, **{path[0]: SourcedFlops for path in rest if path[0] not in peaks}}


def _leaf(leaf: BaseModel | type[BaseModel] | str, value: Any) -> Any:
    if isinstance(leaf, str):
        return str(value)
    kind = leaf if isinstance(leaf, type) else type(leaf)
    given = {"value": value, "source": "command-line", "basis": "assumption", "note": "given with --set"}
    return build_spec(kind, given, "--set")


def exchange_texts(spec: S, texts: Mapping[str, Any], where: str) -> S:
    """A copy of `spec` with texts such as "5 TB/s" read at dotted paths.

    Raises `SpecError` with all problems.
    """
    problems: list[Problem] = []
    for path, text in texts.items():
        try:
            spec = cast(S, _put(spec, {tuple(path.split(".")): text}, lambda leaf, v: _asked(leaf, v, where)))
        except SpecError as error:
            problems += [Problem("", f"{path}: {p.what.split(': ', 1)[-1]}") for p in error.problems]
        except LookupError as error:
            problems.append(Problem("", f"{path}: {error.args[0]}"))
    if problems:
        raise SpecError(problems)
    return spec


def _asked(leaf: Any, value: Any, where: str) -> Any:
    if isinstance(leaf, str):
        return str(value)
    kind = leaf if isinstance(leaf, type) else type(leaf)
    if not issubclass(kind, Sourced):
        raise LookupError("expected a number with a source, got more than one value")
    given = {"value": value, "source": "study", "basis": "assumption", "note": "set by the question"}
    return build_spec(kind, given, where)
