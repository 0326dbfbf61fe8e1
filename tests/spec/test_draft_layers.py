"""Keys of layers that draft: what an LLM file and a workload may say, and what is refused."""

from pathlib import Path

import pytest
import yaml

from dse.errors import SpecError
from dse.evaluate.estimate import estimate
from dse.evaluate.pools.estimate import Asked, looked_up
from dse.question.pools.study import load_question
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.workload import WorkloadSpec
from dse.spec.yaml.loading import build_spec

MLA = {"heads": 16, "latent": 512, "rope": 64, "nope": 128, "value": 128, "query_latent": 1536, "top_k": 64}
HEADS = {"heads": 16, "kv_heads": 4, "head_dim": 64}
EXPERTS = {"count": 8, "top_k": 2, "width": 512}
FFN = {"width": 4096, "gated": True}


def llm(blocks: object, drafts: object, **changes: object) -> LlmSpec:
    sourced = {"source": "assumption", "basis": "assumption"}
    data = {
        "kind": "llm",
        "name": "x",
        "title": "X",
        "architecture": {"value": "transformer", **sourced},
        "params": {"value": "1B", **sourced},
        "nominal_params": "1B",
        "hidden": 1024,
        "vocab": 1000,
        "blocks": blocks,
        "draft_layers": drafts,
    }
    return build_spec(LlmSpec, data | changes, "x.yaml")


PLAIN = [{"count": 2, "attention": HEADS, "ffn": FFN}]


def test_a_file_without_layers_that_draft_says_nothing_of_them() -> None:
    without = Catalog().get(LlmSpec, "llama3-70b")
    assert without.draft_layers is None
    assert without.resolve().draft is None
    assert "draft_layers" not in without.model_dump()
    drafted = Catalog().get(WorkloadSpec, "chat-drafted").speculation
    assert drafted is not None
    assert "draft" not in drafted.model_dump()


def test_one_module_unless_more_are_said() -> None:
    one = llm(PLAIN, {"blocks": [{"count": 1, "ffn": FFN}]}).resolve().draft
    several = llm(PLAIN, {"count": 3, "blocks": [{"count": 1, "ffn": FFN}]}).resolve().draft
    assert one is not None
    assert several is not None
    assert (one.modules, several.modules) == (1, 3)


@pytest.mark.parametrize(
    ("drafts", "changes", "expected"),
    [
        ({"blocks": [{"count": 1, "ffn": FFN}]}, {"vocab": 0}, "draft_layers: expected a vocabulary"),
        ({"blocks": [{"count": 1, "experts": EXPERTS}]}, {}, "draft_layers: expected experts in blocks too"),
        (
            {"blocks": [{"count": 1, "latent_attention": MLA}]},
            {},
            "draft_layers: expected an index under `beside`",
        ),
        (
            {"blocks": [{"count": 1, "attention": {**HEADS, "kv_heads": 2, "kv": "shared"}}]},
            {},
            "draft_layers: expected attention that keeps what `kv: shared` reads",
        ),
        ({"blocks": []}, {}, "draft_layers.blocks"),
        ({"count": 1000, "blocks": [{"count": 2, "ffn": FFN}]}, {}, "at most 2,000 layers in all, got 2,002"),
    ],
)
def test_layers_that_cannot_draft_are_refused(
    drafts: object, changes: dict[str, object], expected: str
) -> None:
    with pytest.raises(SpecError, match=expected):
        llm(PLAIN, drafts, **changes)


def test_a_module_may_read_the_kv_cache_of_the_network() -> None:
    reads = {"blocks": [{"count": 1, "attention": {**HEADS, "kv": "shared"}}]}
    assert llm(PLAIN, reads).draft_layers is not None


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"cost": {"value": 0.1, "source": "assumption", "basis": "assumption"}}, "cost: expected none"),
        ({"llm": "llama3.2-1b"}, "llm: expected none"),
        (
            {"length": {"value": 0, "source": "assumption", "basis": "assumption"}},
            "length: expected 1 or more",
        ),
        ({"draft": "eagle"}, "draft"),
    ],
)
def test_drafts_of_layers_have_no_cost_and_no_other_llm(more: dict[str, object], expected: str) -> None:
    found = Catalog().get(WorkloadSpec, "chat-mtp").model_dump(mode="json")
    with pytest.raises(SpecError, match=expected):
        build_spec(WorkloadSpec, {**found, "speculation": {**found["speculation"], **more}}, "x.yaml")


def test_an_estimate_drafts_with_the_layers_of_the_llm() -> None:
    found = estimate("h200", "glm4.5-air", "chat-mtp", weights="fp8", tp=4, ep=4, pp=1, dp=1, batch=16)
    plain = estimate("h200", "glm4.5-air", "chat", weights="fp8", tp=4, ep=4, pp=1, dp=1, batch=16)
    assert found.ledgers["tpot_s"]["draft"] > 0.0
    assert any("(tokens a step: 1); the acceptance, 0.85, is stated" in note for note in found.notes)
    assert found.metrics["tpot_s"] < plain.metrics["tpot_s"]
    more = found.ledgers["capacity_bytes"]["weights"] - plain.ledgers["capacity_bytes"]["weights"]
    # a layer with experts, one of them shared, and what joins two rows; a byte each, on four chips
    layer = 2 * 4096 * (96 + 8) * 128 + 129 * 3 * 4096 * 1408 + 2 * 4096 * 4096
    assert more == pytest.approx(layer / 4, rel=1e-3)


def test_an_llm_without_such_layers_is_refused_by_both_keys() -> None:
    expected = (
        r"speculation.draft of chat-mtp: expected an LLM with draft_layers for mtp "
        r"\(.*qwen3-next-80b-a3b.*\), got llama3-70b"
    )
    with pytest.raises(SpecError, match=expected):
        estimate("h200", "llama3-70b", "chat-mtp", weights="fp8")


def test_a_study_is_refused_likewise(tmp_path: Path) -> None:
    ours = Path(__file__).resolve().parents[2] / "studies" / "0001-groq-vs-h100" / "study.yaml"
    data = yaml.safe_load(ours.read_text(encoding="utf-8"))
    del data["cases"]
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(data | {"workload": "chat-mtp"}), encoding="utf-8")
    with pytest.raises(SpecError, match=r"with draft_layers for mtp, got llama2-70b"):
        load_question(str(tmp_path))


def test_pools_of_which_one_drafts_are_refused() -> None:
    asked = Asked(llm="glm4.5-air", workload="chat-mtp", weights="fp8", draft_llm="llama3.2-1b")
    with pytest.raises(SpecError, match="expected drafts of an LLM for pools draft and verify, got mtp"):
        looked_up(["draft=h200", "verify=h200"], asked)
