"""An engine on an architecture: factors on times and odds, and nothing where nothing was measured."""

from itertools import pairwise
from math import exp, isclose, log
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dse
from dse.chips.anchor_rows import anchor_rows, next_best
from dse.chips.anchors import anchor
from dse.chips.architecture import SHARES, on_architecture, shifted
from dse.chips.interval import interval_on
from dse.errors import SpecError
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.architecture import ArchitectureSpec
from dse.spec.schema.base import SourcedNumber
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.system import StackSpec, widened
from dse.spec.yaml.loading import load_spec

CATALOG = Catalog()
SERVING = CATALOG.get(StackSpec, "gpu-serving")
MI300X, H100, B200 = (CATALOG.get(ChipSpec, name) for name in ("mi300x", "h100-sxm", "b200-sxm"))


def architecture(**factors: float) -> ArchitectureSpec:
    shifts = {
        name: SourcedNumber(value=value, source="assumption", basis="assumption")
        for name, value in factors.items()
    }
    return ArchitectureSpec(kind="architecture", name="new", title="New", shifts=shifts)


def on(stack: StackSpec, spec: ArchitectureSpec) -> StackSpec:
    return on_architecture(stack, "new", CATALOG.with_overrides([spec]))


@given(st.floats(0.01, 0.99), st.floats(0.1, 10.0))
def test_a_share_stays_a_share_and_its_odds_take_the_factor(share: float, factor: float) -> None:
    moved = shifted(share, factor, share=True)
    assert 0.0 < moved < 1.0
    assert isclose(moved / (1.0 - moved), factor * share / (1.0 - share), rel_tol=1e-9)
    # there and back again
    assert isclose(shifted(moved, 1.0 / factor, share=True), share, rel_tol=1e-9)


def test_a_time_takes_the_factor_and_its_range_moves_along() -> None:
    moved = on(SERVING, architecture(layer_overhead=2.0)).layer_overhead
    for end in ("value", "low", "high"):
        assert getattr(moved, end) == pytest.approx(2.0 * getattr(SERVING.layer_overhead, end))
    assert "x 2 on new" in (moved.note or "")


def test_factors_of_one_change_nothing() -> None:
    moved = on(SERVING, architecture(**dict.fromkeys(SHARES, 1.0), layer_overhead=1.0))
    for name in (*SHARES, "layer_overhead"):
        assert getattr(moved, name).value == pytest.approx(getattr(SERVING, name).value)


@pytest.mark.parametrize("name", ["ideal", "equal", "gpu-published"])
def test_software_that_is_no_fit_is_the_same_on_every_architecture(name: str) -> None:
    stack = CATALOG.get(StackSpec, name)
    assert on(stack, architecture(layer_overhead=2.0)) is stack


def test_a_chip_without_an_architecture_or_measurements_has_the_numbers_of_the_engine() -> None:
    assert on_architecture(SERVING, None, CATALOG) is SERVING
    assert on_architecture(SERVING, "tpu", CATALOG) is SERVING
    with pytest.raises(SpecError, match=r"unknown architecture 'hoper'.*hopper"):
        on_architecture(SERVING, "hoper", CATALOG)


def test_the_factor_of_a_chip_reaches_its_estimate() -> None:
    """A layer of Llama-3.3 70B that takes 31.2 us on CDNA 3 takes 62.4 us with twice the factor."""
    one = dse.estimate("mi300x", "llama3.3-70b", "article", weights="fp8", batch=1, tp=1, pp=1)
    stack = on_architecture(SERVING, MI300X.architecture, CATALOG)
    assert one.ledgers["tpot_s"]["layer_overhead"] == pytest.approx(80 * (stack.layer_overhead.value or 0.0))
    assert stack.layer_overhead.value != SERVING.layer_overhead.value


@pytest.mark.parametrize("name", sorted(CATALOG.all(ArchitectureSpec)))
def test_every_factor_is_on_a_number_of_stacks_and_holds_its_range(name: str) -> None:
    for number, leaf in CATALOG.get(ArchitectureSpec, name).shifts.items():
        assert number in StackSpec.model_fields
        assert leaf.value is not None
        assert leaf.low is not None and leaf.high is not None
        assert leaf.low <= leaf.value <= leaf.high


# --- what anchors a stack


def test_rows_are_those_of_the_files_by_how_near_they_are() -> None:
    found = anchor_rows(SERVING, H100, CATALOG)
    hopper = {c.name for c in CATALOG.all(ChipSpec).values() if c.architecture == "hopper"}
    assert found.chip == SERVING.rows["h100-sxm"]
    assert found.same == sum(n for chip, n in SERVING.rows.items() if chip in hopper)
    assert found.every == sum(SERVING.rows.values())
    assert found.chip <= found.same <= found.every


def test_the_next_stack_is_the_engine_with_the_most_rows_of_the_chip() -> None:
    for chip in (H100, B200, MI300X):
        other = next_best(SERVING, chip, CATALOG)
        assert other is not None
        stack = CATALOG.get(StackSpec, other.stack)
        assert stack.engines  # an engine, no centre of several
        assert other.chip == stack.rows[chip.name]
    assert next_best(CATALOG.get(StackSpec, "groq-dataflow"), CATALOG.get(ChipSpec, "groq"), CATALOG) is None


def test_an_estimate_moves_on_the_next_stack_as_it_does_on_that_stack() -> None:
    layout = {"batch": 16, "tp": 4, "pp": 1}
    one = dse.estimate("h100", "llama3.3-70b", "chat", weights="fp8", **layout)
    assert one.next_best is not None
    other = dse.estimate(
        "h100", "llama3.3-70b", "chat", weights="fp8", stack=one.next_best.rows.stack, **layout
    )
    for name, ratio in one.next_best.ratios.items():
        assert other.metrics[name] / one.metrics[name] == pytest.approx(ratio, rel=1e-9)
    assert any(f"{one.next_best.ratios['tpot_s'] - 1.0:+.0%}" in note for note in one.notes)


# --- error bars


@given(st.floats(1.01, 5.0), st.floats(1.0, 5.0))
def test_independent_errors_add_as_squares_of_logarithms(one: float, other: float) -> None:
    both = widened({"tpot": one}, {"tpot": other})["tpot"]
    assert isclose(log(both) ** 2, log(one) ** 2 + log(other) ** 2, rel_tol=1e-9)
    assert max(one, other) <= both * (1.0 + 1e-12)
    assert both <= exp(log(one) + log(other)) * (1.0 + 1e-12)


def test_what_was_not_measured_is_never_surer() -> None:
    known = CATALOG.get(LlmSpec, "deepseek-r1").resolve()
    new = CATALOG.get(LlmSpec, "minimax-m2.5").resolve()
    stack = CATALOG.get(StackSpec, "sglang")
    assert "deepseek-r1" in stack.llms
    assert "minimax-m2.5" not in stack.llms
    steps = [
        interval_on(stack, H100, CATALOG),
        interval_on(stack, H100, CATALOG, (known,)),
        interval_on(stack, H100, CATALOG, (new,)),
        interval_on(stack, H100, CATALOG, (new,), joined=True),
        interval_on(stack, H100, CATALOG, (new,), joined=True, searched=True),
    ]
    for before, after in pairwise(steps):
        assert all(after[metric] >= factor for metric, factor in before.items())
    assert steps[3]["throughput"] > steps[0]["throughput"]


# --- what a file of one's own may not win by


def test_a_chip_that_names_the_stack_of_an_engine_is_no_surer_for_it() -> None:
    engine = CATALOG.get(StackSpec, "trtllm-serve")
    own = MI300X.model_copy(update={"name": "mine", "stack": "trtllm-serve"})
    as_asked = interval_on(engine, MI300X, CATALOG)
    for metric, factor in interval_on(engine, own, CATALOG).items():
        assert factor >= as_asked[metric]
        assert factor >= SERVING.interval[metric]


@pytest.mark.parametrize("name", ["mi300x", "h100-sxm", "rtx-4090"])
def test_a_copy_without_an_architecture_is_unanchored_and_no_surer(name: str) -> None:
    chip = CATALOG.get(ChipSpec, name)
    copy = chip.model_copy(update={"name": "copy", "architecture": None})
    stack = CATALOG.get(StackSpec, chip.stack)
    assert anchor(stack, chip).anchored
    assert not anchor(stack, copy).anchored
    measured = interval_on(stack, chip, CATALOG)
    for metric, factor in interval_on(stack, copy, CATALOG).items():
        assert factor >= measured[metric]


@pytest.mark.parametrize("name", ["gaudi3", "tpu-v7", "ascend-910b", "rx-7900-xtx"])
def test_chips_of_vendors_without_a_row_are_unanchored(name: str) -> None:
    chip = CATALOG.get(ChipSpec, name)
    found = anchor(CATALOG.get(StackSpec, chip.stack), chip)
    assert not found.anchored
    assert chip.vendor in found.reason


@pytest.mark.parametrize(
    ("shift", "told"),
    [
        ("dram_efficiency: {value: 0, source: assumption, basis: assumption}", "greater than 0"),
        ("dram_efficiency: {value: -2, source: assumption, basis: assumption}", "greater than 0"),
        ("nonsense: {value: 2, source: assumption, basis: assumption}", "nonsense"),
        ("tile_rows: {value: 2, source: assumption, basis: assumption}", "tile_rows"),
        ("usable_capacity: {value: 2, source: assumption, basis: assumption}", "usable_capacity"),
    ],
)
def test_a_factor_that_makes_no_sense_is_refused_with_its_line(tmp_path: Path, shift: str, told: str) -> None:
    path = tmp_path / "weird.yaml"
    path.write_text(f"kind: architecture\nname: weird\ntitle: Weird\nshifts:\n  {shift}\n")
    with pytest.raises(SpecError) as caught:
        load_spec(ArchitectureSpec, path)
    assert told in str(caught.value)
    assert "weird.yaml:5" in str(caught.value)
