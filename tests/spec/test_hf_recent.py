"""Families since 2024: what `dse import` makes of published files, held to other counts.

`ELEMENTS` are what the class of Transformers 5.24.0 creates for the same keys, counted on a device without
memory: norms inside attention and a few biases are the difference. `CARDS` are totals that model cards state,
for checkpoints whose code is not in Transformers.
"""

import json
from datetime import date
from pathlib import Path

import pytest
import recent_states
from recent_llms import CONFIGS

from dse.errors import SpecError
from dse.spec.huggingface.config import Imported, import_llm
from objectives.equations.llm.attention.kinds import kind_of

ELEMENTS = {
    "starcoder-15b": 15_517_456_384,
    "codegen-16b": 16_032_155_648,
    "opt-66b": 65_719_701_504,
    "mpt-30b": 29_957_200_896,
    "glm4-9b-0414": 9_400_094_720,
    "glm-4-9b-chat-hf": 9_399_951_360,
    "glm-4.1v-9b": 9_400_279_040,
    "nemotron-4-340b": 341_029_195_776,
    "minitron-8b": 8_271_699_968,
    "ministral-3-14b": 13_506_073_600,
    "devstral-2-123b": 125_025_988_608,
    "exaone-4.0-32b": 32_003_216_384,
    "exaone-4.5-33b": 32_527_504_384,
    "olmo-7b": 6_888_095_744,
    "olmo-2-32b": 32_234_279_936,
    "olmo-3-7b": 7_298_011_136,
    "command-r-35b": 34_980_831_232,
    "command-a-111b": 111_057_580_032,
    "seed-oss-36b": 36_151_104_512,
    "smollm3-3b": 3_075_098_624,
    "apertus-8b": 8_053_338_176,
    "ernie-4.5-0.3b": 360_748_032,
    "hunyuan-7b": 7_504_568_320,
    "internlm3-8b": 8_804_241_408,
    "stablelm-2-12b": 12_143_185_920,
    "starcoder2-15b": 15_957_889_024,
    "phi-2": 2_779_683_840,
    "persimmon-8b": 9_397_175_296,
    "bitnet-b1.58-2b": 2_412_820_480,
    "afm-4.5b": 4_619_184_640,
    "helium-1-2b": 1_892_796_416,
    "mistral-small-3.1-24b": 23_572_403_200,
    "qwen2.5-vl-7b": 7_615_616_512,
    "qwen3-vl-8b": 8_190_735_360,
    "jais-2-8b": 8_090_401_280,
    "ministral-8b-hf": 8_019_808_256,
    "phi-4-mini": 3_836_021_760,
    "youtu-llm-2b": 1_961_560_064,
    "minicpm3-4b": 4_073_875_968,
    "ax-k1-519b": 518_983_052_288,
    "glm-4.7-flash": 29_943_390_976,
    "mistral-small-4-119b": 118_435_955_712,
    "sarvam-105b": 106_031_763_456,
    "deepseek-v3.2": 671_877_929_216,
    "glm-5": 743_911_199_232,
    "glm-5.2": 743_377_000_704,
    "minimax-m3": 426_174_565_632,
    "minimax-m3-vl": 426_174_565_632,
    "deepseek-v4-flash": 284_332_230_231,
    "deepseek-v4-pro": 1_572_997_179_491,
    "mimo-v2-flash-309b": 308_778_768_832,
    "gemma-3n-e4b": 6_835_235_568,
    "diffusiongemma-26b-a4b": 25_250_986_752,
    # Qwen2.5, Qwen3 and Qwen3-MoE of their keys, whose layers they have
    "dream-7b": 7_615_616_512,
    "fast-dllm-v2-1.5b": 1_543_714_304,
    "sdar-1.7b": 2_031_739_904,
    "sdar-8b": 8_190_735_360,
    "sdar-30b-a3b": 30_532_122_624,
    "kimi-linear-48b-a3b": 49_122_675_072,
    "mamba-codestral-7b": 7_285_403_648,
    "falcon-h1-34b": 33_642_221_312,
    "olmo-hybrid-7b": 7_430_870_688,
    "nemotron-3-ultra-550b": 549_308_968_960,
    "glm-4.5": 352_797_814_784,
    "solar-open-100b": 102_651_793_408,
    "dots1-142b": 142_774_373_888,
    "k-exaone-236b": 236_571_150_336,
    "hy3-295b": 295_033_528_320,
    "trinity-mini-26b": 26_123_974_400,
    "olmoe-7b": 6_919_161_856,
    "flexolmo-7x7b": 33_270_665_216,
    "phi-3.5-moe": 41_873_153_344,
    "granite-3.1-3b-a800m": 3_298_793_472,
    "moe-shared-7b": 6_449_530_368,
    "qwen3-vl-30b-a3b": 30_532_122_624,
    "ernie-4.5-21b-a3b": 21_825_437_888,
    "ernie-4.5-300b-a47b": 299_484_163_264,
    "command-moe": 54_962_298_880,
    "sarvam-30b": 32_152_648_064,
    "qwen3.5-27b": 26_895_998_464,
    "qwen3.5-397b-a17b": 396_346_350_336,
    "minimax-text-01-hf": 456_089_655_296,
    "nemotron-3-nano-30b-a3b": 31_577_937_344,
    "granite-4.0-h-small": 32_207_337_984,
    "granite-4.0-micro": 3_402_836_480,
    "bamba-9b": 9_780_235_392,
    "nemotron-h-8b": 8_100_852_736,
    "gemma-4-31b": 30_697_345_280,
    "gemma-4-26b-a4b": 25_233_141_760,
    "dbrx": 131_596_523_520,
    "laguna-33b": 33_442_617_088,
}
ELEMENTS |= recent_states.ELEMENTS
"""Name to elements of all tensors."""

CARDS = {
    "jais-13b": 13e9,  # its card
    "chatglm3-6b": 6.24e9,  # its card
    "exaone-3.5-7.8b": 7.8e9,  # its card
    "baichuan2-13b-chat": 13.9e9,  # sum of its checkpoint, 27.8 GB in bf16
    "orion-14b": 14.5e9,  # sum of its checkpoint, 29 GB in bf16
    "xverse-65b": 80 * (4 * 8192**2 + 3 * 8192 * 22016)
    + 2 * 100534 * 8192,  # by hand; the card rounds to 65B
    "aquila2-34b": 60 * (6144 * 128 * (2 * 48 + 2 * 8) + 3 * 6144 * 24576)
    + 2 * 100008 * 6144,  # by hand; the card rounds to 34B
    "internlm-20b": 60 * (4 * 5120**2 + 3 * 5120 * 13824)
    + 2 * 103168 * 5120,  # by hand; the card rounds to 20B
    "minicpm-2b": 2.72e9,  # card: 2.4B without embeddings
    "mimo-7b": 7.6e9,  # 7.83B of its checkpoint less the layer for multi-token prediction
    "mobilellm-r1-950m": 949e6,  # its card
    "longcat-flash-560b": 560e9,  # its card
    "glm-4.5v": 106e9,  # card of GLM-4.5-Air, whose LLM it has
    "ling-lite-1.5": 16.8e9,  # its card
    "ling-mini-2.0": 16.26e9,  # its card
    "deepseek-moe-16b": 16.4e9,  # arXiv 2401.06066
    "ling-mini-2.0-v2": 16.26e9,  # its card
    "minimax-m1-80k": 456e9,  # its card
    "ring-mini-linear-2.0": 16.4e9,  # its card
    "nemotron-super-49b": 49.87e9,  # sum of its checkpoint
    "decilm-7b": 7.04e9,  # its card
    "arctic-480b": 480e9,  # its card
    "grok-2": 270e9,  # its card
    "hunyuan-a13b": 80e9,  # its card
    "step-3.5-flash": 196e9,  # its card
    "step-3.7-flash": 196e9,  # the card of Step-3.5; the file has no other heads
    "ouro-1.4b": 1.43e9,  # its checkpoint
    "step-3-321b": 316e9,  # its card: 321B with what sees
    "hunyuan-large-389b": 389e9,  # arXiv 2411.02265
    "llada-8b": 8.02e9,  # 2 x 126,464 x 4,096 and 32 (4 x 4,096^2 + 3 x 4,096 x 12,288), by hand
    "llada2.0-mini": 16.26e9,  # its card says 16B, and its layers are those of Ling mini 2.0
    "llada2.0-flash": 103e9,  # its card says 100B, a report 103B
}
CARDS |= recent_states.CARDS
"""Name to the total on the model card."""

KV = {
    "starcoder-15b": 40 * 2 * 1 * 128,
    "codegen-16b": 34 * 2 * 24 * 256,
    "opt-66b": 64 * 2 * 72 * 128,
    "mpt-30b": 48 * 2 * 64 * 112,
    "jais-13b": 40 * 2 * 40 * 128,
    "chatglm3-6b": 28 * 2 * 2 * 128,
    "glm4-9b-0414": 40 * 2 * 2 * 128,
    "glm-4-9b-chat-hf": 40 * 2 * 2 * 128,
    "glm-4.1v-9b": 40 * 2 * 2 * 128,
    "nemotron-4-340b": 96 * 2 * 8 * 192,
    "minitron-8b": 32 * 2 * 8 * 128,
    "ministral-3-14b": 40 * 2 * 8 * 128,
    "devstral-2-123b": 88 * 2 * 8 * 128,
    "exaone-4.0-32b": 64 * 2 * 8 * 128,
    "exaone-4.5-33b": 64 * 2 * 8 * 128,
    "exaone-3.5-7.8b": 32 * 2 * 8 * 128,
    "olmo-7b": 32 * 2 * 32 * 128,
    "olmo-2-32b": 64 * 2 * 8 * 128,
    "olmo-3-7b": 32 * 2 * 32 * 128,
    "command-r-35b": 40 * 2 * 64 * 128,
    "command-a-111b": 64 * 2 * 8 * 128,
    "seed-oss-36b": 64 * 2 * 8 * 128,
    "smollm3-3b": 36 * 2 * 4 * 128,
    "apertus-8b": 32 * 2 * 8 * 128,
    "ernie-4.5-0.3b": 18 * 2 * 2 * 128,
    "hunyuan-7b": 32 * 2 * 8 * 128,
    "internlm3-8b": 48 * 2 * 2 * 128,
    "stablelm-2-12b": 40 * 2 * 8 * 160,
    "starcoder2-15b": 40 * 2 * 4 * 128,
    "phi-2": 32 * 2 * 32 * 80,
    "persimmon-8b": 36 * 2 * 64 * 64,
    "bitnet-b1.58-2b": 30 * 2 * 5 * 128,
    "afm-4.5b": 36 * 2 * 4 * 128,
    "helium-1-2b": 28 * 2 * 8 * 128,
    "baichuan2-13b-chat": 40 * 2 * 40 * 128,
    "orion-14b": 40 * 2 * 40 * 128,
    "xverse-65b": 80 * 2 * 64 * 128,
    "aquila2-34b": 60 * 2 * 8 * 128,
    "internlm-20b": 60 * 2 * 40 * 128,
    "minicpm-2b": 40 * 2 * 36 * 64,
    "mistral-small-3.1-24b": 40 * 2 * 8 * 128,
    "qwen2.5-vl-7b": 28 * 2 * 4 * 128,
    "qwen3-vl-8b": 36 * 2 * 8 * 128,
    "jais-2-8b": 32 * 2 * 26 * 128,
    "ministral-8b-hf": 36 * 2 * 8 * 128,
    "mimo-7b": 36 * 2 * 8 * 128,
    "phi-4-mini": 32 * 2 * 8 * 128,
    "mobilellm-r1-950m": 22 * 2 * 6 * 64,
    "youtu-llm-2b": 32 * (512 + 64),
    "minicpm3-4b": 62 * (256 + 32),
    "ax-k1-519b": 61 * (512 + 64),
    "glm-4.7-flash": 47 * (512 + 64),
    "mistral-small-4-119b": 36 * (256 + 64),
    "sarvam-105b": 32 * (512 + 64),
    "longcat-flash-560b": 2 * 28 * (512 + 64),
    "kimi-linear-48b-a3b": 7 * (512 + 64),
    "mamba-codestral-7b": 0,
    "falcon-h1-34b": 72 * 2 * 4 * 128,
    "olmo-hybrid-7b": 8 * 2 * 30 * 128,
    "nemotron-3-ultra-550b": 12 * 2 * 2 * 128,
    "glm-4.5": 92 * 2 * 8 * 128,
    "glm-4.5v": 46 * 2 * 8 * 128,
    "solar-open-100b": 48 * 2 * 8 * 128,
    "dots1-142b": 62 * 2 * 32 * 128,
    "k-exaone-236b": 48 * 2 * 8 * 128,
    "hy3-295b": 80 * 2 * 8 * 128,
    "trinity-mini-26b": 32 * 2 * 4 * 128,
    "olmoe-7b": 16 * 2 * 16 * 128,
    "flexolmo-7x7b": 32 * 2 * 32 * 128,
    "phi-3.5-moe": 32 * 2 * 8 * 128,
    "granite-3.1-3b-a800m": 32 * 2 * 8 * 64,
    "moe-shared-7b": 40 * 2 * 4 * 128,
    "qwen3-vl-30b-a3b": 48 * 2 * 4 * 128,
    "ernie-4.5-21b-a3b": 28 * 2 * 4 * 128,
    "ernie-4.5-300b-a47b": 54 * 2 * 8 * 128,
    "ling-lite-1.5": 28 * 2 * 4 * 128,
    "ling-mini-2.0": 20 * 2 * 4 * 128,
    "deepseek-moe-16b": 28 * 2 * 16 * 128,
    "ling-mini-2.0-v2": 20 * 2 * 4 * 128,
    "command-moe": 33 * 2 * 8 * 128,
    "sarvam-30b": 19 * 2 * 4 * 64,
    "qwen3.5-27b": 16 * 2 * 4 * 256,
    "qwen3.5-397b-a17b": 15 * 2 * 2 * 256,
    "minimax-m1-80k": 10 * 2 * 8 * 128,
    "minimax-text-01-hf": 10 * 2 * 8 * 128,
    "nemotron-3-nano-30b-a3b": 6 * 2 * 2 * 128,
    "granite-4.0-h-small": 4 * 2 * 8 * 128,
    "granite-4.0-micro": 40 * 2 * 8 * 64,
    "bamba-9b": 3 * 2 * 8 * 128,
    "ring-mini-linear-2.0": 4 * 2 * 4 * 128,
    "nemotron-h-8b": 4 * 2 * 8 * 128,
    "gemma-4-31b": 50 * 2 * 16 * 256 + 10 * 2 * 4 * 512,
    "gemma-4-26b-a4b": 25 * 2 * 8 * 256 + 5 * 2 * 2 * 512,
    "nemotron-super-49b": 49 * 2 * 8 * 128,
    "decilm-7b": 2 * 128 * (9 * 4 + 11 * 2 + 12 * 1),
    "dbrx": 40 * 2 * 8 * 128,
    "arctic-480b": 35 * 2 * 8 * 128,
    "grok-2": 64 * 2 * 8 * 128,
    "hunyuan-a13b": 32 * 2 * 8 * 128,
    "laguna-33b": 40 * 2 * 8 * 128,
    "step-3.5-flash": 45 * 2 * 8 * 128,
    "step-3.7-flash": 45 * 2 * 8 * 128,
    "ouro-1.4b": 4 * 24 * 2 * 16 * 128,
    "deepseek-v3.2": 61 * (512 + 64 + 128),
    "glm-5": 78 * (512 + 64 + 128),
    "glm-5.2": 78 * (512 + 64) + 21 * 128,  # an index in 21 layers
    "minimax-m3": 60 * 2 * 4 * 128 + 57 * 128,
    "minimax-m3-vl": 60 * 2 * 4 * 128 + 57 * 128,
    "deepseek-v4-flash": 43 * 512 + 21 * (512 + 128) / 4 + 20 * 512 / 128,
    "deepseek-v4-pro": 61 * 512 + 30 * (512 + 128) / 4 + 31 * 512 / 128,
    "mimo-v2-flash-309b": 9 * 4 * (192 + 128) + 39 * 8 * (192 + 128),
    "gemma-3n-e4b": 20 * 2 * 2 * 256,  # the last 15 of 35 layers read those of others
    "step-3-321b": 61 * 2 * 256,
    "hunyuan-large-389b": 32 * 2 * 8 * 128,  # every other layer
    "llada-8b": 32 * 2 * 32 * 128,
    "dream-7b": 28 * 2 * 4 * 128,
    "fast-dllm-v2-1.5b": 28 * 2 * 2 * 128,
    "sdar-1.7b": 28 * 2 * 8 * 128,
    "sdar-8b": 36 * 2 * 8 * 128,
    "sdar-30b-a3b": 48 * 2 * 4 * 128,
    "llada2.0-mini": 20 * 2 * 4 * 128,
    "llada2.0-flash": 32 * 2 * 4 * 128,
    "diffusiongemma-26b-a4b": 25 * 2 * 8 * 256 + 5 * 2 * 2 * 512,
}
KV |= recent_states.KV
"""Name to elements of KV cache that a token leaves: layers x 2 x KV heads x their width."""


def imported(folder: Path, name: str) -> Imported:
    path = folder / "config.json"
    path.write_text(json.dumps(CONFIGS[name]))
    return import_llm(path, name, date(2026, 1, 2))


def kv_elements(found: Imported) -> float:
    blocks = found.spec.resolve().blocks
    return sum(b.count * float(kind_of(a).kv_elements(a, 1.0)) for b in blocks for a in b.mixers)


@pytest.mark.parametrize("name", ELEMENTS)
def test_the_count_is_that_of_transformers_but_for_small_parts(tmp_path: Path, name: str) -> None:
    # 0.5 %: time steps of Mamba, norms of heads, biases of the FFN, keys that are values counted twice
    assert imported(tmp_path, name).params == pytest.approx(ELEMENTS[name], rel=0.005)


@pytest.mark.parametrize(
    "name",
    [
        "nemotron-3-nano-30b-a3b",
        "nemotron-3-ultra-550b",
        "nemotron-h-8b",
        "granite-4.0-h-small",
        "bamba-9b",
        "mamba-codestral-7b",
        "kimi-linear-48b-a3b",
    ],
)
def test_every_element_of_layers_with_a_state_is_counted(tmp_path: Path, name: str) -> None:
    assert imported(tmp_path, name).params == ELEMENTS[name]


@pytest.mark.parametrize("name", CARDS)
def test_the_count_is_that_of_the_card(tmp_path: Path, name: str) -> None:
    assert imported(tmp_path, name).params == pytest.approx(CARDS[name], rel=0.01)


@pytest.mark.parametrize("name", KV)
def test_a_token_leaves_the_kv_cache_that_the_layers_add_up_to(tmp_path: Path, name: str) -> None:
    assert kv_elements(imported(tmp_path, name)) == KV[name]


def test_every_llm_here_is_held_to_a_count_and_to_its_kv_cache() -> None:
    assert set(CONFIGS) == set(ELEMENTS) | set(CARDS) == set(KV)


@pytest.mark.parametrize(
    ("name", "tokens"), [("olmo-3-7b", 65536), ("command-r-35b", 131072), ("kimi-linear-48b-a3b", 1048576)]
)
def test_the_longest_context_of_the_file_is_kept(tmp_path: Path, name: str, tokens: int) -> None:
    # Command R states 8,192 positions too, and was trained for more
    assert imported(tmp_path, name).spec.context == tokens


def test_a_head_that_is_tied_outside_is_tied(tmp_path: Path) -> None:
    config = CONFIGS["mistral-small-3.1-24b"]
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config | {"tie_word_embeddings": True}))
    assert import_llm(path).params == imported(tmp_path, "mistral-small-3.1-24b").params - 131072 * 5120


@pytest.mark.parametrize(
    ("name", "keys", "words"),
    [
        ("gemma-4-31b", {"num_kv_shared_layers": 60}, "a layer of each kind before those that share"),
        ("step-3-321b", {"moe_layers_enum": "4,x"}, "numbers of layers"),
        ("glm-5.2", {"indexer_types": ["full"] * 77}, "78 words that are full or shared"),
        ("deepseek-v3.2", {"q_lora_rank": None}, "q_lora_rank"),
        ("minimax-m3", {"moe_layer_freq": [0, 1]}, "60 numbers that are 0 or 1"),
        ("deepseek-v4-flash", {"compress_ratios": [0, 8] * 22}, "43 numbers that are 0, 4 or 128"),
        ("deepseek-v4-flash", {"num_key_value_heads": 2}, "num_key_value_heads: expected 1"),
        ("nemotron-super-49b", {"block_configs": []}, "a list of 80 layers"),
        ("kimi-linear-48b-a3b", {"linear_attn_config": {"kda_layers": [1]}}, "each of 27 layers"),
        ("nemotron-3-nano-30b-a3b", {"hybrid_override_pattern": "M*X"}, "a text of M, E, *, -"),
        ("granite-4.0-h-small", {"mamba_d_head": 32}, "mamba_expand x hidden_size / mamba_n_heads"),
        ("qwen3.5-27b", {"attn_output_gate": False}, "attn_output_gate: expected true"),
        ("longcat-flash-560b", {"zero_expert_type": "constant"}, "zero_expert_type: expected identity"),
        ("phi-4-mini", {"full_attn_mod": 2}, "full_attn_mod: expected 1"),
        (
            "dbrx",
            {"ffn_config": {"moe_num_experts": 16, "inner_size": 3}},
            "inner_size: expected no unknown key",
        ),
        ("step-3.5-flash", {"moe_layers_enum": "3,x"}, "numbers of layers"),
    ],
)
def test_what_a_family_has_no_place_for_is_refused_by_its_key(
    tmp_path: Path, name: str, keys: dict[str, object], words: str
) -> None:
    config = json.loads(json.dumps(CONFIGS[name]))
    config.get("text_config", config).update(keys)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    with pytest.raises(SpecError) as caught:
        import_llm(path)
    assert words in str(caught.value)
