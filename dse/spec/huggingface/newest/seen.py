"""Language models inside those that see and hear, since 2025: ERNIE 4.5 VL, Muse, OCR, Voxtral."""

from collections.abc import Callable, Sequence

from dse.spec.huggingface.dense import GATED, NORMS
from dse.spec.huggingface.newest.picked import matrix
from dse.spec.huggingface.older import BIASES
from dse.spec.huggingface.reader import (
    BASE,
    FULL,
    SLIDING,
    Family,
    HfConfig,
    Layer,
    Network,
    attention,
    family,
    kinds_of,
    reach,
    words,
)
from dse.spec.huggingface.recent.mixtures import Mixture, as_wide_as_routed, mixture
from dse.spec.huggingface.recent.plain import Plain, all_or_none, plain

_RINGS = "all tokens are kept, though of an answer the model keeps the last {} alone"
_IMAGES = "experts that tokens of images alone visit are stored as a table"
_ROWS = "rows of the embedding for images are not counted"


def _last_of_four(c: HfConfig) -> Sequence[str]:
    """`layer_types`, or every fourth layer full, counted from the last."""
    count = c.size("num_hidden_layers")
    usual = [SLIDING if (count - 1 - i) % 4 else FULL for i in range(count)]
    return kinds_of(c, (FULL, SLIDING), usual)


def _gated(which: Callable[[HfConfig], Sequence[str]]) -> Callable[[HfConfig], Network]:
    """Muse: a gate of the output of attention, and norms around both parts."""

    def network(c: HfConfig) -> Network:
        heads = {**attention(c, bias=c.flag("attention_bias")), "gate": True}
        kinds = which(c)
        inner = ["dense"] * len(kinds)
        if "mlp_layer_types" in c.reads:
            inner = list(kinds_of(c, ("dense", "sparse"), ["sparse"] * len(kinds), "mlp_layer_types"))
        ffn: Layer = {"ffn": {"width": c.size("intermediate_size"), "gated": True}}
        parts = {"dense": ffn, "sparse": {"experts": _narrow(c)} if "sparse" in inner else {}}
        return Network(
            layers=tuple(
                {"attention": {**heads, **reach(c, kind)}, **parts[what]}
                for kind, what in zip(kinds, inner, strict=True)
            ),
            tied=c.flag("tie_word_embeddings"),
            notes=(NORMS,),
        )

    return network


def _narrow(c: HfConfig) -> dict[str, int]:
    """Experts behind a projection to a width of their own."""
    return {
        "count": c.size("num_local_experts"),
        "top_k": c.size("num_experts_per_tok"),
        "width": c.size("moe_intermediate_size"),
        "latent": c.size("moe_hidden_size"),
    }


def _sparse(c: HfConfig) -> Sequence[bool]:
    """Experts where `mlp_layer_types` says so, or in all layers but the first."""
    count = c.size("num_hidden_layers")
    if c.items("mlp_layer_types", str) is None:
        first = c.whole("first_k_dense_replace", None)
        return [i >= first for i in range(count)]
    return [kind == "sparse" for kind in kinds_of(c, ("dense", "sparse"), (), "mlp_layer_types")]


_OCR = Mixture(which=lambda c: [FULL] * c.size("num_hidden_layers"), shared=as_wide_as_routed, sparse=_sparse)
_deepseek_ocr = mixture(_OCR)


def _unlimited(c: HfConfig) -> Network:
    """The prompt is kept, and of the answer a window, which is no reach of a layer: all is counted."""
    kinds_of(c, (FULL, "reference_sliding_attention"), (), "layer_types")
    plain_ = _deepseek_ocr(c)
    window = c.get("sliding_window")
    notes = () if window is None else (_RINGS.format(window),)
    return Network(layers=plain_.layers, tied=plain_.tied, notes=(*plain_.notes, *notes))


def _ernie_vl(c: HfConfig) -> Network:
    """Experts of text in all layers but the first, with shared ones; experts of images next to them."""
    widths, counts = _two(c, "moe_intermediate_size"), _two(c, "moe_num_experts")
    count = c.size("num_hidden_layers")
    sparse = _ernie_sparse(c, count)
    shared = c.whole("moe_num_shared_experts") * widths[0]
    heads = attention(c, bias=c.flag("use_bias"))
    experts = {
        "count": counts[0],
        "top_k": c.size("num_experts_per_tok"),
        "width": widths[0],
        **({"shared_width": shared} if shared else {}),
    }
    ffn = {"width": c.size("intermediate_size"), "gated": True}
    hidden, layers = c.size("hidden_size"), sum(sparse)
    # three matrices each, and a row of the router
    rows = layers * counts[1] * (3 * widths[1] + 1)
    return Network(
        layers=tuple({"attention": heads, **({"experts": experts} if s else {"ffn": ffn})} for s in sparse),
        tied=c.flag("tie_word_embeddings", True),
        lookup=({"entries": rows, "width": hidden},) if rows else (),
        notes=(_IMAGES,),
    )


def _two(c: HfConfig, key: str) -> Sequence[int]:
    """A number for text and one for images: a list of them, or one for both."""
    if not isinstance(c.get(key), list):
        return [c.size(key)] * 2
    found = c.items(key, int) or ()
    if len(found) != 2 or min(found) < 1:
        raise c.refuse(key, "two whole numbers of at least 1")
    return found


def _ernie_sparse(c: HfConfig, count: int) -> Sequence[bool]:
    """Which layers have experts: a list, or from one layer to another, in every so many."""
    if c.items("mlp_layer_types", str) is not None:
        return [kind == "sparse" for kind in kinds_of(c, ("dense", "sparse"), (), "mlp_layer_types")]
    first, step = _bound(c, "moe_layer_start_index", 1), c.size("moe_layer_interval", 1)
    last = _bound(c, "moe_layer_end_index", count - 1)
    return [first <= i <= last and (i + 1) % step == 0 for i in range(count)]


def _bound(c: HfConfig, key: str, usual: int) -> int:
    """A number of a layer; of two, for text and for images, the first, which must be that of both."""
    if not isinstance(c.get(key), list):
        return usual if c.get(key) in (None, -1) else c.whole(key)
    found = c.items(key, int) or ()
    if len(found) != 2:
        raise c.refuse(key, "two whole numbers")
    return found[0]


def _molmo(c: HfConfig) -> Network:
    found = plain(_MOLMO)(c)
    extra = c.whole("additional_vocab_size")
    lookup = ({"entries": extra, "width": c.size("hidden_size")},) if extra else ()
    return Network(layers=found.layers, tied=found.tied, notes=found.notes, lookup=lookup)


def _voxtral(c: HfConfig) -> Network:
    """Layers of Ministral; what is known of the delay is scaled in by two narrow matrices."""
    found, hidden = plain(_STREAMED)(c), c.size("hidden_size")
    # a width that the class has as a number, not as a key
    narrow = [matrix(hidden, 32), matrix(32, hidden)]
    layers = tuple({**layer, "matrices": narrow} for layer in found.layers)
    return Network(layers=layers, tied=found.tied, notes=found.notes)


def _kosmos(c: HfConfig) -> Network:
    heads = attention(c, bias=True, kv_heads=c.size("num_attention_heads"))
    layer: Layer = {"attention": heads, "ffn": {"width": c.size("ffn_dim"), "gated": False}}
    return Network(
        layers=(layer,) * c.size("num_hidden_layers"),
        tied=c.flag("tie_word_embeddings", True),
        notes=(BIASES,),
    )


_MOLMO = Plain(notes=(_ROWS,))
_STREAMED = Plain(bias=False, which=all_or_none)
_MUSE = GATED | words("attention_bias layer_types sliding_window")


def _row(shape: Plain, *classes: str, more: str = "", passes: str = "", **aliases: str) -> Family:
    """A row of the table: the keys are those of the shape and `more`."""
    return family(plain(shape), shape.reads | set(more.split()), *classes, aliases=aliases, passes=passes)


_OCR_KEYS = _OCR.reads | words(
    """
    num_experts num_experts_per_tok moe_intermediate_size n_shared_experts mlp_layer_types
    first_k_dense_replace mlp_bias
    """
)
_OCR_NAMES = {"n_routed_experts": "num_experts", "num_local_experts": "num_experts"}
_HUNYUAN = _row(
    Plain(tied=True, only={"use_cla": False}),
    "HunYuanVLForConditionalGeneration",
    more="mlp_bias",
    passes="cla_share_factor org_vocab_size im_start_id im_end_id im_newline_id vision_config",
    attention_head_dim="head_dim",
)
_PADDLE = _row(
    Plain(bias="use_bias", tied=True, only={"sliding_window": None, "use_3d_rope": None}),
    "PaddleOCRVLForConditionalGeneration",
    passes="vision_config compression_ratio weight_share_add_bias ignored_index",
)
_ERNIE = family(
    _ernie_vl,
    BASE
    | words(
        """
        num_key_value_heads head_dim intermediate_size use_bias moe_intermediate_size moe_num_experts
        num_experts_per_tok moe_num_shared_experts mlp_layer_types moe_layer_start_index
        moe_layer_end_index moe_layer_interval
        """
    ),
    "Ernie4_5_VLMoeForConditionalGeneration",
    "Ernie4_5_VL_MoeForConditionalGeneration",
    aliases={"moe_k": "num_experts_per_tok", "num_experts": "moe_num_experts"},
    passes="vision_config im_patch_id moe_capacity moe_use_aux_free pixel_hidden_size max_text_id "
    "multimodality moe_multimodal_dispatch_use_allgather modality_detach token_balance_loss "
    "rope_3d freq_allocation spatial_conv_size temporal_conv_size temporal_compression_rate",
)

SEEN = {
    "cosmos3_edge_text": _row(Plain(gated=False), "Cosmos3EdgeForConditionalGeneration", more="mlp_bias"),
    "deepseek_ocr2_text": family(
        _deepseek_ocr, _OCR_KEYS, "DeepseekOcr2ForConditionalGeneration", aliases=_OCR_NAMES
    ),
    "unlimited_ocr_text": family(
        _unlimited,
        _OCR_KEYS | words("layer_types sliding_window"),
        "UnlimitedOcrForConditionalGeneration",
        aliases=_OCR_NAMES,
    ),
    "ernie4_5_vl_moe_text": _ERNIE,
    "ernie4_5_vl_moe": _ERNIE,
    "ernie4_5_moe_vl": _ERNIE,
    "glm_ocr_text": _row(Plain(bias=False, notes=(NORMS,)), "GlmOcrForConditionalGeneration"),
    "granite4_vision_text": _row(Plain(), "Granite4VisionForConditionalGeneration", more="mlp_bias"),
    "granite_docling_text": _row(Plain(tied=True), "GraniteDoclingForConditionalGeneration", more="mlp_bias"),
    # published files of the two have the keys of the language model at the top
    "hunyuan_vl": _HUNYUAN,
    "hunyuan_vl_text": _HUNYUAN,
    "paddleocr_vl": _PADDLE,
    "paddleocr_vl_text": _PADDLE,
    **{
        kind: family(
            _kosmos,
            BASE | {"ffn_dim"},
            name,
            aliases={
                "embed_dim": "hidden_size",
                "layers": "num_hidden_layers",
                "attention_heads": "num_attention_heads",
            },
            passes="layerdrop",
        )
        for kind, name in (
            ("kosmos_2_text_model", "Kosmos2ForConditionalGeneration"),
            ("kosmos_2_5_text_model", "Kosmos2_5ForConditionalGeneration"),
        )
    },
    "molmo2_text": family(
        _molmo,
        _MOLMO.reads | {"additional_vocab_size"},
        "Molmo2ForConditionalGeneration",
        aliases={"qkv_bias": "attention_bias"},
        passes="qk_norm_type rope_scaling_layers norm_after use_qk_norm",
    ),
    "muse_glimmer_text": family(
        _gated(_last_of_four),
        _MUSE,
        "MuseGlimmerForConditionalGeneration",
        "MuseGlimmerForCausalLM",
        passes="qk_scale_factor output_multiplier layer_rope_theta",
    ),
    "muse_spark_text": family(
        _gated(_last_of_four),
        _MUSE
        | words(
            "mlp_layer_types num_local_experts num_experts_per_tok moe_intermediate_size moe_hidden_size"
        ),
        "MuseSparkForConditionalGeneration",
        aliases={"num_experts": "num_local_experts"},
        passes="qk_scale_factor output_multiplier layer_rope_theta residual_gate_temperature",
    ),
    "voxtral_realtime_text": family(
        _voxtral, _STREAMED.reads | {"sliding_window"}, "VoxtralRealtimeForConditionalGeneration"
    ),
}
"""`model_type` to its family."""
