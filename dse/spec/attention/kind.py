"""What a kind of attention must bring: its keys in a file, how its layers are counted, and a second count."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar

from dse.arrays import Floats
from dse.spec.schema.base import Spec
from objectives.api import AttentionLayer
from objectives.equations.llm.attention.kinds import AttentionKind

A = TypeVar("A")
A_contra = TypeVar("A_contra", contravariant=True)


class LayerSpec(Spec):
    """Keys of one layer of attention; a kind derives its own from it."""

    alone: ClassVar[bool] = True
    """Whether a layer may have nothing else; if not, it is written under `beside` alone."""

    def resolve(self) -> AttentionLayer:
        """The layer as the equations want it: a frozen dataclass."""
        raise NotImplementedError


class SecondCount(Protocol[A_contra]):
    """One layer counted again, from its architecture and without the first count.

    The bound on all predictions is made of it, so nothing here may be too much: what is in doubt is left out,
    such as norms and biases. A module or an object; the modules of `dse.bounds.attention` are examples.
    Lengths are arrays of any shape.
    """

    def weights(self, a: A_contra, hidden: int, /) -> float:
        """Weights that every token is multiplied by [1]."""
        ...

    def kv_elements(self, a: A_contra, /) -> float:
        """Elements of KV cache that a token leaves [1]; a function `kv_visited` may say what is read."""
        ...

    def state_bytes(self, a: A_contra, /) -> float:
        """State that a sequence keeps whatever its length, and every token reads and writes [B]."""
        ...

    def core_flop(self, a: A_contra, /) -> float:
        """FLOP of a row for each token that it sees, in decode or a prompt, whichever are fewer [FLOP]."""
        ...

    def kept(self, a: A_contra, context: Floats, /) -> Floats:
        """Tokens whose KV cache a sequence of `context` tokens keeps at least [token]."""
        ...

    def seen(self, a: A_contra, mean: Floats, most: Floats, /) -> Floats:
        """Tokens that a decoded row sees at least [token].

        The mean over rows whose contexts are `most` at most and `mean` on average.
        """
        ...

    def pairs(self, a: A_contra, isl: Floats, /) -> Floats:
        """Tokens that the rows of a prompt of `isl` tokens see at least, all rows together [token]."""
        ...


def kv_visited(second: SecondCount[AttentionLayer], a: AttentionLayer) -> float:
    """Elements of KV cache that a row reads of each token that it sees, by the second count [1].

    Its function `kv_visited`, for layers that read what an earlier one has left; else what a token leaves.
    """
    read: Callable[[AttentionLayer], float] = getattr(second, "kv_visited", second.kv_elements)
    return read(a)


@dataclass(frozen=True, kw_only=True)
class KindEntry(Generic[A]):
    """A kind of attention, as an entry point of the group `dse.attention_kinds` names it.

    The name of the entry point is the key of a block in the file of an LLM.
    """

    architecture: type[A]
    """Frozen dataclass of the layer, with its query heads as `heads`."""
    spec: type[LayerSpec]
    """Keys of the layer in a file; `resolve` makes the `architecture` of them."""
    counts: AttentionKind[A]
    """How the equations count the layer."""
    second_count: SecondCount[A]
    """How the bound counts it; shares no code with `counts`, so that a mistake in one shows."""
    description: str = "Instead of `attention`."
    """What the JSON Schema says of the key."""
