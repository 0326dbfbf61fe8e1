"""Gemma 3n and Gemma 4: layers that share KV cache, keys that are values, rows of a table for each layer."""

from collections.abc import Sequence
from dataclasses import replace

from dse.spec.huggingface.dense import GATED, NORMS, gated_ffn
from dse.spec.huggingface.reader import (
    FULL,
    SLIDING,
    HfConfig,
    Layer,
    Network,
    attention,
    every,
    family,
    kinds_of,
    reach,
    words,
)
from dse.text import short


def gemma4(c: HfConfig) -> Network:
    """Wider heads where a layer sees everything; an FFN next to the experts where there are any."""
    if c.get("use_bidirectional_attention") not in (None, "vision"):
        raise c.refuse("use_bidirectional_attention", "null or vision")
    count = c.size("num_hidden_layers")
    which = [*kinds_of(c, (FULL, SLIDING), every(c, 6))[:-1], FULL]  # Transformers makes the last one full
    shared = _shared(c, which)
    bias = c.flag("attention_bias")
    same = c.flag("attention_k_eq_v")
    sliding = attention(c, bias=bias)
    few = (
        c.size("num_key_value_heads")
        if not same
        else c.size("num_global_key_value_heads", c.size("num_key_value_heads"))
    )
    wide = {**sliding, "kv_heads": few, "head_dim": c.size("global_head_dim"), **wide_heads(c, which)}
    if same:
        wide["kv"] = "key_is_value"
    routed = {"experts": _gemma4_experts(c)} if c.flag("enable_moe_block") else {}
    ffn, rows = gated_ffn(c), _rows(c)
    wider = any(shared) and c.flag("use_double_wide_mlp")
    double = {**ffn, "width": 2 * c.size("intermediate_size")} if wider else ffn
    layers: list[Layer] = []
    for i in range(count):
        lent = {"kv": "shared"} if shared[i] else {}
        heads = {**(wide if which[i] == FULL else sliding), **reach(c, which[i]), **lent}
        layers.append({"attention": heads, "ffn": double if shared[i] else ffn, **routed, **rows})
    return Network(
        layers=tuple(layers), tied=c.flag("tie_word_embeddings", True), notes=(NORMS,), lookup=_table(c)
    )


def wide_heads(c: HfConfig, which: Sequence[str]) -> dict[str, object]:
    """What Transformers 5 writes of the layers that see everything, the same of each."""
    found = c.get("per_layer_config")
    if found is None:
        return {}
    full = [i for i, kind in enumerate(which) if kind == FULL]
    if (
        not isinstance(found, dict)
        or sorted(str(key).lstrip("0") or "0" for key in found) != sorted(map(str, full))
        or any(what != next(iter(found.values())) for what in found.values())
    ):
        raise c.refuse("per_layer_config", f"the same of each layer that sees everything ({short(full)})")
    one = replace(c, data={"per_layer_config": next(iter(found.values()))})
    inside = one.part("per_layer_config", "head_dim", "num_key_value_heads")
    names = {"head_dim": "head_dim", "num_key_value_heads": "kv_heads"}
    return {new: inside.size(old) for old, new in names.items() if old in inside.data}


def _gemma4_experts(c: HfConfig) -> dict[str, object]:
    return {
        "count": c.size("num_experts"),
        "top_k": c.size("top_k_experts"),
        "width": c.size("moe_intermediate_size"),
    }


def _gemma3n(c: HfConfig) -> Network:
    """Four residual streams (AltUp), a narrow path next to each layer (LAuReL), and rows of a table."""
    hidden, count, streams = c.size("hidden_size"), c.size("num_hidden_layers"), c.size("altup_num_inputs")
    which = kinds_of(c, (FULL, SLIDING), every(c, 5))
    shared = _shared(c, which)
    heads = attention(c, bias=c.flag("attention_bias"))
    rank = c.size("laurel_rank")
    narrow = [_matrix(hidden, streams), _matrix(hidden, rank), _matrix(rank, hidden)]
    # to the further streams at the start, and from them at the end
    across = [_matrix(hidden, hidden)] * (streams - 1)
    inside = [*narrow, *_rows(c).get("matrices", [])]
    layers: list[Layer] = []
    for i, width in enumerate(_widths(c)):
        around = across * ((i == 0) + (i == count - 1))
        layers.append(
            {
                "attention": {**heads, **reach(c, which[i]), **({"kv": "shared"} if shared[i] else {})},
                "ffn": {"width": width, "gated": True},
                "matrices": [*inside, *around],
            }
        )
    return Network(
        layers=tuple(layers), tied=c.flag("tie_word_embeddings", True), notes=(NORMS,), lookup=_table(c)
    )


def _widths(c: HfConfig) -> Sequence[int]:
    """Width of the FFN of each layer: a list of them, or one for all."""
    count = c.size("num_hidden_layers")
    if not isinstance(c.get("intermediate_size"), list):
        return [c.size("intermediate_size")] * count
    found = c.items("intermediate_size", int) or ()
    if len(found) != count or min(found) < 1:
        raise c.refuse("intermediate_size", f"{count} whole numbers of at least 1")
    return found


def _shared(c: HfConfig, which: Sequence[str]) -> Sequence[bool]:
    """Which layers read the KV cache of an earlier one: the last ones, that of the last of their kind."""
    count, last = len(which), c.whole("num_kv_shared_layers")
    first = count - last
    if last and set(which[max(first, 0) :]) - set(which[: max(first, 0)]):
        raise c.refuse("num_kv_shared_layers", "a layer of each kind before those that share")
    return [i >= first for i in range(count)]


def _rows(c: HfConfig) -> dict[str, list[dict[str, int]]]:
    """Matrices of a layer for its row of a table: its gate, its way out, its share of the projection."""
    hidden, width = c.size("hidden_size"), c.whole("hidden_size_per_layer_input")
    if not width:
        return {}
    return {"matrices": [_matrix(hidden, width), _matrix(width, hidden), _matrix(hidden, width)]}


def _table(c: HfConfig) -> tuple[Layer, ...]:
    """Rows of all layers side by side."""
    width = c.whole("hidden_size_per_layer_input")
    if not width:
        return ()
    entries = c.size("vocab_size_per_layer_input")
    return ({"entries": entries, "width": c.size("num_hidden_layers") * width},)


def _matrix(inputs: int, outputs: int) -> dict[str, int]:
    return {"inputs": inputs, "outputs": outputs}


_SHARING = GATED | words(
    """
    attention_bias layer_types sliding_window num_kv_shared_layers hidden_size_per_layer_input
    vocab_size_per_layer_input
    """
)
GEMMA4 = _SHARING | words(
    """
    num_experts num_experts_per_tok moe_intermediate_size global_head_dim num_global_key_value_heads
    attention_k_eq_v enable_moe_block top_k_experts use_bidirectional_attention use_double_wide_mlp
    per_layer_config
    """
)

GEMMAS = {
    "gemma4_text": family(
        gemma4,
        GEMMA4,
        "Gemma4ForCausalLM",
        "Gemma4ForConditionalGeneration",
        passes="expert_intermediate_size",
    ),
    "gemma3n_text": family(
        _gemma3n,
        _SHARING | words("altup_num_inputs laurel_rank"),
        "Gemma3nForCausalLM",
        "Gemma3nForConditionalGeneration",
        passes="activation_sparsity_pattern altup_active_idx altup_coef_clip altup_correct_scale",
    ),
}
"""`model_type` to its family."""
