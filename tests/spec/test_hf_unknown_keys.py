"""A key of a config.json that is neither read nor known to be harmless is refused, whatever its name."""

import json
from pathlib import Path

import pytest

from dse.errors import SpecError
from dse.spec.huggingface.config import import_llm
from dse.spec.schema.llm import LlmSpec

QWEN = json.loads((Path(__file__).parent / "hf" / "qwen3-32b.json").read_text())


def read(tmp_path: Path, **keys: object) -> LlmSpec:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(QWEN | keys))
    return import_llm(path).spec


def refused(tmp_path: Path, **keys: object) -> str:
    with pytest.raises(SpecError) as caught:
        read(tmp_path, **keys)
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("use_mla", True),
        ("hc_mult", 4),
        ("total_ut_steps", 4),
        ("use_gated_mlp", False),
        ("causal", False),
        ("is_encoder_decoder", True),
        ("position_embedding_type", "absolute"),
        ("gated_norm_rank", 16),
        ("o_groups", 8),
        ("index_topk", 2048),
        ("d_rel", 16),
        ("compress_rates", {"a": 4}),
        ("z" * 500, 1),
    ],
)
def test_a_key_that_is_not_known_is_refused_whatever_its_name(
    tmp_path: Path, key: str, value: object
) -> None:
    told = refused(tmp_path, **{key: value})
    assert f"{key}: expected no unknown key that may change a size, got {value!r}" in told
    # no rename is invited, and no key of another family is named
    assert "did you mean" not in told and "nearest" not in told


def test_a_key_that_matters_at_some_values_alone_is_passed_over_at_the_others(tmp_path: Path) -> None:
    before = read(tmp_path)
    keys = {"use_mla": False, "hc_mult": 1, "total_ut_steps": 1, "use_gated_mlp": True, "lm_head": True}
    found = read(tmp_path, **keys)
    assert found == before
    # true is 1 in Python, and no number of passes
    assert "hc_mult: expected" in refused(tmp_path, hc_mult=True)


@pytest.mark.parametrize(("pattern", "layers"), [("LLLG", [48, 16]), ("LG", [32, 32])])
def test_letters_say_which_layers_of_exaone_slide(tmp_path: Path, pattern: str, layers: list[int]) -> None:
    config = {"model_type": "exaone4", "architectures": None, "sliding_window": 4096}
    found = read(tmp_path, **config, sliding_window_pattern=pattern)
    assert [block.count for block in found.blocks] == layers
    assert "a text of L and G" in refused(tmp_path, **config, sliding_window_pattern="LXG")


def test_what_a_larger_model_says_again_must_be_what_its_language_model_says(tmp_path: Path) -> None:
    outer = {"model_type": "interns1", "architectures": None, "text_config": QWEN}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(outer | {"hidden_size": QWEN["hidden_size"]}))
    assert import_llm(path).spec.hidden == QWEN["hidden_size"]
    path.write_text(json.dumps(outer | {"hidden_size": 64}))
    with pytest.raises(SpecError, match="hidden_size: expected no unknown key"):
        import_llm(path)
