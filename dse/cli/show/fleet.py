"""Fleets for people: a row each, and what binds."""

from collections.abc import Sequence

from rich.console import RenderableType

from dse.cli.terminal.quantity import NONE, format_quantity
from dse.cli.terminal.tables import plain, remark, stdout, table
from dse.decide.fleet.fleet import Fleet, NoFleet
from dse.decide.fleet.target import Target
from dse.simulate.result import Spread


def show_fleets(
    found: Sequence[Fleet], none: Sequence[NoFleet], targets: Sequence[Target], title: str
) -> None:
    """Print the fleets, the cheapest first, and the chips without one."""
    console = stdout()
    console.print(plain(title), style="bold")
    console.print()
    if found:
        console.print(_sizes(found))
        console.print()
        console.print(_dollars(found, targets))
        console.print()
        best = found[0]
        console.print(
            plain(
                f"{best.chip} is the cheapest: {_counted(best.chips, 'chip')} in "
                f"{_counted(best.replicas, 'replica')} of {_layout(best)}, {best.dollars.per_month:,.0f} USD "
                f"a month. One replica less misses {' and '.join(best.binds)}."
            )
        )
    for f in found:
        if f.day is not None:
            console.print(
                plain(
                    f"{f.chip} over the day: {min(f.day.replicas):,} to {max(f.day.replicas):,} replicas, "
                    f"{f.day.per_month:,.0f} USD a month where those that are off cost nothing."
                )
            )
    for each in none:
        console.print(plain(f"{each.chip}: no fleet. {each.why}"))


def show_remarks(notes: Sequence[str]) -> None:
    """Print what the numbers rest on."""
    for note in notes:
        remark(note)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _layout(fleet: Fleet) -> str:
    ep = f" EP {fleet.layout.ep}" if fleet.layout.ep > 1 else ""
    return f"TP {fleet.layout.tp}{ep}"


def _sizes(found: Sequence[Fleet]) -> RenderableType:
    """Chips, layout, load, what binds."""
    columns = ["chip", "chips", "replicas", "layout", "max batch", "utilisation", "one less misses", "stack"]
    rows = [
        [
            f.chip,
            f"{f.chips:,}",
            f"{f.replicas:,}" + (f" ({f.spare} spare)" if f.spare else ""),
            _layout(f),
            f"{f.slots:,}",
            f"{f.utilisation:.0%}",
            " and ".join(f.binds),
            f.stack,
        ]
        for f in found
    ]
    return table(
        columns, rows, right=["chips", "replicas", "max batch", "utilisation"], flexible=["one less misses"]
    )


def _dollars(found: Sequence[Fleet], targets: Sequence[Target]) -> RenderableType:
    """Latencies and dollars."""
    columns = [
        "chip",
        *(t.name for t in targets),
        "USD / h",
        "USD / month",
        "$/Mtok in",
        "$/Mtok out",
        "$/Mtok both",
        "USD / request",
    ]
    rows = [
        [
            f.chip,
            *(_value(f, t) for t in targets),
            f"{f.dollars.per_hour:,.2f}",
            f"{f.dollars.per_month:,.0f}",
            f"{f.dollars.per_million_input_tokens:,.3g}",
            f"{f.dollars.per_million_output_tokens:,.3g}",
            f"{f.dollars.blended:,.3g}",
            f"{f.dollars.per_request:,.3g}",
        ]
        for f in found
    ]
    return table(columns, rows, right=columns[1:])


def _value(fleet: Fleet, target: Target) -> str:
    of: dict[str, Spread | None] = {
        "ttft": fleet.ttft_s,
        "tpot": fleet.tpot_s,
        "end_to_end": fleet.end_to_end_s,
    }
    spread = of[target.latency]
    return NONE if spread is None else format_quantity(getattr(spread, target.statistic), "s")
