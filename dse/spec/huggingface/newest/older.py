"""Older LLMs that were left out so far: GPT, CTRL, GPT-Neo, XGLM, BioGPT, CPM-Ant, ModernBERT's decoder."""

from collections.abc import Sequence

from dse.spec.huggingface.dense import GATED
from dse.spec.huggingface.older import BIASES
from dse.spec.huggingface.reader import (
    BASE,
    FULL,
    SLIDING,
    HfConfig,
    Layer,
    Network,
    attention,
    family,
    kinds_of,
    words,
)

_HEAD_BIAS = "the bias of the LM head is not counted"
_PROMPTS = "tables of positions and segments, a few rows, are not counted"


def _plain(
    c: HfConfig, width: int, *, bias: bool, tied: bool, positions: int = 0, notes: tuple[str, ...] = (BIASES,)
) -> Network:
    """Equal layers, an FFN of two matrices."""
    layer: Layer = {
        "attention": attention(c, bias=bias, kv_heads=c.size("num_attention_heads")),
        "ffn": {"width": width, "gated": False},
    }
    return Network(
        layers=(layer,) * c.size("num_hidden_layers"),
        tied=c.flag("tie_word_embeddings", tied),
        learned_positions=positions,
        notes=notes,
    )


def _gpt(c: HfConfig) -> Network:
    width = 4 * c.size("hidden_size")
    return _plain(c, width, bias=True, tied=True, positions=c.size("n_positions"))


def _ctrl(c: HfConfig) -> Network:
    return _plain(c, c.size("dff"), bias=True, tied=True, notes=(BIASES, _HEAD_BIAS))


def _gpt_neo(c: HfConfig) -> Network:
    """A window in the layers that `attention_types` calls local; biases only of the output."""
    width = c.size("intermediate_size", 4 * c.size("hidden_size"))
    plain = _plain(c, width, bias=False, tied=True, positions=c.size("max_position_embeddings"))
    window = c.size("window_size")
    layers = tuple(
        {**layer, "attention": {**attention(c, bias=False, kv_heads=_heads(c)), "window": window}}
        if kind == SLIDING
        else layer
        for layer, kind in zip(plain.layers, _neo_kinds(c), strict=True)
    )
    return Network(
        layers=layers, tied=plain.tied, learned_positions=plain.learned_positions, notes=plain.notes
    )


def _heads(c: HfConfig) -> int:
    return c.size("num_attention_heads")


def _neo_kinds(c: HfConfig) -> Sequence[str]:
    """The words of `attention_layers`, or those of `attention_types`, so many times each."""
    listed, count = c.items("attention_layers", str), c.size("num_hidden_layers")
    if listed is None:
        runs = c.get("attention_types")
        if not isinstance(runs, list) or not all(_is_run(run) for run in runs):
            raise c.refuse("attention_types", "lists of words and how often they come")
        listed = tuple(word for what, times in runs for word in what * times)
    if len(listed) != count or set(listed) - {"global", "local"}:
        raise c.refuse("attention_layers", f"{count} words that are global or local")
    return [SLIDING if word == "local" else FULL for word in listed]


_MOST = 2_000


def _is_run(run: object) -> bool:
    match run:
        case [list(what), int(times)]:
            return 0 <= times <= _MOST and all(isinstance(word, str) for word in what)
        case _:
            return False


def _xglm(c: HfConfig) -> Network:
    # positions are computed
    return _plain(c, c.size("ffn_dim"), bias=True, tied=True)


def _biogpt(c: HfConfig) -> Network:
    # two rows before the first position
    positions = c.size("max_position_embeddings") + 2
    return _plain(c, c.size("intermediate_size"), bias=True, tied=True, positions=positions)


def _gpt_neox_japanese(c: HfConfig) -> Network:
    width = c.size("intermediate_multiple_size") * c.size("hidden_size")
    return _plain(c, width, bias=False, tied=True, notes=())


def _cpmant(c: HfConfig) -> Network:
    """Heads as wide as the file says; prompts have rows of the embedding, and the head is that matrix."""
    heads = _heads(c)
    layer: Layer = {
        "attention": {"heads": heads, "kv_heads": heads, "head_dim": c.size("head_dim")},
        "ffn": {"width": c.size("intermediate_size"), "gated": True},
    }
    return Network(
        layers=(layer,) * c.size("num_hidden_layers"),
        tied=c.flag("tie_word_embeddings", True),
        notes=(_PROMPTS,),
    )


def _modernbert(c: HfConfig) -> Network:
    """A window in two of three layers; a square matrix before the head."""
    hidden, count = c.size("hidden_size"), c.size("num_hidden_layers")
    step = c.size("global_attn_every_n_layers", 3)
    which = kinds_of(c, (FULL, SLIDING), [SLIDING if i % step else FULL for i in range(count)])
    heads = attention(c, bias=c.flag("attention_bias"), kv_heads=_heads(c))
    # the file counts what is seen to both sides
    window = max(c.size("local_attention") // 2, 1)
    ffn = {"width": c.size("intermediate_size"), "gated": True}
    layers: list[Layer] = [
        {"attention": {**heads, **({"window": window} if kind == SLIDING else {})}, "ffn": ffn}
        for kind in which
    ]
    layers[-1] = {**layers[-1], "matrices": [{"inputs": hidden, "outputs": hidden}]}
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings", True), notes=(BIASES, _HEAD_BIAS))


_OLD = {"n_embd": "hidden_size", "n_layer": "num_hidden_layers", "n_head": "num_attention_heads"}
_NEO = {
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "n_inner": "intermediate_size",
    "ffn_dim": "intermediate_size",
    "d_model": "hidden_size",
    "attention_heads": "num_attention_heads",
}

BEFORE = {
    "openai-gpt": family(_gpt, BASE | {"n_positions"}, "OpenAIGPTLMHeadModel", aliases=_OLD, passes="afn"),
    "ctrl": family(_ctrl, BASE | {"dff"}, "CTRLLMHeadModel", aliases=_OLD),
    "gpt_neo": family(
        _gpt_neo,
        BASE
        | words("intermediate_size max_position_embeddings window_size attention_types attention_layers"),
        "GPTNeoForCausalLM",
        aliases=_NEO,
    ),
    "xglm": family(
        _xglm,
        BASE | {"ffn_dim"},
        "XGLMForCausalLM",
        aliases={
            "d_model": "hidden_size",
            "num_layers": "num_hidden_layers",
            "attention_heads": "num_attention_heads",
        },
    ),
    "biogpt": family(_biogpt, BASE | words("intermediate_size max_position_embeddings"), "BioGptForCausalLM"),
    "gpt_neox_japanese": family(
        _gpt_neox_japanese, BASE | {"intermediate_multiple_size"}, "GPTNeoXJapaneseForCausalLM"
    ),
    "cpmant": family(
        _cpmant,
        BASE | words("intermediate_size head_dim"),
        "CpmAntForCausalLM",
        aliases={"dim_head": "head_dim", "dim_ff": "intermediate_size"},
        passes="prompt_types prompt_length segment_types position_bias_num_buckets "
        "position_bias_max_distance",
    ),
    "modernbert-decoder": family(
        _modernbert,
        (GATED - {"num_key_value_heads", "head_dim"})
        | words("attention_bias local_attention layer_types global_attn_every_n_layers"),
        "ModernBertDecoderForCausalLM",
        passes="mlp_bias decoder_bias sliding_window classifier_bias sparse_prediction "
        "sparse_pred_ignore_index deterministic_flash_attn reference_compile repad_logits_with_grad",
    ),
}
"""`model_type` to its family."""
