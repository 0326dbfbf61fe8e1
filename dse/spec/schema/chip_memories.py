"""Memories of a chip, or of a branch of a space, as a list, the fastest first."""

from collections.abc import Hashable, Iterator, Mapping
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator
from pydantic.json_schema import JsonSchemaValue

from dse.errors import UnitError
from dse.spec.schema.base import (
    SourcedBandwidth,
    SourcedBytes,
    SourcedCount,
    SourcedEnergyPerByte,
    SourcedNumber,
    SourcedSeconds,
    SourcedUsd,
    Spec,
    Word,
    unknown,
)
from dse.spec.yaml.units import parse
from objectives.memories import READ_ONLY

FurtherKind = Literal["rom", "stacked-sram", "stacked-dram", "lpddr", "ddr", "flash", "host", "pooled"]
"""Memories next to SRAM (`sram`) and the DRAM of the chip (`dram`: HBM, GDDR or its only LPDDR or DDR)."""

Content = Literal["weights", "kv-cache", "states"]
"""What may lie in a memory."""

OFF_CHIP = ("host", "pooled")
"""Kinds that are no part of the chip: its silicon, package and cooling are as without them."""
FAR = ("flash", "host", "pooled")
"""Kinds whose latency no fixed time of a stack contains."""
SHORT = ("sram", "dram")
"""Kinds that have keys of their own, which an entry of the list is the same as."""


def column_of(kind: str) -> str:
    """Name of a kind in columns of chips, see `objectives.memories`."""
    return kind.replace("-", "_")


class FurtherMemory(Spec):
    """One memory of a chip beyond SRAM and DRAM, all of its units together."""

    kind: FurtherKind
    """What it is."""
    capacity: SourcedBytes = unknown(SourcedBytes)
    """Bytes that software can hold."""
    bandwidth: SourcedBandwidth = unknown(SourcedBandwidth)
    """Bandwidth of reads."""
    write_bandwidth: SourcedBandwidth | None = None
    """Bandwidth of writes; that of reads when left out, but of flash, which needs it to keep prefixes."""
    latency: SourcedSeconds | None = None
    """From a request to its first byte; needed of flash, host and pooled memory, since fixed times of stacks
    contain that of all others."""
    energy: SourcedEnergyPerByte = unknown(SourcedEnergyPerByte)
    """Energy of a byte that is read, its way to the cores included."""
    endurance: SourcedNumber | None = None
    """Times that each byte can be written; needed of flash."""
    price: SourcedUsd = unknown(SourcedUsd)
    """Price of all of it, which is added to that of the chip; 0 USD where the price of the chip contains
    it."""
    holds: tuple[Content, ...] | None = None
    """What lies in it; everything that its kind can hold when left out."""
    device: str | None = None
    """Name in `memories` or `dram` of the technology file; needed where silicon of the chip is derived."""
    units: SourcedCount | None = None
    """Units of that device; needed where silicon of the chip is derived."""

    @model_validator(mode="after")
    def _possible(self) -> "FurtherMemory":
        if problems := list(self._problems()):
            # a validator can raise once, so all problems are one message
            raise ValueError("; ".join(problems))
        return self

    def _problems(self) -> Iterator[str]:
        """What a kind cannot hold, and numbers that it does not have."""
        every = get_args(Content)
        can = ("weights",) if column_of(self.kind) in READ_ONLY else every
        if self.holds is not None and set(self.holds) != set(can):
            got = ", ".join(self.holds) or "none"
            why = "which is only read" if len(can) == 1 else "since bytes lie where they are read best"
            yield f"holds: expected {', '.join(can)} in {self.kind}, {why}, got {got}"
        if self.kind == "rom" and self.write_bandwidth is not None:
            yield f"write_bandwidth: expected none of {self.kind}, which nothing writes, got one"
        if self.latency is not None and self.kind not in FAR:
            yield f"latency: expected none of {self.kind}, which fixed times of stacks contain, got one"
        if self.endurance is not None and self.kind != "flash":
            yield f"endurance: expected none of {self.kind}, which does not wear, got one"

    @property
    def name(self) -> str:
        """Its name in columns of chips."""
        return column_of(self.kind)


class SearchedMemory(Spec):
    """One memory of the chips of a branch beyond SRAM and DRAM; its units are the parameter KIND_units."""

    kind: FurtherKind
    """What it is."""
    device: Word
    """Name in `memories` or `dram` of the technology file, which has the numbers of one unit."""

    @property
    def name(self) -> str:
        """Its name in columns of chips."""
        return column_of(self.kind)

    @property
    def parameter(self) -> str:
        """Name of the parameter with its number of units."""
        return f"{self.name}_units"


def _in_order(value: object) -> object:
    """Entries beyond SRAM and DRAM of a list; raises `ValueError` for kinds out of order, or there twice."""
    if not isinstance(value, list | tuple):
        return value
    kinds = [entry.get("kind") for entry in value if isinstance(entry, dict)]
    twice = sorted({str(k) for k in kinds if kinds.count(k) > 1})
    if twice:
        raise ValueError(f"expected each kind once, got {', '.join(twice)} twice")
    before: tuple[str, float] | None = None
    for entry in value:
        rate = _rate(entry)
        if rate is None:
            continue
        own = (str(entry["kind"]), rate)
        if before is not None and own[1] > before[1]:
            slower, faster = (f"{kind} of {speed / 1e9:,.6g} GB/s" for kind, speed in (before, own))
            raise ValueError(f"expected the fastest first, got {faster} behind {slower}")
        before = own
    return [e for e in value if not (isinstance(e, dict) and e.get("kind") in SHORT)]


def _rate(entry: object) -> float | None:
    """Bandwidth that an entry states [B/s]; None where it states none that can be read."""
    if isinstance(entry, FurtherMemory):
        return None
    leaf = entry.get("bandwidth") if isinstance(entry, dict) else None
    text = leaf.get("value") if isinstance(leaf, dict) else None
    try:
        return parse(text, "B/s") if isinstance(text, str) else None
    except UnitError:
        return None


MemoryList = Annotated[
    tuple[FurtherMemory, ...],
    BeforeValidator(_in_order),
    # left out where there are none, so that a question stored before the key existed is still the same one
    Field(default=(), exclude_if=lambda v: not v, max_length=10),
]
SearchedMemories = Annotated[
    tuple[SearchedMemory, ...], Field(default=(), exclude_if=lambda v: not v, max_length=8)
]


def short_form(data: object) -> object:
    """A chip file with entries `sram` and `dram` of its list under their keys; others as they are."""
    if not isinstance(data, dict) or not isinstance(data.get("memories"), list | tuple):
        return data
    out = dict(data)
    for entry in data["memories"]:
        kind = entry.get("kind") if isinstance(entry, dict) else None
        if kind not in SHORT:
            continue
        if data.get(kind) is not None:
            raise ValueError(f"memories: expected {kind} in the list or as a key of its own, got both")
        out[kind] = {k: v for k, v in entry.items() if k != "kind"}
    # a list names all memories, so that a chip without dram in it has none
    out.setdefault("dram", None)
    return out


def in_keys(data: object) -> object:
    """As `short_form`, without these entries in the list: what a spec holds, as plain data."""
    out = short_form(data)
    if isinstance(out, dict) and isinstance(out.get("memories"), list):
        further = [e for e in out["memories"] if not (isinstance(e, dict) and e.get("kind") in SHORT)]
        return {**out, "memories": further}
    return out


def list_or_keys(schema: JsonSchemaValue) -> None:
    """Say in the JSON Schema of a chip that `sram` and `dram` are keys of it or entries of its list."""
    required = schema["required"]
    schema["required"] = [name for name in required if name not in SHORT]
    schema["anyOf"] = [{"required": list(SHORT)}, {"required": ["memories"]}]
    own = {"kind": {"enum": list(SHORT), "description": "What it is."}}
    short = {"type": "object", "properties": own, "required": ["kind"]}
    items = schema["properties"]["memories"]["items"]
    schema["properties"]["memories"]["items"] = {"anyOf": [items, short]}


def places(data: Mapping[str, object]) -> dict[tuple[Hashable, ...], tuple[Hashable, ...]]:
    """Place of each entry of a list behind `short_form`, to its place in the file."""
    found: dict[tuple[Hashable, ...], tuple[Hashable, ...]] = {}
    entries = data.get("memories")
    further = 0
    for i, entry in enumerate(entries if isinstance(entries, list) else []):
        kind = entry.get("kind") if isinstance(entry, dict) else None
        if kind in SHORT:
            found[(kind,)] = ("memories", i)
        else:
            found[("memories", further)] = ("memories", i)
            further += 1
    return found
