"""The mean layer of a network on one chip: what every pass over it computes, holds and moves.

Layers of several kinds are averaged by their number, which is exact for sums over all layers. A pipeline
stage that holds only one kind differs from the mean.
"""

from dataclasses import dataclass

from objectives.api import Block, Experts, LinearAttention, Llm
from objectives.arrays import Array, namespace
from objectives.equations.llm import experts as moe
from objectives.equations.llm import parameters as tf
from objectives.equations.llm.attention import linear
from objectives.equations.llm.expert_parallel import Spread, spread


@dataclass(frozen=True, kw_only=True)
class Core:
    """One kind of attention core; arrays have the shape of `tp`."""

    share: float
    """Share of the layers that have it."""
    attention: tf.AnyAttention
    flop: Array
    """FLOP of a decoded row per token it sees [FLOP/token]."""
    prompt_flop: Array
    kv: Array
    """Elements of KV cache that one token leaves [1]."""


@dataclass(frozen=True, kw_only=True)
class Routed:
    """One kind of routed experts."""

    share: float
    """Share of the layers that have them."""
    reduces: float
    """All-reduces of one such layer that only they need [1]."""
    spread: Spread
    elements: Array
    """Weights of one expert on one chip [1]."""
    move: Array
    """Activation elements that one visit of a row moves through them [1]."""


@dataclass(frozen=True, kw_only=True)
class MeanLayer:
    """Sizes per layer and chip, of the shape of `tp`, and of EP with experts; counts are plain numbers."""

    projection: Array
    """Weights of the attention projections [1]."""
    projection_move: Array
    """Activation elements that one row moves through them [1]."""
    ffn: Array
    """Weights of the FFN, of shared experts and routers, or of bare matrices [1]."""
    ffn_move: Array
    routed_move: Array
    """Activation elements that one row moves through routed experts, the mean over chips [1]."""
    live: Array
    """Activation elements of one row that must be held at once, in the widest layer [1]."""
    head: Array
    """Weights of the LM head [1]; not per layer."""
    cores: tuple[Core, ...]
    routed: tuple[Routed, ...]
    state: Array | None
    """Bytes of the state of linear attention that one sequence keeps [B]; None without such layers."""
    all_reduces: float
    all_gathers: float
    gathered: float
    """Elements of all results that one row gathers in a layer [1]."""

    def weights(self) -> Array:
        """Weights that one layer keeps on one chip, all of its experts counted [1]."""
        total = self.projection + self.ffn
        return total + self.experts() if self.routed else total

    def experts(self) -> Array:
        """Weights of routed experts that one layer keeps on one chip [1]."""
        total = 0.0 * self.head
        for r in self.routed:
            total = total + r.share * r.spread.held * r.elements
        return total

    def kv(self, context: Array) -> Array:
        """Elements of KV cache that one row at `context` reads in one layer [1]."""
        total = 0.0 * self.head
        for c in self.cores:
            total = total + c.share * c.kv * tf.seen(c.attention, context)
        return total

    def kept(self, context: Array) -> Array:
        """Elements of KV cache that one sequence of at most `context` tokens needs room for [1]."""
        total = 0.0 * self.head
        for c in self.cores:
            total = total + c.share * c.kv * tf.kept(c.attention, context)
        return total

    def kept_bytes(self, context: Array, kv_bytes: float) -> Array:
        """Bytes that one sequence of at most `context` tokens keeps in one layer, its state included [B]."""
        size = self.kept(context) * kv_bytes
        return size if self.state is None else size + self.state

    def core_flop(self, context: Array) -> Array:
        """FLOP of the attention cores for one decoded row at `context` [FLOP]."""
        total = 0.0 * self.head
        for c in self.cores:
            total = total + c.share * c.flop * tf.seen(c.attention, context)
        return total

    def prompt_core_flop(self, isl: Array) -> Array:
        """FLOP of the attention cores for one row of a prompt of `isl` tokens, the mean [FLOP]."""
        total = 0.0 * self.head
        for c in self.cores:
            total = total + c.share * c.prompt_flop * tf.seen_by_prompt(c.attention, isl)
        return total


def mean_layer(llm: Llm, tp: Array, ep: Array | None = None) -> MeanLayer:
    """Average over the blocks of `llm`, weighted by their layers, for TP and EP ways (one where left out)."""
    zero = 0.0 * tp
    ep = 1.0 + zero if ep is None else ep
    sums = dict.fromkeys(("projection", "projection_move", "ffn", "ffn_move", "routed_move"), zero)
    live, all_reduces, all_gathers, gathered = zero, 0.0, 0.0, 0.0
    for block in llm.blocks:
        share = block.count / llm.layers
        sizes = _sizes(block, llm.hidden, tp, ep)
        sums = {name: total + share * sizes[name] if name in sizes else total for name, total in sums.items()}
        moved = [sizes[name] for name in ("projection_move", "ffn_move", "routed_move") if name in sizes]
        wide = sum(moved[1:], moved[0])
        live = namespace(tp).maximum(live + 0.0 * wide, wide)
        all_reduces += share * _reduces(block)
        all_gathers += share * len(block.matrices)
        gathered += share * sum(m.outputs for m in block.matrices)
    return MeanLayer(
        **sums,
        live=live,
        head=tf.head_elements(llm, tp),
        cores=tuple(
            Core(
                share=b.count / llm.layers,
                attention=b.attention,
                flop=tf.core_flop(b.attention, tp),
                prompt_flop=tf.prompt_core_flop(b.attention, tp),
                kv=tf.kv_elements(b.attention, tp),
            )
            for b in llm.blocks
            if b.attention is not None
        ),
        routed=tuple(_routed(b, b.experts, llm, tp, ep) for b in llm.blocks if b.experts is not None),
        state=_state(llm, tp),
        all_reduces=all_reduces,
        all_gathers=all_gathers,
        gathered=gathered,
    )


def _state(llm: Llm, tp: Array) -> Array | None:
    kinds = [(b.count, b.attention) for b in llm.blocks if isinstance(b.attention, LinearAttention)]
    total: Array | None = None
    for count, attention in kinds:
        size = (count / llm.layers) * linear.state_bytes(attention, tp)
        total = size if total is None else total + size
    return total


def _routed(block: Block, experts: Experts, llm: Llm, tp: Array, ep: Array) -> Routed:
    where = spread(experts, tp, ep)
    return Routed(
        share=block.count / llm.layers,
        reduces=0.0 if block.parallel and block.attention else 1.0,
        spread=where,
        elements=moe.expert_elements(experts, llm.hidden, where.split),
        move=moe.visit_traffic(experts, llm.hidden, where.split),
    )


def _reduces(block: Block) -> int:
    """All-reduces of one layer: after attention and after the FFN, one for both where they are parallel."""
    parts = sum(part is not None for part in (block.attention, block.ffn, block.experts))
    return min(parts, 1) if block.parallel else parts


def _visits(experts: Experts, tp: Array, ep: Array) -> Array:
    """Visits of one row to the experts of one chip, the mean over chips [1].

    Of k visits EP leaves a chip k / min(EP, TP): beyond TP it gets the rows of other replicas for its own.
    """
    return experts.top_k / namespace(tp, ep).minimum(tp, ep)


def _sizes(block: Block, hidden: int, tp: Array, ep: Array) -> dict[str, Array]:
    out: dict[str, Array] = {}
    if a := block.attention:
        out |= {
            "projection": tf.projection_elements(a, hidden, tp),
            "projection_move": tf.projection_traffic(a, hidden, tp),
        }
    if f := block.ffn:
        out |= {"ffn": tf.ffn_elements(f, hidden, tp), "ffn_move": tf.ffn_traffic(f, hidden, tp)}
    if e := block.experts:
        out |= {"ffn": moe.shared_elements(e, hidden, tp), "ffn_move": moe.shared_traffic(e, hidden, tp)}
        out["routed_move"] = _visits(e, tp, ep) * moe.visit_traffic(e, hidden, spread(e, tp, ep).split)
    if block.matrices:
        out |= {"ffn": tf.matrix_elements(block, tp), "ffn_move": tf.matrix_traffic(block, tp)}
    return out
