"""What users send: when requests arrive, how long prompts and answers are, how many begin alike."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from dse.spec.json_schema.quantities import UNIT
from dse.spec.schema.base import (
    Aliases,
    FileName,
    Notes,
    Number,
    Size,
    Sourced,
    SourcedCount,
    SourcedSeconds,
    SourcedShare,
    Spec,
    Title,
    unit,
)
from objectives.equations.traffic.lognormal import largest_p95_over_mean, log_sigma
from objectives.equations.traffic.weibull import p95_over_mean, shape_of, widest_shape

Tokens = Annotated[float, unit("token", 1.0)]
SourcedTokens = Sourced[Tokens]
Rate = Annotated[float, unit("request/s"), Field(gt=0.0)]
Correlation = Annotated[float, Field(ge=-0.99, le=0.99, json_schema_extra={UNIT: "1"})]
Variation = Annotated[float, Field(ge=0.0, le=100.0, json_schema_extra={UNIT: "1"})]
Numbers = tuple[Number, ...]
_HOURS = 24
_SHORTEST_S = 1e-3
"""Of a burst or a silence; what is shorter is less than a gap between requests."""
_MOST_BINS = 1000
_NEAR_ONE = 0.02
"""How far shares that are meant to be all of them may be from 1 by rounding."""


class LengthSpec(Spec):
    """The distribution of one length, of prompts or of answers."""

    distribution: Literal["fixed", "lognormal", "weibull", "histogram"]
    """`fixed`: `mean` alone; `lognormal`: `mean` or `p50`, and `p95`; `weibull`: `mean` and `p95`, up to 4.67
    times as much; `histogram`: `edges` and `shares`."""
    mean: SourcedTokens | None = None
    """Mean length."""
    p50: SourcedTokens | None = None
    """Length that half of the requests do not exceed."""
    p95: SourcedTokens | None = None
    """Length that 95 % of the requests do not exceed."""
    edges: Sourced[tuple[Size, ...]] | None = None
    """Ascending whole numbers of tokens: a bin goes from one edge to one token below the next, and lengths
    in it are equally frequent."""
    shares: Sourced[Numbers] | None = None
    """Share, or number, of the requests in each bin, one less than edges; left out under a `joint`."""

    @model_validator(mode="after")
    def _keys(self) -> "LengthSpec":
        """The keys of its distribution, and no others."""
        if self.distribution == "lognormal" and (self.mean is None) == (self.p50 is None):
            got = "neither" if self.mean is None else "both"
            raise ValueError(f"mean: expected either mean or p50 for lognormal, got {got}")
        middle = "mean" if self.p50 is None else "p50"
        wanted = {
            "fixed": ("mean",),
            "lognormal": (middle, "p95"),
            "weibull": ("mean", "p95"),
            "histogram": ("edges",),
        }[self.distribution]
        for name in ("mean", "p50", "p95", "edges", "shares"):
            leaf = getattr(self, name)
            if name in wanted and (leaf is None or leaf.value is None):
                raise ValueError(f"{name}: expected a known value for {self.distribution}, got none")
            allowed = name in wanted or (name, self.distribution) == ("shares", "histogram")
            if leaf is not None and not allowed:
                raise ValueError(f"{name}: expected none for {self.distribution}, got one")
        return self

    @model_validator(mode="after")
    def _tail(self) -> "LengthSpec":
        """A distribution with that middle and tail exists."""
        mean, p50, p95 = (leaf.value if leaf else None for leaf in (self.mean, self.p50, self.p95))
        if p50 is not None and p95 is not None and p95 < p50:
            raise ValueError(f"p95: expected at least the p50 of {p50:,g} tokens, got {p95:,g}")
        if mean is None or p95 is None:
            return self
        furthest = p95_over_mean(widest_shape())
        if self.distribution == "lognormal" and log_sigma(mean, p95) is None:
            most = largest_p95_over_mean()
            also = f"; a weibull reaches {furthest:.2f} times" if most < p95 / mean <= furthest else ""
            what = f"expected from 1 to {most:.2f} times the mean of {mean:,g} tokens, as a lognormal has it"
            raise ValueError(f"p95: {what}, got {p95:,g}, {p95 / mean:.2f} times{also}")
        if self.distribution == "weibull" and shape_of(mean, p95) is None:
            what = f"expected from 1.03 to {furthest:.2f} times the mean of {mean:,g} tokens"
            raise ValueError(f"p95: {what}, as a weibull has it, got {p95:,g}, {p95 / mean:.2f} times")
        return self

    @model_validator(mode="after")
    def _bins(self) -> "LengthSpec":
        """Edges that ascend, and a share for each bin."""
        if self.edges is None or self.edges.value is None:
            return self
        edges = self.edges.value
        if len(edges) < 2 or len(edges) > _MOST_BINS or edges[0] < 1:
            raise ValueError(f"edges: expected 2 to {_MOST_BINS} edges from 1 token on, got {len(edges)}")
        if wrong := next((pair for pair in pairwise(edges) if pair[0] >= pair[1]), None):
            raise ValueError(f"edges: expected ascending numbers, got {wrong[0]} before {wrong[1]}")
        shares = self.shares.value if self.shares else None
        if shares is not None:
            if len(shares) != len(edges) - 1:
                raise ValueError(
                    f"shares: expected {len(edges) - 1} numbers, one less than edges, got {len(shares)}"
                )
            if wrong_sum := _no_whole(shares):
                raise ValueError(f"shares: {wrong_sum}")
        return self

    @property
    def bins(self) -> int:
        """Bins of a histogram."""
        return len(self.edges.value) - 1 if self.edges is not None and self.edges.value else 0


def _no_whole(shares: Numbers) -> str:
    """Why numbers are no shares and no counts; the empty string where they are."""
    total = sum(shares)
    if total <= 0.0:
        return "expected some above 0, got none"
    # counts are whole numbers, and any sum of them is right
    if all(s == int(s) for s in shares) or abs(total - 1.0) <= _NEAR_ONE:
        return ""
    return f"expected whole numbers of requests, or shares with the sum 1, got the sum {total:g}"


class LengthsSpec(Spec):
    """The joint distribution of the lengths of prompts and answers."""

    isl: LengthSpec | None = None
    """Prompt tokens; left out where a `trace` has them."""
    osl: LengthSpec | None = None
    """Output tokens; left out where a `trace` has them."""
    rank_correlation: Sourced[Correlation] | None = None
    """Spearman's rank correlation of the two; left out, they are independent unless a `joint` is given."""
    joint: Sourced[tuple[Numbers, ...]] | None = None
    """Share, or number, of the requests by both histograms: a row for each bin of `isl`, in it a number for
    each bin of `osl`."""
    trace: str | None = None
    """File with requests, CSV or JSON lines, by its path from this file: its lengths as they are."""

    @model_validator(mode="after")
    def _one_way(self) -> "LengthsSpec":
        """Either a trace or two distributions, which one thing joins at most."""
        given = [name for name in ("isl", "osl") if getattr(self, name) is not None]
        if self.trace is not None:
            others = [n for n in (*given, "rank_correlation", "joint") if getattr(self, n) is not None]
            if others:
                raise ValueError(f"expected either trace or {' and '.join(others)}, got both")
            return self
        if self.isl is None or self.osl is None:
            got = given[0] if given else "neither"
            raise ValueError(f"expected isl and osl, or a trace, got {got}")
        if self.joint is not None and self.rank_correlation is not None:
            raise ValueError("expected either joint or rank_correlation, got both")
        if self.joint is not None and self.joint.value is not None:
            self._table(self.isl, self.osl, self.joint.value)
        else:
            for name, length in (("isl", self.isl), ("osl", self.osl)):
                if length.bins and (length.shares is None or length.shares.value is None):
                    raise ValueError(f"{name}.shares: expected a number for each bin, or a joint, got none")
        return self

    @staticmethod
    def _table(isl: LengthSpec, osl: LengthSpec, joint: tuple[Numbers, ...]) -> None:
        """Raise `ValueError` for a table that the two histograms do not fit."""
        for name, length in (("isl", isl), ("osl", osl)):
            if not length.bins:
                raise ValueError(f"joint: expected {name} to be a histogram, got {length.distribution}")
            if length.shares is not None:
                raise ValueError(f"{name}.shares: expected none with a joint, which has them, got one")
        if len(joint) != isl.bins:
            raise ValueError(f"joint: expected {isl.bins} rows, as isl has bins, got {len(joint)}")
        for i, row in enumerate(joint, start=1):
            if len(row) != osl.bins:
                what = f"expected {osl.bins} numbers, as osl has bins, got {len(row)}"
                raise ValueError(f"joint: row {i}: {what}")
        if wrong := _no_whole(tuple(n for row in joint for n in row)):
            raise ValueError(f"joint: {wrong}")


class ArrivalsSpec(Spec):
    """When requests arrive."""

    process: Literal["poisson", "gamma", "on-off", "trace"]
    """`poisson`: independent of each other; `gamma`: gaps with the coefficient of variation `cv`; `on-off`:
    Poisson at two rates, in bursts and silences of exponential lengths; `trace`: the gaps of a file."""
    cv: Sourced[Variation] | None = None
    """Standard deviation of the gaps between arrivals over their mean; 1 is Poisson, 0 is a clock."""
    burst: SourcedSeconds | None = None
    """Mean length of a burst."""
    silence: SourcedSeconds | None = None
    """Mean length of a silence."""
    quiet: SourcedShare | None = None
    """Rate in a silence over that in a burst; left out, 0."""
    trace: str | None = None
    """File with requests, CSV or JSON lines, by its path from this file."""
    daily: Sourced[Numbers] | None = None
    """Relative rate of each hour of the day, 24 numbers from midnight on, whatever their sum; left out, all
    hours are alike. The rate of a load is the mean over the day."""

    @model_validator(mode="after")
    def _keys(self) -> "ArrivalsSpec":
        """The keys of its process, and no others."""
        wanted = {"gamma": ("cv",), "on-off": ("burst", "silence"), "trace": ("trace",)}.get(self.process, ())
        for name in ("cv", "burst", "silence", "quiet", "trace"):
            leaf = getattr(self, name)
            value = leaf if leaf is None or isinstance(leaf, str) else leaf.value
            if name in wanted and value is None:
                raise ValueError(f"{name}: expected a known value for {self.process}, got none")
            if name not in wanted and leaf is not None and (name, self.process) != ("quiet", "on-off"):
                raise ValueError(f"{name}: expected none for {self.process}, got one")
            if name in ("burst", "silence") and isinstance(value, float) and value < _SHORTEST_S:
                raise ValueError(f"{name}: expected at least {_SHORTEST_S:g} s, got {value:g} s")
        return self

    @model_validator(mode="after")
    def _day(self) -> "ArrivalsSpec":
        """A number for each hour."""
        hours = self.daily.value if self.daily else None
        if hours is None:
            return self
        if self.process == "trace":
            raise ValueError("daily: expected none for trace, which has its own hours, got one")
        if len(hours) != _HOURS:
            raise ValueError(f"daily: expected {_HOURS} numbers, one an hour, got {len(hours)}")
        if not any(hours):
            raise ValueError("daily: expected some above 0, got none")
        return self


class PrefixesSpec(Spec):
    """How much of the prompts was seen before."""

    hit: SourcedShare | None = None
    """Share of all prompt tokens that a cache finds which forgets nothing; null where it is unknown."""
    block_tokens: SourcedCount | None = None
    """Tokens of a block, where a `trace` has blocks; left out, 512 as in Mooncake's traces."""


class StatedLengthSpec(Spec):
    """What a source says of one length, as a check of the distribution above."""

    mean: SourcedTokens | None = None
    """Mean length."""
    p50: SourcedTokens | None = None
    """Length that half of the requests do not exceed."""
    p95: SourcedTokens | None = None
    """Length that 95 % of the requests do not exceed."""
    p99: SourcedTokens | None = None
    """Length that 99 % of the requests do not exceed."""


class StatedSpec(Spec):
    """What a source says of the requests, as a check of the distribution above: no equation reads it."""

    requests: SourcedCount | None = None
    """Requests that were counted."""
    isl: StatedLengthSpec | None = None
    """Of prompts."""
    osl: StatedLengthSpec | None = None
    """Of answers."""
    correlation: Sourced[Correlation] | None = None
    """Pearson's correlation of the two lengths."""


class TrafficSpec(Spec):
    """Requests of many users: arrivals, lengths, prompts that begin alike."""

    kind: Literal["traffic"]
    """Kind of this file."""
    name: FileName
    title: Title
    aliases: Aliases = ()
    rate: Sourced[Rate] | None = None
    """Requests in a second, the mean over the day; left out, a load sets it."""
    arrivals: ArrivalsSpec
    """When requests arrive."""
    lengths: LengthsSpec
    """How long prompts and answers are."""
    prefixes: PrefixesSpec | None = None
    """Prompts that begin like an earlier one; left out, none does."""
    stated: StatedSpec | None = None
    """What the source says of mean and tail, which `dse check` holds the distribution to."""
    notes: Notes = None
