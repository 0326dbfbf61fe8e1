"""What `manifest.json` of a results folder may say. Programs write it; people pass it on, and may change it.

Keys that are left out are those of older versions; a key that is not here is of a newer one, and is kept as
it is. A key that is here has the type that everything which reads it relies on.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dse.spec.schema.formats import Weights

MOST_ROWS = 500_000
"""Rows of a table; the front of a million trials has a few thousand."""
MOST_COLUMNS = 1_000
LARGEST = 2**53
"""Whole numbers up to here are exact in every program that reads JSON."""

Text = Annotated[str, Field(max_length=20_000)]
Word = Annotated[str, Field(max_length=200)]
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Points = Annotated[int, Field(ge=0)]
"""Of a grid: its axes multiply to more than other programs count exactly."""
Number = Annotated[float, Field(allow_inf_nan=False)]
Scalar = str | bool | int | float | None
Words = dict[Word, Text]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Stored(BaseModel):
    """Strict: text is no number, and 1 is no truth value; unknown keys are let through."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")


class StoredAxis(BaseModel):
    """An objective of the front."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200)]
    column: Annotated[str, Field(min_length=1, max_length=200)]
    label: Word
    unit: Annotated[str, Field(max_length=40, pattern=r"^[A-Za-z0-9%/()*. -]*$")]
    direction: Literal["minimize", "maximize"]


class StoredTable(Stored):
    """A CSV file."""

    rows: Annotated[int, Field(ge=0, le=MOST_ROWS)]
    sha256: Sha256
    columns: Annotated[
        dict[Word, Literal["int", "float", "bool", "text"]], Field(min_length=1, max_length=MOST_COLUMNS)
    ]


class StoredPart(Stored):
    """One LLM and workload of a mix."""

    llm: Word
    workload: Word
    weight: Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class StoredSampler(Stored):
    """The sampler of a search."""

    name: Word
    options: dict[Word, object] = {}


class StoredSweep(Stored):
    """Facts of an exact front."""

    points: Points
    chips: Points
    deployments: Points
    evaluated: Points
    pruned: bool
    grid: dict[Word, dict[Word, Count]]
    ended: Word | None = None
    gap: Number | None = None
    open: Points = 0
    boxes: Points = 0
    bounded: Points = 0
    remarks: Annotated[list[Text], Field(max_length=1_000)] = []

    @model_validator(mode="after")
    def _told(self) -> "StoredSweep":
        """What was ended early says how much is left of it."""
        if self.ended is not None and not {"open", "gap"} <= self.model_fields_set:
            raise ValueError("expected `open` and `gap` of a sweep that was ended, got none")
        return self


class StoredVerdict(Stored):
    """The winner at one target under one software."""

    target: Number | None
    software: Word
    winner: Word | None
    kind: Word | None
    value: Number | None
    low: Number | None
    high: Number | None
    basis: Word
    tied_with: Word | None = None
    parameters: dict[Word, Number | Word] = {}


class StoredDependence(Stored):
    """Whether the winner at one target depends on software."""

    target: Number | None
    basis: Word
    holds: bool
    flips_at_layer_s: Number | None
    sentence: Text


class StoredManifest(Stored):
    """What a front is of, and the tables that hold it."""

    format: Literal["dse-front-1"]
    axes: Annotated[list[StoredAxis], Field(min_length=1, max_length=16)]
    files: Annotated[dict[Word, StoredTable], Field(max_length=16)]
    study: Word = ""
    title: Text = ""
    question: Text = ""
    llm: Word | None = None
    workload: Word | None = None
    mix: Annotated[list[StoredPart], Field(max_length=100)] = []
    precision: dict[Literal["weights", "kv", "activations"], Weights] = {}
    cost_model: Word = ""
    price: dict[Word, Scalar] = {}
    reference_point: dict[Word, Number] = {}
    hypervolume: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] | None = None
    goal: Word | None = None
    tolerance: Annotated[float, Field(ge=0.0, lt=1.0)] | None = None
    held: dict[Word, Number] = {}
    confidence: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    targets: dict[Word, Annotated[list[Number], Field(max_length=10_000)] | Number] = {}
    unanchored: Words = {}
    price_bases: Words = {}
    assumed: Words = {}
    problem: Word | None = None
    contract_version: Count | None = None
    versions: dict[Word, Word] = {}
    digests: dict[Word, Word] = {}
    substance: dict[Word, Word] = {}
    deployment: Word | None = None
    sampler: StoredSampler | None = None
    seed: Count | None = None
    trials: Count | None = None
    feasible_trials: Count | None = None
    repeatable: Text | None = None
    storage: Word | None = None
    sweep: StoredSweep | None = None
    verdicts: Annotated[list[StoredVerdict], Field(max_length=10_000)] = []
    dependence: Annotated[list[StoredDependence], Field(max_length=10_000)] = []
    compared: list[Word] = []
    with_unanchored: bool = False
