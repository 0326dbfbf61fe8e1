"""Seconds of an iteration: those of the passes that the cost model counts for the same rows."""

from dataclasses import replace

import factories as make
import numpy as np
import pytest

from objectives.equations.iterations.seconds import Carried, iteration_seconds
from objectives.equations.step.batch_setup import PromptLoad, Setup, set_up
from objectives.equations.step.decode_steps import decode_steps
from objectives.equations.step.prefill_pass import prefill_pass


def _setup(batch: float, pp: float, isl: float, osl: float) -> Setup:
    designs = make.design(make.h100_like(), batch, tp=4, pp=pp)
    found = make.context(make.llama2_70b(), isl=isl, osl=osl, serving="aggregated")
    one = np.ones(1)
    return set_up(designs, found, PromptLoad(prompts=one, rows=one * isl))


@pytest.mark.parametrize("pp", [1.0, 4.0])
@pytest.mark.parametrize("batch", [4.0, 64.0])
def test_without_prompts_it_is_a_step_of_decode(batch, pp):
    """A pipeline has as many micro-batches as stages: a turn is one latency, or so many slowest stages."""
    s = _setup(batch, pp, 500.0, 200.0)
    carried = Carried(
        sequences=np.array([batch / pp]),
        context=s.context.workload.mean_context,
        prompt=np.zeros(1),
        seen=1.0,
    )
    found = iteration_seconds(s, carried)
    turn = np.maximum(found.latency_s, pp * found.stage_s)
    np.testing.assert_allclose(turn, decode_steps(s).per_token_s(), rtol=1e-12)


def test_without_sequences_it_is_a_pass_over_a_prompt():
    """One stage, KV cache in DRAM: the prompt sees half of itself on average."""
    s = _setup(8.0, 1.0, 500.0, 200.0)
    carried = Carried(sequences=np.zeros(1), context=1.0, prompt=np.array([500.0]), seen=np.array([250.0]))
    np.testing.assert_allclose(iteration_seconds(s, carried).latency_s, prefill_pass(s).seconds(), rtol=1e-12)


def test_more_of_anything_takes_no_less():
    s = _setup(8.0, 1.0, 500.0, 200.0)
    rng = np.random.default_rng(0)
    n = 500
    base = Carried(
        sequences=rng.integers(0, 64, n).astype(float),
        context=rng.uniform(1.0, 4000.0, n),
        prompt=rng.integers(1, 4000, n).astype(float),
        seen=rng.uniform(1.0, 4000.0, n),
    )
    before = iteration_seconds(s, base).latency_s
    for name in ("sequences", "context", "prompt", "seen"):
        after = iteration_seconds(s, replace(base, **{name: getattr(base, name) + 64.0})).latency_s
        assert (after >= before * (1.0 - 1e-12)).all(), name


def test_a_chunk_with_steps_reads_the_weights_once():
    """Together they take less than one after the other, and no less than either."""
    s = _setup(32.0, 1.0, 500.0, 200.0)
    steps = Carried(sequences=np.array([32.0]), context=600.0, prompt=np.zeros(1), seen=1.0)
    chunk = Carried(sequences=np.zeros(1), context=1.0, prompt=np.array([512.0]), seen=256.0)
    both = Carried(sequences=np.array([32.0]), context=600.0, prompt=np.array([512.0]), seen=256.0)
    apart, alone, together = (float(iteration_seconds(s, c).latency_s[0]) for c in (steps, chunk, both))
    assert max(apart, alone) < together < apart + alone
