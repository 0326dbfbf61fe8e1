"""Networks with an encoder: what `dse import` makes of their files, held to what Transformers creates.

`ELEMENTS` are what the class of Transformers 5.24.0 creates for the same keys, counted on a device without
memory; biases and a few norms are the difference.
"""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from recent_llms import ENCODERS

from dse.errors import SpecError
from dse.spec.huggingface.config import Imported, import_llm
from dse.spec.huggingface.families import FAMILIES

ELEMENTS = {
    "t5-small": 60_506_624,
    "t5-gated": 545_741_824,
    "umt5-small": 172_122_112,
    "bart-large": 406_291_456,
    "distilbart-12-6": 305_511_424,
    "mbart-large": 610_879_488,
    "pegasus-large": 406_287_360,
    "opus-mt": 74_410_496,
    "m2m100-418m": 483_905_536,
    "nllb-200-600m": 615_073_792,
    "whisper-tiny": 37_760_640,
    "whisper-large-v3-turbo": 808_878_080,
    "t5gemma-2b-2b": 5_596_853_760,
    "t5gemma-2": 4_747_846_400 - 94_654_464,  # less the tower that sees
    "llama-3.2-11b-vision": 10_670_220_835,
    # Transformers 5 ties the two; the file says that its checkpoint has a head of its own: 300M together
    # (arXiv 2010.11934)
    "mt5-small": 172_119_424 + 250_112 * 512,
}
KEPT = {
    "t5-small": (6 * 2 * 512, 6 * 2 * 512 * 512),
    "t5-gated": (12 * 2 * 1024, 12 * 2 * 1024 * 512),
    "umt5-small": (8 * 2 * 384, 8 * 2 * 384 * 512),
    "mt5-small": (8 * 2 * 384, 8 * 2 * 384 * 512),
    "bart-large": (12 * 2 * 1024, 12 * 2 * 1024 * 1024),
    "distilbart-12-6": (6 * 2 * 1024, 6 * 2 * 1024 * 1024),
    "mbart-large": (12 * 2 * 1024, 12 * 2 * 1024 * 1024),
    "pegasus-large": (12 * 2 * 1024, 12 * 2 * 1024 * 1024),
    "opus-mt": (6 * 2 * 512, 6 * 2 * 512 * 512),
    "m2m100-418m": (12 * 2 * 1024, 12 * 2 * 1024 * 1024),
    "nllb-200-600m": (12 * 2 * 1024, 12 * 2 * 1024 * 1024),
    "whisper-tiny": (4 * 2 * 384, 4 * 2 * 384 * 1500),
    "whisper-large-v3-turbo": (4 * 2 * 1280, 4 * 2 * 1280 * 1500),
    "t5gemma-2b-2b": (26 * 2 * 1024, 26 * 2 * 1024 * 8192),
    "t5gemma-2": (26 * 2 * 1024, 26 * 2 * 1024 * 131072),
    # 8 of 40 layers see the rows of a picture: four tiles of 40 x 40 patches and one row more
    "llama-3.2-11b-vision": (32 * 2 * 1024, 8 * 2 * 1024 * 4 * 1601),
}
"""Elements that a token of the output leaves, and that a request keeps of the rows of its encoder."""


def imported(folder: Path, config: Mapping[str, object]) -> Imported:
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return import_llm(path, "it", date(2026, 1, 2))


@pytest.mark.parametrize("name", ELEMENTS)
def test_the_count_is_that_of_transformers_but_for_small_parts(tmp_path: Path, name: str) -> None:
    assert imported(tmp_path, ENCODERS[name]).params == pytest.approx(ELEMENTS[name], rel=0.001)


@pytest.mark.parametrize("name", KEPT)
def test_tokens_and_rows_leave_what_the_layers_add_up_to(tmp_path: Path, name: str) -> None:
    counts = imported(tmp_path, ENCODERS[name]).counts
    assert (counts.kv_elements, counts.kv_of_encoder) == KEPT[name]


def test_every_network_here_is_held_to_both() -> None:
    assert set(ENCODERS) == set(ELEMENTS) == set(KEPT)


OPTIONAL = {"num_decoder_layers", "n_positions", "decoder_vocab_size", "vocab_size"}
"""Sizes that a file may leave out; the vocabulary where it is that of a part too."""


@pytest.mark.parametrize("name", ENCODERS)
def test_no_size_may_be_left_out_or_be_a_word(tmp_path: Path, name: str) -> None:
    config = ENCODERS[name]
    family = FAMILIES[config["model_type"]]
    for key in (key for key, value in config.items() if type(value) is int):
        if family.aliases.get(key, key) not in family.reads:
            continue
        with pytest.raises(SpecError):
            imported(tmp_path, {**config, key: "many"})
        if key not in OPTIONAL or (key == "vocab_size" and "decoder" not in config):
            with pytest.raises(SpecError):
                imported(tmp_path, {k: v for k, v in config.items() if k != key})


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("t5-small", {"feed_forward_proj": 3}, "feed_forward_proj: expected an activation"),
        ("t5-small", {"is_encoder_decoder": False}, "is_encoder_decoder: expected true"),
        ("mt5-small", {"tie_word_embeddings": None}, "tie_word_embeddings: expected true or false"),
        ("bart-large", {"encoder_attention_heads": 7}, "a divisor of the width"),
        ("bart-large", {"encoder_layers": 10**8}, "encoder_layers: expected a whole number of at most 2,000"),
        ("opus-mt", {"share_encoder_decoder_embeddings": False}, "share_encoder_decoder_embeddings"),
        ("t5gemma-2b-2b", {"encoder": 3}, "encoder: expected keys of its own"),
        ("t5gemma-2b-2b", {"decoder": 3}, "decoder: expected the keys of a language model"),
        ("t5gemma-2", {"encoder": {"text_config": {}}}, "expected a whole number of at least 1"),
        ("llama-3.2-11b-vision", {"vision_config": None}, "vision_config: expected keys of its own"),
        ("whisper-tiny", {"architectures": ["WhisperForAudioClassification"]}, "architectures: expected"),
        ("t5-small", {"architectures": ["T5EncoderModel"]}, "architectures: expected"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_key(
    tmp_path: Path, name: str, changes: Mapping[str, object], said: str
) -> None:
    with pytest.raises(SpecError, match=said):
        imported(tmp_path, {**ENCODERS[name], **changes})


@pytest.mark.parametrize("layers", [[], [40], [3, 3], [-1], "all"])
def test_layers_of_cross_attention_are_some_of_the_layers(tmp_path: Path, layers: object) -> None:
    config = ENCODERS["llama-3.2-11b-vision"]
    inner = {**config["text_config"], "cross_attention_layers": layers}
    with pytest.raises(SpecError, match="cross_attention_layers"):
        imported(tmp_path, {**config, "text_config": inner})


def test_the_language_model_without_its_encoder_is_refused(tmp_path: Path) -> None:
    inner = {**ENCODERS["llama-3.2-11b-vision"]["text_config"], "model_type": "mllama_text_model"}
    with pytest.raises(SpecError, match="says nothing of the encoder"):
        imported(tmp_path, inner)


def test_an_encoder_that_is_the_decoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="tie_encoder_decoder"):
        imported(tmp_path, {**ENCODERS["t5-small"], "tie_encoder_decoder": True})
    assert imported(tmp_path, {**ENCODERS["t5-small"], "tie_encoder_decoder": False})


def test_keys_of_older_files_say_nothing_of_sizes(tmp_path: Path) -> None:
    older = {"output_past": True, "forced_decoder_ids": [[1, 50259]], "suppress_tokens": [1, 2]}
    assert imported(tmp_path, {**ENCODERS["whisper-tiny"], **older}).params
