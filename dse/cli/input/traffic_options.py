"""Options that say what requests arrive: a trace, a profile of the catalog, or lengths."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from dse.cli.input.options import seconds, whole
from dse.errors import Problem, SpecError, UnitError, placed, spec_error
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.workload import WorkloadSpec
from dse.spec.yaml.units import parse
from dse.text import short
from dse.traffic.arrivals import Arrivals
from dse.traffic.asked import length
from dse.traffic.distributions.lengths import Coupled
from dse.traffic.distributions.marginals import Marginal, Weibull
from dse.traffic.profile import Profile, traffic_named
from dse.traffic.requests import Requests
from dse.traffic.sample import sample
from dse.traffic.trace_file import read_trace

COUNT = 2_000
"""Requests that are drawn where nothing is said: enough for a p99."""

_LENGTH = re.compile(
    r"\s*([\d.,]+k?)\s*(?:(?:,|\s)\s*p95\s*=?\s*([\d.,]+k?))?\s*(?:tokens?)?\s*", re.IGNORECASE
)


def a_second(text: str) -> float:
    """Parser of requests a second, such as 40 req/s."""
    try:
        found = parse(text, "1/s")
    except UnitError:
        raise typer.BadParameter(
            f"expected requests a second such as '40 req/s', got {short(text)}"
        ) from None
    if not 0.0 < found < float("inf"):
        raise typer.BadParameter(f"expected more than 0 req/s, got {short(text)}")
    return found


def tokens(text: str) -> Marginal:
    """Parser of tokens: one number for all requests, or a mean and a p95 of a log-normal distribution."""
    found = _LENGTH.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"expected tokens such as 400, or '3000 p95 12000', got {short(text)}")
    mean, p95 = (None if n is None else _number(n, text) for n in found.groups())
    try:
        return length("", mean or 0.0, p95)
    except SpecError as error:
        raise typer.BadParameter("; ".join(p.what.removeprefix(": ") for p in error.problems)) from None


def _remarks(lengths: Mapping[str, Marginal]) -> Iterator[str]:
    for name, each in lengths.items():
        if isinstance(each, Weibull):
            yield f"{name}: no log-normal distribution has this mean and this p95, so a Weibull one is taken"


def _number(text: str, whole_text: str) -> float:
    thousand = 1000.0 if text.lower().endswith("k") else 1.0
    try:
        return float(text.lower().removesuffix("k").replace(",", "")) * thousand
    except ValueError:
        raise typer.BadParameter(
            f"expected tokens such as 400, or '3000 p95 12000', got {short(whole_text)}"
        ) from None


@dataclass(frozen=True, kw_only=True)
class ProfileOptions:
    """What requests look like: a profile of the catalog, or lengths."""

    traffic: Annotated[
        str | None,
        typer.Option(
            "--traffic", metavar="NAME", help="Profile to draw requests from, see `dse catalog traffic`."
        ),
    ] = None
    isl: Annotated[
        Marginal | None,
        typer.Option(
            "--isl",
            metavar="TOKENS",
            parser=tokens,
            help="Prompt tokens of each request, e.g. 512, or a mean and a p95: '3000 p95 12000'.",
        ),
    ] = None
    osl: Annotated[
        Marginal | None,
        typer.Option("--osl", metavar="TOKENS", parser=tokens, help="Output tokens, as --isl."),
    ] = None
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", parser=whole(0), help="Of what is drawn by chance.")
    ] = 0

    def profile(self, workload: str | None, configs: Path | None) -> Profile:
        """The profile, or lengths with arrivals by chance; that of the workload where nothing is said."""
        catalog = Catalog.of(configs)
        if self.traffic is not None:
            if self.isl is not None or self.osl is not None:
                raise spec_error("--traffic", "expected either this or --isl and --osl, got both")
            try:
                return traffic_named(catalog, self.traffic)
            except SpecError as error:
                raise SpecError([placed("--traffic", p) for p in error.problems]) from None
        if self.isl is not None and self.osl is not None:
            return Profile(
                name="lengths",
                lengths=Coupled(self.isl, self.osl, 0.0),
                arrivals=Arrivals(process="poisson"),
                remarks=tuple(_remarks({"--isl": self.isl, "--osl": self.osl})),
            )
        if self.isl is not None or self.osl is not None:
            missing = "--osl" if self.osl is None else "--isl"
            raise spec_error(missing, "expected tokens next to those of the other option, got none")
        named = None if workload is None else catalog.get(WorkloadSpec, workload).traffic
        if named is not None:
            return traffic_named(catalog, named)
        raise spec_error("--traffic", "expected requests by --traffic, or by --isl and --osl, got none")


@dataclass(frozen=True, kw_only=True)
class TrafficOptions(ProfileOptions):
    """What arrives: a trace, or requests that are drawn."""

    trace: Annotated[
        Path | None,
        typer.Option(
            "--trace",
            metavar="FILE",
            help="Requests, one a line: CSV or JSON lines with arrival_s, isl, osl (seconds, prompt and "
            "output tokens).",
        ),
    ] = None
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate",
            metavar="RATE",
            parser=a_second,
            help="Requests a second, e.g. '40 req/s' [default: that of the profile].",
        ),
    ] = None
    requests: Annotated[
        int | None,
        typer.Option(
            "--requests", metavar="N", parser=whole(1), help=f"Requests that are drawn [default: {COUNT:,}]."
        ),
    ] = None
    duration: Annotated[
        float | None,
        typer.Option(
            "--duration",
            metavar="TIME",
            parser=seconds,
            help="Time for which they arrive, instead of --requests.",
        ),
    ] = None

    def drawn(self, workload: str | None, configs: Path | None) -> Requests:
        """The requests; raises `SpecError` for none, and for several at once."""
        if self.trace is not None:
            self._alone()
            return read_trace(self.trace)
        if self.requests is not None and self.duration is not None:
            raise spec_error("--duration", "expected either this or --requests, got both")
        found = self.profile(workload, configs)
        if self.rate is None and found.rate is None:
            raise spec_error("--rate", "expected requests a second such as '4 req/s', got none")
        count = None if self.duration is not None else self.requests or COUNT
        try:
            drawn = sample(found, self.rate, n=count, duration_s=self.duration, seed=self.seed)
        except SpecError as error:
            raise SpecError([placed("--rate", p) for p in error.problems]) from None
        return replace(drawn, remarks=(*found.remarks, *drawn.remarks))

    def _alone(self) -> None:
        """Raise `SpecError` for what does not go with a trace."""
        given = {"--traffic": self.traffic, "--isl": self.isl, "--osl": self.osl, "--rate": self.rate}
        given |= {"--requests": self.requests, "--duration": self.duration}
        what = "expected none with --trace, whose requests have times and lengths of their own, got one"
        if problems := [Problem(name, what) for name, value in given.items() if value is not None]:
            raise SpecError(problems)
