"""Prefix caches: KV cache of prompts seen before is read back instead of computed again."""

from objectives.api import Context, PrefixCache, Workload
from objectives.arrays import Array, namespace
from objectives.equations.llm.mean_layer import MeanLayer, mean_layer


def computed(work: Workload) -> Array:
    """Prompt tokens that are computed [token]: those that no cache holds, the last one always.

    Limits: ISL without a cache; 1 at a hit rate of 1, since the last token must give the first output.
    """
    if work.prefix is None or work.prefix.hit == 0.0:
        return work.isl
    if isinstance(work.isl, (int, float)):
        return max(work.isl * (1.0 - work.prefix.hit), min(work.isl, 1.0))
    xp = namespace(work.isl)
    one = 1.0 + 0.0 * work.isl
    return xp.maximum(work.isl * (1.0 - work.prefix.hit), xp.minimum(work.isl, one))


def prompt_core_flop(layer: MeanLayer, work: Workload) -> Array:
    """FLOP of the attention cores for one computed row of a prompt, the mean [FLOP].

    Pairs of the whole prompt less those among tokens that are read back, over the computed rows. Limits: that
    of the whole prompt without a cache; grows with the share that is read back, towards that of the last row.
    """
    rows = computed(work)
    if rows is work.isl:
        return layer.prompt_core_flop(work.isl)
    before = work.isl - rows
    pairs = work.isl * layer.prompt_core_flop(work.isl) - before * layer.prompt_core_flop(before)
    if isinstance(rows, (int, float)):
        return pairs / max(rows, 1.0)
    xp = namespace(rows)
    return pairs / xp.maximum(rows, 1.0 + 0.0 * rows)


def bytes_read(layer: MeanLayer, work: Workload, kv_bytes: float) -> Array:
    """Bytes of KV cache that one prompt gets back from the cache in a mean layer on one chip [B]."""
    return layer.kept_bytes(work.isl - computed(work), kv_bytes)


def load_seconds(cache: PrefixCache, size: Array) -> Array:
    """Time to bring `size` bytes from the tier to a chip [s]; nothing for what is in its DRAM already."""
    return size * (0.0 if cache.tier == "dram" else 1.0 / cache.bandwidth)


def stored(layer: MeanLayer, work: Workload, kv_bytes: float) -> Array:
    """Bytes that the stored tokens take in a mean layer on one chip [B].

    Each stored token takes what a token of the read-back part takes on average, so that windows, and states
    of linear attention, count.
    """
    cache = work.prefix
    none = 0.0 * layer.head
    before = work.isl - computed(work)
    if cache is None:
        return none
    if isinstance(before, (int, float)):
        each = layer.kept_bytes(before, kv_bytes) / before if before > 0.0 else none
        return each * cache.stored_tokens
    xp = namespace(before)
    some = before > 0.0
    each = layer.kept_bytes(before, kv_bytes) / xp.where(some, before, 1.0 + 0.0 * before)
    return xp.where(some, each, 0.0 * each) * cache.stored_tokens


def stored_bytes(context: Context, one: Array) -> Array:
    """Bytes of KV cache of the stored tokens, each kept once, shape of `one` [B]."""
    work = context.workload
    whole = mean_layer(context.llm, one)
    return context.llm.layers * stored(whole, work, context.precision.kv_bytes)


def store_usd(cache: PrefixCache, size: Array, replicas: Array) -> Array:
    """Capital of the tier that keeps `size` bytes a replica [USD]; one for all where it is pooled."""
    if cache.tier == "dram":
        return 0.0 * size
    return size * cache.usd_per_byte * (1.0 if cache.tier == "pooled" else replicas)
