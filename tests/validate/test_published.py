"""The published measurements, predicted: the errors that we claim, intervals that hold on rows left out."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from dse.calibrate.accuracy import LEFT_OUT, left_out_of
from dse.calibrate.bundled import Bundle, bundle
from dse.pages.accuracy.page import digest
from dse.plugins import cost_model
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.system import StackSpec
from dse.validate.measured.engines import NO_MATCH, match
from dse.validate.measured.predictions import Prediction, predictions
from dse.validate.measured.rows import find_table, read_rows
from dse.validate.measured.summary import summary

CATALOG = Catalog()
MODEL = cost_model("roofline")
ROOT = Path(__file__).resolve().parents[2]


@cache
def predicted() -> tuple[Prediction, ...]:
    rows = [r for r in read_rows(find_table("published", CATALOG)) if r.quality in ("A", "B")]
    found = predictions(MODEL, rows, CATALOG)
    assert len(found.refused) < 0.02 * len(rows)
    return found.found


def of(metric: str, kind: str | None = None) -> list[Prediction]:
    return [p for p in predicted() if p.metric == metric and kind in (None, p.case.row.kind)]


@pytest.mark.parametrize(
    ("metric", "kind", "median"),
    [
        ("tpot", None, 0.10),
        ("throughput", "static", 0.10),
        ("throughput", "concurrency", 0.12),
        ("ttft", "concurrency", 0.40),
    ],
)
def test_the_median_error_is_what_we_claim(metric: str, kind: str | None, median: float) -> None:
    (group,) = summary(of(metric, kind))
    assert group.median_abs_error <= median


def test_nine_tpots_of_ten_are_within_forty_per_cent() -> None:
    (group,) = summary(of("tpot"))
    assert group.p90_abs_error <= 0.40


def test_static_prefill_is_no_worse_than_the_page_of_accuracy_admits() -> None:
    (group,) = summary(of("ttft", "static"))
    assert group.median_abs_error <= 0.105  # aimed at: 0.09


@pytest.mark.parametrize("metric", ["tpot", "throughput", "end_to_end", "ttft"])
def test_predictions_lean_to_neither_side(metric: str) -> None:
    (group,) = summary(of(metric))
    assert abs(group.bias) <= 0.06


def test_nearly_every_row_has_a_profile_of_its_own_engine_and_all_have_an_interval() -> None:
    own = sum(p.case.own_stack for p in predicted())
    assert own >= 0.95 * len(predicted())
    assert all(p.factor is not None for p in predicted())


def test_rows_without_a_profile_of_their_own_have_a_wider_interval() -> None:
    fallback = CATALOG.get(StackSpec, "gpu-serving").interval
    serving = ("nim", "trtllm-static", "trtllm-bench", "mlperf-nvidia")
    for metric in ("tpot", "throughput"):
        narrow = [CATALOG.get(StackSpec, name).interval[metric] for name in serving]
        assert sorted(narrow)[1] < fallback[metric]


@cache
def fitted() -> Bundle:
    return bundle(MODEL, read_rows(find_table("published", CATALOG)), CATALOG)


@pytest.mark.slow
@pytest.mark.parametrize("grouping", LEFT_OUT)
def test_errors_of_what_no_stack_has_seen_are_near_the_aims_and_intervals_hold(grouping: str) -> None:
    """One test of each grouping, since processes that share the tests would each fit all stacks again.

    Intervals hold seventy to ninety of a hundred rows that were left out.
    """
    unseen = left_out_of(fitted(), grouping, CATALOG)
    # an engine that nobody measured is not aimed at
    aims = {} if grouping == "engine" else {"tpot": 0.13, "throughput": 0.12, "end_to_end": 0.18}
    for metric, most in aims.items():
        assert np.median([u.miss for u in unseen if u.metric == metric]) <= most, metric
    inside = [u.inside for u in unseen if u.inside is not None]
    assert len(inside) == len(unseen)
    assert 0.70 <= np.mean(inside) <= 0.90
    for metric in ("tpot", "ttft", "throughput"):
        held = [u.inside for u in unseen if u.metric == metric]
        assert 0.70 <= np.mean(held) <= 0.92, metric  # fewer rows, a wider range


@pytest.mark.slow
def test_the_bundled_stacks_are_those_of_the_bundled_measurements() -> None:
    for name, found in fitted().found.fits.items():
        stack = CATALOG.get(StackSpec, name)
        if name != "gpu-serving" and stack.estimate == "calibrated":
            for field, value in found.values.items():
                leaf = getattr(stack, field)
                if leaf.basis == "derived":  # the others were left open, and stand where the class does
                    assert float(leaf.value) == pytest.approx(value, rel=0.03), (name, field)


def test_the_page_of_accuracy_is_about_the_bundled_stacks_and_measurements() -> None:
    text = (ROOT / "dse" / "docs" / "accuracy.md").read_text(encoding="utf-8")
    assert f"digest `{digest(CATALOG)}`" in text, "renew it: python -m dse.pages.accuracy dse/docs"


def test_a_chip_that_the_stack_was_not_calibrated_on_has_the_interval_of_its_class_at_least() -> None:
    first = read_rows(find_table("published", CATALOG))[0]
    rows = [replace(first, chip="MI325X", engine="vLLM 0.12.0", weights="fp8", activations="fp8")]
    (found,) = predictions(MODEL, rows, CATALOG).found
    own, of_class = CATALOG.get(StackSpec, "vllm-2025"), CATALOG.get(StackSpec, "gpu-serving")
    assert found.case.own_stack
    assert not found.case.own_chip
    for metric, factor in found.case.interval.items():
        assert factor >= max(own.interval.get(metric, 1.0), of_class.interval.get(metric, 1.0))


@pytest.mark.parametrize(
    ("engine", "date", "chip_class", "stack"),
    [
        ("vLLM", "2023-10", "datacentre-gpu", "vllm-2023"),
        ("vLLM", "2024-10", "datacentre-gpu", "anl-vllm"),
        ("vLLM", "2025-12-05", "datacentre-gpu", "vllm-2025"),
        ("vLLM", "", "consumer-gpu", "vllm-2025"),
        ("vLLM 0.12.0", "", "datacentre-gpu", "vllm-2025"),
        ("vLLM 0.5.3.post1", "", "datacentre-gpu", "anl-vllm"),
        ("vLLM (MLPerf v5.1, AMD)", "2025-09", "datacentre-gpu", "mlperf-vllm"),
        ("TensorRT-LLM", "2024-10", "datacentre-gpu", "anl-trtllm"),
        ("TensorRT-LLM", "", "datacentre-gpu", "trtllm-serve"),
        ("TensorRT-LLM v0.8.0 (gptSessionBenchmark)", "2024", "datacentre-gpu", "trtllm-static"),
        ("TensorRT-LLM v1.2-dev trtllm-bench", "2025-11", "datacentre-gpu", "trtllm-bench"),
        ("NVIDIA NIM (TensorRT-LLM)", "2024", "datacentre-gpu", "nim"),
        ("llama.cpp b4000", "", "soc", "llamacpp-soc"),
        ("llama.cpp b4000", "", "consumer-gpu", "llamacpp-consumer"),
        ("SGLang 0.6", "", "datacentre-gpu", "sglang"),
    ],
)
def test_an_engine_finds_its_profile_by_name_date_and_chip(
    engine: str, date: str, chip_class: str, stack: str
) -> None:
    found = {name: match(s, chip_class, engine, date) for name, s in CATALOG.all(StackSpec).items()}
    assert max(found, key=lambda name: found[name]) == stack


def test_an_engine_that_nobody_knows_or_on_a_chip_of_another_class_finds_none() -> None:
    for engine, chip_class in (("SwiftServe 3", "datacentre-gpu"), ("vLLM", "systolic"), ("", "soc")):
        assert all(match(s, chip_class, engine, "") == NO_MATCH for s in CATALOG.all(StackSpec).values()), (
            engine
        )
