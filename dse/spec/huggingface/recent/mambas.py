"""LLMs of Mamba-2 alone, of attention with Mamba-2 on the same input, or of Gated DeltaNet and attention."""

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


_SMALL_2 = "use_conv_bias time_step_limit time_step_rank mamba_conv_bias"
_H1 = GATED | words(
    """
    n_groups ssm_state_size conv_kernel expand mamba_n_heads mamba_d_head mamba_d_ssm projectors_bias
    mamba_proj_bias mlp_bias attention_bias chunk_size
    """
)

MAMBAS = {
    "mamba2": family(
        _mamba2,
        (BASE - {"num_attention_heads"})
        | words("num_heads head_dim n_groups ssm_state_size conv_kernel expand use_bias chunk_size"),
        "Mamba2ForCausalLM",
        aliases={"state_size": "ssm_state_size"},
        passes=_SMALL_2,
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
