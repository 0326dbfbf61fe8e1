"""What each pool of a turn brings to a pair: the same numbers as the cost model, and a law for each."""

from dataclasses import fields
from typing import Any

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st
from systems import pairs
from systems.pairs import evaluate

from dse.testing.checks import ROUNDING
from objectives.api import Context, Designs, Metrics
from objectives.systems.turn_shares import CUTS, LEADS, TurnShare, fed_by, fed_share, in_turn, lead_share

SPLITS = (("attention", "ffn"), ("draft", "verify"))
METRICS = (
    "tpot_s", "ttft_s", "tokens_per_s", "chips", "capex_usd", "usd_per_token_per_s", "usd_per_million_tokens",
    "usd_per_million_input_tokens", "usd_per_million_output_tokens", "energy_per_token_j",
)  # fmt: skip
MORE = ("port",)
LAYOUT = ("replicas", "stages", "batch", "parts", "prompt_rows", "some")
LESS = [f.name for f in fields(TurnShare) if f.name not in (*MORE, *LAYOUT)]

Case = tuple[Designs, Context]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    roles = draw(st.sampled_from(SPLITS))
    context = draw(make.contexts().filter(lambda c: "ffn" not in roles or pairs.splittable(c.llm)))
    return draw(pairs.designs(roles)), pairs.serving(context, roles)


def shares(given: Designs, context: Context, cut: float) -> tuple[TurnShare, TurnShare, dict[str, Any]]:
    assert given.link is not None
    first = leader(given)
    leads, own = lead_share(given.pool(first), np.array([cut]), given.link, context, prompts=True)
    fed = fed_by(first, given.pool(first).deployments, np.array([cut]))
    then, theirs = fed_share(given.pool(LEADS[first]), fed, given.link, context, prompts=True)
    return leads, then, {**own, **theirs}


def leader(given: Designs) -> str:
    return next(role for role in LEADS if role in given.roles)


def of_cut(given: Designs, context: Context, cut: float) -> Metrics:
    assert given.link is not None
    leads, fed, _ = shares(given, context, cut)
    return in_turn(leader(given), leads, fed, given.link, context)


@LAW
@given(case=cases())
def test_the_fastest_cut_has_the_metrics_of_the_system(case: Case) -> None:
    designs, context = case
    whole = evaluate(designs, context)
    every = [of_cut(designs, context, float(cut)) for cut in CUTS[leader(designs)]]
    step = [float(np.asarray(m.tpot_s).reshape(-1)[0]) for m in every]
    best = int(np.argmin(step))
    for name in METRICS:
        np.testing.assert_allclose(
            getattr(every[best], name), getattr(whole, name), rtol=ROUNDING, err_msg=name
        )
    own = shares(designs, context, float(CUTS[leader(designs)][best]))[2]
    assert own.keys() == whole.violations.keys()
    for name, value in whole.violations.items():
        np.testing.assert_allclose(own[name], value, rtol=ROUNDING, atol=1e-6, err_msg=name)


@LAW
@given(case=cases(), factor=st.floats(1.0, 1e3), cut=st.sampled_from(range(1, 5)), draw=st.data())
def test_less_of_any_number_of_a_pool_never_makes_a_pair_worse(
    case: Case, factor: float, cut: float, draw: st.DataObject
) -> None:
    designs, context = case
    assert designs.link is not None
    leads, fed, _ = shares(designs, context, float(cut))
    base = in_turn(leader(designs), leads, fed, designs.link, context)
    name = draw.draw(st.sampled_from([*LESS, *MORE]))
    by = factor if name in MORE else 1.0 / factor
    some = draw.draw(st.sampled_from((0, 1)))
    changed = [share.replace(**{name: getattr(share, name) * by}) if i == some else share
               for i, share in enumerate((leads, fed))]  # fmt: skip
    better = in_turn(leader(designs), *changed, designs.link, context)
    for metric in METRICS:
        sign = -1.0 if metric == "tokens_per_s" else 1.0
        one, other = (sign * np.asarray(getattr(m, metric)) for m in (better, base))
        assert np.all(one <= other + ROUNDING * np.abs(other)), metric


def test_every_number_of_a_share_is_of_a_layout_or_has_a_direction() -> None:
    assert {*LESS, *MORE, *LAYOUT} == {f.name for f in fields(TurnShare)}


@pytest.mark.parametrize("cut", CUTS["verify"])
def test_by_hand_what_is_fed_are_the_rows_of_one_part_of_all_replicas(cut: int) -> None:
    layout = make.deployments(24, tp=2, pp=2)
    assert fed_by("verify", layout, np.array([float(cut)])).parts == [cut]
    assert fed_by("attention", layout, np.array([float(cut)])).rows == [12 / cut]
