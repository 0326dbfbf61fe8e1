"""Published files of families that Transformers 5 knows, counted by hand."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from newest_llms import SMALL, USUAL

from dse.errors import SpecError
from dse.spec.huggingface.config import Imported, import_llm
from objectives.api import LinearAttention
from objectives.equations.llm.attention.kinds import kind_of

Config = dict[str, Any]


def imported(folder: Path, config: Config) -> Imported:
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return import_llm(path, "it", date(2026, 1, 2))


def kv_elements(found: Imported) -> float:
    blocks = found.spec.resolve().blocks
    return sum(b.count * float(kind_of(a).kv_elements(a, 1.0)) for b in blocks for a in b.mixers)


LING: Config = {
    "model_type": "bailing_hybrid",
    "hidden_size": 1536,
    "intermediate_size": 4608,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "num_key_value_heads": 16,
    "head_dim": 128,
    "vocab_size": 157184,
    "layer_group_size": 4,
    "first_k_dense_replace": 1,
    "qk_head_dim": 192,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "q_lora_rank": 256,
    "kv_lora_rank": 512,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "num_shared_experts": 1,
    "moe_intermediate_size": 384,
    "moe_shared_expert_intermediate_size": 384,
    "tie_word_embeddings": False,
}
"""Keys of Ling 3 but for those of its delta rule; of the experts, numbers to count with."""


def test_ling_2_5_and_3_have_one_model_type_and_two_kinds_of_state(tmp_path: Path) -> None:
    third = {"architectures": ["BailingMoeV3ForCausalLM"], "short_conv_kernel_size": 4, "no_kda_lora": True}
    second = {"architectures": ["BailingMoeV2_5ForCausalLM"], "group_norm_size": 4}
    delta, lightning = imported(tmp_path, LING | third), imported(tmp_path, LING | second)
    states = [
        [a for b in found.spec.resolve().blocks for a in b.mixers if isinstance(a, LinearAttention)]
        for found in (delta, lightning)
    ]
    assert all(a.delta and a.conv == 4 for a in states[0])
    assert not any(a.delta or a.conv for a in states[1])
    # six of 24 layers keep a latent in both
    assert kv_elements(delta) == kv_elements(lightning) == 6 * (512 + 64)
    # of each head: a decay for each element of a key, a time step, gates of latent attention, taps
    wide, hidden = 16 * 128, 1536
    more = 18 * (hidden * wide + 2 * 16 * hidden + 4 * 3 * wide) + 6 * 16 * hidden
    assert delta.params - lightning.params == pytest.approx(more, rel=1e-3)


def test_a_layer_after_the_last_whole_group_of_ling_is_full(tmp_path: Path) -> None:
    third = {"architectures": ["BailingMoeV3ForCausalLM"], "short_conv_kernel_size": 4}
    assert kv_elements(imported(tmp_path, LING | third | {"num_hidden_layers": 26})) == 8 * (512 + 64)


HUNYUAN_OCR: Config = {
    "architectures": ["HunYuanVLForConditionalGeneration"],
    "model_type": "hunyuan_vl",
    "attention_bias": False,
    "attention_head_dim": 128,
    "head_dim": 128,
    "hidden_size": 1024,
    "intermediate_size": 3584,
    "num_attention_heads": 16,
    "num_hidden_layers": 24,
    "num_key_value_heads": 8,
    "tie_word_embeddings": True,
    "rope_scaling": {"alpha": 1000.0, "type": "xdrope"},
    "vision_config": {"hidden_size": 1152},
    "vocab_size": 120818,
}


def test_a_file_with_the_language_model_at_the_top_is_the_one_with_it_inside(tmp_path: Path) -> None:
    around = ("architectures", "model_type", "vision_config")
    inner = {key: value for key, value in HUNYUAN_OCR.items() if key not in around}
    nested = {key: HUNYUAN_OCR[key] for key in around} | {"text_config": inner, "tie_word_embeddings": True}
    flat = imported(tmp_path, HUNYUAN_OCR)
    assert flat.spec.blocks == imported(tmp_path, nested).spec.blocks
    layer = 1024 * 128 * (2 * 16 + 2 * 8) + 3 * 1024 * 3584 + 2 * 1024
    assert flat.params == 24 * layer + 120818 * 1024 + 1024


def test_paddle_ocr_by_hand(tmp_path: Path) -> None:
    config = {
        "architectures": ["PaddleOCRVLForConditionalGeneration"],
        "model_type": "paddleocr_vl",
        "hidden_size": 1024,
        "num_hidden_layers": 18,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "head_dim": 128,
        "intermediate_size": 3072,
        "vocab_size": 103424,
        "tie_word_embeddings": False,
        "sliding_window": None,
        "vision_config": {"hidden_size": 1152},
    }
    layer = 1024 * 128 * (2 * 16 + 2 * 2) + 3 * 1024 * 3072 + 2 * 1024
    assert imported(tmp_path, config).params == 18 * layer + 2 * 103424 * 1024 + 1024


def test_experts_of_images_are_stored_and_not_visited(tmp_path: Path) -> None:
    config = {
        "architectures": ["Ernie4_5_VLMoeForConditionalGeneration"],
        "model_type": "ernie4_5_moe_vl",
        "hidden_size": 2560,
        "intermediate_size": 12288,
        "num_hidden_layers": 28,
        "num_attention_heads": 20,
        "num_key_value_heads": 4,
        "moe_num_experts": [64, 64],
        "moe_intermediate_size": [1536, 512],
        "moe_layer_start_index": [1, 1],
        "moe_layer_end_index": [29, 28],
        "moe_layer_interval": 1,
        "moe_k": 6,
        "moe_num_shared_experts": 2,
        "vocab_size": 103424,
        "tie_word_embeddings": True,
        "vision_config": {"depth": 32},
    }
    found = imported(tmp_path, config)
    # the class with the same sizes
    assert found.params == pytest.approx(USUAL["ernie4_5_vl_moe"]["elements"], rel=1e-3)
    images = 27 * 64 * (3 * 512 + 1) * 2560
    assert [(t.entries * t.width) for t in found.spec.lookup] == [images]
    # 6 and 2 experts of text of three matrices, and no row of the table but one
    assert found.counts.active < found.params - images


def test_dots_ocr_reads_its_older_keys_as_the_list_of_transformers(tmp_path: Path) -> None:
    listed = SMALL["dots3_note_text"]["config"]
    said = {
        "swa_num_attention_heads": 5,
        "swa_num_key_value_heads": 5,
        "swa_q_lora_rank": 40,
        "swa_kv_lora_rank": 36,
        "swa_head_dim": 20,
        "swa_qk_nope_head_dim": 12,
        "swa_v_head_dim": 14,
        "model_type": "dots3_note",
    }
    older = {key: value for key, value in listed.items() if key not in ("per_layer_config", "layer_types")}
    assert imported(tmp_path, older | said).spec.blocks == imported(tmp_path, listed).spec.blocks


@pytest.mark.parametrize(
    ("config", "layer", "vocab", "kv"),
    [
        (
            {"model_type": "llava", "text_config": {"model_type": "llama", "vocab_size": 32064}},
            4 * 4096**2 + 3 * 4096 * 11008 + 2 * 4096,
            32064,
            32 * 2 * 32 * 128,
        ),
        (
            {"model_type": "idefics2", "text_config": {"model_type": "mistral", "vocab_size": 32003}},
            2 * 4096**2 + 2 * 4096 * 1024 + 3 * 4096 * 14336 + 2 * 4096,
            32003,
            32 * 2 * 8 * 128,
        ),
        (
            {
                "model_type": "qwen2_audio",
                "text_config": {"model_type": "qwen2", "intermediate_size": 11008, "vocab_size": 156032},
            },
            4 * 4096**2 + 3 * 4096 * 11008 + 2 * 4096 + 3 * 4096,
            156032,
            32 * 2 * 32 * 128,
        ),
    ],
)
def test_a_model_inside_another_has_the_sizes_of_its_class_where_the_file_leaves_them_out(
    tmp_path: Path, config: Config, layer: int, vocab: int, kv: int
) -> None:
    # as LLaVA 1.5, Idefics2 and Qwen2-Audio are published
    found = imported(tmp_path, config)
    assert found.params == 32 * layer + 2 * vocab * 4096 + 4096
    assert kv_elements(found) == kv
    assert "left out of the file" in str(found.spec.architecture.note)
    # alone it is no file of a model
    with pytest.raises(SpecError, match="no such key"):
        imported(tmp_path, {"num_key_value_heads": 8} | config["text_config"])


def test_zaya_of_transformers_4_counts_halves(tmp_path: Path) -> None:
    # the published file of the first checkpoint
    older = {
        "architectures": ["ZayaForCausalLM"],
        "model_type": "zaya",
        "activation_func": "swiglu",
        "add_bias_linear": False,
        "attention_bias": False,
        "bias_activation_fusion": True,
        "cca": True,
        "ffn_hidden_size": 4096,
        "gated_linear_unit": True,
        "hidden_size": 2048,
        "head_dim": 128,
        "kv_channels": 128,
        "lm_head_bias": False,
        "moe_router_topk": 1,
        "normalization": "RMSNorm",
        "num_attention_heads": 8,
        "num_experts": 16,
        "num_hidden_layers": 80,
        "num_key_value_heads": 2,
        "num_query_groups": 2,
        "partial_rotary_factor": 0.5,
        "rope_scaling": False,
        "scale_residual_merge": True,
        "sliding_window": None,
        "vocab_size": 262272,
        "zaya_mlp_expansion": 256,
    }
    newer = imported(tmp_path, USUAL["zaya"]["config"])
    assert imported(tmp_path, older).spec.blocks == newer.spec.blocks
    assert kv_elements(newer) == 40 * 2 * 2 * 128
