"""An encoder in an LLM file: what it may be made of, and what attends to it."""

from typing import Any

import pytest
from pydantic import ValidationError

from dse.spec.schema.llm import LlmSpec
from objectives.api import CrossAttention

SOURCE = {"source": "assumption", "basis": "assumption"}
OWN = {"heads": 16, "kv_heads": 4, "head_dim": 64}
LAYER = {"count": 2, "attention": OWN, "ffn": {"width": 2048, "gated": True}}
ENCODER = {"tokens": 100, "hidden": 1024, "blocks": [LAYER]}
CROSS = {"cross_attention": OWN}


def read(*layers: dict[str, Any], encoder: dict[str, Any] | None = ENCODER) -> LlmSpec:
    """An LLM of one layer of each."""
    return LlmSpec.model_validate(
        {
            "kind": "llm",
            "name": "mine",
            "title": "Mine",
            "architecture": {"value": "transformer", **SOURCE},
            "params": {"value": "1B", **SOURCE},
            "nominal_params": "1B",
            "hidden": 1024,
            "vocab": 32000,
            **({} if encoder is None else {"encoder": encoder}),
            "blocks": [{"count": 1, **layer} for layer in layers],
        }
    )


def test_cross_attention_attends_to_an_encoder_of_the_file() -> None:
    with pytest.raises(
        ValidationError,
        match="cross_attention: expected an encoder in this file, to whose rows it attends, got none",
    ):
        read(CROSS, encoder=None)
    (block,) = read(CROSS).resolve().blocks
    assert block.attention == CrossAttention(heads=16, kv_heads=4, head_dim=64, tokens=100, inputs=1024)


def test_it_sees_the_rows_of_a_projector() -> None:
    after = {"tokens": 25, "matrices": [{"inputs": 4096, "outputs": 512}, {"inputs": 512, "outputs": 768}]}
    (block,) = read(CROSS, encoder={**ENCODER, "after": after}).resolve().blocks
    assert isinstance(block.attention, CrossAttention)
    assert (block.attention.tokens, block.attention.inputs) == (25, 768)


def test_projections_are_shared_with_attention_of_the_same_sizes_on_rows_of_the_same_width() -> None:
    lent = {"beside": {"cross_attention": {**OWN, "shared": True}}}
    assert read({"attention": OWN, **lent})
    for other in ({"heads": 8}, {"head_dim": 128}, {"kv_heads": 8}, {"value_dim": 32}, {"query_latent": 32}):
        with pytest.raises(ValidationError, match="next to cross_attention with `shared`, got none"):
            read({"attention": {**OWN, **other}, **lent})
    with pytest.raises(ValidationError, match="next to cross_attention with `shared`, got none"):
        read({"cross_attention": {**OWN, "shared": True}})
    with pytest.raises(ValidationError, match=r"as wide as hidden \(1024\)"):
        read({"attention": OWN, **lent}, encoder={**ENCODER, "hidden": 512})
    with pytest.raises(ValidationError, match="expected bias of the attention"):
        read({"attention": OWN, "beside": {"cross_attention": {**OWN, "shared": True, "bias": True}}})


STATE = {"heads": 16, "key_heads": 8, "key_dim": 32, "value_dim": 64}
ODD = [
    ({"linear_attention": STATE}, "got linear_attention"),
    ({"attention": OWN, "beside": {"linear_attention": STATE}}, "got linear_attention"),
    (CROSS, "got cross_attention"),
    ({"attention": OWN, "experts": {"count": 8, "top_k": 2, "width": 64}}, "got experts"),
    ({"attention": {**OWN, "top_k": 8}}, "got kv or top_k"),
    ({"attention": {**OWN, "kv": "shared"}}, "got kv or top_k"),
]


@pytest.mark.parametrize(("layer", "said"), ODD, ids=[said for _, said in ODD])
def test_layers_of_an_encoder_are_softmax_attention_ffn_and_matrices(
    layer: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        read(CROSS, encoder={**ENCODER, "blocks": [{"count": 1, **layer}]})


@pytest.mark.parametrize("wrong", [{"tokens": 0}, {"hidden": -1}, {"blocks": []}, {"before": {"tokens": 1}}])
def test_a_size_of_an_encoder_is_there_and_above_0(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read(CROSS, encoder={**ENCODER, **wrong})


def test_a_file_without_an_encoder_says_nothing_of_one() -> None:
    plain = read({"attention": OWN}, encoder=None)
    assert "encoder" not in plain.model_dump(mode="json")
    assert "shared" not in str(read(CROSS).model_dump(mode="json"))
