"""`params.json` of Mistral and of LLaMA in the keys of a `config.json`."""

from collections.abc import Mapping
from typing import Final

from dse.errors import Problem, SpecError, spec_error
from dse.spec.huggingface.reader import words
from dse.text import short

SAME: Final = {
    "dim": "hidden_size",
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
    "n_kv_heads": "num_key_value_heads",
    "head_dim": "head_dim",
    "hidden_dim": "intermediate_size",
    "vocab_size": "vocab_size",
    "norm_eps": "rms_norm_eps",
    "rope_theta": "rope_theta",
    "tied_embeddings": "tie_word_embeddings",
    "q_lora_rank": "q_lora_rank",
    "kv_lora_rank": "kv_lora_rank",
    "qk_rope_head_dim": "qk_rope_head_dim",
    "qk_nope_head_dim": "qk_nope_head_dim",
    "v_head_dim": "v_head_dim",
    "max_position_embeddings": "max_position_embeddings",
    "max_seq_len": "max_position_embeddings",
}
"""Keys that mean the same under another name."""
_EXPERTS: Final = {
    "num_experts": "n_routed_experts",
    "num_experts_per_tok": "num_experts_per_tok",
    "expert_hidden_dim": "moe_intermediate_size",
    "num_shared_experts": "n_shared_experts",
    "first_k_dense_replace": "first_k_dense_replace",
    "route_every_n": "moe_layer_freq",
}
_PASSED: Final = words("""
    causal use_biases model_type vision_encoder multimodal yarn llama_4_scaling max_batch_size
    use_scaled_rope num_expert_groups num_expert_groups_per_tok routed_scale expert_parallel
    expert_model_parallel multiple_of ffn_dim_multiplier moe sliding_window _sliding_window quantization
    """)
"""Keys that change no size, or that are read below."""


def is_params(data: Mapping[str, object]) -> bool:
    """Whether these are the keys of a `params.json`: those of a `config.json` begin with `model_type`."""
    return "dim" in data and "n_layers" in data and "hidden_size" not in data


def as_config(data: Mapping[str, object], where: str) -> dict[str, object]:
    """The same in the keys of a `config.json`; raises for a key that is not known."""
    problems = [
        Problem(where, f"{key}: expected a key of params.json that is known, got {short(value)}")
        for key, value in data.items()
        if key not in SAME and key not in _PASSED and value not in (None, False, 0, "", [], {})
    ]
    if data.get("use_biases") is True:
        problems.append(Problem(where, "use_biases: expected false, got True"))
    if problems:
        raise SpecError(problems)
    # a width that is left out is that of LLaMA
    found = {new: data[old] for old, new in SAME.items() if old in data}
    found.setdefault("num_key_value_heads", None)
    if "intermediate_size" not in found:
        found["intermediate_size"] = _llama_width(data, where)
    moe = data.get("moe")
    latent = "kv_lora_rank" in data
    if isinstance(moe, dict):
        found |= _moe(moe, where, latent=latent)
    elif latent or moe is not None:
        raise spec_error(where, f"moe: expected keys of its own, got {short(moe)}")
    found.setdefault("model_type", "mistral")
    return found | ({} if latent else _windows(data, found)) | _formats(data.get("quantization"))


def _moe(moe: Mapping[str, object], where: str, *, latent: bool) -> dict[str, object]:
    """Experts: those of Mixtral, or of DeepSeek in Mistral Large 3."""
    strange = [key for key in moe if key not in _EXPERTS and key not in _PASSED]
    if strange:
        raise spec_error(
            where, f"moe: {strange[0]}: expected a key that is known, got {short(moe[strange[0]])}"
        )
    if not latent:
        extra = [k for k in moe if k in _EXPERTS and k not in ("num_experts", "num_experts_per_tok")]
        if extra:
            raise spec_error(where, f"moe: {extra[0]}: expected it with latent attention only")
        return {
            "model_type": "mixtral",
            "num_local_experts": moe.get("num_experts"),
            "num_experts_per_tok": moe.get("num_experts_per_tok"),
        }
    named = {new: moe[old] for old, new in _EXPERTS.items() if old in moe}
    return {"model_type": "deepseek_v3", "moe_layer_freq": 1, "n_shared_experts": None, **named}


def _windows(data: Mapping[str, object], found: Mapping[str, object]) -> dict[str, object]:
    """One window for all layers, or a pattern of windows, in which null is none."""
    window = data.get("sliding_window", data.get("_sliding_window"))
    count = found.get("num_hidden_layers")
    if not isinstance(window, list) or not isinstance(count, int) or not window:
        return {"sliding_window": window}
    which = [window[i % len(window)] for i in range(count)]
    sizes = {w for w in which if w is not None}
    # several windows are passed on as they are, and refused as no number
    size = sizes.pop() if len(sizes) == 1 else window if sizes else None
    kinds = ["full_attention" if w is None else "sliding_attention" for w in which]
    return {"sliding_window": size, "layer_types": kinds}


def _formats(quantization: object) -> dict[str, object]:
    """Formats of the weights in the words of a `config.json`; others are noted there as not understood."""
    if not isinstance(quantization, dict) or not quantization:
        return {}
    if "qformat_weight" not in quantization:
        # newer files say it as a config.json does
        return {"quantization_config": quantization}
    kind = str(quantization.get("qformat_weight", ""))
    return {
        "quantization_config": {**quantization, "quant_method": "fp8" if kind.startswith("fp8") else kind}
    }


def _llama_width(data: Mapping[str, object], where: str) -> int:
    """Inner width as LLaMA computes it: 8/3 of the hidden size, scaled, up to a multiple."""
    dim, multiple, factor = data["dim"], data.get("multiple_of"), data.get("ffn_dim_multiplier")
    if not isinstance(dim, int) or not isinstance(multiple, int) or multiple < 1 or isinstance(dim, bool):
        raise spec_error(where, "hidden_dim: expected a whole number of at least 1, got no such key")
    width = int(2 * 4 * dim / 3)
    if isinstance(factor, int | float) and 0 < factor < 100:
        width = int(factor * width)
    return multiple * -(-width // multiple)
