"""A tornado: how far each uncertain number of a proposal moves the objective over its range."""

from dataclasses import dataclass
from typing import Any

from dse.decide.proposal import Proposal
from dse.report.canvas import SIZE, head, render
from dse.report.datasheet_info import fact_words, written

MOST = 14
"""Bars that are read; the others are shorter."""
_LOW, _HIGH, _GONE = "#004488", "#DDAA33", "#BB5566"


@dataclass(frozen=True)
class Bar:
    """One number."""

    name: str
    low: float | None
    """Relative change of the objective at its low end [1]; None where nothing is feasible there."""
    high: float | None
    low_text: str
    high_text: str


@dataclass(frozen=True)
class TornadoInfo:
    """All numbers and words of a tornado."""

    title: str
    subtitle: str
    label: str
    bars: tuple[Bar, ...]


def tornado_info(p: Proposal) -> TornadoInfo:
    """What to draw of a proposal, the widest bar first."""
    base = p.rounded.cost

    def change(cost: float | None) -> float | None:
        return None if cost is None else cost / base - 1.0

    bars = [
        Bar(fact_words(s.fact), change(s.cost_low), change(s.cost_high), written(s.fact, s.low),
            written(s.fact, s.high))
        for s in p.tornado[:MOST]
    ]  # fmt: skip
    return TornadoInfo(
        title=f"{p.chip.name}: what {p.goal_label} hangs on",
        subtitle="Each number over the range of its sources, all others held, the deployment chosen anew",
        label=f"change of {p.goal_label} [%]   (less is better)",
        bars=tuple(bars),
    )


def draw_tornado(info: TornadoInfo, figure: Any) -> None:
    """Put the tornado on a matplotlib figure."""
    axes = figure.add_subplot()
    known = [abs(v) for b in info.bars for v in (b.low, b.high) if v is not None]
    edge = 100.0 * max(known, default=0.1) * 1.25
    for row, bar in enumerate(info.bars):
        for value, colour, text in ((bar.low, _LOW, bar.low_text), (bar.high, _HIGH, bar.high_text)):
            _end(axes, row, value, colour, text, edge, low=text is bar.low_text)
    axes.set_yticks(range(len(info.bars)), [b.name for b in info.bars])
    axes.set_ylim(len(info.bars) - 0.4, -0.6)
    axes.set_xlim(-edge * 1.35, edge * 1.35)
    axes.axvline(0.0, color="#333333", linewidth=1.0)
    axes.set_xlabel(info.label)
    axes.grid(axis="y", visible=False)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    for colour, label, hatch in ((_LOW, "at its low end", ""), (_HIGH, "at its high end", ""),
                                 (_GONE, "infeasible there", "///")):  # fmt: skip
        axes.bar([0], [0], color=colour if not hatch else "none", edgecolor=colour, hatch=hatch, label=label)
    axes.legend(loc="lower right", frameon=False, fontsize=8.5)
    head(figure, axes, info.title, info.subtitle)


def _end(axes: Any, row: int, value: float | None, colour: str, text: str, edge: float, *, low: bool) -> None:
    """One end of a bar with the number that makes it; a hatched stub where nothing is feasible."""
    if value is None:
        axes.barh(row, edge * 0.12, left=edge, color="none", edgecolor=_GONE, hatch="///", height=0.62)
        axes.text(edge * 1.14, row, text, va="center", fontsize=7.5, color="#444444")
        return
    axes.barh(row, 100.0 * value, color=colour, height=0.62, zorder=2)
    side = 1.0 if value > 0.0 or (value == 0.0 and not low) else -1.0
    place = 100.0 * value + side * edge * 0.015
    axes.text(
        place, row, text, va="center", ha="left" if side > 0 else "right", fontsize=7.5, color="#444444"
    )


def render_tornado(info: TornadoInfo, form: str) -> bytes:
    """The picture as bytes; `form` is `.png`, `.svg` or `.pdf`."""
    size = (SIZE[0], 1.6 + 0.32 * max(3, len(info.bars)))
    return render(lambda figure: draw_tornado(info, figure), form, size)
