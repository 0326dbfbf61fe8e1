"""A spec with some of its numbers replaced, each named by its dotted path."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Final, TypeVar, cast, get_args

from pydantic import BaseModel

from dse.errors import Problem, SpecError, nearest
from dse.spec.schema.base import (
    AtLeastOne,
    Basis,
    Leaf,
    Sourced,
    SourcedBandwidth,
    SourcedBytes,
    SourcedCount,
    SourcedFlag,
    SourcedFlops,
    SourcedNumber,
    SourcedRatio,
    SourcedRent,
    SourcedShare,
    SourcedTokensPerSecond,
    Spec,
    unit,
)
from dse.spec.schema.chip import ChipSpec, PeakFormat
from dse.spec.schema.workload import PrefixCacheSpec, WorkloadSpec
from dse.spec.yaml.loading import build_leaf

S = TypeVar("S", bound=Spec)
V = TypeVar("V")
Value = float | int | str
"""In SI, or text with a unit, or a name."""
Path = tuple[str, ...]
Make = Callable[[object, V], object]
"""From the old leaf, or its type where there is none, and a value to the new leaf."""

OPTIONAL: Final[Mapping[str, type[Leaf]]] = MappingProxyType(
    {
        "claimed_user_speed": SourcedTokensPerSecond,
        "joined": SourcedBandwidth,
        "rent": SourcedRent,
        "blend": SourcedNumber,
        "gross_margin": SourcedShare,
        "weight_load": SourcedBandwidth,
        "context": Sourced[Annotated[float, unit("token")]],
        "routing_skew": Sourced[AtLeastOne],
        "prefill_load": SourcedShare,
        "weight_updates": SourcedNumber,
        "redundant_experts": SourcedCount,
        "decode_core_efficiency": SourcedRatio,
        "expert_efficiency": SourcedRatio,
        "all_to_all_efficiency": SourcedRatio,
        "overlap": SourcedShare,
        "window_kept": SourcedShare,
        "kv_under_prefill": SourcedFlag,
        "unlike_stages": SourcedFlag,
        "reserve": SourcedBytes,
    }
)
"""Numbers that are null where a file leaves them out, with their type."""

EXAMPLES: Final[Mapping[str, str]] = MappingProxyType(
    {"diffusion": "chat-denoised", "speculation": "chat-drafted", "prefix_cache": "prompt-cached"}
)
"""Parts that most workloads lack, and a bundled workload with each."""


def override(
    spec: S, path: str, value: Value, note: str, *, source: str = "command-line", basis: Basis = "assumption"
) -> S:
    """A copy of `spec` with `value`, in SI and unchecked, at the dotted `path`, with its source.

    Raises `LookupError` for a path that does not exist.
    """
    return override_all(spec, {path: value}, note, source=source, basis=basis)


def override_all(
    spec: S,
    values: Mapping[str, Value],
    note: str,
    *,
    source: str = "command-line",
    basis: Basis = "assumption",
) -> S:
    """As `override`, of several numbers by their dotted paths."""
    origin = {"source": source, "basis": basis, "note": note}

    def make(old: object, value: Value) -> Leaf:
        # a type comes in where the file has no number, see `OPTIONAL`
        leaf: Leaf = old(value=None, **origin) if isinstance(old, type) else cast(Leaf, old)
        # date and range belonged to the old value
        return leaf.model_copy(update={"value": value, "date": None, "low": None, "high": None, **origin})

    return _replaced(spec, values, make)


def override_texts(
    spec: S,
    texts: Mapping[str, Value],
    where: str = "",
    *,
    names: Mapping[str, str] = MappingProxyType({}),
    source: str = "study",
    note: str = "set by the question",
) -> S:
    """A copy of `spec` with texts such as "5 TB/s" read at dotted paths.

    Problems are reported at `where`, under the name of the path in `names`, or the path itself. Raises
    `SpecError` with all of them.
    """
    problems: list[Problem] = []
    for path, text in texts.items():
        name = names.get(path, path)

        # the default binds this turn's name; a closure would see the last one of the loop
        def make(old: object, value: Value, name: str = name) -> Leaf | str:
            # a plain name, such as a class of cooling, has no source
            if isinstance(old, str):
                return str(value)
            # a type comes in where the file has no number, see `OPTIONAL`
            kind = old if isinstance(old, type) else type(old)
            if not issubclass(kind, Sourced):
                raise LookupError("expected a number with a source, got the path of several values")
            data = {"value": value, "source": source, "basis": "assumption", "note": note}
            return cast(Leaf, build_leaf(kind, data, where, name))

        try:
            # one at a time, so that every problem is found, not the first alone
            spec = _replaced(spec, {path: text}, make)
        except SpecError as error:
            problems += error.problems
        except LookupError as error:
            problems.append(Problem(where, f"{name}: {error.args[0]}", key=name))
    if problems:
        raise SpecError(problems)
    return spec


def _replaced(spec: S, values: Mapping[str, V], make: Make[V]) -> S:
    """A copy of `spec` with what `make` makes of the leaf at each dotted path."""
    return cast(S, _node(spec, {tuple(path.split(".")): value for path, value in values.items()}, make))


def _node(node: object, values: Mapping[Path, V], make: Make[V]) -> object:
    """`node` with the leaves at the paths below it replaced; what several paths share is copied once."""
    by_head: dict[str, dict[Path, V]] = {}
    for path, value in values.items():
        by_head.setdefault(path[0], {})[path[1:]] = value
    if isinstance(node, Mapping):
        for head in by_head:
            if head not in node:
                raise LookupError(f"expected one of {', '.join(node)}, which this chip has, got {head}")
        return {**node, **{head: _below(node[head], rest, make) for head, rest in by_head.items()}}
    if isinstance(node, tuple):
        known = {str(i): item for i, item in enumerate(node)}
        if odd := [head for head in by_head if head not in known]:
            what = f"an entry from 0 to {len(node) - 1}" if node else "a list with entries"
            raise LookupError(f"expected {what}, got {odd[0]}")
        return tuple(_below(item, by_head[i], make) if i in by_head else item for i, item in known.items())
    if not isinstance(node, BaseModel):
        raise LookupError("expected a number with a source, got the path of several values")
    return node.model_copy(update={head: _field(node, head, rest, make) for head, rest in by_head.items()})


def _below(node: object, rest: Mapping[Path, V], make: Make[V]) -> object:
    """The new leaf where a path ends at `node`, else `node` with its own leaves replaced."""
    return make(node, rest[()]) if () in rest else _node(node, rest, make)


def _field(spec: BaseModel, head: str, rest: Mapping[Path, V], make: Make[V]) -> object:
    """The field `head` of a spec with the leaves at the paths below it replaced."""
    fields = type(spec).model_fields
    if head not in fields:
        raise LookupError(f"unknown field {head!r}; {nearest(head, fields)}")
    old = getattr(spec, head)
    if head == "peak" and isinstance(spec, ChipSpec):
        return _node(_with_peaks(spec, rest), rest, make)
    if old is None and () in rest and head in OPTIONAL:
        return make(OPTIONAL[head], rest[()])
    if old is None and isinstance(spec, PrefixCacheSpec):
        what = "expected a workload whose prefixes lie apart from the chip, in a host or a pool with a"
        raise LookupError(f"{what} {head} of its own, got the tier {spec.tier} of the chip")
    if old is None:
        kind = "workload" if isinstance(spec, WorkloadSpec) else "chip"
        such = f" such as {EXAMPLES[head]}" if isinstance(spec, WorkloadSpec) and head in EXAMPLES else ""
        raise LookupError(f"expected a {kind}{such} that has it, got one without")
    # a copy is not validated, so names are checked here
    # those of an optional name are one level below
    parts = [get_args(part) or (part,) for part in get_args(fields[head].annotation)]
    known = [name for part in parts for name in part if isinstance(name, str)]
    if isinstance(old, str) and () in rest and known and rest[()] not in known:
        raise LookupError(f"expected one of {', '.join(known)}, got {rest[()]!r}")
    return _below(old, rest, make)


def _with_peaks(chip: ChipSpec, rest: Mapping[Path, V]) -> dict[str, object]:
    """Peaks of a chip by format, with the type of a peak for each format that its file lacks."""
    known = get_args(PeakFormat)
    for path in rest:
        if path[0] not in known:
            raise LookupError(f"expected one of {', '.join(known)}, got {path[0]}")
    own: dict[str, object] = {str(form): leaf for form, leaf in chip.peak.items()}
    # own peaks last: a peak that the file has keeps its leaf
    return {**{path[0]: SourcedFlops for path in rest}, **own}
