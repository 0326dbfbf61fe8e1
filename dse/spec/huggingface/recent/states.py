"""LLMs that mix layers with a state and attention: Nemotron-H, Granite 4, Bamba, Ring-linear.

Mamba-2 is linear attention in the keys of an LLM YAML: its groups are heads of keys, its state is a key wide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dse.spec.huggingface.dense import GATED, OUTPUT_BIAS
from dse.spec.huggingface.experts import PREDICTION
from dse.spec.huggingface.reader import (
    FULL,
    STATE,
    Draft,
    HfConfig,
    Layer,
    Network,
    attention,
    drafting,
    family,
    kinds_of,
    words,
)
from dse.spec.huggingface.recent.mixtures import as_wide_as_routed

_DTYPES = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}


def mamba2(c: HfConfig, heads: int, head_dim: int) -> Layer:
    """Mamba-2 as linear attention: z, x and the output are values; B and C are keys and queries."""
    groups = c.size("n_groups")
    return {
        "linear_attention": {
            "heads": heads,
            "key_heads": groups,
            "key_dim": c.size("ssm_state_size"),
            "value_dim": head_dim,
            "gate": True,
            "conv": c.size("conv_kernel"),
            "step": True,
            # tokens that kernels work on together in a prompt
            **({"chunk": c.size("chunk_size")} if _has(c, "chunk_size") else {}),
            **_format(c),
        }
    }


def _has(c: HfConfig, key: str) -> bool:
    return key in c.reads and c.get(key) is not None


def _format(c: HfConfig) -> dict[str, object]:
    """Format of the state, where the file says one; else fp32."""
    key = "mamba_ssm_cache_dtype"
    said = c.get(key) if key in c.reads else None
    if said is None or said == "float32":
        return {}
    if not isinstance(said, str) or said not in _DTYPES:
        raise c.refuse(key, " or ".join(_DTYPES))
    return {"state": _DTYPES[said]}


_LETTERS = {"M": STATE, "E": "moe", "*": FULL, "-": "mlp"}


def _pattern(c: HfConfig) -> Sequence[str]:
    """What each layer of Nemotron-H is, in words or in the letters of older files."""
    letters = c.get("hybrid_override_pattern")
    if letters is None:
        return _listed(c)
    if not isinstance(letters, str) or set(letters) - set(_LETTERS):
        raise c.refuse("hybrid_override_pattern", f"a text of {', '.join(_LETTERS)}")
    # files of 2026 leave the number of layers out
    if len(letters) != c.size("num_hidden_layers", len(letters)):
        raise c.refuse("hybrid_override_pattern", f"{c.size('num_hidden_layers')} letters")
    return [_LETTERS[letter] for letter in letters]


def _listed(c: HfConfig) -> Sequence[str]:
    found = c.items("layers_block_type", str)
    if found and c.get("num_hidden_layers") is None:
        # the list alone says how many there are
        c = replace(c, data={**c.data, "num_hidden_layers": len(found)})
    return kinds_of(c, tuple(_LETTERS.values()), (), "layers_block_type")


def _nemotron_h(c: HfConfig) -> Network:
    """Each layer has one part: Mamba-2, attention, an FFN or experts, of two matrices each."""
    which = _pattern(c)
    if not which:
        raise c.refuse("layers_block_type", "a list of the layers")
    c.must("use_bias", False)
    # a part that no layer has is not read
    layers: dict[str, Layer] = {kind: nemotron_part(c, kind) for kind in dict.fromkeys(which)}
    ahead = c.whole("num_nextn_predict_layers")
    return Network(
        layers=tuple(layers[kind] for kind in which),
        tied=c.flag("tie_word_embeddings"),
        notes=(f"{PREDICTION} ({ahead})",) if ahead else (),
        draft=_nemotron_draft(c, ahead),
    )


def _nemotron_draft(c: HfConfig, modules: int) -> Draft | None:
    """A module of layers of one part each, attention or experts (nemotron_h_mtp.py of vLLM)."""
    letters = c.get("mtp_hybrid_override_pattern")
    listed = c.items("mtp_layers_block_type", str) or ()
    if isinstance(letters, str):
        listed = tuple(_LETTERS.get(letter, letter) for letter in letters)
    kinds = [FULL if kind == "attention" else kind for kind in listed]
    # vLLM knows no other number and no other part
    if modules != 1 or not kinds or set(kinds) - {FULL, "moe"}:
        return None
    return drafting(c, modules, *(nemotron_part(c, kind) for kind in kinds))


def nemotron_part(c: HfConfig, kind: str) -> Layer:
    """The one part of a layer of a kind."""
    if kind == STATE:
        return mamba2(c, c.size("mamba_num_heads"), c.size("mamba_head_dim"))
    if kind == FULL:
        return {"attention": attention(c, bias=c.flag("attention_bias"))}
    if kind == "mlp":
        return {"ffn": {"width": c.size("intermediate_size"), "gated": False}}
    return {"experts": _nemotron_experts(c)}


def _nemotron_experts(c: HfConfig) -> dict[str, object]:
    return {
        "count": c.size("n_routed_experts"),
        "top_k": c.size("num_experts_per_tok"),
        "width": c.size("moe_intermediate_size"),
        "gated": False,
        # one FFN, whatever n_shared_experts says
        "shared_width": c.size("moe_shared_expert_intermediate_size"),
        **({} if c.get("moe_latent_size") is None else {"latent": c.size("moe_latent_size")}),
    }


def _mamba_head(c: HfConfig) -> int:
    """Width of a head: a number, or what `expand` times the hidden size leaves for each."""
    heads = c.size("mamba_n_heads")
    inner = c.size("mamba_expand") * c.size("hidden_size")
    if c.get("mamba_d_head") not in ("auto", None):
        if c.size("mamba_d_head") * heads != inner:
            raise c.refuse("mamba_d_head", f"mamba_expand x hidden_size / mamba_n_heads ({inner} / {heads})")
    elif inner % heads:
        raise c.refuse("mamba_n_heads", f"a divisor of mamba_expand x hidden_size ({inner})")
    return inner // heads


def _granite_hybrid(c: HfConfig) -> Network:
    """Mamba-2 or attention, then a shared FFN, beside experts where there are any."""
    which = kinds_of(c, (FULL, STATE), [STATE] * c.size("num_hidden_layers"))
    width = c.size("shared_intermediate_size")
    inner: Mapping[str, object] = {"ffn": {"width": width, "gated": True}}
    if c.whole("num_local_experts", None):
        inner = {
            "experts": {
                "count": c.size("num_local_experts"),
                "top_k": c.size("num_experts_per_tok"),
                "width": c.size("intermediate_size"),
                "shared_width": width,
            }
        }
    return _two(c, which, inner)


def _bamba(c: HfConfig) -> Network:
    full = set(c.items("attn_layer_indices", int) or ())
    usual = [FULL if i in full else STATE for i in range(c.size("num_hidden_layers"))]
    which = kinds_of(c, (FULL, STATE), usual)
    return _two(c, which, {"ffn": {"width": c.size("intermediate_size"), "gated": True}})


def _two(c: HfConfig, which: Sequence[str], inner: Layer) -> Network:
    """Mamba-2 or attention, and the same FFN or experts in every layer."""
    bias = c.flag("attention_bias")
    parts: dict[str, Layer] = {FULL: {"attention": attention(c, bias=bias)}}
    if STATE in which:
        parts[STATE] = mamba2(c, c.size("mamba_n_heads"), _mamba_head(c))
    return Network(
        layers=tuple({**parts[kind], **inner} for kind in which),
        tied=c.flag("tie_word_embeddings"),
        notes=(OUTPUT_BIAS,) if bias else (),
    )


def grouped_kinds(c: HfConfig) -> Sequence[str]:
    """The last layer of each `layer_group_size` is full, and so are those after the last whole group."""
    count, size = c.size("num_hidden_layers"), c.size("layer_group_size")
    whole = count // size * size
    return [FULL if (i + 1) % size == 0 or i >= whole else STATE for i in range(count)]


def lightning(c: HfConfig) -> Layer:
    """Lightning Attention with a gate; every head has keys and values of its own."""
    heads, size = c.size("num_attention_heads"), c.size("head_dim")
    return {
        "linear_attention": {
            "heads": heads,
            "key_heads": heads,
            "key_dim": size,
            "value_dim": size,
            "gate": True,
        }
    }


def bailing_ffn(c: HfConfig, layer: int) -> Layer:
    """An FFN in the first layers, experts in the others."""
    if layer < c.whole("first_k_dense_replace", None):
        return {"ffn": {"width": c.size("intermediate_size"), "gated": True}}
    shared = as_wide_as_routed(c)
    found = {
        "count": c.size("num_experts"),
        "top_k": c.size("num_experts_per_tok"),
        "width": c.size("moe_intermediate_size"),
    }
    return {"experts": {**found, "shared_width": shared} if shared else found}


def _bailing_linear(c: HfConfig) -> Network:
    """Ring-linear: Lightning Attention with softmax attention at the end of each group of layers."""
    c.must("use_bias", False)
    parts: dict[str, Layer] = {
        FULL: {"attention": attention(c, bias=c.flag("use_qkv_bias"))},
        STATE: lightning(c),
    }
    layers = [{**parts[kind], **bailing_ffn(c, i)} for i, kind in enumerate(grouped_kinds(c))]
    ahead = c.whole("num_nextn_predict_layers")
    return Network(
        layers=tuple(layers),
        tied=c.flag("tie_word_embeddings"),
        notes=(f"{PREDICTION} ({ahead})",) if ahead else (),
    )


_MAMBA = frozenset({"n_groups", "ssm_state_size", "conv_kernel", "chunk_size"})
_NAMES = {
    "mamba_n_groups": "n_groups",
    "mamba_d_state": "ssm_state_size",
    "mamba_d_conv": "conv_kernel",
    "mamba_chunk_size": "chunk_size",
}
_SMALL = "mamba_conv_bias use_conv_bias time_step_limit time_step_rank"
_SIZED = GATED | _MAMBA | {"attention_bias", "layer_types", "mamba_n_heads", "mamba_d_head", "mamba_expand"}
_NEMOTRON = (
    GATED
    | _MAMBA
    | words("""
    attention_bias use_bias hybrid_override_pattern layers_block_type mamba_num_heads mamba_head_dim
    n_routed_experts num_experts_per_tok moe_intermediate_size moe_shared_expert_intermediate_size
    num_nextn_predict_layers mamba_ssm_cache_dtype moe_latent_size mtp_hybrid_override_pattern
    mtp_layers_block_type
    """)
)
_GRANITE = frozenset({"num_local_experts", "num_experts_per_tok", "shared_intermediate_size"})
_BAILING = GATED | words("""
    use_bias use_qkv_bias layer_group_size first_k_dense_replace num_experts num_experts_per_tok
    moe_intermediate_size n_shared_experts num_nextn_predict_layers
    """)

STATES = {
    "nemotron_h": family(
        _nemotron_h,
        _NEMOTRON,
        "NemotronHForCausalLM",
        aliases={**_NAMES, "attention_head_dim": "head_dim", "layer_types": "layers_block_type"},
        passes=f"{_SMALL} expand mlp_bias mamba_proj_bias mamba_hidden_act mlp_hidden_act "
        "n_shared_experts moe_shared_expert_overlap rescale_prenorm_residual "
        "use_mamba_kernels sliding_window mamba_dt_min mamba_dt_max mamba_dt_limit mamba_dt_init_floor",
    ),
    "granitemoehybrid": family(
        _granite_hybrid,
        _SIZED | _GRANITE,
        "GraniteMoeHybridForCausalLM",
        aliases={**_NAMES, "layers_block_type": "layer_types"},
        passes=f"{_SMALL} mamba_proj_bias",
    ),
    "bamba": family(
        _bamba,
        _SIZED | {"attn_layer_indices"},
        "BambaForCausalLM",
        aliases={**_NAMES, "layers_block_type": "layer_types"},
        passes=f"{_SMALL} mamba_proj_bias mlp_bias attn_rotary_emb",
    ),
    "bailing_moe_linear": family(
        _bailing_linear,
        _BAILING,
        "BailingMoeLinearForCausalLM",
        "BailingMoeLinearV2ForCausalLM",
        aliases={"num_shared_experts": "n_shared_experts"},
        passes="moe_router_enable_expert_bias embedding_dropout moe_router_enable_shared_expert norm_head "
        "group_norm_size moe_shared_expert_intermediate_size linear_silu linear_rope head_norm",
    ),
}
"""`model_type` to its family."""
