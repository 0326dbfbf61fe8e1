"""What a layer takes from another one must be there: an index that picks tokens, a KV cache that is kept."""

from typing import Any

import pytest
from pydantic import ValidationError

from dse.spec.schema.llm import LlmSpec

SOURCE = {"source": "assumption", "basis": "assumption"}
OWN = {"heads": 16, "kv_heads": 4, "head_dim": 64}
LATENT = {"heads": 16, "latent": 256, "rope": 32, "nope": 64, "value": 64}
INDEX = {"heads": 16, "dim": 64}
ENTRIES = {"heads": 16, "dim": 64, "ratio": 4}


def read(*layers: dict[str, Any]) -> LlmSpec:
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
            "blocks": [{"count": 1, **layer} for layer in layers],
        }
    )


PICKING = [
    {"attention": {**OWN, "top_k": 64}},
    {"latent_attention": {**LATENT, "top_k": 64}},
    {"attention": OWN, "beside": {"compressed": {**ENTRIES, "top_k": 64}}},
]


@pytest.mark.parametrize("layer", PICKING, ids=["softmax", "latent", "entries"])
def test_the_best_tokens_are_picked_by_an_index_of_this_layer_or_of_another(layer: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="expected an index under `beside` that picks the top_k"):
        read(layer)
    beside = {"beside": {**layer.get("beside", {}), "index": INDEX}}
    assert read({**layer, **beside})
    assert read(layer, {"latent_attention": LATENT, **beside})


@pytest.mark.parametrize("other", [{"kv_heads": 8}, {"head_dim": 128}, {"value_dim": 32}, {"window": 128}])
def test_a_kv_cache_that_is_read_is_kept_by_a_layer_of_the_same_sizes(other: dict[str, int]) -> None:
    shared = {"attention": {**OWN, "kv": "shared"}}
    for layers in (
        (shared,),
        (shared, {"attention": {**OWN, **other}}),
        (shared, {"latent_attention": LATENT}),
    ):
        with pytest.raises(ValidationError, match="what `kv: shared` reads"):
            read(*layers)
    assert read(shared, {"attention": OWN})
    assert read(shared, {"attention": {**OWN, "kv": "key_is_value"}})


def test_a_window_may_read_what_a_layer_with_a_wider_one_keeps() -> None:
    narrow = {"attention": {**OWN, "kv": "shared", "window": 128}}
    assert read(narrow, {"attention": {**OWN, "window": 256}})
    with pytest.raises(ValidationError, match="reach"):
        read(narrow, {"attention": {**OWN, "window": 64}})
