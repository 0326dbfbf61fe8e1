"""LLMs of attention and short convolutions: LFM2, its mixture of experts, and LFM3."""

from collections.abc import Sequence

from dse.spec.huggingface.dense import GATED, NORMS, OUTPUT_BIAS, gated_ffn
from dse.spec.huggingface.reader import (
    FULL,
    SLIDING,
    HfConfig,
    Layer,
    Network,
    attention,
    family,
    kinds_of,
    reach,
    words,
)

CONV = "conv"
_MOST = 1_000
"""Of a factor of the width of an FFN."""


def short_convolution(c: HfConfig) -> Layer:
    """As wide as the residual stream, as Transformers has it; engines read a width of its own."""
    hidden = c.size("hidden_size")
    for key in ("conv_dim", "conv_dim_out"):
        if key in c.reads:
            c.must(key, hidden)
    found: Layer = {"width": hidden, "taps": c.size("conv_L_cache")}
    return {"short_convolution": {**found, "bias": True} if c.flag("conv_bias") else found}


def _kinds(c: HfConfig) -> Sequence[str]:
    count = c.size("num_hidden_layers")
    full = c.items("full_attn_idxs", int)
    usual = [FULL if full is None or i in full else CONV for i in range(count)]
    return kinds_of(c, (FULL, CONV), usual)


def _layers(c: HfConfig, inner: Sequence[Layer]) -> Network:
    """Attention or a short convolution, then what `inner` says of each layer."""
    parts: dict[str, Layer] = {FULL: {"attention": attention(c, bias=False)}, CONV: short_convolution(c)}
    return Network(
        layers=tuple({**parts[kind], **what} for kind, what in zip(_kinds(c), inner, strict=True)),
        tied=c.flag("tie_word_embeddings", True),
    )


def _lfm2(c: HfConfig) -> Network:
    width = c.size("intermediate_size")
    if c.flag("block_auto_adjust_ff_dim", True):
        multiple, times = c.size("block_multiple_of"), c.get("block_ffn_dim_multiplier")
        if isinstance(times, bool) or not isinstance(times, int | float) or not 0 < times < _MOST:
            raise c.refuse("block_ffn_dim_multiplier", f"a number above 0 and below {_MOST}")
        # two thirds, times a factor, rounded up, as Transformers has it
        width = -(-int(times * int(2 * width / 3)) // multiple) * multiple
    return _layers(c, [{"ffn": {"width": width, "gated": True}}] * c.size("num_hidden_layers"))


def _lfm2_moe(c: HfConfig) -> Network:
    routed = {
        "experts": {
            "count": c.size("num_experts"),
            "top_k": c.size("num_experts_per_tok"),
            "width": c.size("moe_intermediate_size"),
        }
    }
    first, ffn = c.whole("num_dense_layers", None), {"ffn": gated_ffn(c)}
    return _layers(c, [routed if i >= first else ffn for i in range(c.size("num_hidden_layers"))])


def _lfm3(c: HfConfig) -> Network:
    """Short convolutions, and attention to all tokens or to a window, whose heads have a gate each."""
    count = c.size("num_hidden_layers")
    usual = [FULL if i % 4 == 2 else SLIDING if i % 4 == 0 and i > 0 else CONV for i in range(count)]
    bias, ffn = c.flag("attention_bias"), gated_ffn(c)
    heads = attention(c, bias=bias)
    gate: Layer = {}
    if c.flag("use_attention_gate", True):
        gate = {"matrices": [{"inputs": c.size("hidden_size"), "outputs": c.size("num_attention_heads")}]}
    layers: list[Layer] = []
    for kind in kinds_of(c, (FULL, SLIDING, CONV), usual):
        if kind == CONV:
            layers.append({**short_convolution(c), "ffn": ffn})
        else:
            layers.append({"attention": {**heads, **reach(c, kind)}, "ffn": ffn, **gate})
    return Network(
        layers=tuple(layers),
        tied=c.flag("tie_word_embeddings", True),
        notes=(*((OUTPUT_BIAS,) if bias else ()), *((NORMS,) if c.flag("use_sandwich_norm", True) else ())),
    )


_CONV = GATED | words("layer_types full_attn_idxs conv_bias conv_L_cache")
_TIED = {"tie_embedding": "tie_word_embeddings"}

CONVOLUTIONS = {
    "lfm2": family(
        _lfm2,
        _CONV
        | words("block_auto_adjust_ff_dim block_multiple_of block_ffn_dim_multiplier conv_dim conv_dim_out"),
        "Lfm2ForCausalLM",
        aliases={**_TIED, "block_ff_dim": "intermediate_size"},
        passes="use_pos_enc block_dim block_use_swiglu block_mlp_init_scale block_out_init_scale "
        "block_norm_eps block_use_xavier_init num_heads conv_use_xavier_init theta",
    ),
    "lfm2_moe": family(
        _lfm2_moe,
        _CONV | words("num_experts num_experts_per_tok moe_intermediate_size num_dense_layers"),
        "Lfm2MoeForCausalLM",
        aliases=_TIED,
        passes="use_expert_bias",
    ),
    "lfm3": family(
        _lfm3,
        (_CONV - {"full_attn_idxs"})
        | words("sliding_window use_attention_gate use_sandwich_norm attention_bias"),
        "Lfm3ForCausalLM",
        aliases=_TIED,
    ),
}
"""`model_type` to its family."""
