"""Sections of quantisers, read into formats by part or refused with a sentence, and the bytes that follow.

Names and settings are those of the quantisers' own files; sizes of checkpoints are what publishers state.
"""

import json
from pathlib import Path

import pytest
from small_checkpoints import DENSE

from dse.spec.huggingface.config import import_llm
from dse.spec.schema.llm import LlmSpec
from objectives.equations.chip.formats import FORMATS

MOE = DENSE | {
    "model_type": "qwen3_moe",
    "num_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 32,
    "decoder_sparse_step": 1,
}


def read(folder: Path, config: dict[str, object]) -> LlmSpec:
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return import_llm(path, "mine").spec


def formats(folder: Path, config: dict[str, object], section: dict[str, object]) -> dict[str, str] | None:
    found = read(folder, config | {"quantization_config": section}).formats
    return None if found is None else found.model_dump()


BOTH = {"dense": "int4", "attention": "int4", "rest": "bf16"}
FP8 = {"dense": "fp8", "attention": "fp8", "rest": "bf16"}
CASES: dict[str, tuple[dict[str, object], dict[str, object], dict[str, str]]] = {
    "GPTQ with more bits for some": (
        DENSE,
        {
            "quant_method": "gptq",
            "bits": 4,
            "group_size": 128,
            "dynamic": {r"+:.*self_attn.*": {"bits": 8, "group_size": -1}, r"-:.*gate_proj.*": {}},
        },
        # two of three matrices of the FFN are left
        {"dense": "int4", "attention": "int8", "rest": "bf16"},
    ),
    "AWQ that leaves modules out": (
        DENSE,
        {"quant_method": "awq", "bits": 4, "group_size": 128, "modules_to_not_convert": ["self_attn"]},
        {"dense": "int4", "rest": "bf16"},
    ),
    "quark by layer": (
        MOE,
        {
            "quant_method": "quark",
            "global_quant_config": {"weight": {"dtype": "fp4", "group_size": 32}},
            "layer_quant_config": {
                "*self_attn*": {"weight": {"dtype": "fp8_e4m3"}},
                "lm_head": {"weight": None},
            },
        },
        {"experts": "mxfp4", "attention": "fp8", "rest": "bf16"},
    ),
    "quark in two steps": (
        MOE,
        {
            "quant_method": "quark",
            "global_quant_config": {"weight": [{"dtype": "fp8_e4m3"}, {"dtype": "int4"}]},
            "exclude": ["*self_attn*", "lm_head"],
        },
        {"experts": "int4", "rest": "bf16"},
    ),
    "torchao as a word": (DENSE, {"quant_method": "torchao", "quant_type": "float8_weight_only"}, FP8),
    "torchao as a class": (
        DENSE,
        {
            "quant_method": "torchao",
            "quant_type": {
                "default": {"_type": "Float8DynamicActivationFloat8WeightConfig", "_version": 2, "_data": {}}
            },
        },
        FP8,
    ),
    "torchao in groups": (
        DENSE,
        {
            "quant_method": "torchao",
            "quant_type": {"default": {"_type": "Int4WeightOnlyConfig", "_data": {"group_size": 128}}},
        },
        BOTH,
    ),
    "torchao by name": (
        DENSE,
        {
            "quant_method": "torchao",
            "quant_type": {
                "default": {
                    "_type": "ModuleFqnToConfig",
                    "_data": {
                        "module_fqn_to_config": {
                            "_default": {"_type": "Int8WeightOnlyConfig", "_data": {}},
                            **{f"model.layers.{i}.self_attn": None for i in range(4)},
                        }
                    },
                }
            },
        },
        {"dense": "int8", "rest": "bf16"},
    ),
    "HQQ": (
        DENSE,
        {"quant_method": "hqq", "quant_config": {"weight_quant_params": {"nbits": 8, "group_size": 64}}},
        {"dense": "q8_0", "attention": "q8_0", "rest": "bf16"},
    ),
    "EXL3": (
        DENSE,
        {"quant_method": "exl3", "bits": 4.5, "head_bits": 6},
        {"dense": "q4_0", "attention": "q4_0", "head": "q5_k_m", "rest": "bf16"},
    ),
    "Quanto": (
        DENSE,
        {"quant_method": "quanto", "weights": "int8"},
        {**BOTH, "dense": "int8", "attention": "int8"},
    ),
    "AutoRound in blocks of floats": (
        DENSE,
        {"quant_method": "auto-round", "bits": 4, "group_size": 16, "data_type": "nv_fp"},
        {"dense": "nvfp4", "attention": "nvfp4", "rest": "bf16"},
    ),
    "experts apart": (
        MOE | {"expert_dtype": "fp4"},
        {"quant_method": "fp8", "weight_block_size": [128, 128]},
        {"experts": "mxfp4", "attention": "fp8", "rest": "bf16"},
    ),
    "experts quantised again": (
        MOE | {"expert_dtype": "fp4"},
        {"quant_method": "fp8", "moe_quant_algo": "NVFP4", "ignore": ["*self_attn*", "lm_head"]},
        {"experts": "nvfp4", "attention": "fp8", "rest": "bf16"},
    ),
    "routed experts apart": (
        MOE,
        {"quant_method": "fp8", "routed_experts_quant_method": "mxfp4"},
        {"experts": "mxfp4", "attention": "fp8", "rest": "bf16"},
    ),
    "modelopt under its other name": (
        DENSE,
        {"quant_method": "modelopt_fp4", "quant_algo": "NVFP4", "ignore": ["lm_head"]},
        {"dense": "nvfp4", "attention": "nvfp4", "rest": "bf16"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_part_has_the_format_that_the_section_says(tmp_path: Path, name: str) -> None:
    config, section, wanted = CASES[name]
    assert formats(tmp_path, config, section) == wanted


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"quant_method": "bitnet"}, "quantised by bitnet to 2 bits, for which there is no format"),
        ({"quant_method": "torchao", "quant_type": "autoquant"}, "torchao ('autoquant'), for which there"),
        ({"quant_method": "exl2", "bits": 2.2}, "2.2 bits, for which there is no format"),
        ({"quant_method": "exl2", "bits": True}, "True bits, which is not understood"),
        ({"quant_method": "auto-round", "bits": 2, "data_type": "mx_fp"}, "'mx_fp' of 2 bits, for which"),
        ({"quant_method": "quanto", "weights": "int2"}, "'int2' (quanto), for which there is no format"),
        ({"quant_method": "hqq", "quant_config": {}}, "None bits, which is not understood"),
        ({"quant_method": "fp8", "expert_dtype": "int3"}, "expert_dtype is 'int3', for which there"),
        (
            {
                "quant_method": "quark",
                "global_quant_config": {"weight": {"dtype": "mx", "mx_element_dtype": "fp6"}},
            },
            "'fp6' (quark), for which there is no format",
        ),
    ],
)
def test_what_has_no_format_is_said(tmp_path: Path, section: dict[str, object], words: str) -> None:
    found = read(tmp_path, MOE | {"quantization_config": section})
    assert found.formats is None
    assert words in (found.notes or "")


@pytest.mark.parametrize(
    "section",
    [
        {"quant_method": "torchao"},
        {"quant_method": "torchao", "quant_type": {"default": {"_type": "ModuleFqnToConfig", "_data": 3}}},
        {"quant_method": "torchao", "quant_type": {"default": {"_type": 3}}},
        {"quant_method": "hqq", "quant_config": 3, "skip_modules": 3},
        {"quant_method": "exl3"},
        {"quant_method": "quark", "layer_quant_config": {"a": 3}, "layer_type_quant_config": {"b": 3}},
        {"quant_method": "gptq", "bits": 4, "dynamic": {"+:a": 3, "+:b": {"bits": "x"}}},
        {"quant_method": "fp8", "moe_quant_algo": 3},
    ],
)
def test_no_section_however_wrong_ends_in_a_crash(tmp_path: Path, section: dict[str, object]) -> None:
    read(tmp_path, MOE | {"quantization_config": section})


def test_a_params_json_says_it_as_a_config_does(tmp_path: Path) -> None:
    group = {"targets": ["Linear"], "weights": {"num_bits": 4, "type": "float", "group_size": 16}}
    section = {"quant_method": "compressed-tensors", "config_groups": {"a": group}, "ignore": ["output"]}
    keys = {"dim": 64, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "hidden_dim": 128, "vocab_size": 100}
    path = tmp_path / "params.json"
    path.write_text(json.dumps(keys | {"quantization": section}))
    found = import_llm(path, "mine").spec.formats
    assert found is not None
    assert found.model_dump() == {"dense": "nvfp4", "attention": "nvfp4", "rest": "bf16"}


GPT_OSS_20B: dict[str, object] = {
    "model_type": "gpt_oss",
    "architectures": ["GptOssForCausalLM"],
    "hidden_size": 2880,
    "intermediate_size": 2880,
    "num_hidden_layers": 24,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "num_local_experts": 32,
    "num_experts_per_tok": 4,
    "vocab_size": 201088,
    "sliding_window": 128,
    "torch_dtype": "bfloat16",
    "quantization_config": {"quant_method": "mxfp4"},
}


def test_gpt_oss_has_the_bytes_of_its_checkpoint(tmp_path: Path) -> None:
    """12.8 GiB, as its model card has it (arXiv 2508.10925)."""
    found = read(tmp_path, GPT_OSS_20B)
    assert found.formats is not None
    assert found.formats.experts == "mxfp4"
    experts = 24 * 32 * 3 * 2880 * 2880
    others = import_llm(tmp_path / "config.json", "mine").params - experts
    size = experts * FORMATS["mxfp4"] + others * FORMATS["bf16"]
    assert size / 2**30 == pytest.approx(12.8, rel=0.01)
