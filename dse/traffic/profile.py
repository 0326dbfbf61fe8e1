"""Traffic as it is used: the distributions that a file describes, with the traces that it names."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from dse.errors import Problem, SpecError, spec_error
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.traffic import ArrivalsSpec, LengthSpec, LengthsSpec, TrafficSpec
from dse.traffic.arrivals import Arrivals
from dse.traffic.distributions.lengths import Counted, Coupled, Lengths, Table
from dse.traffic.distributions.marginals import Fixed, Histogram, Lognormal, Marginal, Weibull
from dse.traffic.distributions.moments import Moments
from dse.traffic.distributions.nodes import nodes
from dse.traffic.requests import Requests
from dse.traffic.trace_file import BLOCK_TOKENS, read_trace
from objectives import api

NODES: Final = 64
"""Kinds of requests that a distribution is summed over."""


@dataclass(frozen=True)
class Profile:
    """Requests of many users."""

    name: str
    lengths: Lengths
    arrivals: Arrivals
    rate: float | None = None
    """Requests in a second, the mean over the day; None where a load must set it."""
    hit: float | None = None
    """Share of all prompt tokens that a cache finds which forgets nothing; None where it is unknown."""
    trace: Requests | None = None
    """Requests that are sent as they are, where arrivals and lengths are those of one trace."""
    remarks: tuple[str, ...] = ()
    """What reading a trace has changed, a sentence each."""

    def resolve(self, most: int = NODES) -> api.Traffic:
        """The traffic as the equations want it."""
        few, moments, arrivals = nodes(self.lengths, most), self.lengths.moments, self.arrivals
        bursts = arrivals.process == "on-off"
        return api.Traffic(
            isl=few.isl,
            osl=few.osl,
            weight=few.weight,
            isl_mean=moments.isl.mean,
            isl_second=moments.isl.second,
            osl_mean=moments.osl.mean,
            osl_second=moments.osl.second,
            cross=moments.cross,
            rate=self.rate or 0.0,
            # that of bursts hangs on the rate, and follows from their lengths
            arrival_cv=1.0 if bursts else arrivals.cv_at(self.rate or 1.0),
            burst_s=arrivals.burst_s,
            silence_s=arrivals.silence_s,
            quiet=arrivals.quiet if bursts else 1.0,
            peak=arrivals.peak,
            hit=self.hit or 0.0,
        )


def traffic_named(catalog: Catalog, name: str) -> Profile:
    """The traffic of that name, alias or path; raises `SpecError` with all problems of its traces too."""
    path = catalog.path("traffic", name)
    return profile(catalog.get(TrafficSpec, name), path.parent)


def profile(spec: TrafficSpec, folder: Path) -> Profile:
    """What a spec in `folder` describes; raises `SpecError` with all problems of its traces."""
    given = spec.prefixes.block_tokens.value if spec.prefixes and spec.prefixes.block_tokens else None
    traces: dict[str, Requests] = {}
    problems: dict[Problem, None] = {}
    for key, name in (("arrivals.trace", spec.arrivals.trace), ("lengths.trace", spec.lengths.trace)):
        if name is not None and name not in traces:
            try:
                traces[name] = read_trace(folder / name, block_tokens=given or BLOCK_TOKENS)
                if key == "arrivals.trace" and traces[name].arrival_s[-1] <= 0.0:
                    what = f"{key}: expected requests at two times at least, got all at one time"
                    problems[Problem(str(folder / name), what)] = None
            except SpecError as error:
                problems |= dict.fromkeys(error.problems)
    if problems:
        raise SpecError(problems)
    as_sent = spec.arrivals.trace if spec.arrivals.trace == spec.lengths.trace else None
    arrivals = _arrivals(spec.arrivals, traces)
    return Profile(
        name=spec.name,
        lengths=_lengths(spec.lengths, traces),
        arrivals=arrivals,
        rate=spec.rate.value if spec.rate else arrivals.recorded_rate,
        hit=spec.prefixes.hit.value if spec.prefixes and spec.prefixes.hit else None,
        trace=None if as_sent is None else traces[as_sent],
        remarks=tuple(f"{folder / n}: {r}" for n, trace in traces.items() for r in trace.remarks),
    )


def rate_of(traffic: Profile, rate: float | None) -> float:
    """The stated rate [1/s], else that of the traffic; raises `SpecError` where neither is known."""
    found = traffic.rate if rate is None else rate
    if found is None:
        what = f"rate: expected requests in a second, since traffic {traffic.name} states none, got none"
        raise spec_error("", what)
    if not 0.0 < found < float("inf"):
        raise spec_error("", f"rate: expected more than 0 requests in a second, got {found:g}")
    return found


def moments_of(spec: TrafficSpec) -> Moments | None:
    """Moments of lengths that the file itself states; None of a trace."""
    return None if spec.lengths.trace is not None else _lengths(spec.lengths, {}).moments


def _arrivals(spec: ArrivalsSpec, traces: dict[str, Requests]) -> Arrivals:
    """The process of arrivals, with hours of the day whose mean is 1."""
    hours = spec.daily.value if spec.daily else None
    mean = sum(hours) / len(hours) if hours else 1.0
    return Arrivals(
        process=spec.process,
        cv=spec.cv.value if spec.cv and spec.cv.value is not None else 1.0,
        burst_s=(spec.burst.value if spec.burst else None) or 0.0,
        silence_s=(spec.silence.value if spec.silence else None) or 0.0,
        quiet=(spec.quiet.value if spec.quiet else None) or 0.0,
        daily=tuple(h / mean for h in hours or ()),
        at_s=None if spec.trace is None else traces[spec.trace].arrival_s,
    )


def _lengths(spec: LengthsSpec, traces: dict[str, Requests]) -> Lengths:
    """The joint distribution; the schema has seen to it that it is stated in one way."""
    if spec.trace is not None:
        return Counted(traces[spec.trace].isl, traces[spec.trace].osl)
    if spec.isl is None or spec.osl is None:
        raise ValueError("expected isl and osl where there is no trace")
    if spec.joint is not None and spec.joint.value is not None:
        share = np.array(spec.joint.value, dtype=np.float64)
        return Table(_edges(spec.isl), _edges(spec.osl), share / share.sum())
    rank = spec.rank_correlation.value if spec.rank_correlation else None
    return Coupled(_marginal(spec.isl), _marginal(spec.osl), rank or 0.0)


def _marginal(spec: LengthSpec) -> Marginal:
    """The distribution of one length; the schema has seen to it that its numbers are there."""
    mean, p50, p95 = (leaf.value if leaf else None for leaf in (spec.mean, spec.p50, spec.p95))
    if spec.distribution == "histogram":
        share = np.array(spec.shares.value if spec.shares else (), dtype=np.float64)
        return Histogram(_edges(spec), share / share.sum())
    if spec.distribution == "fixed" and mean is not None:
        return Fixed(mean)
    if spec.distribution == "weibull" and mean is not None and p95 is not None:
        return Weibull.of(mean, p95)
    if p95 is None:
        raise ValueError(f"expected numbers for {spec.distribution}")
    return Lognormal.of(p95, mean=mean, p50=p50)


def _edges(spec: LengthSpec) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(spec.edges.value if spec.edges else (), dtype=np.float64)
