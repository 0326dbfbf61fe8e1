"""`params.json` of Mistral and of LLaMA: published sizes, and refusals."""

import json
from pathlib import Path

import pytest

from dse.errors import SpecError
from dse.spec.huggingface.config import import_llm

MISTRAL = {
    "dim": 4096,
    "n_layers": 32,
    "head_dim": 128,
    "hidden_dim": 14336,
    "n_heads": 32,
    "n_kv_heads": 8,
    "norm_eps": 1e-05,
    "vocab_size": 32000,
}
LLAMA = {
    "dim": 8192,
    "multiple_of": 4096,
    "ffn_dim_multiplier": 1.3,
    "n_heads": 64,
    "n_kv_heads": 8,
    "n_layers": 80,
    "norm_eps": 1e-05,
    "vocab_size": 32000,
}


def params(folder: Path, keys: dict[str, object]) -> float:
    (folder / "params.json").write_text(json.dumps(keys))
    return import_llm(folder).params


@pytest.mark.parametrize(
    ("keys", "elements"),
    [
        # elements of the published checkpoints: Mistral 7B, Mixtral 8x7B, LLaMA-2 70B
        (MISTRAL, 7_241_732_096),
        (MISTRAL | {"moe": {"num_experts": 8, "num_experts_per_tok": 2}}, 46_702_792_704),
        (LLAMA, 68_976_648_192),
    ],
)
def test_the_count_is_that_of_the_checkpoint(tmp_path: Path, keys: dict[str, object], elements: int) -> None:
    assert params(tmp_path, keys) == elements


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"strange_width": 3}, "strange_width: expected a key of params.json that is known, got 3"),
        ({"use_biases": True}, "use_biases: expected false"),
        ({"moe": {"num_experts": 8, "odd": 1}}, "moe: odd: expected a key that is known"),
    ],
)
def test_what_is_not_known_is_refused(tmp_path: Path, keys: dict[str, object], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        params(tmp_path, MISTRAL | keys)
