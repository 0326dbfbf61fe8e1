"""What a network is: its architecture, from which weights, FLOP and KV cache are counted."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from dse.errors import UnitError
from dse.spec.json_schema.quantities import NUMBER, UNIT
from dse.spec.schema.base import Aliases, FileName, Notes, Positive, Sourced, Spec, Title
from dse.spec.schema.study import Format
from dse.spec.yaml.units import parse
from objectives import api
from objectives.equations.chip.formats import FORMATS


class AttentionSpec(Spec):
    """Softmax attention: MHA, GQA or MQA by the number of KV heads."""

    heads: Positive
    """Query heads."""
    kv_heads: Positive
    """Heads of keys and values; must divide `heads`."""
    head_dim: Positive
    """Width of one head."""
    bias: bool = False
    """Whether the query, key and value projections have a bias."""
    window: Positive | None = None
    """Tokens that a row attends to at most; left out, all of them."""
    chunked: bool = False
    """Whether the window is a fixed chunk that a row stays inside, rather than a sliding one."""
    gate: bool | None = None
    """Whether a projection as wide as the query gates the output; left out, none does."""

    @model_validator(mode="after")
    def _groups(self) -> "AttentionSpec":
        if self.heads % self.kv_heads:
            raise ValueError(f"expected kv_heads that divide heads ({self.heads}), got {self.kv_heads}")
        return self


class LatentAttentionSpec(Spec):
    """Multi-head latent attention (MLA)."""

    heads: Positive
    """Heads."""
    latent: Positive
    """Width of the compressed latent of keys and values, which the KV cache stores."""
    rope: Positive
    """Width of the rotary part of a key, shared by all heads and stored too."""
    nope: Positive
    """Width of a head's key without positions."""
    value: Positive
    """Width of a head's value."""
    query_latent: Positive | None = None
    """Width of the compressed latent of queries; left out, queries are not compressed."""


class LinearAttentionSpec(Spec):
    """Attention with a state of constant size instead of a KV cache."""

    heads: Positive
    """Heads of the values, each with a state of key_dim x value_dim."""
    key_heads: Positive
    """Heads of queries and keys."""
    key_dim: Positive
    """Width of a key."""
    value_dim: Positive
    """Width of a value."""
    gate: bool = False
    """Whether a projection as wide as the values gates the output."""
    delta: bool = False
    """Whether the state is corrected by what it already says of a key (delta rule)."""
    conv: Annotated[int, Field(ge=0)] = 0
    """Tokens that a short convolution before the heads reaches over."""
    state: Format = "fp32"
    """Number format of the state, whatever that of the KV cache."""

    @model_validator(mode="after")
    def _groups(self) -> "LinearAttentionSpec":
        if self.heads % self.key_heads:
            raise ValueError(f"expected key_heads that divide heads ({self.heads}), got {self.key_heads}")
        return self


class ExpertsSpec(Spec):
    """Mixture of experts."""

    count: Positive
    """Routed experts of a layer."""
    top_k: Positive
    """Routed experts that each token visits."""
    width: Positive
    """Inner width of one routed expert."""
    gated: bool = True
    """True for three matrices per expert (SwiGLU), false for two."""
    shared_width: Annotated[int, Field(ge=0)] = 0
    """Total width of the experts that every token visits."""

    @model_validator(mode="after")
    def _some(self) -> "ExpertsSpec":
        if self.top_k > self.count:
            raise ValueError(f"expected top_k of at most count ({self.count}), got {self.top_k}")
        return self


class FfnSpec(Spec):
    """Feed-forward network."""

    width: Positive
    """Inner width."""
    gated: bool
    """SwiGLU and its kin have three matrices, the others two."""


class MatrixSpec(Spec):
    """A bare matrix of a network without attention."""

    inputs: Positive
    """Rows of the matrix."""
    outputs: Positive
    """Columns of the matrix."""


class BlockSpec(Spec):
    """A run of identical layers."""

    count: Positive
    """Number of layers of this kind."""
    attention: AttentionSpec | None = None
    """Softmax attention (MHA, GQA or MQA)."""
    latent_attention: LatentAttentionSpec | None = None
    """Instead of `attention`."""
    linear_attention: LinearAttentionSpec | None = None
    """Instead of `attention`."""
    ffn: FfnSpec | None = None
    """Dense feed-forward network."""
    experts: ExpertsSpec | None = None
    """Instead of `ffn`."""
    matrices: tuple[MatrixSpec, ...] = ()
    """Bare matrices, for a network without attention."""
    parallel: bool = False
    """Whether attention and FFN read the same input (GPT-J, Falcon)."""

    @model_validator(mode="after")
    def _something(self) -> "BlockSpec":
        """A layer has at least one part, and at most one of each kind."""
        kinds = (self.attention, self.latent_attention, self.linear_attention)
        layer = (*kinds, self.ffn, self.experts)
        if not (any(layer) or self.matrices):
            raise ValueError("expected attention, ffn, experts or matrices, got an empty block")
        if self.matrices and any(layer):
            raise ValueError("expected either matrices or attention and ffn, got both")
        # pair by pair, so that the message names the two that clash
        for one, other, names in (
            (self.attention, self.latent_attention, "attention or latent_attention"),
            (self.attention, self.linear_attention, "attention or linear_attention"),
            (self.latent_attention, self.linear_attention, "latent_attention or linear_attention"),
            (self.ffn, self.experts, "ffn or experts"),
        ):
            if one and other:
                raise ValueError(f"expected either {names}, got both")
        return self


def _number(value: object) -> object:
    if isinstance(value, str):
        try:
            # B is a billion here, not a byte, so the parser of units may not see it
            return parse(value.replace("B", "e9").replace("T", "e12").replace("M", "e6"), "")
        except UnitError:
            raise ValueError(f"expected a parameter count such as '70B', got {value!r}") from None
    return value


ParameterCount = Annotated[
    float,
    BeforeValidator(_number),
    Field(gt=0),
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
    nominal_params: ParameterCount
    """Parameters as the name says; only the `napkin` cost model counts with them."""
    hidden: Positive
    """Width of the residual stream."""
    vocab: Annotated[int, Field(ge=0)] = 0
    """Entries of the vocabulary; 0 for a network without embedding and LM head."""
    tied_embedding: bool = False
    """Whether embedding and LM head share one matrix."""
    learned_positions: Annotated[int, Field(ge=0)] = 0
    """Number of learned position embeddings; 0 for rotary or none."""
    blocks: tuple[BlockSpec, ...] = Field(min_length=1)
    """Runs of identical layers, in any order."""
    notes: Notes = None

    def resolve(self) -> api.Llm:
        """The network as the equations want it."""
        return api.Llm(
            name=self.name,
            hidden=self.hidden,
            vocab=self.vocab,
            tied_embedding=self.tied_embedding,
            learned_positions=self.learned_positions,
            nominal_params=self.nominal_params,
            blocks=tuple(_block(b) for b in self.blocks),
        )


def _block(spec: BlockSpec) -> api.Block:
    """Equal layers as the equations read them."""
    a, f, e = spec.attention, spec.ffn, spec.experts
    return api.Block(
        count=spec.count,
        attention=_other_attention(spec) if a is None else _attention(a),
        ffn=None if f is None else api.Ffn(width=f.width, matrices=_matrices(f.gated)),
        experts=None
        if e is None
        else api.Experts(
            count=e.count,
            top_k=e.top_k,
            width=e.width,
            matrices=_matrices(e.gated),
            shared_width=e.shared_width,
        ),
        matrices=tuple(api.Matrix(inputs=m.inputs, outputs=m.outputs) for m in spec.matrices),
        parallel=spec.parallel,
    )


def _attention(spec: AttentionSpec) -> api.Attention:
    return api.Attention(**{**spec.model_dump(), "gate": bool(spec.gate)})


def _other_attention(spec: BlockSpec) -> api.LatentAttention | api.LinearAttention | None:
    if spec.latent_attention is not None:
        return api.LatentAttention(**spec.latent_attention.model_dump())
    if spec.linear_attention is None:
        return None
    # the equations count bytes and know no names of formats
    sizes = spec.linear_attention.model_dump(exclude={"state"})
    return api.LinearAttention(**sizes, state_bytes=FORMATS[spec.linear_attention.state])


def _matrices(gated: bool) -> int:
    return 3 if gated else 2
