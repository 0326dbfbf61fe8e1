"""Draws what a chip is made of: area, unit cost and power as stacked bars."""

from collections.abc import Mapping
from pathlib import Path

from dse.evaluate.chip_sheet import ChipSheet, Published
from dse.report.drawing.canvas import QUIET, MplAxes, MplFigure, foot, frame, head, save
from dse.report.drawing.style import PARTS
from dse.report.words.part_names import word
from dse.spec.yaml.units import pretty

_SIZE = (10.4, 6.0)
_LEAST = 0.085
"""Share of a bar below which a part has no room for its name."""
LOOKS = {
    "core": 0,
    "compute": 0,
    "compute_dies": 0,
    "dram": 1,
    "dram_phy": 1,
    "link": 2,
    "package": 3,
    "board": 4,
    "cache": 5,
    "die_to_die": 6,
    "assembly_loss": 6,
    "sram": 7,
    "load": 5,
    "uncore": 8,
    "static": 8,
    "io_dies": 8,
    "test": 9,
    "unit_cost": 9,
    "nre": 5,
    "margin": 2,
}
"""Part to its place among the looks: what belongs together looks alike in every bar of every chip."""
_BESIDE = {
    "Silicon": ("die_area", "io_die_area"),
    "Unit cost": ("unit_cost",),
    "Price": ("price",),
    "Power": ("tdp",),
}
"""Bar to the published quantities next to it."""


def draw_chip(sheet: ChipSheet, path: Path) -> None:
    """Write the picture to `path` (.png, .svg or .pdf by its suffix), all of it or nothing."""
    save(lambda figure: _draw(figure, sheet), path, _SIZE)


def bars(sheet: ChipSheet) -> list[tuple[str, str, Mapping[str, float]]]:
    """What is drawn: title, SI unit, parts."""
    made = [("Silicon", "m2", sheet.area_parts), ("Unit cost", "USD", sheet.unit_cost_parts)]
    # a listed price has no parts
    if len(sheet.price_parts) > 1:
        made.append(("Price", "USD", sheet.price_parts))
    # last; a bar whose parts are unknown is left out below
    made.append(("Power", "W", sheet.power_parts))
    return [bar for bar in made if bar[2]]


def die_plan(sheet: ChipSheet) -> str:
    """The dies in a line: how many, how large, how many of them are good, and what carries them."""
    texts = []
    for d in sheet.dies:
        kind = "I/O" if d.kind == "io" else d.kind
        each = f"{d.count} {kind} dies of" if d.count > 1 else f"1 {kind} die of"
        texts.append(f"{each} {pretty(d.area_m2, 'm2')} on {d.process}, {d.harvested_yield:.0%} good")
    return "; ".join([*texts, sheet.packaging])


def _draw(figure: MplFigure, sheet: ChipSheet) -> None:
    """One row of axes for each stacked bar, with published figures to the right."""
    shown = bars(sheet)
    rows = figure.subplots(len(shown), 1)
    changed = f", {', '.join(sheet.exchanged)}" if sheet.exchanged else ""
    for i, (axes, (title, unit, parts)) in enumerate(zip(rows, shown, strict=True)):
        frame(axes)
        axes.grid(visible=False)
        if i == 0:
            head(figure, axes, f"{sheet.title}{changed}", die_plan(sheet))
        _bar(axes, f"{title}\n{pretty(sum(parts.values()), unit)}", unit, parts)
        beside = [p for p in sheet.published if p.quantity in _BESIDE[title]]
        if beside:
            text = "; ".join(_beside(p) for p in beside)
            axes.text(1.0, 0.36, text, ha="right", va="bottom", fontsize=7.5, color=QUIET)
    foot(figure, sheet.notes)


def _beside(p: Published) -> str:
    """A published figure and how far ours is from it."""
    # a published range is shown as one, not by its middle
    ends = [pretty(v, p.unit) for v in (p.low, p.high) if v is not None]
    value = " to ".join(ends) if len(ends) == 2 else pretty(p.value, p.unit)
    each = " each" if p.quantity.endswith("die_area") else ""
    return f"published {word(p.quantity)} {value}{each}, predicted {p.error:+.0%}"


def _bar(axes: MplAxes, title: str, unit: str, parts: Mapping[str, float]) -> None:
    """One bar, the largest part first; names that do not fit inside are written below."""
    total = sum(parts.values())
    left, small = 0.0, []
    # small parts end up at the right, next to the line that names them
    for name, value in sorted(parts.items(), key=lambda p: -p[1]):
        # bars have one length whatever their totals, which are in their titles
        share, look = value / total, PARTS[LOOKS[name]]
        if share <= 0.0:
            continue
        axes.barh(0, share, left=left, color=look.colour, hatch=look.hatch, edgecolor="white", height=0.6)
        text = f"{word(name)}\n{pretty(value, unit)}"
        if share >= _LEAST:
            # on white, since a hatch would cross the letters
            box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.2}
            axes.text(left + share / 2, 0, text, ha="center", va="center", fontsize=7.5, bbox=box)
        else:
            small.append(text.replace("\n", " "))
        left += share
    # more room than the bar, for what is written above and below it
    axes.set(xlim=(0.0, 1.0), ylim=(-0.75, 0.75), xticks=[], yticks=[0], yticklabels=[title])
    if small:
        axes.text(1.0, -0.42, "then " + ", ".join(small), ha="right", va="top", fontsize=7.5, color=QUIET)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
