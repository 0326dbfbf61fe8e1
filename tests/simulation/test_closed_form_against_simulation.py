"""Throughput and TPOT of the cost model against simulated requests, over designs of every mode.

The closed form knows mean lengths and replicas whose slots never stay empty; the simulation serves requests
of random output one by one, with the same seconds of an iteration.
"""

from itertools import product

import numpy as np
import pytest

from dse.evaluate.subject import Subject
from dse.simulate.design import Layout, simulated
from dse.simulate.run import run
from dse.traffic.requests import Requests

GPU = [("h100", "llama3.1-8b", 1, 1, b) for b in (8, 64, 256)] + [("h100", "llama3.3-70b", 4, 1, 64)]
LPU = [("groq", "llama2-70b", 8, 80, 80), ("h100", "llama3.3-70b", 1, 4, 64)]
MOE = [("h200", "deepseek-v3", 8, 1, 16), ("h200", "deepseek-v3", 8, 1, 128)]
LENGTHS = [(200, 300), (1000, 200), (3000, 300)]
MODES = ("chunked", "aggregated", "decode-only")
DESIGNS = [(*d, m, *n) for d, m, n in product([*GPU, *LPU, *MOE], MODES, LENGTHS)]
WEIGHTS = {"llama2-70b": "int8"}


def _both(chip: str, llm: str, tp: int, pp: int, batch: int, mode: str, isl: int, osl: int) -> list[float]:
    """Closed form over simulation, of throughput and of TPOT."""
    s = Subject(
        chip, llm, "chat", weights=WEIGHTS.get(llm, "fp8"), serving=mode, hold_targets=False,
        settings={"isl": f"{isl} token", "osl": f"{osl} token"},
    )  # fmt: skip
    m = s.cost_model.evaluate(
        s.designs(s.grid(batch=batch, tp=tp, pp=pp, ep=1, dp=1, cp=1).reshape(-1)), s.context
    )
    n = max(8 * batch, 600)
    drawn = np.maximum(np.random.default_rng(0).gamma(4.0, osl / 4.0, n), 1.0)
    lengths = np.maximum((drawn * osl / drawn.mean()).astype(np.int64), 1)
    requests = Requests(np.zeros(n), np.full(n, isl), lengths)
    design = simulated(
        s, Layout(tp=tp, pp=pp), slots=batch, longest=int(isl + lengths.max()), longest_prompt=isl
    )
    served = run(design, requests).served
    done = np.sort(served.last_s)
    low, high = int(0.3 * n), int(0.7 * n)
    tokens = (high - low) / (done[high] - done[low]) * lengths.mean()
    # those that begin and end while all slots are full
    full = (served.first_s > done[int(0.2 * n)]) & (served.last_s < done[int(0.9 * n)]) & (lengths > 1)
    tpot = ((served.last_s - served.first_s) / np.maximum(lengths - 1, 1))[full].mean()
    return [float(m.tokens_per_s[0]) / tokens, float(m.tpot_s[0]) / tpot]


@pytest.fixture(scope="module")
def ratios() -> np.ndarray:
    return np.array([_both(*design) for design in DESIGNS])


def test_throughput_agrees(ratios):
    off = np.abs(np.log(ratios[:, 0]))
    assert np.median(off) < 0.02
    assert np.quantile(off, 0.9) < 0.06
    assert off.max() < 0.30


def test_mean_tpot_agrees(ratios):
    """It differs where a chunked replica is short of prompts, so that its slots are not full of decode."""
    off = np.abs(np.log(ratios[:, 1]))
    assert np.median(off) < 0.035
    assert np.quantile(off, 0.9) < 0.09
    assert off.max() < 0.35
