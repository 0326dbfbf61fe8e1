"""Traffic from a few numbers of a planner."""

import pytest

from dse.errors import SpecError
from dse.traffic.asked import asked
from dse.traffic.distributions.marginals import Fixed, Lognormal, Weibull


def test_the_distribution_has_the_mean_and_p95_that_were_asked_for():
    for isl_p95, kind in ((9000.0, Lognormal), (12000.0, Weibull)):
        found = asked(3000.0, 400.0, isl_p95=isl_p95, rate=40.0)
        assert isinstance(found.lengths.isl, kind)
        assert isinstance(found.lengths.osl, Fixed)
        assert found.lengths.moments.isl.mean == pytest.approx(3000.0)
        assert found.lengths.moments.isl.p95 == pytest.approx(isl_p95)
        assert (found.rate, found.arrivals.cv_at(40.0)) == (40.0, 1.0)


@pytest.mark.parametrize("p95", [100.0, 15000.0])
def test_a_p95_that_no_distribution_has_is_refused_in_words(p95):
    what = f"isl: expected a p95 from 1 to 4.67 times the mean of 3,000 tokens, got {p95:,g}"
    with pytest.raises(SpecError, match=what):
        asked(3000.0, 400.0, isl_p95=p95)
