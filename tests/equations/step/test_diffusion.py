"""Blocks that are denoised: times, FLOP and bytes by hand, and what every way of serving makes of them."""

from dataclasses import replace
from math import ceil

import array_api_strict
import factories as make
import numpy as np
import pytest
from denoised import denoised, diffusions
from factories import LAW
from hypothesis import given

from dse.bounds.speed_of_light import assert_within_physics, speed_of_light
from objectives.api import Chips, Context, Deployments, Designs, Diffusion, Metrics, Speculation
from objectives.costmodels.roofline import RooflineCostModel
from objectives.metrics import BY_COLUMN
from objectives.systems.split import llm_problem

evaluate = RooflineCostModel().evaluate
EIGHT = Diffusion(block=32, steps=8.0, commit=True)


def ideal(**changes: float) -> Designs:
    """Eight chips that lose nothing; what is not asked for takes no time."""
    free = make.h100_like(**{**make.IDEAL, "dram_bandwidth": 1e30, "link_bandwidth": 1e30, **changes})
    return make.design(free, batch=16, tp=8)


def strict(design: Designs) -> Designs:
    def columns(struct: Chips | Deployments) -> dict[str, object]:
        return {name: array_api_strict.asarray(np.asarray(c)) for name, c in struct.columns().items()}

    chips, deployments = Chips.of(**columns(design.chips)), Deployments(**columns(design.deployments))
    return Designs.of(chips=chips, deployments=deployments)


def blocks(d: Diffusion = EIGHT, **changes: object) -> Context:
    given = {"isl": 1024.0, "osl": 128.0, "serving": "decode-only", **changes}
    return denoised(d, make.llama2_70b(), **given)  # type: ignore[arg-type]


def test_a_block_that_compute_binds_takes_the_flop_of_all_its_rows_in_every_pass() -> None:
    # by hand: nine passes over 16 x 32 rows, each of which sees 1,024 + 32 (4 + 1) / 2 tokens on average
    weights = 80 * (2 * 8192 * 8192 + 2 * 8192 * 1024 + 3 * 8192 * 28672) + 32000 * 8192
    row = 2 * weights + 80 * 4 * 8192 * (1024 + 80)
    expected = 9 * 16 * 32 * row / 8 / 989e12 / 32
    assert evaluate(ideal(), blocks()).tpot_s == pytest.approx(expected, rel=1e-9)


def test_a_block_that_bytes_bind_reads_weights_and_kv_cache_once_a_pass() -> None:
    m = evaluate(ideal(dram_bandwidth=1e9, peak_flops=1e30, attention_flops=1e30), blocks(activations=0.0))
    weights = 80 * (2 * 8192 * 8192 + 2 * 8192 * 1024 + 3 * 8192 * 28672) + 32000 * 8192
    # of each of 16 sequences: what its rows see is read, and the 32 rows of its block are written
    kv = 16 * 80 * 2 * 8 * 128 * ((1024 + 80) + 32)
    assert m.tpot_s == pytest.approx(9 * 2 * (weights + kv) / 8 / 1e9 / 32, rel=1e-9)


def test_the_first_token_waits_for_its_block_and_not_for_the_pass_that_commits_it() -> None:
    m = evaluate(ideal(), blocks(), detail=True)
    each = 32 * m.tpot_s / 9
    assert m.ttft_parts["first_block"] == pytest.approx(8 * each, rel=1e-9)
    assert "first_step" not in m.ttft_parts
    kept = evaluate(ideal(), blocks(replace(EIGHT, commit=False)), detail=True)
    # every pass takes as long, and all eight of a block are before its tokens
    assert kept.tpot_s == pytest.approx(m.tpot_s * 8 / 9, rel=1e-9)
    assert kept.ttft_parts["first_block"] == pytest.approx(8 * each, rel=1e-9)


def test_rows_of_a_prompt_see_all_of_their_block() -> None:
    m = evaluate(ideal(), blocks(), detail=True)
    layers = 80 * (2 * 8192 * 8192 + 2 * 8192 * 1024 + 3 * 8192 * 28672)
    # 1,024 rows in 32 blocks: 32 (1 + ... + 32) x 32 pairs
    pairs = sum(32 * 32 * (i + 1) for i in range(32))
    flop = 2 * (1024 * layers + 32000 * 8192) + 80 * 4 * 8192 * pairs
    prompt = sum(v for k, v in m.ttft_parts.items() if k not in ("first_block", "request_overhead"))
    assert prompt == pytest.approx(flop / 8 / 989e12, rel=1e-9)


@pytest.mark.parametrize("osl", [1.0, 31.0, 32.0, 33.0, 100.0])
def test_an_answer_is_computed_in_whole_blocks_and_counted_as_it_is(osl: float) -> None:
    exact, whole = ceil(osl / 32) * 32.0, blocks(osl=ceil(osl / 32) * 32.0)
    short = evaluate(ideal(), blocks(osl=osl))
    long = evaluate(ideal(), whole)
    # the same work, for fewer tokens; the same time to the first and to the last of them
    assert osl * short.tpot_s == pytest.approx(exact * long.tpot_s, rel=1e-9)
    assert short.tokens_per_s / osl == pytest.approx(long.tokens_per_s / exact, rel=1e-9)
    assert short.ttft_s == pytest.approx(long.ttft_s, rel=1e-9)
    assert last(short, blocks(osl=osl)) == pytest.approx(last(long, whole), rel=1e-9)
    assert osl * short.energy_per_token_j == pytest.approx(exact * long.energy_per_token_j, rel=1e-9)


def last(m: Metrics, context: Context) -> float:
    """Time to the last token [s]."""
    return float(np.asarray(BY_COLUMN["objective_end_to_end"].of(m, context))[0])


def test_the_last_token_comes_when_all_blocks_are_denoised() -> None:
    context = blocks()
    m = evaluate(ideal(), context, detail=True)
    each = float(m.tpot_s[0]) * 32 / 9
    prompt = float(m.ttft_s[0]) - 8 * each
    # by hand: the prompt, three blocks of nine passes, and the eight of the last one
    assert last(m, context) == pytest.approx(prompt + (3 * 9 + 8) * each, rel=1e-9)


def test_a_static_batch_is_done_when_its_last_block_is() -> None:
    context = blocks(serving="static")
    m = evaluate(ideal(), context)
    assert m.tokens_per_s == pytest.approx(16 * 128 / last(m, context), rel=1e-9)


@pytest.mark.parametrize("serving", make.SERVING_MODES)
def test_one_pass_over_blocks_of_one_token_is_plain_decoding(serving: str) -> None:
    one = Diffusion(block=1, steps=1.0, commit=False)
    design = make.design(make.h100_like(), batch=16, tp=8)
    # the same context for both: a row of a block sees itself as well
    context = make.context(isl=1024.0, osl=128.0, mean_context=1088.0, max_context=1152.0, serving=serving)
    plain = evaluate(design, context)
    m = evaluate(design, replace(context, workload=replace(context.workload, diffusion=one)))
    # the one row that each pass writes is not counted without blocks
    assert m.tpot_s == pytest.approx(plain.tpot_s, rel=2e-3)
    # a static batch takes one step more, since its prompts give no token
    steps = 127 / 128 if serving == "static" else 1.0
    assert m.tokens_per_s == pytest.approx(steps * plain.tokens_per_s, rel=3e-3)
    # a prompt gives no token of a block
    assert m.ttft_s > plain.ttft_s


@pytest.mark.parametrize("serving", make.SERVING_MODES)
@pytest.mark.parametrize("batch", [1, 64])
def test_every_way_of_serving_makes_its_parts_add_up_and_keeps_within_physics(
    serving: str, batch: int
) -> None:
    for llm in (make.llama2_7b(), make.mixtral_8x7b(), make.deepseek_v3()):
        context = denoised(EIGHT, llm, isl=1000.0, osl=333.0, serving=serving)
        design = make.design(make.h100_like(), batch=batch, tp=8, pp=2)
        m = evaluate(design, context, detail=True)
        assert sum(m.tpot_parts.values()) == pytest.approx(m.tpot_s, rel=1e-9)
        assert sum(m.ttft_parts.values()) == pytest.approx(m.ttft_s, rel=1e-9)
        assert sum(m.bounds.values()) == pytest.approx(m.tpot_s, rel=1e-9)
        assert m.ttft_parts["first_block"] > 0.0
        assert_within_physics(design, context, m)


@LAW
@given(design=make.designs(), context=make.contexts(), d=diffusions())
def test_no_block_beats_physics(design: Designs, context: Context, d: Diffusion) -> None:
    work = context.workload
    given = denoised(d, context.llm, isl=work.isl, osl=work.osl, serving=work.serving, prefix=work.prefix)
    m = evaluate(design, given, detail=True)
    assert_within_physics(design, given, m)
    assert sum(m.tpot_parts.values()) == pytest.approx(m.tpot_s, rel=1e-9)
    assert sum(m.ttft_parts.values()) == pytest.approx(m.ttft_s, rel=1e-9)


@LAW
@given(design=make.designs(), context=make.contexts(), d=diffusions())
def test_more_steps_never_make_a_token_faster(design: Designs, context: Context, d: Diffusion) -> None:
    work = replace(context.workload, speculation=None, diffusion=d)
    more = replace(work, diffusion=replace(d, steps=d.steps + 1.0))
    here, there = (evaluate(design, replace(context, workload=w)) for w in (work, more))
    assert there.tpot_s >= here.tpot_s * (1 - 1e-9)
    assert there.ttft_s >= here.ttft_s * (1 - 1e-9)


def test_the_bound_counts_every_row_of_a_block() -> None:
    """A machine that lost nothing comes close to its bound, so that the bound is worth something."""
    context, design = blocks(osl=128.0), ideal()
    m = evaluate(design, context)
    bound = speed_of_light(design, context)
    assert 0.97 < float(np.asarray(bound.tpot_s / m.tpot_s).max()) <= 1.0
    assert 0.97 < float(np.asarray(bound.ttft_s / m.ttft_s).max()) <= 1.0


@pytest.mark.parametrize("serving", make.SERVING_MODES)
def test_numpy_and_the_strict_namespace_agree(serving: str) -> None:
    context = denoised(EIGHT, make.mixtral_8x7b(), osl=100.0, serving=serving)
    design = make.design(make.h100_like(), batch=[1.0, 16.0, 64.0], tp=8.0, ep=8.0, pp=[1.0, 2.0, 4.0])
    plain = evaluate(design, context)
    standard = evaluate(strict(design), context)
    for name in ("tpot_s", "ttft_s", "tokens_per_s", "energy_per_token_j"):
        np.testing.assert_allclose(np.asarray(getattr(standard, name)), getattr(plain, name), rtol=1e-12)


@pytest.mark.parametrize(
    "roles", [("draft", "verify"), ("attention", "ffn"), ("prefill", "attention", "ffn")]
)
def test_pools_that_share_a_step_denoise_no_blocks(roles: tuple[str, ...]) -> None:
    told = llm_problem(roles, blocks())
    assert told == (
        "diffusion: expected none, or pools prefill and decode, got blocks of 32 and pools "
        + " and ".join(roles)
    )
    assert not llm_problem(("prefill", "decode"), blocks())


def test_blocks_and_drafts_exclude_each_other() -> None:
    draft = Speculation(length=3, acceptance=0.7, cost=0.1)
    work = replace(blocks().workload, speculation=draft)
    with pytest.raises(ValueError, match="either diffusion or speculation, got blocks of 32 and drafts of 3"):
        evaluate(ideal(), replace(blocks(), workload=work))
