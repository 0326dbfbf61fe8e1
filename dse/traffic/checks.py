"""Whether the distribution of a traffic file is that of its source, and its traces can be read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dse.errors import Problem, SpecError
from dse.spec.schema.traffic import TrafficSpec
from dse.traffic.profile import Profile, profile

MEAN_WITHIN: Final = 0.01
"""Of the stated mean."""
QUANTILE_WITHIN: Final = 0.05
"""Of a stated quantile."""
CORRELATION_WITHIN: Final = 0.05
QUANTILES: Final = ("p50", "p95", "p99")


def traffic_problems(spec: TrafficSpec, path: Path) -> Iterator[Problem]:
    """Problems of a traffic file at `path` that its keys alone do not show."""
    try:
        found = profile(spec, path.parent)
    except SpecError as error:
        yield from error.problems
        return
    for key, what in _unlike(spec, found):
        yield Problem(str(path), f"{key}: {what}", key=key)


def _unlike(spec: TrafficSpec, found: Profile) -> Iterator[tuple[str, str]]:
    """Keys of what is stated and the distribution does not have."""
    stated, moments = spec.stated, found.lengths.moments
    if stated is None:
        return
    for name in ("isl", "osl"):
        said, own = getattr(stated, name), getattr(moments, name)
        for which in ("mean", *QUANTILES):
            leaf = getattr(said, which, None)
            if leaf is None or leaf.value is None:
                continue
            has, within = getattr(own, which), MEAN_WITHIN if which == "mean" else QUANTILE_WITHIN
            # a quantile of few tokens is as near as whole tokens come
            if abs(has - leaf.value) > max(within * leaf.value, 0.0 if which == "mean" else 1.0):
                what = f"expected within {within:.0%} of the {has:,.1f} tokens of lengths.{name}"
                yield f"stated.{name}.{which}", f"{what}, got {leaf.value:,.1f}"
    if stated.correlation is not None and stated.correlation.value is not None:
        said, has = stated.correlation.value, moments.correlation
        if abs(has - said) > CORRELATION_WITHIN:
            what = f"expected within {CORRELATION_WITHIN} of the {has:.3f} of lengths, got {said:.3f}"
            yield "stated.correlation", what
