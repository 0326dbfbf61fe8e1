"""What may be searched: named parameters of a template chip, in branches that are searched apart."""

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Final, Literal, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic.json_schema import JsonSchemaValue

from dse.errors import UnitError, nearest, unknown
from dse.spec.json_schema.quantities import TYPE, UNIT, quantity_schema
from dse.spec.schema.base import Aliases, FileName, Notes, Spec, Title, Word
from dse.spec.schema.chip_memories import FurtherKind, SearchedMemories, column_of
from dse.spec.yaml.units import parse
from dse.text import short
from objectives.equations.fabrication.package import PACKAGES

NAME = "name"
"""Unit of a parameter whose values are names in a given order."""

_MEANING: dict[str, tuple[str, str]] = {
    "process": (NAME, "Node, by its key in the technology file."),
    "peak_flops": ("FLOP/s", "Dense fp16 matrix peak; the other formats of its node keep their ratio to it."),
    "sram": ("B", "SRAM capacity."),
    "sram_bandwidth_per_byte": ("1/s", "SRAM bandwidth over SRAM capacity, such as 80 GB/s/MiB."),
    "dram_generation": (NAME, "Kind of DRAM, by its key in the technology file."),
    "dram_stacks": ("", "DRAM stacks; capacity and bandwidth follow from stacks and generation."),
    "link_bandwidth": ("B/s", "One way, all links of a chip together."),
    "link_count": ("", "Links of a chip, in the place of link_bandwidth and together with link_speed."),
    "link_speed": ("B/s", "One way, of one link."),
    "dies": ("", "Compute dies of a package."),
    "die_bandwidth": ("B/s", "One way, of one die to the others of its package."),
    "package": (NAME, "Class of the package: organic, interposer or bridge."),
    **{
        f"{column_of(kind)}_units": ("", f"Units of the {kind} that `memories` of the branch names.")
        for kind in get_args(FurtherKind)
    },
    "price": ("USD", "Price of a chip, where the price method is `searched`."),
}

PARAMETERS: dict[str, str] = {name: unit for name, (unit, _) in _MEANING.items()}
"""Parameter of a chip to its SI unit."""


COUNTED: dict[str, float] = {
    "dram_stacks": 0.0,
    "link_count": 0.0,
    "dies": 1.0,
    **{name: 0.0 for name in _MEANING if name.endswith("_units")},
}
"""Parameters that are whole numbers, and the least that they may be."""


MOST_STEPS: Final = 100_000
"""Values of a range; a finer one is continuous."""
MOST_CHOICES: Final = 1_000
"""Choices of a parameter."""


class ParameterSpec(Spec):
    """A range, or choices in a given order.

    Sampled as an integer index over `steps` values or over the choices; a range without `steps` is
    continuous.
    """

    low: float
    """Least value."""
    high: float
    """Greatest value."""
    scale: Literal["linear", "log"] = "linear"
    """How steps are spaced between low and high."""
    steps: Annotated[int, Field(ge=2, le=MOST_STEPS)] | None = None
    """Number of values, ends included; left out, the range is continuous."""
    choices: Annotated[tuple[Word, ...], Field(max_length=MOST_CHOICES)] = ()
    """As written; the value of a name is its index."""
    numbers: Annotated[tuple[float, ...], Field(max_length=MOST_CHOICES)] = ()
    """Values of the choices."""

    @property
    def whole(self) -> bool:
        """Whether every value is a whole number."""
        # a fixed value, or choices: there are no steps to look at
        if self.numbers or self.low == self.high:
            return all(n.is_integer() for n in (self.low, *self.numbers))
        # geometric steps, and values of a continuous range, are hardly ever whole
        if self.steps is None or self.scale == "log":
            return False
        return self.low.is_integer() and ((self.high - self.low) / (self.steps - 1)).is_integer()

    @model_validator(mode="after")
    def _range(self) -> "ParameterSpec":
        if not self.low <= self.high:
            raise ValueError(f"expected low <= high, got an empty range from {self.low:g} to {self.high:g}")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"expected low > 0 on a log scale, got {self.low:g}")
        return self


def _parameters(value: object) -> object:
    """Turn texts with units into SI, each by the unit of its parameter; a bare text is a fixed value."""
    # what is no mapping is left to pydantic, which reports it
    if not isinstance(value, dict):
        return value
    out: dict[str, object] = {}
    for name, given in value.items():
        if name not in PARAMETERS:
            raise ValueError(unknown("parameter", name, PARAMETERS))
        # choices with a `low` were read before, as in a copy of a spec
        if isinstance(given, dict) and "choices" in given and "low" not in given:
            out[name] = _choices(name, given)
        elif PARAMETERS[name] == NAME and not (isinstance(given, dict) and "choices" in given):
            raise ValueError(f"{name}: expected choices such as {{choices: [n7, n5]}}, got {short(given)}")
        else:
            out[name] = _range(name, given)
    return out


def _range(name: str, given: object) -> dict[str, object]:
    """A range with ends in SI; a single value is a range of no width."""
    ends = dict(given) if isinstance(given, dict) else {"low": given, "high": given}
    for end in ("low", "high"):
        # choices with ends were read before, so the ends are in SI
        if end in ends and not ends.get("choices"):
            ends[end] = _number(f"{name}.{end}", ends[end], PARAMETERS[name])
    return ends


def _choices(name: str, given: dict[str, object]) -> dict[str, object]:
    """A parameter of ordered choices: names have their index as values."""
    choices = given["choices"]
    if not isinstance(choices, list | tuple) or not choices:
        raise ValueError(f"{name}.choices: expected a list of at least one, got {short(choices)}")
    if len(choices) > MOST_CHOICES:
        raise ValueError(f"{name}.choices: expected at most {MOST_CHOICES:,}, got {len(choices):,}")
    texts = [str(c) if isinstance(c, str | int | float) else short(c) for c in choices]
    # a name that is there twice would have two indices
    twice = sorted(text for text, count in Counter(texts).items() if count > 1)
    if twice:
        raise ValueError(f"{name}.choices: expected each once, got {', '.join(twice)} twice")
    if name == "package" and (odd := [t for t in texts if t not in PACKAGES]):
        raise ValueError(f"package.choices: unknown class {odd[0]!r}; {nearest(odd[0], PACKAGES)}")
    unit = PARAMETERS[name]
    numbers = (
        [float(i) for i in range(len(texts))]
        if unit == NAME
        else [_number(f"{name}.choices", text, unit) for text in texts]
    )
    # a search takes the index for a number, so neighbours in the list must be neighbours in size
    if numbers != sorted(numbers):
        raise ValueError(f"{name}.choices: expected ascending values, got {', '.join(texts)}")
    # a single choice is a range of no width, and `steps` starts at 2
    steps = {"steps": len(texts)} if len(texts) > 1 else {}
    found = {"low": numbers[0], "high": numbers[-1], "choices": texts, "numbers": numbers, **steps}
    return {**{k: v for k, v in given.items() if k != "choices"}, **found}


def _number(where: str, text: object, unit: str) -> float:
    try:
        return parse(text if isinstance(text, str) else short(text), unit)
    except UnitError as error:
        raise ValueError(f"{where}: {error}") from None


def _written() -> JsonSchemaValue:
    """JSON Schema of the parameters as files write them, with the unit of each."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: {"description": meaning, UNIT: unit, TYPE: _form(unit), "anyOf": _forms(unit)}
            for name, (unit, meaning) in _MEANING.items()
        },
    }


def _form(unit: str) -> str:
    return "choices" if unit == NAME else "range, choices or one value"


def _forms(unit: str) -> list[JsonSchemaValue]:
    """A range, choices, or one value; names have choices only."""
    value: JsonSchemaValue = {"type": "string"} if unit == NAME else quantity_schema(unit)
    several = {"type": "array", "items": value, "minItems": 1}
    choices = {"type": "object", "properties": {"choices": several}, "required": ["choices"]}
    if unit == NAME:
        return [choices]
    shown = {name: field.description for name, field in ParameterSpec.model_fields.items()}
    # units are checked for ranges as for single values: the pattern is the same
    ends = {end: {**value, "description": shown[end]} for end in ("low", "high")}
    scale = {"enum": ["linear", "log"], "default": "linear", "description": shown["scale"]}
    steps = {"type": "integer", "minimum": 2, "description": shown["steps"]}
    ranged = {
        "type": "object",
        "properties": {**ends, "scale": scale, "steps": steps},
        "required": ["low", "high"],
        "additionalProperties": False,
    }
    return [ranged, choices, value]


Parameters = Annotated[dict[str, ParameterSpec], BeforeValidator(_parameters), WithJsonSchema(_written())]


class BranchSpec(Spec):
    """Chips of one kind, so that a parameter never exists without a meaning."""

    template: str
    """Name of the chip that gives everything the parameters do not."""
    process: Word | None = None
    """Key of the node in the technology file, where it is not searched."""
    dram_generation: Word | None = None
    """Kind of DRAM, where it is not searched; left out in both places, the chip has none."""
    cooling: str = "liquid"
    """Class of cooling in the technology file, which bounds the power."""
    # left out at its default, so that a question stored before the key existed is still the same one
    clock: Literal["nominal", "scaled"] = Field(default="nominal", exclude_if=lambda v: v == "nominal")
    """`scaled`: a chip beyond its cooling, or beyond the power density of a die, runs at a slower clock
    (`cooling`, `thermal` and `clock` of the technology file). `nominal`: it is infeasible."""
    wafer_scale: bool = False
    """True where one die is the wafer."""
    stack: str
    """Software stack of all chips of the branch."""
    network: str
    """Network that joins the chips of the branch."""
    memories: SearchedMemories
    """Memories beyond SRAM and DRAM, whose units are parameters such as flash_units."""
    parameters: Parameters = Field(default={})
    """Searched parameters; the template chip gives all other values."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """Every node that a chip may be on, in order."""
        return self._names("process", self.process)

    @property
    def generations(self) -> tuple[str, ...]:
        """Every DRAM generation that a chip may have, in order; empty without DRAM."""
        return self._names("dram_generation", self.dram_generation)

    def _names(self, parameter: str, fixed: str | None) -> tuple[str, ...]:
        found = self.parameters.get(parameter)
        return found.choices if found is not None else () if fixed is None else (fixed,)

    @model_validator(mode="after")
    def _whole(self) -> "BranchSpec":
        problems = list(self._problems())
        if problems:
            # a validator can raise once, so all problems are one message
            raise ValueError("; ".join(problems))
        return self

    def _problems(self) -> Iterator[str]:
        """Parameters that need or exclude each other, and values that no chip can have."""
        has = "dram_stacks" in self.parameters
        if has and not self.generations:
            yield "expected a dram_generation with dram_stacks, got none"
        if self.generations and not has:
            yield "expected dram_stacks with dram_generation, got none"
        for name, fixed in (("process", self.process), ("dram_generation", self.dram_generation)):
            if fixed is not None and name in self.parameters:
                yield f"{name}: expected one value or choices among the parameters, got both"
        for name, parameter in self.parameters.items():
            least, low = COUNTED.get(name, 0.0), min((parameter.low, *parameter.numbers))
            if low < least:
                yield f"{name}: expected at least {least:g}, got {low:g}"
            if name in COUNTED and not parameter.whole:
                yield f"{name}: expected whole numbers, by choices or by steps of a linear range, got others"
        yield from self._of_memories()
        if not self.nodes:
            yield "process: expected a node, or choices among the parameters, got none"
        # links are given as one bandwidth, or as a number and a speed
        links = [name in self.parameters for name in ("link_count", "link_speed")]
        if any(links) and not all(links):
            yield "expected link_count and link_speed together, got one of them"
        if any(links) and "link_bandwidth" in self.parameters:
            yield "expected link_bandwidth or link_count and link_speed, got all"

    def _of_memories(self) -> Iterator[str]:
        """Memories without a number of units, and units without a memory."""
        units = [m.parameter for m in self.memories]
        for name in sorted({n for n in units if units.count(n) > 1}):
            yield f"memories: expected each kind once, got {name.removesuffix('_units')} twice"
        for name in units:
            if name not in self.parameters:
                yield f"expected a parameter {name} with memories, got none"
        for name in self.parameters:
            if name.endswith("_units") and name not in units:
                yield f"expected {name.removesuffix('_units')} among memories with {name}, got none"


class SpaceSpec(Spec):
    """A space of hypothetical chips."""

    kind: Literal["space"]
    """Kind of this file."""
    name: FileName
    title: Title
    aliases: Aliases = ()
    branches: dict[Word, BranchSpec] = Field(min_length=1, max_length=100)
    """Branches by name, each searched separately."""
    notes: Notes = None
