"""LLMs with Mamba-1: alone, with attention in some layers (Jamba), with one KV cache for many (SambaY)."""

from dse.spec.huggingface.dense import GATED, OUTPUT_BIAS, gated_ffn
from dse.spec.huggingface.reader import (
    BASE,
    HfConfig,
    Layer,
    Network,
    attention,
    family,
    words,
)

SKIPPED = "prompts pass all layers; engines may skip those that keep nothing, but for the last token"


def mamba1(c: HfConfig, inner: int, *, norms: bool = False) -> Layer:
    """A state for each of `inner` channels, and time steps, keys and queries that come of all of them."""
    rank = c.get("time_step_rank")
    steps = -(-c.size("hidden_size") // 16) if rank in ("auto", None) else c.size("time_step_rank")
    found = {
        "inner": inner,
        "state_dim": c.size("state_size"),
        "step_rank": steps,
        "conv": c.size("conv_kernel"),
        **({"norms": True} if norms else {}),
        **({"bias": True} if c.flag("use_bias") else {}),
        **({} if c.flag("use_conv_bias", True) else {"conv_bias": False}),
    }
    return {"mamba": found}


def _mamba(c: HfConfig) -> Network:
    """Mamba-1 alone in every layer; the norms of Falcon Mamba have no weights."""
    # Falcon Mamba says both, and its weights are as wide as the first
    said = c.get("intermediate_size") is not None
    inner = c.size("intermediate_size") if said else c.size("expand") * c.size("hidden_size")
    layer = mamba1(c, inner)
    return Network(layers=(layer,) * c.size("num_hidden_layers"), tied=c.flag("tie_word_embeddings", True))


def _jamba(c: HfConfig) -> Network:
    """Mamba-1 with attention in one layer of each period, and experts in some layers."""
    count = c.size("num_hidden_layers")
    # older files have a key for the norms, which later ones always have
    norms = c.flag("mamba_inner_layernorms", True)
    parts: dict[bool, Layer] = {
        True: {"attention": attention(c, bias=False)},
        False: mamba1(c, c.size("expand") * c.size("hidden_size"), norms=norms),
    }
    period, offset = c.size("attn_layer_period"), c.whole("attn_layer_offset", None)
    step, start = c.size("expert_layer_period"), c.whole("expert_layer_offset", None)
    experts, ffn = c.size("num_experts"), {"ffn": gated_ffn(c)}
    routed = {
        "experts": {
            "count": experts,
            "top_k": c.size("num_experts_per_tok"),
            "width": c.size("intermediate_size"),
        }
    }
    layers = [
        {**parts[i % period == offset], **(routed if experts > 1 and i % step == start else ffn)}
        for i in range(count)
    ]
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings"))


def _sambay(c: HfConfig) -> Network:
    """Mamba-1 and attention to a window by turns; then one that keeps all tokens, and layers that read it.

    In the second half, where there was Mamba, two matrices gate the scan of the last one; every other layer
    attends to the KV cache of the one layer that keeps all tokens.
    """
    for key in ("mlp_bias", "lm_head_bias"):
        c.must(key, False)
    c.must("mb_per_layer", 2)
    count, hidden = c.size("num_hidden_layers"), c.size("hidden_size")
    if count % 4:
        raise c.refuse("num_hidden_layers", "a multiple of 4")
    half, inner, ffn = count // 2, c.size("expand") * hidden, {"ffn": gated_ffn(c)}
    heads = {**attention(c, bias=True), "differential": True}
    keeps: Layer = {"attention": heads}
    parts = {
        "scan": mamba1(c, inner),
        "slides": {"attention": {**heads, "window": _window(c, count)}},
        "keeps": keeps,
        "gates": {"matrices": [{"inputs": hidden, "outputs": inner}, {"inputs": inner, "outputs": hidden}]},
        "reads": {"attention": {**heads, "kv": "shared"}},
    }
    which = ["scan", "slides"] * (half // 2) + ["scan", "keeps"] + ["gates", "reads"] * (half // 2 - 1)
    return Network(
        layers=tuple({**parts[kind], **ffn} for kind in which),
        tied=c.flag("tie_word_embeddings", True),
        notes=(OUTPUT_BIAS, SKIPPED),
    )


def _window(c: HfConfig, count: int) -> int:
    """Tokens of the window; its class writes a list with a number for each layer that slides."""
    listed = c.get("sliding_window")
    if not isinstance(listed, list):
        return c.size("sliding_window")
    sizes = {w for w in listed if w is not None}
    slides = [i % 2 == 1 and i < count // 2 for i in range(count)]
    (size,) = sizes if len(sizes) == 1 else (None,)
    if type(size) is not int or size < 1 or [w is not None for w in listed] != slides:
        raise c.refuse("sliding_window", f"a number, or one in every other of the first {count // 2} layers")
    return size


_STATE = words("state_size conv_kernel expand time_step_rank use_bias use_conv_bias")
_ALONE = (BASE - {"num_attention_heads"}) | _STATE | {"intermediate_size"}
_SMALL = "time_step_limit chunk_size mamba_chunk_size"
_OLD = {
    "d_model": "hidden_size",
    "d_inner": "intermediate_size",
    "n_layer": "num_hidden_layers",
    "mamba_d_state": "state_size",
    "mamba_d_conv": "conv_kernel",
    "mamba_expand": "expand",
    "mamba_dt_rank": "time_step_rank",
    "mamba_conv_bias": "use_conv_bias",
}
_PROJECTED = {**_OLD, "mamba_proj_bias": "use_bias"}

SELECTIVE = {
    "mamba": family(
        _mamba, _ALONE, "MambaForCausalLM", aliases=_OLD, passes=f"{_SMALL} pad_vocab_size_multiple"
    ),
    "falcon_mamba": family(_mamba, _ALONE, "FalconMambaForCausalLM", aliases=_OLD, passes=_SMALL),
    "jamba": family(
        _jamba,
        GATED
        | _STATE
        | words(
            """
            attn_layer_period attn_layer_offset expert_layer_period expert_layer_offset num_experts
            num_experts_per_tok mamba_inner_layernorms
            """
        ),
        "JambaForCausalLM",
        aliases={**_PROJECTED, "num_local_experts": "num_experts"},
        passes=f"{_SMALL} use_mamba_kernels sliding_window",
    ),
    "phi4flash": family(
        _sambay,
        GATED | _STATE | words("sliding_window mb_per_layer mlp_bias lm_head_bias"),
        "Phi4FlashForCausalLM",
        aliases=_PROJECTED,
    ),
}
"""`model_type` to its family."""
