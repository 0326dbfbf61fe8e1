"""What a network is: its architecture, from which weights, FLOP and KV cache are counted."""

from collections.abc import Iterable
from typing import Annotated, Final, Literal, TypeGuard

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from dse.errors import UnitError
from dse.spec.attention.keys_of_blocks import layers_in, with_attention
from dse.spec.attention.kind import LayerSpec
from dse.spec.json_schema.quantities import NUMBER, UNIT
from dse.spec.schema.base import Aliases, Few, FileName, Notes, Positive, Size, Sourced, Spec, Title
from dse.spec.schema.encoder import crossed, refuse_alone, refuse_odd
from dse.spec.schema.formats import FormatsSpec
from dse.spec.yaml.units import parse
from dse.text import short
from objectives import api

MOST_LAYERS: Final = 2_000
"""Layers of an LLM; the deepest of ours has 126."""
MOST_RUNS: Final = 500
"""Runs of different layers, or matrices of one; each is evaluated by itself."""


class ExpertsSpec(Spec):
    """Mixture of experts."""

    count: Few
    """Routed experts of a layer."""
    top_k: Few
    """Routed experts that each token visits."""
    width: Positive
    """Inner width of one routed expert."""
    gated: bool = True
    """True for three matrices per expert (SwiGLU), false for two."""
    shared_width: Size = 0
    """Total width of the experts that every token visits."""

    # left out at their defaults, so that a question stored before the keys existed is still the same one
    latent: Positive | None = Field(default=None, exclude_if=lambda v: v is None)
    """Width that routed experts see, behind a projection down and one up that every token takes (Nemotron 3
    Super); left out, they see the residual stream."""
    zero: Few | None = Field(default=None, exclude_if=lambda v: v is None)
    """Experts that do nothing, among which the router chooses as well (LongCat)."""

    @model_validator(mode="after")
    def _some(self) -> "ExpertsSpec":
        if self.top_k > self.count:
            raise ValueError(f"expected top_k of at most count ({self.count}), got {self.top_k}")
        return self

    def resolve(self) -> api.Experts:
        """The experts as the equations want them."""
        return api.Experts(
            count=self.count,
            top_k=self.top_k,
            width=self.width,
            matrices=_matrices(self.gated),
            shared_width=self.shared_width,
            latent=self.latent,
            zero=self.zero or 0,
        )


class FfnSpec(Spec):
    """Feed-forward network."""

    width: Positive
    """Inner width."""
    gated: bool
    """SwiGLU and its kin have three matrices, the others two."""


class MatrixSpec(Spec):
    """A bare matrix, of a network without attention or next to other parts."""

    inputs: Positive
    """Rows of the matrix."""
    outputs: Positive
    """Columns of the matrix."""


class LookupSpec(Spec):
    """A table of which every token reads one row."""

    entries: Positive
    """Rows of the table."""
    width: Positive
    """Elements of one row; of tables of all layers together, their sum."""


class _Run(Spec):
    """What comes before the kinds of attention in a block."""

    count: Annotated[Few, Field(le=MOST_LAYERS)]
    """Number of layers of this kind."""


class _Beside(Spec):
    """What comes before the kinds that stand beside attention."""


@with_attention
class BesideSpec(_Beside):
    """What reads the input of attention too: an index, compressed entries, or a state; one of a kind."""

    @model_validator(mode="after")
    def _some(self) -> "BesideSpec":
        if not layers_in(self):
            raise ValueError("expected a kind of attention, got none")
        return self


@with_attention
class BlockSpec(_Run):
    """A run of identical layers."""

    ffn: FfnSpec | None = None
    """Dense feed-forward network."""
    experts: ExpertsSpec | None = None
    """Instead of `ffn`, or next to it: then both read the same input, and their sums are added."""
    matrices: Annotated[tuple[MatrixSpec, ...], Field(max_length=MOST_RUNS)] = ()
    """Bare matrices of each layer that every token is multiplied by."""
    parallel: bool = False
    """Whether attention and FFN read the same input (GPT-J, Falcon)."""
    # left out at their defaults, so that a question stored before the keys existed is still the same one
    distinct: Few | None = Field(default=None, exclude_if=lambda v: v is None)
    """Layers of the run with weights of their own, which the others use again (ALBERT, Ouro, Zamba2): stored
    once, computed and read `count` times. Left out, all of them."""
    beside: BesideSpec | None = Field(default=None, exclude_if=lambda v: v is None)
    """What else reads the input of attention, and is added to its output where it has one."""

    @property
    def attention_of_any_kind(self) -> LayerSpec | None:
        """Its attention, under whichever key."""
        return next(iter(layers_in(self).values()), None)

    @model_validator(mode="after")
    def _something(self) -> "BlockSpec":
        """A layer has at least one part, and at most one of each kind."""
        kinds = layers_in(self)
        layer = (*kinds.values(), self.ffn, self.experts)
        if not (any(layer) or self.matrices):
            raise ValueError("expected attention, ffn, experts or matrices, got an empty block")
        # the first two, so that the message names a pair that clashes
        if len(kinds) > 1:
            raise ValueError(f"expected either {' or '.join(list(kinds)[:2])}, got both")
        if any(not kind.alone for kind in kinds.values()):
            raise ValueError(f"expected {next(iter(kinds))} within `beside`, next to attention, got it alone")
        if self.beside is not None and not kinds:
            raise ValueError("expected attention next to `beside`, got none")
        if self.distinct is not None and self.distinct > self.count:
            raise ValueError(f"expected distinct of at most count ({self.count}), got {self.distinct}")
        return self

    def resolve(self) -> api.Block:
        """The layers as the equations want them."""
        attention, f, e = self.attention_of_any_kind, self.ffn, self.experts
        return api.Block(
            count=self.count,
            attention=None if attention is None else attention.resolve(),
            beside=() if self.beside is None else tuple(a.resolve() for a in layers_in(self.beside).values()),
            ffn=None if f is None else api.Ffn(width=f.width, matrices=_matrices(f.gated)),
            experts=None if e is None else e.resolve(),
            matrices=tuple(api.Matrix(inputs=m.inputs, outputs=m.outputs) for m in self.matrices),
            parallel=self.parallel,
            distinct=self.distinct,
        )


class DraftLayersSpec(Spec):
    """Layers that propose tokens for the LLM itself (multi-token prediction), with its embedding and head."""

    count: Few = 1
    """Modules with weights of their own; the tokens of a draft use them in turn."""
    blocks: tuple[BlockSpec, ...] = Field(min_length=1, max_length=MOST_RUNS)
    """Layers of one module; what joins the embedding of a token to the row before it is one of their
    `matrices`."""

    def resolve(self) -> api.DraftLayers:
        """The modules as the equations want them."""
        return api.DraftLayers(blocks=tuple(b.resolve() for b in self.blocks), modules=self.count)


class EncoderMatricesSpec(Spec):
    """Matrices of an encoder that see another number of rows than its layers."""

    tokens: Positive
    """Rows of one request."""
    matrices: Annotated[tuple[MatrixSpec, ...], Field(min_length=1, max_length=MOST_RUNS)]
    """What each of them is multiplied by, in turn."""

    def resolve(self) -> api.EncoderMatrices:
        """The matrices as the equations want them."""
        matrices = tuple(api.Matrix(inputs=m.inputs, outputs=m.outputs) for m in self.matrices)
        return api.EncoderMatrices(tokens=self.tokens, matrices=matrices)


class EncoderSpec(Spec):
    """Layers that run once a request, before its prompt: over a text, an image or sound."""

    tokens: Positive
    """Rows of its layers, of one request; all see all rows in reach."""
    hidden: Positive
    """Width of a row."""
    blocks: Annotated[tuple[BlockSpec, ...], Field(min_length=1, max_length=MOST_RUNS)]
    """Runs of identical layers: softmax attention, FFN and bare matrices. Chunks of a window are rows that
    see each other alone, such as those of one image of several."""
    lookup: Annotated[tuple[LookupSpec, ...], Field(max_length=MOST_RUNS)] = ()
    """Tables that its rows look up: positions, or an embedding that no other part shares."""
    before: EncoderMatricesSpec | None = None
    """A stem in front of the layers, such as patches or convolutions."""
    after: EncoderMatricesSpec | None = None
    """A projector behind the layers; cross attention then sees its rows."""

    @model_validator(mode="after")
    def _plain(self) -> "EncoderSpec":
        """Only what is known of rows that see both sides: no cache, no state, no choice of tokens."""
        refuse_odd(block.resolve() for block in self.blocks)
        return self

    def resolve(self) -> api.Encoder:
        """The encoder as the equations want it."""
        return api.Encoder(
            tokens=self.tokens,
            hidden=self.hidden,
            blocks=tuple(block.resolve() for block in self.blocks),
            lookup=tuple(api.Lookup(entries=t.entries, width=t.width) for t in self.lookup),
            before=None if self.before is None else self.before.resolve(),
            after=None if self.after is None else self.after.resolve(),
        )


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


def _matrices(gated: bool) -> int:
    return 3 if gated else 2


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
