"""Frozen pydantic models that refuse unknown keys, and quantities that must carry their unit."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date as Date
from itertools import pairwise
from typing import Annotated, Generic, Literal, TypeVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from dse.errors import UnitError
from dse.spec.json_schema.quantities import UNIT, quantity_schema
from dse.spec.yaml.units import LARGEST, parse
from dse.text import short

Basis = Literal[
    "spec sheet", "measured", "published", "press", "derived", "estimate", "assumption", "definition"
]
"""How a number came to be known; `assumption` is ours, `estimate` is a reasoned guess that a source makes."""


class Spec(BaseModel):
    """Frozen; extra keys are an error; attribute docstrings are the schema text."""

    # by field name too: `class`, the alias of `chip_class`, is no name that Python code can write
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        populate_by_name=True,
        # no number is infinite or none, whatever wrote it
        allow_inf_nan=False,
    )


@dataclass(frozen=True)
class _Reader:
    """Reads text with a unit of the dimension of `unit` into SI."""

    unit: str
    minimum: float

    def __call__(self, value: object) -> object:
        """`value` in SI; 0 needs no unit, as it is 0 in every one."""
        if value is None:
            return None
        # bool is an int in Python
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise ValueError(f"expected a number with a unit such as '1 {self.unit}', got {short(value)}")
        if not isinstance(value, str) and value != 0:
            bare = short(value)
            raise ValueError(f"expected a unit such as '{bare} {self.unit}', got the bare number {bare}")
        try:
            number = parse(value, self.unit) if isinstance(value, str) else 0.0
        except UnitError as error:
            raise ValueError(str(error)) from None
        if number < self.minimum:
            raise ValueError(f"expected at least {self.minimum:g} {self.unit}, got {value!r}")
        return number

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The reader runs before the number is checked."""
        return core_schema.no_info_before_validator_function(self, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """What a file may say: text with a unit, or 0."""
        del schema, handler
        return quantity_schema(self.unit)


def unit(name: str, minimum: float = 0.0) -> _Reader:
    """Marks a float in SI that YAML writes as text with a unit of the dimension of `name`."""
    return _Reader(name, minimum)


def unit_in(annotation: object) -> str | None:
    """SI unit of the floats of a type that `unit` marks; None when nothing in it is marked."""
    for mark in getattr(annotation, "__metadata__", ()):
        if isinstance(mark, _Reader):
            return mark.unit
    # the mark may be inside a union, as in a value that may be null
    return next((found for arg in get_args(annotation) if (found := unit_in(arg)) is not None), None)


def _date(value: object) -> object:
    """Dates and years as text: YAML reads `2026-11-23` as a date and `2026` as a number."""
    if isinstance(value, Date):
        return value.isoformat()
    # thousands of digits, which Python refuses to write, are no year
    return str(value) if isinstance(value, int) and 0 <= value <= 9999 else value


_DATE = r"^\d{4}(-\d{2}){0,2}(/\d{4}(-\d{2}){0,2})?$"
IsoDate = Annotated[
    str,
    BeforeValidator(_date),
    Field(pattern=_DATE),
    WithJsonSchema({"type": ["string", "integer"], "pattern": _DATE, "examples": ["2026-11-23"]}),
]
"""A year, month or day in ISO form, or a range of two."""

ROUNDING = 1e-9
"""Relative difference of two numbers that were written in different units and mean the same."""

NOT_FOUND = "not-found"
"""Key of the source of a number that no source gives."""

T = TypeVar("T", covariant=True)  # a frozen number may be read as a more general one


class Sourced(Spec, Generic[T]):
    """A number with its source, date and basis."""

    model_config = ConfigDict(use_attribute_docstrings=False)  # each type of number would read source again

    value: T | None = Field(description="The number, with its unit; null if it is not published.")
    source: str = Field(description="Key of `configs/sources.yaml`.")
    date: IsoDate | None = Field(
        default=None, description="When the source said so; the source's own date when left out."
    )
    basis: Basis = Field(description="How the number came to be known.")
    low: T | None = Field(default=None, description="Low end of a published range or of an estimate.")
    high: T | None = Field(default=None, description="High end of the same.")
    note: str | None = Field(default=None, description="What a reader must know of the number.")

    @model_validator(mode="after")
    def _in_order(self) -> "Sourced[T]":
        """A range holds its value: low <= value <= high, whichever of them are known numbers."""
        ends = {"low": self.low, "value": self.value, "high": self.high}
        # names are in no order; only numbers are compared
        known = [(n, float(v)) for n, v in ends.items() if isinstance(v, (int, float))]
        unit = unit_in(type(self).model_fields["value"].annotation) or ""
        for (name, lower), (other, upper) in pairwise(known):
            if lower > upper + ROUNDING * abs(upper):
                got = f"{f'{lower:g} {unit}'.strip()} and {f'{upper:g} {unit}'.strip()}"
                raise ValueError(f"expected {name} <= {other}, got {got}")
        return self


Leaf = Sourced[float | str]
"""Any value with a source: a number, or a name such as that of a node."""


def sourced_values(spec: object, path: str = "") -> Iterator[tuple[str, Leaf]]:
    """Every value with a source in a spec, with its dotted path."""
    # before `BaseModel`, which a number with its source is too
    if isinstance(spec, Sourced):
        yield path, spec
    elif isinstance(spec, BaseModel):
        for name in type(spec).model_fields:
            yield from sourced_values(getattr(spec, name), f"{path}.{name}" if path else name)
    elif isinstance(spec, dict):
        for key, value in spec.items():
            yield from sourced_values(value, f"{path}.{key}")
    elif isinstance(spec, tuple):
        for i, value in enumerate(spec):
            yield from sourced_values(value, f"{path}.{i}")


def unknown(kind: type[Sourced[T]]) -> Sourced[T]:
    """The number that a file leaves out: no published value is known."""
    return kind(value=None, source=NOT_FOUND, basis="published")


Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]*$", max_length=100)]
Word = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]{1,100}$")]
"""A name that a file gives to a part of itself and that tables repeat: one line, nothing unseen."""
FileName = Annotated[Name, Field(description="Name by which other files refer to it: that of its file.")]
Title = Annotated[str, Field(description="Title for people.")]
Aliases = Annotated[tuple[str, ...], Field(description="Other names that mean the same.")]
Notes = Annotated[str | None, Field(description="Remarks for people.")]
Size = Annotated[int, Field(ge=0, le=10**9)]
"""A width, a length or a count of which no list is made; the largest of ours is 10^6."""
Positive = Annotated[Size, Field(ge=1)]
Few = Annotated[int, Field(ge=1, le=10_000)]
"""A number of layers, heads, experts, chips or groups, which are gone through one by one."""
_PLAIN = {UNIT: "1"}  # a number without a unit, which is said so that none is forgotten
AtLeastOne = Annotated[float, Field(ge=1.0, le=LARGEST, json_schema_extra=_PLAIN)]
Ratio = Annotated[float, Field(gt=0.0, le=1.0, json_schema_extra=_PLAIN)]
Share = Annotated[float, Field(ge=0.0, le=1.0, json_schema_extra=_PLAIN)]
Number = Annotated[float, Field(ge=0.0, le=LARGEST, json_schema_extra=_PLAIN)]
PositiveNumber = Annotated[float, Field(gt=0.0, le=LARGEST, json_schema_extra=_PLAIN)]

BytesQ = Annotated[float, unit("B")]
BandwidthQ = Annotated[float, unit("B/s")]
SecondsQ = Annotated[float, unit("s")]
UsdQ = Annotated[float, unit("USD")]

SourcedBytes = Sourced[BytesQ]
SourcedBandwidth = Sourced[BandwidthQ]
SourcedFlops = Sourced[Annotated[float, unit("FLOP/s")]]
SourcedSeconds = Sourced[SecondsQ]
SourcedUsd = Sourced[UsdQ]
SourcedRent = Sourced[Annotated[float, unit("USD/s")]]
SourcedWatts = Sourced[Annotated[float, unit("W")]]
SourcedArea = Sourced[Annotated[float, unit("m2")]]
SourcedTokensPerSecond = Sourced[Annotated[float, unit("token/s")]]
SourcedRatio = Sourced[Ratio]
SourcedShare = Sourced[Share]
SourcedFlag = Sourced[bool]
SourcedCount = Sourced[Size]
SourcedNumber = Sourced[Number]
SourcedEnergyPerByte = Sourced[Annotated[float, unit("J/B")]]
