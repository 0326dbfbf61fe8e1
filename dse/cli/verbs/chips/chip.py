"""`dse chip`: what one chip is made of, what it costs and what it draws."""

from pathlib import Path
from typing import Annotated

import typer

import dse
from dse.cli.input.lookups import checked, sold_by
from dse.cli.input.options import PRICE_METHOD, Configs, Seller, epilog, one_of
from dse.cli.input.output_paths import picture_place
from dse.cli.show.chip_table import show
from dse.cli.terminal.guard import complain
from dse.cli.terminal.machine_output import emit_json
from dse.errors import ExitCode
from dse.report.plots.chip_plot import draw_chip
from dse.report.words.violations import pretty_violation

EPILOG = epilog(
    "dse chip h100",
    "dse chip groq --node 5nm --set sram='512 MB' --plot lpu-5nm.png",
    "dse chip mi300x --price-method margin --seller amd-chip --format json",
    codes="0 done, 1 a hypothetical chip that cannot be made (shown all the same), 2 wrong input.",
)


def chip(
    name: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A chip: see `dse catalog chips`.")],
    node: Annotated[
        str | None, typer.Option(metavar="NODE", help="Make it on another node, such as 5nm or n3.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Exchange a number, such as sram='512 MB'."),
    ] = None,
    price_method: Annotated[
        str | None,
        typer.Option(metavar="METHOD", help=f"{PRICE_METHOD} [default: listed, else unit-cost]."),
    ] = None,
    seller: Seller = None,
    yield_law: Annotated[
        str,
        typer.Option(
            "--yield",
            metavar="LAW",
            parser=one_of("negative-binomial", "murphy"),
            help="negative-binomial or murphy.",
        ),
    ] = "negative-binomial",
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw area, cost and power: .png, .svg or .pdf.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", parser=one_of("table", "json"), help="table or json.")
    ] = "table",
    configs: Configs = None,
) -> None:
    """Derive die, cost, price and power of a chip from its specification.

    For real chips the published figures stand beside ours; how far ours are off in general is told by
    `dse validate silicon`. A chip that is exchanged is hypothetical: what keeps it from being made is named.
    """
    sold_by(seller, price_method)
    picture_place("--plot", plot)
    changes = checked(configs, settings or [], chips=[name], argument="NAME")
    sheet = dse.chip_sheet(
        name,
        node=node,
        settings=changes,
        price_method=price_method,
        seller=seller,
        yield_law=yield_law,
        configs=configs,
    )
    if plot is not None:
        draw_chip(sheet, plot)
    if form == "json":
        emit_json(sheet.as_dict())
    else:
        show(sheet)
    over = {k: v for k, v in sheet.violations.items() if v > 0.0}
    if over:
        complain(_why(sheet.chip, over))
        raise typer.Exit(ExitCode.FAILED)


def _why(name: str, over: dict[str, float]) -> str:
    told = "; ".join(f"{k} by {pretty_violation(k, v)}" for k, v in over.items())
    return f"{name}: expected a chip that can be made, it exceeds {told}"
