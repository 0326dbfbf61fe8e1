"""Arrivals and samples: the rate, how uneven gaps and counts are, the hours of a day, traces sent again."""

import numpy as np
import pytest

from dse.errors import SpecError
from dse.traffic.arrivals import Arrivals
from dse.traffic.distributions.lengths import Counted, Coupled
from dse.traffic.distributions.marginals import Fixed, Lognormal
from dse.traffic.profile import Profile
from dse.traffic.requests import PrefixBlocks, Requests
from dse.traffic.sample import sample

RATE = 5.0
DAY = 86400.0
PROCESSES = {
    "poisson": Arrivals("poisson"),
    "bursty gamma": Arrivals("gamma", cv=2.0),
    "even gamma": Arrivals("gamma", cv=0.5),
    "on-off": Arrivals("on-off", burst_s=2.0, silence_s=6.0),
    "half on": Arrivals("on-off", burst_s=2.0, silence_s=6.0, quiet=0.25),
}
LENGTHS = Coupled(Lognormal.of(9000.0, mean=3000.0), Fixed(100.0))
TRACE = Requests(
    arrival_s=np.array([0.0, 1.0, 4.0]),
    isl=np.array([600, 20, 30]),
    osl=np.array([1, 2, 3]),
    blocks=PrefixBlocks(ids=np.array([5, 6, 5]), starts=np.array([0, 2, 3, 3]), tokens=512),
)
RECORDED = Profile(
    name="recorded",
    lengths=Counted(TRACE.isl, TRACE.osl),
    arrivals=Arrivals("trace", at_s=TRACE.arrival_s),
    rate=0.5,
    trace=TRACE,
)


def profile(arrivals, lengths=LENGTHS):
    return Profile(name="test", lengths=lengths, arrivals=arrivals)


@pytest.mark.parametrize("name", PROCESSES)
def test_rate_gaps_and_counts_are_those_of_the_process(name):
    arrivals = PROCESSES[name]
    times = sample(profile(arrivals), RATE, duration_s=4 * DAY, seed=1).arrival_s
    gaps = np.diff(times)
    assert (gaps >= 0.0).all()
    spread = arrivals.dispersion_at(RATE)
    # five standard errors of a count
    assert times.size == pytest.approx(RATE * 4 * DAY, abs=5 * (spread * RATE * 4 * DAY) ** 0.5)
    assert gaps.std() / gaps.mean() == pytest.approx(arrivals.cv_at(RATE), rel=0.02)
    # minutes of 300 requests and many bursts
    counts = np.histogram(times, np.arange(0.0, 4 * DAY, 60.0))[0]
    assert counts.var() / counts.mean() == pytest.approx(spread, rel=0.15)


def test_bursts_of_months_are_drawn_in_pieces():
    traffic = profile(Arrivals("on-off", burst_s=30 * DAY, silence_s=30 * DAY))
    # in the first burst there are twice as many as the mean, in a silence none
    firsts = [sample(traffic, 40.0, n=10_000, seed=s).arrival_s for s in range(20)]
    spans = np.array([t[-1] - t[0] for t in firsts])
    assert spans == pytest.approx(np.full(20, 10_000 / 80.0), rel=0.1)
    waits = np.array([t[0] for t in firsts])
    assert 3 <= np.count_nonzero(waits > DAY) <= 17


def test_a_clock_has_even_gaps():
    assert sample(profile(Arrivals("gamma", cv=0.0)), 4.0, n=3).arrival_s.tolist() == [0.25, 0.5, 0.75]


def test_each_hour_has_its_share_of_the_day():
    # nights of nothing, mornings of one part, afternoons of three
    hours = (0.0,) * 8 + (0.75,) * 8 + (2.25,) * 8
    arrivals = Arrivals("poisson", daily=hours)
    times = sample(profile(arrivals), RATE, duration_s=3 * DAY, seed=2).arrival_s
    counts = np.histogram(times % DAY, np.arange(0.0, DAY + 1, 8 * 3600.0))[0] / 3
    assert counts[0] == 0
    assert counts[1:] == pytest.approx([0.25 * RATE * DAY, 0.75 * RATE * DAY], rel=0.01)
    assert times.max() <= 3 * DAY
    assert arrivals.peak == 2.25
    # as many of a stated number, the first after the night
    few = sample(profile(arrivals), RATE, n=50_000, seed=2).arrival_s
    assert few.size == 50_000
    assert few.min() > 8 * 3600.0


def test_the_same_seed_gives_the_same_requests_and_another_one_others():
    traffic = profile(PROCESSES["on-off"])
    one, two, other = (sample(traffic, RATE, n=1000, seed=s) for s in (7, 7, 8))
    for field in ("arrival_s", "isl", "osl"):
        assert (getattr(one, field) == getattr(two, field)).all()
    assert (one.arrival_s != other.arrival_s).any()
    assert (one.isl != other.isl).any()
    # lengths do not hang on arrivals
    assert (sample(profile(PROCESSES["poisson"]), RATE, n=1000, seed=7).isl == one.isl).all()


def test_a_trace_is_sent_as_it_is_and_again_with_prefixes_of_its_own():
    found = sample(RECORDED, n=5)
    # two gaps in four seconds: a mean gap of 2 s lies between its end and its second beginning
    assert found.arrival_s.tolist() == [0.0, 1.0, 4.0, 6.0, 7.0]
    assert found.isl.tolist() == [600, 20, 30, 600, 20]
    assert found.blocks.starts.tolist() == [0, 2, 3, 3, 5, 6]
    assert found.blocks.ids[:3].tolist() == [5, 6, 5]
    assert not set(found.blocks.ids[3:].tolist()) & {5, 6}
    assert found.blocks.ids[3] == found.blocks.ids[5]


def test_a_rate_stretches_the_gaps_of_a_trace():
    assert sample(RECORDED, 1.0, n=3).arrival_s.tolist() == [0.0, 0.5, 2.0]
    assert sample(RECORDED, 1.0, duration_s=3.2).isl.tolist() == [600, 20, 30, 600]


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"n": 5}, "rate: expected requests in a second, since traffic test states none, got none"),
        ({"rate": 1.0}, "expected either n or duration_s, got neither"),
        ({"rate": 1.0, "n": 1, "duration_s": 1.0}, "expected either n or duration_s, got both"),
        ({"rate": -1.0, "n": 1}, "rate: expected more than 0 requests in a second, got -1"),
        ({"rate": 1.0, "n": 0}, "n: expected 1 to 50,000,000 requests, got 0"),
        ({"rate": 1.0, "duration_s": 1e9}, "duration_s: expected more than 0 s and at most 25,000,000 s"),
    ],
)
def test_samples_that_nobody_can_draw_are_refused(options, what):
    with pytest.raises(SpecError, match=what):
        sample(profile(Arrivals("poisson")), **options)
