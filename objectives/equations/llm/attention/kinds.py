"""The table of attention kinds: which functions count the layers of an architecture class."""

from importlib.metadata import entry_points
from typing import Final, Protocol, TypeVar, cast

from objectives.api import (
    Attention,
    AttentionLayer,
    CompressedAttention,
    CrossAttention,
    Index,
    LatentAttention,
    LinearAttention,
    Mamba,
    Rwkv,
    ShortConvolution,
)
from objectives.arrays import Array
from objectives.equations.llm.attention import (
    compressed,
    cross_attention,
    index,
    latent,
    linear,
    mamba,
    rwkv,
    short_convolution,
    softmax,
)

GROUP: Final = "dse.attention_kinds"
"""Entry-point group of objects that have an `architecture` and its `counts`."""

A = TypeVar("A")
A_contra = TypeVar("A_contra", contravariant=True)


class AttentionKind(Protocol[A_contra]):
    """What a kind of attention must say of one layer; the modules of this folder are examples.

    `tp` are tensor-parallel ways of any shape; a result of which the comment names no other shape has that
    of `tp`. Everything is per layer and, but for `params`, for the fullest chip.
    """

    def params(self, a: A_contra, hidden: int, /) -> int:
        """Parameters of the layer, biases and norms of its own included [1]."""
        ...

    def projection_elements(self, a: A_contra, hidden: int, tp: Array, /) -> Array:
        """Weights of the projections [1]."""
        ...

    def projection_traffic(self, a: A_contra, hidden: int, tp: Array, /) -> Array:
        """Activation elements that one row moves through the projections [1]."""
        ...

    def kv_elements(self, a: A_contra, tp: Array, /) -> Array:
        """Elements of KV cache that one token leaves [1]."""
        ...

    def state_bytes(self, a: A_contra, tp: Array, /) -> Array | None:
        """Bytes that one sequence keeps whatever its length [B]; None for a kind without a state."""
        ...

    def core_flop(self, a: A_contra, tp: Array, /) -> Array:
        """FLOP of one decoded row for each token that it sees [FLOP/token]."""
        ...

    def prompt_core_flop(self, a: A_contra, tp: Array, /) -> Array:
        """As `core_flop`, for a row of a prompt [FLOP/token]."""
        ...

    def seen(self, a: A_contra, context: Array, /) -> Array:
        """Tokens that a decoded row at `context` attends to, shape of `context` [token]."""
        ...

    def kept(self, a: A_contra, context: Array, /) -> Array:
        """Tokens whose KV cache must have room, shape of `context` [token]."""
        ...

    def seen_by_prompt(self, a: A_contra, isl: Array, /) -> Array:
        """Tokens that a row of a prompt attends to, the mean over its rows, shape of `isl` [token]."""
        ...


def exchanged(
    kind: AttentionKind[AttentionLayer], a: AttentionLayer, tp: Array
) -> tuple[Array, Array] | None:
    """Elements of a row that chips exchange where KV cache is split along its tokens [1].

    Of a row that decodes and of one of a prompt, from the functions `exchanged_elements` and
    `prompt_exchanged_elements` of a kind.

    Args:
        kind: functions that count the layer.
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        Elements, both of the shape of `tp` [1]; None for a kind that cannot be split so.

    Domain:
        A kind of another package that does not say cannot.

    Limits:
        None for a kind that has a state in place of a KV cache.

    Source:
        Counted by the kinds.

    Examples:
        >>> exchanged(softmax, Attention(heads=64, kv_heads=8, head_dim=128), 8.0)
        (2056.0, 2056.0)
    """
    decoded = getattr(kind, "exchanged_elements", None)
    prompted = getattr(kind, "prompt_exchanged_elements", decoded)
    return None if decoded is None or prompted is None else (decoded(a, tp), prompted(a, tp))


def visited(kind: AttentionKind[AttentionLayer], a: AttentionLayer, tp: Array) -> Array | None:
    """Elements of KV cache that a row reads of each token, from a kind's function `visited_elements` [1].

    Args:
        kind: functions that count the layer.
        a: architecture of the layer.
        tp: tensor-parallel ways [1].

    Returns:
        Elements, shape of `tp` [1]; None for a layer that reads what it stores.

    Domain:
        A kind of another package that does not say reads what it stores.

    Limits:
        None.

    Source:
        Counted by the kinds.

    Examples:
        >>> visited(softmax, Attention(heads=64, kv_heads=8, head_dim=128, kv="shared"), 1.0)
        2048.0
    """
    read = getattr(kind, "visited_elements", None)
    return None if read is None else read(a, tp)


def summed(kind: AttentionKind[AttentionLayer], a: AttentionLayer) -> float:
    """Elements of a row that the chips of a layer add up inside it, from `summed_elements` of its kind [1].

    Args:
        kind: functions that count the layer.
        a: architecture of the layer.

    Returns:
        Elements [1]; 0 for a layer whose chips add up its output alone.

    Domain:
        A kind of another package that does not say adds up its output alone.

    Limits:
        None.

    Source:
        Counted by the kinds.

    Examples:
        >>> summed(softmax, Attention(heads=64, kv_heads=8, head_dim=128))
        0.0
    """
    inside = getattr(kind, "summed_elements", None)
    return 0.0 if inside is None else float(inside(a))


class LayerOfEncoder(AttentionLayer, Protocol):
    """A layer whose keys and values are made of the rows of an encoder."""

    @property
    def tokens(self) -> int:
        """These rows, of one request [token]."""
        ...

    @property
    def inputs(self) -> int:
        """Their width [1]."""
        ...


class RowsOfEncoder(Protocol):
    """What a kind of attention says further whose layers are `LayerOfEncoder`."""

    def encoder_elements(self, a: AttentionLayer, tp: Array, /) -> Array:
        """Weights that these rows are multiplied by, once a request [1]."""
        ...

    def encoder_stored(self, a: AttentionLayer, tp: Array, /) -> Array:
        """Those of them that no other layer holds [1]."""
        ...

    def encoder_traffic(self, a: AttentionLayer, tp: Array, /) -> Array:
        """Activation elements that one of these rows moves through them [1]."""
        ...


def of_encoder(a: AttentionLayer) -> RowsOfEncoder | None:
    """The functions of a kind whose keys and values are made of the rows of an encoder.

    Args:
        a: architecture of the layer.

    Returns:
        The kind; None where keys and values are those of tokens.

    Domain:
        As `kind_of`.

    Limits:
        None.

    Source:
        None: a table.

    Examples:
        >>> of_encoder(Attention(heads=8, kv_heads=8, head_dim=64)) is None
        True
    """
    kind = kind_of(a)
    return cast("RowsOfEncoder", kind) if hasattr(kind, "encoder_elements") else None


class _Entry(Protocol):
    """What is read here of an object that a package registers."""

    architecture: type[AttentionLayer]
    counts: AttentionKind[AttentionLayer]


_KINDS: dict[type, AttentionKind[AttentionLayer]] = {}


def register(architecture: type[A], kind: AttentionKind[A]) -> None:
    """Let `kind` count the layers of a class of attention that is defined elsewhere.

    Args:
        architecture: frozen dataclass of the layer, with its query heads as `heads`.
        kind: a module or an object with the functions of `AttentionKind`.

    Raises:
        ValueError: where the class has a kind already.

    Domain:
        The process that calls it. A kind that a package registers as an entry point is found in every one.

    Limits:
        None.

    Source:
        None: a table.

    Examples:
        Every query head of multi-head attention has a key and a value: 2 x 8 heads x 64 elements a token.

        >>> from objectives.api import Attention
        >>> a = Attention(heads=8, kv_heads=8, head_dim=64)
        >>> kind_of(a).kv_elements(a, 1.0)
        1024.0
    """
    if architecture in _KINDS:
        raise ValueError(f"{architecture.__name__}: expected a class without a kind, got one that has one")
    # `kind_of` looks up the exact class, so a kind never meets a layer of another one
    _KINDS[architecture] = cast("AttentionKind[AttentionLayer]", kind)


register(Attention, softmax)
register(LatentAttention, latent)
register(LinearAttention, linear)
register(Index, index)
register(CompressedAttention, compressed)
register(ShortConvolution, short_convolution)
register(Mamba, mamba)
register(Rwkv, rwkv)
register(CrossAttention, cross_attention)


def kind_of(attention: AttentionLayer) -> AttentionKind[AttentionLayer]:
    """The functions that count a layer of attention.

    Args:
        attention: architecture of the layer.

    Returns:
        The module or object that is registered for its class.

    Raises:
        TypeError: where none is.

    Domain:
        Classes that are registered, by `register` or as an entry point of the group `GROUP`; a subclass needs
        an entry of its own.

    Limits:
        None.

    Source:
        None: a table.

    Examples:
        >>> from objectives.api import LinearAttention
        >>> kind_of(LinearAttention(heads=2, key_heads=2, key_dim=4, value_dim=4, gate=False, delta=False,
        ...                         state_bytes=4.0)).__name__
        'objectives.equations.llm.attention.linear'
    """
    # by the exact class: a subclass that adds a feature must not be counted as its parent in silence
    if type(attention) not in _KINDS:
        # only then: the built-in kinds need no look at the installed packages
        _register_installed()
    found = _KINDS.get(type(attention))
    if found is None:
        known = ", ".join(kind.__name__ for kind in _KINDS)
        raise TypeError(f"attention: expected one of {known}, got {type(attention).__name__}")
    return found


def _register_installed() -> None:
    """Register what installed packages bring, so that every process knows it without being told."""
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        entry: _Entry = point.load()
        if entry.architecture not in _KINDS:
            register(entry.architecture, entry.counts)
