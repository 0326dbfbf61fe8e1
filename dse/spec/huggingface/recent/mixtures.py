"""LLMs with softmax attention and a mixture of experts: GLM-4.5, ERNIE, Ling, OLMoE, K-EXAONE."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dse.spec.huggingface.dense import NORMS
from dse.spec.huggingface.experts import PREDICTION
from dse.spec.huggingface.reader import (
    FULL,
    SLIDING,
    Draft,
    Family,
    HfConfig,
    Layer,
    Network,
    attention,
    drafting,
    family,
    kinds_of,
    reach,
)
from dse.spec.huggingface.recent.plain import Plain, all_or_none, biases, every_nth, required

_NAMES = {
    "n_routed_experts": "num_experts",
    "num_local_experts": "num_experts",
    "moe_num_experts": "num_experts",
    "moe_k": "num_experts_per_tok",
    "moe_topk": "num_experts_per_tok",
    "moe_top_k": "num_experts_per_tok",
    "num_shared_experts": "n_shared_experts",
    "num_shared_expert": "n_shared_experts",
    "moe_num_shared_experts": "n_shared_experts",
    "num_dense_layers": "first_k_dense_replace",
    "moe_layer_num_skipped": "first_k_dense_replace",
    "num_mtp_layers": "num_nextn_predict_layers",
    "mtp_num_layers": "num_nextn_predict_layers",
}
"""What other families call the keys that they share."""
_ROUTED = frozenset({"num_experts", "num_experts_per_tok"})
_FIRST = frozenset({"first_k_dense_replace", "num_nextn_predict_layers"})


@dataclass(frozen=True, kw_only=True)
class Mixture(Plain):
    """What a family with experts is like; `width` is that of its dense layers."""

    expert_width: str = "moe_intermediate_size"
    shared: Callable[[HfConfig], int] | None = None
    """Total width of the experts that every token visits."""
    sparse: Callable[[HfConfig], Sequence[bool]]
    """Whether a layer has experts rather than an FFN."""
    gate: bool = False
    """Whether a projection as wide as the queries gates the output of attention."""
    drafts: Callable[[HfConfig, int, Sequence[Layer]], Draft | None] | None = None
    """Layers that draft, of so many modules next to these layers; None where their shape is not known."""


def _cohere_kinds(c: HfConfig) -> Sequence[str]:
    """`layer_types`, or a pattern of the first, dense layers and another one of those with experts."""
    first, kinds = c.whole("first_k_dense_replace"), every_nth(c)
    if c.get("sliding_window") is None or c.items("layer_types", str) is not None or not first:
        return kinds
    pattern = c.size("prefix_dense_sliding_window_pattern", 1)
    ahead = [SLIDING if (i + 1) % pattern else FULL for i in range(min(first, len(kinds)))]
    return [*ahead, *kinds[: len(kinds) - len(ahead)]]


def everywhere(c: HfConfig) -> Sequence[bool]:
    """Experts in every layer."""
    return [True] * c.size("num_hidden_layers")


def but_first(c: HfConfig) -> Sequence[bool]:
    """Experts in all layers but the first; `mlp_layer_types` says it where it is given."""
    usual = [
        "sparse" if i >= c.whole("first_k_dense_replace", None) else "dense"
        for i in range(len(everywhere(c)))
    ]
    if "mlp_layer_types" in c.reads:
        return [kind == "sparse" for kind in kinds_of(c, ("dense", "sparse"), usual, "mlp_layer_types")]
    return [kind == "sparse" for kind in usual]


def as_listed(c: HfConfig) -> Sequence[bool]:
    """Experts where `mlp_layer_types` says so; without it, in all layers but the first."""
    usual = ["dense", *["sparse"] * (c.size("num_hidden_layers") - 1)]
    return [kind == "sparse" for kind in kinds_of(c, ("dense", "sparse"), usual, "mlp_layer_types")]


def as_wide_as_routed(c: HfConfig) -> int:
    """The file gives the number of shared experts, each as wide as a routed one."""
    return c.whole("n_shared_experts") * c.size("moe_intermediate_size")


def mixture(shape: Mixture) -> Callable[[HfConfig], Network]:
    """Layers with experts, or with an FFN, in the form of `shape`."""

    def network(c: HfConfig) -> Network:
        required(c, shape)
        bias, notes = biases(c, shape)
        heads = {**attention(c, bias=bias), **({"gate": True} if shape.gate else {})}
        sparse = shape.sparse(c)
        ahead = c.whole("num_nextn_predict_layers") if "num_nextn_predict_layers" in c.reads else 0
        parallel = {"parallel": True} if shape.parallel else {}
        layers: list[Layer] = [
            {"attention": {**heads, **reach(c, kind)}, **_inner(c, shape, experts=routed), **parallel}
            for kind, routed in zip(shape.which(c), sparse, strict=True)
        ]
        return Network(
            layers=tuple(layers),
            tied=c.flag("tie_word_embeddings", shape.tied),
            notes=(*shape.notes, *notes, *((f"{PREDICTION} ({ahead})",) if ahead else ())),
            draft=None if shape.drafts is None else shape.drafts(c, ahead, layers),
        )

    return network


def _inner(c: HfConfig, shape: Mixture, *, experts: bool) -> dict[str, object]:
    """What follows attention in one layer."""
    if not experts:
        return {"ffn": {"width": c.size(shape.width), "gated": shape.gated}}
    shared = 0 if shape.shared is None else shape.shared(c)
    return {
        "experts": {
            "count": c.size("num_experts"),
            "top_k": c.size("num_experts_per_tok"),
            "width": c.size(shape.expert_width),
            **({} if shape.gated else {"gated": False}),
            **({"shared_width": shared} if shared else {}),
        }
    }


def _row(shape: Mixture, *classes: str, more: str = "", passes: str = "", **aliases: str) -> Family:
    """A row of the table: the keys are those of the shape and `more`."""
    keys = shape.reads | _ROUTED | {shape.expert_width} | frozenset(more.split())
    names = {alias: key for alias, key in _NAMES.items() if key in keys}
    return family(mixture(shape), keys, *classes, aliases={**names, **aliases}, passes=passes)


def _dots1(c: HfConfig) -> Sequence[str]:
    """Layers from `max_window_layers` on slide, where there is a window."""
    count, first = c.size("num_hidden_layers"), c.get("max_window_layers")
    if c.items("layer_types", str) is not None:
        return every_nth(c)
    # no window is asked for where no layer has one
    if first is not None and c.whole("max_window_layers") >= count:
        return [FULL] * count
    if c.get("sliding_window") is None:
        return every_nth(c)
    return [SLIDING if i >= c.whole("max_window_layers", None) else FULL for i in range(count)]


def _ernie(c: HfConfig) -> Sequence[bool]:
    """Experts from one layer to another, in every so many of them."""
    count, start = c.size("num_hidden_layers"), c.whole("moe_layer_start_index")
    last = c.get("moe_layer_end_index")
    end = count - 1 if last in (-1, None) else c.whole("moe_layer_end_index")
    return [start <= i <= end and (i + 1) % c.size("moe_layer_interval") == 0 for i in range(count)]


def _cohere_shared(c: HfConfig) -> int:
    return c.whole("n_shared_experts") * c.size("intermediate_size")


def _granite_shared(c: HfConfig) -> int:
    return c.whole("shared_intermediate_size")


def _bailing_shared(c: HfConfig) -> int:
    # one key says the number, the other, in newer files, their width
    width = c.size("moe_shared_expert_intermediate_size", c.size("moe_intermediate_size"))
    return c.whole("n_shared_experts") * width


def _qwen_sparse(c: HfConfig) -> Sequence[bool]:
    dense, step = set(c.items("mlp_only_layers", int) or ()), c.size("decoder_sparse_step")
    return [i not in dense and (i + 1) % step == 0 for i in range(c.size("num_hidden_layers"))]


def _like_the_last(c: HfConfig, modules: int, layers: Sequence[Layer]) -> Draft | None:
    """Modules of a layer like the last one (glm4_moe_mtp.py of vLLM)."""
    return drafting(c, modules, layers[-1])


def _ernie_draft(c: HfConfig, modules: int, layers: Sequence[Layer]) -> Draft | None:
    """A layer with an FFN (ernie_mtp.py of vLLM, which knows one)."""
    if modules != 1:
        return None
    ffn = {"width": c.size("intermediate_size"), "gated": True}
    return drafting(c, modules, {"attention": layers[-1]["attention"], "ffn": ffn})


def _every_freq(c: HfConfig) -> Sequence[bool]:
    first, step = c.whole("first_k_dense_replace", None), c.size("moe_layer_freq")
    return [i >= first and i % step == 0 for i in range(c.size("num_hidden_layers"))]


_GLM = Mixture(output_bias=False, shared=as_wide_as_routed, sparse=but_first)
_GLM_THAT_DRAFTS = replace(_GLM, drafts=_like_the_last)
_GLM_KEYS = "n_shared_experts first_k_dense_replace num_nextn_predict_layers mlp_layer_types"
_BAILING = Mixture(bias="use_qkv_bias", shared=_bailing_shared, sparse=but_first, only={"use_bias": False})
_BAILING_KEYS = (
    "n_shared_experts moe_shared_expert_intermediate_size first_k_dense_replace num_nextn_predict_layers"
)
_BAILING_PASSES = (
    "moe_router_enable_expert_bias embedding_dropout norm_head moe_router_enable_shared_expert head_norm"
)
_GRANITE = Mixture(expert_width="intermediate_size", sparse=everywhere)
_WINDOWS = "layer_types sliding_window sliding_window_pattern"

MIXTURES = {
    "glm4_moe": _row(_GLM_THAT_DRAFTS, "Glm4MoeForCausalLM", more=_GLM_KEYS),
    "glm4v_moe_text": _row(_GLM, "Glm4vMoeForConditionalGeneration", more=_GLM_KEYS),
    "solar_open": _row(
        Mixture(output_bias=False, shared=as_wide_as_routed, sparse=everywhere),
        "SolarOpenForCausalLM",
        more="n_shared_experts",
        passes="intermediate_size first_k_dense_replace",
    ),
    "dots1": _row(
        Mixture(which=_dots1, shared=as_wide_as_routed, sparse=but_first),
        "Dots1ForCausalLM",
        more=f"{_GLM_KEYS} {_WINDOWS} max_window_layers",
        passes="moe_layer_freq",
    ),
    "exaone_moe": _row(
        Mixture(bias=False, which=every_nth, shared=as_wide_as_routed, sparse=but_first),
        "ExaoneMoeForCausalLM",
        "ExaoneMoEForCausalLM",
        more=f"{_GLM_KEYS} {_WINDOWS}",
        passes="is_moe_layer mtp_share_layers mtp_loss_scaling_factor",
    ),
    "hy_v3": _row(
        Mixture(shared=as_wide_as_routed, sparse=but_first),
        "HYV3ForCausalLM",
        more=f"{_GLM_KEYS} mlp_bias",
        passes="enable_moe_fp32_combine moe_router_enable_expert_bias moe_router_use_sigmoid "
        "enable_attention_fp32_softmax",
        expert_hidden_dim="moe_intermediate_size",
    ),
    "afmoe": _row(
        Mixture(which=every_nth, shared=as_wide_as_routed, sparse=but_first, gate=True, notes=(NORMS,)),
        "AfmoeForCausalLM",
        more=f"{_GLM_KEYS} {_WINDOWS}",
        passes="mup_enabled num_expert_groups num_limited_groups load_balance_coeff",
        global_attn_every_n_layers="sliding_window_pattern",
    ),
    "olmoe": _row(
        Mixture(expert_width="intermediate_size", sparse=everywhere, only={"attention_bias": False}),
        "OlmoeForCausalLM",
    ),
    "flex_olmo": _row(
        Mixture(expert_width="intermediate_size", sparse=everywhere, notes=(NORMS,)), "FlexOlmoForCausalLM"
    ),
    "phimoe": _row(
        Mixture(expert_width="intermediate_size", which=all_or_none, sparse=everywhere),
        "PhiMoEForCausalLM",
        "PhimoeForCausalLM",
        more="lm_head_bias sliding_window",
    ),
    "granitemoe": _row(_GRANITE, "GraniteMoeForCausalLM"),
    "granitemoeshared": _row(
        Mixture(expert_width="intermediate_size", shared=_granite_shared, sparse=everywhere),
        "GraniteMoeSharedForCausalLM",
        more="shared_intermediate_size",
    ),
    "qwen3_vl_moe_text": _row(
        Mixture(sparse=_qwen_sparse),
        "Qwen3VLMoeForConditionalGeneration",
        more="mlp_only_layers decoder_sparse_step",
    ),
    "ernie4_5_moe": _row(
        Mixture(bias="use_bias", tied=True, shared=as_wide_as_routed, sparse=_ernie, drafts=_ernie_draft),
        "Ernie4_5_MoeForCausalLM",
        "Ernie4_5_MoEForCausalLM",
        more="n_shared_experts moe_layer_start_index moe_layer_end_index moe_layer_interval "
        "num_nextn_predict_layers",
        passes="moe_capacity moe_gate moe_use_aux_free moe_norm_min moe_use_hard_gate moe_gate_act "
        "moe_aux_loss_lambda moe_z_loss_lambda moe_orthogonal_loss_lambda moe_group moe_all_to_all_dropout "
        "moe_dropout_prob moe_multimodal_dispatch_use_allgather",
    ),
    # Ling and Ring; the first and the second version have one model_type and two classes
    "bailing_moe": _row(
        _BAILING,
        "BailingMoeForCausalLM",
        "BailingMoeV2ForCausalLM",
        more=_BAILING_KEYS,
        passes=_BAILING_PASSES,
    ),
    "bailing_moe_v2": _row(_BAILING, "BailingMoeV2ForCausalLM", more=_BAILING_KEYS, passes=_BAILING_PASSES),
    "cohere2_moe": _row(
        Mixture(
            which=_cohere_kinds,
            tied=True,
            parallel=True,
            width="prefix_dense_intermediate_size",
            expert_width="intermediate_size",
            shared=_cohere_shared,
            sparse=but_first,
        ),
        "Cohere2MoeForCausalLM",
        more=f"n_shared_experts first_k_dense_replace mlp_layer_types {_WINDOWS} "
        "prefix_dense_sliding_window_pattern",
        passes="shared_expert_combination_strategy expert_selection_fn",
    ),
    "sarvam_moe": _row(
        Mixture(output_bias=False, shared=as_wide_as_routed, sparse=but_first),
        "SarvamMoEForCausalLM",
        "Glm4MoeForCausalLM",
        more=_GLM_KEYS,
        passes="moe_router_enable_expert_bias moe_router_enable_shared_expert "
        "moe_shared_expert_intermediate_size embedding_dropout norm_head",
        use_qkv_bias="attention_bias",
    ),
    "deepseek": _row(
        Mixture(shared=as_wide_as_routed, sparse=_every_freq),
        "DeepseekForCausalLM",
        more="n_shared_experts first_k_dense_replace moe_layer_freq",
    ),
}
"""`model_type` to its family."""
