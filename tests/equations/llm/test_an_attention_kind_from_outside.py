"""A kind of attention that no file of the package knows: another package brings it by entry point."""

import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import factories as make
import numpy as np
import pytest

from dse.bounds.speed_of_light import check, speed_of_light
from dse.spec.attention import registered
from objectives.api import AttentionLayer, Block, Llm
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.llm.attention import kinds, softmax
from objectives.equations.llm.parameters import params

HIDDEN, LAYERS, SLOTS = 4096, 10, 256
CODE = '''
"""A fixed number of memory slots instead of a growing context, one query matrix and one of outputs."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from dse.spec.attention.kind import KindEntry, LayerSpec
from objectives.arrays import ones_like

HIDDEN = 4096


@dataclass(frozen=True, kw_only=True)
class SlotAttention:
    heads: int
    slots: int


class SlotSpec(LayerSpec):
    heads: int
    slots: int

    def resolve(self):
        return SlotAttention(heads=self.heads, slots=self.slots)


COUNTS = SimpleNamespace(
    params=lambda a, hidden: 2 * hidden * hidden,
    projection_elements=lambda a, hidden, tp: 2.0 * hidden * hidden / tp,
    projection_traffic=lambda a, hidden, tp: 4.0 * hidden * ones_like(tp),
    kv_elements=lambda a, tp: 0.0 * tp,
    state_bytes=lambda a, tp: ones_like(tp) * a.slots * HIDDEN * 2.0,
    core_flop=lambda a, tp: 4.0 * HIDDEN * a.slots / tp,
    prompt_core_flop=lambda a, tp: 4.0 * HIDDEN * a.slots / tp,
    seen=lambda a, context: ones_like(context),
    kept=lambda a, context: context,
    seen_by_prompt=lambda a, isl: ones_like(isl),
)
SECOND_COUNT = SimpleNamespace(
    weights=lambda a, hidden: 2.0 * hidden**2,
    kv_elements=lambda a: 0.0,
    state_bytes=lambda a: 2.0 * a.slots * HIDDEN,
    core_flop=lambda a: 4.0 * a.slots * HIDDEN,
    kept=lambda a, context: context,
    seen=lambda a, mean, most: np.ones_like(mean),
    pairs=lambda a, isl: isl,
)
SLOTS = KindEntry(architecture=SlotAttention, spec=SlotSpec, counts=COUNTS, second_count=SECOND_COUNT)
'''


def forget() -> None:
    importlib.invalidate_caches()
    for memo in (registered.attention_kinds, registered._second_counts):
        memo.cache_clear()


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "their_attention.py").write_text(CODE, encoding="utf-8")
    info = tmp_path / "their_attention-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-attention\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[dse.attention_kinds]\nslots = their_attention:SLOTS\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(kinds, "_KINDS", dict(kinds._KINDS))
    monkeypatch.delitem(sys.modules, "their_attention", raising=False)
    forget()
    yield
    monkeypatch.undo()
    forget()


def slot_attention() -> AttentionLayer:
    layer: AttentionLayer = importlib.import_module("their_attention").SlotAttention(heads=32, slots=SLOTS)
    return layer


def network() -> Llm:
    block = Block(count=LAYERS, attention=slot_attention())
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


def test_the_speed_of_light_counts_its_weights_and_states_again() -> None:
    design, context = make.design(make.h100_like(), batch=64), make.context(network())
    bound = speed_of_light(design, context)
    assert (
        bound.needed_bytes == 10 * 2 * 4096 * 4096 * 2 + 64 * 10 * 2 * 256 * 4096
    )  # by hand, two bytes each
    check(RooflineCostModel().evaluate(design, context), bound)


def test_a_kind_without_an_entry_point_is_counted_and_has_no_bound() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Other:
        heads: int
        slots: int

    kinds.register(Other, kinds.kind_of(slot_attention()))
    block = Block(count=LAYERS, attention=Other(heads=32, slots=SLOTS))
    other = Llm(name="other", hidden=HIDDEN, vocab=0, blocks=(block,), nominal_params=1e8)
    design = make.design(make.h100_like())
    ours, theirs = (RooflineCostModel().evaluate(design, make.context(n)) for n in (network(), other))
    assert ours.tpot_s == theirs.tpot_s
    with pytest.raises(TypeError, match=r"expected one of Attention, .*SlotAttention, got Other"):
        speed_of_light(design, make.context(other))


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
    known = type(slot_attention())
    kinds.kind_of(slot_attention())
    with pytest.raises(ValueError, match="SlotAttention: expected a class without a kind"):
        kinds.register(known, softmax)
