"""Distributions of lengths: closed forms, counts by hand, large samples, nodes."""

from math import exp, log

import numpy as np
import pytest

from dse.traffic.distributions.lengths import Counted, Coupled, Table
from dse.traffic.distributions.marginals import Fixed, Histogram, Lognormal, Weibull
from dse.traffic.distributions.nodes import nodes
from objectives.equations.traffic.lognormal import largest_p95_over_mean, log_sigma

PROMPTS, ANSWERS = Lognormal.of(9000.0, mean=3000.0), Lognormal.of(1000.0, mean=400.0)
UNEVEN = Histogram(np.array([1.0, 2.0, 10.0, 100.0, 1000.0]), np.array([0.1, 0.2, 0.3, 0.4]))
TABLE = Table(
    np.array([1.0, 100.0, 1000.0, 9000.0]),
    np.array([1.0, 20.0, 500.0]),
    np.array([[0.2, 0.1], [0.1, 0.3], [0.0, 0.3]]),
)
ALL = {
    "independent": Coupled(PROMPTS, ANSWERS),
    "correlated": Coupled(PROMPTS, ANSWERS, 0.5),
    "opposed": Coupled(PROMPTS, ANSWERS, -0.5),
    "weibull": Coupled(Weibull.of(3000.0, 12000.0), ANSWERS, 0.3),
    "fixed": Coupled(Fixed(1000.0), Fixed(100.0)),
    "histogram": Coupled(UNEVEN, ANSWERS, 0.7),
    "table": TABLE,
    "counted": Counted(np.array([5, 5, 900, 70]), np.array([1, 2, 3, 400])),
}


def test_a_lognormal_has_the_mean_and_p95_that_it_was_given():
    assert PROMPTS.mean == pytest.approx(3000.0)
    assert PROMPTS.at(np.array([0.95]))[0] == pytest.approx(9000.0)
    # by p50 the mean follows: exp(mu + sigma^2 / 2) with sigma = ln 4 / 1.6449
    by_median = Lognormal.of(12000.0, p50=3000.0)
    assert by_median.mean == pytest.approx(3000.0 * exp((log(4.0) / 1.6448536) ** 2 / 2))


def test_the_smaller_sigma_is_taken_and_no_lognormal_reaches_further_than_3_87_means():
    # both roots of z s - s^2 / 2 = ln r: their sum is 2 z
    r = 3.0
    small = log_sigma(1.0, r)
    large = 2 * 1.6448536 - small
    assert small < large
    for sigma in (small, large):
        assert 1.6448536 * sigma - sigma**2 / 2 == pytest.approx(log(r), abs=1e-6)
    most = largest_p95_over_mean()
    assert log_sigma(1.0, most * 0.999) is not None
    assert log_sigma(1.0, most * 1.001) is None


def test_a_weibull_has_the_mean_and_p95_that_it_was_given():
    found = Weibull.of(3000.0, 12000.0)
    assert found.mean == pytest.approx(3000.0)
    assert found.at(np.array([0.95]))[0] == pytest.approx(12000.0)


def test_a_histogram_is_what_counting_its_whole_numbers_gives():
    # 1 or 2 tokens half of the time, 3 to 6 the other half
    found = Histogram(np.array([1.0, 3.0, 7.0]), np.array([0.5, 0.5]))
    values = np.array([1, 2, 1, 2, 3, 4, 5, 6])
    assert found.mean == values.mean() == 3.0
    assert found.second == np.mean(values**2.0)
    assert found.at(np.array([0.25, 0.5, 0.51, 0.625, 0.63, 1.0])).tolist() == [1, 2, 3, 3, 4, 6]


def test_a_table_is_what_counting_by_hand_gives():
    # prompts 1 to 2 with answers 1 to 2, and prompts 3 to 6 with answers 3, equally often
    found = Table(np.array([1.0, 3.0, 7.0]), np.array([1.0, 3.0, 4.0]), np.array([[0.5, 0.0], [0.0, 0.5]]))
    moments = found.moments
    assert (moments.isl.mean, moments.osl.mean) == (3.0, 2.25)
    # half of 1.5 times 1.5 and 4.5 times 3
    assert moments.cross == 7.875
    assert moments.osl.p50 == 2.0
    assert moments.token_steps == 7.875 + moments.osl.second / 2


def test_the_product_of_correlated_lognormals_has_its_closed_form():
    """m1 m2 exp(rho s1 s2), where rho = 2 sin(pi r / 6) belongs to the rank correlation r."""
    for r in (-0.8, -0.3, 0.4, 0.9):
        rho = 2 * np.sin(np.pi * r / 6)
        wanted = 3000.0 * 400.0 * exp(rho * PROMPTS.sigma * ANSWERS.sigma)
        # the sum over cells of 0.08 standard deviations
        assert Coupled(PROMPTS, ANSWERS, r).moments.cross == pytest.approx(wanted, rel=2e-3)


@pytest.mark.parametrize("name", ALL)
def test_moments_are_those_of_a_large_sample(name):
    lengths, size = ALL[name], 1_000_000
    isl, osl = (x.astype(float) for x in lengths.draw(size, np.random.default_rng(5)))
    m = lengths.moments
    for x, of in ((isl, m.isl), (osl, m.osl)):
        assert x.min() >= 1.0
        # five standard errors, and rounding to whole tokens
        assert x.mean() == pytest.approx(of.mean, abs=5 * x.std() / size**0.5 + 0.02)
        square = x**2
        assert square.mean() == pytest.approx(of.second, abs=5 * square.std() / size**0.5 + of.mean * 0.05)
        for share, quantile in ((0.5, of.p50), (0.95, of.p95), (0.99, of.p99)):
            assert np.mean(x < quantile - 0.51) <= share + 0.003
            assert np.mean(x <= quantile + 0.51) >= share - 0.003
    product = isl * osl
    assert product.mean() == pytest.approx(m.cross, abs=5 * product.std() / size**0.5 + 0.005 * m.cross)


@pytest.mark.parametrize("most", [16, 64])
@pytest.mark.parametrize("name", ALL)
def test_nodes_keep_the_five_means(name, most):
    found, m = nodes(ALL[name], most), ALL[name].moments
    w = found.weight
    assert found.isl.shape == found.osl.shape == w.shape == (most,)
    assert w.sum() == pytest.approx(1.0)
    assert (w >= 0).all()
    assert min(found.isl.min(), found.osl.min()) > 0.0
    assert w @ found.isl == pytest.approx(m.isl.mean, rel=1e-6)
    assert w @ found.osl == pytest.approx(m.osl.mean, rel=1e-6)
    assert w @ found.isl**2 == pytest.approx(m.isl.second, rel=1e-6)
    assert w @ found.osl**2 == pytest.approx(m.osl.second, rel=1e-6)
    assert w @ (found.isl * found.osl) == pytest.approx(m.cross, rel=0.01)


def test_nodes_have_the_tail_of_the_distribution():
    found = nodes(ALL["independent"], 64)
    # 5 % of the prompts are longer than 9,000 tokens; a node is a part of some per cent
    assert found.weight[found.isl > 9000.0].sum() == pytest.approx(0.05, abs=0.02)
