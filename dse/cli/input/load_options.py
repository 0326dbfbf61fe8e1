"""Options of a load: what arrives in a second, and which statistic of a latency a target holds for."""

import re
from dataclasses import dataclass
from typing import Annotated

import typer

from dse.cli.input.options import latency
from dse.decide.fleet.target import STATISTICS
from dse.errors import UnitError
from dse.spec.yaml.units import parse
from dse.text import short


# no tuples: the parser of the command line takes one for two values
@dataclass(frozen=True)
class Limit:
    """A target of one latency."""

    statistic: str
    seconds: float


@dataclass(frozen=True)
class Given:
    """A load as it was given."""

    rate: float
    """Of requests or tokens [1/s]."""
    tokens: bool = False
    """Whether output tokens are counted, and not requests."""


_PER_S = re.compile(r"\s*(?P<number>[\d.,]+\s*[kM]?)\s*(?P<what>tok(?:en)?s?)\s*/\s*(?P<time>s|min|h|day)\s*")
_USERS = re.compile(r"\s*(?P<number>[\d,]+)\s*users?\s*(?:,|every|each|with)\s*(?P<time>.+)")


def load(text: str) -> Given:
    """Parser of a load: requests or output tokens a second, or users and the time between their requests."""
    if found := _PER_S.fullmatch(text):
        number = found["number"].replace(",", "").replace(" ", "")
        factor = {"k": 1e3, "M": 1e6}.get(number[-1], 1.0)
        plain = number.rstrip("kM")
        try:
            return Given(float(plain) * factor / parse(f"1 {found['time']}", "s"), tokens=True)
        except ValueError:
            raise typer.BadParameter(f"expected a load such as '8,000 token/s', got {short(text)}") from None
    if found := _USERS.fullmatch(text):
        think = latency(found["time"].removesuffix("think time").strip())
        if think <= 0.0:
            raise typer.BadParameter(f"expected a time between requests above 0 s, got {short(text)}")
        return Given(float(found["number"].replace(",", "")) / think)
    try:
        rate = parse(text, "1/s")
    except UnitError:
        such = "'40 req/s', '8,000 token/s' of output, or '500 users, 30 s' (between their requests)"
        raise typer.BadParameter(f"expected a load such as {such}, got {short(text)}") from None
    if not 0.0 < rate < float("inf"):
        raise typer.BadParameter(f"expected more than 0 req/s, got {short(text)}")
    return Given(rate)


def limit(text: str) -> Limit:
    """Parser of a target: a statistic and a time, such as 'p95 1 s'."""
    words = text.replace("=", " ").replace(":", " ").split()
    named = [w for w in words if w in STATISTICS]
    rest = " ".join(w for w in words if w not in STATISTICS)
    if len(named) != 1 or not rest:
        known = ", ".join(STATISTICS)
        raise typer.BadParameter(
            f"expected a statistic ({known}) and a time, such as 'p95 1 s', got {short(text)}"
        )
    seconds = latency(rest)
    if seconds <= 0.0:
        raise typer.BadParameter(f"expected more than 0 s, got {short(text)}")
    return Limit(named[0], seconds)


Load = Annotated[
    Given,
    typer.Option(
        "--load",
        metavar="LOAD",
        parser=load,
        help="What arrives at the peak: '40 req/s', '8,000 token/s' of output, or '500 users, 30 s' for "
        "users who send one request every 30 s at most.",
    ),
]
TtftLimit = Annotated[
    Limit | None,
    typer.Option(
        "--ttft", metavar="STAT S", parser=limit, help="Target of TTFT, queue included, e.g. 'p95 1 s'."
    ),
]
TpotLimit = Annotated[
    Limit | None,
    typer.Option("--tpot", metavar="STAT S", parser=limit, help="Target of TPOT, e.g. 'p95 40 ms'."),
]
EndToEndLimit = Annotated[
    Limit | None,
    typer.Option(
        "--end-to-end", metavar="STAT S", parser=limit, help="Target of end-to-end latency, e.g. 'p99 30 s'."
    ),
]
