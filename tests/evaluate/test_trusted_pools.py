"""Error bars of systems of pools: those of the stacks of their pools, as one."""

from math import log
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.chips.anchors import Anchor
from dse.choose.confidence import SIGMAS, all_within, probability
from dse.evaluate.estimate import estimate
from dse.evaluate.estimate_result import Estimate
from dse.evaluate.pools.estimate import UNMEASURED, estimate_pools
from dse.evaluate.pools.result import PoolOfSystem, SystemEstimate
from dse.evaluate.pools.trust import PoolTrust, Trusted, interval_of_system, rests_on, trust_lines

LOAD = {"llm": "llama2-70b", "workload": "article", "weights": "int8"}
LINK = {"link": "25 GB/s, 5 us"}
FACTORS = st.floats(1.01, 8.0)


def _pool(role, stack, anchored=True, **interval):
    anchor = Anchor(anchored=anchored, reason="No row.")
    return Trusted(
        role=role, chip="x1", stack=stack, trust=PoolTrust(label="", interval=interval, anchor=anchor)
    )


def test_one_stack_has_its_own_factor_and_two_alike_the_95th_percentile_of_one():
    assert all_within([1.7]) == 1.7
    assert all_within([]) == 1.0 and all_within([1.0, 1.0]) == 1.0
    # two halves of a tail of 10 %: z of 95 % over z of 90 %
    assert all_within([1.5, 1.5]) == pytest.approx(1.5 ** (1.6448536 / 1.2815516), rel=1e-6)
    # an error next to nothing adds nothing
    assert all_within([1.5, 1.0001]) == pytest.approx(1.5, rel=1e-6)


@given(st.lists(FACTORS, min_size=2, max_size=3), st.integers(0, 1), st.floats(1.0, 3.0))
def test_a_wider_stack_never_narrows_the_factor_of_all(factors, at, times):
    found = all_within(factors)
    assert found >= max(factors) * (1 - 1e-12)
    wider = [f * times if i == at else f for i, f in enumerate(factors)]
    assert all_within(wider) >= found * (1 - 1e-12)


@pytest.mark.parametrize("dependence", ["alike", "opposite", "independent"])
@pytest.mark.parametrize("combined", [np.maximum, np.add, np.minimum])
def test_four_in_five_errors_of_two_stacks_are_within_whatever_they_depend_on(dependence, combined):
    rng = np.random.default_rng(1)
    a, b = (log(f) / SIGMAS * rng.standard_normal(200_000) for f in (1.4, 2.0))
    if dependence != "independent":
        b = a * log(2.0) / log(1.4) * (1.0 if dependence == "alike" else -1.0)
    # the times of both, equally long where neither errs
    ratio = combined(np.exp(a), np.exp(b)) / combined(1.0, 1.0)
    factor = all_within([1.4, 2.0])
    assert np.mean(ratio > factor) <= 0.1 + 0.002
    assert np.mean(ratio < 1.0 / factor) <= 0.1 + 0.002


def test_times_of_tokens_rest_on_the_pools_that_make_them_and_throughput_on_all():
    three = ("prefill", "attention", "ffn")
    assert rests_on("tpot", ("prefill", "decode")) == ("decode",)
    assert rests_on("ttft", ("prefill", "decode")) == ("prefill",)
    assert rests_on("tpot", three) == ("attention", "ffn") and rests_on("ttft", three) == ("prefill",)
    assert rests_on("ttft", ("attention", "ffn")) == ("attention", "ffn")
    assert rests_on("tpot", ("draft", "verify")) == ("draft", "verify")
    assert rests_on("ttft", ("draft", "verify")) == ("verify",)
    assert all(rests_on(metric, three) == three for metric in ("throughput", "end_to_end"))


def test_a_stack_errs_alike_in_both_pools_and_one_without_an_error_bar_leaves_none():
    alike = [_pool("prefill", "s", throughput=1.2), _pool("decode", "s", throughput=1.3)]
    assert interval_of_system(alike) == {"throughput": 1.3}
    two = [_pool("prefill", "s", throughput=1.2), _pool("decode", "t", throughput=1.3)]
    assert interval_of_system(two)["throughput"] == pytest.approx(all_within([1.2, 1.3]))
    one = [_pool("prefill", "s", ttft=2.0, tpot=1.2, end_to_end=1.6), _pool("decode", "t", tpot=1.4)]
    assert interval_of_system(one) == {"tpot": 1.4, "ttft": 2.0}
    assert "no error bar of end_to_end: t of decode states none" in list(trust_lines(one))


def test_a_pair_of_equal_chips_has_the_intervals_of_one():
    single = estimate("h100", **LOAD)
    pair = estimate_pools(["prefill=h100", "decode=h100"], **LOAD, **LINK)
    assert pair.interval == single.interval and pair.unanchored == {}
    assert all(pool.interval == single.interval for pool in pair.pools)


def test_chances_of_targets_are_those_of_the_factor_of_their_pool():
    found = estimate_pools(["prefill=r200", "decode=lp30"], "opt-30b", "chat", weights="fp8", **LINK)
    prefill, decode = found.pools
    assert found.interval["ttft"] == prefill.interval["ttft"]
    assert found.interval["tpot"] == decode.interval["tpot"]
    both = all_within([prefill.interval["throughput"], decode.interval["throughput"]])
    assert found.interval["throughput"] == pytest.approx(both)
    for name, column in (("tpot", "tpot_s"), ("ttft", "ttft_s")):
        room = log(found.targets[name] / found.metrics[column]) / log(found.interval[name])
        assert found.p_met[name] == pytest.approx(NormalDist().cdf(room * SIGMAS))
        assert found.p_met[name] == probability(
            found.metrics[column], found.targets[name], found.interval[name]
        )


def test_an_unanchored_pool_is_said_of_every_number_that_it_is_in():
    found = estimate_pools(["prefill=r200", "decode=lp30"], "opt-30b", "chat", weights="fp8", **LINK)
    assert found.unanchored == {"throughput": ("decode",), "tpot": ("decode",)}
    assert [pool.anchor.anchored for pool in found.pools] == [True, False]
    said = " ".join(found.notes)
    assert "tpot within x1.71 (unanchored decode)" in said
    assert "decode on lp30 is unanchored: its factors are those of other chips" in said
    assert UNMEASURED in found.notes


def test_a_stack_that_states_no_error_bar_leaves_no_interval():
    found = estimate_pools(["prefill=h100", "decode=b200"], **LOAD, **LINK, software="equal")
    assert found.interval == {} and found.p_met == {} and found.unanchored == {}
    assert not any("80 %" in note for note in found.notes)


def test_the_pool_on_the_next_best_stack_is_the_system_with_that_stack():
    layouts = ["prefill=h200,tp=1,pp=2", "decode=h100,tp=2,pp=1,batch=16"]
    found = estimate_pools(layouts, **LOAD, **LINK)
    for i, pool in enumerate(found.pools):
        other = pool.next_best
        texts = [f"{text},stack={other.rows.stack}" if i == k else text for k, text in enumerate(layouts)]
        again = estimate_pools(texts, **LOAD, **LINK)
        assert {name: again.metrics[name] for name in other.metrics} == pytest.approx(other.metrics)
    assert found.pools[1].next_best.ratios["tpot_s"] != pytest.approx(1.0, rel=1e-3)


def test_what_means_the_same_has_the_key_of_a_single_chip():
    own = set(Estimate.__dataclass_fields__)
    assert {"interval", "p_met", "confidence"} <= own & set(SystemEstimate.__dataclass_fields__)
    assert {"label", "interval", "anchor_rows", "next_best"} <= own & set(PoolOfSystem.__dataclass_fields__)
