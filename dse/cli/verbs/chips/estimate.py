"""`dse estimate`: one chip, one LLM, one workload."""

from typing import Annotated

import typer

import dse
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
    whole,
)
from dse.cli.show.breakdown import show
from dse.cli.terminal.guard import complain
from dse.cli.terminal.machine_output import emit_csv, emit_json
from dse.errors import ExitCode
from dse.evaluate.estimate_result import Estimate
from dse.report.words.answer import Row
from dse.report.words.violations import pretty_violation

EPILOG = epilog(
    "dse estimate --chip h100 --llm llama2-70b --workload chat --weights fp8",
    "dse estimate --chip h100 --llm llama2-70b --workload chat --tp 8 --set hbm_bandwidth='5 TB/s'",
    codes="0 done, 1 it does not fit or is too slow (and is shown all the same), 2 wrong input.",
)
_Count = whole(1)


def estimate(
    chip: Annotated[str, typer.Option(metavar="NAME", help="A chip: see `dse catalog chips`.")],
    llm: Annotated[str, typer.Option(metavar="NAME", help="An LLM: see `dse catalog llms`.")],
    workload: Annotated[str, typer.Option(metavar="NAME", help="A workload: see `dse catalog workloads`.")],
    tp: Annotated[int | None, typer.Option(metavar="N", parser=_Count, help="Tensor-parallel ways.")] = None,
    pp: Annotated[int | None, typer.Option(metavar="N", parser=_Count, help="Pipeline stages.")] = None,
    ep: Annotated[
        int | None, typer.Option(metavar="N", parser=_Count, help="Chips that experts are spread over.")
    ] = None,
    dp: Annotated[
        int | None,
        typer.Option(metavar="N", parser=_Count, help="Replicas [1, or those that share experts: EP/TP]."),
    ] = None,
    batch: Annotated[
        int | None, typer.Option(metavar="N", parser=_Count, help="Sequences resident in one replica.")
    ] = None,
    weights: Annotated[str, typer.Option(metavar="FORMAT", help="Number format of the weights.")] = "fp16",
    kv: Annotated[str | None, typer.Option(metavar="FORMAT", help="Of the KV cache [as weights].")] = None,
    activations: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="Of the activations [as weights].")
    ] = None,
    cost_model: Annotated[
        str, typer.Option(metavar="NAME", help="See `dse catalog cost-models`.")
    ] = "roofline",
    stack: Annotated[
        str | None, typer.Option(metavar="NAME", help="Software stack [the chip's own].")
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
        typer.Option("--set", metavar="NAME=VALUE", help="Exchange one number; may be repeated."),
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format", metavar="FORMAT", parser=one_of("table", "csv", "json"), help="table, csv or json."
        ),
    ] = "table",
    configs: Configs = None,
) -> None:
    """Estimate speed and cost of one chip that serves one LLM.

    Shows where each second, byte and dollar goes, and what binds it. What you leave out of batch, TP, PP and
    EP is chosen: the cheapest per token/s that fits and meets the latency targets of the workload. Capital
    covers chips only unless --system says more, at the prices listed in the catalog unless --price-method
    says otherwise.
    """
    sold_by(seller, price_method)
    changes = checked(configs, settings or [], chip=chip, llm=llm, workload=workload, stack=stack)
    driven_by(stack, software)
    priced_by(changes, price_method)
    given = {"batch": batch, "TP": tp, "PP": pp}
    found = dse.estimate(
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
        chosen = [name for name, value in given.items() if value is None]
        show(found, chosen=chosen + ["EP"] * (ep is None and found.deployment["ep"] > 1))
    else:
        _emit(found, form)
    if not found.feasible:
        complain(_why(found, small=tp is not None or pp is not None))
        raise typer.Exit(ExitCode.FAILED)


def _emit(found: Estimate, form: str) -> None:
    if form == "json":
        emit_json(found.as_dict())
        return
    flat: Row = {}
    for name, value in found.as_dict().items():
        if name in ("metrics", "deployment"):
            flat |= value
        elif name == "ledgers":
            flat |= {f"{total}.{part}": v for total, parts in value.items() for part, v in parts.items()}
        elif name == "violations":
            flat |= {f"violation_{constraint}": v for constraint, v in value.items()}
        elif name == "computed_in":
            flat |= {f"{group}_{key}": v for group, each in value.items() for key, v in each.items()}
        elif name in ("precision", "targets"):
            flat |= {f"{name}_{key}": v for key, v in value.items()}
        else:
            flat[name] = "; ".join(value) if name == "notes" else value
    emit_csv([flat])


def _why(found: Estimate, *, small: bool) -> str:
    broken = [f"{n} by {pretty_violation(n, v)}" for n, v in found.violations.items() if v > 0.0]
    hint = "This is the deployment that misses by least; narrower --weights or another chip may help."
    if small or not found.solved:
        hint = "More chips (--tp, --pp), a smaller --batch or narrower --weights may help."
    missed = "; ".join(broken)
    return f"{found.chip}: expected a design that fits and is fast enough, it exceeds {missed}. {hint}"
