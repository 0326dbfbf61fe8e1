"""Encoders of texts: T5 and its kin, BART and its kin, T5Gemma."""

from collections.abc import Callable

from dse.spec.huggingface.dense import NORMS, VISION, gated_ffn
from dse.spec.huggingface.encoders.parts import UNCOUNTED, decoder, heads_of, layers_of, texts
from dse.spec.huggingface.reader import (
    FULL,
    SLIDING,
    HfConfig,
    Network,
    attention,
    blocks,
    every,
    family,
    kinds_of,
    reach,
    words,
)

T5_TOKENS = 512
"""Tokens of a source that T5 was trained with (arXiv 1910.10683), for files that say no length."""
OWN_HEAD = "embedding and LM head are two, as the file says; Transformers 5 makes one of them"
RELATIVE = "biases of relative positions are not counted"


def _t5(c: HfConfig) -> Network:
    """Self attention without positions of its own; embedding and encoder share one table."""
    c.must("is_encoder_decoder", True)
    if c.get("tie_word_embeddings") is None:
        raise c.refuse("tie_word_embeddings", "true or false")
    said = c.get("feed_forward_proj")
    if not isinstance(said, str) or said.count("-") > 1 or ("-" in said and not said.startswith("gated-")):
        raise c.refuse("feed_forward_proj", "an activation, or gated- and an activation")
    heads = {name: c.size("num_heads") for name in ("heads", "kv_heads")} | {"head_dim": c.size("d_kv")}
    ffn = {"width": c.size("d_ff"), "gated": said.startswith("gated-")}
    count, tokens = layers_of(c, "num_layers"), c.size("n_positions", T5_TOKENS)
    layer = {"attention": heads, "ffn": ffn}
    tied = c.flag("tie_word_embeddings")
    return Network(
        layers=decoder(layers_of(c, "num_decoder_layers", count), heads, heads, ffn),
        tied=tied,
        encoder={"tokens": tokens, "hidden": c.size("hidden_size"), "blocks": blocks([layer] * count)},
        notes=(texts(tokens), RELATIVE, *(() if tied else (OWN_HEAD,))),
    )


def _bart(extra: int | None) -> Callable[[HfConfig], Network]:
    """Learned positions on both sides, `extra` more than tokens; None where positions are computed."""

    def network(c: HfConfig) -> Network:
        c.must("is_encoder_decoder", True)
        if "share_encoder_decoder_embeddings" in c.reads:
            c.must("share_encoder_decoder_embeddings", True)
            c.must("decoder_vocab_size", c.get("vocab_size"))
        hidden, tokens = c.size("hidden_size"), c.size("max_position_embeddings")
        positions = 0 if extra is None else tokens + extra
        reads = heads_of(c, "encoder_attention_heads", hidden, bias=True)
        writes = heads_of(c, "decoder_attention_heads", hidden, bias=True)
        layer = {"attention": reads, "ffn": {"width": c.size("encoder_ffn_dim"), "gated": False}}
        ffn = {"width": c.size("decoder_ffn_dim"), "gated": False}
        table = {"lookup": [{"entries": positions, "width": hidden}]} if positions else {}
        return Network(
            layers=decoder(layers_of(c, "decoder_layers"), writes, writes, ffn),
            tied=c.flag("tie_word_embeddings", True),
            learned_positions=positions,
            encoder={
                "tokens": tokens,
                "hidden": hidden,
                "blocks": blocks([layer] * layers_of(c, "encoder_layers")),
                **table,
            },
            notes=(texts(tokens), UNCOUNTED),
        )

    return network


_GEMMA = words(
    """
    hidden_size intermediate_size num_hidden_layers num_attention_heads num_key_value_heads head_dim
    vocab_size max_position_embeddings layer_types sliding_window attention_bias model_type dtype torch_dtype
    tie_word_embeddings rope_parameters rope_theta cross_attention_hidden_size
    """
)


def _t5gemma(c: HfConfig) -> Network:
    """A Gemma 2 on each side, each with an embedding of its own; the decoder's is its head."""
    reader = c.part("encoder", *_GEMMA)
    ffn, count = gated_ffn(c), c.size("num_hidden_layers")
    heads = attention(c, bias=c.flag("attention_bias"))
    tokens, hidden = reader.size("max_position_embeddings"), reader.size("hidden_size")
    side = attention(reader, bias=reader.flag("attention_bias"))
    seen = kinds_of(reader, (FULL, SLIDING), _alternating(reader))
    layers = [{"attention": {**side, **reach(reader, kind)}, "ffn": gated_ffn(reader)} for kind in seen]
    own = kinds_of(c, (FULL, SLIDING), _alternating(c))
    return Network(
        layers=tuple({"attention": {**heads, **reach(c, kind)}} for kind in own)
        + ({"cross_attention": heads, "ffn": ffn},) * count,
        tied=c.flag("tie_word_embeddings", True),
        encoder={
            "tokens": tokens,
            "hidden": hidden,
            "blocks": blocks(layers),
            "lookup": [{"entries": reader.size("vocab_size"), "width": hidden}],
        },
        notes=(texts(tokens), NORMS),
    )


def _t5gemma2(c: HfConfig) -> Network:
    """A Gemma 3 on each side; one attention, with one set of matrices, sees the rows of both."""
    reader = c.part("encoder", *_AROUND).part("text_config", *_GEMMA)
    heads, count = attention(c, bias=c.flag("attention_bias")), c.size("num_hidden_layers")
    tokens, hidden = reader.size("max_position_embeddings"), reader.size("hidden_size")
    if hidden != c.size("hidden_size"):
        raise reader.refuse("hidden_size", f"that of the decoder ({c.size('hidden_size')})")
    side = attention(reader, bias=reader.flag("attention_bias"))
    seen = kinds_of(reader, (FULL, SLIDING), ()) or every(reader, _EVERY)
    layers = [{"attention": {**side, **reach(reader, kind)}, "ffn": gated_ffn(reader)} for kind in seen]
    own = kinds_of(c, (FULL, SLIDING), every(c, _EVERY))
    lent = {name: heads[name] for name in ("heads", "kv_heads", "head_dim")} | {"shared": True}
    return Network(
        layers=tuple(
            {
                "attention": {**heads, **reach(c, kind)},
                "beside": {"cross_attention": lent},
                "ffn": gated_ffn(c),
            }
            for kind in own[:count]
        ),
        tied=c.flag("tie_word_embeddings", True),
        encoder={"tokens": tokens, "hidden": hidden, "blocks": blocks(layers)},
        notes=(texts(tokens), NORMS, VISION),
    )


def _alternating(c: HfConfig) -> list[str]:
    return [SLIDING if (i + 1) % 2 else FULL for i in range(c.size("num_hidden_layers"))]


_EVERY = 6
"""Layers of which the last sees everything, where T5Gemma 2 does not say which."""
_AROUND = (
    *words("text_config vision_config mm_tokens_per_image model_type dtype torch_dtype tie_word_embeddings"),
)
_T5 = words(
    """
    hidden_size vocab_size num_layers num_decoder_layers num_heads d_kv d_ff feed_forward_proj
    tie_word_embeddings is_encoder_decoder n_positions
    """
)
_T5_PASSES = """
    relative_attention_num_buckets relative_attention_max_distance dense_act_fn is_gated_act num_hidden_layers
    scale_decoder_outputs
"""
_BART = words(
    """
    hidden_size vocab_size max_position_embeddings encoder_layers encoder_ffn_dim encoder_attention_heads
    decoder_layers decoder_ffn_dim decoder_attention_heads tie_word_embeddings is_encoder_decoder
    """
)
_BART_PASSES = """
    num_hidden_layers add_bias_logits add_final_layer_norm normalize_before normalize_embedding
    scale_embedding static_position_embeddings extra_pos_embeddings classif_dropout num_labels
    force_bos_token_to_be_generated encoder_layerdrop decoder_layerdrop share_encoder_decoder_embeddings
    decoder_vocab_size
"""
_MARIAN = _BART | {"share_encoder_decoder_embeddings", "decoder_vocab_size"}
_NAME = {"d_model": "hidden_size"}

TEXTS = {
    "t5": family(
        _t5,
        _T5,
        "T5ForConditionalGeneration",
        "T5WithLMHeadModel",
        "MT5ForConditionalGeneration",
        aliases=_NAME,
        passes=_T5_PASSES,
    ),
    "mt5": family(_t5, _T5, "MT5ForConditionalGeneration", aliases=_NAME, passes=_T5_PASSES),
    "umt5": family(_t5, _T5, "UMT5ForConditionalGeneration", aliases=_NAME, passes=_T5_PASSES),
    "bart": family(_bart(2), _BART, "BartForConditionalGeneration", aliases=_NAME, passes=_BART_PASSES),
    "mbart": family(_bart(2), _BART, "MBartForConditionalGeneration", aliases=_NAME, passes=_BART_PASSES),
    "pegasus": family(_bart(0), _BART, "PegasusForConditionalGeneration", aliases=_NAME, passes=_BART_PASSES),
    "marian": family(_bart(0), _MARIAN, "MarianMTModel", "MarianModel", aliases=_NAME, passes=_BART_PASSES),
    "m2m_100": family(
        _bart(None), _BART, "M2M100ForConditionalGeneration", aliases=_NAME, passes=_BART_PASSES
    ),
    "t5gemma": family(
        _t5gemma,
        _GEMMA - {"model_type", "dtype", "torch_dtype", "rope_parameters", "rope_theta"}
        | {"encoder", "is_encoder_decoder"},
        "T5GemmaForConditionalGeneration",
    ),
    "t5gemma2": family(
        _t5gemma2,
        _GEMMA - {"model_type", "dtype", "torch_dtype", "rope_parameters", "rope_theta"}
        | {"encoder", "is_encoder_decoder"},
        "T5Gemma2ForConditionalGeneration",
    ),
}
"""`model_type` to its family."""
