"""LLMs whose code comes with the checkpoint: what `dse import` makes of them, by hand.

`HAND` are matrices and embeddings as the code of the checkpoint, or of an inference engine, has them. Norms
and biases are left out, for which 0.3 % are allowed. `CARDS` are totals that publishers state.
"""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from recent_llms import CONFIGS
from remote_llms import REMOTE

from dse.errors import SpecError
from dse.spec.huggingface.config import Imported, import_llm


def gqa(hidden: int, heads: int, kv_heads: int, width: int) -> int:
    """Query, key, value and output projection."""
    return hidden * width * (2 * heads + 2 * kv_heads)


def mla(hidden: int, heads: int, rank: int, latent: int, rope: int, nope: int, value: int) -> int:
    """Latent attention with latent queries."""
    queries = hidden * rank + rank * heads * (nope + rope)
    return queries + hidden * (latent + rope) + latent * heads * (nope + value) + heads * value * hidden


QWEN_7B = 28 * (gqa(3584, 28, 4, 128) + 3 * 3584 * 18944)
DEEPSEEK = mla(7168, 128, 1536, 512, 64, 128, 128)
# each layer: experts of two matrices in the width of the state, and a shared one
NEMOTRON = 2688 * (2 * 128 * 1856 + 2 * 64 * 1024 + 2 * 2 * 3712 + 128 + 64)
NEMOTRON_STATE = 2688 * (2 * 4096 + 2 * 8 * 128 + 64) + 4096 * 2688
JET = 1536 * (2 * 1536 + 3072 + 2 * 6 + 3072) + 3072 * 1536 + 1536 * 384 + 384 * 3072 * 4
DELTA = 1280 * (2 * 1024 + 2048 + 2048 + 2 * 16) + 2048 * 1280
GIGA_NORMS = 4 * 2 * 1280 * 16
GIGA_MLA = mla(1280, 16, 1536, 512, 64, 128, 128) + 1280 * 16 * 128 + 2 * 16 * (1536 + 512)
GIGA_EXPERTS = 1280 * 64 + 3 * 1280 * 896 * (64 + 2)
PLAMO2_STATE = 4096 * 2 * 8192 + 8192 * (256 + 128) + 256 * 64 + 8192 * 4096

HAND = {
    "qwen-1.8b": 24 * (gqa(2048, 16, 16, 128) + 3 * 2048 * 5504) + 2 * 151936 * 2048,
    "telechat3-36b": 64 * (gqa(6144, 48, 8, 128) + 3 * 6144 * 24576) + 2 * 131072 * 6144,
    "telechat2": 30 * (gqa(4096, 32, 32, 128) + 3 * 4096 * 12288) + 2 * 131072 * 4096,
    "teleflm": 4 * (gqa(4096, 32, 32, 128) + 3 * 4096 * 11008) + 2 * 80000 * 4096,
    "openpangu-embedded-7b": 34 * (gqa(4096, 32, 8, 128) + 3 * 4096 * 12800) + 2 * 153376 * 4096,
    # stored once, whatever the loops
    "nanbeige-loops": 22 * (gqa(3072, 48, 8, 64) + 3 * 3072 * 10752) + 2 * 166144 * 3072,
    "solar-pro": 64 * (gqa(5120, 40, 10, 128) + 3 * 5120 * 17920) + 2 * 32128 * 5120,
    "skywork": 52 * (gqa(4608, 36, 36, 128) + 3 * 4608 * 12288) + 2 * 65519 * 4608,
    "plamo": 40 * (gqa(5120, 40, 5, 128) + 3 * 5120 * 13824) + 2 * 50432 * 5120,
    "plamo3": 32 * (gqa(4096, 32, 4, 128) + 3 * 4096 * 13312) + 32000 * 4096,
    "spark2.5": 28 * (gqa(2048, 8, 2, 256) + 3 * 2048 * 6656) + 133120 * 2048,
    # widths are the nearest multiples of 256 of 640, 2560 and 5120
    "openelm": sum(gqa(1280, q, kv, 64) for q, kv in ((12, 3), (16, 4), (20, 5)))
    + 3 * 1280 * (768 + 2560 + 5120)
    + 32000 * 1280,
    "baichuan-m1": 2 * gqa(5120, 20, 2, 256)
    + 2 * gqa(5120, 40, 8, 128)
    + 4 * 3 * 5120 * 17408
    + 2 * 133120 * 5120,
    **dict.fromkeys(("minicpm-v-2.6", "minicpm-v-4.5", "minicpm-o-2.6"), QWEN_7B + 2 * 151666 * 3584),
    "kimi-audio": QWEN_7B + 2 * 151666 * 3584,
    "qwen2.5-vl-two-windows": QWEN_7B + 2 * 152064 * 3584,
    "molmo-7b": QWEN_7B + 2 * 152064 * 3584,
    "phi-4-multimodal": 32 * (gqa(3072, 24, 8, 128) + 3 * 3072 * 8192) + 200064 * 3072,
    "phi-3-vision": 32 * (gqa(3072, 32, 32, 96) + 3 * 3072 * 8192) + 2 * 32064 * 3072,
    "dots.ocr": 28 * (gqa(1536, 12, 2, 128) + 3 * 1536 * 8960) + 2 * 151936 * 1536,
    "k2-horizon": 36 * (gqa(4096, 32, 8, 128) + 3 * 4096 * 12288) + 2 * 250624 * 4096,
    "phi-3-small": 32 * (gqa(4096, 32, 8, 128) + 3 * 4096 * 14336) + 100352 * 4096,
    # an index in the first of two attentions, which the second uses again
    "longcat-sparse": 14 * 2 * (mla(3072, 32, 1536, 512, 64, 128, 128) + 3 * 3072 * 6144)
    + 14 * (1536 * 32 * 128 + 3072 * 128 + 3072 * 32)
    + 14 * 3072 * (256 + 3 * 1024 * 256)
    + 2 * 131072 * 3072,
    # four streams: what is read, written and mixed of each, twice a layer
    "xing-4.0": 61 * (DEEPSEEK + 2 * 4 * 7168 * (4 + 4 + 16))
    + 3 * 3 * 7168 * 18432
    + 58 * 7168 * (256 + 3 * 2048 * 257)
    + 2 * 129280 * 7168,
    "dots.vlm": 61 * DEEPSEEK + 3 * 3 * 7168 * 18432 + 58 * 7168 * (256 + 3 * 2048 * 257) + 2 * 129280 * 7168,
    "deepseek-ocr": 12 * gqa(1280, 10, 10, 128)
    + 3 * 1280 * 6848
    + 11 * 1280 * (64 + 3 * 896 * 66)
    + 2 * 129280 * 1280,
    "grok-1": 64 * (gqa(6144, 48, 8, 128) + 6144 * (8 + 3 * 8 * 32768)) + 131072 * 6144,
    "xverse-moe": 28 * (gqa(2560, 32, 32, 80) + 2560 * (64 + 3 * 1728 * 66)) + 2 * 100534 * 2560,
    "klear": 32 * (gqa(2048, 32, 4, 64) + 2048 * (256 + 3 * 896 * 257)) + 2 * 151936 * 2048,
    "iquest-q1": 88 * gqa(3072, 48, 8, 128)
    + 3 * 3072 * 12288
    + 87 * 3072 * (256 + 3 * 1536 * 256)
    + 2 * 160000 * 3072,
    "pangu-ultra": 61 * mla(7680, 128, 1536, 512, 64, 128, 128)
    + 3 * 3 * 7680 * 18432
    + 58 * 7680 * (256 + 3 * 2048 * 257)
    + 2 * 153600 * 7680,
    # 12 tables of 512, each with two rows more than the one before, and their projections
    "longcat-ngram": 28 * 2 * (mla(6144, 64, 1536, 512, 64, 128, 128) + 3 * 6144 * 12288)
    + 28 * 6144 * (768 + 3 * 2048 * 512)
    + 2 * 131072 * 6144
    + 512 * sum(78 * 131072 + 2 * i + 1 for i in range(12))
    + 6144 * 6144,
    "plamo2": 16 * (PLAMO2_STATE + gqa(4096, 32, 4, 128)) + 32 * 3 * 4096 * 13312 + 32000 * 4096,
    "jet-nemotron": 2 * (JET + gqa(1536, 12, 2, 128)) + 4 * 3 * 1536 * 8960 + 151936 * 1536,
    # attention with a gate, and three layers of four with keys, values and a gate of every head
    "minicpm-sala": 8 * (gqa(4096, 32, 2, 128) + 4096 * 4096)
    + 24 * 5 * 4096 * 4096
    + 32 * 3 * 4096 * 16384
    + 2 * 73448 * 4096,
    "gigachat3.5": 3 * GIGA_MLA
    + 9 * DELTA
    + 12 * GIGA_NORMS
    + 3 * 1280 * 896
    + 11 * GIGA_EXPERTS
    + 2 * 128256 * 1280,
    "nemotron-h-puzzle": NEMOTRON + NEMOTRON_STATE + gqa(2688, 32, 2, 128) + 2 * 131072 * 2688,
}
"""Name to parameters."""

CARDS = {
    "telechat3-36b": 36.2e9,  # the name says 36B; a card of the quantised copy has the sizes
    "phi-4-multimodal": 3_836_021_760,  # Phi-4-mini, whose layers it has, by the class of Transformers
    "pangu-ultra": 718e9,  # its card
    "dots.vlm": 671e9,  # the sizes of DeepSeek-V3
}
"""Name to the total that is published, or that another program counts."""

KV = {
    "qwen-1.8b": 24 * 2 * 16 * 128,
    "telechat3-36b": 64 * 2 * 8 * 128,
    "telechat2": 30 * 2 * 32 * 128,
    "teleflm": 4 * 2 * 32 * 128,
    "openpangu-embedded-7b": 34 * 2 * 8 * 128,
    "nanbeige-loops": 2 * 22 * 2 * 8 * 64,  # a cache for each loop
    "solar-pro": 64 * 2 * 10 * 128,
    "skywork": 52 * 2 * 36 * 128,
    "plamo": 40 * 2 * 5 * 128,
    "plamo3": 32 * 2 * 4 * 128,
    "spark2.5": 28 * 2 * 2 * 256,
    "openelm": 2 * 64 * (3 + 4 + 5),
    "baichuan-m1": 2 * 2 * 2 * 256 + 2 * 2 * 8 * 128,
    **dict.fromkeys(("minicpm-v-2.6", "minicpm-v-4.5", "minicpm-o-2.6", "kimi-audio"), 28 * 2 * 4 * 128),
    **dict.fromkeys(("qwen2.5-vl-two-windows", "molmo-7b"), 28 * 2 * 4 * 128),
    "phi-4-multimodal": 32 * 2 * 8 * 128,
    "phi-3-vision": 32 * 2 * 32 * 96,
    "dots.ocr": 28 * 2 * 2 * 128,
    "dots.vlm": 61 * (512 + 64),
    "deepseek-ocr": 12 * 2 * 10 * 128,
    "grok-1": 64 * 2 * 8 * 128,
    "xverse-moe": 28 * 2 * 32 * 80,
    "klear": 32 * 2 * 4 * 64,
    "iquest-q1": 88 * 2 * 8 * 128,
    "pangu-ultra": 61 * (512 + 64),
    "longcat-ngram": 2 * 28 * (512 + 64),
    "k2-horizon": 36 * 2 * 8 * 128,
    "phi-3-small": 32 * 2 * 8 * 128,
    "longcat-sparse": 14 * (2 * (512 + 64) + 128),
    "xing-4.0": 61 * (512 + 64),
    "plamo2": 16 * 2 * 4 * 128,
    "jet-nemotron": 2 * 2 * 2 * 128,
    "minicpm-sala": 8 * 2 * 2 * 128,
    "gigachat3.5": 3 * (512 + 64),
    "nemotron-h-puzzle": 2 * 2 * 128,
}
"""Name to elements of KV cache that a token leaves."""


def imported(folder: Path, config: Mapping[str, object], name: str = "mine") -> Imported:
    path = folder / "config.json"
    path.write_text(json.dumps(dict(config)))
    return import_llm(path, name, date(2026, 1, 2))


def refused(folder: Path, config: Mapping[str, object]) -> str:
    with pytest.raises(SpecError) as error:
        imported(folder, config)
    return str(error.value)


def test_every_fixture_is_held_to_a_count_by_hand() -> None:
    assert set(REMOTE) == set(HAND) == set(KV)


@pytest.mark.parametrize("name", HAND)
def test_the_count_is_that_by_hand(tmp_path: Path, name: str) -> None:
    assert imported(tmp_path, REMOTE[name], name).params == pytest.approx(HAND[name], rel=0.003)


@pytest.mark.parametrize("name", CARDS)
def test_the_count_is_within_a_per_cent_of_what_was_published(tmp_path: Path, name: str) -> None:
    assert imported(tmp_path, REMOTE[name], name).params == pytest.approx(CARDS[name], rel=0.01)


@pytest.mark.parametrize("name", KV)
def test_a_token_leaves_so_much_of_a_cache(tmp_path: Path, name: str) -> None:
    assert imported(tmp_path, REMOTE[name], name).counts.kv_elements == KV[name]


def test_states_have_the_size_of_their_heads(tmp_path: Path) -> None:
    """Keys times values of every head, and the last three inputs of a convolution, in fp32."""
    jet = imported(tmp_path, REMOTE["jet-nemotron"]).counts
    assert jet.state_bytes == 2 * 6 * 256 * 512 * 4
    sala = imported(tmp_path, REMOTE["minicpm-sala"]).counts
    assert sala.state_bytes == 24 * 32 * 128 * 128 * 4
    plamo = imported(tmp_path, REMOTE["plamo2"]).counts
    assert plamo.state_bytes == 16 * 4 * (64 * 64 * 128 + 3 * (64 * 128 + 2 * 64))


def test_windows_are_where_the_code_puts_them(tmp_path: Path) -> None:
    def windows(name: str) -> list[int | None]:
        found = imported(tmp_path, REMOTE[name]).spec.resolve().blocks
        return [getattr(b.attention, "window", None) for b in found for _ in range(b.count)]

    assert sorted(windows("plamo3"), key=str) == [2048] * 28 + [None] * 4
    assert sorted(windows("spark2.5"), key=str) == [512] * 21 + [None] * 7
    assert sorted(windows("iquest-q1"), key=str) == [4096] * 63 + [None] * 25
    assert sorted(windows("baichuan-m1"), key=str) == [8192] * 2 + [None] * 2


@pytest.mark.parametrize(
    ("name", "keys", "words"),
    [
        ("qwen-1.8b", {"no_bias": False}, "no_bias: expected true"),
        ("qwen-1.8b", {"intermediate_size": 11009}, "intermediate_size: expected an even number"),
        ("minicpm-v-2.6", {"version": 9.0}, "version: expected one of"),
        ("nanbeige-loops", {"loop_share_kv": True}, "loop_share_kv: expected false"),
        (
            "nanbeige-loops",
            {"loop_loss_weights": [1.0, 1.0]},
            "loop_loss_weights: expected a weight for each",
        ),
        ("phi-4-multimodal", {"sliding_window": 2048}, "sliding_window: expected null, or at least"),
        ("iquest-q1", {"num_hybrid_layers_block": 20}, "hybrid_layers_types_block: expected 88 layers"),
        ("gigachat3.5", {"norm_type": "Other"}, "norm_type: expected LlamaRMSNorm"),
        ("jet-nemotron", {"layer_types": ["jet", "swa", "gla", "attn"]}, "expected only attn, swa and jet"),
        ("minicpm-sala", {"mixer_types": ["mamba"]}, "mixer_types: expected up to 32 words"),
        ("nemotron-h-puzzle", {"block_configs": [{"block_type": "x"}]}, "block_configs: expected a list"),
        ("k2-horizon", {"mova_num_experts": 8}, "mova_num_experts: expected 0"),
        ("openelm", {"num_kv_heads": [3, 4]}, "num_kv_heads: expected 3 numbers"),
        ("longcat-ngram", {"emb_split_num": 5}, "emb_split_num: expected a number of tables (15)"),
        (
            "deepseek-ocr",
            {"global_view_pos": "head", "hidden_size": 7},
            "hidden_size: expected no unknown key",
        ),
    ],
)
def test_what_the_code_would_do_otherwise_is_refused(
    tmp_path: Path, name: str, keys: dict[str, object], words: str
) -> None:
    assert words in refused(tmp_path, REMOTE[name] | keys)


def test_latent_attention_is_off_only_where_nothing_is_said_of_it(tmp_path: Path) -> None:
    config = REMOTE["deepseek-ocr"]
    inner = config["language_config"] | {"kv_lora_rank": 512}
    assert "kv_lora_rank: expected null or 0" in refused(tmp_path, config | {"language_config": inner})


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("deepseek_v41", "latents and choices of earlier layers"),
        ("iquestloopcoder", "cache of the first one"),
        ("interns2_mobius", "banks of experts"),
    ],
)
def test_the_obstacle_is_named(tmp_path: Path, kind: str, words: str) -> None:
    assert words in refused(tmp_path, {"model_type": kind})


SMALL = {
    "hidden_size": 64,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 100,
}


def test_blocks_that_are_picked_without_weights_are_said(tmp_path: Path) -> None:
    """MiniCPM4 has the same parameters and cache with InfLLM and without."""
    plain = SMALL | {"model_type": "minicpm"}
    picks = plain | {"sparse_config": {"block_size": 64, "topk": 64, "dense_len": 8192}}
    assert imported(tmp_path, plain).counts == imported(tmp_path, picks).counts
    assert "pick blocks" in (imported(tmp_path, picks).spec.architecture.note or "")
    assert "pick blocks" not in (imported(tmp_path, plain).spec.architecture.note or "")


def test_an_activation_with_a_gate_is_no_ffn_of_two_matrices(tmp_path: Path) -> None:
    two = SMALL | {"model_type": "nemotron", "hidden_act": "relu2", "head_dim": 16}
    assert imported(tmp_path, two).params
    assert "hidden_act: expected an activation without a gate" in refused(
        tmp_path, two | {"hidden_act": "swiglu"}
    )


def test_a_length_that_is_no_number_is_not_passed_over(tmp_path: Path) -> None:
    one = SMALL | {"model_type": "llama", "max_position_embeddings": "4096"}
    assert "max_position_embeddings: expected a number of tokens, got '4096'" in refused(tmp_path, one)


def test_two_types_that_differ_are_said(tmp_path: Path) -> None:
    one = SMALL | {"model_type": "llama", "dtype": "float32", "torch_dtype": "bfloat16"}
    found = imported(tmp_path, one).spec
    assert found.formats is not None
    assert found.formats.rest == "fp32"
    assert "dtype and torch_dtype differ (float32, bfloat16); dtype counts" in (found.notes or "")


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("gigachat3.5", "n_shared_experts norm_type layernorm_type gated_attention first_k_dense_replace"),
        ("iquest-q1", "mlp_only_layers"),
        ("nemotron-h-puzzle", "head_dim"),
        ("telechat2", "num_key_value_heads"),
        ("xverse-moe", "num_key_value_heads"),
    ],
)
def test_what_a_file_leaves_out_is_what_its_code_fills_in(tmp_path: Path, name: str, left_out: str) -> None:
    shorter = {key: value for key, value in REMOTE[name].items() if key not in left_out.split()}
    assert imported(tmp_path, shorter).params == imported(tmp_path, REMOTE[name]).params


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("nanbeige-loops", "num_loops"),
        ("iquest-q1", "head_dim"),
        ("klear", "n_shared_experts"),
        ("longcat-ngram", "zero_expert_num"),
        ("longcat-ngram", "ngram_vocab_size_ratio"),
        ("longcat-sparse", "cli_factor"),
    ],
)
def test_what_no_file_leaves_out_is_never_guessed(tmp_path: Path, name: str, key: str) -> None:
    shorter = {k: v for k, v in REMOTE[name].items() if k != key}
    assert f"{key}: expected a" in refused(tmp_path, shorter)


def test_heads_of_klear_are_no_wider_than_its_code_makes_them(tmp_path: Path) -> None:
    assert "head_dim: expected 64" in refused(tmp_path, REMOTE["klear"] | {"head_dim": 128})


def test_null_next_to_a_number_says_nothing(tmp_path: Path) -> None:
    """Transformers 5 writes `head_dim` as null next to the name of HunYuan."""
    one = CONFIGS["hunyuan-a13b"]
    plain = {k: v for k, v in one.items() if k not in ("head_dim", "attention_head_dim")}
    both = imported(tmp_path, plain | {"head_dim": None, "attention_head_dim": 128}).counts
    assert both == imported(tmp_path, plain | {"head_dim": 128}).counts
    assert "attention_head_dim: expected the same" in refused(
        tmp_path, plain | {"head_dim": 64, "attention_head_dim": 128}
    )


def test_what_transformers_5_says_of_single_layers_must_agree(tmp_path: Path) -> None:
    one = {k: v for k, v in CONFIGS["step-3.5-flash"].items() if k != "attention_other_setting"}
    one |= {"num_sliding_attention_heads": 96, "layer_types": one["layer_types"][:45]}
    sliding = [f"{i:02}" for i, kind in enumerate(one["layer_types"]) if kind == "sliding_attention"]
    again = one | {"per_layer_config": {i: {"num_attention_heads": 96} for i in sliding}}
    assert imported(tmp_path, again).counts == imported(tmp_path, one).counts
    other = one | {"per_layer_config": {"01": {"num_attention_heads": 32}}}
    assert "per_layer_config: expected" in refused(tmp_path, other)


MPT = {
    "model_type": "mpt",
    "d_model": 64,
    "n_heads": 4,
    "n_layers": 2,
    "vocab_size": 100,
    "max_seq_len": 512,
    "no_bias": True,
    "attn_config": {"alibi": True},
}


@pytest.mark.parametrize(
    ("ffn", "matrices"),
    [
        ({}, 2 * 256),
        ({"ffn_type": "mptmlp"}, 2 * 256),
        ({"ffn_type": "mptglu"}, 3 * 256),
        ({"ffn_type": "mptglu", "ffn_hidden_size": 160}, 3 * 160),
    ],
)
def test_the_ffn_of_mpt_is_what_its_file_says(tmp_path: Path, ffn: dict[str, object], matrices: int) -> None:
    hand = 2 * (gqa(64, 4, 4, 16) + 64 * matrices + 2 * 64) + 100 * 64 + 64
    assert imported(tmp_path, MPT | {"ffn_config": ffn}).params == hand


def test_what_mpt_cannot_be_is_refused(tmp_path: Path) -> None:
    assert "ffn_type: expected mptmlp" in refused(tmp_path, MPT | {"ffn_config": {"ffn_type": "mb_moe"}})
    window = MPT | {"attn_config": {"alibi": True, "sliding_window_size": 128}}
    blocks = imported(tmp_path, window).spec.resolve().blocks
    assert [getattr(b.attention, "window", None) for b in blocks] == [128]
