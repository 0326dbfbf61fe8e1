"""Differential attention by hand: both maps of a pair of heads weigh the values of both."""

from dataclasses import replace

import numpy as np
import pytest

from dse.bounds.attention import softmax as second
from dse.spec.attention.softmax import AttentionSpec
from objectives.api import Attention
from objectives.equations.llm.attention import softmax

# Phi-4-mini-flash: 40 heads of 64, 20 of keys and values
PAIRS = Attention(heads=40, kv_heads=20, head_dim=64, differential=True)
PLAIN = replace(PAIRS, differential=False)


def a(value: float) -> np.ndarray:
    return np.array([float(value)])


def test_a_pair_has_two_maps_of_which_each_weighs_two_values() -> None:
    # 20 pairs: two scores of 64, then two maps of values of 128, two FLOP a multiply-add
    by_hand = 20 * (2 * 2 * 64 + 2 * 2 * 128)
    assert softmax.core_flop(PAIRS, a(1)) == softmax.prompt_core_flop(PAIRS, a(1)) == by_hand
    assert second.core_flop(PAIRS) == by_hand
    assert softmax.core_flop(PAIRS, a(4)) == by_hand / 4


def test_keys_values_and_matrices_are_those_of_plain_heads() -> None:
    assert softmax.kv_elements(PAIRS, a(1)) == softmax.kv_elements(PLAIN, a(1)) == 2 * 20 * 64
    assert softmax.params(PAIRS, 2560) == softmax.params(PLAIN, 2560)
    assert softmax.projection_elements(PAIRS, 2560, a(1)) == softmax.projection_elements(PLAIN, 2560, a(1))


def test_chips_that_share_tokens_exchange_results_as_wide_as_two_values() -> None:
    assert softmax.exchanged_elements(PAIRS, a(1)) == 40 * (64 + 128 + 1)


def test_heads_come_in_pairs() -> None:
    keys = {"heads": 40, "kv_heads": 20, "head_dim": 64}
    assert AttentionSpec.model_validate({**keys, "differential": True}).resolve() == PAIRS
    # questions that were stored before the key existed are the same ones
    assert "differential" not in AttentionSpec.model_validate(keys).model_dump()
    with pytest.raises(ValueError, match="expected an even number of heads with differential, got 5"):
        AttentionSpec.model_validate({"heads": 5, "kv_heads": 5, "head_dim": 64, "differential": True})
