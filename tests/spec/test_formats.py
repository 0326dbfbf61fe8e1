"""Peaks by number format: ratios of the technology file, one basis for all templates, nothing silent."""

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.chips.branch import Branch, branches_of
from dse.chips.formats import (
    UNITS,
    best_peak,
    computed_in,
    formats_on,
    peak_of,
    remarks,
    searched_on,
    unit_size,
    with_formats,
)
from dse.chips.resolve import chip_columns
from dse.chips.setting import Setting
from dse.chips.silicon import fp16_equivalent
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.base import SourcedFlops
from dse.spec.schema.chip import ChipSpec, PeakFormat
from dse.spec.schema.space import SpaceSpec
from dse.spec.schema.study import PrecisionSpec, PriceSpec
from dse.spec.schema.technology import TechnologySpec
from objectives.equations.chip.formats import FORMATS, arithmetic, native

CATALOG = Catalog()
TECHNOLOGY = CATALOG.get(TechnologySpec, "technology-2026")
CHIPS = CATALOG.all(ChipSpec)
STORED = ["fp16", "bf16", "fp8", "int8", "nvfp4", "mxfp4", "int4", "q4_k_m"]


def precision(weights: str, kv: str | None = None, activations: str | None = None) -> PrecisionSpec:
    return PrecisionSpec(weights=weights, kv=kv or weights, activations=activations or weights)


def setting(stored: str) -> Setting:
    return Setting(
        catalog=CATALOG,
        precision=precision(stored),
        price=PriceSpec(method="unit-cost"),
        technology=TECHNOLOGY,
    )


def branches(space: str, stored: str) -> dict[str, Branch]:
    return branches_of(CATALOG.get(SpaceSpec, space), setting(stored))


def some(branch: Branch, **given: float) -> dict[str, Any]:
    middle = {n: np.asarray([(p.low * p.high) ** 0.5]) for n, p in branch.spec.parameters.items()}
    names = {n: np.zeros(1) for n, p in branch.spec.parameters.items() if p.choices}
    return {**middle, **names, **{n: np.asarray([v]) for n, v in given.items()}}


# The ratios are those of real chips.


def quoted(form: str, unit: str) -> dict[str, float]:
    """Peak over fp16 peak of real chips that quote both."""
    found = {}
    for chip in CHIPS.values():
        own, fp16 = chip.peak.get(form), chip.peak.get("fp16")  # type: ignore[call-overload]
        if chip.hypothetical or UNITS[chip.chip_class] != unit or not own or not fp16:
            continue
        if chip.chip_class == "consumer-gpu":
            continue  # their fp16 peak is halved for sums in fp32
        if own.value and fp16.value:
            found[chip.name] = own.value / fp16.value
    return found


TRADED = {("int8", "b300-sxm"), ("int8", "gb300")} | {("fp4", f"mtia-{n}") for n in (400, 450, 500)}
"""Chips that gave a format up for another, or have more of one: MX4 of MTIA is 4 and 6 times bf16."""


@pytest.mark.parametrize("unit", ["tensor-core", "systolic", "dataflow"])
@pytest.mark.parametrize("form", ["int8", "fp8", "fp4"])
def test_real_chips_lie_within_the_ratio_of_their_kind(form: PeakFormat, unit: Any) -> None:
    leaf = TECHNOLOGY.formats[form].peak[unit]
    low, high = leaf.low or leaf.value, leaf.high or leaf.value
    assert low is not None and high is not None
    real = {n: r for n, r in quoted(form, unit).items() if (form, n) not in TRADED}
    # makers round: L40S quotes 733 of 362
    assert all(0.97 * low <= ratio <= 1.03 * high for ratio in real.values()), real
    if leaf.basis == "derived":
        assert any(ratio == pytest.approx(leaf.value, rel=0.01) for ratio in real.values())


@pytest.mark.parametrize("form", ["int8", "fp8", "fp4"])
def test_a_node_has_a_format_where_a_real_chip_has_it(form: PeakFormat) -> None:
    seen = {
        str(c.die.process.value)
        for c in CHIPS.values()
        if not c.hypothetical and (leaf := c.peak.get(form)) is not None and leaf.value
    } & set(TECHNOLOGY.nodes)
    # the one chip on n2 quotes fp8 and fp4 alone
    seen -= {"n2"} | ({"n16"} if form != "int8" else set())
    assert set(TECHNOLOGY.formats[form].nodes) - {"n2"} == seen


@pytest.mark.parametrize(
    ("node", "chip"), [("n16", "groq-lpu-v1"), ("n7", "a100-sxm-80gb"), ("n5", "h100-sxm"), ("n5", "l40s")]
)
def test_dies_that_set_a_density_are_no_larger_for_their_formats(node: str, chip: str) -> None:
    spec = CHIPS[chip]
    assert spec.die.process.value == node
    assert unit_size(spec, TECHNOLOGY) == pytest.approx(1.0, rel=1e-12)


# What follows.


def test_a_hypothetical_chip_has_the_formats_of_its_unit_and_node() -> None:
    chip = with_formats(CHIPS["hybrid-n5"], TECHNOLOGY)
    peaks = {name: leaf.value for name, leaf in chip.peak.items()}
    assert peaks == {"fp16": 800e12, "int8": 1600e12, "fp8": 1600e12, "fp4": 3200e12}
    old = with_formats(CHIPS["lpu-template"], TECHNOLOGY)
    assert {name: leaf.value for name, leaf in old.peak.items()} == {"fp16": 188e12, "int8": 376e12}


def test_a_file_that_names_no_unit_has_what_it_says() -> None:
    for chip in CHIPS.values():
        if chip.matrix_unit is None:
            assert with_formats(chip, TECHNOLOGY) is chip
        else:
            assert chip.hypothetical


def test_a_peak_that_the_file_states_stays() -> None:
    chip, unknown = CHIPS["hybrid-n5"], SourcedFlops(value=None, source="not-found", basis="published")
    slow = SourcedFlops(value="900 TFLOP/s", source="assumption", basis="assumption")  # type: ignore[arg-type]
    found = with_formats(
        chip.model_copy(update={"peak": {**chip.peak, "fp8": slow, "fp4": unknown}}), TECHNOLOGY
    )
    assert (found.peak["fp8"].value, found.peak["fp4"].value) == (900e12, None)


def test_one_peak_gives_the_others() -> None:
    chip = CHIPS["hybrid-n5"]
    only = {"fp8": SourcedFlops(value="2 PFLOP/s", source="assumption", basis="assumption")}  # type: ignore[arg-type]
    found = with_formats(chip.model_copy(update={"peak": only}), TECHNOLOGY).peak
    assert {name: leaf.value for name, leaf in found.items()} == {
        "fp8": 2e15,
        "fp16": 1e15,
        "int8": 2e15,
        "fp4": 4e15,
    }


def test_a_format_costs_area_and_power() -> None:
    # 1 + 3 x 0.05 of int8, fp8 and fp4 over the 1 + 2 x 0.05 that the n5 density counts
    assert unit_size(with_formats(CHIPS["hybrid-n5"], TECHNOLOGY), TECHNOLOGY) == pytest.approx(1.15 / 1.10)
    assert fp16_equivalent(CHIPS["hybrid-n5"], TECHNOLOGY) == pytest.approx(800e12 * 1.15 / 1.10)


@pytest.mark.parametrize("form", ["int8", "fp8", "fp4"])
@pytest.mark.parametrize("name", ["sn40l", "h100-sxm", "groq-lpu-v1", "tpu-v6e"])
def test_a_format_more_is_never_free_and_never_slows(name: str, form: PeakFormat) -> None:
    chip = CHIPS[name]
    fp16 = peak_of(chip, ("fp16",)) or 0.0
    leaf = SourcedFlops(value=None, source="assumption", basis="assumption")
    for ratio in (0.01, 1.0, 4.0):
        new = leaf.model_copy(update={"value": fp16 * ratio})
        more = chip.model_copy(update={"peak": {**chip.peak, form: new}})
        for stored in STORED:
            for activations in STORED:
                formats = arithmetic(stored, activations)
                if form not in chip.peak:
                    assert (peak_of(more, formats) or 0.0) >= (peak_of(chip, formats) or 0.0)
        if form not in chip.peak:
            assert unit_size(more, TECHNOLOGY) > unit_size(chip, TECHNOLOGY)


# Searched chips.


@pytest.mark.parametrize("space", ["lpu-or-hbm", "open-chip"])
@pytest.mark.parametrize("stored", STORED)
def test_all_templates_of_a_space_stand_on_one_basis(space: str, stored: str) -> None:
    every = branches(space, stored).values()
    for i in range(max(len(b.made_on) for b in every)):
        ratios = [b.peaks[i].matrix / b.peaks[i].fp16 for b in every]
        assert ratios == pytest.approx([ratios[0]] * len(ratios), rel=1e-3)  # H100: 1,979 of 989
        sizes = [b.peaks[i].silicon / b.peaks[i].fp16 for b in every]
        assert sizes == pytest.approx([sizes[0]] * len(sizes), rel=1e-3)


@pytest.mark.parametrize(("stored", "ratio"), [("fp16", 1), ("fp8", 2), ("int8", 2), ("nvfp4", 4)])
def test_a_searched_sram_chip_has_the_formats_of_its_node(stored: str, ratio: float) -> None:
    branch = branches("open-chip", stored)["sram-only"]
    values = some(branch, peak_flops=1e15)
    on = {
        node: branch.columns({**values, "process": np.asarray([float(i)])})["peak_flops"][0]
        for i, node in enumerate(branch.spec.nodes)
    }
    # n7 has fp8 and no fp4, whose blocks of numbers have a scale each: there they are widened to 16 bits
    n7 = 1 if stored == "nvfp4" else min(ratio, 2)
    assert on == pytest.approx({"n7": n7 * 1e15, "n5": ratio * 1e15, "n3": ratio * 1e15})
    told = branch.named({**values, "process": np.asarray([0.0, 1.0])})["computed_in"]
    assert list(told) == (["fp16", "fp4"] if stored == "nvfp4" else [stored] * 2)


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize(
    "template", ["hybrid-n5", "cached-n5", "h100-sxm", "wse-3", "groq-lpu-v1", "b200-sxm"]
)
def test_a_searched_chip_at_its_template_has_the_peaks_of_the_template(template: str, stored: str) -> None:
    base = branches("lpu-or-hbm", stored)["hybrid"].spec
    spec = base.model_copy(update={"template": template})
    space = CATALOG.get(SpaceSpec, "lpu-or-hbm").model_copy(update={"branches": {"one": spec}})
    chip = with_formats(CHIPS[template], TECHNOLOGY)
    branch = branches_of(space, setting(stored))["one"]
    # at the nominal clock: a wafer is too hot for the cooling of this branch
    found, _ = branch.nominal(some(branch, peak_flops=peak_of(chip, ("fp16",)) or 0.0))
    alone = chip_columns(searched_on(chip, TECHNOLOGY, "n5"), setting(stored))
    for column in ("peak_flops", "attention_flops"):
        assert found[column][0] == pytest.approx(alone[column], rel=1e-12)
    used = computed_in(chip, precision(stored))["matrix"].used
    if used == computed_in(searched_on(chip, TECHNOLOGY, "n5"), precision(stored))["matrix"].used:
        assert found["peak_flops"][0] == pytest.approx(chip_columns(chip, setting(stored))["peak_flops"])


# What is printed.


@pytest.mark.parametrize(
    ("chip", "weights", "activations", "used", "why"),
    [
        ("groq-lpu-v1", "fp8", "fp8", "fp16", "groq-lpu-v1 has no fp8 peak"),  # int8 is no fp8
        ("h100-sxm", "fp8", "fp8", "fp8", ""),
        ("h100-sxm", "mxfp4", "fp16", "fp16", "activations are fp16"),
        ("h100-sxm", "nvfp4", "nvfp4", "fp16", "h100-sxm has no fp4 peak"),
        ("b200-sxm", "nvfp4", "nvfp4", "fp4", ""),
        ("h100-sxm", "int4", "fp16", "fp16", "activations are fp16"),
        ("h100-sxm", "int4", "int4", "int8", ""),
        ("tpu-v7", "int4", "int4", "fp8", "tpu-v7 has no int8 peak"),  # e4m3 holds every int4
        ("rtx-4090", "q4_k_m", "q4_k_m", "int8", ""),
        ("tpu-v7", "q4_k_m", "q4_k_m", "fp16", "tpu-v7 has no int8 peak"),  # 6-bit blocks are no e4m3
        ("b300-sxm", "int8", "int8", "fp16", "b300-sxm is faster in it"),  # 153 of 2,250 TFLOP/s
        ("h100-sxm", "fp8", "int8", "fp16", "activations are int8"),
        ("groq-lpu-v1", "bf16", "bf16", "bf16", ""),
    ],
)
def test_the_format_that_is_used_is_told_with_its_reason(
    chip: str, weights: str, activations: str, used: str, why: str
) -> None:
    found = computed_in(CHIPS[chip], precision(weights, kv=weights, activations=activations))
    assert (found["matrix"].asked, found["matrix"].used, found["matrix"].why) == (weights, used, why)
    assert found["attention"] == found["matrix"]
    told = remarks(found)
    assert told == ([f"{weights} weights and KV cache computed in {used}: {why}"] if why else [])


@given(st.sampled_from(sorted(FORMATS)), st.sampled_from(sorted(FORMATS)))
def test_what_two_formats_are_multiplied_in_holds_both(weights: str, activations: str) -> None:
    found = arithmetic(weights, activations)
    assert found[-1] == "fp32"
    assert set(found) == set(arithmetic(activations, weights))
    assert set(found) <= set(arithmetic(weights, weights)) & set(arithmetic(activations, activations))
    assert set(found) <= set(get_args(PeakFormat))
    assert native(weights) == arithmetic(weights, weights)[0]


def test_of_equal_peaks_the_narrower_format_is_used() -> None:
    assert best_peak(CHIPS["tpu-v6e"], ("fp8", "fp16")) == ("fp8", 918e12)


def test_formats_of_a_node_without_any_are_those_of_the_file() -> None:
    bare = TECHNOLOGY.model_copy(update={"formats": {}})
    assert formats_on(bare, "n5") == ()
    assert searched_on(CHIPS["h100-sxm"], bare, "n5").peak == CHIPS["h100-sxm"].peak
    assert replace(setting("fp8"), technology=bare).technology.formats == {}
