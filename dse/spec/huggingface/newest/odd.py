"""LLMs of a shape of their own: HRM-Text, Dory, Doge, DiffLlama, Phi-4-multimodal, Gemma, Chameleon."""

from dataclasses import replace

from dse.spec.huggingface.dense import GATED, NORMS, gated_ffn
from dse.spec.huggingface.newest.inklings import again
from dse.spec.huggingface.newest.picked import matrix
from dse.spec.huggingface.reader import (
    FULL,
    SLIDING,
    HfConfig,
    Layer,
    Network,
    attention,
    family,
    reach,
    words,
)
from dse.spec.huggingface.recent.gemmas import GEMMA4, gemma4
from dse.spec.huggingface.recent.plain import Plain, all_or_none, plain

_TWICE = "values are read by two heads of queries each, which is not counted"
_PREFIX = "tokens of a prompt see each other, of which the causal half is counted"
_MASK = "a mask that each token makes of its value is computed, and hides nothing here"


def _hrm(c: HfConfig) -> Network:
    """Two stacks of layers: the lower one runs several times, then the upper one, and all of it again."""
    each, high, low = c.get("num_layers_per_stack"), c.size("H_cycles"), c.size("L_cycles")
    stack = c.size("num_hidden_layers" if each is None else "num_layers_per_stack")
    runs = stack * high * (low + 1)
    if each is not None and c.size("num_hidden_layers") != runs:
        raise c.refuse("num_hidden_layers", f"num_layers_per_stack x H_cycles x (L_cycles + 1) ({runs})")
    heads = attention(c, bias=c.flag("attention_bias"), kv_heads=c.size("num_attention_heads"))
    layer: Layer = {"attention": {**heads, "gate": True}, "ffn": gated_ffn(c), "distinct": 2 * stack}
    return Network(layers=(layer,) * runs, tied=c.flag("tie_word_embeddings"))


def _doge(c: HfConfig) -> Network:
    c.must("is_moe", False)
    c.must("sliding_window", None)
    heads = attention(c, bias=c.flag("attention_bias"))
    few = c.size("num_key_value_heads", c.size("num_attention_heads"))
    dim = c.size("hidden_size") // c.size("num_attention_heads")
    layer: Layer = {"attention": heads, "ffn": gated_ffn(c), "matrices": [matrix(few * dim, few)]}
    return Network(
        layers=(layer,) * c.size("num_hidden_layers"), tied=c.flag("tie_word_embeddings"), notes=(_MASK,)
    )


def _dory(c: HfConfig) -> Network:
    """The layers between the first and the last run several times, each time with a KV cache of its own."""
    c.must(
        "recurrent_kv_cache_mode", "per_loop", "Another cache is read and not kept in all runs but the last."
    )
    c.must("mlp_bias", False)
    said = c.items("layer_types", str)
    # files count attention and FFN each
    parts = 2 if said is not None and "mlp" in said else 1
    count, first, last = (
        c.whole(key, None) // parts for key in ("num_hidden_layers", "n_input_layers", "n_output_layers")
    )
    said = None if said is None else said[::parts]
    which = said or [FULL if (i + 1) % 4 == 0 else SLIDING for i in range(count)]
    if len(which) != count or set(which) - {FULL, SLIDING}:
        raise c.refuse("layer_types", f"{count} words that are {FULL} or {SLIDING}")
    heads = {**attention(c, bias=c.flag("attention_bias")), "gate": True}
    layers: list[Layer] = [{"attention": {**heads, **reach(c, kind)}, "ffn": gated_ffn(c)} for kind in which]
    if first + last >= count:
        raise c.refuse("n_output_layers", f"fewer than {parts * (count - first)}")
    c.must("n_recurrent_layers", parts * (count - first - last))
    runs, end = c.size("n_recurrent_loops"), count - last
    core = again(layers[first:end], runs)
    return Network(
        layers=(*layers[:first], *core, *layers[end:], *core * (runs - 1)),
        tied=c.flag("tie_word_embeddings"),
        notes=(f"layers {first} to {end - 1} run {runs} times",),
    )


def _gemma(c: HfConfig) -> Network:
    """Gemma, whose tokens of a prompt see each other in PaliGemma."""
    found = plain(_GEMMA)(c)
    notes = (_PREFIX,) if c.flag("use_bidirectional_attention") else ()
    return replace(found, notes=(*found.notes, *notes))


_GEMMA = Plain(tied=True)
_DIFF = Plain(notes=(_TWICE,))
_PHI = Plain(
    bias=False,
    which=all_or_none,
    only={"full_attn_mod": 1, "mlp_bias": False, "lm_head_bias": False, "attention_bias": False},
)
_SWIN = Plain(notes=(NORMS,))

ODD = {
    "gemma": family(
        _gemma,
        _GEMMA.reads | {"use_bidirectional_attention"},
        "GemmaForCausalLM",
        "PaliGemmaForConditionalGeneration",
    ),
    "dory": family(
        _dory,
        GATED
        | words(
            """
            attention_bias mlp_bias layer_types sliding_window n_input_layers n_output_layers
            n_recurrent_loops n_recurrent_layers recurrent_kv_cache_mode
            """
        ),
        "DoryForCausalLM",
        passes="ngpt_alpha_init",
    ),
    "hrm_text": family(
        _hrm,
        (GATED - {"num_key_value_heads"}) | words("attention_bias H_cycles L_cycles num_layers_per_stack"),
        "HrmTextForCausalLM",
        passes="L_bp_cycles prefix_lm mlp_bias",
    ),
    "doge": family(
        _doge,
        (GATED - {"head_dim"}) | words("attention_bias is_moe sliding_window"),
        "DogeForCausalLM",
        passes="keep_window_size num_experts num_experts_per_tok mlp_bias",
    ),
    "diffllama": family(plain(_DIFF), _DIFF.reads, "DiffLlamaForCausalLM", passes="lambda_std_dev"),
    "phi4_multimodal": family(plain(_PHI), _PHI.reads | {"sliding_window"}, "Phi4MultimodalForCausalLM"),
    "chameleon": family(
        plain(_SWIN),
        _SWIN.reads | {"mlp_bias"},
        "ChameleonForConditionalGeneration",
        passes="vq_config vocabulary_map swin_norm model_parallel_size",
    ),
    "gemma4_unified_text": family(
        gemma4, GEMMA4, "Gemma4UnifiedForCausalLM", "Gemma4UnifiedForConditionalGeneration"
    ),
}
"""`model_type` to its family."""
