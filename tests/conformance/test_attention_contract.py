"""Every registered kind of attention keeps its contract, and the kit catches one that does not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import entry_points
from types import SimpleNamespace

import numpy as np
import pytest

from dse.errors import BeatsPhysics
from dse.spec.attention.kind import SecondCount
from dse.spec.attention.registered import attention_kinds
from dse.testing.attention_contract import AttentionContract, Entry
from dse.testing.checks import ContractBroken
from objectives.equations.llm.attention.kinds import AttentionKind

GROUPED = {"heads": 16, "kv_heads": 4, "head_dim": 64}
LATENT = {"heads": 16, "latent": 64, "rope": 16, "nope": 32, "value": 32}
LINEAR = {"heads": 16, "key_heads": 8, "key_dim": 32, "value_dim": 64}
RWKV = {"heads": 16, "head_dim": 64, "decay_latent": 64, "shift": 2048}
KEYS: Mapping[str, Sequence[Mapping[str, object]]] = {
    "attention": (
        GROUPED,
        {**GROUPED, "bias": True, "gate": True},
        {**GROUPED, "window": 128},
        {**GROUPED, "window": 128, "chunked": True},
        {**GROUPED, "kv_heads": 1},
        {**GROUPED, "value_dim": 32, "gate": True},
        {**GROUPED, "kv": "shared", "window": 128},
        {**GROUPED, "kv": "key_is_value", "query_latent": 48},
        {**GROUPED, "top_k": 512},
        {**GROUPED, "differential": True, "window": 128},
        {**GROUPED, "kv": "one", "kv_heads": 1, "window": 128, "output_groups": 8, "output_latent": 32},
    ),
    "latent_attention": (
        LATENT,
        {**LATENT, "query_latent": 48},
        {**LATENT, "query_latent": 48, "top_k": 512},
        {**LATENT, "rope": 0, "window": 128},
    ),
    "index": (
        {"heads": 16, "dim": 32, "inputs": 48},
        {"heads": 4, "dim": 32, "weighted": False},
        {"heads": 16, "dim": 32, "ratio": 4, "overlap": True},
    ),
    "compressed": (
        {"heads": 16, "dim": 64, "ratio": 128},
        {"heads": 16, "dim": 64, "ratio": 4, "overlap": True, "top_k": 128},
    ),
    "cross_attention": (
        GROUPED,
        {**GROUPED, "bias": True},
        {**GROUPED, "shared": True},
    ),
    "linear_attention": (
        LINEAR,
        {**LINEAR, "gate": True, "delta": True, "conv": 4, "state": "bf16"},
        {**LINEAR, "gate": True, "step": True, "conv": 4, "conv_state": "bf16", "chunk": 64},
        {**LINEAR, "key_heads": 16, "delta": True, "decay_latent": 32, "gate_latent": 32, "conv": 4},
        {**LINEAR, "delta": True, "chunk": 64},
    ),
    "mamba": (
        {"inner": 2048, "state_dim": 16, "step_rank": 64, "conv": 4},
        {"inner": 2048, "state_dim": 16, "step_rank": 64, "conv": 4, "norms": True, "bias": True},
        {"inner": 100, "state_dim": 8, "step_rank": 5, "conv": 4, "conv_state": "bf16", "state": "bf16"},
        {"inner": 64, "state_dim": 8, "step_rank": 5, "conv": 0, "conv_bias": False},
    ),
    "rwkv": (
        {**RWKV, "mix_latent": 32},
        {**RWKV, "gate_latent": 128, "rate_latent": 64, "value_latent": 32},
        {**RWKV, "value_dim": 128, "state": "bf16"},
        {"heads": 5, "head_dim": 8, "decay_latent": 3},
    ),
    "short_convolution": (
        {"width": 1024, "taps": 3},
        {"width": 100, "taps": 7, "bias": True, "state": "fp32"},
        {"width": 64, "taps": 1},
    ),
}
"""Layers of each kind, as a file writes them."""


class TestEveryKindOfAttention(AttentionContract):
    @pytest.fixture(params=[point.name for point in entry_points(group="dse.attention_kinds")])
    def subject(self, request: pytest.FixtureRequest) -> Entry:
        return attention_kinds()[request.param]

    def keys(self, subject: Entry) -> Sequence[Mapping[str, object]]:
        (name,) = (name for name, entry in attention_kinds().items() if entry is subject)
        return KEYS[name]


class Grouped(AttentionContract):
    """The kit on grouped-query attention, whole and inside a window."""

    def keys(self, subject: Entry) -> Sequence[Mapping[str, object]]:
        return KEYS["attention"]


def functions(protocol: type, of: object) -> dict[str, Callable[..., object]]:
    return {name: getattr(of, name) for name in vars(protocol) if not name.startswith("_")}


def changed(**changes: Callable[..., object]) -> Entry:
    """Softmax attention with some functions of one of its counts exchanged."""
    ours = attention_kinds()["attention"]
    counts, second = functions(AttentionKind, ours.counts), functions(SecondCount, ours.second_count)
    counts |= {name: change for name, change in changes.items() if not name.startswith("second_")}
    second |= {n.removeprefix("second_"): change for n, change in changes.items() if n.startswith("second_")}
    return replace(ours, counts=SimpleNamespace(**counts), second_count=SimpleNamespace(**second))


OURS = attention_kinds()["attention"].counts
SECOND = attention_kinds()["attention"].second_count
LAW = AttentionContract
BREACHES: Mapping[str, tuple[Callable[..., None], Entry]] = {
    "no function": (
        LAW.test_it_looks_like_a_kind_of_attention,
        replace(attention_kinds()["attention"], counts=SimpleNamespace()),
    ),
    "another class": (
        LAW.test_its_keys_make_a_layer_of_its_class,
        replace(attention_kinds()["attention"], architecture=SimpleNamespace),
    ),
    "no array": (
        LAW.test_counts_are_finite_and_keep_the_shape_of_what_they_are_given,
        changed(kv_elements=lambda a, tp: 2.0 * a.kv_heads * a.head_dim),
    ),
    "neighbours": (
        LAW.test_each_split_and_each_length_is_counted_by_itself,
        changed(seen=lambda a, context: OURS.seen(a, context) / np.size(context)),
    ),
    "lost weights": (
        LAW.test_a_split_layer_is_no_smaller_than_the_whole,
        changed(projection_elements=lambda a, h, tp: OURS.projection_elements(a, h, tp) / tp),
    ),
    "few parameters": (
        LAW.test_weights_of_projections_are_parameters,
        changed(params=lambda a, hidden: 1),
    ),
    "the future": (LAW.test_rows_see_no_more_than_there_is, changed(seen=lambda a, context: context + 1.0)),
    "forgets": (LAW.test_rows_see_no_more_than_there_is, changed(kept=lambda a, context: 1.0 / context)),
    "a bound too high": (
        LAW.test_the_second_count_is_never_above_the_first,
        changed(second_weights=lambda a, hidden: 1.01 * SECOND.weights(a, hidden)),
    ),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_the_kit_catches_a_kind_that_breaks_its_promise(breach: str) -> None:
    law, entry = BREACHES[breach]
    with pytest.raises(ContractBroken, match=r"expected .*, got"):
        law(Grouped(), entry)


def test_the_kit_catches_a_bound_that_the_cost_model_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    much = changed(second_weights=lambda a, hidden: 1e6 * SECOND.weights(a, hidden)).second_count
    monkeypatch.setattr("dse.bounds.first_principles.second_count_of", lambda layer: much)
    with pytest.raises(BeatsPhysics, match=r"expected .*, got"):
        LAW.test_nothing_beats_the_speed_of_light(Grouped(), attention_kinds()["attention"])


def test_the_kit_asks_for_layers_to_try() -> None:
    with pytest.raises(NotImplementedError, match="keys: expected layers of AttentionSpec to try"):
        LAW().keys(attention_kinds()["attention"])
