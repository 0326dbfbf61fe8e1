"""RWKV-6 and RWKV-7, in the keys of RWKV's own files and of flash-linear-attention."""

from dse.spec.huggingface.reader import BASE, HfConfig, Layer, Network, family, words

_WHOLE = 4096
"""Hidden size whose low ranks RWKV-6 doubles: no file says them."""
_ROUND = 32
"""Widths of channel mixing are multiples of it."""
_MOST = 1_000
"""Of a factor of a width."""
NORMS = "biases of norms, and mixes of channel mixing, are not counted"


def _times(c: HfConfig, key: str, otherwise: float) -> float:
    """A factor of the hidden size."""
    value = c.get(key)
    value = otherwise if value is None else value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _MOST:
        raise c.refuse(key, f"a number above 0 and below {_MOST}")
    return float(value)


def _finch(c: HfConfig) -> Network:
    """RWKV-6."""
    hidden = c.size("hidden_size")
    if c.get("expand_k") is not None or c.get("proj_low_rank_dim") is not None:
        mixing, width = _finch_of_fla(c, hidden)
    else:
        mixing, width = _finch_of_rwkv(c, hidden)
    # channel mixing has two matrices, and one that gates its output
    gate = [{"inputs": hidden, "outputs": hidden}]
    layer: Layer = {"rwkv": mixing, "ffn": {"width": width, "gated": False}, "matrices": gate}
    return _network(c, (layer,) * c.size("num_hidden_layers"))


def _finch_of_rwkv(c: HfConfig, hidden: int) -> tuple[Layer, int]:
    """Time mixing and the width of channel mixing; ranks are those that the hidden size decides."""
    c.must("attention_hidden_size", hidden)
    # its files write the width of a head as their number
    size = c.size("head_size") if c.get("head_size") is not None else c.size("num_attention_heads")
    if c.get("head_size") is None and size != 64:
        raise c.refuse("head_size", "the width of a head")
    if hidden % size:
        raise c.refuse("head_size", f"a divisor of hidden_size ({hidden})")
    large = hidden == _WHOLE
    mixing = {
        "heads": hidden // size,
        "head_dim": size,
        "decay_latent": 128 if large else 64,
        "mix_latent": 64 if large else 32,
        "shift": 2 * hidden,
    }
    return mixing, c.size("intermediate_size", hidden * 7 // 2 // _ROUND * _ROUND)


def _finch_of_fla(c: HfConfig, hidden: int) -> tuple[Layer, int]:
    """The same, where the file says all sizes."""
    _no_attention(c)
    heads = c.size("num_heads")
    keys, values = (int(hidden * _times(c, key, 0.0)) for key in ("expand_k", "expand_v"))
    if keys % heads or values % heads:
        raise c.refuse("num_heads", f"a divisor of keys and values ({keys} and {values})")
    mixing = {
        "heads": heads,
        "head_dim": keys // heads,
        **({"value_dim": values // heads} if values != keys else {}),
        "decay_latent": c.size("gate_low_rank_dim"),
        "mix_latent": c.size("proj_low_rank_dim"),
        "shift": 2 * hidden,
    }
    return mixing, _inner(c, hidden, 3.5)


def _inner(c: HfConfig, hidden: int, otherwise: float) -> int:
    """Width of channel mixing: said, or a multiple of the hidden size, rounded up; both must agree."""
    width = -(-int(hidden * _times(c, "hidden_ratio", otherwise)) // _ROUND) * _ROUND
    said = c.size("intermediate_size", width)
    if c.get("hidden_ratio") is not None and said != width:
        raise c.refuse("hidden_ratio", f"intermediate_size / hidden_size ({said} / {hidden})")
    return said


def _no_attention(c: HfConfig) -> None:
    if c.get("attn") is not None:
        raise c.refuse("attn", "no layers of attention next to RWKV")


def _goose(c: HfConfig) -> Network:
    """RWKV-7: the first layer has no values to mix with."""
    _no_attention(c)
    hidden, count = c.size("hidden_size"), c.size("num_hidden_layers")
    c.must("attention_hidden_size", hidden)
    # where both are said, the width of a head counts
    size = c.size("head_dim", None if c.get("num_heads") is None else hidden // c.size("num_heads"))
    if hidden % size:
        raise c.refuse("head_dim", f"a divisor of hidden_size ({hidden})")
    _as_wide(c, hidden, count)
    mixing = {
        "heads": hidden // size,
        "head_dim": size,
        "decay_latent": c.size("decay_low_rank_dim"),
        "gate_latent": c.size("gate_low_rank_dim"),
        "rate_latent": c.size("a_low_rank_dim"),
        "shift": 2 * hidden,
    }
    later = {**mixing, "value_latent": c.size("v_low_rank_dim")} if count > 1 else mixing
    ffn: Layer = {"ffn": {"width": _inner(c, hidden, 4.0), "gated": False}}
    return _network(c, ({"rwkv": mixing, **ffn}, *[{"rwkv": later, **ffn}] * (count - 1)))


def _as_wide(c: HfConfig, hidden: int, count: int) -> None:
    """Refuses values of another width than the residual stream, which may differ by layer."""
    given = c.get("value_dim")
    if given not in (None, hidden, [hidden] * count):
        raise c.refuse("value_dim", f"{hidden} in each of {count} layers")


def _network(c: HfConfig, layers: tuple[Layer, ...]) -> Network:
    return Network(layers=layers, tied=c.flag("tie_word_embeddings"), notes=(NORMS,))


_SHARED = (BASE - {"num_attention_heads"}) | words(
    "intermediate_size hidden_ratio num_heads gate_low_rank_dim attn attention_hidden_size"
)
_PASSES = """
    attn_mode norm_first norm_bias fuse_norm rescale_every context_length head_size_divisor use_l2warp
    fuse_cross_entropy fuse_linear_cross_entropy wkv_mode wkv_backend wkv_implementation
"""
RWKVS = {
    "rwkv6": family(
        _finch,
        _SHARED | words("num_attention_heads head_size expand_k expand_v proj_low_rank_dim"),
        "Rwkv6ForCausalLM",
        "RWKV6ForCausalLM",
        passes=_PASSES,
    ),
    "rwkv7": family(
        _goose,
        _SHARED | words("head_dim decay_low_rank_dim a_low_rank_dim v_low_rank_dim value_dim"),
        "RWKV7ForCausalLM",
        "Rwkv7ForCausalLM",
        aliases={"head_size": "head_dim", "value_low_rank_dim": "v_low_rank_dim"},
        passes=f"{_PASSES} num_attention_heads",
    ),
}
"""`model_type` to its family."""
