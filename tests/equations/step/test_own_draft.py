"""Layers of an LLM that draft for it: bytes, FLOP and room by hand, and what they may not do."""

from dataclasses import replace

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.backends import compiler
from dse.bounds.first_principles import count
from dse.bounds.speed_of_light import assert_within_physics, speed_of_light
from objectives.api import (
    Attention,
    Block,
    Chips,
    Context,
    Deployments,
    Designs,
    DraftLayers,
    Llm,
    Matrix,
    Metrics,
    Precision,
    PrefixCache,
    Speculation,
)
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.step.batch_setup import PromptLoad, set_up
from objectives.equations.step.decode_steps import decode_steps
from objectives.equations.step.speculation import tokens_per_step
from objectives.parts import Parts
from objectives.systems.decode_side import prompt_kv
from objectives.systems.draft_verify import draft_problem

evaluate = RooflineCostModel().evaluate

# LLaMA-2 7B, by hand: a layer of 4 d x d and 3 d x 11,008 matrices, and what joins two rows of d to one
LAYER = 4 * 4096**2 + 3 * 4096 * 11008
JOIN = 2 * 4096 * 4096
HEAD = 32_000 * 4096
KV = 2 * 4096
"""Elements that a token leaves in a layer."""


def drafting(llm: Llm | None = None, modules: int = 1) -> Llm:
    """An LLM with modules of one layer like its last one."""
    llm = make.llama2_7b() if llm is None else llm
    join = Matrix(inputs=2 * llm.hidden, outputs=llm.hidden)
    layer = replace(llm.blocks[-1], count=1, distinct=None, matrices=(join,))
    return replace(llm, draft=DraftLayers(blocks=(layer,), modules=modules))


def mtp(length: int = 3, acceptance: float = 0.7) -> Speculation:
    return Speculation(length=length, acceptance=acceptance, cost=0.0, own_layers=True)


def asked(modules: int = 1, length: int = 3, **values: object) -> Context:
    given = {"isl": 100.0, "osl": 200.0, **values}
    return make.context(drafting(modules=modules), speculation=mtp(length), **given)  # type: ignore[arg-type]


def draft_s(m: Metrics, length: int = 3) -> float:
    """Seconds of drafting in one step."""
    return float(m.tpot_parts["draft"][0]) * tokens_per_step(mtp(length))


@pytest.mark.parametrize("modules", [1, 2, 3])
def test_each_drafted_token_reads_a_module_and_the_head_and_its_kv_cache(modules: int) -> None:
    # bytes alone: eight sequences at a context of 200, three passes, 2 B an element
    chips = make.h100_like(**make.IDEAL, peak_flops=1e30, attention_flops=1e30, dram_bytes=1e12)
    m = evaluate(make.design(chips, batch=8), asked(modules, activations=0.0), detail=True)
    read = 3 * 2 * (LAYER + JOIN + HEAD + 8 * 200 * KV)
    assert draft_s(m) == pytest.approx(read / 3.35e12, rel=1e-9)


@pytest.mark.parametrize(("modules", "rows"), [(1, 4 + 1 + 1), (2, 4 + 4 + 1), (3, 4 + 4 + 4), (5, 12)])
def test_each_module_first_computes_all_rows_that_the_step_checks(modules: int, rows: int) -> None:
    # FLOP alone: each module takes the four checked rows once, all further passes one row of a sequence
    chips = make.h100_like(**make.IDEAL, dram_bandwidth=1e30, dram_bytes=1e12)
    m = evaluate(make.design(chips, batch=8), asked(modules), detail=True)
    core = 4 * 4096 * 200  # two products of d at each of 200 tokens
    flop = 8 * (rows * (2 * (LAYER + JOIN) + core) + 3 * 2 * HEAD)
    assert draft_s(m) == pytest.approx(flop / 989e12, rel=1e-9)


def test_energy_counts_every_byte_and_flop_of_a_draft() -> None:
    chips = make.h100_like(**make.IDEAL, dram_bytes=1e12, link_w=0.0)
    m = evaluate(make.design(chips, batch=8), asked(activations=0.0), detail=True)
    tokens = 8 * tokens_per_step(mtp())
    step = 32 * LAYER + HEAD + 32 * 8 * 200 * KV
    read = 2 * (step + 3 * (LAYER + JOIN + HEAD + 8 * 200 * KV))
    core = 4 * 4096 * 200
    flop = 8 * (4 * (32 * (2 * LAYER + core) + 2 * HEAD) + 6 * (2 * (LAYER + JOIN) + core) + 3 * 2 * HEAD)
    at_meter = make.ECONOMY.power_overhead * make.ECONOMY.pue
    assert at_meter > 0.0
    assert float(m.energy_parts["dram"][0]) == pytest.approx(read / 3.35e12 * 150.0 / tokens, rel=1e-9)
    assert float(m.energy_parts["compute"][0]) == pytest.approx(flop / 989e12 * 400.0 / tokens, rel=1e-9)


def test_prompts_pass_each_module_once() -> None:
    # FLOP alone: causal attention sees half of a prompt of 100 tokens, and its last row reaches the head
    chips = make.h100_like(**make.IDEAL, dram_bandwidth=1e30, dram_bytes=1e12)
    m = evaluate(make.design(chips, batch=8), asked(2), detail=True)
    flop = 2 * (100 * (2 * (LAYER + JOIN) + 4 * 4096 * 50) + 2 * HEAD)
    assert float(m.ttft_parts["draft"][0]) == pytest.approx(flop / 989e12, rel=1e-9)


@pytest.mark.parametrize(("modules", "length", "held"), [(1, 3, 1), (3, 3, 3), (3, 1, 1)])
def test_modules_that_a_draft_uses_take_room_with_their_kv_cache(
    modules: int, length: int, held: int
) -> None:
    m = evaluate(make.design(make.h100_like(), batch=8), asked(modules, length), detail=True)
    weights = 32 * LAYER + 2 * HEAD + held * (LAYER + JOIN)
    assert float(m.capacity_parts["weights"][0]) == 2 * weights
    # all eight sequences at their longest, 300 tokens
    assert float(m.capacity_parts["kv_cache"][0]) == 2 * (32 + held) * 8 * 300 * KV


@pytest.mark.parametrize(
    ("pp", "weights", "layers"),
    [
        # half of the layers in each: the last stage has modules, the head and the embedding as well
        (2, 16 * LAYER + 2 * HEAD + LAYER + JOIN, 17),
        # 11, 11 and 10: the last one has as many with its module, what joins, and both edges
        (3, 10 * LAYER + 2 * HEAD + LAYER + JOIN, 11),
    ],
)
def test_the_last_stage_drafts(pp: int, weights: int, layers: int) -> None:
    m = evaluate(make.design(make.h100_like(), batch=8, pp=pp), asked(), detail=True)
    assert float(m.capacity_parts["weights"][0]) == 2 * weights
    assert float(m.capacity_parts["kv_cache"][0]) == 2 * layers * 8 * 300 * KV


def test_a_first_stage_with_more_is_the_fullest() -> None:
    # 2 and 1 layers of 100 MB of KV cache for each sequence; a module of a small matrix keeps none
    layer = Block(count=3, attention=Attention(heads=32, kv_heads=32, head_dim=128))
    small = DraftLayers(blocks=(Block(count=1, matrices=(Matrix(inputs=64, outputs=64),)),))
    llm = Llm(name="x", hidden=4096, vocab=100, blocks=(layer,), nominal_params=1e9, draft=small)
    context = make.context(llm, isl=1000.0, osl=1000.0, speculation=mtp())
    m = evaluate(make.design(make.h100_like(), batch=8, pp=2), context, detail=True)
    assert float(m.capacity_parts["kv_cache"][0]) == 2 * 2 * 8 * 2000 * KV
    assert float(m.capacity_parts["weights"][0]) == 2 * (2 * 4 * 4096**2 + 100 * 4096)


def test_a_stage_that_drafts_is_waited_for() -> None:
    # FLOP alone, two full stages: the last one checks 16 layers and the head, and drafts
    chips = make.h100_like(**make.IDEAL, dram_bandwidth=1e30, dram_bytes=1e12, link_bandwidth=1e30)
    m = evaluate(make.design(chips, batch=16, pp=2), asked(), detail=True)
    core = 4 * 4096 * 200
    drafted = 6 * (2 * (LAYER + JOIN) + core) + 3 * 2 * HEAD
    stage = 4 * (16 * (2 * LAYER + core) + 2 * HEAD) + drafted
    expected = 2 * 8 * stage / 989e12 / tokens_per_step(mtp())
    assert float(m.tpot_s[0]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("llm", [make.llama2_7b(), make.deepseek_v3()], ids=["dense", "experts"])
def test_a_pass_is_a_step_of_an_llm_of_these_layers(llm: Llm) -> None:
    # launches, collectives, experts and all-to-all: the same as of an LLM that has nothing else
    own = drafting(llm)
    assert own.draft is not None
    alone = replace(llm, blocks=own.draft.blocks)
    design = make.design(make.h100_like(), batch=32, tp=4, ep=8, dp=2)
    none = PromptLoad(prompts=np.ones(1), rows=np.zeros(1))
    steps = decode_steps(set_up(design, make.context(own, speculation=mtp()), none))
    assert steps.drafts is not None
    (_, first, _), (often, later, _) = steps.drafts.runs
    fixed = 1e-3 + 32 * 1e-6  # of a step and of its sequences
    one = later.layer_s() + later.head_s() + fixed
    assert one == pytest.approx(evaluate(design, make.context(alone)).tpot_s, rel=1e-12)
    assert often == 2.0
    whole = first.layer_s() + first.head_s() + fixed + often * one
    assert steps.drafts.seconds == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("serving", make.SERVING_MODES)
@pytest.mark.parametrize("pp", [1, 2, 4])
def test_parts_add_up_in_every_way_of_serving(serving: str, pp: int) -> None:
    design = make.design(make.h100_like(), batch=32, tp=8, ep=8, pp=pp)
    context = make.context(drafting(make.deepseek_v3()), serving=serving, speculation=mtp(), weights=1.0)
    m = evaluate(design, context, detail=True)
    assert float(m.tpot_parts["draft"][0]) > 0.0
    assert float(m.ttft_parts["draft"][0]) > 0.0
    assert sum(m.tpot_parts.values()) == pytest.approx(m.tpot_s, rel=1e-12)
    assert sum(m.ttft_parts.values()) == pytest.approx(m.ttft_s, rel=1e-12)
    assert sum(m.bounds.values()) == pytest.approx(m.tpot_s, rel=1e-12)


def test_layers_that_draft_cost_nothing_where_nobody_drafts_with_them() -> None:
    design = make.design(make.h100_like(), batch=32, tp=8, ep=8, pp=2)
    stated = Speculation(length=3, acceptance=0.7, cost=0.1)
    for speculation in (None, stated):
        own, plain = (
            evaluate(design, make.context(llm, speculation=speculation, serving="chunked"), detail=True)
            for llm in (drafting(make.deepseek_v3()), make.deepseek_v3())
        )
        assert own.tpot_s == plain.tpot_s
        assert own.capacity_parts == plain.capacity_parts


def test_parts_of_unlike_formats_add_up_to_what_is_held() -> None:
    # experts of half a byte, those that draft among them
    others = dict.fromkeys(("shared", "dense", "attention", "embedding", "head", "router"), 2.0)
    narrow = Precision(
        weight_bytes=2.0, kv_bytes=2.0, activation_bytes=2.0, parts=Parts(experts=0.5, **others)
    )
    for pp in (1, 2, 61):
        context = make.context(drafting(make.deepseek_v3()), speculation=mtp())
        design = make.design(make.h100_like(), batch=32, tp=8, ep=8, pp=pp)
        wide = evaluate(design, context, detail=True).capacity_parts["weights"]
        held = evaluate(design, replace(context, precision=narrow), detail=True).capacity_parts
        by_part = {k: float(v[0]) for k, v in held.items() if k.endswith("_weights")}
        everything = sum(by_part.values()) + 3.0 * by_part["experts_weights"]
        assert everything == pytest.approx(float(wide[0]), rel=1e-12)


REFUSED = {
    "draft_layers": (make.llama2_7b(), mtp()),
    "speculation.cost": (drafting(), replace(mtp(), cost=0.1)),
    "speculation.llm": (drafting(), replace(mtp(), llm=make.llama2_7b())),
    "speculation.length": (drafting(), mtp(length=0)),
}


@pytest.mark.parametrize("word", REFUSED)
def test_what_cannot_draft_is_refused(word: str) -> None:
    llm, draft = REFUSED[word]
    with pytest.raises(ValueError, match=word):
        evaluate(make.design(make.h100_like()), make.context(llm, speculation=draft))


def test_a_second_count_reads_and_holds_what_the_first_does() -> None:
    # bytes alone, one sequence: the bound is met by a machine that loses nothing
    context = asked(2, activations=0.0)
    found = count(context.llm, context.workload)
    assert found.drafted is not None
    assert found.drafted.read == 3 * (LAYER + JOIN + HEAD)
    assert found.drafted.rows == 4 + 4 + 1
    assert found.drafted.module.kv_kept == 300 * KV
    chips = make.h100_like(**make.IDEAL, peak_flops=1e30, attention_flops=1e30, dram_bytes=1e12)
    design = make.design(chips, batch=8)
    bound, m = speed_of_light(design, context), evaluate(design, replace(context, llm=drafting(modules=2)))
    all_accepted = replace(context, workload=replace(context.workload, speculation=mtp(acceptance=1.0)))
    m = evaluate(design, all_accepted)
    # of weights that are used again, which SRAM may hold, the bound counts one read of bandwidth
    assert float(bound.tpot_terms["bandwidth"][0]) == pytest.approx(float(m.tpot_s[0]), rel=1e-9)
    assert float(bound.needed_bytes[0]) == 2 * (32 * LAYER + HEAD + 2 * (LAYER + JOIN) + 34 * 8 * 300 * KV)


@LAW
@given(design=make.designs(), context=make.contexts(), modules=st.integers(1, 3), draft=make.speculations())
def test_drafts_stay_within_physics_and_add_up(
    design: Designs, context: Context, modules: int, draft: Speculation
) -> None:
    if not context.llm.vocab:
        return
    own = replace(draft, cost=0.0, own_layers=True)
    llm = drafting(context.llm, modules)
    context = replace(context, llm=llm, workload=replace(context.workload, speculation=own))
    m = evaluate(design, context, detail=True)
    assert_within_physics(design, context, m)
    assert sum(m.tpot_parts.values()) == pytest.approx(m.tpot_s, rel=1e-9)
    assert sum(m.ttft_parts.values()) == pytest.approx(m.ttft_s, rel=1e-9)


@pytest.mark.parametrize("serving", ["decode-only", "chunked"])
def test_jax_says_the_same(serving: str) -> None:
    context = make.context(drafting(make.deepseek_v3(), 2), serving=serving, speculation=mtp())
    # without and with a second memory that takes weights
    chips = make.h100_like(sram_bytes=[0.0, 1e9], sram_bandwidth=[0.0, 2e13], sram_pinned=1.0)
    ways = make.deployments(batch=64, tp=8, ep=16, pp=[2, 4], dp=2)

    def told(columns: dict[str, np.ndarray], sizes: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        designs = Designs.of(chips=Chips.of(**columns), deployments=Deployments(**sizes))
        m = evaluate(designs, context, detail=True)
        return {"tpot": m.tpot_s, "ttft": m.ttft_s, "energy": m.energy_per_token_j, **m.capacity_parts}

    fast = compiler("jax", fused=False)
    assert fast is not None
    here, there = (each(chips.columns(), ways.columns()) for each in (told, fast(told)))
    for name, column in here.items():
        np.testing.assert_allclose(there[name], column, rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("tier", ["dram", "host"])
def test_prefixes_are_kept_by_layers_that_draft_too(tier: str) -> None:
    # half of a prompt of 100 tokens is read back: 32 layers and two modules of 50 tokens each
    cache = PrefixCache(
        hit=0.5,
        stored_tokens=1e4,
        tier=tier,
        bandwidth=1e9,
        usd_per_byte=1e-9,  # type: ignore[arg-type]
    )
    context = asked(2, prefix=cache, serving="aggregated")
    m = evaluate(make.design(make.h100_like(), batch=8), context, detail=True)
    if tier == "dram":
        assert float(m.capacity_parts["prefix_cache"][0]) == pytest.approx(2 * 34 * 1e4 * KV, rel=1e-12)
        return
    assert float(m.capex_parts["prefix_cache"][0]) == pytest.approx(1e-9 * 2 * 34 * 1e4 * KV, rel=1e-12)
    assert float(m.ttft_parts["prefix_load"][0]) == pytest.approx(2 * 34 * 50 * KV / 1e9, rel=1e-12)


def test_pools_send_the_kv_cache_of_modules_too() -> None:
    for context, layers in ((asked(2), 34), (make.context(drafting(), isl=100.0, osl=200.0), 32)):
        s = set_up(make.design(make.h100_like()), context, PromptLoad(prompts=np.ones(1), rows=np.zeros(1)))
        assert float(prompt_kv(s)[0]) == 2 * layers * 100 * KV


def test_pools_of_which_one_drafts_refuse_layers_that_draft() -> None:
    assert draft_problem(asked()).startswith("speculation.draft: expected an LLM that drafts, got mtp")
