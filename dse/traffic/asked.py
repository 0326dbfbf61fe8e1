"""Traffic of a question on the command line: means and p95 of lengths, without a file."""

from dse.errors import spec_error
from dse.traffic.arrivals import Arrivals
from dse.traffic.distributions.lengths import Coupled
from dse.traffic.distributions.marginals import Fixed, Lognormal, Marginal, Weibull
from dse.traffic.profile import Profile
from objectives.equations.traffic.lognormal import log_sigma
from objectives.equations.traffic.weibull import p95_over_mean, shape_of, widest_shape


def asked(
    isl: float,
    osl: float,
    *,
    isl_p95: float | None = None,
    osl_p95: float | None = None,
    rate: float | None = None,
    cv: float = 1.0,
) -> Profile:
    """Independent lengths with these means and p95 [token], at a rate [1/s] with gaps of this variation.

    A length without a p95 is the same for all. One with a p95 is lognormal where a lognormal distribution has
    both, else a Weibull distribution, which reaches further. Raises `SpecError` where neither has.
    """
    return Profile(
        name="asked",
        lengths=Coupled(length("isl", isl, isl_p95), length("osl", osl, osl_p95)),
        arrivals=Arrivals("poisson" if cv == 1.0 else "gamma", cv=cv),
        rate=rate,
    )


def length(name: str, mean: float, p95: float | None) -> Marginal:
    """The distribution of one length."""
    if mean < 1.0:
        raise spec_error("", f"{name}: expected at least 1 token, got {mean:g}")
    if p95 is None:
        return Fixed(mean)
    if log_sigma(mean, p95) is not None:
        return Lognormal.of(p95, mean=mean)
    if shape_of(mean, p95) is not None:
        return Weibull.of(mean, p95)
    most = p95_over_mean(widest_shape())
    what = f"expected a p95 from 1 to {most:.2f} times the mean of {mean:,g} tokens, got {p95:,g}"
    raise spec_error("", f"{name}: {what}")
