"""A question as data."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from dse.evaluate.choose import TOLERANCE
from dse.spec.base import Name, Positive, SecondsQ, Spec
from dse.spec.problems import nearest
from dse.spec.software import Software
from dse.spec.units import UnitError, parse
from objectives import api
from objectives.equations.chip.formats import FORMATS

Format = Annotated[str, BeforeValidator(lambda v: _format(v))]


def _format(value: Any) -> Any:
    if value not in FORMATS:
        raise ValueError(f"unknown number format {value!r}; {nearest(str(value), FORMATS)}")
    return value


class PrecisionSpec(Spec):
    """Number formats of what is stored and multiplied."""

    weights: Format
    kv: Format
    activations: Format


class DeploymentSpec(Spec):
    """Which deployments a chip may have, and who chooses among them."""

    mode: Literal["solve", "search"]
    """`solve`: Optuna chooses the chip and a latency target, and the best deployment under it is found
    exactly; `search`: Optuna chooses batch, TP, EP and PP as well."""
    batch: tuple[Positive, ...] | None = Field(default=None, min_length=1)
    """Sequences of a replica. A list is a restriction; left out, any number up to 4,096 may be."""
    tp: tuple[Positive, ...] | None = Field(default=None, min_length=1)
    """Left out, all that split the heads evenly, up to 64."""
    pp: tuple[Positive, ...] | None = Field(default=None, min_length=1)
    """Left out, all that leave the fullest stage with fewer layers than fewer stages would."""
    ep: tuple[Positive, ...] | None = Field(default=None, min_length=1)
    """Chips that experts are spread over: divisors of TP, or multiples, for which EP / TP replicas share one
    set of experts. Left out, all that leave as many experts on every chip."""


class PriceSpec(Spec):
    """Where the price of a chip comes from."""

    method: Literal["listed", "compute-ratio", "unit-cost", "margin", "searched"]
    """`listed`: what a chip's file says; `compute-ratio`: by its matrix peak; `unit-cost`: what its silicon
    costs; `margin`: that with a seller's gross margin and one-off cost; `searched`: the price itself is a
    parameter."""
    reference: str | None = None
    """Chip that a compute ratio is taken to."""
    reference_price: Annotated[float, BeforeValidator(lambda v: _usd(v))] | None = None
    """Price of the reference chip; its listed price when left out."""
    seller: str | None = None
    """Whose gross margin, by its key in the technology file, for the method margin."""
    volume: Annotated[float, Field(gt=0)] | None = None
    """Chips that share the one-off cost; the seller's in the technology file when left out."""
    system: Literal["chips-only", "with-host-and-network", "built-up"] = "chips-only"
    """`with-host-and-network`: as published for each chip; `built-up`: servers, racks, links and network from
    the technology file, alike for every chip."""

    @model_validator(mode="after")
    def _reference(self) -> "PriceSpec":
        if self.method == "compute-ratio" and self.reference is None:
            raise ValueError("expected a reference chip for the method compute-ratio, got none")
        if self.method == "margin" and self.seller is None:
            raise ValueError("expected a seller for the method margin, got none")
        return self


def _usd(value: Any) -> Any:
    try:
        return parse(str(value), "USD") if value is not None else None
    except UnitError as error:
        raise ValueError(str(error)) from None


class SweptTarget(Spec):
    """A latency target that is itself a parameter of a trial in `solve`."""

    objective: str
    low: SecondsQ
    high: SecondsQ

    @model_validator(mode="after")
    def _range(self) -> "SweptTarget":
        if not 0 < self.low <= self.high:
            raise ValueError(f"expected 0 < low <= high, got {self.low:g} s and {self.high:g} s")
        return self


class SamplerSpec(Spec):
    """A registered sampler and its options; the default is the measured choice of `dse/docs/samplers.md`."""

    name: str = "pareto"
    options: dict[str, Any] = Field(default={})


class BudgetSpec(Spec):
    """When a run ends; it may be extended without changing the question."""

    trials: Positive
    timeout: SecondsQ | None = None


class MixSpec(Spec):
    """One of several LLMs and workloads that the same chip must serve."""

    llm: str
    workload: str
    weight: Annotated[float, Field(gt=0.0)]
    """Its share of the output tokens, relative to the others."""


class StudySpec(Spec):
    """One question, complete."""

    kind: Literal["study"]
    name: Name
    title: str
    question: str
    short: str | None = None
    """What tells the study itself from its cases, in a few words."""
    llm: str
    workload: str
    mix: Annotated[tuple[MixSpec, ...], Field(min_length=2)] | None = None
    """LLMs and workloads that every chip must serve, each from a cluster of its own; `llm` and `workload` are
    then those of the first, and may be left out. Costs are weighted, latencies are those of the slowest."""
    serving: api.Serving | None = Field(default=None, exclude_if=lambda v: v is None)
    """How requests share a replica, in the place of what the workload says."""
    precision: PrecisionSpec
    cost_model: str = "roofline"
    stack: str | None = None
    """Stack that drives every chip; each chip's own when left out."""
    stacks: dict[str, str] = Field(default={}, exclude_if=lambda v: not v)
    """Branch of the space, or baseline, to the stack that drives it in the place of its own, such as
    {dram-only: static-dataflow}."""
    software: Software = Field(default="as-sold", exclude_if=lambda v: v == "as-sold")
    """`as-sold`: those stacks; `equal`: one class of losses for all chips; `ideal`: no losses."""
    network: str | None = None
    """Network that joins every chip; each chip's own when left out."""
    economy: str = "datacentre-2026"
    technology: str = "technology-2026"
    space: str | None = None
    """Hypothetical chips to search; without one the baselines are all there is."""
    deployment: DeploymentSpec
    price: PriceSpec
    objectives: tuple[str, ...] = Field(min_length=1)
    goal: str | None = None
    """The objective that deployments are chosen by. Left out, it is $/(token/s) where that is an objective,
    else the only one that is no latency."""
    tolerance: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        default=TOLERANCE, exclude_if=lambda v: v == TOLERANCE
    )
    """Share of the best goal within which the smallest system is the best at a target; a front keeps all."""
    sweep: SweptTarget | None = None
    targets: dict[str, str] = Field(default={})
    """Upper bounds (lower for what is maximised) by objective, with their unit. The latency targets of the
    workload bind as well, and of two on one objective the tighter one."""
    workload_targets: bool = Field(default=True, exclude_if=lambda v: v)
    """Whether the latency targets of the workload bind."""
    report_at: tuple[SecondsQ, ...] = ()
    """Values of the swept objective at which the best design is told."""
    baselines: tuple[str, ...] = ()
    sampler: SamplerSpec = SamplerSpec()
    budget: BudgetSpec
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    reference_point: dict[str, str]
    """The worst value of each objective that still counts towards the hypervolume."""
    settings: dict[str, str | float] | None = None
    """Numbers that the question sets itself, `KIND/NAME.PATH` to a value; see `dse.spec.asked`."""
    cases: dict[Name, dict[str, Any]] = Field(default={})
    """Variations of the question by name, each with the keys it asks differently; see `dse.spec.cases`."""

    @model_validator(mode="before")
    @classmethod
    def _first_of_mix(cls, data: Any) -> Any:
        """The LLM and the workload of a mix are those of its first part."""
        mix = data.get("mix") if isinstance(data, dict) else None
        first = mix[0] if isinstance(mix, list | tuple) and mix else None
        if not isinstance(first, dict):
            return data
        named = {key: first[key] for key in ("llm", "workload") if key in first}
        other = [key for key, value in named.items() if data.get(key, value) != value]
        if other:
            what = f"expected that of the first of the mix, {named[other[0]]}, got {data[other[0]]}"
            raise ValueError(f"{other[0]}: {what}")
        return {**named, **data}

    @model_validator(mode="after")
    def _consistent(self) -> "StudySpec":
        twice = sorted({o for o in self.objectives if self.objectives.count(o) > 1})
        if twice:
            raise ValueError(f"objectives: expected each once, got {', '.join(twice)} twice")
        if self.goal is not None and self.goal not in self.objectives:
            raise ValueError(
                f"goal: expected one of the objectives {', '.join(self.objectives)}, got {self.goal}"
            )
        missing = [o for o in self.objectives if o not in self.reference_point]
        if missing:
            raise ValueError(f"reference_point: expected every objective, missing {', '.join(missing)}")
        if self.space is None and not self.baselines:
            raise ValueError("expected a space of chips, baselines, or both, got neither")
        if self.software != "as-sold" and (self.stack or self.stacks):
            given = "stack" if self.stack else "stacks"
            raise ValueError(f"software: expected as-sold beside {given}, got {self.software}")
        if self.deployment.mode == "solve" and self.sweep is None:
            raise ValueError("sweep: expected a swept target for the deployment mode solve, got none")
        return self
