"""Layers of attention, and of what takes its place: kinds that `equations.llm.attention` counts."""

from dataclasses import dataclass
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
