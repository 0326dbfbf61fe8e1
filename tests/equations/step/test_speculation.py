"""Drafted tokens: how many a step yields, by the published formula and by drawing."""

from dataclasses import replace

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from objectives.api import Context, Designs, Speculation
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.step.speculation import checked_rows, tokens_per_step

evaluate = RooflineCostModel().evaluate


def draft(length: int = 4, acceptance: float = 0.8, cost: float = 0.0) -> Speculation:
    return Speculation(length=length, acceptance=acceptance, cost=cost)


def test_four_tokens_at_eight_tenths_yield_3_36() -> None:
    # Leviathan et al. 2023, equation 1: (1 - 0.8^5) / (1 - 0.8)
    assert tokens_per_step(draft()) == pytest.approx(3.3616, rel=1e-9)


def test_the_yield_is_that_of_drawing_until_the_first_refusal() -> None:
    rng = np.random.default_rng(3)
    refused = rng.random((200_000, 4)) >= 0.7
    first = np.where(refused.any(axis=1), refused.argmax(axis=1), 4)
    # 200,000 draws of a number below 5 are off by less than 0.02 in all but one of a billion cases
    assert tokens_per_step(draft(acceptance=0.7)) == pytest.approx(float((first + 1).mean()), abs=0.02)


def test_a_sequence_feeds_its_draft_and_its_last_token() -> None:
    assert checked_rows(None) == 1.0
    assert checked_rows(draft(length=3)) == 4.0


def with_draft(context: Context, s: Speculation | None) -> Context:
    return replace(context, workload=replace(context.workload, speculation=s, serving="decode-only"))


@LAW
@given(design=make.designs(), context=make.contexts(), s=make.speculations())
def test_a_draft_that_is_always_refused_never_gains(
    design: Designs, context: Context, s: Speculation
) -> None:
    plain = evaluate(design, with_draft(context, None))
    refused = evaluate(design, with_draft(context, replace(s, acceptance=0.0)))
    assert refused.tpot_s >= plain.tpot_s * (1 - 1e-9)


@LAW
@given(design=make.designs(), context=make.contexts(), s=make.speculations())
def test_a_draft_never_gains_more_than_its_length_and_one(
    design: Designs, context: Context, s: Speculation
) -> None:
    plain = evaluate(design, with_draft(context, None))
    perfect = evaluate(design, with_draft(context, replace(s, acceptance=1.0, cost=0.0)))
    assert plain.tpot_s / perfect.tpot_s <= (s.length + 1.0) * (1 + 1e-9)


@LAW
@given(design=make.designs(), context=make.contexts(), s=make.speculations(), more=st.floats(0.0, 1.0))
def test_a_better_or_cheaper_draft_never_slows_a_step(
    design: Designs, context: Context, s: Speculation, more: float
) -> None:
    here = evaluate(design, with_draft(context, s))
    better = replace(s, acceptance=s.acceptance + more * (1.0 - s.acceptance), cost=s.cost * more)
    assert evaluate(design, with_draft(context, better)).tpot_s <= here.tpot_s * (1 + 1e-9)


def test_a_free_perfect_draft_on_a_chip_that_only_reads_weights_gives_all_of_it() -> None:
    # one sequence, bytes alone: three drafted tokens and one more for the bytes of one step
    chips = make.h100_like(**make.IDEAL, peak_flops=1e30, attention_flops=1e30)
    context = make.context(make.llama2_7b(), isl=16.0, osl=16.0, activations=0.0)
    plain = evaluate(make.design(chips), with_draft(context, None))
    fast = evaluate(make.design(chips), with_draft(context, draft(length=3, acceptance=1.0)))
    assert plain.tpot_s / fast.tpot_s == pytest.approx(4.0, rel=1e-9)
