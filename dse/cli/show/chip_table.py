"""What a chip is made of, for people."""

from collections.abc import Mapping

from rich.console import RenderableType
from rich.table import Table

from dse.cli.terminal.tables import plain, stdout, table
from dse.evaluate.chip_sheet import ChipSheet, Published
from dse.evaluate.subject import ECONOMY
from dse.report.words.money import money_lines, price_words
from dse.report.words.part_names import word
from dse.spec.yaml.units import pretty


def show(sheet: ChipSheet) -> None:
    """Print a chip sheet."""
    console = stdout()
    changed = f" with {', '.join(sheet.exchanged)}" if sheet.exchanged else ""
    console.print(plain(f"{sheet.title}{changed}"), style="bold")
    console.print(plain(f"{_count(sheet)}; {sheet.packaging}"))
    console.print()
    console.print(_dies(sheet))
    grid = Table.grid(padding=(1, 4))
    grid.add_row(
        _ledger(f"Silicon of the package: {pretty(sheet.area_m2, 'm2')}", sheet.area_parts, "m2"),
        _ledger(f"Power at full load: {pretty(sheet.power_w, 'W')}", sheet.power_parts, "W"),
    )
    cost = sheet.unit_cost_usd
    grid.add_row(
        # an empty cell, so that the energies keep their column
        plain("") if cost is None else _ledger(f"Unit cost: {cost:,.0f} USD", sheet.unit_cost_parts, "USD"),
        _energy(sheet),
    )
    console.print(grid)
    console.print(plain(_formats(sheet)))
    console.print(plain(_price(sheet)))
    if sheet.published:
        console.print()
        console.print(_published(sheet))
    for note in sheet.notes:
        console.print(plain(f"Note: {note}."), style="dim")


def _count(sheet: ChipSheet) -> str:
    return ", ".join(
        f"{d.count} {'I/O' if d.kind == 'io' else d.kind} die{'s' if d.count > 1 else ''} on {d.process}"
        for d in sheet.dies
    )


def _dies(sheet: ChipSheet) -> RenderableType:
    """The die plan: area, dies per wafer, yields and cost of each die."""
    columns = ["die", "area", "per wafer", "yield", "without repair", "Murphy", "USD, all"]
    rows = [
        [
            "I/O" if d.kind == "io" else d.kind,
            pretty(d.area_m2, "m2"),
            _plain(d.gross_per_wafer),
            _share(d.harvested_yield),
            _share(d.negative_binomial_yield),
            _share(d.murphy_yield),
            f"{d.usd:,.0f}",
        ]
        for d in sheet.dies
    ]
    return table(columns, rows, title="Die plan", right=columns[1:])


def _ledger(title: str, parts: Mapping[str, float], unit: str) -> RenderableType:
    total = sum(parts.values())
    ranked = sorted(((v, k) for k, v in parts.items() if v > 0.0), reverse=True)
    rows = [[word(name), pretty(v, unit), f"{100 * v / total:.1f} %"] for v, name in ranked]
    return table(["part", "value", "share"], rows, title=title, right=["value", "share"])


def _energy(sheet: ChipSheet) -> RenderableType:
    rows = [[f"{name} FLOP", f"{1e12 * v:.3g} pJ"] for name, v in sheet.joules_per_flop.items()]
    # 8 bits a byte: transport is usually quoted in pJ/bit
    rows += [[f"{word(name)} bit", f"{1e12 * v / 8:.3g} pJ"] for name, v in sheet.joules_per_byte.items()]
    return table(["operation", "energy"], rows, title="Energy", right=["energy"])


def _formats(sheet: ChipSheet) -> str:
    """Matrix peaks, and the formats that are computed in another one."""
    peaks = ", ".join(f"{name} {pretty(value, 'FLOP/s')}" for name, value in sheet.peaks.items())
    other = [f"{name} in {found.used}" for name, found in sheet.formats.items() if found.why]
    return f"Peaks: {peaks or 'none is known'}" + (f"; computes {', '.join(other)}." if other else ".")


def _price(sheet: ChipSheet) -> str:
    """What the chip costs, and by which method."""
    if sheet.price_usd is None:
        return f"Price {sheet.price_method}: unknown."
    parts = ", ".join(f"{word(k)} {v:,.0f}" for k, v in sheet.price_parts.items())
    # a single part would repeat the price
    detail = f" ({parts})" if len(sheet.price_parts) > 1 else ""
    paid = sheet.money.prices[sheet.chip]
    said = f" {price_words(paid)}" if paid.asked or paid.usd_per_hour is not None else ""
    if paid.usd_per_hour is not None:
        return f"Price{said}, worth {sheet.price_usd:,.0f} USD. {' '.join(money_lines(sheet.money, ECONOMY))}"
    return f"Price {sheet.price_method}: {said or f'{sheet.price_usd:,.0f} USD'}{detail}.".replace(
        ":  ", ": "
    )


def _published(sheet: ChipSheet) -> RenderableType:
    """Derived figures next to published ones, with the error of each."""
    rows = [
        [
            word(p.quantity),
            pretty(p.ours, p.unit),
            pretty(p.value, p.unit),
            _range(p),
            f"{p.error:+.0%}",
            p.source,
        ]
        for p in sheet.published
    ]
    columns = ["quantity", "ours", "published", "range", "error", "source"]
    return table(columns, rows, title="Comparison with published figures", right=columns[1:5])


def _range(p: Published) -> str:
    ends = [pretty(end, p.unit) if end is not None else "" for end in (p.low, p.high)]
    return " to ".join(ends) if any(ends) else "-"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
