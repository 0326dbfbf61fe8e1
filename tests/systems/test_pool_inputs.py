"""What makes no system is an error that says what was expected and what came."""

from dataclasses import replace

import factories as make
import pytest
from systems import pairs
from systems.pairs import evaluate

from objectives.api import Designs, Speculation

SIDE = (make.h100_like(), make.deployments(batch=8, tp=8))
KNOWN = (
    "expected pools prefill and decode, attention and ffn, draft and verify, or prefill, attention and ffn"
)


@pytest.mark.parametrize(
    "roles",
    [
        ("prefill", "ffn"),
        ("decode", "ffn"),
        ("prefill", "decode", "ffn"),
        ("draft", "decode"),
        ("prefill", "draft", "verify"),
        ("attention", "whole"),
    ],
)
def test_roles_that_make_no_system_are_named(roles: tuple[str, ...]) -> None:
    with pytest.raises(ValueError) as error:
        evaluate(pairs.system(**dict.fromkeys(roles, SIDE)), make.context())
    assert str(error.value) == f"{KNOWN}, got {', '.join(roles)}"


def test_two_pools_of_one_role_make_no_system() -> None:
    pool = pairs.system(prefill=SIDE).pools[0]
    with pytest.raises(ValueError) as error:
        evaluate(Designs(pools=(pool, pool), link=pairs.link()), make.context())
    assert str(error.value) == f"{KNOWN}, got prefill, prefill"


@pytest.mark.parametrize(
    ("roles", "serving", "said"),
    [
        (("prefill", "decode"), "decode-only", "expected disaggregated for pools prefill and decode"),
        (("prefill", "decode"), "chunked", "expected disaggregated for pools prefill and decode"),
        (("attention", "ffn"), "disaggregated", "expected decode-only for pools attention and ffn"),
        (
            ("prefill", "attention", "ffn"),
            "static",
            "expected disaggregated for pools prefill and attention and ffn",
        ),
    ],
)
def test_a_serving_mode_that_the_pools_do_not_have_is_an_error(
    roles: tuple[str, ...], serving: str, said: str
) -> None:
    with pytest.raises(ValueError) as error:
        evaluate(pairs.system(**dict.fromkeys(roles, SIDE)), make.context(serving=serving))
    assert str(error.value) == f"serving: {said}, got {serving}"


@pytest.mark.parametrize(
    ("roles", "serving"), [(("prefill", "decode"), "disaggregated"), (("attention", "ffn"), "decode-only")]
)
def test_pools_without_a_link_are_an_error(roles: tuple[str, ...], serving: str) -> None:
    apart = Designs(pools=pairs.system(**dict.fromkeys(roles, SIDE)).pools)
    with pytest.raises(ValueError) as error:
        evaluate(apart, make.context(serving=serving))
    assert str(error.value) == f"link: expected the network between pools {' and '.join(roles)}, got none"


@pytest.mark.parametrize("load", [0.0, 1.0, -0.5])
@pytest.mark.parametrize("roles", [("prefill", "decode"), ("prefill", "attention", "ffn")])
def test_a_pool_that_prefills_needs_a_load(roles: tuple[str, ...], load: float) -> None:
    context = make.context(serving="disaggregated", prefill_load=load)
    with pytest.raises(ValueError) as error:
        evaluate(pairs.system(**dict.fromkeys(roles, SIDE)), context)
    assert str(error.value) == f"prefill_load: expected a share above 0 and below 1, got {load or 'none'}"


def test_an_llm_without_attention_has_no_attention_pool() -> None:
    with pytest.raises(ValueError) as error:
        evaluate(pairs.system(attention=SIDE, ffn=SIDE), make.context(make.dnn()))
    said = "llm: expected layers with attention for pools attention and ffn, got dnn"
    assert str(error.value) == said


def test_an_llm_without_ffns_has_no_ffn_pool() -> None:
    llm = make.llama2_7b()
    bare = replace(llm, blocks=tuple(replace(b, ffn=None) for b in llm.blocks))
    with pytest.raises(ValueError) as error:
        evaluate(pairs.system(attention=SIDE, ffn=SIDE), make.context(bare))
    said = "llm: expected layers with FFN or experts for pools attention and ffn, got 7b"
    assert str(error.value) == said


def test_drafts_between_attention_and_ffn_are_refused_and_between_prefill_and_decode_are_not() -> None:
    draft = Speculation(length=4, acceptance=1.0, cost=0.0)
    with pytest.raises(ValueError) as error:
        evaluate(pairs.system(attention=SIDE, ffn=SIDE), make.context(speculation=draft))
    said = "speculation: expected none for pools attention and ffn, got drafts of 4"
    assert str(error.value) == said
    two = pairs.system(prefill=SIDE, decode=SIDE)
    plain, drafted = (
        evaluate(two, make.context(serving="disaggregated", speculation=s)).tpot_s for s in (None, draft)
    )
    assert drafted < plain


SMALL = replace(make.llama2_7b(), name="small", blocks=(replace(make.llama2_7b().blocks[0], count=2),))
DRAFT = Speculation(length=4, acceptance=0.5, cost=0.0, llm=SMALL)


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        (None, "speculation: expected an LLM that drafts, a length and an acceptance, got none"),
        (replace(DRAFT, llm=None), "speculation.llm: expected the LLM that drafts, got none"),
        (replace(DRAFT, length=0), "speculation.length: expected 1 or more drafted tokens, got 0"),
        (
            replace(DRAFT, llm=replace(SMALL, vocab=128_256)),
            "speculation.llm: expected the vocabulary of 7b, 32,000 tokens, for exact acceptance, got small "
            "with 128,256",
        ),
        (
            replace(DRAFT, llm=make.llama2_70b()),
            "speculation.llm: expected an LLM of at most the 6.738 billion parameters of 7b, got 68.98 "
            "billion parameters of 70b",
        ),
    ],
)
def test_a_draft_that_cannot_be_verified_is_an_error(draft: Speculation | None, said: str) -> None:
    with pytest.raises(ValueError) as error:
        evaluate(pairs.system(draft=SIDE, verify=SIDE), make.context(make.llama2_7b(), speculation=draft))
    assert str(error.value) == said


def test_a_draft_llm_without_a_pool_of_its_own_is_an_error() -> None:
    context = make.context(make.llama2_7b(), speculation=DRAFT)
    with pytest.raises(ValueError, match="expected pools draft and verify with it, or a cost instead"):
        evaluate(Designs.of(*SIDE), context)
    work = replace(context.workload, serving="disaggregated", prefill_load=0.5)
    with pytest.raises(ValueError, match="pools draft and verify with it, got pools prefill and decode"):
        evaluate(pairs.system(prefill=SIDE, decode=SIDE), replace(context, workload=work))


def test_the_order_of_pools_changes_nothing() -> None:
    context = make.context(serving="disaggregated")
    other = (make.groq_like(), make.deployments(batch=4, tp=64))
    one = evaluate(pairs.system(prefill=SIDE, decode=other), context)
    two = evaluate(pairs.system(decode=other, prefill=SIDE), context)
    assert (one.tpot_s, one.ttft_s, one.capex_usd) == (two.tpot_s, two.ttft_s, two.capex_usd)
