"""Inkling: positions relative to a row, short convolutions after projections, and layers in loops."""

import json
from collections import Counter
from collections.abc import Sequence

from dse.spec.huggingface.dense import gated_ffn
from dse.spec.huggingface.newest.picked import TAPS, matrix
from dse.spec.huggingface.reader import BASE, HfConfig, Layer, Network, attention, family, kinds_of, words

_FULL, _SLIDING = "hybrid", "hybrid_sliding"
_RELATIVE = "positions are looked up once a layer and not once a head"
_HEAD = "the LM head has {} rows, fewer than the embedding"


def _inkling(c: HfConfig) -> Network:
    """Experts with shared ones in all but the first layers."""
    _required(c)
    count = c.size("num_hidden_layers")
    parts = {kind: _attention(c, kind) for kind in (_FULL, _SLIDING)}
    first = c.whole("dense_mlp_idx")
    usual = ["dense" if i < first else "sparse" for i in range(count)]
    mlp = kinds_of(c, ("dense", "sparse"), usual, "mlp_layer_types")
    # older files call the width of the experts what newer ones call that of the dense layers
    old = c.get("dense_intermediate_size") is not None
    width = c.size("intermediate_size" if old else "moe_intermediate_size")
    shared = c.whole("n_shared_experts") * width
    routed = {
        "count": c.size("n_routed_experts"),
        "top_k": c.size("num_experts_per_tok"),
        "width": width,
        **({"shared_width": shared} if shared else {}),
    }
    ffn = gated_ffn(c, "dense_intermediate_size" if old else "intermediate_size")
    return Network(
        layers=tuple(
            {**parts[kind], **({"experts": routed} if inner == "sparse" else {"ffn": ffn})}
            for kind, inner in zip(_kinds(c), mlp, strict=True)
        ),
        tied=c.flag("tie_word_embeddings"),
        notes=_notes(c),
    )


def _kinds(c: HfConfig) -> Sequence[str]:
    """Which layers have a window: a list, numbers of layers, or all but the last of six."""
    count, local = c.size("num_hidden_layers"), None
    if "local_layer_ids" in c.reads:
        local = c.items("local_layer_ids", int)
    usual = [_SLIDING if ((i + 1) % 6 != 0 if local is None else i in local) else _FULL for i in range(count)]
    return kinds_of(c, (_FULL, _SLIDING), usual)


def _required(c: HfConfig) -> None:
    """Parts that the counts have, whatever a file calls them."""
    c.must("use_sconv", True)
    for key in ("q_bias", "o_bias"):
        c.must(key, False)


def _notes(c: HfConfig) -> tuple[str, ...]:
    rows = c.get("unpadded_vocab_size")
    return (TAPS, _RELATIVE, *((_HEAD.format(rows),) if rows not in (None, c.get("vocab_size")) else ()))


def _heads(c: HfConfig, kind: str) -> dict[str, object]:
    if kind == _FULL:
        return attention(c, bias=False)
    return {
        "heads": c.size("swa_num_attention_heads"),
        "kv_heads": c.size("swa_num_key_value_heads"),
        "head_dim": c.size("swa_head_dim"),
        "window": c.size("sliding_window_size"),
    }


def _attention(c: HfConfig, kind: str) -> Layer:
    """Softmax attention; what a row says of distances, and convolutions of keys, values and both outputs."""
    heads, hidden, taps = _heads(c, kind), c.size("hidden_size"), c.size("conv_kernel_size")
    far = c.size("rel_extent") if kind == _FULL else c.size("sliding_window_size")
    small = c.size("d_rel")
    number, kv, dim = (_number(heads[key]) for key in ("heads", "kv_heads", "head_dim"))
    around = [
        matrix(hidden, number * small),
        matrix(small, far),
        *[matrix(taps, kv * dim)] * 2,
        *[matrix(taps, hidden)] * 2,
    ]
    return {"attention": heads, "matrices": around}


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value


def _second(c: HfConfig, kind: str) -> Layer:
    """The same with a gate of the output, gates of heads, and taps that full layers compute for each head."""
    plain = _attention(c, kind)
    heads = _heads(c, kind)
    hidden, taps = c.size("hidden_size"), c.size("conv_kernel_size")
    number, kv = _number(heads["heads"]), _number(heads["kv_heads"])
    sinks = [matrix(hidden, number), *([matrix(hidden, taps * kv)] * 2 if kind == _FULL else [])]
    around = plain["matrices"]
    assert isinstance(around, list)
    return {
        "attention": {**heads, "gate": True},
        "matrices": [*around, *sinks],
        "experts": {
            "count": c.size("n_routed_experts"),
            "top_k": c.size("num_experts_per_tok"),
            "width": c.size("moe_intermediate_size"),
        },
    }


def _inkling2(c: HfConfig) -> Network:
    _required(c)
    parts = {kind: _second(c, kind) for kind in (_FULL, _SLIDING)}
    layers = tuple(parts[kind] for kind in _kinds(c))
    return Network(layers=layers, tied=c.flag("tie_word_embeddings"), notes=_notes(c))


def _inkling2_loop(c: HfConfig) -> Network:
    """Some layers run several times, with gates on what one pass hands to the next."""
    inside = c
    first, end, times, rank = (
        "loop_layer_index_start",
        "loop_layer_index_end",
        "loop_num_passes",
        "loop_gate_rank",
    )
    if c.get("loop_config") is not None:
        inside = c.part("loop_config", "core_start", "core_end", "num_passes", "gate_rank")
        first, end, times, rank = "core_start", "core_end", "num_passes", "gate_rank"
    plain, hidden = _inkling2(c), c.size("hidden_size")
    start, stop, passes = inside.whole(first, None), inside.size(end), inside.size(times)
    if not start < stop <= len(plain.layers):
        raise inside.refuse(end, f"a layer after {start} and at most {len(plain.layers)}")
    narrow = inside.size(rank)
    gates = [matrix(2 * hidden, narrow), matrix(narrow, hidden), matrix(narrow, hidden)] * 4
    core = []
    for layer in plain.layers[start:stop]:
        around = layer["matrices"]
        assert isinstance(around, list)
        core.append({**layer, "matrices": [*around, *gates]})
    looped = again(core, passes)
    return Network(
        layers=(*plain.layers[:start], *looped, *plain.layers[stop:], *looped * (passes - 1)),
        tied=plain.tied,
        notes=(*plain.notes, f"layers {start} to {stop - 1} run {passes} times"),
    )


def again(layers: Sequence[Layer], times: int) -> list[Layer]:
    """Layers that run several times, each with how many are stored of it."""
    if times == 1:
        return list(layers)
    texts = Counter(json.dumps(layer) for layer in layers)
    return [{**layer, "distinct": texts[json.dumps(layer)]} for layer in layers]


_SIZES = BASE | words(
    """
    num_key_value_heads head_dim swa_num_attention_heads swa_num_key_value_heads swa_head_dim
    sliding_window_size d_rel rel_extent layer_types conv_kernel_size moe_intermediate_size
    n_routed_experts num_experts_per_tok unpadded_vocab_size use_sconv q_bias o_bias
    """
)
_NAMES = {
    "sliding_window": "sliding_window_size",
    "num_local_experts": "n_routed_experts",
    "sconv_kernel_size": "conv_kernel_size",
}
_SECOND = {**_NAMES, "intermediate_size": "moe_intermediate_size"}
_SMALL = (
    "use_gate_bias use_global_scale use_embed_norm number_of_conv_states qk_l2_clip_threshold "
    "rel_l2_clip_threshold n_layers_per_attn_res_block"
)
_LOOP = words("loop_layer_index_start loop_layer_index_end loop_num_passes loop_gate_rank loop_config")

INKLINGS = {
    "inkling_text": family(
        _inkling,
        _SIZES
        | words(
            """
            local_layer_ids mlp_layer_types dense_mlp_idx intermediate_size dense_intermediate_size
            n_shared_experts
            """
        ),
        "InklingForCausalLM",
        "InklingForConditionalGeneration",
        aliases=_NAMES,
        passes="use_gate_bias use_global_scale use_embed_norm number_of_conv_states shared_expert_sink "
        "logits_mup_width_multiplier chain_hidden_post_norm",
    ),
    "inkling2_text": family(
        _inkling2,
        _SIZES,
        "Inkling2ForCausalLM",
        "Inkling2ForConditionalGeneration",
        aliases=_SECOND,
        passes=_SMALL,
    ),
    "inkling2_loop_text": family(
        _inkling2_loop,
        _SIZES | _LOOP,
        "Inkling2LoopForCausalLM",
        "Inkling2LoopForConditionalGeneration",
        aliases=_SECOND,
        passes=_SMALL,
    ),
}
"""`model_type` to its family."""
