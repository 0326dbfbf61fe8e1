"""A question as data."""

from collections.abc import Mapping
from math import prod
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator
from pydantic.config import JsonDict

from dse.choose.confidence import LEAST, MOST
from dse.choose.rule import TOLERANCE
from dse.errors import unknown
from dse.plugins import PRICE_METHODS, made, registered
from dse.plugins.attributes import require, texts
from dse.spec.schema.base import (
    Few,
    FileName,
    Name,
    Positive,
    PositiveNumber,
    SecondsQ,
    Share,
    Spec,
    Title,
    UsdQ,
)
from dse.spec.schema.formats import Format, Weights
from dse.spec.schema.kept import CACHE, KvFormats, kept_parts
from dse.spec.schema.limits import LimitsSpec
from dse.spec.schema.pools import PoolsSpec
from dse.spec.schema.rents import Term
from dse.spec.schema.software import Software
from dse.spec.schema.workload import ServingName
from objectives.systems.split import serving_problem


class PrecisionSpec(Spec):
    """Number formats of what is stored and multiplied."""

    weights: Weights
    """Format that weights are stored in, or one for each part, such as {experts: mxfp4, rest: bf16}."""
    kv: KvFormats
    """Format of the KV cache, or one for each of what is kept, such as {cache: fp8, index: bf16};
    an index has that of the cache, and a state that of the LLM file, where it is not named."""
    activations: Format
    """Format of activations."""

    @property
    def cache(self) -> str:
        """Format of the KV cache alone."""
        return kept_parts(self.kv)[CACHE]


MOST_LISTED: Final = 1_000
"""Values of a list of a study."""
MOST_DEPLOYMENTS: Final = 100_000
"""Deployments of a chip that a study may list; the largest grid of ours has 13,000."""
MOST_NAMED: Final = 200
"""Chips, cases, objectives and other names of a study, each of which is looked up."""


class DeploymentSpec(Spec):
    """Which deployments a chip may have, and who chooses among them."""

    mode: Literal["solve", "search"]
    """`solve`: Optuna chooses the chip and a latency target, and the best deployment under it is found
    exactly; `search`: Optuna chooses batch, TP, CP, EP and PP as well."""
    batch: tuple[Positive, ...] | None = Field(default=None, min_length=1, max_length=MOST_LISTED)
    """Sequences of a replica. A list is a restriction; left out, any number up to 4,096 may be."""
    tp: tuple[Few, ...] | None = Field(default=None, min_length=1, max_length=MOST_LISTED)
    """Left out, all that split the heads evenly, up to 64."""
    cp: tuple[Few, ...] | None = Field(default=None, min_length=1, max_length=MOST_LISTED)
    """Chips that the KV cache of a sequence is split over along its tokens, on stacks that can. Left out, 1
    and all that leave less KV cache on a chip than a smaller one of as many chips; TP and TP x CP are then
    both among the values of TP."""
    pp: tuple[Few, ...] | None = Field(default=None, min_length=1, max_length=MOST_LISTED)
    """Left out, all that leave the fullest stage with fewer layers than fewer stages would."""
    ep: tuple[Few, ...] | None = Field(default=None, min_length=1, max_length=MOST_LISTED)
    """Chips that experts are spread over: divisors of TP x CP, or multiples, for which EP / (TP x CP)
    replicas share one set of experts. Left out, all that leave as many experts on every chip."""

    @model_validator(mode="after")
    def _few(self) -> "DeploymentSpec":
        """Every combination is evaluated for each chip."""
        every = prod(len(listed) for listed in (self.batch, self.tp, self.cp, self.pp, self.ep) if listed)
        if every > MOST_DEPLOYMENTS:
            raise ValueError(
                f"expected at most {MOST_DEPLOYMENTS:,} combinations of batch, TP, CP, PP and EP, "
                f"got {every:,}"
            )
        return self


def _registered_methods(schema: JsonDict) -> None:
    """Editors know the names of the price methods that are registered."""
    # sorted, so that the schema does not depend on the order of installed packages
    schema["enum"] = [*sorted(registered(PRICE_METHODS))]


def required_by(method: str) -> Mapping[str, str]:
    """Keys that a price method cannot do without; raises `PluginError` for one that does not say."""
    point, found = made(PRICE_METHODS, "price method", method)
    require(point, found, {"requires": ("names of keys, each with what it names", texts)}, ())
    required: Mapping[str, str] = found.requires
    return required


class PriceSpec(Spec):
    """Where the price of a chip comes from."""

    # no Literal: which methods there are depends on the installed packages
    method: str = Field(json_schema_extra=_registered_methods)
    """`listed`: what a chip's file says; `compute-ratio`: by its matrix peak; `unit-cost`: what its silicon
    costs; `margin`: that with a seller's gross margin and one-off cost; `searched`: the price itself is a
    parameter; `rent`: what a cloud takes an hour; or one that another package registers, see
    `dse catalog price-methods`."""
    reference: str | None = None
    """Chip that a compute ratio is taken to."""
    reference_price: UsdQ | None = None
    """Price of the reference chip; its listed price when left out."""
    seller: str | None = None
    """Whose gross margin, by its key in the technology file, for the method margin."""
    # left out at its default, so that a question stored before the key existed is still the same one
    term: Term | None = Field(default=None, exclude_if=lambda v: v is None)
    """Term of the rent, for the method rent."""
    # likewise
    rents: str | None = Field(default=None, exclude_if=lambda v: v is None)
    """Price list of rents, for the method rent; the bundled one when left out."""
    volume: PositiveNumber | None = None
    """Chips that share the one-off cost; the seller's in the technology file when left out."""
    system: Literal["chips-only", "with-host-and-network", "built-up"] = "chips-only"
    """`with-host-and-network`: as published for each chip; `built-up`: servers, racks, links and network from
    the technology file, alike for every chip."""

    @field_validator("method")
    @classmethod
    def _registered(cls, name: str) -> str:
        known = registered(PRICE_METHODS)
        if name not in known:
            raise ValueError(unknown("price method", name, known))
        return name

    @model_validator(mode="after")
    def _required(self) -> "PriceSpec":
        """Every key that the method cannot do without is given."""
        # the name has passed its own check, so the method is registered
        required: Mapping[str, str] = required_by(self.method)
        for key, what in required.items():
            if getattr(self, key) is None:
                raise ValueError(f"expected {what} for the method {self.method}, got none")
        return self


class SweptTarget(Spec):
    """A latency target that is itself a parameter of a trial in `solve`."""

    objective: str
    """Objective that the target bounds, such as tpot."""
    low: SecondsQ
    """Tightest target."""
    high: SecondsQ
    """Loosest target."""

    @model_validator(mode="after")
    def _range(self) -> "SweptTarget":
        if not 0 < self.low <= self.high:
            raise ValueError(f"expected 0 < low <= high, got {self.low:g} s and {self.high:g} s")
        return self


class SamplerSpec(Spec):
    """A registered sampler and its options; the default is the measured choice of `dse/docs/samplers.md`."""

    name: str = "pareto"
    """Name of the sampler; `dse catalog samplers` lists them."""
    # pydantic copies such a default for each spec
    options: dict[str, object] = Field(default={})
    """Options of the sampler by name."""


class BudgetSpec(Spec):
    """When a run ends; it may be extended without changing the question."""

    trials: Positive
    """Trials of the study in all."""
    timeout: SecondsQ | None = None
    """Time after which a run stops; left out, it runs all trials."""


class MixSpec(Spec):
    """One of several LLMs and workloads that the same chip must serve."""

    llm: str
    """Name of its LLM."""
    workload: str
    """Name of its workload."""
    weight: PositiveNumber
    """Its share of the output tokens, relative to the others."""


def _one_or_mix(schema: JsonDict) -> None:
    """In the JSON Schema, a mix names the LLM and the workload in the place of the two keys."""
    required = schema["required"]
    if isinstance(required, list):
        schema["required"] = [key for key in required if key not in ("llm", "workload")]
    schema["anyOf"] = [{"required": ["llm", "workload"]}, {"required": ["mix"]}]


class StudySpec(Spec):
    """One question, complete."""

    model_config = ConfigDict(json_schema_extra=_one_or_mix)

    kind: Literal["study"]
    """Kind of this file."""
    name: FileName
    title: Title
    question: str
    """The question in words."""
    short: str | None = None
    """What sets the study apart from its cases, in a few words."""
    llm: str
    """Name of the LLM, an alias, or a path to its file."""
    workload: str
    """Name of the workload, or a path to its file."""
    mix: Annotated[tuple[MixSpec, ...], Field(min_length=2, max_length=20)] | None = None
    """LLMs and workloads that every chip must serve, each from a cluster of its own; `llm` and `workload` are
    then those of the first, and may be left out. Costs are weighted, latencies are those of the slowest."""
    # left out at its default, so that a question stored before the key existed is still the same one
    serving: ServingName | None = Field(default=None, exclude_if=lambda v: v is None)
    """How requests share a replica, in the place of what the workload says."""
    precision: PrecisionSpec
    """Number formats."""
    cost_model: str = "roofline"
    """Cost model; `dse catalog cost-models` lists them."""
    stack: str | None = None
    """Stack that drives every chip; each chip's own when left out."""
    stacks: dict[str, str] = Field(default={}, max_length=MOST_NAMED, exclude_if=lambda v: not v)
    """Branch of the space, or baseline, to the stack that drives it in the place of its own, such as
    {dram-only: static-dataflow}."""
    software: Software = Field(default="as-sold", exclude_if=lambda v: v == "as-sold")
    """`as-sold`: those stacks; `equal`: one class of losses for all chips; `ideal`: no losses."""
    network: str | None = None
    """Network that joins every chip; each chip's own when left out."""
    economy: str = "datacentre-2026"
    """Name of the economy."""
    technology: str = "technology-2026"
    """Name of the technology file."""
    space: str | None = None
    """Hypothetical chips to search; without one the baselines are all there is."""
    # left out at its default, so that a question stored before the key existed is still the same one
    branches: Annotated[tuple[str, ...], Field(max_length=MOST_NAMED)] = Field(
        default=(), exclude_if=lambda v: not v
    )
    """Branches of the space that are searched; all of them when left out."""
    # likewise
    pools: PoolsSpec | None = Field(default=None, exclude_if=lambda v: v is None)
    """Pools of unlike chips, each with chips or a space of its own, in the place of space and baselines:
    `dse sweep` and `dse run` find the best pairs of chips and layouts."""
    deployment: DeploymentSpec
    """Which deployments are tried, and how."""
    price: PriceSpec
    """Where prices come from."""
    objectives: tuple[str, ...] = Field(min_length=1, max_length=20)
    """Objectives of the front; `dse catalog objectives` lists them."""
    goal: str | None = None
    """The objective that deployments are chosen by. Left out, it is $/(token/s) where that is an objective,
    else the only one that is no latency."""
    tolerance: Annotated[Share, Field(lt=1.0)] = Field(default=TOLERANCE, exclude_if=lambda v: v == TOLERANCE)
    """Share of the best goal within which the smallest system is the best at a target; a front keeps all."""
    sweep: SweptTarget | None = None
    """Latency target that the search varies; needed for the mode `solve`."""
    targets: dict[str, str] = Field(default={}, max_length=MOST_NAMED)
    """Upper bounds (lower for what is maximised) by objective, with their unit. The latency targets of the
    workload bind as well, and of two on one objective the tighter one."""
    limits: LimitsSpec | None = Field(default=None, exclude_if=lambda v: v is None)
    """The most that a whole system may have, such as {chips: 64, capital: 2 MUSD, power: 1 MW}."""
    confidence: Annotated[float, Field(ge=LEAST, le=MOST)] | None = Field(
        default=None, exclude_if=lambda v: v is None
    )
    """Probability that every target is met with, by the error bar of each chip's stack: those above, those of
    the workload, and those that are swept and reported at. Left out, the estimate itself meets them, which is
    a probability of one half."""
    workload_targets: bool = Field(default=True, exclude_if=lambda v: v)
    """Whether the latency targets of the workload bind."""
    report_at: Annotated[tuple[SecondsQ, ...], Field(max_length=MOST_LISTED)] = ()
    """Values of the swept objective at which the best design is reported."""
    baselines: Annotated[tuple[str, ...], Field(max_length=MOST_NAMED)] = ()
    """Chips of the catalog that are evaluated as well."""
    sampler: SamplerSpec = SamplerSpec()
    """Which sampler proposes chips."""
    budget: BudgetSpec
    """When a run ends."""
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    """Seed of the sampler."""
    reference_point: Annotated[dict[str, str], Field(max_length=MOST_NAMED)]
    """The worst value of each objective that still counts towards the hypervolume."""
    settings: Annotated[dict[str, str | float], Field(max_length=MOST_LISTED)] | None = None
    """Numbers that the study replaces, `KIND/NAME.PATH` to a value, such as {chip/h100-sxm.power: 600 W}."""
    cases: dict[Name, dict[str, object]] = Field(default={}, max_length=MOST_NAMED)
    """Variations of the study by name, each with the keys that differ; a mapping is merged key by key."""

    @model_validator(mode="before")
    @classmethod
    def _first_of_mix(cls, data: object) -> object:
        """The LLM and the workload of a mix are those of its first part."""
        # what is no mapping is left to pydantic, which reports it
        if not isinstance(data, dict):
            return data
        mix = data.get("mix")
        first = mix[0] if isinstance(mix, list | tuple) and mix else None
        if not isinstance(first, dict):
            return data
        # a part without one of the keys is reported by the check of the mix
        named = {key: first[key] for key in ("llm", "workload") if key in first}
        # written out as well they must agree: two answers to one question are a mistake
        other = [key for key, value in named.items() if data.get(key, value) != value]
        if other:
            what = f"expected that of the first of the mix, {named[other[0]]}, got {data[other[0]]}"
            raise ValueError(f"{other[0]}: {what}")
        return {**named, **data}

    @model_validator(mode="after")
    def _consistent(self) -> "StudySpec":
        """Keys that need or exclude each other."""
        twice = sorted({o for o in self.objectives if self.objectives.count(o) > 1})
        if twice:
            raise ValueError(f"objectives: expected each once, got {', '.join(twice)} twice")
        if self.goal is not None and self.goal not in self.objectives:
            raise ValueError(
                f"goal: expected one of the objectives {', '.join(self.objectives)}, got {self.goal}"
            )
        # the hypervolume needs a bound in every objective
        missing = [o for o in self.objectives if o not in self.reference_point]
        if missing:
            raise ValueError(f"reference_point: expected every objective, missing {', '.join(missing)}")
        most = {} if self.limits is None else self.limits.by_objective()
        if same := [name for name in most if name in self.targets]:
            raise ValueError(f"limits: expected either these or targets.{same[0]}, got both")
        if self.pools is not None:
            return self._of_pools()
        if self.branches and self.space is None:
            raise ValueError("branches: expected a space with branches of it, got none")
        if self.space is None and not self.baselines:
            raise ValueError("expected a space of chips, baselines, or both, got neither")
        # under other software every chip has the stack of that name
        if self.software != "as-sold" and (self.stack or self.stacks):
            given = "stack" if self.stack else "stacks"
            raise ValueError(f"software: expected as-sold with {given}, got {self.software}")
        # `solve` finds the best deployment under a target that the search draws
        if self.deployment.mode == "solve" and self.sweep is None:
            raise ValueError("sweep: expected a swept target for the deployment mode solve, got none")
        return self

    def _of_pools(self) -> "StudySpec":
        """Without the keys that pools do not know, or have of their own."""
        own: dict[str, object] = {"space": self.space, "branches": self.branches}
        own |= {"baselines": self.baselines, "stacks": self.stacks}
        unknown = {"mix": self.mix, "confidence": self.confidence}
        none = "expected none with pools, which"
        problems = [f"{key}: {none} have chips of their own" for key, value in own.items() if value]
        problems += [f"{key}: {none} do not know it yet" for key, value in unknown.items() if value]
        roles = () if self.pools is None else tuple(self.pools.by_role)
        if self.serving is not None and (why := serving_problem(roles, self.serving)):
            problems.append(why)
        if self.software != "as-sold" and self.stack:
            problems.append(f"software: expected as-sold with stack, got {self.software}")
        if problems:
            # a validator can raise once, so all problems are one message
            raise ValueError("; ".join(problems))
        return self
