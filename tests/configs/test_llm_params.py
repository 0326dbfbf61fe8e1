"""Weights are counted from the architecture; the count must meet what was published."""

from dataclasses import replace

import pytest

from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.llm import LlmSpec
from objectives import api
from objectives.equations.llm.parameters import params

LLMS = Catalog().all(LlmSpec)

# Published totals are rounded to two to four digits, and leave norms and position tables in or out.
TOLERANCE = 0.01

# Elements of K and V per token over all layers: 2 x layers x KV heads x head size of the model cards.
PUBLISHED_KV_ELEMENTS = {"llama2-7b": 262_144, "llama2-13b": 409_600, "llama2-70b": 163_840}


@pytest.mark.parametrize("name", sorted(LLMS))
def test_the_architecture_counts_to_the_published_parameters(name: str) -> None:
    published = LLMS[name].params.value
    assert published is not None
    assert params(LLMS[name].resolve()) == pytest.approx(published, rel=TOLERANCE)


@pytest.mark.parametrize("name", sorted(PUBLISHED_KV_ELEMENTS))
def test_kv_heads_and_layers_make_the_published_kv_cache(name: str) -> None:
    blocks = LLMS[name].resolve().blocks
    elements = sum(2 * b.count * b.attention.kv_heads * b.attention.head_dim for b in blocks if b.attention)
    assert elements == PUBLISHED_KV_ELEMENTS[name]


def test_a_wrong_feed_forward_network_misses_the_published_count() -> None:
    """A published tool has LLaMA-2 70B with two matrices of width 32768; one per cent must tell it apart."""
    llm = LLMS["llama2-70b"].resolve()
    wrong = replace(llm.blocks[0], ffn=api.Ffn(width=32_768, matrices=2))
    assert params(replace(llm, blocks=(wrong,))) < (1 - 10 * TOLERANCE) * params(llm)


def test_without_grouped_queries_only_the_kv_projections_grow() -> None:
    grown = params(LLMS["llama2-70b-mha"].resolve()) - params(LLMS["llama2-70b"].resolve())
    assert grown == 80 * 2 * 8192 * (64 - 8) * 128  # layers x (K, V) x hidden x more KV heads x head size


def test_the_ranker_fits_the_sram_of_its_cluster_and_of_no_single_board() -> None:
    sram = Catalog().get(ChipSpec, "catapult-ddr4").sram.capacity.value
    assert sram is not None
    int8_bytes = params(LLMS["bing-ranker-dnn"].resolve())
    assert sram < int8_bytes < 32 * sram
