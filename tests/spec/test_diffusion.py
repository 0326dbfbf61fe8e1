"""Blocks in a workload, and an LLM that only denoises them: what is read, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from studies_for_tests import write_study

from dse.errors import SpecError
from dse.evaluate.estimate import estimate
from dse.evaluate.pools.estimate import estimate_pools
from dse.question.resolved_study import load_study
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.generation import hold_generation
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.workload import WorkloadSpec, hold_context
from dse.spec.yaml.loading import build_spec
from objectives.api import Diffusion

CATALOG = Catalog.of(None)
DENOISED = yaml.safe_load(CATALOG.path("workloads", "chat-denoised").read_text(encoding="utf-8"))


def written(**changes: Any) -> WorkloadSpec:
    return WorkloadSpec.model_validate({**DENOISED, **changes})


def leaf(value: object) -> dict[str, object]:
    return {"value": value, "source": "assumption", "basis": "assumption"}


def test_a_workload_says_blocks_steps_and_whether_one_more_pass_commits() -> None:
    work = written(isl=leaf("100 token"), osl=leaf("100 token")).resolve()
    assert work.diffusion == Diffusion(block=32, steps=10.03, commit=True)
    # by hand: four blocks of 32; rows see 100 tokens and 32 (4 + 1) / 2 of blocks on average
    assert (work.mean_context, work.max_context) == (180.0, 228.0)
    fixed = written(context=leaf("4096 token")).resolve()
    assert (fixed.mean_context, fixed.max_context) == (4096.0, 4096.0)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"speculation": {"length": leaf(3), "acceptance": leaf(0.7), "cost": leaf(0.1)}},
            "expected either diffusion or speculation, got both",
        ),
        ({"diffusion": {"block": leaf(0), "steps": leaf(8), "commit": True}}, "greater than or equal to 1"),
        (
            {"diffusion": {"block": leaf(32), "steps": leaf(0.5), "commit": True}},
            "greater than or equal to 1",
        ),
        ({"diffusion": {"block": leaf(32), "steps": leaf(8)}}, "commit"),
    ],
)
def test_what_is_no_block_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        written(**changes)


def test_whole_blocks_must_fit_into_the_longest_context() -> None:
    hold_context(written(isl=leaf("100 token"), osl=leaf("33 token")), "mine", 164)
    with pytest.raises(SpecError, match=r"got 164 \(ISL 100 \+ OSL 33 in whole blocks of 32\)"):
        hold_context(written(isl=leaf("100 token"), osl=leaf("33 token")), "mine", 163)


def test_files_without_the_keys_are_the_same_plain_data_as_before() -> None:
    chat, llama = CATALOG.get(WorkloadSpec, "chat"), CATALOG.get(LlmSpec, "llama3.1-8b")
    for spec in (chat, llama):
        assert not {"diffusion", "generation"} & {*spec.model_dump(mode="json")}


def test_an_llm_that_denoises_is_served_by_blocks_alone(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"expected the blocks that llada2.0-mini denoises, .* in chat$"):
        estimate("h100-sxm", "llada2.0-mini", "chat")
    with pytest.raises(SpecError, match=r"expected the blocks that llada2.0-mini denoises"):
        load_study(str(write_study(tmp_path, llm="llada2.0-mini", workload="chat")))
    found = estimate("h100-sxm", "llada2.0-mini", "chat-denoised", tp=1, batch=16)
    assert any("blocks of 32, each in 10.03 passes and one more" in note for note in found.notes)
    assert not any("token by token" in note for note in found.notes)
    assert found.ledgers["ttft_s"]["first_block"] > 0.0


def test_an_llm_that_generates_token_by_token_may_be_asked_what_blocks_would_give() -> None:
    found = estimate("h100-sxm", "llama3.1-8b", "chat-denoised", tp=1, batch=16)
    assert any("llama3.1-8b generates token by token" in note for note in found.notes)


def test_a_cost_model_that_reads_no_blocks_is_refused() -> None:
    with pytest.raises(SpecError, match=r"cost model napkin.*got blocks of tokens, which it does not read"):
        estimate("groq-lpu-v1", "llada2.0-mini", "chat-denoised", cost_model="napkin")


def test_settings_change_blocks_and_steps() -> None:
    plain = estimate("h100-sxm", "llada2.0-mini", "chat-denoised", tp=1, batch=16)
    few = {"block_size": "16", "block_steps": "2"}
    other = estimate("h100-sxm", "llada2.0-mini", "chat-denoised", tp=1, batch=16, settings=few)
    assert other.metrics["tpot_s"] < plain.metrics["tpot_s"]


def test_a_layer_with_a_state_shows_no_row_what_comes_after_it() -> None:
    with pytest.raises(SpecError, match="rows of a block see one another, which a state cannot show"):
        estimate("h100-sxm", "qwen3-next-80b-a3b", "chat-denoised")


@pytest.mark.parametrize(
    "state",
    [
        {"mamba": {"inner": 2048, "state_dim": 16, "step_rank": 64, "conv": 4}},
        {"short_convolution": {"width": 1024, "taps": 3}},
        {"rwkv": {"heads": 16, "head_dim": 64, "decay_latent": 64}},
    ],
    ids=lambda state: next(iter(state)),
)
def test_no_kind_of_state_denoises_blocks(state: dict[str, object]) -> None:
    data = {
        "kind": "llm",
        "name": "stateful",
        "title": "With a state",
        "architecture": {"value": "transformer", "source": "x", "basis": "assumption"},
        "params": {"value": None, "source": "x", "basis": "assumption"},
        "nominal_params": "1B",
        "hidden": 1024,
        "vocab": 1000,
        "blocks": [{"count": 4, **state}],
    }
    with pytest.raises(SpecError, match="expected none for stateful, since rows of a block see one another"):
        hold_generation(CATALOG.get(WorkloadSpec, "chat-denoised"), build_spec(LlmSpec, data, "here"))


def test_the_file_of_the_llm_says_how_it_generates() -> None:
    text = (Path(CATALOG.path("llms", "llada2.0-mini"))).read_text(encoding="utf-8")
    assert yaml.safe_load(text)["generation"] == "diffusion"


def pooled(*pools: str, llm: str = "llada2.0-mini", **settings: str) -> list[str]:
    asked = {"prefill_load": "0.7", **settings} if pools[0].startswith("prefill") else settings
    return list(estimate_pools(pools, llm, "chat-denoised", settings=asked).notes)


def test_pools_that_prefill_and_decode_serve_blocks_and_say_so() -> None:
    notes = pooled("prefill=h100-sxm,tp=1,batch=1", "decode=h200-sxm,tp=1,batch=16")
    assert any("tokens are denoised in blocks of 32" in note for note in notes)


def test_pools_that_share_a_step_refuse_drafts_as_wrong_input() -> None:
    wanted = "^--workload: speculation: expected none for pools attention and ffn, got drafts of"
    for workload, llm in (("chat-drafted", "llama3.1-8b"), ("chat-mtp", "qwen3-next-80b-a3b")):
        with pytest.raises(SpecError, match=wanted):
            estimate_pools(["attention=h100-sxm", "ffn=h200-sxm"], llm, workload)


def test_pools_that_share_a_step_refuse_blocks() -> None:
    with pytest.raises(
        SpecError, match=r"diffusion: expected none, or pools prefill and decode, got blocks of 32"
    ):
        pooled("attention=h100-sxm", "ffn=h200-sxm", llm="llama3.1-8b")
