"""`dse compare`: chips side by side at equal latency targets."""

from pathlib import Path
from typing import Annotated

import typer

from dse.cli.input.lookups import checked, driven_by, priced_by, sold_by
from dse.cli.input.options import (
    PRICE_METHOD,
    Configs,
    NoTargets,
    Seller,
    SoftwareOption,
    System,
    epilog,
    one_of,
    time_list,
    whole,
)
from dse.cli.input.output_paths import picture_place
from dse.cli.show.comparison import rows, show
from dse.cli.show.uncertainty import FEW, NoIntervals, Samples
from dse.cli.terminal.machine_output import emit_csv, emit_json
from dse.cli.terminal.tables import remark
from dse.decide.compare.chips import compare as compared
from dse.decide.compare.result import Comparison
from dse.errors import ExitCode
from dse.report.info.front_info import front_info
from dse.report.plots.front_plot import draw_front

EPILOG = epilog(
    "dse compare h100 groq mine/chips/lpu-n5.yaml --llm llama2-70b --workload article --weights int8",
    "dse compare h100 h200 b200 --llm llama3.3-70b --workload chat --weights fp8 --plot chips.png",
    "dse compare h100 b200 --llm llama3.3-70b --workload chat --set h100.price='25 kUSD'",
    "dse compare groq h100 --llm llama2-70b --workload article --weights int8 --software equal",
    codes="0 done, 1 no chip meets any target, 2 wrong input.",
)
_Count = whole(1)


def compare(
    chips: Annotated[list[str], typer.Argument(metavar="CHIP...", help="Chips: names, aliases or files.")],
    llm: Annotated[str, typer.Option(metavar="NAME", help="An LLM: see `dse catalog llms`.")],
    workload: Annotated[str, typer.Option(metavar="NAME", help="A workload: see `dse catalog workloads`.")],
    targets: Annotated[
        str, typer.Option(metavar="TPOT,...", help="TPOT targets, e.g. '5 ms,20 ms'.")
    ] = "5 ms,20 ms,50 ms",
    batch: Annotated[
        int | None, typer.Option(metavar="N", parser=_Count, help="Sequences in one replica [chosen].")
    ] = None,
    tp: Annotated[int | None, typer.Option(metavar="N", parser=_Count, help="Tensor-parallel ways.")] = None,
    pp: Annotated[int | None, typer.Option(metavar="N", parser=_Count, help="Pipeline stages.")] = None,
    weights: Annotated[str, typer.Option(metavar="FORMAT", help="Number format of the weights.")] = "fp16",
    kv: Annotated[str | None, typer.Option(metavar="FORMAT", help="Of the KV cache [as weights].")] = None,
    activations: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="Of the activations [as weights].")
    ] = None,
    ep: Annotated[
        int | None, typer.Option(metavar="N", parser=_Count, help="Chips that experts are spread over.")
    ] = None,
    cost_model: Annotated[
        str, typer.Option(metavar="NAME", help="See `dse catalog cost-models`.")
    ] = "roofline",
    stack: Annotated[
        str | None, typer.Option(metavar="NAME", help="Software stack for all [each chip's own].")
    ] = None,
    software: SoftwareOption = None,
    serving: Annotated[
        str | None,
        typer.Option(metavar="MODE", help="decode-only, aggregated, chunked, disaggregated or static."),
    ] = None,
    price_method: Annotated[str, typer.Option(metavar="METHOD", help=f"{PRICE_METHOD}.")] = "listed",
    seller: Seller = None,
    no_targets: NoTargets = False,
    system: System = "chips-only",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="[CHIP.]NAME=VALUE", help="Exchange one number of a chip, or of all."),
    ] = None,
    with_unanchored: Annotated[
        bool,
        typer.Option("--with-unanchored", help="Let chips win whose software no measurement anchors."),
    ] = False,
    samples: Samples = FEW,
    no_intervals: NoIntervals = False,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it: .png, .svg or .pdf.")] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format", metavar="FORMAT", parser=one_of("table", "csv", "json"), help="table, csv or json."
        ),
    ] = "table",
    configs: Configs = None,
) -> None:
    """Compare chips at equal latency targets.

    Each chip gets its best deployment at each target: the lowest $/(token/s) among all batch sizes and
    layouts that fit and are fast enough; of systems within 1 % of it the smallest. The latency targets of
    the workload hold too, unless --no-targets lifts them.

    Chips rank within one basis of prices: what a buyer pays for one chip, what a system costs, what a chip
    costs its maker and what its silicon costs are different questions, with a table each. --price-method
    unit-cost prices all chips alike; --set h100.price='25 kUSD' says what one of them costs. Other numbers
    are set for one chip by its name, or for all without.

    The winner is told under all three softwares (as sold, equal, ideal), and whether it holds or at which
    time a layer it flips: laid on every chip alike, on top of losing nothing. A chip whose software no
    measurement anchors is shown as unanchored below the others and wins nothing unless --with-unanchored
    says so. One that lacks a figure has an empty row, with the reason. The JSON holds every ledger.
    """
    limits = _targets(targets)
    sold_by(seller, price_method)
    picture_place("--plot", plot)
    changes = checked(
        configs, settings or [], chips=chips, argument="CHIP", llm=llm, workload=workload, stack=stack
    )
    driven_by(stack, software)
    priced_by(changes, price_method)
    found = compared(
        chips,
        llm,
        workload,
        targets=limits,
        batch=batch,
        tp=tp,
        pp=pp,
        ep=ep,
        weights=weights,
        kv=kv,
        activations=activations,
        cost_model=cost_model,
        stack=stack,
        software=software or "as-sold",
        serving=serving,
        price_method=price_method,
        seller=seller,
        system=system,
        with_unanchored=with_unanchored,
        settings=changes,
        configs=configs,
        hold_targets=not no_targets,
        samples=0 if no_intervals else samples,
    )
    if plot is not None:
        _draw(found, plot)
    if form == "table":
        show(found)
    elif form == "json":
        emit_json(found.as_dict())
    else:
        emit_csv(list(rows(found)))
    if all(e is None for c in found.chips for e in c.best):
        raise typer.Exit(ExitCode.FAILED)


def _targets(text: str) -> list[float]:
    """Targets in seconds; raises what names the option."""
    try:
        return time_list(text)
    except typer.BadParameter as error:
        raise typer.BadParameter(error.message, param_hint="--targets") from None


def _draw(found: Comparison, path: Path) -> None:
    draw_front(front_info(found.front()), path)
    only = f", of the chips at {found.groups[0]} alone" if len(found.groups) > 1 else ""
    remark(f"picture: {path}{only}")
