"""`dse estimate`: one chip, one LLM, one workload."""

from typing import Annotated

import typer

from dse.cli.input.checked_settings import check_price_settings, check_seller, check_stack, parse_settings
from dse.cli.input.options import (
    Activations,
    Batch,
    Configs,
    CostModelName,
    Ep,
    Kv,
    Llm,
    NoTargets,
    Pp,
    PriceMethod,
    Seller,
    Serving,
    SoftwareOption,
    System,
    TableFormat,
    Tp,
    Weights,
    Workload,
    epilog,
    whole,
)
from dse.cli.show.breakdown import show
from dse.cli.terminal.guard import complain
from dse.cli.terminal.machine_output import print_csv, print_json
from dse.errors import ExitCode
from dse.evaluate.estimate import estimate as estimated
from dse.evaluate.estimate_result import Estimate
from dse.report.words.violations import pretty_violation

EPILOG = epilog(
    "dse estimate --chip h100 --llm llama2-70b --workload chat --weights fp8",
    "dse estimate --chip h100 --llm llama2-70b --workload chat --tp 8 --set hbm_bandwidth='5 TB/s'",
    codes="0 done, 1 the design does not fit or misses a target (it is printed anyway), 2 wrong input.",
)


def estimate(
    chip: Annotated[str, typer.Option(metavar="NAME", help="Chip, see `dse catalog chips`.")],
    llm: Llm,
    workload: Workload,
    tp: Tp = None,
    pp: Pp = None,
    ep: Ep = None,
    dp: Annotated[
        int | None,
        typer.Option(
            metavar="N", parser=whole(1), help="Replicas [default: 1, or EP/TP where replicas share experts]."
        ),
    ] = None,
    batch: Batch = None,
    weights: Weights = "fp16",
    kv: Kv = None,
    activations: Activations = None,
    cost_model: CostModelName = "roofline",
    stack: Annotated[
        str | None, typer.Option(metavar="NAME", help="Software stack [default: that of the chip].")
    ] = None,
    software: SoftwareOption = None,
    serving: Serving = None,
    price_method: PriceMethod = "listed",
    seller: Seller = None,
    no_targets: NoTargets = False,
    system: System = "chips-only",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Override one number, e.g. sram='512 MB'; repeatable."
        ),
    ] = None,
    form: TableFormat = "table",
    configs: Configs = None,
) -> None:
    """Estimate speed and cost of one chip that serves one LLM.

    Prints where each second, byte and dollar goes, and which resource limits the speed. Of batch, TP, PP and
    EP, whatever you do not give is chosen: the cheapest deployment per token/s that fits in memory and meets
    the latency targets of the workload. Capital covers the chips only, at list price; --system adds the
    server and the network, --price-method derives the price in another way. A design that does not fit is
    printed as well, with what it exceeds.
    """
    check_seller(seller, price_method)
    changes = parse_settings(configs, settings or [], chip=chip, llm=llm, workload=workload, stack=stack)
    check_stack(stack, software)
    check_price_settings(changes, price_method)
    requested = {"batch": batch, "TP": tp, "PP": pp}
    found = estimated(
        chip,
        llm,
        workload,
        tp=tp,
        pp=pp,
        ep=ep,
        dp=dp,
        batch=batch,
        weights=weights,
        kv=kv,
        activations=activations,
        cost_model=cost_model,
        stack=stack,
        serving=serving,
        price_method=price_method,
        seller=seller,
        system=system,
        software=software or "as-sold",
        settings=changes,
        configs=configs,
        hold_targets=not no_targets,
    )
    if form == "table":
        chosen = [name for name, value in requested.items() if value is None]
        # EP deserves a word only where experts are spread
        show(found, chosen=chosen + ["EP"] * (ep is None and found.deployment["ep"] > 1))
    else:
        _emit(found, form)
    if not found.feasible:
        complain(_why(found, small=tp is not None or pp is not None))
        raise typer.Exit(ExitCode.FAILED)


def _emit(found: Estimate, form: str) -> None:
    """Print the estimate as JSON, or as one CSV row with all parts of its breakdowns."""
    if form == "json":
        print_json(found.as_dict())
        return
    flat: dict[str, object] = {}
    for name, value in found.as_dict().items():
        if name in ("metrics", "deployment"):
            flat |= value
        elif name == "ledgers":
            # ledgers become columns TOTAL.PART, so that one row holds all
            flat |= {f"{total}.{part}": v for total, parts in value.items() for part, v in parts.items()}
        elif name == "violations":
            flat |= {f"violation_{constraint}": v for constraint, v in value.items()}
        elif name == "computed_in":
            flat |= {f"{group}_{key}": v for group, each in value.items() for key, v in each.items()}
        elif name in ("precision", "targets"):
            flat |= {f"{name}_{key}": v for key, v in value.items()}
        else:
            flat[name] = "; ".join(value) if name == "notes" else value
    print_csv([flat])


def _why(found: Estimate, *, small: bool) -> str:
    broken = [f"{n} by {pretty_violation(n, v)}" for n, v in found.violations.items() if v > 0.0]
    hint = "This deployment misses by least. Narrower --weights or another chip may help."
    if small or not found.solved:
        hint = "More chips (--tp, --pp), a smaller --batch or narrower --weights may help."
    missed = "; ".join(broken)
    return f"{found.chip}: expected a design that fits and meets its targets, but it exceeds {missed}. {hint}"
