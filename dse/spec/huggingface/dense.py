"""Families of LLMs with a gated FFN in every layer: LLaMA and what descends from it."""

from collections.abc import Sequence
from dataclasses import replace

from dse.spec.huggingface.reader import (
    BASE,
    FULL,
    SLIDING,
    HfConfig,
    Layer,
    Network,
    attention,
    drafting,
    family,
    kinds,
    local,
    reach,
)

GQA = BASE | {"num_key_value_heads", "head_dim"}
GATED = GQA | {"intermediate_size"}
_WINDOWS = frozenset({"layer_types", "sliding_window"})

OUTPUT_BIAS = "biases of the output projection are not counted"
NORMS = "norms around attention and FFN beyond two a layer are not counted"
VISION = "the language model alone, without the tower that sees"


def gated_ffn(c: HfConfig, key: str = "intermediate_size") -> dict[str, object]:
    """SwiGLU, GeGLU and their kin: three matrices."""
    return {"width": c.size(key), "gated": True}


def dense(c: HfConfig, which: Sequence[str], *, bias: bool) -> tuple[Layer, ...]:
    """Layers with a gated FFN and the kinds of attention in `which`."""
    heads, ffn = attention(c, bias=bias), gated_ffn(c)
    return tuple({"attention": {**heads, **reach(c, kind)}, "ffn": ffn} for kind in which)


def uniform(c: HfConfig, kind: str) -> list[str]:
    """The same kind of attention in every layer."""
    return [kind] * c.size("num_hidden_layers")


def shared_heads(c: HfConfig) -> None:
    """Refuses a `head_dim` that is no equal share of the hidden size, in a class that does not read it."""
    share = c.size("hidden_size") // c.size("num_attention_heads")
    if c.size("head_dim", share) != share:
        hint = "The class goes by hidden_size and num_attention_heads alone."
        raise c.refuse("head_dim", f"hidden_size / num_attention_heads ({share})", hint)


def qwen_kinds(c: HfConfig) -> Sequence[str]:
    """Layers from `max_window_layers` on slide, and only where `use_sliding_window` is set."""
    full = uniform(c, FULL)
    if not c.flag("use_sliding_window"):
        return kinds(c, full)
    # None makes it required: nothing else says which layers slide
    first = c.whole("max_window_layers", None)
    return kinds(c, [SLIDING if i >= first else FULL for i in range(len(full))])


def _llama(c: HfConfig) -> Network:
    bias, notes = c.flag("attention_bias"), []
    if bias:
        notes.append(OUTPUT_BIAS)
    if c.flag("mlp_bias"):
        notes.append("biases of the FFN are not counted")
    return Network(
        layers=dense(c, uniform(c, FULL), bias=bias), tied=c.flag("tie_word_embeddings"), notes=tuple(notes)
    )


def _internlm2(c: HfConfig) -> Network:
    # InternLM2 has these biases unless its file says otherwise
    bias = c.flag("attention_bias", True)
    return Network(
        layers=dense(c, uniform(c, FULL), bias=bias),
        tied=c.flag("tie_word_embeddings"),
        notes=(OUTPUT_BIAS,) if bias else (),
    )


def _mistral(c: HfConfig) -> Network:
    # null since Mistral 7B v0.2: attention over the whole context
    kind = FULL if c.get("sliding_window") is None else SLIDING
    return Network(
        layers=dense(c, kinds(c, uniform(c, kind)), bias=False), tied=c.flag("tie_word_embeddings")
    )


def _phi3(c: HfConfig) -> Network:
    # every so many layers see everything: all of them, in every file that was published
    c.must("full_attn_mod", 1)
    for key in ("mlp_bias", "lm_head_bias", "attention_bias"):
        c.must(key, False)
    return _mistral(c)


def _qwen2(c: HfConfig) -> Network:
    # Qwen2 has biases on query, key and value without a key that says so
    return Network(layers=dense(c, qwen_kinds(c), bias=True), tied=c.flag("tie_word_embeddings"))


def _qwen2_seen(c: HfConfig) -> Network:
    """Qwen2 inside what sees: heads share the hidden size, whatever `head_dim` says."""
    shared_heads(c)
    return _qwen2(c)


def _mimo(c: HfConfig) -> Network:
    """Qwen2, with modules of one of its layers that draft (mimo_mtp.py of vLLM)."""
    network = _qwen2(c)
    return replace(network, draft=drafting(c, c.whole("num_nextn_predict_layers"), network.layers[-1]))


def _qwen3(c: HfConfig) -> Network:
    return Network(
        layers=dense(c, qwen_kinds(c), bias=c.flag("attention_bias")), tied=c.flag("tie_word_embeddings")
    )


def _gemma(c: HfConfig) -> Network:
    # a pattern of 2 is the default of Gemma 2, of 6 that of Gemma 3, see `defaults`
    which = local(c)
    return Network(
        layers=dense(c, which, bias=c.flag("attention_bias")),
        # Gemma ties the two unless its file says otherwise
        tied=c.flag("tie_word_embeddings", True),
        notes=(NORMS,),
    )


_QWEN = GATED | _WINDOWS | {"use_sliding_window", "max_window_layers"}
_GEMMA = GATED | _WINDOWS | {"attention_bias", "sliding_window_pattern"}
_LLAMA = GATED | {"attention_bias", "mlp_bias"}
_SEES = ("Qwen2VLForConditionalGeneration", "Qwen2_5_VLForConditionalGeneration")

DENSE = {
    "llama": family(_llama, _LLAMA, "LlamaForCausalLM", "LLaMAForCausalLM"),
    "granite": family(_llama, _LLAMA, "GraniteForCausalLM"),
    "internlm2": family(
        _internlm2, GATED | {"attention_bias"}, "InternLM2ForCausalLM", aliases={"bias": "attention_bias"}
    ),
    "mistral": family(_mistral, GATED | _WINDOWS, "MistralForCausalLM"),
    "phi3": family(
        _phi3,
        GATED | _WINDOWS | {"full_attn_mod", "mlp_bias", "lm_head_bias", "attention_bias"},
        "Phi3ForCausalLM",
    ),
    "qwen2": family(_qwen2, _QWEN, "Qwen2ForCausalLM"),
    "mimo": family(
        _mimo, _QWEN | {"num_nextn_predict_layers"}, "MiMoForCausalLM", passes="attention_bias use_mrope"
    ),
    # older files of the two that see keep the keys of the language model at the top
    **{
        kind: family(_qwen2_seen, _QWEN, *_SEES, passes="vision_config vision_start_token_id vision_token_id")
        for kind in ("qwen2_vl", "qwen2_vl_text", "qwen2_5_vl", "qwen2_5_vl_text", "qwen2_5_omni_text")
    },
    "qwen3": family(_qwen3, _QWEN | {"attention_bias"}, "Qwen3ForCausalLM"),
    "qwen3_vl_text": family(_qwen3, _QWEN | {"attention_bias"}, "Qwen3VLForConditionalGeneration"),
    # published files say the window twice
    "gemma2": family(_gemma, _GEMMA, "Gemma2ForCausalLM", aliases={"sliding_window_size": "sliding_window"}),
    "gemma3_text": family(
        _gemma, _GEMMA, "Gemma3ForCausalLM", aliases={"_sliding_window_pattern": "sliding_window_pattern"}
    ),
}
"""`model_type` to its family."""
