"""Options that several verbs share, and readers that say what they expected and what they got."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from dse.errors import UnitError, nearest, spec_error
from dse.spec.yaml.units import parse

Study = Annotated[
    str, typer.Argument(metavar="STUDY", help="A study's name, STUDY/CASE, its folder or its study.yaml.")
]
Configs = Annotated[
    Path | None,
    typer.Option("--configs", metavar="DIR", help="A folder of your own configs, searched before ours."),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Where the results of this study live [results/STUDY]."),
]

Stored = Annotated[
    str | None,
    typer.Option("--storage", metavar="URL", help="Where the trials lie, if not in the results folder."),
]
Scheduler = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="ADDRESS", help="A Dask cluster does the work: tcp://head:8786."),
]


def epilog(*examples: str, codes: str) -> str:
    """Examples and exit codes for the end of a help text, protected from re-wrapping."""
    lines = "\n".join(f"  {line}" for line in examples)
    return f"\b\nExamples:\n{lines}\n\nExit codes: {codes}"


def only_one_of(name: str, value: object, other: str, theirs: object) -> None:
    """Raise `SpecError` when two options are given that exclude each other."""
    if value is not None and theirs is not None:
        raise spec_error(other, f"expected either this or {name}, got both")


def one_of(*known: str) -> Callable[[str], str]:
    """Reader of one of a few words."""

    def read(text: str) -> str:
        if text not in known:
            raise typer.BadParameter(
                f"expected one of {', '.join(known)}, got {text!r}. {nearest(text, known)}"
            )
        return text

    return read


PRICE_METHOD = "listed, unit-cost, margin, compute-ratio or another of `dse catalog price-methods`"
"""What `--price-method` takes."""

Seller = Annotated[
    str | None,
    typer.Option(
        "--seller", metavar="NAME", help="Whose gross margin, for margin: see `dse catalog technology`."
    ),
]
System = Annotated[
    str,
    typer.Option(
        "--system",
        metavar="WHAT",
        parser=one_of("chips-only", "with-host-and-network", "built-up"),
        help="What capital covers: chips-only, with-host-and-network or built-up.",
    ),
]


SoftwareOption = Annotated[
    str | None,
    typer.Option(
        "--software",
        metavar="WHICH",
        parser=one_of("as-sold", "equal", "ideal"),
        help="as-sold: each chip's own stack; equal: one class of losses for all; ideal: no losses.",
    ),
]


NoTargets = Annotated[
    bool, typer.Option("--no-targets", help="Lift the latency targets that the workload's file states.")
]


def whole(minimum: int) -> Callable[[str], int]:
    """Reader of a whole number of at least `minimum`."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = minimum - 1
        if number < minimum:
            raise typer.BadParameter(f"expected a whole number of at least {minimum}, got {text!r}")
        return number

    return read


def seconds(text: str) -> float:
    """Reader of a duration: a bare number is in seconds."""
    try:
        found = float(text) if _bare(text) else parse(text, "s")
    except UnitError as error:
        raise typer.BadParameter(str(error)) from None
    if not 0 <= found < float("inf"):
        raise typer.BadParameter(f"expected at least 0 s, got {text!r}")
    return found


def latency(text: str) -> float:
    """Reader of a latency target, whose unit must be said: a bare 5 may be meant as 5 ms."""
    if _bare(text):
        raise typer.BadParameter(f"expected a time with its unit, such as '{text.strip()} ms', got {text!r}")
    return seconds(text)


Tpot = Annotated[
    float | None, typer.Option(metavar="S", parser=latency, help="Time per output token at most: '5 ms'.")
]
Ttft = Annotated[
    float | None, typer.Option(metavar="S", parser=latency, help="Time to first token at most: '500 ms'.")
]


def time_list(text: str) -> list[float]:
    """Durations separated by commas, each with its unit; all above 0."""
    found = [latency(part) for part in text.split(",") if part.strip()]
    if not found or min(found) <= 0:
        raise typer.BadParameter(f"expected durations above 0 such as '5 ms,20 ms', got {text!r}")
    return found


def money(text: str) -> float:
    """Reader of an amount: a bare number is in USD."""
    try:
        found = float(text) if _bare(text) else parse(text, "USD")
    except UnitError as error:
        raise typer.BadParameter(str(error)) from None
    if not 0 < found < float("inf"):
        raise typer.BadParameter(f"expected more than 0 USD, got {text!r}")
    return found


def _bare(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
