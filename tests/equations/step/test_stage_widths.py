"""Stages of unlike numbers of chips: by hand, laws of pipelines, an event simulation, whole designs."""

from itertools import pairwise
from math import ceil

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.testing.checks import ROUNDING
from objectives.api import Chips, Context, Designs, Metrics
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.step.stage_widths import StageWidths, stage_widths

LAYERS, STAGES, WAYS = st.integers(1, 130), st.integers(1, 130), st.integers(1, 64)
EXACT = 1e-9
MODES = ("decode-only", "aggregated", "chunked", "static", "disaggregated")


def widths(layers: int, ways: int, pp: int, count: int, unlike: float = 1.0) -> StageWidths:
    return stage_widths(layers, *(np.array([float(n)]) for n in (ways, pp, count)), np.array([unlike]))


def stages_of(layers: int, pp: int) -> list[int]:
    """Layers of each stage, the larger ones first."""
    return [len(range(stage, layers, pp)) for stage in range(pp)]


def chips_of_stages(layers: int, ways: int, pp: int) -> list[int]:
    """Chips of each stage, counted one by one: the last one has the LM head and stays wide."""
    each = stages_of(layers, pp)
    half = ways // 2 if each[0] == 2 and ways % 2 == 0 else ways
    return [ways if s == pp - 1 or n == each[0] else half for s, n in enumerate(each)]


@LAW
@given(layers=LAYERS, pp=STAGES, ways=WAYS)
def test_chips_are_those_of_all_stages_counted_one_by_one(layers: int, pp: int, ways: int) -> None:
    pp = min(pp, layers)
    found, each = widths(layers, ways, pp, pp), chips_of_stages(layers, ways, pp)
    assert found.chips == sum(each)
    # every chip holds and computes no more than one of the largest stage: heads, experts, tokens and all
    most = max(stages_of(layers, pp))
    for n, chips in zip(stages_of(layers, pp), each, strict=True):
        assert n * ways <= most * chips
        for parts in (1, 4, 8, 40, 64):
            assert n * ceil(parts / chips) <= most * ceil(parts / ways)
    assert found.slower == sum(chips < ways for chips in each)


@LAW
@given(layers=LAYERS, pp=STAGES, ways=WAYS)
def test_a_pipeline_with_bubbles_and_a_stack_that_cannot_keep_equal_stages(
    layers: int, pp: int, ways: int
) -> None:
    pp = min(pp, layers)
    for found in (widths(layers, ways, pp, pp - 1), widths(layers, ways, pp, pp, 0.0)):
        assert found.chips == ways * pp
        assert found.slower == 0.0


@LAW
@given(
    layers=LAYERS, pp=STAGES, layer_s=st.floats(1e-6, 1e-3), head=st.floats(0.0, 3.0),
    fixed=st.floats(0.0, 1.0),
)  # fmt: skip
def test_a_full_pipeline_turns_as_fast_with_narrow_stages(
    layers: int, pp: int, layer_s: float, head: float, fixed: float
) -> None:
    """Events: PP micro-batches go round; each stage serves one at a time, in order."""
    pp = min(pp, layers, 24)
    each = stages_of(layers, pp)
    narrow = [2 if each[0] == 2 and s < pp - 1 else n for s, n in enumerate(each)]

    def turn(work: list[int]) -> float:
        seconds = [n * layer_s + fixed * layer_s for n in work]
        seconds[-1] += head * layer_s
        free, ready, ends = [0.0] * pp, [0.0] * pp, list[float]()
        for _ in range(3 * pp):
            for batch in range(pp):
                for stage, takes in enumerate(seconds):
                    ready[batch] = free[stage] = max(free[stage], ready[batch]) + takes
            ends.append(ready[0])
        return max(later - one for one, later in pairwise(ends[-3:]))

    assert turn(narrow) == pytest.approx(turn(each), rel=EXACT)


def can(chips: Chips, flag: float) -> Chips:
    return chips.replace(unlike_stages=np.array([flag]))


def evaluate(chips: Chips, context: Context, **layout: float) -> Metrics:
    return RooflineCostModel().evaluate(make.design(chips, **layout), context, detail=True)


@pytest.mark.parametrize("serving", MODES)
def test_a_whole_design_has_fewer_chips_and_waits_longer_for_a_prompt_alone(serving: str) -> None:
    # 80 layers on 48 stages: 32 of two, 16 of one; 15 of these have 8 chips in place of 16
    context = make.context(make.llama2_70b(), serving=serving, prefill_load=0.5)
    layout = {"batch": 48, "tp": 16, "pp": 48, "dp": 2}
    chips = make.h100_like()
    none, alike, unlike = (evaluate(c, context, **layout) for c in (chips, can(chips, 0.0), can(chips, 1.0)))
    for name in ("chips", "tpot_s", "ttft_s", "tokens_per_s", "capex_usd", "usd_per_million_output_tokens"):
        assert getattr(none, name) == pytest.approx(getattr(alike, name), rel=ROUNDING)
    assert alike.chips - unlike.chips == pytest.approx(2 * 15 * 8, rel=EXACT)
    assert sum(unlike.capex_parts.values()) == pytest.approx(unlike.capex_usd, rel=ROUNDING)
    assert sum(unlike.ttft_parts.values()) == pytest.approx(unlike.ttft_s, rel=ROUNDING)
    if serving in ("decode-only", "disaggregated"):
        assert unlike.tpot_s == pytest.approx(alike.tpot_s, rel=ROUNDING)
        assert unlike.tokens_per_s == pytest.approx(alike.tokens_per_s, rel=ROUNDING)
    if serving == "disaggregated":  # prompts run elsewhere, on equal stages
        assert unlike.ttft_s == pytest.approx(alike.ttft_s, rel=ROUNDING)
    else:  # 15 stages take as long as a stage of two layers, where they had one
        passed = unlike.ttft_parts["narrow_stages"]
        layers = sum(v for k, v in alike.ttft_parts.items() if k in LAYER_PARTS)
        # the collectives of an LM head are among those of its layers
        assert passed == pytest.approx(layers * 15 / 80, rel=1e-3)


LAYER_PARTS = (
    "attention_projections", "attention_core", "ffn", "die_to_die", "activation_passes", "layer_overhead",
    "kv_merges", "collectives",
)  # fmt: skip


@LAW
@given(design=make.designs(), context=make.contexts())
def test_who_can_is_never_dearer_to_decode(design: Designs, context: Context) -> None:
    both = [
        RooflineCostModel().evaluate(design.replace(chips=can(design.chips, flag)), context)
        for flag in (0.0, 1.0)
    ]
    assert np.all(both[1].chips <= both[0].chips)
    for name in ("tpot_s", "ttft_s"):
        assert np.all(getattr(both[1], name) >= getattr(both[0], name) * (1.0 - ROUNDING)), name
    assert np.all(both[1].tokens_per_s <= both[0].tokens_per_s * (1.0 + ROUNDING))
    if context.workload.serving == "decode-only":
        assert np.all(both[1].tpot_s == both[0].tpot_s)
        assert np.all(both[1].usd_per_token_per_s <= both[0].usd_per_token_per_s * (1.0 + EXACT))
