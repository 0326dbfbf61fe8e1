"""Bytes of stored numbers with their scales, and the formats that mixed ones are multiplied in."""

from dataclasses import replace

import factories as make
import pytest

import dse
from dse.chips.formats import peak_of
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.chip.formats import FORMATS, arithmetic


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("fp16", 2.0),
        ("fp8", 1.0),
        ("int4", 0.5 + 2 / 128),  # one fp16 scale for 128
        ("nvfp4", 0.5 + 1 / 16),  # one fp8 scale for 16
        ("mxfp4", 0.5 + 1 / 32),  # one 8-bit exponent for 32
    ],
)
def test_scales_are_stored_too(name: str, size: float) -> None:
    assert FORMATS[name] == size


@pytest.mark.parametrize(
    ("weights", "activations", "first"),
    [
        ("int4", "fp16", "fp16"),  # weight-only: widened on the way into the matrix unit
        ("fp8", "fp16", "fp16"),
        ("fp8", "fp8", "fp8"),
        ("nvfp4", "fp8", "fp8"),
        ("nvfp4", "nvfp4", "fp4"),
        ("int8", "int8", "int8"),
    ],
)
def test_the_wider_of_two_formats_is_multiplied(weights: str, activations: str, first: str) -> None:
    assert arithmetic(weights, activations)[0] == first


@pytest.mark.parametrize(
    ("chip", "weights", "peak"),
    [
        ("b200-sxm", "nvfp4", "fp4"),
        ("h100-sxm", "nvfp4", "fp8"),  # no fp4 units: upcast
        ("a100-sxm-80gb", "nvfp4", "fp16"),  # nor fp8
        ("a100-sxm-80gb", "fp8", "fp16"),
        ("a100-sxm-80gb", "int8", "int8"),
    ],
)
def test_a_chip_without_a_format_takes_the_next_it_has(chip: str, weights: str, peak: str) -> None:
    spec = Catalog().get(ChipSpec, chip)
    leaf = spec.peak[peak]  # type: ignore[index]
    assert peak_of(spec, arithmetic(weights, weights)) == leaf.value


def test_each_format_counts_where_it_is_stored() -> None:
    evaluate, design = RooflineCostModel().evaluate, make.design(make.h100_like(), batch=16, tp=8)
    context = make.context(weights=2.0, kv=2.0, activations=2.0)
    before = evaluate(design, context, detail=True).capacity_parts
    for field, part in (
        ("weight_bytes", "weights"),
        ("kv_bytes", "kv_cache"),
        ("activation_bytes", "activations"),
    ):
        narrow = replace(context, precision=replace(context.precision, **{field: 0.5}))
        after = evaluate(design, narrow, detail=True).capacity_parts
        assert {k for k in before if before[k] != after[k]} == {part}
        assert after[part] == pytest.approx(before[part] / 4, rel=1e-12)


@pytest.mark.parametrize("kv", ["fp16", "fp8"])
def test_weights_and_kv_cache_may_differ_from_the_command_line_on(kv: str) -> None:
    found = dse.estimate("h100", "llama3-70b", "chat", weights="fp8", kv=kv, tp=8, pp=1, batch=64)
    assert found.precision == {"weights": "fp8", "kv": kv, "activations": "fp8"}
    # 512.6 tokens x 2 x 80 layers x 1 head of 128 a chip x 64 sequences
    by_hand = (222.3 + 290.3) * 2 * 80 * 128 * 64 * FORMATS[kv]
    assert found.ledgers["capacity_bytes"]["kv_cache"] == pytest.approx(by_hand, rel=1e-9)
