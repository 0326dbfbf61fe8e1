"""`dse chip`: what one chip is made of, what it costs and what it draws."""

from pathlib import Path
from typing import Annotated

import typer

import dse
from dse.chips.price_method import check_seller, check_term
from dse.cli.input.checked_settings import parse_settings
from dse.cli.input.money_options import MoneyOptions
from dse.cli.input.options import Configs, RentTerm, Seller, epilog, format_option, one_of
from dse.cli.input.output_paths import check_picture_file
from dse.cli.show.chip_table import show
from dse.cli.terminal.guard import complain
from dse.cli.terminal.machine_output import print_json
from dse.errors import ExitCode
from dse.evaluate.subject import ECONOMY
from dse.report.plots.chip_plot import draw_chip
from dse.report.words.violations import pretty_violation

EPILOG = epilog(
    "dse chip h100",
    "dse chip groq --node 5nm --set sram='512 MB' --plot lpu-5nm.png",
    "dse chip mi300x --price-method margin --seller amd-chip --format json",
    codes="0 done, 1 a hypothetical chip cannot be made (it is printed anyway), 2 wrong input.",
)


def chip(
    name: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="Chip, see `dse catalog chips`, or a file.")
    ],
    node: Annotated[
        str | None,
        typer.Option(metavar="NODE", help="Move the chip to another process node, e.g. 5nm or n3."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Override one number, e.g. sram='512 MB'; repeatable."
        ),
    ] = None,
    price_method: Annotated[
        str | None,
        typer.Option(
            metavar="METHOD",
            help="Price of the chip, see `dse catalog price-methods` [default: listed, else unit-cost].",
        ),
    ] = None,
    seller: Seller = None,
    rent_term: RentTerm = None,
    *,
    paid: MoneyOptions,
    yield_law: Annotated[
        str,
        typer.Option(
            "--yield",
            metavar="LAW",
            parser=one_of("negative-binomial", "murphy"),
            help="Yield law: negative-binomial or murphy.",
        ),
    ] = "negative-binomial",
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw area, cost and power into this file (.png, .svg or .pdf)."),
    ] = None,
    form: Annotated[str, format_option("table", "json")] = "table",
    configs: Configs = None,
) -> None:
    """Derive die, cost, price and power of a chip from its specification.

    Prints the die plan, the yield, the bill of materials, the price and the power. For real chips the
    published figures are printed next to the derived ones; `dse validate silicon` reports how far they differ
    in general. With --set or --node the chip is hypothetical: the output names what prevents it from being
    made, for example a die larger than the reticle.
    """
    check_seller(seller, price_method)
    check_picture_file("--plot", plot)
    check_term(rent_term, price_method)
    changes = parse_settings(configs, settings or [], chips=[name], argument="NAME")
    changes = paid.settings([name], price_method or "listed", configs, changes)
    sheet = dse.chip_sheet(
        name,
        node=node,
        settings=changes,
        price_method=price_method,
        seller=seller,
        rent_term=rent_term,
        economy=paid.economy or ECONOMY,
        yield_law=yield_law,
        configs=configs,
    )
    if plot is not None:
        draw_chip(sheet, plot)
    if form == "json":
        print_json(sheet.as_dict())
    else:
        show(sheet)
    # printed before it is refused: the sheet shows why the chip cannot be made
    over = {k: v for k, v in sheet.violations.items() if v > 0.0}
    if over:
        complain(_why(sheet.chip, over))
        raise typer.Exit(ExitCode.FAILED)


def _why(name: str, over: dict[str, float]) -> str:
    excess = "; ".join(f"{k} by {pretty_violation(k, v)}" for k, v in over.items())
    return f"{name}: expected a chip that can be made, but it exceeds {excess}"
