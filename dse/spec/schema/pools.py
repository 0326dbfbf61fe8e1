"""Pools of unlike chips in a study, and what joins them."""

from typing import Annotated, Final

from pydantic import (
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from dse.spec.schema.base import Few, Positive, SecondsQ, Spec, UsdQ, unit

Sizes = Annotated[tuple[Few, ...], Field(min_length=1, max_length=1_000)]
Batches = Annotated[tuple[Positive, ...], Field(min_length=1, max_length=1_000)]


def _read(value: object) -> object:
    """A text as keys: the name of a network, or a bandwidth and a latency."""
    if not isinstance(value, str):
        return value
    # a number with its sign, so that a negative one is refused as a number
    if not value.lstrip("+-.")[:1].isdigit():
        return {"network": value}
    bandwidth, _, latency = (part.strip() for part in value.partition(","))
    return {"bandwidth": bandwidth, **({"latency": latency} if latency else {})}


class LinkSpec(Spec):
    """The network between two pools, of which every chip has a port: one of the catalog, or its numbers."""

    network: str | None = None
    """Network whose ports beyond a domain join the pools."""
    bandwidth: Annotated[float, unit("B/s")] | None = None
    """Bandwidth of one port, one way."""
    latency: SecondsQ | None = None
    """Latency of one message."""
    price: UsdQ | None = None
    """Port, cable and share of the fabric of one chip; by the technology file when left out."""

    @model_validator(mode="after")
    def _complete(self) -> "LinkSpec":
        """A network, or all numbers that have no other source."""
        numbers = {"bandwidth": self.bandwidth, "latency": self.latency}
        if self.network is not None:
            given = [name for name, value in {**numbers, "price": self.price}.items() if value is not None]
            if given:
                raise ValueError(f"expected a network or numbers of its own, got {', '.join(given)} as well")
            return self
        if missing := [name for name, value in numbers.items() if value is None]:
            what = " and no ".join(missing)
            raise ValueError(
                f"expected a network, or a bandwidth and a latency as in '25 GB/s, 5 us', got no {what}"
            )
        if self.bandwidth == 0.0:
            raise ValueError("bandwidth: expected more than 0 B/s, got 0 B/s")
        return self


class _AsText:
    """In the JSON Schema a link may be a text as well."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        text = {"type": "string", "examples": ["nvlink6-72", "25 GB/s, 5 us"]}
        return {"anyOf": [text, handler(schema)]}


Link = Annotated[LinkSpec, BeforeValidator(_read), _AsText()]


class PoolSpec(Spec):
    """Which chips one pool may have, and in which layouts."""

    chips: Annotated[tuple[str, ...], Field(max_length=200)] = ()
    """Chips of the catalog."""
    space: str | None = None
    """Hypothetical chips."""
    llm: str | None = None
    """LLM that drafts, for the pool `draft` alone; left out, that of the workload's `speculation`."""
    batch: Batches | None = None
    """Sequences of a replica; prompts of a pass at most for a pool that prefills. As the study when left out,
    and one, four or as many as fit for a pool that prefills."""
    tp: Sizes | None = None
    """As the study when left out, and so are the next three."""
    cp: Sizes | None = None
    """Chips that the KV cache of a sequence is split over."""
    pp: Sizes | None = None
    """Stages of the pipeline."""
    ep: Sizes | None = None
    """Chips that experts are spread over."""

    @model_validator(mode="after")
    def _some(self) -> "PoolSpec":
        if not self.chips and self.space is None:
            raise ValueError("expected chips, a space, or both, got neither")
        if twice := sorted({c for c in self.chips if self.chips.count(c) > 1}):
            raise ValueError(f"chips: expected each once, got {', '.join(twice)} twice")
        return self


_WITH: Final = "with chips, a space, or both"
_NEEDED: Final = {
    "prefill": f"the pool that runs prompts, {_WITH}",
    "decode": f"the pool that decodes, {_WITH}",
    "attention": f"the pool of attention and KV cache, {_WITH}",
    "ffn": f"the pool of FFNs or experts, {_WITH}",
    "draft": f"the pool of the LLM that drafts, {_WITH}",
    "verify": f"the pool of the LLM that verifies drafts, {_WITH}",
    "link": "the network between the pools, such as nvlink6-72 or '25 GB/s, 5 us'",
}
"""Key to what it is for."""
_SPLITS: Final = (("prefill", "decode"), ("attention", "ffn"), ("draft", "verify"))
"""Roles that a study may have together."""


class _Missing:
    """In the place of a key that is needed and left out."""


class PoolsSpec(Spec):
    """Pools of unlike chips in the place of one: each has chips, a space, or both, in a layout of its own."""

    prefill: PoolSpec | None = None
    """The pool that runs prompts and sends their KV cache to the one that decodes; with `decode`."""
    decode: PoolSpec | None = None
    """The pool that decodes."""
    attention: PoolSpec | None = None
    """The pool of attention, KV cache and the head, which every layer leaves for FFNs; with `ffn`."""
    ffn: PoolSpec | None = None
    """The pool of FFNs or experts."""
    draft: PoolSpec | None = None
    """The pool of a small LLM that drafts tokens; with `verify`."""
    verify: PoolSpec | None = None
    """The pool of the LLM, which checks them."""
    link: Link
    """The network between the pools: one of the catalog, or `25 GB/s, 5 us`."""

    @property
    def by_role(self) -> dict[str, PoolSpec]:
        """The pools, by role, in the order of their split."""
        every = {role: getattr(self, role) for split in _SPLITS for role in split}
        return {role: pool for role, pool in every.items() if pool is not None}

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: object) -> object:
        """What is needed and left out gets a mark, which its own check refuses next to all other problems."""
        if not isinstance(data, dict):
            return data
        # the split that most roles are of; without any, the first
        split = max(_SPLITS, key=lambda roles: sum(role in data for role in roles))
        given = {key: value for key, value in data.items() if value is not None}
        return {**{key: _Missing() for key in (*split, "link")}, **given}

    @field_validator(*_NEEDED, mode="before")
    @classmethod
    def _given(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, _Missing):
            raise ValueError(f"expected {_NEEDED[str(info.field_name)]}, got none")
        return value

    @model_validator(mode="after")
    def _one_split(self) -> "PoolsSpec":
        """Pools of one split."""
        roles = tuple(self.by_role)
        if roles not in _SPLITS:
            known = " or ".join(" and ".join(split) for split in _SPLITS)
            raise ValueError(f"expected pools {known}, got {', '.join(roles)}")
        if odd := [role for role, pool in self.by_role.items() if pool.llm is not None and role != "draft"]:
            raise ValueError(
                f"{odd[0]}.llm: expected it of the pool draft alone, got {self.by_role[odd[0]].llm}"
            )
        return self
