"""Pools in a study: what they mean, and one sentence with file and line for each mistake."""

from pathlib import Path
from typing import Any

import pytest
from studies_for_tests import small, write_study

from dse.errors import SpecError
from dse.question.pools.study import PROMPTS, PooledStudy, load_question
from dse.question.resolved_study import load_cases, load_study
from dse.spec.json_schema.generate import json_schema
from dse.spec.schema.study import StudySpec

PAIR: dict[str, Any] = {
    "pools": {
        "prefill": {"chips": ["h100-sxm"]},
        "decode": {"chips": ["h200-sxm"], "space": "lpu-or-hbm", "tp": [8]},
        "link": "25 GB/s, 5 us",
    },
    "space": None,
    "baselines": None,
    "settings": {"workload/article.prefill_load": 0.8},
}


def pair(tmp_path: Path, **changes: Any) -> Path:
    data = {**PAIR, "settings": dict(PAIR["settings"])}
    given = {k: v for k, v in changes.items() if "__" not in k}
    pools = {k: dict(v) if isinstance(v, dict) else v for k, v in PAIR["pools"].items()}
    for key, value in changes.items():
        role, _, inner = key.partition("__")
        if inner:
            pools[role][inner] = value
        elif key in (*pools, "decod"):
            pools[role] = value
            given.pop(key)
    kept = {k: v for k, v in pools.items() if v is not None}
    small_keys = {k: v for k, v in {**data, **given, "pools": kept}.items() if v is not None}
    gone = {k: None for k in ("space", "baselines") if k not in small_keys}
    study = small(**gone)
    return write_study(tmp_path, **gone, **{k: v for k, v in small_keys.items() if study.get(k) != v})


def problems(path: Path) -> list[str]:
    with pytest.raises(SpecError) as error:
        load_question(str(path))
    return [str(p).removeprefix(str(path)) for p in error.value.problems]


def test_each_pool_is_the_same_question_of_its_own_chips_and_layouts(tmp_path: Path) -> None:
    study = load_question(str(pair(tmp_path)))
    assert isinstance(study, PooledStudy)
    assert list(study.pools) == ["prefill", "decode"]
    first, then = study.pools.values()
    assert list(first.baselines) == ["h100-sxm"] and not first.branches
    assert list(then.baselines) == ["h200-sxm"] and then.branches
    assert first.context == then.context and first.context.workload.serving == "disaggregated"
    # prompts of a pass are no sequences of a replica
    assert first.lists.batch == PROMPTS and then.lists.batch == (1, 8, 64)
    assert first.lists.tp == (1, 8, 64) and then.lists.tp == (8,)
    assert (study.link.bandwidth, study.link.latency_s) == (25e9, 5e-6)


def test_a_link_may_be_a_network_or_have_a_price_of_its_own(tmp_path: Path) -> None:
    named = load_question(str(pair(tmp_path, link="nvlink6-72")))
    assert isinstance(named, PooledStudy) and named.link.network == "nvlink6-72"
    stated = {"bandwidth": "25 GB/s", "latency": "5 us", "price": "100 USD"}
    priced = load_question(str(pair(tmp_path, link=stated)))
    assert isinstance(priced, PooledStudy) and priced.link.usd == 100.0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prefill": None}, ["pools.prefill: expected the pool that runs prompts"]),
        (
            {"link": None, "decode": None},
            ["pools.decode: expected the pool that decodes", "pools.link: expected the network"],
        ),
        ({"prefill": {}}, ["pools.prefill: expected chips, a space, or both, got neither"]),
        ({"decod": {"chips": ["h100"]}}, ["pools.decod: unknown key; did you mean 'decode'?"]),
        ({"link": "25 GB/s"}, ["pools.link: expected a network, or a bandwidth and a latency"]),
        ({"link": "nvlnk"}, ["pools.link: unknown network 'nvlnk'; did you mean"]),
        ({"link": "standalone"}, ["pools.link: expected a network with scale_out, got standalone"]),
        ({"link": {"network": "nvlink6-72", "latency": "1 us"}}, ["pools.link: expected a network or"]),
        (
            {"prefill__chips": ["h1000"], "decode__chips": ["h2000"], "decode__space": "lpu"},
            ["pools.prefill.chips: unknown chip 'h1000'", "pools.decode.chips: unknown chip 'h2000'",
             "pools.decode.space: unknown space 'lpu'"],
        ),
        ({"decode__tp": [5]}, ["pools.decode.tp: expected a divisor or a multiple of the 64 heads"]),
        ({"baselines": ["h100-sxm"]}, ["baselines: expected none with pools"]),
        ({"space": "lpu-or-hbm", "serving": "chunked"}, ["space: expected none with pools"]),
        ({"confidence": 0.8}, ["confidence: expected none with pools"]),
        ({"cost_model": "napkin"}, ["pools: expected a cost model that knows pools"]),
        ({"settings": {}}, ["workload: serving: disaggregated: prefill_load: expected a share"]),
    ],
)  # fmt: skip
def test_each_mistake_is_a_sentence_with_its_line(
    tmp_path: Path, changes: dict[str, Any], said: list[str]
) -> None:
    path = pair(tmp_path, **changes)
    found = problems(path)
    for text in said:
        assert any(f": {text}" in each for each in found), found
    line = next(i for i, t in enumerate(path.read_text().splitlines(), 1) if t.startswith("pools:"))
    for each in found:
        if ": pools." in each:
            assert each.startswith(f":{line}: "), each


def test_a_verb_that_does_not_know_pools_refuses_them(tmp_path: Path) -> None:
    path = pair(tmp_path)
    for load in (load_study, load_cases):
        with pytest.raises(SpecError, match="pools: expected single chips, got pools"):
            load(str(path))


def test_the_schema_knows_pools_and_both_forms_of_a_link() -> None:
    schema = json_schema("study")
    assert schema["$defs"]["PoolsSpec"]["properties"].keys() == {
        "prefill",
        "decode",
        "attention",
        "ffn",
        "draft",
        "verify",
        "link",
    }
    forms = schema["$defs"]["PoolsSpec"]["properties"]["link"]["anyOf"]
    assert {form.get("type") for form in forms} == {"string", None}


def test_a_study_without_pools_is_the_same_question_as_before() -> None:
    spec = StudySpec.model_validate(small())
    assert "pools" not in spec.model_dump(mode="json", by_alias=True, exclude_none=True)


APART = {"attention": {"chips": ["h100-sxm"]}, "ffn": {"chips": ["h200-sxm"]}, "link": "25 GB/s, 5 us"}


def apart(tmp_path: Path, pools: dict[str, Any], **changes: Any) -> Path:
    return write_study(tmp_path, space=None, baselines=None, **{"pools": pools, **changes})


def test_attention_and_ffn_pools_decode_alone(tmp_path: Path) -> None:
    study = load_question(str(apart(tmp_path, APART)))
    assert isinstance(study, PooledStudy)
    assert list(study.pools) == ["attention", "ffn"]
    assert study.context.workload.serving == "decode-only"
    # rows of FFNs are those of attention
    assert study.pools["ffn"].lists.batch == (1,)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pools": {**APART, "ffn": None}}, "pools.ffn: expected the pool of FFNs or experts"),
        ({"pools": {**APART, "prefill": {"chips": ["h100"]}}}, "pools: expected pools prefill and decode or"),
        ({"pools": {**APART, "ffn": {"chips": ["h100"], "batch": [4]}}}, "pools: ffn.batch: expected none"),
        ({"serving": "chunked"}, "serving: expected decode-only for pools attention and ffn, got chunked"),
    ],
)
def test_mistakes_of_attention_and_ffn_pools_are_said(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    found = problems(apart(tmp_path, changes.pop("pools", APART), **changes))
    assert any(f": {said}" in each for each in found), found


DRAFTING = {
    "draft": {"llm": "tinyllama", "chips": ["h100-sxm"], "tp": [1], "pp": [1]},
    "verify": {"chips": ["h200-sxm"]},
    "link": "25 GB/s, 5 us",
}


def test_pools_that_draft_and_verify_have_an_llm_each(tmp_path: Path) -> None:
    study = load_question(str(apart(tmp_path, DRAFTING, workload="chat-drafted")))
    assert isinstance(study, PooledStudy)
    assert list(study.pools) == ["draft", "verify"]
    assert study.pools["draft"].context.llm.name == "tinyllama-1.1b"
    draft = study.context.workload.speculation
    assert study.first is study.pools["verify"] and draft is not None and draft.llm is not None
    assert (draft.llm.name, draft.length, draft.acceptance) == ("tinyllama-1.1b", 3, 0.7)
    assert study.context.workload.serving == "decode-only"
    assert study.pools["draft"].lists.batch == (1,)
    assert "llm/tinyllama-1.1b" in study.digests()
    # the numbers of the drafts are part of the question
    other = apart(
        tmp_path / "other",
        DRAFTING,
        workload="chat-drafted",
        settings={"workload/chat-drafted.speculation.length": 5},
    )
    changed = load_question(str(other))
    assert changed.problem != study.problem
    drafts = changed.context.workload.speculation
    assert drafts is not None and drafts.length == 5


def drafting(**draft: Any) -> dict[str, Any]:
    return {**DRAFTING, "draft": {"chips": ["h100-sxm"], **draft}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pools": {**DRAFTING, "verify": None}}, "pools.verify: expected the pool of the LLM that verifies"),
        ({"pools": {**DRAFTING, "draft": None}}, "pools.draft: expected the pool of the LLM that drafts"),
        ({"pools": drafting()}, "pools: draft.llm: expected the LLM that drafts, such as llama3.2-1b, got"),
        ({"pools": drafting(llm="tinylama")}, "pools: draft.llm: unknown llm 'tinylama'; did you mean"),
        ({"pools": drafting(llm="llama3.2-1b")}, "pools: draft.llm: expected the vocabulary of llama2-70b"),
        ({"pools": drafting(llm="tinyllama", batch=[4])}, "pools: draft.batch: expected none"),
        (
            {"pools": {**DRAFTING, "verify": {"chips": ["h100"], "llm": "tinyllama"}}},
            "pools: verify.llm: expected it of the pool draft alone, got tinyllama",
        ),
        ({"workload": "chat"}, "pools: workload: expected a workload with speculation, such as chat-drafted"),
        (
            {"settings": {"workload/chat-drafted.speculation.length": 400}},
            "pools: speculation.length: expected less than the 290.3 tokens of an answer, got 400",
        ),
        ({"serving": "chunked"}, "serving: expected decode-only for pools draft and verify, got chunked"),
    ],
)
def test_mistakes_of_pools_that_draft_and_verify_are_said(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    given = {"workload": "chat-drafted", **changes}
    found = problems(apart(tmp_path, given.pop("pools", DRAFTING), **given))
    assert any(f": {said}" in each for each in found), found
