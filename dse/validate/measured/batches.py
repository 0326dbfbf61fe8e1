"""Rows of measurements as batches of designs: rows that share an LLM, a precision and a way of serving."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Final, TypeVar, cast

import numpy as np

from dse.arrays import Floats
from dse.chips.architecture import on_architecture
from dse.chips.interval import interval_on
from dse.chips.resolve import chips_of, precision_of, speed_columns
from dse.errors import SpecError
from dse.question.layouts import bad_ep, bad_pp, bad_tp
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.study import PrecisionSpec
from dse.spec.schema.system import EconomySpec, NetworkSpec, StackSpec
from dse.spec.yaml.loading import build_spec
from dse.text import short
from dse.validate.measured.drafts import drafted
from dse.validate.measured.engines import NO_MATCH, match
from dse.validate.measured.layouts import Layout, layout, other_count
from dse.validate.measured.rows import Measured
from objectives import api
from objectives.equations.chip.formats import FORMATS

T = TypeVar("T")

TAIL: Final = r"p(?!50\b)\d|max|worst|min|best|std"
"""Statistics that are no means."""

UNSTATED_KV: Final = "fp16"
UNSTATED_ACTIVATIONS: Final = {"int4": "fp16", "int8": "fp16", "exl2-3.6": "fp16"} | dict.fromkeys(
    ("q4_0", "q4_k_m", "q5_k_m", "q6_k", "q8_0"), "fp16"
)
EIGHT_BIT_KV: Final = r"TensorRT-LLM|MLPerf|NIM"
"""What a blank means: 16-bit KV cache, 8-bit with 8- and 4-bit floating weights in engines whose
checkpoints say so (NVIDIA's, and MLPerf's submissions); activations like the weights, fp16 with integer
weights."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One predictable row with everything looked up."""

    row: Measured
    chip: ChipSpec
    stack: StackSpec
    own_stack: bool
    """Whether the stack was calibrated on this engine; else it is that of the chip's class."""
    own_chip: bool
    """Whether it was calibrated on this chip as well; else its interval is at least that of the class."""
    interval: Mapping[str, float]
    """Metric to the factor up and down that is expected to hold 80 % of such rows."""
    llm: api.Llm
    precision: PrecisionSpec
    layout: Layout
    columns: Mapping[str, float]
    drafts: api.Speculation | None = None


@dataclass(frozen=True)
class Refusal:
    """A row that cannot be predicted, and why."""

    row: Measured
    reason: str


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Cases evaluated in one call."""

    cases: tuple[Case, ...]
    context: api.Context
    designs: api.Designs
    users: Floats = field(repr=False)
    """Requests of the whole system at any time; infinite where they are not stated."""

    @cached_property
    def osl(self) -> Floats:
        """Output tokens of each row."""
        return np.asarray([c.row.osl for c in self.cases])


class Lookup:
    """Finds what rows name; each chip, LLM and stack once."""

    def __init__(
        self, catalog: Catalog, stack: str | None = None, candidate: StackSpec | None = None
    ) -> None:
        """Every row runs on `stack` where one is named; `candidate` replaces the stack of its name."""
        self.catalog = catalog
        self.fixed = None if stack is None else catalog.get(StackSpec, stack)
        others = (s for s in catalog.all(StackSpec).values() if candidate is None or s.name != candidate.name)
        # first, since of equally good matches the first is taken
        self.stacks = ([candidate] if candidate else []) + list(others)
        self._seen: dict[object, object] = {}

    def _once(self, key: object, find: Callable[[], T]) -> T:
        """The result of `find`, or its error, computed once: many rows name the same chip, LLM and stack."""
        if key not in self._seen:
            try:
                self._seen[key] = find()
            except SpecError as error:
                self._seen[key] = error
        found = self._seen[key]
        if isinstance(found, SpecError):
            raise found
        return cast(T, found)

    def case(self, row: Measured) -> Case | Refusal:
        """The row with everything looked up, or why it cannot be predicted."""
        try:
            return self._case(row)
        except SpecError as error:
            # without the hint of near names, so that equal reasons count together
            return Refusal(row, str(error.problems[0]).partition(";")[0])

    def _case(self, row: Measured) -> Case | Refusal:
        """As `case`; raises `SpecError` for a name or a format that is unknown."""
        if row.unclear:
            return Refusal(row, row.unclear)
        # found first, since a hint to the nearest names takes long and is not printed
        for kind, name in (("chip", row.chip), ("llm", row.llm)):
            if not self._once(("found", kind, name), partial(self._known, kind, name)):
                return Refusal(row, f"unknown {kind} {short(name)}")
        chip = self._once(("chip", row.chip), lambda: self.catalog.get(ChipSpec, row.chip))
        spec = self._once(("spec", row.llm), lambda: self.catalog.get(LlmSpec, row.llm))
        if spec.generation == "diffusion":
            return Refusal(row, f"{row.llm} denoises blocks, whose size and passes no column states")
        llm = self._once(("llm", row.llm), spec.resolve)
        drafts = drafted(row, llm)
        if row.spec_decode and drafts is None:
            return Refusal(row, f"speculative decoding ({row.spec_decode}) is not predicted")
        if re.match(TAIL, row.stat, re.IGNORECASE):
            return Refusal(row, "a tail is stated, and only means are predicted")
        if row.batch is None and row.kind == "static":
            # other runs than static ones fill the capacity where no batch is stated
            return Refusal(row, "the batch is not stated")
        formats = (row.weights, row.kv, row.activations, row.engine)
        precision = self._once(("precision", formats), lambda: _precision(row))
        # the layout is that of the chips that decode
        pool = replace(row, chips=row.decode_chips) if row.decode_chips else row
        ways = layout(pool, chip, llm, FORMATS[precision.weights])
        if why := other_count(pool, ways):
            return Refusal(row, why)
        if ways is None:
            return Refusal(row, "neither chips nor a layout (TP) is stated")
        if why := _impossible(ways, llm):
            return Refusal(row, why)
        # by all that the choice of a stack depends on
        stack, own = self._once(("stack", row.chip, row.engine, row.date), lambda: self.stack(row, chip))
        columns = self._once(
            ("columns", row.chip, stack.name, precision), lambda: self._columns(chip, precision, stack)
        )
        # a single chip needs no link
        if ways.tp * ways.pp > 1 and not columns["link_bandwidth"]:
            return Refusal(row, f"the link bandwidth of {chip.name} is unknown")
        # a stack without a list is that of a class, and its interval holds on any chip of that class
        known = own and (not stack.chips or chip.name in stack.chips)
        return Case(
            row=row,
            chip=chip,
            stack=stack,
            own_stack=own,
            own_chip=known,
            interval=self._trusted(stack, chip, llm, joined=(ways.ep or 1.0) > ways.tp),
            llm=llm,
            precision=precision,
            layout=ways,
            columns=columns,
            drafts=drafts,
        )

    def _known(self, kind: str, name: str) -> bool:
        return name.endswith((".yaml", ".yml")) or self.catalog.named(f"{kind}s", name) is not None

    def on(self, case: Case, stack: StackSpec) -> Case:
        """The same row on another stack."""
        columns = self._columns(case.chip, case.precision, stack)
        return replace(case, stack=stack, columns=columns)

    def _columns(self, chip: ChipSpec, precision: PrecisionSpec, stack: StackSpec) -> dict[str, float]:
        network = self.catalog.get(NetworkSpec, chip.link.network)
        there = on_architecture(stack, chip.architecture, self.catalog)
        return speed_columns(chip, precision, there, network)

    def _trusted(self, stack: StackSpec, chip: ChipSpec, llm: api.Llm, *, joined: bool) -> dict[str, float]:
        """Error bars of a stack on a chip for an LLM, in replicas that share experts or not."""
        shared = joined and llm.expert_count > 0
        return self._once(
            ("trusted", stack.name, chip.name, llm.name, shared),
            lambda: interval_on(stack, chip, self.catalog, (llm,), joined=shared),
        )

    def stack(self, row: Measured, chip: ChipSpec) -> tuple[StackSpec, bool]:
        """The profile of the row's engine with the best match, else the stack of the chip's class.

        The flag says whether the stack was calibrated on the engine.
        """
        if self.fixed is not None:
            # chosen by the user: it counts as calibrated only where it matches the engine
            return self.fixed, match(self.fixed, chip.chip_class, row.engine, row.date) > NO_MATCH
        best, found = None, NO_MATCH
        for stack in self.stacks:
            quality = match(stack, chip.chip_class, row.engine, row.date)
            if quality > found:
                best, found = stack, quality
        return (best, True) if best is not None else (self.catalog.get(StackSpec, chip.stack), False)


def _impossible(ways: Layout, llm: api.Llm) -> str:
    """Why an LLM cannot be spread so; the empty string when it can."""
    if ways.tp > llm.heads and (why := bad_tp(int(ways.tp), llm)):  # below, engines pad the heads
        return f"TP {ways.tp:.0f}: {why}"
    if why := bad_pp(int(ways.pp), llm):
        return f"PP {ways.pp:.0f}: {why}"
    if why := bad_ep(int(ways.ep or 1), int(ways.tp), int(ways.dp), llm):
        return f"EP {ways.ep:.0f}: {why}"
    return ""


def _precision(row: Measured) -> PrecisionSpec:
    weights = row.weights
    # see `EIGHT_BIT_KV`: checkpoints of these engines quantise the KV cache with the weights
    eight_bit = weights in ("fp8", "nvfp4", "mxfp4") and re.search(EIGHT_BIT_KV, row.engine)
    kv = row.kv or ("fp8" if eight_bit else UNSTATED_KV)
    activations = row.activations or UNSTATED_ACTIVATIONS.get(weights, weights)
    return build_spec(PrecisionSpec, {"weights": weights, "kv": kv, "activations": activations}, row.where)


def batches(cases: Iterable[Case], catalog: Catalog) -> list[Batch]:
    """Cases grouped so that each group is one call of a cost model."""
    groups: dict[tuple[object, ...], list[Case]] = defaultdict(list)
    for case in cases:
        # what one context holds is shared by a group; chips, layouts and lengths are columns
        fixed = case.row.kind == "static"
        groups[(case.llm, case.precision, fixed, case.row.mode, case.drafts)].append(case)
    # no measured metric is in dollars, so any economy will do
    economy = next(iter(catalog.all(EconomySpec).values())).resolve()
    return [_batch(tuple(members), economy) for members in groups.values()]


def _batch(cases: tuple[Case, ...], economy: api.Economy) -> Batch:
    """One call's designs and context; a row's batch is that of the system, a design's that of a replica."""
    rows = [c.row for c in cases]
    isl, osl = np.asarray([r.isl for r in rows]), np.asarray([r.osl for r in rows])
    workload = api.Workload(
        isl=isl,
        osl=osl,
        mean_context=isl + osl / 2.0,
        max_context=isl + osl,
        # the rows of a group are of one mode, see `batches`
        serving=rows[0].mode,
        speculation=cases[0].drafts,
    )
    ways = [c.layout for c in cases]
    dp = np.asarray([w.dp for w in ways])
    context = api.Context(
        llm=cases[0].llm, precision=precision_of(cases[0].precision), workload=workload, economy=economy
    )
    deployments = api.Deployments(
        # users of a system spread over its replicas, of which none is empty
        batch=np.maximum(np.asarray([r.batch or 1.0 for r in rows]) / dp, 1.0),
        tp=np.asarray([w.tp for w in ways]),
        # no row says that KV cache is split along its tokens
        cp=np.ones(len(ways)),
        pp=np.asarray([w.pp for w in ways]),
        ep=np.asarray([w.ep or 1.0 for w in ways]),
        dp=dp,
    )
    designs = api.Designs.of(chips=chips_of([dict(c.columns) for c in cases]), deployments=deployments)
    # unstated users are endless, so that `schedule` fills the capacity
    users = np.asarray([r.batch or np.inf for r in rows])
    return Batch(cases=cases, context=context, designs=designs, users=users)
