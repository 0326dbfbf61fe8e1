"""LLMs whose attention visits what an index picks: DeepSeek V3.2, GLM-5, MiniMax-M3."""

from collections.abc import Sequence
from dataclasses import replace

from dse.spec.huggingface.dense import GATED
from dse.spec.huggingface.experts import MLA, PREDICTION, deepseek, latent_attention
from dse.spec.huggingface.reader import (
    FULL,
    HfConfig,
    Layer,
    Network,
    attention,
    drafting,
    family,
    kinds_of,
    words,
)

SHARED = "shared"


def _sparse_latent(c: HfConfig) -> Network:
    """DeepSeek-V3 with an index in every layer, or in some whose choice the next ones use again."""
    plain = deepseek(c)
    if c.given("q_lora_rank") is None:
        raise c.refuse("q_lora_rank", "a whole number", "The index projects its queries from their latent.")
    index = {
        "index": {
            "heads": c.size("index_n_heads"),
            "dim": c.size("index_head_dim"),
            "inputs": c.size("q_lora_rank"),
        }
    }
    layers: list[Layer] = []
    for layer, kind in zip(plain.layers, _indexes(c), strict=True):
        heads = {**latent_attention(c), "top_k": c.size("index_topk")}
        layers.append({**layer, "latent_attention": heads, **({} if kind == SHARED else {"beside": index})})
    # a layer that drafts has an index of its own, whatever the last layer has (GLM-5.2)
    last: Layer = {**layers[-1], "beside": index}
    draft = drafting(c, c.whole("num_nextn_predict_layers"), last)
    return replace(plain, layers=tuple(layers), draft=draft)


def _indexes(c: HfConfig) -> Sequence[str]:
    """Which layers have an index of their own: a list, a pattern of letters, or every so many."""
    count = c.size("num_hidden_layers")
    if "indexer_types" not in c.reads:
        return [FULL] * count
    listed = c.items("indexer_types", str)
    if listed is not None:
        if len(listed) != count or set(listed) - {"full", SHARED} or listed[0] == SHARED:
            raise c.refuse("indexer_types", f"{count} words that are full or {SHARED}, the first full")
        return [SHARED if kind == SHARED else FULL for kind in listed]
    letters = c.get("index_topk_pattern")
    if letters is not None:
        if not isinstance(letters, str) or len(letters) != count or set(letters) - set("FS"):
            raise c.refuse("index_topk_pattern", f"{count} letters that are F or S")
        return [SHARED if letter == "S" else FULL for letter in letters]
    step, first = c.size("index_topk_freq", 1), c.whole("index_skip_topk_offset", 2)
    # the rule of Transformers: after the first layers one in each `step` has an index
    return [SHARED if max(i - first + 1, 0) % step else FULL for i in range(count)]


def _minimax_m3(c: HfConfig) -> Network:
    """GQA; in sparse layers each KV head visits blocks of tokens that a head of the index picks for it."""
    count = c.size("num_hidden_layers")
    c.must("attention_output_gate", False)
    heads = attention(c, bias=False)
    sparse, mlp = _m3_attention(c, count), _m3_mlp(c, count)
    part, names = _m3_index(c)
    beside = {
        "index": {"heads": part.size(names[0]), "dim": part.size(names[1]), "weighted": False},
    }
    reached = {**heads, "top_k": part.size(names[2]) * part.size(names[3])}
    ffn = {"width": c.size("dense_intermediate_size"), "gated": True}
    # the class of Transformers has one, and no key for their number
    shared = c.whole("n_shared_experts", 1) * c.size("shared_intermediate_size", c.size("intermediate_size"))
    routed = {
        "count": c.size("num_local_experts"),
        "top_k": c.size("num_experts_per_tok"),
        "width": c.size("intermediate_size"),
        **({"shared_width": shared} if shared else {}),
    }
    layers: list[Layer] = [
        {
            **({"attention": reached, "beside": beside} if picks else {"attention": heads}),
            **({"experts": routed} if experts else {"ffn": ffn}),
        }
        for picks, experts in zip(sparse, mlp, strict=True)
    ]
    ahead = c.whole("num_nextn_predict_layers")
    return Network(
        layers=tuple(layers),
        tied=c.flag("tie_word_embeddings"),
        notes=(f"{PREDICTION} ({ahead})",) if ahead else (),
    )


_INSIDE = words(
    """
    use_sparse_attention sparse_index_dim sparse_num_index_heads sparse_topk_blocks sparse_block_size
    sparse_disable_index_value sparse_score_type sparse_init_block sparse_local_block sparse_attention_freq
    """
)
_OLD = ("sparse_num_index_heads", "sparse_index_dim", "sparse_topk_blocks", "sparse_block_size")
_NEW = ("index_n_heads", "index_head_dim", "index_topk_blocks", "index_block_size")


def _m3_index(c: HfConfig) -> tuple[HfConfig, Sequence[str]]:
    """Where the sizes of the index are, and their keys: heads, width, blocks, tokens of a block."""
    if c.get("sparse_attention_config") is None:
        return c, _NEW
    inside = c.part("sparse_attention_config", *_INSIDE)
    inside.must("use_sparse_attention", True)
    values = inside.items("sparse_disable_index_value", int)
    if values is not None and inside.items("sparse_attention_freq", int) != values:
        raise inside.refuse(
            "sparse_disable_index_value", "1 in each sparse layer", "Its values are not known."
        )
    return inside, _OLD


def _m3_attention(c: HfConfig, count: int) -> Sequence[bool]:
    listed = kinds_of(c, (FULL, "minimax_m3_sparse"), ())
    if listed:
        return [kind != FULL for kind in listed]
    inside = c.part("sparse_attention_config", *_INSIDE)
    return _marks(inside, "sparse_attention_freq", count)


def _m3_mlp(c: HfConfig, count: int) -> Sequence[bool]:
    listed = kinds_of(c, ("dense", "sparse"), (), "mlp_layer_types")
    return [kind == "sparse" for kind in listed] if listed else _marks(c, "moe_layer_freq", count)


def _marks(c: HfConfig, key: str, count: int) -> Sequence[bool]:
    found = c.items(key, int)
    if found is None or len(found) != count or set(found) - {0, 1}:
        raise c.refuse(key, f"{count} numbers that are 0 or 1")
    return [bool(mark) for mark in found]


_INDEX = words("index_topk index_n_heads index_head_dim")
_WRITTEN = "head_dim qk_head_dim mlp_bias indexer_rope_interleave index_share_for_mtp_iteration layer_types"
_OTHER = {
    "num_mtp_layers": "num_nextn_predict_layers",
    "num_local_experts": "n_routed_experts",
    "num_experts": "n_routed_experts",
}
_M3 = (GATED - {"intermediate_size"}) | words(
    """
    intermediate_size dense_intermediate_size shared_intermediate_size moe_layer_freq mlp_layer_types
    layer_types n_shared_experts num_local_experts num_experts_per_tok num_nextn_predict_layers
    sparse_attention_config attention_output_gate index_n_heads index_head_dim
    index_topk_blocks index_block_size
    """
)
_M3_FAMILY = family(
    _minimax_m3,
    _M3,
    "MiniMaxM3ForCausalLM",
    "MiniMaxM3VLForCausalLM",
    "MiniMaxM3SparseForCausalLM",
    "MiniMaxM3SparseForConditionalGeneration",
    passes="moe_intermediate_size rotary_dim qk_norm_type swiglu_alpha use_gemma_norm use_routing_bias "
    "first_k_dense_replace index_local_blocks",
)

INDEXED = {
    "deepseek_v32": family(
        _sparse_latent,
        MLA | _INDEX | {"mlp_layer_types"},
        "DeepseekV32ForCausalLM",
        aliases=_OTHER,
        passes=_WRITTEN,
    ),
    "glm_moe_dsa": family(
        _sparse_latent,
        MLA
        | _INDEX
        | words("mlp_layer_types indexer_types index_topk_freq index_skip_topk_offset index_topk_pattern"),
        "GlmMoeDsaForCausalLM",
        aliases=_OTHER,
        passes=f"{_WRITTEN} moe_router_dtype",
    ),
    "minimax_m3": _M3_FAMILY,
    "minimax_m3_vl_text": _M3_FAMILY,
}
"""`model_type` to its family."""
