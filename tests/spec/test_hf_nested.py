"""A language model inside a larger one: where its keys are, and which level says that its head is tied."""

import json

import pytest

from dse.errors import SpecError
from dse.spec.huggingface.config import import_llm

TEXT = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 100,
}
MISTRAL = TEXT | {"model_type": "mistral", "sliding_window": None, "head_dim": 16}
MOE = TEXT | {
    "model_type": "qwen3_omni_moe_text",
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 32,
    "decoder_sparse_step": 1,
    "head_dim": 16,
}


def read(tmp_path, config):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    return import_llm(path).spec


def tied(tmp_path, kind, text, outer, inner, **keys):
    said = {} if outer is None else {"tie_word_embeddings": outer}
    inside = text | ({} if inner is None else {"tie_word_embeddings": inner})
    return read(tmp_path, {"model_type": kind, "text_config": inside, **said, **keys}).tied_embedding


@pytest.mark.parametrize(
    ("outer", "inner", "wanted"),
    [
        (None, None, False),
        (None, True, True),
        (True, None, True),
        (False, None, False),
        (True, True, True),
        # Transformers 5 ties the head of `Mistral3ForConditionalGeneration`, which is outside
        (True, False, True),
        (False, True, False),
    ],
)
def test_the_level_that_has_the_head_says_whether_it_is_tied(tmp_path, outer, inner, wanted):
    assert tied(tmp_path, "mistral3", MISTRAL, outer, inner) is wanted


@pytest.mark.parametrize(("outer", "inner"), [(True, False), (False, True)])
def test_classes_that_take_over_what_is_said_inside_tie_where_one_level_does(tmp_path, outer, inner):
    # `LlavaConfig.__post_init__` of Transformers 5.24
    assert tied(tmp_path, "llava", TEXT, outer, inner)


def test_levels_that_differ_in_a_file_of_transformers_4_are_refused(tmp_path):
    with pytest.raises(SpecError, match="which went by the inner one; 5 goes by the outer one"):
        tied(tmp_path, "mistral3", MISTRAL, True, False, transformers_version="4.52.1")


@pytest.mark.parametrize(
    ("kind", "text", "path"),
    [
        ("internvl_chat", TEXT, ["llm_config"]),
        ("qwen3_omni_moe", MOE, ["thinker_config", "text_config"]),
        ("voxtral", TEXT, ["text_config"]),
    ],
)
def test_a_language_model_is_found_under_the_keys_of_its_class(tmp_path, kind, text, path):
    config = text
    for key in reversed(path):
        config = {key: config}
    found = read(tmp_path, {"model_type": kind, "vision_config": {"hidden_size": 9}, **config})
    assert (found.hidden, found.vocab, sum(b.count for b in found.blocks)) == (64, 100, 2)
    with pytest.raises(SpecError, match=f"{'.'.join(path)}: expected the keys of a language model"):
        read(tmp_path, {"model_type": kind})
    with pytest.raises(SpecError, match="head_lora: expected no unknown key"):
        read(tmp_path, {"model_type": kind, **config, "head_lora": 3})


def test_what_is_between_the_larger_model_and_the_language_model_is_checked_too(tmp_path):
    with pytest.raises(SpecError, match="num_layers"):
        read(
            tmp_path,
            {"model_type": "qwen3_omni_moe", "thinker_config": {"text_config": MOE, "num_layers": 3}},
        )
