"""LLMs with a state whose code comes with the checkpoint: PLaMo-2, Jet-Nemotron, GigaChat 3.5."""

from dataclasses import replace

from dse.spec.huggingface.dense import GATED, NORMS, gated_ffn
from dse.spec.huggingface.experts import PREDICTION, experts, latent_attention
from dse.spec.huggingface.linear import state_parts
from dse.spec.huggingface.reader import (
    BASE,
    FULL,
    STATE,
    HfConfig,
    Layer,
    Network,
    attention,
    family,
    kinds_of,
    words,
)
from dse.spec.huggingface.recent.plain import BLOCKS_PICKED
from dse.spec.huggingface.recent.states import STATES, nemotron_part

_LEAST_STEP = 64
"""Width of the input of time steps in PLaMo-2, where the hidden size over 16 is less."""
_NORM_RANK = 16
"""Width inside the gate of a norm in GigaChat 3.5."""


def _plamo2(c: HfConfig) -> Network:
    """Mamba in the steps of Mamba-1 with the heads of Mamba-2, and attention in one layer of each step."""
    c.must("mamba_enabled", True)
    count, step = c.size("num_hidden_layers"), c.size("mamba_step")
    heads, size, hidden = c.size("mamba_num_heads"), c.size("hidden_size_per_head"), c.size("hidden_size")
    inner, width = heads * size, max(_LEAST_STEP, hidden // 16)
    state: Layer = {
        "linear_attention": {
            "heads": heads,
            "key_heads": 1,
            "key_dim": c.size("mamba_d_state"),
            "value_dim": size,
            "gate": True,
            "conv": c.size("mamba_d_conv"),
            "step": True,
        },
        # time steps by way of a narrow matrix from the values
        "matrices": [{"inputs": inner, "outputs": width}],
    }
    seen = set(c.items("full_attention_idx", int) or ())
    softmax = {
        "heads": c.size("num_attention_heads"),
        "kv_heads": c.size("num_key_value_heads"),
        "head_dim": size,
    }
    layers = []
    for i in range(count):
        # too few layers for a step: all but the last have a state
        mamba = i != count - 1 if count <= step // 2 else i % step != step // 2
        window = {} if i in seen else {"window": c.size("attention_window_size")}
        layers.append({**(state if mamba else {"attention": {**softmax, **window}}), "ffn": gated_ffn(c)})
    note = "keys and queries of the state come from its values, and are counted as if from the input"
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings", True), notes=(NORMS, note))


def _jet(c: HfConfig) -> Network:
    """Jet-Nemotron: a delta rule whose convolution of values is made for every token by two matrices."""
    inside = c.part("efficient_attention_config", "jet", "swa")
    heads: Layer = {**attention(c, bias=True)}
    parts: dict[str, Layer] = {"attn": {"attention": heads}}
    which = kinds_of(c, ("attn", "swa", "jet"), ())
    if not which:
        raise c.refuse("layer_types", "a list of attn, swa and jet")
    if "swa" in which:
        parts["swa"] = {
            "attention": {**heads, "window": inside.part("swa", "window_size").size("window_size")}
        }
    if "jet" in which:
        parts["jet"] = _jet_block(inside.part("jet", *_JET), c.size("hidden_size"))
    return Network(
        layers=tuple({**parts[kind], "ffn": gated_ffn(c)} for kind in which),
        tied=c.flag("tie_word_embeddings"),
        notes=("the last values that a convolution keeps are not counted",),
    )


def _jet_block(jet: HfConfig, hidden: int) -> Layer:
    """The delta rule, and the two matrices that make its convolution."""
    heads, size, times = jet.size("num_heads"), jet.size("head_dim"), jet.get("expand_v")
    if not isinstance(times, int | float) or isinstance(times, bool) or (times * size) % 1 != 0:
        raise jet.refuse("expand_v", f"a number that makes {size} a whole number")
    wide = int(times * size)
    narrow, taps = heads * wide // jet.size("dconv_generator_reduction"), jet.size("conv_size")
    return {
        STATE: {
            "heads": heads,
            "key_heads": heads,
            "key_dim": size,
            "value_dim": wide,
            "gate": True,
            "delta": True,
        },
        "matrices": [
            {"inputs": hidden, "outputs": narrow},
            {"inputs": narrow, "outputs": heads * wide * taps},
        ],
    }


def _sala(c: HfConfig) -> Network:
    """MiniCPM-SALA: Lightning Attention, and attention that picks blocks of a long context."""
    heads = c.size("lightning_nh", c.size("num_attention_heads"))
    size = c.size("lightning_head_dim", c.size("head_dim", c.size("hidden_size") // heads))
    if c.size("lightning_nkv", heads) != heads:
        raise c.refuse("lightning_nkv", f"as many as lightning_nh ({heads})")
    state = {
        "heads": heads,
        "key_heads": heads,
        "key_dim": size,
        "value_dim": size,
        **({"gate": True} if c.flag("use_output_gate") else {}),
    }
    softmax = {**attention(c, bias=c.flag("attention_bias"))}
    if c.flag("attn_use_output_gate"):
        softmax["gate"] = True
    said = c.items("mixer_types", str)
    count = c.size("num_hidden_layers")
    if said is None or not set(said) <= {*_LIGHTNING, *_SOFTMAX} or not 0 < len(said) <= count:
        raise c.refuse("mixer_types", f"up to {count} words that are lightning-attn or minicpm4")
    # a shorter list is gone through again and again
    which = [said[i % len(said)] in _LIGHTNING for i in range(count)]
    layers = [
        {**({STATE: state} if lightning else {"attention": softmax}), "ffn": gated_ffn(c)}
        for lightning in which
    ]
    notes = (BLOCKS_PICKED,) if c.get("sparse_config") is not None else ()
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings"), notes=notes)


def _gigachat(c: HfConfig) -> Network:
    """Latent attention with a gate, and Gated DeltaNet; norms have gates of two narrow matrices each."""
    c.must("use_shared_expert_sigmoid", False)
    hidden, count = c.size("hidden_size"), c.size("num_hidden_layers")
    full = set(c.items("full_attention_layers", int) or ())
    usual = [FULL if i in full else STATE for i in range(count)]
    which = kinds_of(c, (FULL, STATE), usual)
    norms = _norms(c, hidden)
    inner = list(norms)
    if c.flag("gated_attention"):
        inner.append({"inputs": hidden, "outputs": c.size("num_attention_heads") * c.size("v_head_dim")})
    ranks = [c.size("kv_lora_rank"), *([] if c.get("q_lora_rank") is None else [c.size("q_lora_rank")])]
    gates = [m for rank in ranks for m in _norm_gate(rank)] if norms else []
    mla: Layer = {"latent_attention": latent_attention(c), "matrices": [*inner, *gates]}
    parts: dict[str, Layer] = {FULL: mla, STATE: {**state_parts(c), "matrices": [*norms]}}
    shared = c.whole("n_shared_experts") * c.size("moe_intermediate_size")
    routed = experts(c, "n_routed_experts", "moe_intermediate_size", shared)
    first, step = c.whole("first_k_dense_replace", None), c.size("moe_layer_freq", 1)
    layers = [
        {
            **{k: v for k, v in parts[kind].items() if v},
            **({"experts": routed} if i >= first and i % step == 0 else {"ffn": gated_ffn(c)}),
        }
        for i, kind in enumerate(which)
    ]
    ahead = c.whole("num_nextn_predict_layers")
    notes = (f"{PREDICTION} ({ahead})",) if ahead else ()
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings"), notes=notes)


def _norms(c: HfConfig, hidden: int) -> list[dict[str, int]]:
    """Matrices of the norms of a layer: two norms, or four with norms after both parts too."""
    kind = c.get("norm_type")
    if kind in (None, "LlamaRMSNorm", "ZeroCenteredRMSNorm"):
        return []
    if kind not in ("ZeroCenteredGatedNorm", "GatedNorm"):
        raise c.refuse("norm_type", "LlamaRMSNorm, ZeroCenteredRMSNorm, GatedNorm or ZeroCenteredGatedNorm")
    times = {"pre": 2, "post": 2, "pre_post": 4}.get(str(c.get("layernorm_type") or "pre"))
    if times is None:
        raise c.refuse("layernorm_type", "pre, post or pre_post")
    return _norm_gate(hidden) * times


def _norm_gate(width: int) -> list[dict[str, int]]:
    return [{"inputs": width, "outputs": _NORM_RANK}, {"inputs": _NORM_RANK, "outputs": width}]


def _puzzle(c: HfConfig) -> Network:
    """Nemotron-H with sizes of its own in each layer."""
    blocks = c.get("block_configs")
    kinds = {"mamba": STATE, "moe": "moe", "attention": FULL, "mlp": "mlp"}
    if not isinstance(blocks, list) or not all(
        isinstance(b, dict) and b.get("block_type") in kinds for b in blocks
    ):
        raise c.refuse("block_configs", f"a list of blocks whose block_type is {', '.join(kinds)}")
    if len(blocks) != c.size("num_hidden_layers", len(blocks)):
        raise c.refuse("block_configs", f"{c.size('num_hidden_layers')} blocks")
    c.must("use_bias", False)
    layers = []
    for i, block in enumerate(blocks):
        strange = sorted(set(block) - c.reads - {"block_type"})
        if strange:
            raise c.refuse(f"block_configs[{i}].{strange[0]}", "a key that is known")
        layers.append(nemotron_part(replace(c, data={**c.data, **block}), kinds[block["block_type"]]))
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings"))


_NEMOTRON = STATES["nemotron_h"]
_LIGHTNING = ("lightning", "lightning_attn", "lightning-attn")
_SOFTMAX = ("minicpm4", "minicpm", "standard", "attention", "attn")
_JET = words(
    "mode expand_v num_heads head_dim norm_eps conv_size dconv_generator_reduction dconv_implementation"
)
_DELTA = words(
    "linear_conv_kernel_dim linear_key_head_dim linear_num_key_heads linear_num_value_heads "
    "linear_value_head_dim"
)

REMOTE_HYBRIDS = {
    "nemotron_h_puzzle": family(
        _puzzle,
        _NEMOTRON.reads | {"block_configs"},
        "NemotronHPuzzleForCausalLM",
        aliases=_NEMOTRON.aliases,
        passes=" ".join((*_NEMOTRON.passes, "mtp_block_configs")),
    ),
    "plamo2": family(
        _plamo2,
        BASE
        | words(
            """
            intermediate_size num_key_value_heads hidden_size_per_head attention_window_size
            full_attention_idx mamba_d_state mamba_d_conv mamba_num_heads mamba_step mamba_enabled
            """
        ),
        "Plamo2ForCausalLM",
        "PlamoForCausalLM",
        passes="mamba_chunk_size image_feature_size image_proj_type linear_type eval_attention_n_bit "
        "eval_mlp_n_bit sparse_step sparse_intermediate_size sparse_type use_moe",
    ),
    "jet_nemotron": family(
        _jet,
        GATED | words("efficient_attention_config layer_types"),
        "JetNemotronForCausalLM",
        passes="max_window_layers sliding_window use_sliding_window",
    ),
    "minicpm_sala": family(
        _sala,
        GATED
        | words(
            """
            attention_bias mixer_types lightning_nh lightning_nkv lightning_head_dim use_output_gate
            attn_use_output_gate sparse_config
            """
        ),
        "MiniCPMSALAForCausalLM",
        "MiniCPMForCausalLM",
        passes="scale_depth dim_model_base scale_emb lightning_scale lightning_layerwise_decay "
        "lightning_use_rope use_output_norm qk_norm attn_use_rope minicpm4 lightning sparse_use_nope "
        "mup_denominator",
    ),
    "gigachat3_5": family(
        _gigachat,
        GATED
        | _DELTA
        | words(
            """
            attention_bias kv_lora_rank q_lora_rank qk_rope_head_dim qk_nope_head_dim v_head_dim layer_types
            full_attention_layers norm_type layernorm_type gated_attention n_routed_experts n_shared_experts
            num_experts_per_tok moe_intermediate_size moe_layer_freq first_k_dense_replace
            num_nextn_predict_layers use_shared_expert_sigmoid
            """
        ),
        "GigaChat35ForCausalLM",
        "GigaChat3_5ForCausalLM",
        passes="linear_attention_type linear_sigmoid_gate_scale linear_gating_type layernorm_gating_weight "
        "use_mla_scaling_factor nextn_is_sparse qk_head_dim",
    ),
}
"""`model_type` to its family."""
