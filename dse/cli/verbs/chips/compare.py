"""`dse compare`: chips side by side at equal latency targets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from dse.cli.input.eligibility import WithUnanchored
from dse.cli.input.money_options import MoneyOptions
from dse.cli.input.options import Configs, DraftLlm, Picture, TableFormat, epilog, time_list
from dse.cli.input.output_paths import check_picture_file
from dse.cli.input.serving_options import ServingOptions
from dse.cli.show.comparison import rows, show
from dse.cli.show.uncertainty import FEW, NoIntervals, Samples
from dse.cli.terminal.machine_output import print_csv, print_json
from dse.cli.terminal.tables import remark
from dse.decide.compare.chips import compare as compared
from dse.decide.compare.result import Comparison
from dse.errors import ExitCode, Problem, SpecError, spec_error
from dse.evaluate.pools.argument import read_pool
from dse.evaluate.subject import ECONOMY
from dse.report.info.front_info import front_info
from dse.report.plots.front_plot import draw_front

_OWN = "expected none with --pool: it would be of single chips alone"

EPILOG = epilog(
    "dse compare h100 groq mine/chips/lpu-n5.yaml --llm llama2-70b --workload article --weights int8",
    "dse compare h100 h200 b200 --llm llama3.3-70b --workload chat --weights fp8 --plot chips.png",
    "dse compare h100 b200 --llm llama3.3-70b --workload chat --set h100.price='25 kUSD'",
    "dse compare r200 --pool prefill=r200 --pool decode=lp30 --llm opt-30b --workload chat",
    "dse compare groq h100 --llm llama2-70b --workload article --weights int8 --software equal",
    codes="0 done, 1 no chip meets any target, 2 wrong input.",
)


def compare(
    chips: Annotated[list[str], typer.Argument(metavar="CHIP...", help="Chips: names, aliases or files.")],
    served: ServingOptions,
    paid: MoneyOptions,
    targets: Annotated[
        str, typer.Option(metavar="TPOT,...", help="TPOT targets with units, e.g. '5 ms,20 ms'.")
    ] = "5 ms,20 ms,50 ms",
    stack: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="One software stack for all chips [default: each chip's own]."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="[CHIP.]NAME=VALUE",
            help="Override one number of one chip, or of all, e.g. h100.price='25 kUSD'; repeatable.",
        ),
    ] = None,
    pools: Annotated[
        list[str] | None,
        typer.Option(
            "--pool",
            metavar="ROLE=CHIP",
            help="A pool of a system of unlike chips that ranks among the chips, as in `dse estimate`; "
            "repeatable: several chips of one role make several systems.",
        ),
    ] = None,
    link: Annotated[
        str | None,
        typer.Option(
            "--pool-link",
            metavar="NAME",
            help="What joins the pools: a network, or '25 GB/s, 5 us' [default: the slowest of their chips].",
        ),
    ] = None,
    draft_llm: DraftLlm = None,
    with_unanchored: WithUnanchored = False,
    samples: Samples = FEW,
    no_intervals: NoIntervals = False,
    plot: Picture = None,
    form: TableFormat = "table",
    configs: Configs = None,
) -> None:
    """Compare chips at equal latency targets.

    For each target, every chip gets its best deployment: the one with the lowest $/(token/s) that fits and
    is fast enough. Of deployments within 1 % of it the smallest is taken. The latency targets of the workload
    apply too, unless --no-targets. The estimate meets a target; with --confidence 0.8 it is met with a
    probability of 80 %, by the error bar of each chip's stack.

    Chips are ranked against chips whose price means the same: the price of one chip, of a system, of the
    chip to its maker, or of its silicon. Each of these groups has its own table. --price-method unit-cost
    prices all chips alike; --set h100.price='25 kUSD' sets the price of one.

    The answer is checked under three assumptions about software (as sold, equal, ideal): either the winner
    holds, or the output says at which time per layer it changes. A chip whose software no measurement
    anchors is listed last and cannot win, unless --with-unanchored. A chip that lacks a figure has an empty
    row and a note with the reason. JSON contains every breakdown.

    With --pool systems of two kinds of chips rank among the single chips: --pool prefill=r200 --pool
    decode=lp30. Ports of the link between the pools are part of their capital. Pools decide how a system is
    served, --serving is that of the single chips: where prompts cost something of one kind alone, systems
    have a table of their own.
    """
    limits = _targets(targets)
    if draft_llm is not None and not pools:
        raise spec_error("--draft-llm", "expected --pool draft and --pool verify with it, got none")
    _check_pools(pools, link, served, {"--plot": plot, "--stack": stack})
    check_picture_file("--plot", plot)
    changes = served.checked_settings(
        settings,
        configs,
        paid=paid,
        stack=stack,
        chips=chips,
        in_pools=[read_pool(pool).chip for pool in pools or ()],
        argument="CHIP",
    )
    found = compared(
        chips,
        served.llm,
        served.workload,
        targets=limits,
        batch=served.batch,
        tp=served.tp,
        cp=served.cp,
        pp=served.pp,
        ep=served.ep,
        weights=served.weights,
        kv=served.kv,
        activations=served.activations,
        cost_model=served.cost_model,
        stack=stack,
        # no study is read whose software could apply, so this is the default
        software=served.software or "as-sold",
        serving=served.serving,
        price_method=served.price_method,
        seller=served.seller,
        rent_term=served.rent_term,
        system=served.system,
        economy=paid.economy or ECONOMY,
        with_unanchored=with_unanchored,
        settings=changes,
        configs=configs,
        hold_targets=not served.no_targets,
        most=served.most,
        confidence=served.confidence,
        samples=0 if no_intervals else samples,
        pools=pools or (),
        link=link,
        draft_llm=draft_llm,
    )
    if plot is not None:
        _draw(found, plot)
    if form == "table":
        show(found)
    elif form == "json":
        print_json(found.as_dict())
    else:
        print_csv(list(rows(found)))
    # the table is printed all the same; scripts read the exit code
    best = [e for c in found.chips for e in c.best], [e for s in found.systems for e in s.best]
    if all(e is None for each in best for e in each):
        raise typer.Exit(ExitCode.FAILED)


def _check_pools(
    pools: list[str] | None, link: str | None, served: ServingOptions, more: Mapping[str, object]
) -> None:
    """Raise `SpecError` for options that do not go with pools, or need them."""
    if not pools:
        if link is not None:
            raise spec_error("--pool-link", "expected --pool with it, got none")
        return
    sizes = {"--batch": served.batch, "--tp": served.tp, "--cp": served.cp, "--pp": served.pp}
    others = {"--ep": served.ep, "--confidence": served.confidence}
    given = [name for name, value in {**sizes, **others, **more}.items() if value is not None]
    if given:
        raise SpecError(Problem(name, _OWN) for name in given)


def _targets(text: str) -> list[float]:
    """Targets in seconds; raises what names the option."""
    try:
        return time_list(text)
    except typer.BadParameter as error:
        # typer names the option only for parsers that it calls itself
        raise spec_error("--targets", error.message) from None


def _draw(found: Comparison, path: Path) -> None:
    draw_front(front_info(found.front()), path)
    only = f", of the chips at {found.groups[0]} alone" if len(found.groups) > 1 else ""
    remark(f"picture: {path}{only}")
