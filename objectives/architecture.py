"""What a network is made of: layers of attention, FFN, experts, or bare matrices."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from objectives.attention_layers import STATES, AttentionLayer, Index


@dataclass(frozen=True, kw_only=True)
class Ffn:
    """Feed-forward network of one layer: 3 matrices when gated (SwiGLU), else 2."""

    width: int
    matrices: int


@dataclass(frozen=True, kw_only=True)
class Experts:
    """Mixture of experts of one layer."""

    count: int
    top_k: int
    width: int
    matrices: int
    shared_width: int = 0
    """Total width of the experts that every token visits."""
    latent: int | None = None
    """Width that routed experts see, behind a projection down and one up; None for the residual itself."""
    zero: int = 0
    """Experts that do nothing, among those the router chooses `top_k` of."""
    redundant: int = 0
    """Copies of experts that chips hold besides, for balance: a choice of who serves, no part of the LLM."""

    @property
    def held(self) -> int:
        """Experts that chips hold in all, copies among them [1]."""
        return self.count + self.redundant

    @property
    def mean_top_k(self) -> float:
        """Experts with weights that a token visits on average [1]: k E / (E + zero)."""
        return self.top_k * (self.count / (self.count + self.zero)) if self.zero else float(self.top_k)

    @property
    def among(self) -> int:
        """Experts that the router chooses from [1]."""
        return self.count + self.zero


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """A bare matrix multiplication, of a network without attention or beside it."""

    inputs: int
    outputs: int


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """A table of which every token reads one row, and that nothing is multiplied by."""

    entries: int
    width: int


@dataclass(frozen=True, kw_only=True)
class Block:
    """`count` identical layers: attention, an FFN, experts, bare matrices, or several of these."""

    count: int
    attention: AttentionLayer | None = None
    beside: tuple[AttentionLayer, ...] = ()
    """What else reads the input of attention: an index, further entries, or a state whose output is added."""
    ffn: Ffn | None = None
    experts: Experts | None = None
    matrices: tuple[Matrix, ...] = ()
    parallel: bool = False
    """Whether attention and FFN read the same input, so that one all-reduce serves both (GPT-J, Falcon)."""
    distinct: int | None = None
    """Layers with weights of their own; the others use these again. None where all have."""

    @property
    def mixers(self) -> tuple[AttentionLayer, ...]:
        """Attention, and what stands beside it."""
        return self.beside if self.attention is None else (self.attention, *self.beside)

    @property
    def stored_layers(self) -> int:
        """Layers whose weights are stored [1]."""
        return self.count if self.distinct is None else self.distinct


@dataclass(frozen=True, kw_only=True)
class DraftLayers:
    """Layers that propose tokens for the LLM they belong to, with its embedding and head (MTP)."""

    blocks: tuple[Block, ...]
    """Layers of one module, which a drafted token passes."""
    modules: int = 1
    """Modules with weights of their own, which the tokens of a draft use in turn."""


@dataclass(frozen=True, kw_only=True)
class EncoderMatrices:
    """Matrices of an encoder that see another number of rows than its layers: a stem, or a projector."""

    tokens: int
    matrices: tuple[Matrix, ...]


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """Layers that run once a request, before its prompt; every row attends to all rows in reach."""

    tokens: int
    """Rows of its layers, of one request."""
    hidden: int
    blocks: tuple[Block, ...]
    lookup: tuple[Lookup, ...] = ()
    """Tables that its rows look up: positions, or an embedding of its own."""
    before: EncoderMatrices | None = None
    """What rows pass before the layers."""
    after: EncoderMatrices | None = None
    """What rows pass behind the layers."""

    @property
    def layers(self) -> int:
        """Layers in all blocks."""
        return sum(b.count for b in self.blocks)

    @property
    def tokens_out(self) -> int:
        """Rows that leave it [token]."""
        return self.tokens if self.after is None else self.after.tokens

    @property
    def width_out(self) -> int:
        """Width of these rows [1]."""
        return self.hidden if self.after is None else self.after.matrices[-1].outputs


@dataclass(frozen=True, kw_only=True)
class Llm:
    """A network that is evaluated once per token (an LLM) or once per inference (`vocab` = 0)."""

    name: str
    hidden: int
    vocab: int
    blocks: tuple[Block, ...]
    tied_embedding: bool = False
    learned_positions: int = 0
    """Rows of a learned position table."""
    lookup: tuple[Lookup, ...] = ()
    """Tables of rows that tokens look up, besides the embedding."""
    encoder: Encoder | None = None
    """What runs once a request, before its prompt."""
    nominal_params: float
    """Parameters as its name says; the weights are counted from the architecture, never from this."""
    draft: DraftLayers | None = None
    """Layers that draft, in addition to its own; None without. They are held and run only where drafts are
    made with them."""

    @property
    def layers(self) -> int:
        """Layers in all blocks."""
        return sum(b.count for b in self.blocks)

    @property
    def expert_count(self) -> int:
        """Largest number of routed experts in any block; 0 without experts."""
        return max((b.experts.count for b in self.blocks if b.experts), default=0)

    @property
    def held_experts(self) -> int:
        """Largest number of experts that chips hold in any block, copies among them; 0 without experts."""
        return max((b.experts.held for b in self.blocks if b.experts), default=0)

    def keeping(self, index: float | None, state_bytes: float | None) -> "Llm":
        """The same network whose index and states are kept in other formats; None leaves them as they are.

        `index` is bytes of an element over one of the KV cache, `state_bytes` those of an element of a state.
        """
        if index is None and state_bytes is None:
            return self

        def kept(layer: AttentionLayer) -> AttentionLayer:
            if isinstance(layer, Index) and index is not None:
                return replace(layer, of_kv=index)
            if isinstance(layer, STATES) and state_bytes is not None:
                return replace(layer, state_bytes=state_bytes)
            return layer

        return self._with(
            lambda b: replace(
                b,
                attention=None if b.attention is None else kept(b.attention),
                beside=tuple(map(kept, b.beside)),
            )
        )

    def with_redundant(self, experts: int) -> "Llm":
        """The same network served with so many copies of experts in each layer that has some."""
        if not experts or not self.expert_count:
            return self
        return self._with(
            lambda b: b if b.experts is None else replace(b, experts=replace(b.experts, redundant=experts))
        )

    def _with(self, change: Callable[[Block], Block]) -> "Llm":
        """The same network with other blocks, those of what drafts for it too."""
        draft = None
        if self.draft is not None:
            draft = replace(self.draft, blocks=tuple(map(change, self.draft.blocks)))
        return replace(self, blocks=tuple(map(change, self.blocks)), draft=draft)

    @property
    def repeats(self) -> bool:
        """Whether some layers use the weights of others."""
        return any(b.stored_layers < b.count for b in self.blocks)

    @property
    def heads(self) -> int:
        """Largest number of query heads in any block; 1 without attention."""
        return max((b.attention.heads for b in self.blocks if b.attention), default=1)
