"""The load of a system: lengths of requests, serving mode, prefix cache, drafts or blocks of decoding."""

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.config import JsonDict

from dse.errors import nearest, spec_error
from dse.plugins import serving_mode
from dse.spec.schema.base import (
    Aliases,
    AtLeastOne,
    FileName,
    Notes,
    SecondsQ,
    Sourced,
    SourcedBandwidth,
    SourcedCount,
    SourcedNumber,
    SourcedShare,
    Spec,
    Title,
    unit,
)
from dse.spec.schema.chip_memories import column_of
from dse.spec.schema.diffusion import DiffusionSpec, contexts
from objectives import api
from objectives.equations.serving.registry import serving_modes

Tokens = Annotated[float, unit("token")]
SomeTokens = Annotated[float, unit("token"), Field(gt=0.0)]
Price = Annotated[float, unit("USD/B")]


def _known(name: str) -> str:
    if name not in serving_modes():
        raise ValueError(f"unknown serving mode {name!r}; {nearest(name, serving_modes())}")
    return name


def _choices(schema: JsonDict) -> None:
    schema["enum"] = [*serving_modes()]


# no Literal: which modes there are depends on the installed packages
ServingName = Annotated[str, AfterValidator(_known), Field(json_schema_extra=_choices)]
"""A serving mode of any installed package."""


_Tier = Literal["dram", "host", "pooled", "stacked-sram", "stacked-dram", "lpddr", "ddr", "flash"]
KEEPERS: tuple[str, ...] = get_args(_Tier)[1:]
"""Tiers beyond the chip's own DRAM; each is also a kind of memory that a chip file may list."""

_NO_KEEPERS = {
    "rom": "nothing is written into it",
    "sram": "no software keeps prefixes there",
}
"""Memories of chips that keep no prefixes, and why."""


def _keeping(tier: object) -> object:
    if isinstance(tier, str) and (why := _NO_KEEPERS.get(tier)):
        raise ValueError(f"expected dram, {', '.join(KEEPERS[:-1])} or {KEEPERS[-1]}, got {tier}: {why}")
    return tier


Keeper = Annotated[_Tier, BeforeValidator(_keeping)]
"""Where prefixes are kept."""


class PrefixCacheSpec(Spec):
    """KV cache that is kept for prompts with the same beginning."""

    hit: SourcedShare
    """Share of prompt tokens that are read back instead of computed; 0 as if there were no cache."""
    stored: Sourced[Tokens]
    """Tokens whose KV cache is kept: of each replica, of all together where the tier is a pool with a
    bandwidth and a cost of its own."""
    tier: Keeper
    """The chip's own DRAM, a further memory that the chip's file lists, by its kind, or, with a bandwidth
    and a cost, that of a host or one pool for all replicas."""
    bandwidth: SourcedBandwidth | None = None
    """Rate at which one chip gets it back from a host or a pool apart from the chip; left out of memories of
    the chip, whose file has it."""
    cost: Sourced[Price] | None = None
    """Capital price of a host or a pool apart from the chip; left out of memories of the chip, which are paid
    with it."""
    # left out at its default, so that a question stored before the key existed is still the same one
    written: SourcedShare | None = Field(default=None, exclude_if=lambda v: v is None)
    """Share of the computed prompt tokens that are written into it, whose time and wear count; left out, all
    of them in a further memory of the chip, and none that counts in its DRAM or apart from it."""

    @property
    def apart(self) -> bool:
        """Whether it is a host or a pool with numbers of its own, whatever memories the chip has."""
        given = self.bandwidth is not None or self.cost is not None
        return self.tier in ("host", "pooled") and given

    @property
    def kept_in(self) -> str | None:
        """Kind of the further memory of the chip that keeps it; None for DRAM and for what is apart."""
        return None if self.tier == "dram" or self.apart else self.tier

    @model_validator(mode="after")
    def _tier(self) -> "PrefixCacheSpec":
        """Numbers of a host or a pool apart, all or none; none of a memory of the chip."""
        for name, leaf in (("bandwidth", self.bandwidth), ("cost", self.cost)):
            if self.apart and (leaf is None or leaf.value is None):
                raise ValueError(f"{name}: expected a known value for the tier {self.tier}, got none")
            if not self.apart and leaf is not None:
                raise ValueError(f"{name}: expected none for {self.tier}, whose chip file has it, got one")
        if self.written is not None and self.tier == "dram":
            raise ValueError("written: expected none for dram, where every pass writes KV cache, got one")
        # at 0 B/s it would never be back
        if self.apart and self.bandwidth is not None and not self.bandwidth.value:
            raise ValueError("bandwidth: expected more than 0 B/s, got 0 B/s")
        return self

    def resolve(self) -> api.PrefixCache:
        """The cache as the equations want it."""
        tier: Literal["dram", "host", "pooled", "memory"] = "memory"
        if self.kept_in is None and (self.tier == "dram" or self.tier == "host" or self.tier == "pooled"):
            tier = self.tier
        return api.PrefixCache(
            hit=self.hit.value or 0.0,
            stored_tokens=self.stored.value or 0.0,
            tier=tier,
            memory=column_of(self.kept_in or ""),
            bandwidth=(self.bandwidth.value if self.bandwidth else None) or 0.0,
            usd_per_byte=(self.cost.value if self.cost else None) or 0.0,
            written=self._written(),
        )

    def _written(self) -> float:
        """Share of the computed prompt tokens that are written, see `written`."""
        if self.written is not None and self.written.value is not None:
            return self.written.value
        return 0.0 if self.kept_in is None else 1.0


class SpeculationSpec(Spec):
    """Speculative decoding."""

    length: SourcedCount
    """Tokens drafted for each step."""
    acceptance: SourcedShare
    """Chance that a drafted token is accepted when all before it are."""
    # left out at its default, so that a question stored before the key existed is still the same one
    llm: str | None = Field(default=None, exclude_if=lambda v: v is None)
    """LLM that drafts, for pools draft and verify, which compute its steps."""
    draft: Literal["mtp"] | None = Field(default=None, exclude_if=lambda v: v is None)
    """`mtp`: the `draft_layers` of the LLM draft (multi-token prediction), whose passes, weights and KV cache
    are computed; left out, an LLM drafts, or something of a stated cost."""
    cost: SourcedNumber | None = None
    """Time of drafting a token over that of a plain step, and weights of the draft over those of the LLM; not
    read by pools draft and verify, refused with `draft: mtp`, and needed by all others."""

    @model_validator(mode="after")
    def _some(self) -> "SpeculationSpec":
        if wrong := self.drafted_twice():
            raise ValueError(wrong)
        if self.llm is None and self.cost is None and self.draft is None:
            raise ValueError(
                "cost: expected the time of a drafted token over that of a step, or an llm, got none"
            )
        return self

    def resolve(self) -> api.Speculation:
        """The draft as the equations want it."""
        return api.Speculation(
            length=self.length.value or 0,
            acceptance=self.acceptance.value or 0.0,
            cost=(self.cost.value if self.cost else None) or 0.0,
            own_layers=self.draft == "mtp",
        )

    def drafted_twice(self) -> str:
        """Why layers of the LLM cannot draft so; the empty string where they can, or others draft."""
        if self.draft is None:
            return ""
        if self.cost is not None:
            return "cost: expected none with draft mtp, whose passes are computed, got one"
        if self.llm is not None:
            return f"llm: expected none with draft mtp, whose layers are part of the LLM, got {self.llm}"
        if self.length.value is not None and self.length.value < 1:
            return f"length: expected 1 or more drafted tokens with draft mtp, got {self.length.value}"
        return ""


class WorkloadSpec(Spec):
    """Lengths of requests, how they share replicas, and latency targets."""

    kind: Literal["workload"]
    """Kind of this file."""
    name: FileName
    title: Title
    aliases: Aliases = ()
    isl: Sourced[Tokens]
    """Prompt tokens."""
    osl: Sourced[SomeTokens]
    """Output tokens."""
    context: Sourced[Tokens] | None = None
    """Context that every sequence is counted at; left out, decode runs at ISL + OSL/2 on average and
    capacity is planned at ISL + OSL."""
    serving: ServingName
    """How requests share a replica: `decode-only` (prompts are free), `aggregated`, `chunked`,
    `disaggregated`, `static`, or a mode of another package."""
    prefill_load: SourcedShare | None = None
    """Share of the time that prefill replicas are busy at most; `disaggregated` serving needs it."""
    pools: api.Pools = "fleet"
    """`fleet`: many replicas, so that pools have a real ratio; `system`: one system of whole replicas."""
    routing_skew: Sourced[AtLeastOne] | None = None
    """Visits of the most popular expert of a layer over the mean of all; left out, 1: uniform routing."""
    prefix_cache: PrefixCacheSpec | None = None
    """KV cache of earlier prompts; left out, every prompt is computed whole."""
    speculation: SpeculationSpec | None = None
    """Speculative decoding; left out, a step gives one token."""
    # left out at their defaults, so that a question stored before the keys existed is still the same one
    diffusion: DiffusionSpec | None = Field(default=None, exclude_if=lambda v: v is None)
    """Block diffusion, never next to `speculation`; left out, tokens are generated one by one."""
    weight_updates: SourcedNumber | None = Field(default=None, exclude_if=lambda v: v is None)
    """Times in a day that all weights are replaced; left out, never. Flash wears by it."""
    redundant_experts: SourcedCount | None = Field(default=None, exclude_if=lambda v: v is None)
    """Copies of experts that chips hold in each layer, so that EP divides all of them; left out, none."""
    traffic: str | None = Field(default=None, exclude_if=lambda v: v is None)
    """Traffic whose means `isl` and `osl` are: how the lengths are distributed and requests arrive; left out,
    nothing but the means is known. No figure is computed from it yet."""
    targets: dict[str, SecondsQ] = Field(default={})
    """Latency targets by the name of an objective (tpot, ttft, end_to_end)."""
    notes: Notes = None

    @model_validator(mode="after")
    def _pools(self) -> "WorkloadSpec":
        # the mode itself knows what it needs, so one of another package is checked alike
        if missing := serving_mode(self.serving).missing(self.resolve()):
            raise ValueError(missing)
        return self

    @model_validator(mode="after")
    def _drafts(self) -> "WorkloadSpec":
        if too_long := self.drafts_beyond_answers():
            raise ValueError(too_long)
        return self

    @model_validator(mode="after")
    def _one_way(self) -> "WorkloadSpec":
        if self.diffusion is not None and self.speculation is not None:
            raise ValueError("expected either diffusion or speculation, got both")
        return self

    @model_validator(mode="after")
    def _prefixes(self) -> "WorkloadSpec":
        if too_few := self.stored_below_found():
            raise ValueError(too_few)
        return self

    def stored_below_found(self) -> str:
        """Why a prefix cache cannot hold what one prompt finds in it; the empty string where it can."""
        cache, isl = self.prefix_cache, self.isl.value
        if cache is None or isl is None or cache.hit.value is None or cache.stored.value is None:
            return ""
        found, kept = cache.hit.value * isl, cache.stored.value
        if found <= kept * (1.0 + 1e-9):
            return ""
        what = f"prefix_cache.stored: expected the {found:,.0f} tokens at least that one prompt finds"
        return f"{what}, got {kept:,.0f}"

    def drafts_beyond_answers(self) -> str:
        """Why drafts are too long: their rest would count as output; the empty string where they are not."""
        drafts, osl = self.speculation, self.osl.value
        if drafts is None or osl is None:
            return ""
        return longer_than_answers(drafts.length.value or 0, osl)

    def network(self, llm: api.Llm) -> api.Llm:
        """An LLM as it is served, with the copies of experts that chips hold."""
        return llm.with_redundant((self.redundant_experts.value if self.redundant_experts else None) or 0)

    def resolve(self) -> api.Workload:
        """The workload as the equations want it."""
        isl, osl = self.isl.value or 0.0, self.osl.value or 0.0
        blocks = self.diffusion.resolve() if self.diffusion else None
        mean, largest = contexts(isl, osl, self.context.value if self.context else None, blocks)
        return api.Workload(
            isl=isl,
            osl=osl,
            mean_context=mean,
            max_context=largest,
            serving=self.serving,
            routing_skew=(self.routing_skew.value if self.routing_skew else None) or 1.0,
            prefill_load=(self.prefill_load.value if self.prefill_load else None) or 0.0,
            pools=self.pools,
            prefix=self.prefix_cache.resolve() if self.prefix_cache else None,
            speculation=self.speculation.resolve() if self.speculation else None,
            diffusion=blocks,
            weight_updates=(self.weight_updates.value if self.weight_updates else None) or 0.0,
        )


def longer_than_answers(length: int, osl: float) -> str:
    """Why so many drafted tokens are too many for an answer; the empty string where they are not."""
    # what is drafted beyond the end would count as output
    if length < osl:
        return ""
    return f"speculation.length: expected less than the {osl:,g} tokens of an answer, got {length:,}"


def hold_speculation(workload: WorkloadSpec) -> None:
    """Raise `SpecError` for drafts that are too long, or without a cost, and caches that hold too little."""
    # a study's numbers are not validated with the file
    if too_few := workload.stored_below_found():
        raise spec_error("", too_few)
    if too_long := workload.drafts_beyond_answers():
        raise spec_error("", too_long)
    drafts = workload.speculation
    if drafts is not None and drafts.cost is None and drafts.draft is None:
        what = f"speculation.cost of {workload.name}: expected the share of a step that drafting takes"
        raise spec_error("", f"{what}, got {drafts.llm} alone, which only pools draft and verify compute")


def hold_context(workload: WorkloadSpec, llm: str, longest: int | None) -> None:
    """Raise `SpecError` for requests that are longer than the longest context of an LLM [token]."""
    isl, osl = workload.isl.value or 0.0, workload.osl.value or 0.0
    fixed = (workload.context.value if workload.context else None) or 0.0
    # whole blocks are computed, whatever of the last one is wanted
    whole = float(workload.resolve().max_context)
    if longest is None or max(isl + osl, fixed, whole) <= longest:
        return
    # the longer of the two is what the LLM would have to see
    got = f"{isl + osl:,g} (ISL {isl:,g} + OSL {osl:,g})" if isl + osl >= fixed else f"context {fixed:,g}"
    if workload.diffusion is not None and whole > max(isl + osl, fixed):
        got = f"{whole:,g} (ISL {isl:,g} + OSL {osl:,g} in whole blocks of {workload.diffusion.block.value})"
    what = f"expected at most {longest:,} tokens, the longest context of {llm}"
    raise spec_error("", f"{what}, got {got} of {workload.name}")


def served(workload: WorkloadSpec, serving: str, where: str = "--serving") -> WorkloadSpec:
    """The workload under another way of serving.

    Raises `SpecError` for one that is unknown or that the workload lacks facts for.
    """
    known = serving_modes()
    if serving not in known:
        raise spec_error(where, f"unknown serving mode {serving!r}; {nearest(serving, known)}")
    changed = workload.model_copy(update={"serving": serving})
    # a copy is not validated, so what the new mode lacks is found here
    if missing := serving_mode(serving).missing(changed.resolve()):
        # the key of a study, or an option
        setting = f"settings: {{workload/{workload.name}.NAME: VALUE}}"
        raise spec_error(
            where, f"{serving}: {missing}; give it by {setting if where == 'serving' else '--set'}"
        )
    return changed
