"""Families that Transformers 5 knows, held to what its classes create and to the KV cache that they fill."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from newest_llms import PUBLISHED, SMALL, USUAL

from dse.errors import SpecError
from dse.spec.huggingface.config import Imported, import_llm
from dse.spec.huggingface.obstacles import obstacle
from objectives.api import Attention, LatentAttention
from objectives.equations.llm.attention.kinds import kind_of

Config = dict[str, Any]

LAYERS = 7
"""Layers of most small networks."""
KV = {
    "cosmos3_edge": LAYERS * 2 * 3 * 24,
    "deepseek_ocr2": LAYERS * 2 * 3 * 16,
    "ernie4_5_vl_moe": LAYERS * 2 * 3 * 16,
    "glm5_next": 32 + 16 / 16,  # one layer with a latent; sixteen tokens leave one key of the index
    "glm_ocr": LAYERS * 2 * 3 * 16,
    "granite4_vision": LAYERS * 2 * 3 * 16,
    "hunyuan_vl": LAYERS * 2 * 3 * 24,
    "kosmos-2": 5 * 2 * 6 * 16,
    "molmo2": LAYERS * 2 * 3 * 24,
    "muse_glimmer": LAYERS * 2 * 3 * 24,
    "muse_spark": LAYERS * 2 * 3 * 24,
    "paddleocr_vl": LAYERS * 2 * 3 * 24,
    "qwen4_exp_text": 2 * 3 * 24 + 16 / 4,  # one layer with attention; four tokens leave one key of the index
    "voxtral_realtime": LAYERS * 2 * 3 * 24,
}
"""By hand, where the class does not run without an image, or keeps what an engine need not keep."""


def imported(folder: Path, config: Config) -> Imported:
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return import_llm(path, "it", date(2026, 1, 2))


def kv_elements(found: Imported) -> float:
    blocks = found.spec.resolve().blocks
    return sum(b.count * float(kind_of(a).kv_elements(a, 1.0)) for b in blocks for a in b.mixers)


def changed(config: Config, **keys: object) -> Config:
    """The config with other keys, inside where it has an inside; None removes a key."""
    copy: Config = json.loads(json.dumps(config))
    inner = copy.get("text_config", copy)
    inner.update(keys)
    return copy


@pytest.mark.parametrize("name", USUAL)
def test_the_count_is_that_of_the_class(tmp_path: Path, name: str) -> None:
    # 0.1 %: norms inside attention and biases, which files do not list
    assert imported(tmp_path, USUAL[name]["config"]).params == pytest.approx(
        USUAL[name]["elements"], rel=1e-3
    )


PUBLISHED_KV = {
    "glm-5.3-flash": 11 * 512 + 11 * 128 / 4,  # four tokens leave one key of an index
    "qwen3.8-flash-next": 12 * 2 * 2 * 256 + 12 * 128 / 4,
    "qwen3.8-flash-next-b": 12 * 2 * 2 * 256 + 12 * 128 / 4,
    "inkling": 11 * 2 * 8 * 128 + 55 * 2 * 16 * 128,
    "dots3": 13 * (512 + 64 + 128) + 33 * (1024 + 64),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_file_has_the_count_of_the_class(tmp_path: Path, name: str) -> None:
    found = imported(tmp_path, PUBLISHED[name]["config"])
    # 0.002 %: rows of a table beyond what the file says, norms
    assert found.params == pytest.approx(PUBLISHED[name]["elements"], rel=2e-5)
    assert kv_elements(found) == PUBLISHED_KV[name]


@pytest.mark.parametrize("name", SMALL)
def test_every_size_counts(tmp_path: Path, name: str) -> None:
    one = SMALL[name]
    off = abs(imported(tmp_path, one["config"]).params - one["elements"])
    # vectors, and matrices of a few rows where layers are small
    assert off <= max(one["vectors"], 0.004 * one["elements"])


@pytest.mark.parametrize("name", SMALL)
def test_a_token_leaves_what_the_cache_grows_by(tmp_path: Path, name: str) -> None:
    assert kv_elements(imported(tmp_path, SMALL[name]["config"])) == SMALL[name].get("kv", KV.get(name))


@pytest.mark.parametrize(
    "name", ["aria", "muse_glimmer", "granite_docling", "lfm3_vl", "hy_v4_vl", "inkling2"]
)
@pytest.mark.parametrize("tied", [True, False])
def test_the_head_is_tied_where_the_class_ties_it(tmp_path: Path, name: str, tied: bool) -> None:
    config = changed(USUAL[name]["config"], tie_word_embeddings=tied) | {"tie_word_embeddings": tied}
    # Inkling has no list of tied weights
    assert imported(tmp_path, config).spec.tied_embedding is (tied and name != "inkling2")


TIES = {
    "lighton_ocr": (True, False),
    "muse_glimmer": (True, False),
    "blip-2": (True, True),
    "kosmos-2": (True, True),
    "nemotron_h_omni": (True, True),
    "cosmos3_edge": (False, False),
    "molmo2": (False, False),
    "muse_spark": (False, False),
    "qwen2_audio": (False, False),
    "audioflamingo3": (False, False),
    "vibevoice_asr": (False, False),
    "nemo_speechlm": (False, False),
    "omniasr": (False, False),
    "inkling_mm_model": (False, False),
}
"""Whether the class ties where only the outer key says so, and where only the inner one does."""


@pytest.mark.parametrize("name", TIES)
def test_of_two_keys_that_differ_the_one_of_the_class_counts(tmp_path: Path, name: str) -> None:
    config = USUAL[name]["config"]
    for outer, expected in zip((True, False), TIES[name], strict=True):
        said = changed(config, tie_word_embeddings=not outer) | {"tie_word_embeddings": outer}
        assert imported(tmp_path, said).spec.tied_embedding is expected


def test_cpm_ant_by_hand(tmp_path: Path) -> None:
    # its published file
    config = {
        "model_type": "cpmant",
        "architectures": ["CpmAntForCausalLM"],
        "vocab_size": 30720,
        "hidden_size": 4096,
        "num_attention_heads": 32,
        "dim_head": 128,
        "dim_ff": 10240,
        "num_hidden_layers": 48,
    }
    by_hand = 48 * (4 * 4096**2 + 3 * 4096 * 10240 + 2 * 4096) + 30720 * 4096 + 4096
    assert imported(tmp_path, config).params == by_hand


def test_gpt_sw3_is_gpt_2(tmp_path: Path) -> None:
    config = {"vocab_size": 64000, "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 2048}
    of = [imported(tmp_path, config | {"model_type": kind}).params for kind in ("gpt-sw3", "gpt2")]
    assert of[0] == of[1]


def test_a_window_of_latents_keeps_and_sees_its_tokens_alone(tmp_path: Path) -> None:
    found = imported(tmp_path, SMALL["dots3_note_text"]["config"])
    layers = [a for b in found.spec.resolve().blocks for a in b.mixers if isinstance(a, LatentAttention)]
    near = [a for a in layers if a.window is not None]
    far = [a for a in layers if a.window is None]
    assert near and far
    for a in near:
        kind = kind_of(a)
        assert float(kind.kept(a, 10_000.0)) == float(kind.seen(a, 10_000.0)) == a.window == 256
        # the triangle of the first rows, then the window: 256 - 256^2 / (2 x 1024)
        assert float(kind.seen_by_prompt(a, 1024.0)) == 224.0
    assert all(float(kind_of(a).kept(a, 10_000.0)) == 10_000.0 for a in far)


@pytest.mark.parametrize(
    ("name", "runs", "stored"),
    [
        ("hrm_text", 3 * 2 * (3 + 1), 2 * 3),
        ("dory", 2 + 3 * 4 + 2, 8),
        ("inkling2_loop_text", 12 + 12 * 3, 24),
    ],
)
def test_layers_that_run_again_are_stored_once(tmp_path: Path, name: str, runs: int, stored: int) -> None:
    blocks = imported(tmp_path, SMALL[name]["config"]).spec.resolve().blocks
    assert sum(b.count for b in blocks) == runs
    assert sum(b.count if b.distinct is None else b.distinct for b in blocks) == stored


def test_a_table_of_n_grams_is_stored(tmp_path: Path) -> None:
    config = changed(SMALL["qwen4_exp_text"]["config"], ple_layer_ids=[2], ngram_vocab_size_base=50_000_000)
    more = imported(tmp_path, config).params - imported(tmp_path, SMALL["qwen4_exp_text"]["config"]).params
    # two streams of 96: rows of 2,048; matrices of keys and values, and four taps
    assert more == 50_000_000 * 2048 + 2048 * (2 * 96 + 96) + 4 * 2 * 96


def test_gates_of_heads_and_short_convolutions_of_lfm3_count(tmp_path: Path) -> None:
    small = SMALL["lfm3"]["config"]
    gates = (
        imported(tmp_path, small).params - imported(tmp_path, changed(small, use_attention_gate=False)).params
    )
    assert gates == 3 * 96 * 6


def test_windows_reach_where_the_class_reaches(tmp_path: Path) -> None:
    def full(name: str) -> list[bool]:
        blocks = imported(tmp_path, changed(SMALL[name]["config"], layer_types=None)).spec.resolve().blocks
        return [a.window is None for b in blocks for a in b.mixers if isinstance(a, Attention)]

    # in runs: layers that see all, and those that do not, counted in each
    for name in ("cwm", "granite_swa", "kolibri1", "flint", "muse_glimmer"):
        assert set(full(name)) == {True, False}


@pytest.mark.parametrize(
    ("name", "keys", "words"),
    [
        (
            "mistral_large4",
            {"kv_source_layers": [0, 0, 2, 3, 4, 5, 6]},
            "reads the KV cache of another layer",
        ),
        ("mistral_large4", {"no_rope_layers": [1, 2, 0, 1, 1, 1, 1]}, "7 numbers that are 0 or 1"),
        ("dory", {"recurrent_kv_cache_mode": "last_loop"}, "recurrent_kv_cache_mode: expected per_loop"),
        ("dory", {"n_output_layers": 12}, "fewer than 12"),
        ("dory", {"n_output_layers": 6}, "n_recurrent_layers: expected 6"),
        ("doge", {"is_moe": True}, "is_moe: expected false"),
        ("apertus1p5_text", {"output_vocab_size": 100}, "output_vocab_size: expected None"),
        ("hrm_text", {"num_hidden_layers": 5}, "num_layers_per_stack x H_cycles x (L_cycles + 1) (24)"),
        ("zaya", {"num_experts_per_tok": 2}, "num_experts_per_tok: expected 1"),
        ("inkling2_loop_text", {"loop_layer_index_end": 30}, "a layer after 6 and at most 24"),
        ("bailing_hybrid", {"no_kda_lora": False}, "no_kda_lora: expected true"),
        ("hy_v4", {"layer_types": ["full_attention"] * 7}, "expected only indexed_attention"),
        ("hy_v4", {"indexer_types": ["shared"] * 7}, "7 words that are full or shared, the first full"),
        ("gemma4_unified_text", {"per_layer_config": {"0": {"head_dim": 512}}}, "the same of each layer"),
        ("dots3_note_text", {"per_layer_config": {"x": {}}}, "sizes of layers by their numbers"),
        ("gpt_neo", {"attention_layers": ["global"] * 6}, "7 words that are global or local"),
        ("gpt_neo", {"attention_layers": None, "attention_types": [["global", 7]]}, "how often they come"),
        ("qwen4_exp_text", {"indexer_kv_heads": 2}, "indexer_kv_heads: expected 1"),
        ("qwen4_exp_text", {"ple_layer_ids": [6]}, "numbers from 1 to 5"),
        ("ernie4_5_vl_moe", {"moe_intermediate_size": [1, 2, 3]}, "two whole numbers of at least 1"),
    ],
)
def test_what_a_family_has_no_place_for_is_refused_by_its_key(
    tmp_path: Path, name: str, keys: Config, words: str
) -> None:
    with pytest.raises(SpecError) as caught:
        imported(tmp_path, changed(SMALL[name]["config"], **keys))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("jetmoe", "experts that project its queries"),
        ("idefics", "attend to images"),
        ("florence2", "encoder"),
        ("moshi", "sound"),
        ("gemma4_assistant", "drafts tokens"),
        ("reformer", "hashed"),
    ],
)
def test_others_are_refused_for_what_they_are(tmp_path: Path, kind: str, words: str) -> None:
    assert words in obstacle(kind)
    with pytest.raises(SpecError) as caught:
        imported(tmp_path, {"model_type": kind})
    assert words in str(caught.value)


def test_no_index_is_an_obstacle_any_more() -> None:
    kinds = ("axk2", "glm5_next", "qwen4_exp", "mistral_large4", "mistral_large4_text")
    assert not any(obstacle(kind) for kind in kinds)


def test_params_of_latents_without_positions() -> None:
    layer = LatentAttention(heads=4, latent=32, rope=0, nope=24, value=20, query_latent=None)
    by_hand = 96 * 32 + 4 * (96 * 24 + 32 * 44 + 20 * 96) + 32
    assert float(kind_of(layer).params(layer, 96)) == by_hand
    assert float(kind_of(layer).kv_elements(layer, 1.0)) == 32.0
