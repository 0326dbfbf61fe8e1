"""What a network is: its architecture, from which weights, FLOP and KV cache are counted."""

from collections.abc import Iterable
from typing import Annotated, Literal, TypeGuard

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from dse.errors import UnitError
from dse.spec.json_schema.quantities import NUMBER, UNIT
from dse.spec.schema.base import Aliases, FileName, Notes, Positive, Size, Sourced, Spec, Title
from dse.spec.schema.encoder import crossed, refuse_alone
from dse.spec.schema.formats import FormatsSpec
from dse.spec.schema.layers import (
    MOST_LAYERS,
    MOST_RUNS,
    BlockSpec,
    DraftLayersSpec,
    EncoderSpec,
    LookupSpec,
)
from dse.spec.yaml.units import parse
from dse.text import short
from objectives import api


def _number(value: object) -> object:
    if isinstance(value, str):
        try:
            # B is a billion here, not a byte, so the parser of units may not see it
            return parse(value.replace("B", "e9").replace("T", "e12").replace("M", "e6"), "")
        except UnitError:
            raise ValueError(f"expected a parameter count such as '70B', got {short(value)}") from None
    return value


ParameterCount = Annotated[
    float,
    BeforeValidator(_number),
    Field(gt=0, le=1e18),
    WithJsonSchema(
        {"type": ["string", "number"], "pattern": rf"^{NUMBER}[MBT]?$", "examples": ["70.55B"], UNIT: "1"}
    ),
]


class LlmSpec(Spec):
    """A large language model, or a network of matrices evaluated once per inference."""

    kind: Literal["llm"]
    """Kind of this file."""
    name: FileName
    title: Title
    aliases: Aliases = ()
    hypothetical: bool = False
    """True for an LLM that does not exist."""
    architecture: Sourced[Literal["transformer", "matrices"]]
    """The kind of network, with the source of all the sizes below."""
    params: Sourced[ParameterCount]
    """Published parameter count, which a test holds the architecture to within 1 %."""
    # left out of digests: what is only compared makes no other question
    active_params: Sourced[ParameterCount] | None = Field(default=None, exclude=True)
    """Published parameters that one token visits, where experts make them fewer; compared, never read."""
    active_of: Literal["all", "no-embedding", "layers"] | None = Field(default=None, exclude=True)
    """What `active_params` counts: all (left out), all but the embedding, or neither embedding nor head."""
    nominal_params: ParameterCount
    """Parameters as the name says; only the `napkin` cost model counts with them."""
    hidden: Positive
    """Width of the residual stream."""
    vocab: Size = 0
    """Entries of the vocabulary; 0 for a network without embedding and LM head."""
    tied_embedding: bool = False
    """Whether embedding and LM head share one matrix."""
    learned_positions: Size = 0
    """Number of learned position embeddings; 0 for rotary or none."""
    # left out at their defaults, so that a question stored before the keys existed is still the same one
    lookup: Annotated[tuple[LookupSpec, ...], Field(max_length=MOST_RUNS)] = Field(
        default=(), exclude_if=lambda v: not v
    )
    """Tables besides the embedding that are looked up and multiply nothing (per-layer embeddings of Gemma
    3n); they lie where the embedding does."""
    generation: Literal["diffusion"] | None = Field(default=None, exclude_if=lambda v: v is None)
    """`diffusion` for an LLM that denoises blocks of tokens (LLaDA, Dream, SDAR), which only a workload with
    `diffusion` serves; left out, it generates token by token."""
    encoder: EncoderSpec | None = Field(default=None, exclude_if=lambda v: v is None)
    """What runs once a request, before its prompt, such as the encoder of T5 or Whisper."""
    context: Positive | None = Field(default=None, exclude_if=lambda v: v is None)
    """Longest context [token]; a longer workload is refused. Left out, any is accepted."""
    formats: FormatsSpec | None = Field(default=None, exclude_if=lambda v: v is None)
    """Number formats of the weights as they are published, by part; a deployment says what is served."""
    blocks: tuple[BlockSpec, ...] = Field(min_length=1, max_length=MOST_RUNS)
    """Runs of identical layers, in any order."""
    draft_layers: DraftLayersSpec | None = Field(default=None, exclude_if=lambda v: v is None)
    """Layers that draft for the LLM, which `params` and `active_params` leave out as published totals do.
    They take room and time only under a workload whose `speculation` says `draft: mtp`."""
    notes: Notes = None

    @model_validator(mode="after")
    def _few(self) -> "LlmSpec":
        """Layers are pipeline stages to choose from, so there are not millions of them."""
        layers = sum(block.count for block in self.blocks)
        if self.draft_layers is not None:
            layers += self.draft_layers.count * sum(block.count for block in self.draft_layers.blocks)
        if layers > MOST_LAYERS:
            raise ValueError(f"blocks: expected at most {MOST_LAYERS:,} layers in all, got {layers:,}")
        return self

    @model_validator(mode="after")
    def _nothing_is_free(self) -> "LlmSpec":
        """An index picks the best tokens, and a KV cache that is read is kept by another layer."""
        layers = _mixers(self.blocks)
        if _picked_by_none(layers):
            raise ValueError("blocks: expected an index under `beside` that picks the top_k, got none")
        for layer in layers:
            if _borrows(layer) and not any(_lends(other, layer) for other in layers):
                raise ValueError(
                    "blocks: expected attention that keeps what `kv: shared` reads, with as many kv_heads "
                    f"({layer.kv_heads}), widths and reach, got none"
                )
        return self

    @model_validator(mode="after")
    def _drafts(self) -> "LlmSpec":
        """What drafts has the vocabulary of the LLM, and kinds of layers that it can be placed with."""
        drafts = self.draft_layers
        if drafts is None:
            return self
        if not self.vocab:
            raise ValueError("draft_layers: expected a vocabulary whose tokens they draft, got none")
        if any(b.experts for b in drafts.blocks) and not any(b.experts for b in self.blocks):
            raise ValueError("draft_layers: expected experts in blocks too, among which theirs lie, got none")
        own = _mixers(drafts.blocks)
        if _picked_by_none(own):
            raise ValueError("draft_layers: expected an index under `beside` that picks the top_k, got none")
        if any(_borrows(a) and not any(_lends(b, a) for b in [*own, *_mixers(self.blocks)]) for a in own):
            raise ValueError("draft_layers: expected attention that keeps what `kv: shared` reads, got none")
        return self

    @model_validator(mode="after")
    def _encoded(self) -> "LlmSpec":
        """Cross attention attends to an encoder of the same file."""
        encoder = None if self.encoder is None else self.encoder.resolve()
        refuse_alone((block.resolve() for block in self.blocks), encoder, self.hidden)
        return self

    def resolve(self) -> api.Llm:
        """The network as the equations want it."""
        encoder = None if self.encoder is None else self.encoder.resolve()
        return api.Llm(
            name=self.name,
            hidden=self.hidden,
            vocab=self.vocab,
            tied_embedding=self.tied_embedding,
            learned_positions=self.learned_positions,
            nominal_params=self.nominal_params,
            lookup=tuple(api.Lookup(entries=t.entries, width=t.width) for t in self.lookup),
            blocks=tuple(crossed(block.resolve(), encoder) for block in self.blocks),
            draft=None if self.draft_layers is None else self.draft_layers.resolve(),
            encoder=encoder,
        )


def _mixers(blocks: Iterable[BlockSpec]) -> list[api.AttentionLayer]:
    """Attention of every kind in some runs of layers."""
    return [layer for block in blocks for layer in block.resolve().mixers]


def _picked_by_none(layers: Iterable[api.AttentionLayer]) -> bool:
    """Whether attention visits the best tokens alone, and nothing scores them."""
    found = list(layers)
    return any(map(_picks, found)) and not any(isinstance(layer, api.Index) for layer in found)


def _picks(layer: api.AttentionLayer) -> bool:
    kinds = (api.Attention, api.LatentAttention, api.CompressedAttention)
    return isinstance(layer, kinds) and layer.top_k is not None


def _borrows(layer: api.AttentionLayer) -> TypeGuard[api.Attention]:
    return isinstance(layer, api.Attention) and layer.kv == "shared"


def _lends(layer: api.AttentionLayer, to: api.Attention) -> bool:
    """Whether a layer keeps the keys and values that another one reads, and as far back."""
    if not isinstance(layer, api.Attention) or layer.kv not in ("own", "key_is_value"):
        return False
    far = layer.window is None or (to.window is not None and to.window <= layer.window)
    return far and _entry(layer) == _entry(to)


def _entry(a: api.Attention) -> tuple[int, int, int]:
    """KV heads, width of a key and of a value."""
    return a.kv_heads, a.head_dim, a.value_dim or a.head_dim
