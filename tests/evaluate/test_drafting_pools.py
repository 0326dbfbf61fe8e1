"""One pool that drafts for another: what a command line may say of it, and what its result is."""

from pathlib import Path

import pytest
import yaml

from dse.decide.compare.chips import compare
from dse.errors import SpecError
from dse.evaluate.estimate import estimate
from dse.evaluate.pools.estimate import estimate_pools
from dse.evaluate.pools.result import SystemEstimate

POOLS = ("draft=lp30,tp=8,pp=1,dp=1", "verify=b200,tp=8,pp=1,batch=16,dp=1")
DRAFTS = {"draft_length": "4", "draft_acceptance": "0.7"}
WORKLOADS = Path(__file__).resolve().parents[2] / "configs" / "workloads"


def found(**changes: object) -> SystemEstimate:
    given: dict[str, object] = {"draft_llm": "llama3.2-1b", "settings": DRAFTS, "weights": "fp8"}
    return estimate_pools(POOLS, "llama3.3-70b", "chat", **{**given, **changes})  # type: ignore[arg-type]


def drafted(folder: Path, **drafts: object) -> str:
    """A folder of configs in which chat names its drafts."""
    data = yaml.safe_load((WORKLOADS / "chat.yaml").read_text(encoding="utf-8"))
    origin = {"source": "assumption", "basis": "assumption", "note": "of a test"}
    numbers = {name: {"value": v, **origin} for name, v in drafts.items() if name != "llm"}
    names = {"llm": drafts["llm"]} if "llm" in drafts else {}
    data |= {"name": "drafting", "aliases": [], "speculation": {**numbers, **names}}
    path = folder / "workloads" / "drafting.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return str(folder)


def test_every_ledger_sums_and_both_pools_are_in_the_result() -> None:
    one = found()
    assert [pool.role for pool in one.pools] == ["draft", "verify"]
    for name, parts in one.ledgers.items():
        if name in one.metrics:
            assert sum(parts.values()) == pytest.approx(one.metrics[name], rel=1e-9), name
    assert one.serving == "decode-only"
    assert any("prompts cost nothing" in note for note in one.notes)
    assert any("0.7, is stated and not predicted (command-line)" in note for note in one.notes)
    data = one.as_dict()
    assert [p["chip"] for p in data["pools"]] == ["lp30", "b200-sxm"]  # type: ignore[attr-defined]
    assert one.ledgers["tpot_s"]["draft"] > 0.0


def test_what_is_left_out_of_layouts_is_chosen_and_no_neighbour_is_cheaper() -> None:
    chosen = estimate_pools(
        ("draft=lp30", "verify=b200"),
        "llama3.3-70b",
        "chat",
        draft_llm="llama3.2-1b",
        settings=DRAFTS,
        weights="fp8",
    )
    assert chosen.feasible and chosen.solved
    assert chosen.metrics["usd_per_token_per_s"] <= found().metrics["usd_per_token_per_s"]


def test_a_workload_may_name_its_drafts_and_settings_come_first(tmp_path: Path) -> None:
    configs = drafted(tmp_path, llm="llama3.2-1b", length=4, acceptance=0.7)
    own = estimate_pools(POOLS, "llama3.3-70b", "drafting", weights="fp8", configs=configs)
    assert own.metrics == found().metrics
    assert any("(assumption: of a test)" in note for note in own.notes)
    other = estimate_pools(
        POOLS,
        "llama3.3-70b",
        "drafting",
        weights="fp8",
        configs=configs,
        settings={"draft_acceptance": "0.9"},
    )
    assert other.metrics["tpot_s"] < own.metrics["tpot_s"]
    # no other way of serving can do without a cost
    with pytest.raises(SpecError, match=r"speculation\.cost of drafting: expected the share of a step"):
        estimate("h100", "llama3.3-70b", "drafting", configs=configs)
    costly = drafted(tmp_path, llm="llama3.2-1b", length=4, acceptance=0.7, cost=0.05)
    assert estimate("h100", "llama3.3-70b", "drafting", weights="fp8", configs=costly).feasible
    both = estimate_pools(POOLS, "llama3.3-70b", "drafting", weights="fp8", configs=costly)
    assert both.metrics == own.metrics
    assert any("cost of drafts is not read" in note for note in both.notes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"draft_llm": None}, "--draft-llm: expected the LLM that drafts, such as llama3.2-1b, got none"),
        ({"draft_llm": "llama9"}, "--draft-llm: unknown llm 'llama9'"),
        ({"draft_llm": "qwen3-0.6b"}, "expected the vocabulary of llama3.3-70b, 128,256 tokens"),
        ({"draft_llm": "llama3.1-405b"}, "--draft-llm: expected an LLM of at most the 70.55 billion"),
        ({"settings": {"draft_length": "4"}}, "draft_acceptance: expected the chance that a drafted token"),
        ({"settings": {"draft_acceptance": "0.7"}}, "draft_length: expected the tokens that are drafted"),
        ({"settings": {**DRAFTS, "draft_length": "0"}}, "draft_length: expected 1 or more drafted tokens"),
        ({"settings": {**DRAFTS, "draft_acceptance": "1.7"}}, "draft_acceptance: expected a number"),
        ({"serving": "chunked"}, "expected decode-only for pools draft and verify, got chunked"),
    ],
)
def test_what_cannot_be_is_one_sentence_with_its_place(changes: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError) as error:
        found(**changes)
    assert said in str(error.value)


def test_other_pools_have_no_draft_llm() -> None:
    with pytest.raises(SpecError, match="--draft-llm: expected pools draft and verify with it, got prefill"):
        estimate_pools(("prefill=h100", "decode=h200"), "llama3.3-70b", "chat", draft_llm="llama3.2-1b")


def test_systems_that_draft_rank_among_single_chips() -> None:
    ranked = compare(
        ["b200"],
        "llama3.3-70b",
        "chat",
        targets=[0.02],
        weights="fp8",
        serving="decode-only",
        settings=DRAFTS,
        pools=POOLS,
        draft_llm="llama3.2-1b",
    )
    (system,) = ranked.systems
    assert system.name == "lp30 | b200-sxm" and not system.apart
    best = system.best[0]
    assert best is not None and best.metrics == found().metrics
    assert ranked.chips[0].best[0] is not None
