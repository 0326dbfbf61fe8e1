"""LLMs of 2026 whose latent attention visits what an index picks: A.X K2, Hy 4, GLM-5.3, dots 3 and more."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from dse.spec.huggingface.dense import gated_ffn
from dse.spec.huggingface.experts import MLA, PREDICTION, deepseek, experts, latent_attention
from dse.spec.huggingface.reader import (
    FULL,
    SLIDING,
    STATE,
    HfConfig,
    Layer,
    Network,
    family,
    kinds_of,
    words,
)

STREAMS = "matrices that mix the streams of the residual count in layers, but not before the head"
TAPS = "short convolutions inside attention count with their weights, without the few tokens that they keep"
_PICKED, _SHARED = "indexed_attention", "shared"


def matrix(inputs: int, outputs: int) -> dict[str, int]:
    """A bare matrix of a layer."""
    return {"inputs": inputs, "outputs": outputs}


def _index(c: HfConfig, **more: object) -> Layer:
    found = {"heads": c.size("index_n_heads"), "dim": c.size("index_head_dim"), **more}
    return {"beside": {"index": found}}


def _all_picked(c: HfConfig) -> None:
    kinds_of(c, (_PICKED,), (), "layer_types")


def own_index(c: HfConfig, usual: Callable[[int], bool]) -> Sequence[bool]:
    """Which layers have an index of their own: a list, a pattern of letters, or the `usual` ones."""
    count = c.size("num_hidden_layers")
    listed, letters = c.items("indexer_types", str), c.get("index_topk_pattern")
    if listed is None and isinstance(letters, str) and not set(letters) - set("FS"):
        listed = tuple("full" if letter == "F" else _SHARED for letter in letters)
    if listed is None:
        return [usual(i) for i in range(count)]
    if len(listed) != count or set(listed) - {"full", _SHARED} or listed[0] == _SHARED:
        raise c.refuse("indexer_types", f"{count} words that are full or {_SHARED}, the first full")
    return [kind == "full" for kind in listed]


def _every(c: HfConfig) -> Callable[[int], bool]:
    """After the first layers one in so many has an index, as in GLM-5."""
    step, first = c.size("index_topk_freq", 1), c.whole("index_skip_topk_offset", 2)
    return lambda i: max(i - first + 1, 0) % step == 0


def streams(c: HfConfig, outputs: Callable[[int], int]) -> list[dict[str, int]]:
    """What is read, written and mixed of each stream, before attention and before what follows it."""
    count = c.size("hc_mult", 1)
    return [matrix(count * c.size("hidden_size"), outputs(count))] * 2 if count > 1 else []


def _axk2(c: HfConfig) -> Network:
    """Queries and a gate from the latent of queries, with its norm and without; norms with a gate."""
    _all_picked(c)
    plain = deepseek(c)
    mla, rank, hidden = latent_attention(c), c.size("q_lora_rank"), c.size("hidden_size")
    heads, narrow = c.size("num_attention_heads"), c.size("gated_norm_rank")
    queries = c.size("qk_nope_head_dim") + c.size("qk_rope_head_dim")
    # both forms of the latent are projected: one is in the attention, the other and the gate are here
    wide = [matrix(rank, heads * queries), matrix(2 * rank, heads * c.size("v_head_dim"))]
    norm = [matrix(hidden, narrow), matrix(narrow, hidden)]
    layers = [
        {
            **layer,
            "latent_attention": {**mla, "top_k": c.size("index_topk")},
            **_index(c, inputs=rank),
            "matrices": [*wide, *norm, *(norm if "experts" in layer else [])],
        }
        for layer in plain.layers
    ]
    return replace(plain, layers=tuple(layers))


def _hy_v4(c: HfConfig) -> Network:
    """Streams of the residual, a gate as wide as the values, and an index in one of four layers."""
    _all_picked(c)
    c.must("gating_type", "elementwise")
    plain = deepseek(c)
    mla, rank = latent_attention(c), c.size("q_lora_rank")
    gate = matrix(c.size("hidden_size"), c.size("num_attention_heads") * c.size("v_head_dim"))
    mixing = streams(c, lambda count: 2 * count)
    own = own_index(c, lambda i: i == 0 or (i - 1) % 4 == 0)
    layers = [
        {
            **layer,
            "latent_attention": {**mla, "top_k": c.size("index_topk")},
            **(_index(c, inputs=rank) if index else {}),
            "matrices": [gate, *mixing],
        }
        for layer, index in zip(plain.layers, own, strict=True)
    ]
    return replace(plain, layers=tuple(layers), notes=(*plain.notes, *((STREAMS,) if mixing else ())))


def _glm5_next(c: HfConfig) -> Network:
    """Kimi Delta Attention, and latent attention without positions in every fourth layer."""
    for key in ("mhc", "mla_use_nope", "index_kpool_compress"):
        c.must(key, True)
    count = c.size("num_hidden_layers")
    usual = [STATE if i % 4 != 3 else _PICKED for i in range(count)]
    which = [_PICKED if kind == FULL else kind for kind in kinds_of(c, (FULL, _PICKED, STATE), usual)]
    plain = deepseek(c)
    inside = c
    names = ("linear_num_heads", "linear_head_dim", "linear_conv_kernel_dim")
    if c.get("linear_attn_config") is not None:
        inside = c.part("linear_attn_config", *_KDA)
        names = ("num_heads", "head_dim", "short_conv_kernel_size")
    heads, size, taps = (inside.size(name) for name in names)
    kda: Layer = {
        "linear_attention": {
            "heads": heads,
            "key_heads": heads,
            "key_dim": size,
            "value_dim": size,
            "gate_latent": size,
            "delta": True,
            "decay_latent": size,
            "conv": taps,
        }
    }
    rank, pool = c.size("q_lora_rank"), c.size("index_kpool")
    latent: Layer = {"latent_attention": {**latent_attention(c), "top_k": c.size("index_topk")}}
    mixing = streams(c, lambda n: n * (2 + n))
    own = own_index(c, _every(c))
    layers: list[Layer] = []
    for layer, kind, index in zip(plain.layers, which, own, strict=True):
        inner = {key: what for key, what in layer.items() if key != "latent_attention"}
        picks = _index(c, inputs=rank, **({"ratio": pool} if pool > 1 else {})) if index else {}
        mixer = kda if kind == STATE else {**latent, **picks}
        layers.append({**mixer, **inner, **({"matrices": mixing} if mixing else {})})
    return replace(plain, layers=tuple(layers), notes=(*plain.notes, *((STREAMS,) if mixing else ())))


def _mistral_large4(c: HfConfig) -> Network:
    """Rotary positions in three of four layers; the latent of the others is all without them."""
    _all_picked(c)
    count = c.size("num_hidden_layers")
    source = c.items("kv_source_layers", int)
    if source is not None and list(source) != list(range(count)):
        hint = "An LLM YAML cannot say that latent attention reads the KV cache of another layer."
        raise c.refuse("kv_source_layers", "each layer its own", hint)
    plain = deepseek(c)
    mla = {**latent_attention(c), "top_k": c.size("index_topk")}
    bare = {**mla, "rope": 0, "nope": c.size("qk_nope_head_dim") + c.size("qk_rope_head_dim")}
    step = c.size("no_rope_layer_interval", 4)
    rotary = c.items("no_rope_layers", int) or tuple(int((i + 1) % step != 0) for i in range(count))
    if len(rotary) != count or set(rotary) - {0, 1}:
        raise c.refuse("no_rope_layers", f"{count} numbers that are 0 or 1")
    own = own_index(c, _every(c))
    layers = [
        {**layer, "latent_attention": mla if turns else bare, **(_index(c) if index else {})}
        for layer, turns, index in zip(plain.layers, rotary, own, strict=True)
    ]
    return replace(plain, layers=tuple(layers))


def _dots3(c: HfConfig) -> Network:
    """Latent attention in two shapes: one visits what an index picks, one has a window; gates of heads."""
    count = c.size("num_hidden_layers")
    for key in ("attention_gate_type", "swa_attention_gate_type"):
        c.must(key, "headwise")
    c.must("use_dynamic_rsf", False)
    windows = c.flag("use_sliding_window", True)
    usual = [SLIDING if windows and i >= 2 and i % 4 != 1 else _PICKED for i in range(count)]
    which = kinds_of(c, (FULL, _PICKED, SLIDING), usual)
    # Transformers 5 writes sizes of layers, and then means its words as they are
    if c.get("use_dsa") is not None or c.get("per_layer_config") is None:
        chosen = _PICKED if c.flag("use_dsa", True) else FULL
        which = [kind if kind == SLIDING else chosen for kind in which]
    width = c.size("shared_experts_intermediate_size", c.size("moe_intermediate_size"))
    shared = c.whole("n_shared_experts") * width
    inner: dict[str, Layer] = {
        "dense": {"ffn": gated_ffn(c)},
        "sparse": {"experts": experts(c, "n_routed_experts", "moe_intermediate_size", shared)},
    }
    layers: list[Layer] = []
    for i, (kind, what) in enumerate(zip(which, _dots3_mlp(c, count), strict=True)):
        one = _dots3_layer(c, i, kind)
        mla = latent_attention(one)
        gates = [matrix(c.size("hidden_size"), one.size("num_attention_heads"))]
        far: Layer = {}
        beside: Layer = {}
        if kind == SLIDING:
            far = {"window": c.size("sliding_window", c.whole("sliding_window_size") or 512)}
        elif kind == _PICKED:
            far = {"top_k": c.size("index_topk")}
            beside = _index(c, inputs=c.size("q_lora_rank"))
        layers.append({"latent_attention": {**mla, **far}, **beside, **inner[what], "matrices": gates})
    ahead = c.whole("num_nextn_predict_layers")
    return Network(
        layers=tuple(layers),
        tied=c.flag("tie_word_embeddings"),
        notes=(f"{PREDICTION} ({ahead})",) if ahead else (),
    )


def _dots3_mlp(c: HfConfig, count: int) -> Sequence[str]:
    first, step = c.whole("first_k_dense_replace", None), c.size("moe_layer_freq")
    usual = ["sparse" if i >= first and i % step == 0 else "dense" for i in range(count)]
    return kinds_of(c, ("dense", "sparse"), usual, "mlp_layer_types")


_SIZES = words(
    "num_attention_heads num_key_value_heads q_lora_rank kv_lora_rank qk_nope_head_dim qk_rope_head_dim "
    "v_head_dim"
)


def _dots3_layer(c: HfConfig, number: int, kind: str) -> HfConfig:
    """The config with the sizes of one layer: what Transformers 5 wrote of it, or the keys of windows."""
    found = c.get("per_layer_config")
    if found is None and kind != SLIDING:
        return c
    if found is None:
        own = {key: c.size(f"swa_{key}") for key in _SIZES - {"qk_rope_head_dim"}}
        rope = c.whole("swa_head_dim", None) - own["qk_nope_head_dim"]
        return replace(c, data={**c.data, **own, "qk_rope_head_dim": c.whole("swa_qk_rope_head_dim", rope)})
    if not isinstance(found, dict) or not all(str(key).isdecimal() for key in found):
        raise c.refuse("per_layer_config", "sizes of layers by their numbers")
    layers = {int(key): what for key, what in found.items()}
    if number not in layers:
        return c
    inside = replace(c, data={"per_layer_config": layers[number]})
    sizes = inside.part("per_layer_config", *_SIZES, "head_dim").data
    # the width of a head is the sum of its parts
    return replace(c, data={**c.data, **{key: what for key, what in sizes.items() if key != "head_dim"}})


_KDA = words(
    "num_heads head_dim short_conv_kernel_size gate_lower_bound safe_gate kda_layers full_attn_layers"
)
_INDEX = words("index_topk index_n_heads index_head_dim layer_types mlp_layer_types")
_OWN = words("indexer_types index_topk_freq index_skip_topk_offset index_topk_pattern")
_OTHER = {
    "num_mtp_layers": "num_nextn_predict_layers",
    "num_local_experts": "n_routed_experts",
    "num_experts": "n_routed_experts",
}
_WRITTEN = "head_dim qk_head_dim mlp_bias indexer_rope_interleave index_share_for_mtp_iteration"

PICKED = {
    "axk2": family(
        _axk2,
        MLA | _INDEX | {"gated_norm_rank"},
        "AXK2ForCausalLM",
        aliases=_OTHER,
        passes=_WRITTEN,
    ),
    **{
        kind: family(
            _hy_v4,
            # the class has as many KV heads as heads, whatever the file says
            (MLA - {"num_key_value_heads"}) | _INDEX | _OWN | {"hc_mult", "gating_type"},
            "HYV4ForCausalLM",
            "HYV4VLForConditionalGeneration",
            aliases=_OTHER,
            passes=f"{_WRITTEN} num_key_value_heads hc_magnitude learnable_sink_init",
        )
        for kind in ("hy_v4", "hy_v4_vl_text")
    },
    "glm5_next_text": family(
        _glm5_next,
        MLA
        | _INDEX
        | _OWN
        | words(
            """
            hc_mult index_kpool linear_num_heads linear_head_dim linear_conv_kernel_dim linear_attn_config
            mhc mla_use_nope index_kpool_compress
            """
        ),
        "Glm5NextForConditionalGeneration",
        "Glm5NextForCausalLM",
        aliases=_OTHER,
        passes=f"{_WRITTEN} linear_lower_bound hc_sinkhorn_iters index_kpool_always_select_tail",
    ),
    **{
        kind: family(
            _dots3,
            MLA
            | _INDEX
            | words(
                """
                per_layer_config use_dsa use_sliding_window sliding_window sliding_window_size
                shared_experts_intermediate_size swa_num_attention_heads swa_num_key_value_heads
                swa_q_lora_rank swa_kv_lora_rank swa_qk_nope_head_dim swa_qk_rope_head_dim swa_v_head_dim
                swa_head_dim attention_gate_type swa_attention_gate_type use_dynamic_rsf
                """
            ),
            "Dots3NoteForCausalLM",
            "Dot3NoteForCausalLM",
            "Dots3NoteForConditionalGeneration",
            aliases={
                **_OTHER,
                "moe_shared_expert_intermediate_size": "shared_experts_intermediate_size",
            },
            passes=f"{_WRITTEN} vision_config audio_config k_rope_only_layernorm "
            "apply_mla_qkv_lora_rescale swa_rope_theta",
        )
        for kind in ("dots3_note", "dots3_note_text")
    },
    "mistral_large4_text": family(
        _mistral_large4,
        MLA | _INDEX | _OWN | words("kv_source_layers no_rope_layers no_rope_layer_interval"),
        "MistralLarge4ForConditionalGeneration",
        "MistralLarge4ForCausalLM",
        aliases=_OTHER,
        passes=_WRITTEN,
    ),
}
"""`model_type` to its family."""
