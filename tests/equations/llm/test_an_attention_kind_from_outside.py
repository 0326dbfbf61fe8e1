"""A kind of attention that no file of the package knows: defined here, registered, estimated by hand."""

from dataclasses import dataclass
from types import SimpleNamespace

import factories as make
import numpy as np
import pytest

from dse.bounds.speed_of_light import speed_of_light
from objectives.api import Block, Llm
from objectives.arrays import Array, ones_like
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.llm.attention import kinds, softmax
from objectives.equations.llm.parameters import params

HIDDEN, LAYERS, SLOTS = 4096, 10, 256


@dataclass(frozen=True, kw_only=True)
class SlotAttention:
    """A fixed number of memory slots instead of a growing context, one query matrix and one of outputs."""

    heads: int
    slots: int


def per_sequence(a: SlotAttention, tp: Array) -> Array:
    return ones_like(tp) * a.slots * HIDDEN * 2.0


SLOT_KIND = SimpleNamespace(
    params=lambda a, hidden: 2 * hidden * hidden,
    projection_elements=lambda a, hidden, tp: 2.0 * hidden * hidden / tp,
    projection_traffic=lambda a, hidden, tp: 4.0 * hidden * ones_like(tp),
    kv_elements=lambda a, tp: 0.0 * tp,
    state_bytes=per_sequence,
    core_flop=lambda a, tp: 4.0 * HIDDEN * a.slots / tp,
    prompt_core_flop=lambda a, tp: 4.0 * HIDDEN * a.slots / tp,
    seen=lambda a, context: ones_like(context),
    kept=lambda a, context: context,
    seen_by_prompt=lambda a, isl: ones_like(isl),
)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_KINDS", dict(kinds._KINDS))
    kinds.register(SlotAttention, SLOT_KIND)


def network() -> Llm:
    block = Block(count=LAYERS, attention=SlotAttention(heads=32, slots=SLOTS))
    return Llm(name="slots", hidden=HIDDEN, vocab=0, blocks=(block,), nominal_params=1e8)


def test_a_step_reads_its_weights_and_twice_its_state() -> None:
    chip = make.h100_like(**make.IDEAL, peak_flops=1e30, attention_flops=1e30)
    design = make.design(chip, batch=64)
    context = make.context(network(), isl=100.0, osl=100.0)
    found = RooflineCostModel().evaluate(design, context, detail=True)
    # by hand: 10 layers of two matrices in two bytes; 64 states of 256 x 4,096 in two bytes, there and back;
    # 4 x 4,096 elements of activations for each of 64 rows in two bytes, which stream from DRAM too
    weights, states = 10 * 2 * 4096 * 4096 * 2, 64 * 10 * 2 * 256 * 4096 * 2
    activations = 64 * 10 * 4 * 4096 * 2
    assert found.tpot_s == pytest.approx((weights + states + activations) / 3.35e12, rel=1e-12)
    assert found.capacity_parts["kv_cache"] == pytest.approx(states / 2, rel=1e-12)


def test_the_speed_of_light_refuses_a_kind_that_it_does_not_count() -> None:
    design, context = make.design(make.h100_like()), make.context(network())
    with pytest.raises(TypeError, match=r"expected one of Attention, .*, got SlotAttention"):
        speed_of_light(design, context)


def test_its_parameters_are_counted_with_those_of_the_network() -> None:
    assert params(network()) == LAYERS * (2 * HIDDEN * HIDDEN + HIDDEN)  # and a norm before each layer


def test_a_context_of_any_length_costs_the_same() -> None:
    short, long = (
        RooflineCostModel().evaluate(
            make.design(make.h100_like(), batch=8), make.context(network(), mean_context=n, max_context=n)
        )
        for n in (1e3, 1e6)
    )
    assert np.array_equal(short.tpot_s, long.tpot_s)


def test_a_class_without_a_kind_is_refused_by_name_and_a_known_one_is_not_replaced() -> None:
    class Unknown:
        heads = 1

    with pytest.raises(TypeError, match=r"expected one of Attention, .*SlotAttention, got Unknown"):
        kinds.kind_of(Unknown())
    with pytest.raises(ValueError, match="SlotAttention: expected a class without a kind"):
        kinds.register(SlotAttention, softmax)
