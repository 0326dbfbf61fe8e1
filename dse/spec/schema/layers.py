"""What layers of a network are made of, of its encoder and of what drafts for it, as files write them."""

from typing import Annotated, Final

from pydantic import Field, model_validator

from dse.spec.attention.keys_of_blocks import layers_in, with_attention
from dse.spec.attention.kind import LayerSpec
from dse.spec.schema.base import Few, Positive, Size, Spec
from dse.spec.schema.encoder import refuse_odd
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


def _matrices(gated: bool) -> int:
    return 3 if gated else 2
