"""Closed forms of serving against an event simulation that knows stage times only.

Lengths are random, so that a run has an error of 1 to 3 % itself; 5 % is what is claimed.
"""

from dataclasses import replace

import factories as make
import numpy as np
import pytest
from simulation.events import Seen, by_chance, in_chunks, two_pools, whole_prompts

from objectives.api import Metrics, Serving
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.serving import matched_pools, queueing
from objectives.equations.step import pipeline

CLAIM = 0.05
KNEE = 0.08
"""Where the walk behind a prompt and the busy stages take equally long, their mean is above both means."""

STAGES, SLOTS = (1, 4, 40, 80), (1, 8, 80, 512)
GRID = [(pp, batch) for pp in STAGES for batch in SLOTS]


def a(value: float) -> np.ndarray:
    return np.array([float(value)])


def agrees(seen: Seen, tokens_per_s: float, tpot_s: float, claim: float = CLAIM) -> None:
    assert float(tokens_per_s) == pytest.approx(seen.tokens_per_s, rel=claim)
    assert float(tpot_s) == pytest.approx(seen.tpot_s, rel=claim)


def turn_of(pp: int, batch: int) -> tuple[int, int]:
    """Micro-batches, and a turn of them where a stage takes a second."""
    micro = pipeline.micro_batches(a(batch), a(pp))
    return int(micro.count[0]), max(pp, int(micro.count[0]))


def whole(pp: int, batch: int, turns: int, prompt_s: float) -> tuple[float, float]:
    """Throughput and TPOT of the closed form where a pass takes a second on a stage."""
    count, turn = turn_of(pp, batch)
    walk = pp * prompt_s
    stay = float(
        pipeline.turns_behind_prompts(a(batch), a(count), float(turns), a(turn), a(prompt_s), a(walk))[0]
    )
    stay = max(stay, turns * turn + walk)
    return batch * turns / stay, (stay - walk) / turns


@pytest.mark.parametrize(("pp", "batch"), GRID)
@pytest.mark.parametrize("prompt_s", [1.0, 20.0])
def test_whole_prompts_agree_with_the_simulation(pp: int, batch: int, prompt_s: float) -> None:
    turns = 96
    seen = whole_prompts(
        stages=pp, slots=batch, turns=turns, pass_s=1.0, prompt_s=prompt_s, requests=max(320, batch)
    )
    agrees(seen, *whole(pp, batch, turns, prompt_s))


def test_where_both_paths_are_equally_long_whole_prompts_agree_within_eight_percent() -> None:
    seen = whole_prompts(stages=4, slots=512, turns=128, pass_s=1.0, prompt_s=2.0, requests=1024)
    agrees(seen, *whole(4, 512, 128, 2.0), KNEE)


@pytest.mark.parametrize(("pp", "batch"), GRID)
@pytest.mark.parametrize(("mixed", "pieces"), [(2.0, 1), (3.0, 4)])
def test_chunks_agree_with_the_simulation(pp: int, batch: int, mixed: float, pieces: int) -> None:
    count, turn = turn_of(pp, batch)
    # longer answers where more slots ask: where over 40 % of the passes carry a chunk, prompts queue for one
    turns = max(64, int(np.ceil(pieces * batch / count / 0.4)))
    due = (batch - 1) * pieces / turns
    alone = mixed - 0.5
    x = alone if turn / count - 1.0 >= alone else mixed  # by itself where passes leave a gap
    taken = pipeline.turn_with_chunks(a(turn), a(count), a(due / count), float(pieces), a(x), a(pp * x))[0]
    own = (pieces - 1) * mixed + pp * mixed
    seen = in_chunks(stages=pp, slots=batch, turns=turns, pass_s=1.0, mixed_s=mixed, chunk_s=alone,
                     pieces=pieces, requests=max(128, batch // 4))  # fmt: skip
    agrees(seen, batch * turns / (turns * taken + own), taken)


@pytest.mark.parametrize("pp", STAGES)
def test_two_pools_agree_with_the_simulation(pp: int) -> None:
    slots, turns, transfer, load = 64, 64, 20.0, 0.75
    _, turn = turn_of(pp, slots)
    prompt = {1: 0.25, 4: 0.8, 40: 7.5, 80: 16.0}[pp]  # about one replica that prefills for four that decode
    slot = turns * turn + transfer
    tokens = float(queueing.throughput(a(slots), a(slot / turns), a(1.0))[0])
    ratio = matched_pools.prefill_replicas(a(tokens / turns), a(prompt), a(1.0), load, a(1.0), whole=False)
    seen, busy = two_pools(stages=pp, slots=slots, decoders=4, prefillers=1, turns=turns, pass_s=1.0,
                           prompt_s=prompt, transfer_s=transfer, spare=2 * pp)  # fmt: skip
    agrees(seen, 4 * tokens, turn)
    assert busy == pytest.approx(4 * float(ratio[0]) * load, rel=CLAIM)


MODEL_GRID = [(1, 16), (4, 3), (4, 64), (40, 1), (40, 40), (80, 160)]


def evaluated(pp: int, batch: int, mode: Serving, isl: float) -> Metrics:
    # free links and a head of one row: all stages take the same time
    chips = make.h100_like(**make.IDEAL, link_bandwidth=1e30, dram_bytes=1e15)
    llm = replace(make.llama2_70b(), vocab=1)
    context = make.context(llm, isl=isl, osl=64.0, mean_context=200.0, max_context=300.0, serving=mode)
    return RooflineCostModel().evaluate(make.design(chips, batch=batch, pp=pp), context, detail=True)


@pytest.mark.parametrize(("pp", "batch"), MODEL_GRID)
def test_the_cost_model_agrees_with_the_simulation_of_its_stage_times(pp: int, batch: int) -> None:
    alone, m = (evaluated(pp, batch, mode, 2000.0) for mode in ("decode-only", "aggregated"))
    _, turn = turn_of(pp, batch)
    pass_s, prompt_s = float(alone.tpot_s[0]) / turn, float(alone.ttft_s[0]) / pp
    seen = whole_prompts(
        stages=pp, slots=batch, turns=64, pass_s=pass_s, prompt_s=prompt_s, requests=max(192, batch)
    )
    agrees(seen, m.tokens_per_s[0], m.tpot_s[0])


@pytest.mark.parametrize("busy", [0.3, 0.5, 0.7])
def test_prompts_that_arrive_at_random_wait_as_one_server_lets_them(busy: float) -> None:
    # M/D/1 with decode in between: half a step, and rho / (2 (1 - rho)) prompts (Kleinrock, equation 5.64)
    turns, step, prompt = 64, 1.0, 20.0
    seen = by_chance(turns=turns, pass_s=step, prompt_s=prompt, requests_per_s=busy / prompt)
    wait = step / 2 + busy / (2 * (1 - busy)) * prompt
    assert seen - prompt == pytest.approx(wait, rel=0.12)  # 4,000 random arrivals
    # a stack without queue gives so much too little
    assert 1 - (step / 2 + prompt) / seen == pytest.approx(busy / (2 - busy), abs=0.05)


@pytest.mark.parametrize("busy", [0.3, 0.5, 0.7])
def test_the_wait_of_every_stack_covers_arrivals_at_random(busy: float) -> None:
    # prompts take a share of the time where B t_p / (OSL t_step) = rho / (1 - rho)
    turns, step, prompt = 256, 1.0, 20.0
    batch = busy / (1 - busy) * turns * step / prompt
    seen = by_chance(turns=turns, pass_s=step, prompt_s=prompt, requests_per_s=busy / prompt, requests=2000)
    centre = 0.258  # of the measured stacks, see configs/stacks
    wait = float(queueing.queue(queueing.wait_for_prompts(a(batch), a(prompt), a(centre)), a(step))[0])
    assert wait + prompt > seen
