"""Sound configs of small LLMs, one of each way to build them, in the keys of Hugging Face."""

from typing import Any

_SIZES: dict[str, Any] = {
    "hidden_size": 64,
    "vocab_size": 100,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "intermediate_size": 128,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "rms_norm_eps": 1e-5,
    "rope_scaling": {"rope_type": "yarn", "factor": 4.0},
    "_name_or_path": "org/Mine-7B",
}
_EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 32}
_KINDS = ["sliding_attention", "full_attention"] * 2
CONFIGS: tuple[dict[str, Any], ...] = (
    {"model_type": "llama", "architectures": ["LlamaForCausalLM"], **_SIZES},
    {"model_type": "mistral", "sliding_window": 64, **_SIZES},
    {"model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 2, **_SIZES},
    {
        "model_type": "qwen3",
        "head_dim": 16,
        "layer_types": _KINDS,
        "use_sliding_window": True,
        "max_window_layers": 2,
        "sliding_window": 8,
        **_SIZES,
    },
    {
        "model_type": "qwen3_moe",
        "num_experts": 8,
        "decoder_sparse_step": 2,
        "mlp_only_layers": [0],
        **_EXPERTS,
        **_SIZES,
    },
    {
        "model_type": "gemma3",
        "text_config": {"model_type": "gemma3_text", "sliding_window": 16, **_SIZES},
        "vision_config": {},
    },
    {"model_type": "gpt2", "n_embd": 64, "n_layer": 4, "n_head": 8, "n_positions": 128, "vocab_size": 100},
    {
        "model_type": "falcon",
        "multi_query": True,
        "alibi": False,
        "hidden_size": 64,
        "vocab_size": 100,
        "num_hidden_layers": 4,
        "num_attention_heads": 8,
    },
    {
        "model_type": "deepseek_v3",
        "kv_lora_rank": 16,
        "q_lora_rank": None,
        "qk_rope_head_dim": 8,
        "qk_nope_head_dim": 8,
        "v_head_dim": 8,
        "n_routed_experts": 8,
        "n_shared_experts": 1,
        "first_k_dense_replace": 1,
        "moe_layer_freq": 1,
        **_EXPERTS,
        **_SIZES,
        "num_key_value_heads": 8,
    },
    {
        "model_type": "gpt_oss",
        "num_local_experts": 4,
        "num_experts_per_tok": 2,
        "sliding_window": 16,
        "head_dim": 8,
        **_SIZES,
    },
)
