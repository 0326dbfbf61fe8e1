"""Formats of what a sequence keeps: KV cache, keys of an index, states, by hand; wrong ones are refused."""

from pathlib import Path

import pytest
from studies_for_tests import write_study

from dse.chips.served import served_llm
from dse.errors import SpecError
from dse.evaluate.estimate import estimate
from dse.evaluate.pools.estimate import estimate_pools
from dse.question.resolved_study import load_study
from dse.spec.schema.kept import kv_named
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.study import PrecisionSpec
from dse.spec.yaml.loading import build_spec
from objectives.equations.llm.mean_layer import mean_layer

INDEXED = {
    "kind": "llm",
    "name": "indexed",
    "title": "Indexed",
    "architecture": {"value": "transformer", "source": "x", "basis": "assumption"},
    "params": {"value": None, "source": "x", "basis": "assumption"},
    "nominal_params": "1B",
    "hidden": 1024,
    "blocks": [
        {
            "count": 4,
            "attention": {"heads": 8, "kv_heads": 2, "head_dim": 64, "top_k": 2048},
            "beside": {"index": {"heads": 4, "dim": 128}},
        }
    ],
}


def precision(kv: object) -> PrecisionSpec:
    return build_spec(PrecisionSpec, {"weights": "bf16", "kv": kv, "activations": "bf16"}, "here")


def kept_bytes(kv: object) -> float:
    spec, found = build_spec(LlmSpec, INDEXED, "here"), precision(kv)
    bytes_of = {"bf16": 2.0, "fp8": 1.0}[found.cache]
    return float(mean_layer(served_llm(spec, found, None), 1.0).kept_bytes(1.0, bytes_of))


@pytest.mark.parametrize(
    ("kv", "wanted"),
    [
        # 2 x 2 heads x 64 elements of the cache, 128 of the index
        ("bf16", 256 * 2 + 128 * 2),
        ("fp8", 256 + 128),
        ({"cache": "fp8", "index": "bf16"}, 256 + 128 * 2),
        ("cache=bf16,index=fp8", 256 * 2 + 128),
        ({"cache": "bf16", "index": "nvfp4"}, 256 * 2 + 128 * (0.5 + 1 / 16)),
    ],
)
def test_an_index_is_kept_in_a_format_of_its_own(kv: object, wanted: float) -> None:
    assert kept_bytes(kv) == wanted


def test_a_state_is_kept_in_a_format_of_its_own() -> None:
    layout = {"weights": "bf16", "tp": 1, "pp": 1, "ep": 1, "dp": 1, "batch": 1}
    wide, narrow = (
        estimate("mi300x", "qwen3-next-80b-a3b", "chat", kv=kv, **layout).ledgers["capacity_bytes"]
        for kv in ("bf16", "cache=bf16,state=bf16")
    )
    assert narrow["kv_cache"] == pytest.approx(wide["kv_cache"], rel=1e-9)
    # 36 layers of 32 heads of 128 x 128, and three tokens of queries, keys and values, in fp32 as published
    assert wide["states"] - narrow["states"] == pytest.approx(36 * 2 * (32 * 128 * 128 + 3 * 8192), rel=1e-9)


def test_cache_index_and_states_are_held_apart() -> None:
    tokens = 222.3 + 290.3  # of `chat`
    layout = {"weights": "fp8", "tp": 8, "pp": 1, "ep": 8, "dp": 1, "batch": 64, "kv": "cache=fp8,index=bf16"}
    held = estimate("h200", "deepseek-v3.2", "chat", **layout).ledgers["capacity_bytes"]
    # a latent of 512 and 64, and one key of 128, of which every chip has all; 61 layers
    assert held["kv_cache"] == pytest.approx(64 * tokens * 61 * (512 + 64), rel=1e-9)
    assert held["index_keys"] == pytest.approx(64 * tokens * 61 * 128 * 2, rel=1e-9)
    assert "states" not in held
    held = estimate("h200", "deepseek-v3", "chat", **(layout | {"kv": "fp8"})).ledgers["capacity_bytes"]
    assert set(held) == {"weights", "kv_cache", "activations"}


def test_what_layers_that_draft_keep_is_held_with_its_kind() -> None:
    layout = {"weights": "fp8", "tp": 1, "pp": 1, "ep": 1, "dp": 1, "batch": 4}
    plain, drafted = (
        estimate("h200", "qwen3-next-80b-a3b", work, **layout).ledgers["capacity_bytes"]
        for work in ("chat", "chat-mtp")
    )
    # twelve layers of two heads of 256, and one that drafts, which has no state
    cache = 4 * (222.3 + 290.3) * 2 * 2 * 256
    assert plain["kv_cache"] == pytest.approx(12 * cache, rel=1e-9)
    assert drafted["kv_cache"] == pytest.approx(13 * cache, rel=1e-9)
    states = 4 * 36 * 4 * (32 * 128 * 128 + 3 * 8192)
    assert plain["states"] == pytest.approx(states, rel=1e-9)
    assert drafted["states"] == pytest.approx(states, rel=1e-9)


def test_pools_hold_cache_and_states_apart() -> None:
    sizes = ["prefill=h100,tp=4,batch=1", "decode=h200,tp=4,batch=16"]
    found = estimate_pools(
        sizes, "qwen3-next-80b-a3b", "chat", weights="fp8", settings={"prefill_load": "0.7"}
    )
    held = found.ledgers["capacity_bytes"]
    # two KV heads on four chips: one each
    assert held["decode.kv_cache"] == pytest.approx(16 * (222.3 + 290.3) * 12 * 2 * 256, rel=1e-9)
    assert held["decode.states"] == pytest.approx(16 * 36 * 4 * (32 * 128 * 128 + 3 * 8192) / 4, rel=1e-9)
    ratio = held["prefill.states"] / held["prefill.kv_cache"]
    assert ratio == pytest.approx(36 * (32 * 128 * 128 + 3 * 8192) / (222.3 * 12 * 2 * 256), rel=1e-9)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ("fp8", "fp8"),
        ({"cache": "fp8"}, "fp8"),
        ("cache=fp8,index=fp8", "fp8"),
        ({"state": "fp32", "cache": "fp8"}, "cache=fp8,state=fp32"),
    ],
)
def test_formats_are_kept_as_the_shortest_word(given: object, word: str) -> None:
    assert kv_named(given) == word
    assert precision(given).cache == "fp8"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("fp9", "unknown number format 'fp9'"),
        ("index=fp8", "expected cache, the format of the KV cache, got index"),
        ("cache=fp8,cache=bf16", "expected each part once, got cache twice"),
        ({"cache": "fp8", "stat": "fp32"}, "unknown part of what is kept 'stat'; did you mean 'state'"),
        (
            "cach=fp8",
            "unknown part of what is kept 'cach'; did you mean 'cache'. Known: cache, index, state$",
        ),
        ({"cache": 8}, "cache: unknown number format 8"),
        (7, "expected a number format, or one for each part, got 7"),
    ],
)
def test_wrong_formats_are_refused_with_what_was_expected(given: object, why: str) -> None:
    with pytest.raises(SpecError, match=why):
        precision(given)


@pytest.mark.parametrize("part", ["index", "state"])
def test_a_format_of_what_the_llm_lacks_is_refused(part: str, tmp_path: Path) -> None:
    why = f"expected no format of {part}, llama3-70b has none"
    with pytest.raises(SpecError, match=f"^--kv: {why}"):
        estimate("h100", "llama3-70b", "chat", kv=f"cache=fp8,{part}=bf16")
    formats = {"weights": "fp8", "kv": {"cache": "fp8", part: "bf16"}, "activations": "fp8"}
    path = write_study(tmp_path, llm="llama3-70b", precision=formats)
    with pytest.raises(SpecError, match=why):
        load_study(str(path))
