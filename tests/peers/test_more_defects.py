"""More mistakes of other tools, of names, prices and bookkeeping rather than of seconds, absent from ours."""

from typing import Any

import factories as make
import numpy as np
import pytest

import dse
from dse.question.resolved_study import load_study
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.system import StackSpec
from objectives.costmodels.roofline import RooflineCostModel

CATALOG = Catalog()


def test_a_metric_that_does_not_exist_is_an_error_and_not_zero() -> None:
    # GenZ: out["Latency"] is 8.2, out.Latency is 0, and so is every misspelt attribute
    m: Any = RooflineCostModel().evaluate(make.design(make.h100_like(), tp=8), make.context())
    for name in ("latency", "Latency", "tpot", "ttft"):
        with pytest.raises(AttributeError):
            getattr(m, name)


def test_a_price_is_searched_over_only_where_that_is_the_question() -> None:
    # LLM-Para's price is a gene of its own, so it finds a 147 TFLOP/s chip for 50 USD
    study = load_study("groq-vs-h100")
    searched = {name for branch in study.branches.values() for name in branch.spec.parameters}
    assert searched
    assert not [name for name in searched if "price" in name or "usd" in name or "cost" in name]


def test_a_larger_chip_of_the_space_is_never_cheaper() -> None:
    study = load_study("groq-vs-h100")
    for branch in study.branches.values():
        middle = {n: np.array([(p.low * p.high) ** 0.5]) for n, p in branch.spec.parameters.items()}
        price = float(branch.chips(middle).cost.price_usd[0])
        for name in ("peak_flops", "sram", "dram_stacks"):
            if name in middle:
                grown = {**middle, name: middle[name] * 1.2}
                assert float(branch.chips(grown).cost.price_usd[0]) > price, (branch.name, name)


def test_the_peak_of_a_format_is_its_own() -> None:
    # LLM-Para takes the 67 TFLOP/s of fp32 for fp16; the data sheet says 989 dense
    chip = CATALOG.get(ChipSpec, "h100-sxm")
    assert chip.peak["fp16"].value == pytest.approx(989e12, rel=0.01)
    assert chip.peak["fp32"].value == pytest.approx(67e12, rel=0.01)


def test_overheads_belong_to_the_stack_of_a_chip_and_not_to_every_chip() -> None:
    # LLMCompass adds the launches of PyTorch on an A100 to whatever chip it is asked about
    given: dict[str, Any] = {"weights": "int8", "batch": 1, "tp": 8, "pp": 80}
    lpu = dse.estimate("groq-lpu-v1", "llama2-70b", "article", **given)
    gpu = dse.estimate("h100-sxm", "llama2-70b", "article", weights="int8", batch=1, tp=8, pp=1)
    for found in (lpu, gpu):
        own = CATALOG.get(StackSpec, found.stack).layer_overhead.value or 0.0
        assert found.ledgers["tpot_s"]["layer_overhead"] == pytest.approx(80 * own)
    assert lpu.stack != gpu.stack


def test_a_single_estimate_says_that_nothing_fits() -> None:
    # AIConfigurator tells "Memory (GPU) 9.40 GB" of a chip of 0.23 GB, and no more
    found = dse.estimate("groq-lpu-v1", "llama2-70b", "article", weights="int8", tp=8, pp=1, batch=1)
    assert not found.feasible
    assert found.violations["capacity"] > 68.4e9 / 8 - 0.23e9


def test_llama_2_70b_has_three_matrices_of_28672() -> None:
    # llm-analysis ships it with 32,768 and two, and so with other weights, FLOP and traffic
    (block,) = CATALOG.get(LlmSpec, "llama2-70b").resolve().blocks
    assert block.ffn is not None
    assert (block.ffn.width, block.ffn.matrices) == (28672, 3)


def test_kv_cache_is_read_once_a_step() -> None:
    # llm-analysis loads and stores all of it. Doubling its bytes alone adds its bytes once over bandwidth
    ideal = make.h100_like(**make.IDEAL)
    narrow, wide = (
        RooflineCostModel().evaluate(make.design(ideal, batch=64, tp=8), make.context(kv=c))
        for c in (1.0, 2.0)
    )
    cached = 64 * 1536 * 80 * 2 * 128 / 3.35e12  # a KV head a chip in one byte
    assert float((wide.tpot_s - narrow.tpot_s)[0]) == pytest.approx(cached, rel=1e-9)


def test_the_answer_depends_on_the_sizes_that_are_asked_about() -> None:
    # LLMCompass's search ignores d_model and n_heads and answers for 12,288 and 96
    chips = make.design(make.h100_like(), batch=8, tp=8)
    small, large = (
        RooflineCostModel().evaluate(chips, make.context(llm))
        for llm in (make.llama2_7b(), make.llama2_70b())
    )
    assert large.tpot_s > 2 * small.tpot_s
