"""`dse fleet`: how many chips serve a load, in which layout, for how many dollars."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from dse.cli.input.load_options import EndToEndLimit, Limit, Load, TpotLimit, TtftLimit
from dse.cli.input.money_options import MoneyOptions
from dse.cli.input.options import (
    Activations,
    Configs,
    Kv,
    Llm,
    PriceMethod,
    RentTerm,
    Seller,
    Serving,
    SoftwareOption,
    System,
    TableFormat,
    Weights,
    epilog,
    whole,
)
from dse.cli.input.serving_options import ServingOptions
from dse.cli.input.traffic_options import ProfileOptions
from dse.cli.show.fleet import show_fleets, show_remarks
from dse.cli.terminal.guard import complain
from dse.cli.terminal.machine_output import print_csv, print_json
from dse.cli.terminal.spinner import spinner
from dse.decide.fleet.fleet import Fleet, fleets
from dse.decide.fleet.fleet import Serving as Served
from dse.decide.fleet.sizing import FULL, REQUESTS, ROUTER
from dse.decide.fleet.target import Target
from dse.errors import Attempts, ExitCode, placed, spec_error
from dse.evaluate.subject import ECONOMY
from dse.report.drawing.canvas import form_of
from dse.report.simulation.fleet_plot import draw_fleets

EPILOG = epilog(
    "dse fleet h100 h200 b200 --llm llama3.3-70b --weights fp8 --isl '3000 p95 12000' --osl 400 \\",
    "  --load '40 req/s' --ttft 'p95 1 s' --tpot 'p95 40 ms' --price h100='2.1 USD/h'",
    "dse fleet mi300x --llm llama3.1-8b --traffic azure-2023-conversation --load '500 users, 30 s' \\",
    "  --tpot 'p95 30 ms' --spare 1",
    codes="0 done, 1 no chip has a fleet, 2 wrong input.",
)


LOADS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
"""Multiples of the load at which costs are drawn."""


def fleet(
    chips: Annotated[list[str], typer.Argument(metavar="CHIP...", help="Chips: names, aliases or files.")],
    llm: Llm,
    load: Load,
    arriving: ProfileOptions,
    paid: MoneyOptions,
    ttft: TtftLimit = None,
    tpot: TpotLimit = None,
    end_to_end: EndToEndLimit = None,
    spare: Annotated[
        int,
        typer.Option(metavar="N", parser=whole(0), help="Replicas beyond those needed, in case some fail."),
    ] = 0,
    most_tp: Annotated[
        int, typer.Option("--most-tp", metavar="N", parser=whole(1), help="Largest TP that is tried.")
    ] = 8,
    weights: Weights = "fp16",
    kv: Kv = None,
    activations: Activations = None,
    workload: Annotated[
        str | None,
        typer.Option(
            "--workload",
            metavar="NAME",
            help="Workload whose serving mode, prefix cache and routing hold; lengths are those of the "
            "requests [default: none of these, served in chunks].",
        ),
    ] = None,
    serving: Serving = None,
    stack: Annotated[
        str | None, typer.Option(metavar="NAME", help="Software stack [default: that of each chip].")
    ] = None,
    software: SoftwareOption = None,
    price_method: PriceMethod = "rent",
    seller: Seller = None,
    rent_term: RentTerm = None,
    system: System = "chips-only",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Override one number, e.g. sram='512 MB'; repeatable."
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw cost over load into this file (.png, .svg or .pdf)."),
    ] = None,
    form: TableFormat = "table",
    configs: Configs = None,
) -> None:
    """Size a fleet for a load: how many chips, which layout, what a month.

    For each chip the layouts (TP, EP, sequences of a replica at most) are tried from the cheapest on. Each
    is simulated request by request, with the step times of the cost model, and gets the fewest replicas whose
    latencies meet all targets. Prices are rents unless --price-method says otherwise; with others capital is
    paid off over the life of the economy. What one replica less would miss is what binds. Utilisation is a
    result: the load over what replicas could serve.
    """
    given = {"ttft": ttft, "tpot": tpot, "end_to_end": end_to_end}
    targets = [_target(name, value) for name, value in given.items() if value is not None]
    if not targets:
        raise spec_error("--ttft", "expected a target by --ttft, --tpot or --end-to-end, got none")
    if paid.utilisation is not None:
        raise spec_error("--utilisation", "expected none: it follows from the load here, got one")
    same = ServingOptions(
        llm=llm,
        workload=workload or "chat",
        weights=weights,
        kv=kv,
        activations=activations,
        serving=serving,
        software=software,
        price_method=price_method,
        seller=seller,
        rent_term=rent_term,
        system=system,
    )
    look = Attempts(placed)
    if plot is not None:
        look("--plot", form_of, plot)
    profile = look("--traffic", arriving.profile, workload, configs)
    changes = look(
        "--set",
        same.checked_settings,
        settings,
        configs,
        paid=paid,
        stack=stack,
        chips=chips,
        argument="CHIP",
    )
    look.done()
    rate = load.rate / (profile.lengths.moments.osl.mean if load.tokens else 1.0)
    with spinner("fleet") as say:
        made = fleets(
            chips,
            Served(
                llm=llm,
                weights=weights,
                kv=kv,
                activations=activations,
                workload=workload,
                serving=serving,
                software=software or "as-sold",
                stack=stack,
                price_method=price_method,
                seller=seller,
                rent_term=rent_term,
                system=system,
                economy=paid.economy or ECONOMY,
                settings=changes,
                configs=configs,
            ),
            profile,
            rate,
            targets,
            spare=spare,
            most_tp=most_tp,
            seed=arriving.seed,
            loads=() if plot is None else LOADS,
            report=say,
        )
    found, none = made.found, made.none
    if plot is not None:
        draw_fleets(made.curves, rate, plot)
    notes = [*_notes(price_method, found), *profile.remarks]
    if form == "table":
        wanted = ", ".join(f"{t.name} at most {t.limit_s:g} s" for t in targets)
        show_fleets(found, none, targets, f"{llm} {weights} at {rate:,.4g} req/s, {wanted}")
        show_remarks(notes)
    elif form == "json":
        data = {"rate_per_s": rate, "targets": [asdict(t) for t in targets]}
        print_json(
            data
            | {
                "fleets": [asdict(f) for f in found],
                "none": [asdict(n) for n in none],
                "curves": [asdict(c) for c in made.curves],
                "notes": notes,
            }
        )
    else:
        print_csv([_flat(f) for f in found])
    if not found:
        complain("expected a chip that serves the load within the targets, got none")
        raise typer.Exit(ExitCode.FAILED)


def _target(name: str, value: Limit) -> Target:
    return Target(latency=name, statistic=value.statistic, limit_s=value.seconds)


def _notes(price_method: str, found: Sequence[Fleet]) -> Iterator[str]:
    """What the numbers rest on."""
    yield (
        f"sized by simulation of {REQUESTS:,} requests or more, each to the {ROUTER} replica; replicas are "
        f"loaded with {FULL:.0%} of their capacity at most"
    )
    yield f"dollars by price method {price_method}" + (
        ": a rent covers chip, server, network, power and building" if price_method == "rent" else ""
    )
    if large := [f.chip for f in found if f.simulated < f.replicas - f.spare]:
        some = max(f.simulated for f in found)
        yield f"{', '.join(large)}: {some} replicas were simulated, at their share of the load"
    if loose := [f.chip for f in found if f.label != "calibrated"]:
        yield f"{', '.join(loose)}: step times that no measurement anchors"


def _flat(found: Fleet) -> dict[str, object]:
    """One row."""
    row: dict[str, object] = {}
    for name, value in asdict(found).items():
        if isinstance(value, dict):
            row |= {f"{name}_{key}": v for key, v in value.items() if not isinstance(v, dict)}
        else:
            row[name] = " and ".join(value) if isinstance(value, (list, tuple)) else value
    return row
