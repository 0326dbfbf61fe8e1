"""Options that several verbs share, and parsers of their values."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from typer.models import OptionInfo

from dse.choose.confidence import LEAST
from dse.choose.confidence import MOST as MOST_SURE
from dse.errors import UnitError, spec_error, unknown
from dse.masks import STORAGE
from dse.search.bound.limits import LEAST_MEMORY, MEMORY
from dse.spec.schema.rents import TERMS
from dse.spec.yaml.units import parse, plain_number
from dse.text import short

Study = Annotated[
    str, typer.Argument(metavar="STUDY", help="Name of a study, STUDY/CASE, its folder or its study.yaml.")
]
Configs = Annotated[
    Path | None,
    typer.Option(
        "--configs", metavar="DIR", help="Folder of your own configs; names are looked up there first."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Folder of the results [default: results/STUDY, of a sweep results/STUDY-sweep].",
    ),
]

Stored = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        envvar=STORAGE,
        help="Database of the trials [default: a file in the results folder].",
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS",
        help="Dask scheduler whose workers do the work, e.g. tcp://head:8786.",
    ),
]


def epilog(*examples: str, codes: str) -> str:
    """Examples and exit codes for the end of a help text, protected from re-wrapping."""
    lines = "\n".join(f"  {line}" for line in examples)
    # \b is click's mark of a paragraph whose line breaks stay
    return f"\b\nExamples:\n{lines}\n\nExit codes: {codes}"


def only_one_of(name: str, value: object, other: str, theirs: object) -> None:
    """Raise `SpecError` where both of two options are given, of which one is allowed."""
    if value is not None and theirs is not None:
        raise spec_error(other, f"expected either this or {name}, got both")


def one_of(*known: str, what: str = "value") -> Callable[[str], str]:
    """Parser of one of a few words, called `what` where another is refused."""

    # not an `Enum`: a wrong word gets the nearest known ones
    def read(text: str) -> str:
        if text not in known:
            raise typer.BadParameter(unknown(what, text, known))
        return text

    return read


PriceMethod = Annotated[
    str,
    typer.Option(
        "--price-method", metavar="METHOD", help="Price of a chip, see `dse catalog price-methods`."
    ),
]

Seller = Annotated[
    str | None,
    typer.Option(
        "--seller",
        metavar="NAME",
        help="Vendor whose gross margin sets the price, with --price-method margin.",
    ),
]
RentTerm = Annotated[
    str | None,
    typer.Option(
        "--rent-term",
        metavar="TERM",
        parser=one_of(*TERMS, what="term"),
        help=f"Term of the rent, with --price-method rent: {', '.join(TERMS)} [default: three-years].",
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


# None where it is left out: a study keeps the software of its file
SoftwareOption = Annotated[
    str | None,
    typer.Option(
        "--software",
        metavar="WHICH",
        parser=one_of("as-sold", "equal", "ideal"),
        help=(
            "Losses of software: as-sold (those of each chip's stack) [default], equal "
            "for all, or ideal (none)."
        ),
    ),
]


NoTargets = Annotated[
    bool, typer.Option("--no-targets", help="Ignore the latency targets in the file of the workload.")
]


def chance(text: str) -> float:
    """Parser of a probability that targets are met with, such as 0.8 or 80 %."""
    share = text.strip()
    number = plain_number(share.removesuffix("%").strip())
    if number is None:
        raise typer.BadParameter(f"expected a probability such as 0.8 or 80 %, got {short(text)}")
    found = float(number) / 100.0 if share.endswith("%") else float(number)
    if not LEAST <= found <= MOST_SURE:
        what = f"expected a probability from {LEAST} (the estimate itself) to {MOST_SURE}, got {short(text)}"
        raise typer.BadParameter(what)
    return found


Confidence = Annotated[
    float | None,
    typer.Option(
        "--confidence",
        metavar="P",
        parser=chance,
        help=(
            "Probability that the targets are met with, by the error bar of each stack, e.g. 0.8 "
            "[default: the estimate meets them, 0.5]."
        ),
    ),
]


MOST = 10**9
"""Largest whole number of an option."""


def whole(minimum: int) -> Callable[[str], int]:
    """Parser of a whole number of at least `minimum`."""

    def read(text: str) -> int:
        number = plain_number(text)
        # no number, and one too small, are one mistake with one sentence
        if not isinstance(number, int) or number < minimum:
            raise typer.BadParameter(f"expected a whole number of at least {minimum}, got {short(text)}")
        if number > MOST:
            raise typer.BadParameter(f"expected a whole number of at most {MOST:,}, got {short(text)}")
        return number

    return read


def seconds(text: str) -> float:
    """Parser of a duration [s]; a number without a unit is in seconds."""
    try:
        found = _with_unit(text, "s")
    except UnitError as error:
        raise typer.BadParameter(str(error)) from None
    if found < 0:
        raise typer.BadParameter(f"expected at least 0 s, got {short(text)}")
    return found


def memory(text: str) -> float:
    """Parser of an amount of memory [B]."""
    try:
        found = parse(text, "B")
    except UnitError as error:
        raise typer.BadParameter(str(error)) from None
    if found < LEAST_MEMORY:
        raise typer.BadParameter(f"expected at least {LEAST_MEMORY / 1e9:g} GB, got {text!r}")
    return found


Memory = Annotated[
    float | None,
    typer.Option(
        "--memory",
        metavar="SIZE",
        parser=memory,
        help=f"Most memory of a proof by boxes, e.g. '8 GB' [default: {MEMORY / 1e9:g} GB].",
    ),
]


def latency(text: str) -> float:
    """Parser of a latency target [s], which needs a unit: a plain 5 may be meant as 5 ms."""
    if plain_number(text) is not None:
        raise typer.BadParameter(f"expected a time with its unit, such as '{text.strip()} ms', got {text!r}")
    return seconds(text)


Tpot = Annotated[
    float | None,
    typer.Option(
        metavar="S", parser=latency, help="Largest time per output token, with its unit, e.g. '5 ms'."
    ),
]
Ttft = Annotated[
    float | None,
    typer.Option(
        metavar="S", parser=latency, help="Largest time to first token, with its unit, e.g. '500 ms'."
    ),
]


Llm = Annotated[str, typer.Option("--llm", metavar="NAME", help="LLM, see `dse catalog llms`.")]
Workload = Annotated[
    str, typer.Option("--workload", metavar="NAME", help="Workload, see `dse catalog workloads`.")
]
Tp = Annotated[
    int | None,
    typer.Option("--tp", metavar="N", parser=whole(1), help="Tensor-parallel ways [default: the cheapest]."),
]
Cp = Annotated[
    int | None,
    typer.Option(
        "--cp",
        metavar="N",
        parser=whole(1),
        help="Chips that share the tokens of a sequence's KV cache [default: the cheapest].",
    ),
]
Pp = Annotated[
    int | None,
    typer.Option("--pp", metavar="N", parser=whole(1), help="Pipeline stages [default: the cheapest]."),
]
Ep = Annotated[
    int | None,
    typer.Option(
        "--ep", metavar="N", parser=whole(1), help="Chips that share the experts [default: the cheapest]."
    ),
]
Batch = Annotated[
    int | None,
    typer.Option(
        "--batch", metavar="N", parser=whole(1), help="Sequences per replica [default: the cheapest]."
    ),
]
Weights = Annotated[
    str,
    typer.Option(
        "--weights",
        metavar="FORMAT",
        help="Number format of the weights: fp8, by part experts=mxfp4,rest=bf16, or published.",
    ),
]
Kv = Annotated[
    str | None,
    typer.Option(
        "--kv",
        metavar="FORMAT",
        help="Number format of the KV cache [default: as --weights, fp16 with 4-bit weights], or one for "
        "each part of what is kept: cache=fp8,index=bf16,state=fp32.",
    ),
]
Activations = Annotated[
    str | None,
    typer.Option(
        "--activations",
        metavar="FORMAT",
        help="Number format of the activations [default: as --weights, fp16 with 4-bit weights].",
    ),
]
CostModelName = Annotated[
    str, typer.Option("--cost-model", metavar="NAME", help="Cost model, see `dse catalog cost-models`.")
]
Serving = Annotated[
    str | None,
    typer.Option(
        "--serving",
        metavar="MODE",
        help="Serving mode, see `dse catalog serving-modes` [default: that of the workload].",
    ),
]


def format_option(*formats: str, text: str = "") -> OptionInfo:
    """The option --format with these values."""
    return OptionInfo(
        # no default here: in `Annotated` typer takes that of the parameter
        default=...,
        param_decls=("--format",),
        metavar="FORMAT",
        parser=one_of(*formats, what="format"),
        help=text or f"Output: {', '.join(formats[:-1])} or {formats[-1]}.",
    )


TableFormat = Annotated[str, format_option("table", "csv", "json")]
Backend = Annotated[
    str,
    typer.Option(
        "--backend",
        metavar="NAME",
        parser=one_of("numpy", "jax", what="backend"),
        help="Array library: numpy, or jax (optional extra).",
    ),
]
Picture = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="Draw a picture into this file (.png, .svg or .pdf)."),
]


def time_list(text: str) -> list[float]:
    """Durations [s] separated by commas, each with its unit; all above 0."""
    found = [latency(part) for part in text.split(",") if part.strip()]
    # `latency` allows 0, which no design could meet
    if not found or min(found) <= 0:
        raise typer.BadParameter(f"expected durations above 0 such as '5 ms,20 ms', got {text!r}")
    return found


def money(text: str) -> float:
    """Parser of an amount [USD]; a number without a unit is in USD."""
    try:
        found = _with_unit(text, "USD")
    except UnitError as error:
        raise typer.BadParameter(str(error)) from None
    if found <= 0:
        raise typer.BadParameter(f"expected more than 0 USD, got {short(text)}")
    return found


def watts(text: str) -> float:
    """Parser of a power [W], which needs a unit."""
    try:
        found = parse(text, "W")
    except UnitError as error:
        raise typer.BadParameter(str(error)) from None
    if found <= 0:
        raise typer.BadParameter(f"expected more than 0 W, got {short(text)}")
    return found


def _with_unit(text: str, unit: str) -> float:
    """A quantity in SI; a number without a unit, which `parse` refuses, is in SI."""
    return parse(text if plain_number(text) is None else f"{text} {unit}", unit)


MaxChips = Annotated[
    int | None,
    typer.Option("--max-chips", metavar="N", parser=whole(1), help="Most chips of the whole system."),
]
MaxCapital = Annotated[
    float | None,
    typer.Option("--max-capital", metavar="USD", parser=money, help="Largest capital, e.g. '2 MUSD'."),
]
MaxPower = Annotated[
    float | None,
    typer.Option(
        "--max-power", metavar="W", parser=watts, help="Largest power at the meter, e.g. '1 MW' or '120 kW'."
    ),
]
DraftLlm = Annotated[
    str | None,
    typer.Option(
        "--draft-llm",
        metavar="NAME",
        help="LLM of the pool that drafts; with --set draft_length=4 --set draft_acceptance=0.7 "
        "[default: speculation of the workload].",
    ),
]
