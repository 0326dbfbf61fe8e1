"""Formats of the parts of the weights, from what checkpoints say of their quantisation.

The sections are those of published files, shortened where a name is repeated for every layer.
"""

import contextlib
import json

import pytest
from small_checkpoints import DENSE

from dse.errors import SpecError
from dse.spec.huggingface.config import import_llm
from dse.spec.huggingface.quantisation.modules import unsafe
from objectives.equations.chip.formats import FORMATS

MOE = {
    "model_type": "deepseek_v3",
    "hidden_size": 64,
    "intermediate_size": 256,
    "moe_intermediate_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "vocab_size": 100,
    "kv_lora_rank": 16,
    "q_lora_rank": 32,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 16,
    "v_head_dim": 16,
    "n_routed_experts": 8,
    "n_shared_experts": 1,
    "num_experts_per_tok": 2,
    "first_k_dense_replace": 1,
    "dtype": "bfloat16",
}
HYBRID = DENSE | {
    "model_type": "qwen3_5_text",
    "layer_types": ["linear_attention"] * 3 + ["full_attention"],
    "full_attention_interval": 4,
    "linear_num_value_heads": 4,
    "linear_num_key_heads": 2,
    "linear_key_head_dim": 16,
    "linear_value_head_dim": 16,
    "linear_conv_kernel_dim": 4,
}


def read(tmp_path, config, beside=None):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    if beside is not None:
        (tmp_path / "hf_quant_config.json").write_text(json.dumps(beside))
    return import_llm(tmp_path).spec


def formats(tmp_path, config, section=None, beside=None):
    keys = {} if section is None else {"quantization_config": section}
    found = read(tmp_path, config | keys, beside)
    return (None if found.formats is None else found.formats.model_dump()), found.notes or ""


def every(*names):
    return [f"model.layers.{i}.{name}" for i in range(4) for name in names]


def group(**weights):
    return {"config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}}}


W4A16 = {"quant_method": "compressed-tensors", **group(num_bits=4, type="int", group_size=32)}
FP8 = {"quant_method": "fp8", "weight_block_size": [128, 128]}
NVFP4 = {"quant_method": "modelopt", "quant_algo": "NVFP4"}

CASES = {
    "nothing quantised": (DENSE, None, {"rest": "bf16"}),
    "half floats": (DENSE | {"torch_dtype": "float16"}, None, {"rest": "fp16"}),
    "the newer name of the type": (DENSE | {"torch_dtype": None, "dtype": "float32"}, None, {"rest": "fp32"}),
    "DeepSeek-V3": (MOE, FP8, {"experts": "fp8", "dense": "fp8", "attention": "fp8", "rest": "bf16"}),
    # all of attention is kept, and the FFN of one layer of four
    "LLaMA-3.1 405B FP8": (
        DENSE,
        {
            "quant_method": "fbgemm_fp8",
            "modules_to_not_convert": every("self_attn.q_proj", "self_attn.k_proj")
            + every("self_attn.v_proj", "self_attn.o_proj")
            + [f"model.layers.0.mlp.{p}_proj" for p in ("gate", "up", "down")],
        },
        {"dense": "fp8", "rest": "bf16"},
    ),
    "MiniMax-M2": (
        MOE,
        FP8 | {"modules_to_not_convert": ["gate", "e_score_correction_bias", "lm_head"]},
        {"experts": "fp8", "dense": "fp8", "attention": "fp8", "rest": "bf16"},
    ),
    "Kimi K2.5": (
        MOE,
        W4A16
        | {
            "ignore": [
                "lm_head",
                "re:.*self_attn.*",
                "re:.*shared_experts.*",
                r"re:.*mlp\.(gate|up|gate_up|down)_proj.*",
            ]
        },
        {"experts": "q4_0", "rest": "bf16"},
    ),
    "gpt-oss": (
        MOE,
        {
            "quant_method": "mxfp4",
            "modules_to_not_convert": [
                "model.layers.*.self_attn",
                "model.layers.*.mlp.router",
                "model.embed_tokens",
                "lm_head",
            ],
        },
        {"experts": "mxfp4", "rest": "bf16"},
    ),
    "Kimi-K2.5-NVFP4": (
        MOE,
        NVFP4 | {"ignore": ["language_model.lm_head", *every("self_attn*"), "vision_tower*"]},
        {"experts": "nvfp4", "dense": "nvfp4", "rest": "bf16"},
    ),
    "shared experts apart": (
        MOE,
        NVFP4 | {"ignore": [*every("mlp.shared_experts*")]},
        {"experts": "nvfp4", "shared": "bf16", "dense": "nvfp4", "attention": "nvfp4", "rest": "bf16"},
    ),
    "Qwen3.6-27B-NVFP4": (
        HYBRID,
        {
            "quant_method": "modelopt",
            "quant_algo": "MIXED_PRECISION",
            "quantized_layers": {
                "lm_head": {"quant_algo": "W4A16_NVFP4"},
                **{n: {"quant_algo": "W4A16_NVFP4"} for n in every("mlp")},
                **{n: {"quant_algo": "FP8"} for n in every("self_attn.q_proj", "self_attn.k_proj")},
                **{n: {"quant_algo": "FP8"} for n in every("self_attn.v_proj", "self_attn.o_proj")},
                **{n: {"quant_algo": "FP8"} for n in every("linear_attn")},
            },
        },
        {"dense": "nvfp4", "attention": "fp8", "head": "nvfp4", "rest": "bf16"},
    ),
    "groups by name": (
        MOE,
        {
            "quant_method": "compressed-tensors",
            "config_groups": {
                "a": {"targets": ["re:.*self_attn.*"], "weights": {"num_bits": 8, "type": "float"}},
                "b": {
                    "targets": ["re:.*experts.*"],
                    "weights": {"num_bits": 4, "type": "float", "group_size": 16},
                },
            },
        },
        {"experts": "nvfp4", "shared": "nvfp4", "attention": "fp8", "rest": "bf16"},
    ),
    "AWQ": (
        DENSE,
        {"quant_method": "awq", "bits": 4, "group_size": 128},
        {"dense": "int4", "attention": "int4", "rest": "bf16"},
    ),
    "GPTQ of the head too": (
        DENSE,
        {"quant_method": "gptq", "bits": 8, "group_size": -1, "lm_head": True},
        {"dense": "int8", "attention": "int8", "head": "int8", "rest": "bf16"},
    ),
    "GPTQ that leaves modules out": (
        DENSE,
        {"quant_method": "gptq", "bits": 4, "group_size": 128, "dynamic": {"-:.*attn.*": {}, "lm_head": {}}},
        {"dense": "int4", "rest": "bf16"},
    ),
    "AutoRound": (
        DENSE,
        {
            "quant_method": "auto-round",
            "bits": 4,
            "group_size": 128,
            "extra_config": {n: {"bits": 16} for n in every("self_attn.o_proj", "self_attn.q_proj")},
        },
        {"dense": "int4", "rest": "bf16"},
    ),
    "bitsandbytes": (
        DENSE,
        {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_use_double_quant": True},
        {"dense": "int4", "attention": "int4", "rest": "bf16"},
    ),
    "quark": (
        MOE,
        {
            "quant_method": "quark",
            "global_quant_config": {"weight": {"dtype": "fp4"}},
            "exclude": ["re:.*self_attn.*", "lm_head"],
        },
        {"experts": "mxfp4", "dense": "mxfp4", "rest": "bf16"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_part_has_the_format_that_the_file_says(tmp_path, name):
    config, section, wanted = CASES[name]
    assert formats(tmp_path, config, section)[0] == wanted


def test_the_file_of_model_optimizer_beside_it_is_read(tmp_path):
    beside = {"producer": {}, "quantization": {"quant_algo": "FP8", "exclude_modules": ["lm_head"]}}
    wanted = {"dense": "fp8", "attention": "fp8", "rest": "bf16"}
    assert formats(tmp_path, DENSE, beside=beside)[0] == wanted


def test_what_is_said_in_the_language_model_and_around_it_is_the_same(tmp_path):
    inside = {"model_type": "kimi_k25", "text_config": MOE | {"quantization_config": FP8}}
    around = {"model_type": "kimi_k25", "text_config": MOE, "quantization_config": FP8}
    assert read(tmp_path, inside).formats == read(tmp_path, around).formats
    assert read(tmp_path, inside).formats.experts == "fp8"


def test_the_larger_share_of_a_part_counts_and_the_other_one_is_said(tmp_path):
    # o_proj has 64 x 4 x 16 of 64 x 16 x (4 + 2 + 2 + 4) elements
    kept = every("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
    found, notes = formats(tmp_path, DENSE, FP8 | {"modules_to_not_convert": kept})
    assert found == {"dense": "fp8", "rest": "bf16"}
    assert "33% of attention in fp8" in notes
    # one of four layers of the FFN
    assert "25% of dense in bf16" in formats(tmp_path, *CASES["LLaMA-3.1 405B FP8"][:2])[1]


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"quant_method": "gptq", "bits": 3, "group_size": 128}, "3 bits in groups of 128, for which there"),
        (
            {"quant_method": "aqlm", "nbits_per_codebook": 16},
            "('aqlm'), of which the bits are not understood",
        ),
        ({"quant_method": "bitnet"}, "bitnet"),
        ({"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "fp6"}}}, "'fp6' (quark)"),
        (NVFP4 | {"quant_algo": "W2A2"}, "quantised by 'W2A2', for which there is no format"),
        ({"quant_method": "compressed-tensors"}, "groups of its modules are not understood"),
        ({"quant_method": "gptq", "bits": "four"}, "'four' bits, which is not understood"),
        ({"quant_method": "compressed-tensors", **group(num_bits=6, type="float")}, "floats of 6 bits"),
    ],
)
def test_what_has_no_format_is_said_and_is_not_called_something_else(tmp_path, section, words):
    found, notes = formats(tmp_path, DENSE, section)
    assert found is None
    assert words in notes


def test_a_cache_that_is_quantised_too_is_said(tmp_path):
    section = NVFP4 | {"kv_cache_scheme": {"num_bits": 8, "type": "float"}}
    assert "its KV cache is quantised as well (float8)" in formats(tmp_path, DENSE, section)[1]


def test_a_type_that_is_not_known_is_said(tmp_path):
    found, notes = formats(tmp_path, DENSE | {"torch_dtype": "float12"})
    assert found is None
    assert "torch_dtype 'float12' is no format that is known" in notes


@pytest.mark.parametrize("pattern", ["re:(a+)+b", "re:(", "re:" + ".*a" * 9, "re:(a|b)*c", "re:(a|b){2,99}c"])
def test_a_pattern_that_is_wrong_or_may_take_hours_is_left_out_and_said(tmp_path, pattern):
    assert unsafe(pattern)
    assert (
        "a pattern of modules is not understood" in formats(tmp_path, DENSE, FP8 | {"ignore": [pattern]})[1]
    )


WRONG = [
    {},
    {"quant_method": 3},
    {"quant_method": "fp8", "ignore": 3},
    {"config_groups": {"a": 3, "b": {"targets": 3, "weights": 3}}},
    {"quant_method": "gptq", "bits": True, "dynamic": 3, "extra_config": 3},
    {"quantization": {"quantized_layers": {"a": 3, "b": {}}}},
    {"quant_method": "quark", "global_quant_config": 3},
]


@pytest.mark.parametrize("section", WRONG)
def test_no_section_however_wrong_ends_in_a_crash(tmp_path, section):
    with contextlib.suppress(SpecError):
        formats(tmp_path, DENSE, section)


@pytest.mark.parametrize("section", [7, [], "x", True])
def test_a_section_that_is_no_section_is_refused(tmp_path, section):
    with pytest.raises(SpecError, match="quantization_config: expected keys of its own, got"):
        formats(tmp_path, DENSE, section)


def test_a_group_of_integers_counts_as_many_bytes_as_its_bits_and_scales(tmp_path):
    """4 bits and a scale of 16 bits for each 32 of them: 18 bytes, as a block of q4_0."""
    assert FORMATS["q4_0"] == (32 * 4 / 8 + 2) / 32
    _, notes = formats(tmp_path, DENSE, {"quant_method": "awq", "bits": 4, "group_size": 64})
    assert "4 bits in groups of 64 (0.5312 B an element) counted as int4 (0.5156 B)" in notes


def test_each_expert_by_its_name_is_as_all_experts_at_once(tmp_path):
    """Ten thousand names, as Model Optimizer writes them."""
    mixed = {"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION"}
    names = [
        f"model.layers.{i}.mlp.experts.{e}.{p}_proj"
        for i in range(1, 4)
        for e in range(1000)
        for p in ("gate", "up", "down")
    ]
    one_by_one = mixed | {"quantized_layers": {name: {"quant_algo": "NVFP4"} for name in names}}
    at_once = mixed | {"quantized_layers": {n: {"quant_algo": "NVFP4"} for n in every("mlp.experts")}}
    assert formats(tmp_path, MOE, one_by_one) == formats(tmp_path, MOE, at_once)
    assert formats(tmp_path, MOE, at_once)[0] == {"experts": "nvfp4", "rest": "bf16"}


def test_a_format_without_a_name_in_one_part_is_no_format_of_another(tmp_path):
    mixed = {"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION"}
    layers = {n: {"quant_algo": "W2A2"} for n in every("mlp")} | {
        n: {"quant_algo": "FP8"} for n in every("self_attn")
    }
    found, notes = formats(tmp_path, DENSE, mixed | {"quantized_layers": layers})
    assert found is None
    assert "W2A2" in notes
