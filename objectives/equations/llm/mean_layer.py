"""The mean layer of a network on one chip: what every pass over it computes, holds and moves.

Layers of several kinds are averaged by their number, which is exact for sums over all layers. A pipeline
stage that holds only one kind differs from the mean.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from objectives.api import Block, Experts, Index, Llm
from objectives.arrays import Array, ceil_div, maximum, minimum, ones_like, zeros_like
from objectives.equations.llm import experts as moe
from objectives.equations.llm import feed_forward, launches
from objectives.equations.llm.attention.kinds import kind_of, of_encoder, summed
from objectives.equations.llm.by_part import visited_by_all, weighed
from objectives.equations.llm.cores import Core, core_of, keeps_tokens, kept_in, read_of_each
from objectives.equations.llm.expert_parallel import Spread, spread
from objectives.equations.llm.parts import KeysOfEncoder, keys_of_encoder
from objectives.parts import Parts


@dataclass(frozen=True, kw_only=True)
class Routed:
    """One kind of routed experts."""

    share: float
    """Share of the layers that have them [1]."""
    all_reduces: float
    """All-reduces of one such layer that only they need [1]."""
    spread: Spread
    elements: Array
    """Weights of one expert on one chip [1]."""
    traffic: Array
    """Activation elements that one visit of a row moves through them [1]."""
    width: float
    """Elements of a row that they see [1]."""


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """Layers that use the weights of others."""

    share: float
    """Share of the layers that are of their run [1]."""
    distinct: float
    """Layers of the run with weights of their own [1]."""
    dense: Array
    """Weights of one layer but for routed experts, on one chip [1]."""
    experts: Array
    """Weights of its routed experts on one chip [1]."""

    def again(self, stage: Array) -> Array:
        """Layers of a stage that use the weights of others in it [1]."""
        return maximum(self.share * stage - self.distinct, 0.0)


@dataclass(frozen=True, kw_only=True)
class MeanLayer:
    """Sizes per layer and chip, of the shape of `tp`, and of EP with experts; counts are plain numbers."""

    projection: Array
    """Weights of the attention projections [1]."""
    projection_traffic: Array
    """Activation elements that one row moves through them [1]."""
    ffn: Array
    """Weights of the FFN, of shared experts, routers and what projects to experts, of bare matrices [1]."""
    ffn_traffic: Array
    """Activation elements that one row moves through them [1]."""
    routed_traffic: Array
    """Activation elements that one row moves through routed experts, the mean over chips [1]."""
    live: Array
    """Activation elements of one row that must be held at once, in the widest layer [1]."""
    head: Array
    """Weights of the LM head [1]; not per layer."""
    cores: tuple[Core, ...]
    routed: tuple[Routed, ...]
    state_bytes: Array | None
    """Bytes that one sequence keeps whatever its length [B]; None without such layers."""
    all_reduces: float
    """All-reduces of hidden rows in a layer [1]."""
    all_gathers: float
    """All-gathers of matrix outputs in a layer [1]."""
    launches: float
    """Kernels of a layer over those of attention by heads with an FFN [1], see `launches`."""
    expert_launches: float
    """Kernels that experts add to a layer over those of routed experts alone [1]."""
    gathered: float
    """Elements of all results that one row gathers in a layer [1]."""
    repeated: tuple[Repeated, ...] = ()
    """Runs of layers that use weights again; empty where none do."""
    tables: Array | None = None
    """Elements of tables that are looked up, on one chip [1]; not per layer; None without tables."""
    looked_up: Array | None = None
    """Elements that one row reads of them on one chip [1]; not per layer."""
    embedding: Array | None = None
    """Weights of the embedding [1]; not per layer; None where they are as many as those of the head."""
    of_encoder: KeysOfEncoder | None = None
    """What cross attention makes of the rows of an encoder; None without such layers."""

    def stage_weights(self, stage: Array) -> Array:
        """Weights that a stage of so many layers keeps on one chip, those of layers that share them once [1].

        Layers run in order, and stages hold whole ones: one stage needs all that its own layers use, and at
        most as many as are distinct.
        """
        total = stage * self.weights()
        for run in self.repeated:
            total = total - run.again(stage) * (run.dense + run.experts)
        return total

    def stage_experts(self, stage: Array) -> Array:
        """Weights of routed experts that a stage of so many layers keeps on one chip [1]."""
        total = stage * self.experts()
        for run in self.repeated:
            total = total - run.again(stage) * run.experts
        return total

    def row_traffic(self, layers: float) -> Array:
        """Activation elements of one row through the dense matrices of all layers, and rows of tables [1]."""
        moved = layers * (self.projection_traffic + self.ffn_traffic)
        return moved if self.looked_up is None else moved + self.looked_up

    def weights(self) -> Array:
        """Weights of one layer on one chip, all of its experts counted [1]."""
        total = self.projection + self.ffn
        if self.of_encoder is not None:
            total = total + self.of_encoder.stored
        return total + self.experts() if self.routed else total

    def experts(self) -> Array:
        """Weights of routed experts that one layer keeps on one chip [1]."""
        parts = [r.share * r.spread.held * r.elements for r in self.routed]
        # from the first part on: 0 + an array would be one pass over it more
        return sum(parts[1:], parts[0]) if parts else zeros_like(self.head)

    def kv_read(self, context: Array) -> Array:
        """Elements of KV cache that one row at `context` reads in one layer [1]."""
        return self._over_cores(lambda c: c.share * read_of_each(c) * c.kind.seen(c.attention, context))

    def kv_kept(self, context: Array, beyond: Array | None = None) -> Array:
        """Elements of KV cache that one sequence of at most `context` tokens needs room for [1].

        `beyond` is the share of the tokens outside of a window that an engine keeps all the same; none where
        it is left out.
        """
        return self._over_cores(lambda c: c.share * c.kv_elements * kept_in(c, context, beyond))

    def kv_of_encoder(self) -> Array:
        """Elements of keys and values of an encoder's rows that one sequence keeps [1]."""
        cores = [core for core in self.cores if of_encoder(core.attention) is not None]
        return self._over_cores(lambda c: c.share * c.kv_elements * kept_in(c, 0.0, None), cores)

    def kv_of_rows(self, tokens: float) -> Array:
        """Elements of keys and values of the rows of an encoder, which attend to each other [1]."""
        return self._over_cores(lambda c: (c.share * tokens) * c.kv_elements)

    def both_ways_flop(self, tokens: float) -> Array:
        """FLOP of the attention cores for one of these rows, which attends to all in reach [FLOP]."""
        return self._over_cores(lambda c: c.share * c.prompt_flop * c.kind.kept(c.attention, tokens))

    def kv_passed(self, context: Array) -> Array | None:
        """Elements that the rows of a prompt read [1]; None where each layer reads what it leaves."""
        if all(core.kv_visited is None for core in self.cores):
            return None
        return self._over_cores(lambda c: c.share * read_of_each(c) * kept_in(c, context, None))

    def kept_bytes(self, context: Array, kv_bytes: float, beyond: Array | None = None) -> Array:
        """Bytes that one sequence of at most `context` tokens keeps in one layer, its state included [B]."""
        size = self.kv_kept(context, beyond) * kv_bytes
        return size if self.state_bytes is None else size + self.state_bytes

    def kept_by_kind(self, context: Array, kv_bytes: float, beyond: Array | None) -> dict[str, Array]:
        """`kept_bytes` of KV cache, keys of an index, and states, without those that no layer has [B]."""
        found: dict[str, Array] = {}
        for name, index in (("kv_cache", False), ("index_keys", True)):
            some = [c for c in self.cores if isinstance(c.attention, Index) == index and keeps_tokens(c)]
            if some:
                amount = self._over_cores(
                    lambda c: c.share * c.kv_elements * kept_in(c, context, beyond), some
                )
                found[name] = amount * kv_bytes
        return found if self.state_bytes is None else {**found, "states": self.state_bytes}

    def core_flop(self, context: Array) -> Array:
        """FLOP of the attention cores for one decoded row at `context` [FLOP]."""
        return self._over_cores(lambda c: c.share * c.flop * c.kind.seen(c.attention, context))

    def prompt_core_flop(self, isl: Array) -> Array:
        """FLOP of the attention cores for one row of a prompt of `isl` tokens, the mean [FLOP]."""
        return self._over_cores(lambda c: c.share * c.prompt_flop * c.kind.seen_by_prompt(c.attention, isl))

    @property
    def exchanges(self) -> float:
        """Exchanges between the chips that share the tokens of a sequence [1]."""
        return 2.0 * sum(core.share for core in self.cores if core.exchanged is not None)

    def exchanged(self, *, prompt: bool = False) -> Array | None:
        """Elements of one row that these exchange in one layer [1]; None where no KV cache is split."""
        each = [(c.share, c.prompt_exchanged if prompt else c.exchanged) for c in self.cores]
        parts = [share * amount for share, amount in each if amount is not None]
        return sum(parts[1:], parts[0]) if parts else None

    def _over_cores(self, amount: Callable[[Core], Array], cores: Iterable[Core] | None = None) -> Array:
        """Sum of an amount over the kinds of attention, or some of them; 0 without any."""
        parts = [amount(core) for core in (self.cores if cores is None else cores)]
        return sum(parts[1:], parts[0]) if parts else zeros_like(self.head)


def mean_layer(
    llm: Llm, tp: Array, ep: Array | None = None, cp: Array | None = None, by: Parts | None = None
) -> MeanLayer:
    """Average over the blocks of a network, weighted by their layers.

    Args:
        llm: architecture of the network.
        tp: tensor-parallel ways [1].
        ep: chips that the experts of a layer are spread over; one where left out [1].
        cp: context-parallel ways; one where left out [1].
        by: what a weight of each part counts as [1]; 1 where left out.

    Returns:
        Sizes of the mean layer, shape of `tp` (and of `ep` for experts).

    Domain:
        Exact for sums over all layers; a pipeline stage that holds only one kind of layers differs.

    Limits:
        The layer itself for a network of one kind.

    Source:
        Counted by the kinds of attention, `feed_forward` and `experts`.

    Examples:
        Published: a token of DeepSeek-V3 leaves 576 elements in each layer (DeepSeek-AI, ISCA 2025,
        arXiv 2505.09343, table 1: 70.272 KB over 61 layers of two bytes).

        >>> from objectives.api import Ffn, LatentAttention
        >>> mla = LatentAttention(heads=128, latent=512, rope=64, nope=128, value=128, query_latent=1536)
        >>> dense = Block(count=3, attention=mla, ffn=Ffn(width=18432, matrices=3))
        >>> llm = Llm(name="v3", hidden=7168, vocab=129280, blocks=(dense,), nominal_params=671e9)
        >>> mean_layer(llm, 1.0).kv_kept(1.0)
        576.0
    """
    ep, heads = ones_like(tp) if ep is None else ep, tp
    # matrices, experts and states are split over all chips of a layer, attention cores by heads over TP alone
    tp = tp if cp is None else tp * cp
    sums = dict.fromkeys(
        ("projection", "projection_traffic", "ffn", "ffn_traffic", "routed_traffic"), zeros_like(tp)
    )
    live, all_reduces, all_gathers, gathered = zeros_like(tp), 0.0, 0.0, 0.0
    for block in llm.blocks:
        share = block.count / llm.layers
        sizes = _sizes(block, llm.hidden, tp, ep, by)
        # a layer without a part counts as 0 in the mean of that part
        sums = {name: total + share * sizes[name] if name in sizes else total for name, total in sums.items()}
        traffic = [sizes[name] for name in sums if name.endswith("traffic") and name in sizes]
        # layers run one after the other in the same buffer: the widest sizes it, not the mean
        live = maximum(live, sum(traffic[1:], traffic[0]))
        all_reduces += share * _all_reduces(block)
        # bare matrices are split by columns, so that each gathers its outputs
        all_gathers += share * len(block.matrices)
        gathered += share * sum(m.outputs for m in block.matrices)
        for inside in (summed(kind_of(a), a) for a in block.mixers):
            # an all-reduce is two exchanges of as many elements as an all-gather
            all_gathers += 2.0 * share if inside else 0.0
            gathered += 2.0 * share * inside
    return MeanLayer(
        **sums,
        live=live,
        head=weighed(feed_forward.head_elements(llm, tp), by, "head"),
        cores=tuple(core_of(a, b.count / llm.layers, heads, tp, cp) for b in llm.blocks for a in b.mixers),
        routed=tuple(_routed(b, b.experts, llm, tp, ep, by) for b in llm.blocks if b.experts is not None),
        state_bytes=_state_bytes(llm, tp),
        all_reduces=all_reduces,
        all_gathers=all_gathers,
        launches=launches.of_layers(llm),
        expert_launches=launches.of_experts(llm),
        gathered=gathered,
        repeated=tuple(_repeated(b, llm, tp, ep, by) for b in llm.blocks if b.stored_layers < b.count),
        tables=_tables(llm, tp, by, whole=True),
        looked_up=_tables(llm, tp, None, whole=False),
        # split over the vocabulary as the head is, or the head itself
        embedding=None
        if by is None
        else weighed(feed_forward.head_elements(llm, tp), by, "head" if llm.tied_embedding else "embedding"),
        of_encoder=keys_of_encoder(llm, tp, by),
    )


def _tables(llm: Llm, tp: Array, by: Parts | None, *, whole: bool) -> Array | None:
    """Elements of tables on one chip, columns split over TP, or of rows that a token reads of them [1]."""
    parts = [float(t.entries if whole else 1) * ceil_div(t.width, tp) for t in llm.lookup]
    return weighed(sum(parts[1:], parts[0]), by, "embedding") if parts else None


def _repeated(block: Block, llm: Llm, tp: Array, ep: Array, by: Parts | None) -> Repeated:
    """What a run of layers keeps on one chip where some of them use the weights of others."""
    sizes, none = _sizes(block, llm.hidden, tp, ep, by), zeros_like(tp)
    routed: Array = none
    if block.experts is not None:
        there = spread(block.experts, tp, ep)
        routed = there.held * weighed(
            moe.expert_elements(block.experts, llm.hidden, there.split), by, "experts"
        )
    return Repeated(
        share=block.count / llm.layers,
        distinct=float(block.stored_layers),
        dense=sum((sizes[name] for name in ("projection", "ffn") if name in sizes), _keys(block, tp, by)),
        experts=routed,
    )


def _keys(block: Block, tp: Array, by: Parts | None) -> Array:
    """Weights that a layer has for the rows of an encoder [1]."""
    kinds = [(kind, a) for a in block.mixers if (kind := of_encoder(a)) is not None]
    return sum((weighed(k.encoder_stored(a, tp), by, "attention") for k, a in kinds), zeros_like(tp))


def _state_bytes(llm: Llm, tp: Array) -> Array | None:
    """State of one sequence in the mean layer [B]; None where no layer has one."""
    # None instead of 0: most networks have no states, and passes over them skip the arithmetic
    total: Array | None = None
    for b in llm.blocks:
        for a in b.mixers:
            size = kind_of(a).state_bytes(a, tp)
            if size is not None:
                size = (b.count / llm.layers) * size
                total = size if total is None else total + size
    return total


def _routed(block: Block, experts: Experts, llm: Llm, tp: Array, ep: Array, by: Parts | None) -> Routed:
    there = spread(experts, tp, ep)
    return Routed(
        share=block.count / llm.layers,
        # attention of a parallel block, or an FFN beside them, needs the one all-reduce that both share
        all_reduces=0.0 if (block.parallel and block.attention) or block.ffn else 1.0,
        spread=there,
        elements=weighed(moe.expert_elements(experts, llm.hidden, there.split), by, "experts"),
        traffic=moe.visit_traffic(experts, llm.hidden, there.split),
        width=float(experts.latent or llm.hidden),
    )


def _all_reduces(block: Block) -> int:
    """All-reduces of one layer: after attention and after the FFN, one for both where they are parallel."""
    # an FFN and experts beside it are added up before the one that both share
    parts = (block.attention is not None) + (block.ffn is not None or block.experts is not None)
    return min(parts, 1) if block.parallel else parts


def _visits(experts: Experts, tp: Array, ep: Array) -> Array:
    """Visits of one row to the experts of one chip, the mean over chips [1].

    Of k visits EP leaves a chip k / min(EP, TP): beyond TP it gets the rows of other replicas for its own.
    """
    return experts.mean_top_k / minimum(tp, ep)


def _sizes(block: Block, hidden: int, tp: Array, ep: Array, by: Parts | None) -> dict[str, Array]:
    """Weights and traffic of one layer, by the names of `MeanLayer`; only what the layer has."""
    out: dict[str, Array] = {}
    for a in block.mixers:
        kind = kind_of(a)
        projected = {
            "projection": weighed(kind.projection_elements(a, hidden, tp), by, "attention"),
            "projection_traffic": kind.projection_traffic(a, hidden, tp),
        }
        out = {name: out[name] + size if name in out else size for name, size in projected.items()}
    # what stands side by side is added up
    fed: list[tuple[Array, Array]] = []
    if f := block.ffn:
        matrices = weighed(feed_forward.ffn_elements(f, hidden, tp), by, "dense")
        fed.append((matrices, feed_forward.ffn_traffic(f, hidden, tp)))
    if e := block.experts:
        # routed experts are in `Routed`: how many of them are read depends on the rows of a pass
        fed.append((visited_by_all(e, hidden, tp, by), moe.shared_traffic(e, hidden, tp)))
        split = spread(e, tp, ep).split
        out["routed_traffic"] = _visits(e, tp, ep) * moe.visit_traffic(e, hidden, split)
    if block.matrices:
        matrices = weighed(feed_forward.matrix_elements(block, tp), by, "dense")
        fed.append((matrices, feed_forward.matrix_traffic(block, tp)))
    for elements, traffic in fed:
        out["ffn"] = out["ffn"] + elements if "ffn" in out else elements
        out["ffn_traffic"] = out["ffn_traffic"] + traffic if "ffn_traffic" in out else traffic
    return out
