"""`dse compare`: chips side by side at equal latency targets."""

from pathlib import Path
from typing import Annotated, Any

import typer

from dse.cli.given import checked, sold_by
from dse.cli.options import Configs, NoTargets, Seller, System, epilog, one_of, time_list, whole
from dse.cli.places import picture_place

EPILOG = epilog(
    "dse compare h100 groq mine/chips/lpu-n5.yaml --llm llama2-70b --workload article --weights int8",
    "dse compare h100 h200 b200 --llm llama3.3-70b --workload chat --weights fp8 --plot chips.png",
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
    stack: Annotated[
        str | None, typer.Option(metavar="NAME", help="Software stack for all [each chip's own].")
    ] = None,
    price_method: Annotated[
        str, typer.Option(metavar="METHOD", help="listed, unit-cost, margin or compute-ratio.")
    ] = "listed",
    seller: Seller = None,
    no_targets: NoTargets = False,
    system: System = "chips-only",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Exchange one number of every chip."),
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it: .png, .svg or .pdf.")] = None,
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", parser=one_of("table", "csv", "json"),
                          help="table, csv or json."),
    ] = "table",
    configs: Configs = None,
) -> None:  # fmt: skip
    """Compare chips, real or hypothetical, at equal latency targets.

    Each chip gets its best deployment at each target: the lowest $/(token/s) among all batch sizes and
    layouts that fit and are fast enough; of systems within 1 % of it the smallest. The latency targets of the
    workload hold too, unless --no-targets lifts them. A chip that
    nobody sells is priced at the unit cost of its silicon unless --price-method prices all alike: comparing
    list prices with unit costs is comparing margins, so the table names the method. The JSON holds every
    ledger.
    """
    from dse.decide.compare import compare as compared

    limits = _targets(targets)
    sold_by(seller, price_method)
    picture_place("--plot", plot)
    changes = checked(
        configs, settings or [], chips=chips, argument="CHIP", llm=llm, workload=workload, stack=stack
    )
    found = compared(
        chips, llm, workload, targets=limits, batch=batch, tp=tp, pp=pp, weights=weights, kv=kv,
        activations=activations, stack=stack, price_method=price_method, seller=seller, system=system,
        settings=changes, configs=configs, hold_targets=not no_targets,
    )  # fmt: skip
    if plot is not None:
        _draw(found, plot)
    if form == "table":
        _show(found)
    elif form == "json":
        from dse.cli.emit import emit_json

        emit_json(found.as_dict())
    else:
        from dse.cli.emit import emit_csv

        emit_csv(list(_rows(found)))
    if all(e is None for c in found.chips for e in c.best):
        raise typer.Exit(1)


def _targets(text: str) -> list[float]:
    """Targets in seconds; raises what names the option."""
    try:
        return time_list(text)
    except typer.BadParameter as error:
        raise typer.BadParameter(error.message, param_hint="--targets") from None


def _draw(found: Any, path: Path) -> None:
    from dse.cli.screen import remark
    from dse.report.front_info import front_info
    from dse.report.front_plot import draw_front

    draw_front(front_info(found.front()), path)
    remark(f"picture: {path}")


def _rows(found: Any) -> Any:
    """One flat row for each chip and target."""
    for chip in found.chips:
        for limit, e in zip(found.targets, chip.best, strict=True):
            told = {} if e is None else {**e.deployment, **e.metrics, "bound_by": e.bound_by,
                                         "price_method": e.price_method}  # fmt: skip
            names = ("batch", "tp", "pp", "dp", *_METRICS, "bound_by", "price_method")
            yield {
                "chip": chip.chip, "kind": chip.kind, "target_tpot_s": limit, "found": e is not None,
                **{n: told.get(n) for n in names}, **chip.hardware,
            }  # fmt: skip


_NAME = 11
"""Columns that the name of a chip gets at least."""
_HARDWARE = (
    ("peak_fp16_flop_per_s", "fp16 peak", "FLOP/s"), ("sram_bytes", "SRAM", "B"),
    ("sram_bandwidth_bytes_per_s", "SRAM speed", "B/s"), ("dram_bytes", "DRAM", "B"),
    ("dram_bandwidth_bytes_per_s", "DRAM speed", "B/s"), ("power_w", "power", "W"),
    ("price_usd", "price USD", "USD"),
)  # fmt: skip
_METRICS = (
    "chips", "capex_usd", "tpot_s", "ttft_s", "tokens_per_s", "usd_per_token_per_s", "usd_per_million_tokens",
)  # fmt: skip


def _show(found: Any) -> None:
    from dse.cli.designs import shown
    from dse.cli.screen import plain, stdout

    console = stdout()
    console.print(f"{found.llm}, workload {found.workload}", style="bold")
    console.print()
    console.print(_hardware(found))
    if found.held:
        console.print()
        held = ", ".join(f"{n.upper()} {shown(v, 's')}" for n, v in found.held.items())
        console.print(f"Held to {held} of the workload; --no-targets lifts them.")
    for i in range(len(found.targets)):
        console.print()
        console.print(_at(found, i))
    console.print()
    for line in _answers(found):
        console.print(plain(line))


def _hardware(found: Any) -> Any:
    from dse.cli.designs import shown
    from dse.cli.screen import table

    heads = [head for _, head, _ in _HARDWARE]
    rows = [[c.chip, *(shown(c.hardware[n] or None, u) for n, _, u in _HARDWARE)] for c in found.chips]
    return table(
        ["chip", *heads], rows, title="What is compared", right=heads, flexible=["chip"], least=_NAME
    )


def _at(found: Any, i: int) -> Any:
    """The chips at one target, the cheapest first."""
    from dse.cli.designs import shown
    from dse.cli.missed import why_not
    from dse.cli.screen import table
    from dse.report.words import word

    columns = ["chip", "$/(token/s)", "TPOT", "chips", "capital USD", "batch", "TP x PP", "bound by"]
    met = [(c, c.best[i]) for c in found.chips if c.best[i] is not None]
    met.sort(key=lambda pair: pair[1].metrics["usd_per_token_per_s"])
    rows = []
    for c, e in met:
        d, m = e.deployment, e.metrics
        rows.append([
            c.chip, shown(m["usd_per_token_per_s"], "USD"), shown(m["tpot_s"], "s"), f"{m['chips']:,.0f}",
            shown(m["capex_usd"], "USD"), f"{d['batch']:,}", f"{d['tp']} x {d['pp']}",
            word(e.bound_by),
        ])  # fmt: skip
    rest = ["-"] * (len(columns) - 3)
    rows += [[c.chip, "-", why_not(c.missed[i]), *rest] for c in found.chips if c.best[i] is None]
    title = f"TPOT within {shown(found.targets[i], 's')}"
    return table(columns, rows, title=title, right=columns[1:7], flexible=["chip"], least=_NAME)


def _answers(found: Any) -> Any:
    from dse.cli.designs import shown

    for i, limit in enumerate(found.targets):
        told = {c.chip: c.best[i].metrics["usd_per_token_per_s"] for c in found.chips if c.best[i]}
        first = shown(limit, "s")
        if not told:
            yield f"Within {first} none of them serves it."
            continue
        (best, cost), *rest = sorted(told.items(), key=lambda item: item[1])
        beside = f", {rest[0][0]} costs {rest[0][1] / cost:.3g} times as much" if rest else ", the only one"
        yield f"Within {first} {best} is the cheapest{beside}."
    yield from _priced(found)


def _priced(found: Any) -> Any:
    """Which price stands for what, where the chips are not priced alike."""
    methods: dict[str, list[str]] = {}
    for c in found.chips:
        for e in c.best:
            if e is not None and c.chip not in methods.setdefault(e.price_method, []):
                methods[e.price_method].append(c.chip)
    if len(methods) > 1:
        told = "; ".join(f"{name}: {', '.join(chips)}" for name, chips in methods.items())
        yield (
            f"Note: prices are not alike ({told}), so margins are compared too; "
            "--price-method unit-cost prices all chips alike."
        )
    best = [e for c in found.chips for e in c.best if e is not None]
    covered = {note for e in best for note in e.notes if "capital" in note}
    yield from (f"Note: {note}." for note in sorted(covered))
