"""Prefix caches: KV cache of prompts seen before is read back instead of computed again."""

from dataclasses import replace

from objectives.api import Chips, Context, Memory, PrefixCache, Workload
from objectives.arrays import Array, inverse, is_number, maximum, minimum, where, zeros_like
from objectives.equations.llm.mean_layer import MeanLayer, mean_layer
from objectives.equations.step.own_draft.layers import module_of


def computed_tokens(work: Workload) -> Array:
    """Prompt tokens that are computed: those that no cache holds, the last one always [token].

    max(ISL (1 - hit), min(ISL, 1)).

    Args:
        work: workload with its prompt length and prefix cache.

    Returns:
        Tokens, shape of the prompt length [token].

    Domain:
        The same share of every prompt is found.

    Limits:
        ISL without a cache; 1 at a hit rate of 1, since the last token must give the first output.

    Source:
        SGLang, Zheng et al., NeurIPS 2024 (arXiv 2312.07104), section 3.

    Examples:
        By hand: three quarters of 4,096 tokens are found.

        >>> half = PrefixCache(hit=0.75, stored_tokens=1e6, tier="dram", bandwidth=0.0, usd_per_byte=0.0)
        >>> computed_tokens(Workload(isl=4096.0, osl=1.0, mean_context=4096.0, max_context=4097.0,
        ...                          serving="aggregated", prefix=half))
        1024.0
    """
    if work.prefix is None or work.prefix.hit == 0.0:
        return work.isl
    # a request without a prompt has no last token either
    return maximum(work.isl * (1.0 - work.prefix.hit), minimum(work.isl, 1.0))


def prompt_core_flop(layer: MeanLayer, work: Workload) -> Array:
    """FLOP of the attention cores for one computed row of a prompt, the mean [FLOP].

    Pairs of the whole prompt less those among tokens that are read back, over the computed rows. Where blocks
    are denoised, rows of a prompt see all of their block too: B / 2 tokens more than a causal mask shows.

    Args:
        layer: the mean layer on one chip.
        work: workload with its prompt length and prefix cache.

    Returns:
        FLOP of a row, broadcast shape [FLOP].

    Domain:
        What is read back is the beginning of the prompt.

    Limits:
        That of the whole prompt without a cache; grows with the share that is read back, towards that of the
        last row.

    Source:
        Counted from the causal mask; that of blocks as in Arriola et al., ICLR 2025 (arXiv 2503.09573).

    Examples:
        By hand: of 4 rows the last two see 7 of 8 half pairs: (8 - 2) / 2 tokens each, of 1 FLOP here.

        >>> from types import SimpleNamespace
        >>> layer = SimpleNamespace(prompt_core_flop=lambda isl: isl / 2.0)
        >>> half = PrefixCache(hit=0.5, stored_tokens=1e6, tier="dram", bandwidth=0.0, usd_per_byte=0.0)
        >>> prompt_core_flop(layer, Workload(isl=4.0, osl=1.0, mean_context=4.0, max_context=5.0,
        ...                                  serving="aggregated", prefix=half))
        3.0
    """
    rows = computed_tokens(work)
    # identity, not equality: without a cache the prompt length itself comes back, array or not
    if rows is work.isl:
        return layer.prompt_core_flop(work.isl) + _in_block(layer, work)
    before = work.isl - rows
    # the layer gives means of a row; times their rows they are sums, which can be subtracted
    pairs = work.isl * layer.prompt_core_flop(work.isl) - before * layer.prompt_core_flop(before)
    # an ISL of 0 has neither pairs nor rows
    return pairs / maximum(rows, 1.0) + _in_block(layer, work)


def _in_block(layer: MeanLayer, work: Workload) -> Array:
    """FLOP of the attention cores for what a row of a prompt sees of its own block after itself [FLOP]."""
    if work.diffusion is None:
        return 0.0
    size = minimum(float(work.diffusion.block), work.isl)
    # rows of twice as long a prompt see size / 2 tokens more; a state is no larger for it
    return layer.prompt_core_flop(2.0 * size) - layer.prompt_core_flop(size)


def bytes_read(layer: MeanLayer, work: Workload, kv_bytes: float) -> Array:
    """Bytes of KV cache that one prompt gets back from the cache in a mean layer on one chip [B].

    Args:
        layer: the mean layer on one chip.
        work: workload with its prompt length and prefix cache.
        kv_bytes: bytes of an element of KV cache [B].

    Returns:
        Bytes, broadcast shape [B].

    Domain:
        Windows and states count as they are kept.

    Limits:
        0 without a cache, but for states.

    Source:
        Counted from what the layer keeps.

    Examples:
        By hand: half of 4 tokens of 10 elements in two bytes.

        >>> from types import SimpleNamespace
        >>> layer = SimpleNamespace(kept_bytes=lambda tokens, size: tokens * 10 * size)
        >>> half = PrefixCache(hit=0.5, stored_tokens=1e6, tier="dram", bandwidth=0.0, usd_per_byte=0.0)
        >>> bytes_read(layer, Workload(isl=4.0, osl=1.0, mean_context=4.0, max_context=5.0,
        ...                            serving="aggregated", prefix=half), 2.0)
        40.0
    """
    return layer.kept_bytes(work.isl - computed_tokens(work), kv_bytes)


def load_seconds(cache: PrefixCache, size_bytes: Array) -> Array:
    """Time to bring bytes from the tier to a chip [s]; nothing for what is in its DRAM already.

    size / bandwidth.

    Args:
        cache: tier and bandwidth.
        size_bytes: bytes of one chip [B].

    Returns:
        Seconds, shape of `size_bytes` [s].

    Domain:
        Long transfers, no latency.

    Limits:
        0 for the chip's own DRAM. Further memories of the chip: `memory_seconds`.

    Source:
        By definition of bandwidth.

    Examples:
        By hand: 1 GB over a PCIe 5.0 x16 port of 50 GB/s.

        >>> host = PrefixCache(hit=0.5, stored_tokens=1e6, tier="host", bandwidth=50e9, usd_per_byte=0.0)
        >>> load_seconds(host, 1e9)
        0.02
    """
    # DRAM of the chip has no bandwidth of a tier to divide by
    return size_bytes * (0.0 if cache.tier == "dram" else 1.0 / cache.bandwidth)


def memory_seconds(memory: Memory, size_bytes: Array) -> Array:
    """Time to bring bytes from a memory of the chip to where steps read them [s].

    latency + size / bandwidth of reads.

    Args:
        memory: the memory that keeps them.
        size_bytes: bytes of one chip [B].

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        A copy in one piece, which needs no kernel, so that no efficiency of a stack applies. Steps that read
        the same memory at the same time are not slowed by it.

    Limits:
        0 for no bytes; `load_seconds` of the same bandwidth without latency.

    Source:
        By definition of bandwidth and latency.

    Examples:
        By hand: 1 GB at 50 GB/s, 2 ms until the first byte.

        >>> far = Memory(name="host", bytes=1e12, bandwidth=50e9, w=10.0, latency=0.002)
        >>> memory_seconds(far, 1e9)
        0.022
    """
    seconds = size_bytes * inverse(memory.bandwidth)
    if memory.latency is None:
        return seconds
    return seconds + where(size_bytes > 0.0, memory.latency, 0.0)


def kept_in(chips: Chips, cache: PrefixCache) -> Memory:
    """The further memory of chips that keeps a prefix cache.

    Args:
        chips: chips, for their memories.
        cache: a cache whose tier is `memory`.

    Returns:
        The memory.

    Raises:
        ValueError: for chips that do not have it.

    Domain:
        Memories beyond SRAM and DRAM that steps can write.

    Limits:
        None.

    Source:
        By definition.

    Examples:
        By hand, in tests/equations/step/test_prefix_memory.py.
    """
    for memory in chips.further:
        if memory.name == cache.memory:
            return memory
    known = ", ".join(m.name.replace("_", "-") for m in chips.further) or "none"
    kind = cache.memory.replace("_", "-")
    raise ValueError(f"prefix_cache.tier: expected a memory of the chips, which have {known}, got {kind}")


def kept_elsewhere(context: Context) -> Context:
    """The context of a pool whose prompts run on another one: it keeps no prefixes and no encoder.

    Args:
        context: network, formats and workload.

    Returns:
        The same, without an encoder, and without bytes that are stored in a further memory.

    Domain:
        Pools of unlike chips; caches of the chips' own DRAM are counted in each of them.

    Limits:
        The context itself for every other cache, without an encoder.

    Source:
        By definition: prefixes are kept, and encoders run, where prompts run.

    Examples:
        By hand, in tests/systems/test_prefix_pools.py.
    """
    if context.llm.encoder is not None:
        context = replace(context, llm=replace(context.llm, encoder=None))
    cache = context.workload.prefix
    if cache is None or cache.tier != "memory":
        return context
    # the share that is found still says how many tokens are computed
    empty = replace(cache, tier="dram", stored_tokens=0.0)
    return replace(context, workload=replace(context.workload, prefix=empty))


def stored_layer_bytes(layer: MeanLayer, work: Workload, kv_bytes: float) -> Array:
    """Bytes that the stored tokens take in a mean layer on one chip [B].

    Each stored token takes what a token of the read-back part takes on average, so that windows and states
    count.

    Args:
        layer: the mean layer on one chip.
        work: workload with its prompt length and prefix cache.
        kv_bytes: bytes of an element of KV cache [B].

    Returns:
        Bytes, broadcast shape [B].

    Domain:
        All stored prefixes are as long as the part of a prompt that is found.

    Limits:
        0 without a cache, or where nothing is found.

    Source:
        Counted from what the layer keeps.

    Examples:
        By hand: 1,000 tokens of 10 elements in two bytes.

        >>> from types import SimpleNamespace
        >>> layer = SimpleNamespace(kept_bytes=lambda tokens, size: tokens * 10 * size, head=0.0)
        >>> half = PrefixCache(hit=0.5, stored_tokens=1e3, tier="dram", bandwidth=0.0, usd_per_byte=0.0)
        >>> stored_layer_bytes(layer, Workload(isl=4.0, osl=1.0, mean_context=4.0, max_context=5.0,
        ...                                    serving="aggregated", prefix=half), 2.0)
        20000.0
    """
    cache, before = work.prefix, work.isl - computed_tokens(work)
    if cache is None or (is_number(before) and before <= 0.0):
        return zeros_like(layer.head)
    some = before > 0.0
    # per stored token, so that windows, which keep less than all, count as they are
    each = layer.kept_bytes(before, kv_bytes) / where(some, before, 1.0)
    return where(some, each, 0.0) * cache.stored_tokens


def stored_bytes(context: Context, one: Array) -> Array:
    """Bytes of KV cache of the stored tokens, each kept once [B].

    Layers x what the stored tokens take in one of a whole network.

    Args:
        context: network, formats and prefix cache.
        one: ones of the shape that is wanted [1].

    Returns:
        Bytes of all layers, shape of `one` [B].

    Domain:
        As `stored_layer_bytes`.

    Limits:
        0 without a cache.

    Source:
        Counted from what the layers keep.

    Examples:
        Published: 1,000 tokens of 327.680 KB (80 layers, 8 KV heads of 128 in BF16; DeepSeek-AI, ISCA 2025,
        arXiv 2505.09343, table 1).

        >>> from types import SimpleNamespace
        >>> from objectives.api import Attention, Block, Llm, Precision
        >>> block = Block(count=80, attention=Attention(heads=64, kv_heads=8, head_dim=128))
        >>> half = PrefixCache(hit=0.5, stored_tokens=1e3, tier="host", bandwidth=1.0, usd_per_byte=0.0)
        >>> context = SimpleNamespace(
        ...     llm=Llm(name="72b", hidden=8192, vocab=0, blocks=(block,), nominal_params=72e9),
        ...     precision=Precision(weight_bytes=2.0, kv_bytes=2.0, activation_bytes=2.0),
        ...     workload=Workload(isl=4.0, osl=1.0, mean_context=4.0, max_context=5.0,
        ...                       serving="aggregated", prefix=half))
        >>> stored_bytes(context, 1.0)
        327680000.0
    """
    # at TP = 1, so that replicated KV heads and latents are stored once
    whole = mean_layer(context.llm, one)
    work, kv_bytes = context.workload, context.precision.kv_bytes
    size = context.llm.layers * stored_layer_bytes(whole, work, kv_bytes)
    if (found := module_of(context)) is None:
        return size
    llm, modules = found  # layers that draft keep the same tokens
    return size + modules * llm.layers * stored_layer_bytes(mean_layer(llm, one), work, kv_bytes)


def store_usd(cache: PrefixCache, size_bytes: Array, replicas: Array) -> Array:
    """Capital of the tier that keeps the cache [USD]; one copy for all replicas where it is pooled.

    size x price of a byte x replicas.

    Args:
        cache: tier and price.
        size_bytes: bytes of one copy [B].
        replicas: replicas that read it [replica].

    Returns:
        Dollars, broadcast shape [USD].

    Domain:
        Memories of the chip are paid with the chip.

    Limits:
        0 for memories of the chip.

    Source:
        Size times price.

    Examples:
        By hand: 1 TB at 5 USD/GB in each of four hosts.

        >>> host = PrefixCache(hit=0.5, stored_tokens=1e6, tier="host", bandwidth=50e9, usd_per_byte=5e-9)
        >>> store_usd(host, 1e12, 4.0)
        20000.0
    """
    if cache.on_chip:
        return zeros_like(size_bytes)
    return size_bytes * cache.usd_per_byte * (1.0 if cache.tier == "pooled" else replicas)
