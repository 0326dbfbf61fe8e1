"""LLMs with Mamba-1, with short convolutions, or with attention and a state next to each other.

Mamba-1 is linear attention with one head of keys, whose width is that of its state; the matrices between its
input and its time steps are matrices next to it. A short convolution is the two matrices around it.
"""

from collections.abc import Sequence

from dse.spec.huggingface.dense import GATED, NORMS, gated_ffn
from dse.spec.huggingface.linear import state_parts
from dse.spec.huggingface.reader import (
    BASE,
    FULL,
    STATE,
    HfConfig,
    Layer,
    Network,
    attention,
    family,
    kinds_of,
    words,
)
from dse.spec.huggingface.recent.states import mamba2

CONV = "conv"
NOT_COUNTED = "skips, decays and biases of Mamba are not counted"
TAPS = "short convolutions count with their matrices alone, without the few tokens that they keep"
_HEAD = 64
"""Width of a head of values, where Mamba-1 has none: it changes no count."""
_MOST = 1_000
"""Of a factor of the width of an FFN."""


def _mamba1(c: HfConfig, inner: int) -> Layer:
    """A state of `inner` x its width; keys and queries come from the inner values, not from the input."""
    hidden, state = c.size("hidden_size"), c.size("state_size")
    rank = c.get("time_step_rank")
    steps = -(-hidden // 16) if rank in ("auto", None) else c.size("time_step_rank")
    width = _HEAD if inner % _HEAD == 0 else 1
    return {
        "linear_attention": {
            "heads": inner // width,
            "key_heads": 1,
            "key_dim": state,
            "value_dim": width,
            "gate": True,
            "conv": c.size("conv_kernel"),
        },
        "matrices": [
            {"inputs": inner, "outputs": steps + 2 * state},
            {"inputs": steps, "outputs": inner},
        ],
    }


def _mamba(c: HfConfig) -> Network:
    """Mamba-1 alone in every layer."""
    c.must("use_bias", False)
    # Falcon Mamba says both, and its weights are as wide as the first
    said = c.get("intermediate_size") is not None
    layer = _mamba1(c, c.size("intermediate_size") if said else c.size("expand") * c.size("hidden_size"))
    return Network(
        layers=(layer,) * c.size("num_hidden_layers"),
        tied=c.flag("tie_word_embeddings", True),
        notes=(NOT_COUNTED,),
    )


def _mamba2(c: HfConfig) -> Network:
    """Mamba-2 alone in every layer."""
    c.must("use_bias", False)
    heads, size = c.size("num_heads"), c.size("head_dim")
    inner = c.size("expand") * c.size("hidden_size")
    if heads * size != inner:
        raise c.refuse("num_heads", f"expand x hidden_size / head_dim ({inner} / {size})")
    return Network(
        layers=(mamba2(c, heads, size),) * c.size("num_hidden_layers"),
        tied=c.flag("tie_word_embeddings"),
    )


def _jamba(c: HfConfig) -> Network:
    """Mamba-1 with attention in one layer of each period, and experts in some layers."""
    count = c.size("num_hidden_layers")
    parts: dict[bool, Layer] = {
        True: {"attention": attention(c, bias=False)},
        False: _mamba1(c, c.size("expand") * c.size("hidden_size")),
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
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings"), notes=(NOT_COUNTED,))


def _falcon_h1(c: HfConfig) -> Network:
    """Attention and Mamba-2 on the same input, then an FFN."""
    for key in ("projectors_bias", "mamba_proj_bias", "mlp_bias", "attention_bias"):
        c.must(key, False)
    heads, inner = c.size("mamba_n_heads"), c.get("mamba_d_ssm")
    width = c.size("expand") * c.size("hidden_size") if inner is None else c.size("mamba_d_ssm")
    if width % heads or c.get("mamba_d_head") not in ("auto", None, width // heads):
        raise c.refuse("mamba_d_head", f"mamba_d_ssm / mamba_n_heads ({width} / {heads})")
    layer: Layer = {
        "attention": attention(c, bias=False),
        "beside": mamba2(c, heads, width // heads),
        "ffn": gated_ffn(c),
    }
    return Network(
        layers=(layer,) * c.size("num_hidden_layers"),
        tied=c.flag("tie_word_embeddings"),
    )


def _conv_kinds(c: HfConfig) -> Sequence[str]:
    count = c.size("num_hidden_layers")
    full = c.items("full_attn_idxs", int)
    usual = [FULL if full is None or i in full else CONV for i in range(count)]
    return kinds_of(c, (FULL, CONV), usual)


def _conv_layers(c: HfConfig, inner: Sequence[Layer]) -> Network:
    """Attention or a short convolution, then what `inner` says of each layer."""
    c.must("conv_bias", False)
    hidden = c.size("hidden_size")
    parts: dict[str, Layer] = {
        FULL: {"attention": attention(c, bias=False)},
        CONV: {
            "matrices": [{"inputs": hidden, "outputs": 3 * hidden}, {"inputs": hidden, "outputs": hidden}]
        },
    }
    return Network(
        layers=tuple({**parts[kind], **what} for kind, what in zip(_conv_kinds(c), inner, strict=True)),
        tied=c.flag("tie_word_embeddings", True),
        notes=(TAPS,),
    )


def _lfm2(c: HfConfig) -> Network:
    width = c.size("intermediate_size")
    if c.flag("block_auto_adjust_ff_dim", True):
        multiple, times = c.size("block_multiple_of"), c.get("block_ffn_dim_multiplier")
        if isinstance(times, bool) or not isinstance(times, int | float) or not 0 < times < _MOST:
            raise c.refuse("block_ffn_dim_multiplier", f"a number above 0 and below {_MOST}")
        # two thirds, times a factor, rounded up, as Transformers has it
        width = -(-int(times * int(2 * width / 3)) // multiple) * multiple
    return _conv_layers(c, [{"ffn": {"width": width, "gated": True}}] * c.size("num_hidden_layers"))


def _lfm2_moe(c: HfConfig) -> Network:
    routed = {
        "experts": {
            "count": c.size("num_experts"),
            "top_k": c.size("num_experts_per_tok"),
            "width": c.size("moe_intermediate_size"),
        }
    }
    first, ffn = c.whole("num_dense_layers", None), {"ffn": gated_ffn(c)}
    return _conv_layers(c, [routed if i >= first else ffn for i in range(c.size("num_hidden_layers"))])


def _olmo_hybrid(c: HfConfig) -> Network:
    """Gated DeltaNet, and softmax attention in every fourth layer."""
    count = c.size("num_hidden_layers")
    which = kinds_of(c, (FULL, STATE), [STATE if (i + 1) % 4 else FULL for i in range(count)])
    full: Layer = {"attention": attention(c, bias=c.flag("attention_bias"))}
    state, ffn = state_parts(c), gated_ffn(c)
    return Network(
        layers=tuple({**(full if kind == FULL else state), "ffn": ffn} for kind in which),
        tied=c.flag("tie_word_embeddings"),
        notes=(NORMS,),
    )


_ALONE = (BASE - {"num_attention_heads"}) | words(
    "state_size conv_kernel expand intermediate_size use_bias time_step_rank"
)
_SMALL_2 = "use_conv_bias time_step_limit time_step_rank mamba_conv_bias"
_SMALL = f"{_SMALL_2} chunk_size mamba_chunk_size"
_OLD = {
    "d_model": "hidden_size",
    "d_inner": "intermediate_size",
    "n_layer": "num_hidden_layers",
    "mamba_d_state": "state_size",
    "mamba_d_conv": "conv_kernel",
    "mamba_expand": "expand",
    "mamba_dt_rank": "time_step_rank",
}
_JAMBA = GATED | words(
    """
    state_size conv_kernel expand time_step_rank attn_layer_period attn_layer_offset expert_layer_period
    expert_layer_offset num_experts num_experts_per_tok
    """
)
_H1 = GATED | words(
    """
    n_groups ssm_state_size conv_kernel expand mamba_n_heads mamba_d_head mamba_d_ssm projectors_bias
    mamba_proj_bias mlp_bias attention_bias chunk_size
    """
)
_CONV = GATED | words("layer_types full_attn_idxs conv_bias")
_TIED = {"tie_embedding": "tie_word_embeddings"}

MAMBAS = {
    "mamba": family(_mamba, _ALONE, "MambaForCausalLM", aliases=_OLD, passes=_SMALL),
    "falcon_mamba": family(_mamba, _ALONE, "FalconMambaForCausalLM", aliases=_OLD, passes=_SMALL),
    "mamba2": family(
        _mamba2,
        (BASE - {"num_attention_heads"})
        | words("num_heads head_dim n_groups ssm_state_size conv_kernel expand use_bias chunk_size"),
        "Mamba2ForCausalLM",
        aliases={"state_size": "ssm_state_size"},
        passes=_SMALL_2,
    ),
    "jamba": family(
        _jamba,
        _JAMBA,
        "JambaForCausalLM",
        aliases={**_OLD, "num_local_experts": "num_experts"},
        passes=f"{_SMALL} mamba_proj_bias mamba_inner_layernorms use_mamba_kernels sliding_window",
    ),
    "falcon_h1": family(
        _falcon_h1,
        _H1,
        "FalconH1ForCausalLM",
        aliases={
            "mamba_n_groups": "n_groups",
            "mamba_d_state": "ssm_state_size",
            "mamba_d_conv": "conv_kernel",
            "mamba_expand": "expand",
            "mamba_chunk_size": "chunk_size",
        },
        passes=f"{_SMALL_2} attention_in_multiplier attention_out_multiplier lm_head_multiplier "
        "mlp_multipliers ssm_in_multiplier ssm_multipliers ssm_out_multiplier key_multiplier "
        "mamba_norm_before_gate mamba_rms_norm mamba_use_mlp mlp_expansion_factor attn_layer_indices",
    ),
    "lfm2": family(
        _lfm2,
        _CONV | words("block_auto_adjust_ff_dim block_multiple_of block_ffn_dim_multiplier"),
        "Lfm2ForCausalLM",
        aliases={**_TIED, "block_ff_dim": "intermediate_size"},
        passes="use_pos_enc conv_L_cache conv_dim conv_dim_out block_dim block_use_swiglu "
        "block_mlp_init_scale block_out_init_scale block_norm_eps block_use_xavier_init num_heads "
        "conv_use_xavier_init",
    ),
    "lfm2_moe": family(
        _lfm2_moe,
        _CONV | words("num_experts num_experts_per_tok moe_intermediate_size num_dense_layers"),
        "Lfm2MoeForCausalLM",
        aliases=_TIED,
        passes="conv_L_cache use_expert_bias",
    ),
    "olmo_hybrid": family(
        _olmo_hybrid,
        GATED
        | words(
            """
            attention_bias layer_types linear_num_key_heads linear_num_value_heads linear_key_head_dim
            linear_value_head_dim linear_conv_kernel_dim
            """
        ),
        "OlmoHybridForCausalLM",
        passes="linear_allow_neg_eigval",
    ),
}
"""`model_type` to its family."""
