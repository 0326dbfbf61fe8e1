"""What a network is made of: layers of attention, FFN, experts, or bare matrices."""

from dataclasses import dataclass, replace
from typing import Literal, Protocol


class AttentionLayer(Protocol):
    """Attention of one layer, of any kind: what `equations.llm.attention` has a kind for."""

    # read-only: a field of a frozen dataclass is no attribute that a protocol may write
    @property
    def heads(self) -> int:
        """Query heads, or heads of values where attention keeps a state [1]."""
        ...


KvSource = Literal["own", "shared", "key_is_value", "one"]
"""Where keys and values of a layer come from, see `Attention.kv`."""


@dataclass(frozen=True, kw_only=True)
class Attention:
    """Softmax attention of one layer: MHA (kv_heads = heads), GQA, or MQA (kv_heads = 1)."""

    heads: int
    kv_heads: int
    head_dim: int
    bias: bool = False
    """Whether the query, key and value projections carry a bias."""
    window: int | None = None
    """Tokens that a row attends to at most: a sliding window, or a chunk it stays inside."""
    chunked: bool = False
    """Whether the window is a chunk: a row sees half of it on average, not all of it."""
    gate: bool = False
    """Whether a projection as wide as the values gates the output (Qwen3-Next)."""
    value_dim: int | None = None
    """Width of a value head; None where it is that of a key."""
    kv: KvSource = "own"
    """Projected each (own), read from the KV cache of an earlier layer (shared), made by one projection and
    stored each (key_is_value), or both the same vector, stored once (one)."""
    query_latent: int | None = None
    """Rank of the compressed query; None when queries are projected directly."""
    top_k: int | None = None
    """Tokens that a row attends to at most, the best by an index; None where it attends to all in reach."""
    output_groups: int = 0
    """Groups of heads whose outputs are compressed before they are projected; 0 where projected directly."""
    output_latent: int = 0
    """Rank of the compressed output of a group."""
    differential: bool = False
    """Whether heads are pairs whose maps both weigh the values of both, and are subtracted."""


@dataclass(frozen=True, kw_only=True)
class LatentAttention:
    """Multi-head latent attention (MLA): one compressed KV vector a token, shared by all heads."""

    heads: int
    latent: int
    """Rank of the compressed KV vector."""
    rope: int
    """Rotary part kept with it."""
    nope: int
    """Query and key size of a head without the rotary part."""
    value: int
    """Value size of a head."""
    query_latent: int | None
    """Rank of the compressed query; None when queries are projected directly."""
    top_k: int | None = None
    """Tokens that a row attends to at most, the best by an index; None where it attends to all."""
    window: int | None = None
    """Tokens that a row attends to at most, the last ones; None where it attends to all."""


@dataclass(frozen=True, kw_only=True)
class Index:
    """What scores all tokens for a row, so that the attention next to it visits the best alone (DSA)."""

    heads: int
    dim: int
    """Width of a head, and of the one key that heads share."""
    ratio: int = 1
    """Tokens that leave one key together."""
    overlap: bool = False
    """Whether tokens are part of the next key too, by projections of their own."""
    inputs: int | None = None
    """Width that queries are projected from; None for that of the residual stream."""
    weighted: bool = True
    """Whether a projection weighs the heads, whose scores are added."""
    of_kv: float = 1.0
    """Bytes of an element of its keys over one of the KV cache: a choice of who serves."""


@dataclass(frozen=True, kw_only=True)
class CompressedAttention:
    """Further entries for the queries of the attention next to it: several tokens in one (DeepSeek V4)."""

    heads: int
    dim: int
    """Width of an entry, which is key and value of all heads."""
    ratio: int
    """Tokens of an entry."""
    overlap: bool = False
    """Whether tokens are part of the next entry too, by projections of their own."""
    top_k: int | None = None
    """Entries that a row attends to at most, the best by an index; None where it attends to all."""


@dataclass(frozen=True, kw_only=True)
class LinearAttention:
    """Attention with a state of constant size instead of a KV cache (Lightning Attention, Gated DeltaNet)."""

    heads: int
    """Heads of the values, each with a state of key_dim x value_dim."""
    key_heads: int
    """Heads of queries and keys; several heads of values may share one."""
    key_dim: int
    value_dim: int
    gate: bool
    """Whether a projection as wide as the values gates the output."""
    delta: bool
    """Whether the state is corrected by what it already says of a key (delta rule), rather than added to."""
    state_bytes: float
    """Bytes of one element of the state, whatever the format of KV cache [B]."""
    conv: int = 0
    """Tokens that a short convolution before the heads reaches over; 0 without one."""
    step: bool = False
    """Whether each head has a time step and a skip, and the norm is as wide as all heads (Mamba-2)."""
    decay_latent: int | None = None
    """Rank of the matrices that a decay of each element of a key comes from (Kimi Delta Attention)."""
    gate_latent: int | None = None
    """Rank of the matrices that gate the output, in place of one as wide as the values."""
    conv_bytes: float | None = None
    """Bytes of one element of what the convolution keeps [B]; None where it is `state_bytes`."""
    chunk: int = 0
    """Tokens of a prompt that are worked on together; 0 where one after the other."""


@dataclass(frozen=True, kw_only=True)
class ShortConvolution:
    """A convolution over a few tokens between two gates, in place of attention (LFM2)."""

    width: int
    """Channels, each with taps of its own."""
    taps: int
    """Tokens that the convolution reaches over, the row itself included."""
    state_bytes: float
    """Bytes of one element of the tokens that a sequence keeps [B]."""
    bias: bool = False
    """Whether projections, convolution and output carry a bias."""

    @property
    def heads(self) -> int:
        """One: channels are split one by one, so that no heads decide how [1]."""
        return 1


@dataclass(frozen=True, kw_only=True)
class Mamba:
    """Mamba-1 in place of attention: a state for each of its channels, and keys that all of them share."""

    inner: int
    """Channels, each with a state of its own."""
    state_dim: int
    """Numbers of the state of a channel."""
    step_rank: int
    """Width of the time steps before they are projected to all channels."""
    conv: int
    """Tokens that a short convolution before the state reaches over; 0 without one."""
    state_bytes: float
    """Bytes of one element of the state, whatever the format of KV cache [B]."""
    conv_bytes: float | None = None
    """Bytes of one element of what the convolution keeps [B]; None where it is `state_bytes`."""
    norms: bool = False
    """Whether time steps, keys and queries have norms with weights (Jamba)."""
    bias: bool = False
    """Whether the projections into the layer and out of it carry a bias."""
    conv_bias: bool = True
    """Whether the convolution carries a bias."""

    @property
    def heads(self) -> int:
        """One: channels are split one by one, so that no heads decide how [1]."""
        return 1


@dataclass(frozen=True, kw_only=True)
class Rwkv:
    """Time mixing of RWKV-6 and RWKV-7 in place of attention."""

    heads: int
    """Heads, each with a state of head_dim x value_dim."""
    head_dim: int
    """Width of a receptance and of a key."""
    decay_latent: int
    """Rank of the matrices that make a decay for each element of a key."""
    state_bytes: float
    """Bytes of one element of what a sequence keeps, whatever the format of KV cache [B]."""
    value_dim: int | None = None
    """Width of a value; None where it is that of a key."""
    mix_latent: int | None = None
    """Rank of the matrices that mix a token with the one before; None where vectors do."""
    gate_latent: int | None = None
    """Rank of the matrices that gate the output; None where one as wide as the values does."""
    rate_latent: int | None = None
    """Rank of the matrices that say how much of a key the state forgets; None where it is added to."""
    value_latent: int | None = None
    """Rank of the matrices that mix values with those of the first layer; None where none do."""
    shift: int = 0
    """Elements of the tokens before that a sequence keeps, of time mixing and of channel mixing."""


STATES = (LinearAttention, ShortConvolution, Mamba, Rwkv)
"""Kinds that keep a state."""


@dataclass(frozen=True, kw_only=True)
class CrossAttention:
    """Softmax attention to what an encoder made: keys and values are projected once a request, and kept."""

    heads: int
    kv_heads: int
    head_dim: int
    bias: bool = False
    """Whether the query, key and value projections carry a bias."""
    shared: bool = False
    """Whether the projections are those of the attention next to it (T5Gemma 2)."""
    tokens: int = 0
    """Rows of the encoder that it attends to."""
    inputs: int = 0
    """Width of these rows, which keys and values are projected from."""


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

        blocks = (
            replace(
                b,
                attention=None if b.attention is None else kept(b.attention),
                beside=tuple(map(kept, b.beside)),
            )
            for b in self.blocks
        )
        return replace(self, blocks=tuple(blocks))

    def with_redundant(self, experts: int) -> "Llm":
        """The same network served with so many copies of experts in each layer that has some."""
        if not experts or not self.expert_count:
            return self
        blocks = (
            b if b.experts is None else replace(b, experts=replace(b.experts, redundant=experts))
            for b in self.blocks
        )
        return replace(self, blocks=tuple(blocks))

    @property
    def repeats(self) -> bool:
        """Whether some layers use the weights of others."""
        return any(b.stored_layers < b.count for b in self.blocks)

    @property
    def heads(self) -> int:
        """Largest number of query heads in any block; 1 without attention."""
        return max((b.attention.heads for b in self.blocks if b.attention), default=1)
