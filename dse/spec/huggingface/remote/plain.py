"""LLMs of equal layers with an FFN that Transformers lacks: Qwen-1, TeleChat, Pangu, PLaMo, Spark."""

from collections.abc import Sequence
from dataclasses import replace

from dse.spec.huggingface.dense import GATED, NORMS, OUTPUT_BIAS, gated_ffn
from dse.spec.huggingface.reader import (
    BASE,
    FULL,
    SLIDING,
    Family,
    HfConfig,
    Layer,
    Network,
    attention,
    every,
    family,
    kinds_of,
    local,
    reach,
    words,
)
from dse.spec.huggingface.recent.plain import BIASES, Plain, plain
from dse.spec.huggingface.recent.unlike import HEAD_GATES

LOOPS = "every token goes through all of the loops, each with a KV cache of its own"


def _row(shape: Plain, *classes: str, more: str = "", passes: str = "", **aliases: str) -> Family:
    """A row of the table: the keys are those of the shape and `more`."""
    return family(plain(shape), shape.reads | words(more), *classes, aliases=aliases, passes=passes)


def _qwen(c: HfConfig) -> Network:
    """Qwen before Qwen2: `intermediate_size` is the width of gate and up matrix together."""
    width, heads = c.size("intermediate_size"), c.size("num_attention_heads")
    if width % 2:
        raise c.refuse("intermediate_size", "an even number, of which each of two matrices has half")
    c.must("no_bias", True)
    size = c.size("kv_channels", c.size("hidden_size") // heads)
    layer = {
        # biases on query, key and value, which no key says
        "attention": {"heads": heads, "kv_heads": heads, "head_dim": size, "bias": True},
        "ffn": {"width": width // 2, "gated": True},
    }
    return Network(layers=(layer,) * c.size("num_hidden_layers"), tied=c.flag("tie_word_embeddings"))


def _looped(c: HfConfig) -> Network:
    """The layers of LLaMA, several times."""
    for key in ("enable_double_loop_split", "loop_share_kv", "enable_depth_attention"):
        c.must(key, False)
    once = plain(Plain())(c)
    # null and a list that is left out are the same
    extra = c.get("loop_loss_weights")
    loops = c.size("num_loops")
    if isinstance(extra, list) and extra and len(extra) + 1 != loops:
        raise c.refuse("loop_loss_weights", f"a weight for each of {loops - 1} loops after the first")
    notes = (*once.notes, *((LOOPS,) if loops > 1 else ()))
    return replace(once, repeats=loops, notes=notes)


def _plamo(c: HfConfig) -> Network:
    """PLaMo: so many query heads share a KV head."""
    heads, together = c.size("num_attention_heads"), c.size("n_shared_head")
    layer = {
        "attention": attention(c, bias=False, kv_heads=-(-heads // together)),
        "ffn": gated_ffn(c),
        "parallel": True,
    }
    return Network(layers=(layer,) * c.size("num_hidden_layers"), tied=c.flag("tie_word_embeddings"))


def _plamo3(c: HfConfig) -> Sequence[str]:
    """The last layer of each pattern sees everything; older files call the window `window_size`."""
    return local(c)


def _spark(c: HfConfig) -> Sequence[str]:
    """Three layers with a window, then one without, where the file does not list them."""
    c.must("gate_attn_act_mode", "sigmoid")
    return kinds_of(c, (FULL, SLIDING), every(c, 4))


def _openelm(c: HfConfig) -> Network:
    """OpenELM: heads and widths of each layer."""
    c.must("ffn_with_glu", True)
    count, hidden = c.size("num_hidden_layers"), c.size("hidden_size")
    heads, kv_heads = c.items("num_query_heads", int), c.items("num_kv_heads", int)
    times, divisor = c.items("ffn_multipliers", float), c.size("ffn_dim_divisor")
    for key, found in (("num_query_heads", heads), ("num_kv_heads", kv_heads), ("ffn_multipliers", times)):
        if found is None or len(found) != count:
            raise c.refuse(key, f"{count} numbers")
    layers = [
        {
            "attention": {"heads": q, "kv_heads": kv, "head_dim": c.size("head_dim")},
            "ffn": {"width": _divisible(by * hidden, divisor), "gated": True},
        }
        for q, kv, by in zip(heads or (), kv_heads or (), times or (), strict=True)
    ]
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings", True))


def _divisible(width: float, divisor: int) -> int:
    """The nearest multiple, or the next one where that is less than nine tenths."""
    found = max(divisor, int(width + divisor / 2) // divisor * divisor)
    return found + divisor if found < 0.9 * width else found


def _baichuan_m1(c: HfConfig) -> Network:
    """Windows with heads of their own, and a short convolution of keys and values."""
    heads, count = c.size("num_attention_heads"), c.size("num_hidden_layers")
    full = {"heads": heads, "kv_heads": c.size("num_key_value_heads"), "head_dim": _part(c, heads)}
    swa = c.size("num_swa_attention_heads", heads)
    sliding = {
        "heads": swa,
        "kv_heads": c.size("num_swa_key_value_heads", c.size("num_key_value_heads")),
        "head_dim": _part(c, swa),
    }
    which = set(c.items("sliding_window_layers", int) or ())
    if which and max(which) >= count:
        raise c.refuse("sliding_window_layers", f"numbers of {count} layers")
    layers: list[Layer] = [
        {"attention": {**sliding, **reach(c, SLIDING)} if i in which else full, "ffn": gated_ffn(c)}
        for i in range(count)
    ]
    note = "the convolution of keys and values over two tokens, and the token that it keeps, are not counted"
    c.must("conv_window", 2)
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings"), notes=(note,))


def _part(c: HfConfig, heads: int) -> int:
    if c.size("hidden_size") % heads:
        raise c.refuse("num_attention_heads", f"a divisor of hidden_size ({c.size('hidden_size')})")
    return c.size("hidden_size") // heads


def _phi3_small(c: HfConfig) -> Network:
    """Phi-3-small: some layers visit blocks of the context alone, which has no weights."""
    layer = {
        "attention": attention(c, bias=True),
        "ffn": {"width": c.size("ff_intermediate_size"), "gated": True},
    }
    note = "layers that visit blocks of the context are counted as if they visited all of it"
    return Network(
        layers=(layer,) * c.size("num_hidden_layers"),
        tied=c.flag("tie_word_embeddings", True),
        notes=(BIASES, OUTPUT_BIAS, note),
    )


_N = {"n_layer": "num_hidden_layers", "n_head": "num_attention_heads", "ffn_hidden_size": "intermediate_size"}
_BISKIP = "bskcn_1 bskcn_2 bskcn_3 bskcn_4 bskcn_tv"
_PANGU = _row(Plain(bias="bias"), "PanguEmbeddedForCausalLM")

REMOTE_PLAIN = {
    "qwen": family(
        _qwen,
        BASE | words("intermediate_size kv_channels no_bias"),
        "QWenLMHeadModel",
        passes="seq_length softmax_in_fp32 use_logn_attn visual",
    ),
    **{
        kind: _row(
            Plain(), "Telechat3ForCausalLM", "TeleChat3ForCausalLM", more="mlp_bias", passes="pretraining_tp"
        )
        for kind in ("telechat3", "TeleChat3")
    },
    "telechat": _row(
        Plain(bias=False, notes=("biases of two output projections a layer are not counted",)),
        "TelechatForCausalLM",
        "TeleChatForCausalLM",
        "TeleChat2ForCausalLM",
        passes="embed_layernorm hidden_dropout training_softmax_in_fp32 logn unk_token_id base_seqlen "
        "training_seqlen",
        **_N,
    ),
    "teleflm": _row(
        Plain(),
        "TeleFLMForCausalLM",
        "TeleFLM",
        more="mlp_bias",
        passes="input_mult output_mult mup_scale_factor",
    ),
    "PanguEmbedded": _PANGU,
    "pangu_embedded": _PANGU,
    "nanbeige": family(
        _looped,
        GATED
        | words(
            "attention_bias mlp_bias num_loops loop_loss_weights enable_double_loop_split loop_share_kv "
            "enable_depth_attention"
        ),
        "NanbeigeForCausalLM",
        passes="skip_loop_final_norm",
    ),
    "phi3small": family(
        _phi3_small,
        BASE | words("num_key_value_heads ff_intermediate_size"),
        "Phi3SmallForCausalLM",
        passes="dense_attention_every_n_layers gegelu_limit gegelu_pad_to_256 blocksparse_block_size "
        "blocksparse_num_local_blocks blocksparse_vert_stride blocksparse_homo_head_pattern "
        "blocksparse_triton_kernel_block_size mup_attn_multiplier mup_embedding_multiplier "
        "mup_use_scaling mup_width_multiplier rope_embedding_base rope_position_scale "
        "dummy_token_indices ff_dim_multiplier pad_sequence_to_multiple_of_64",
    ),
    "solar": _row(Plain(), "SolarForCausalLM", more="mlp_bias", passes=_BISKIP),
    "skywork": _row(Plain(bias=False), "SkyworkForCausalLM"),
    "plamo": family(
        _plamo,
        BASE | words("intermediate_size n_shared_head"),
        "PlamoForCausalLM",
        passes="tokenizer_class",
    ),
    "plamo3": _row(
        Plain(bias=False, tied=True, which=_plamo3, notes=(NORMS,)),
        "Plamo3ForCausalLM",
        more="layer_types sliding_window sliding_window_pattern",
        passes="linear_type rope_local_theta image_feature_size image_proj_type interleaved_sliding_window",
        window_size="sliding_window",
    ),
    "spark2_5": _row(
        Plain(tied=True, which=_spark, only={"headwise_attn_output_gate": True}, notes=(HEAD_GATES,)),
        "Spark2_5ForCausalLM",
        more="layer_types sliding_window mlp_bias gate_attn_act_mode",
    ),
    "openelm": family(
        _openelm,
        BASE | words("head_dim num_query_heads num_kv_heads ffn_multipliers ffn_dim_divisor ffn_with_glu"),
        "OpenELMForCausalLM",
        aliases={
            "model_dim": "hidden_size",
            "num_transformer_layers": "num_hidden_layers",
            "share_input_output_layers": "tie_word_embeddings",
        },
        passes="num_gqa_groups qkv_multipliers normalize_qk_projections max_context_length "
        "rope_freq_constant rope_max_length activation_fn_name normalization_layer_name",
    ),
    "baichuan_m1": family(
        _baichuan_m1,
        BASE
        | words(
            "intermediate_size num_key_value_heads num_swa_attention_heads num_swa_key_value_heads "
            "sliding_window sliding_window_layers conv_window"
        ),
        "BaichuanM1ForCausalLM",
        passes="model_max_length",
    ),
}
"""`model_type` to its family."""
