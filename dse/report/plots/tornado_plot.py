"""A tornado: how far each uncertain number of a proposal moves the objective over its range."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import fill

from dse.decide.propose.proposal import Proposal
from dse.report.datasheet.section import fact_words, written
from dse.report.drawing.canvas import SIZE, MplAxes, MplFigure, MplText, head, render

MOST = 14
"""Bars that are read; the others are shorter."""
_WIDE = 28
"""Letters of a line of words at an end."""
_ROUNDS = 60
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
    # of the chip as it would be built, which is what the ends were evaluated for
    base = p.rounded.cost

    def change(cost: float | None) -> float | None:
        return None if cost is None else cost / base - 1.0

    bars = [
        Bar(
            fact_words(s.fact),
            change(s.cost_low),
            change(s.cost_high),
            written(s.fact, s.low),
            written(s.fact, s.high),
        )
        for s in p.tornado[:MOST]
    ]
    return TornadoInfo(
        title=f"{p.chip.name}: sensitivity of {p.goal_label}",
        subtitle="Each number over its published range, all others fixed, deployment optimised at each end",
        label=f"change of {p.goal_label} [%]   (less is better)",
        bars=tuple(bars),
    )


@dataclass(frozen=True)
class End:
    """The words at one end of a bar."""

    row: int
    place: float
    """Where they begin [%]."""
    side: int
    """1 where they run to the right of it, -1 to the left."""
    text: str


def ends(info: TornadoInfo) -> tuple[End, ...]:
    """The words at the ends of all bars that are feasible there, none of them on a bar."""
    return tuple(end for row, bar in enumerate(info.bars) for end in _ends(row, bar))


def _ends(row: int, bar: Bar) -> Iterator[End]:
    """The text of each feasible end, on the outer side of its bar."""
    pairs = ((bar.low, bar.high, bar.low_text), (bar.high, bar.low, bar.high_text))
    for i, (value, other, text) in enumerate(pairs):
        if value is None:
            continue
        # inside the bar of the other end; of equal ends the high one counts as inside, so that only one moves
        inner = other is not None and value * other >= 0.0 and (abs(value), -i) < (abs(other), i - 1)
        if inner and other:  # the other bar covers this end, and the other side of zero is free
            yield End(row, 0.0, -1 if other > 0.0 else 1, text)
        elif other is None:  # what is infeasible stands on the right
            yield End(row, min(100.0 * value, 0.0), -1, text)
        else:
            # an end of no length has no side of its own: low is written on the left, high on the right
            yield End(row, 100.0 * value, (-1, 1)[i] if value == 0.0 else 1 if value > 0.0 else -1, text)


def draw_tornado(info: TornadoInfo, figure: MplFigure) -> None:
    """Put the tornado on a matplotlib figure."""
    from matplotlib.patches import Patch

    axes = figure.add_subplot()
    known = [100.0 * v for b in info.bars for v in (b.low, b.high) if v is not None]
    # where no end moves the objective the axis still needs a width
    reach = max(map(abs, known), default=0.0) or 10.0
    # where the boxes of infeasible ends begin: to the right of every bar
    beyond = 1.2 * max([0.0, *known]) or 0.2 * reach
    texts = [_write(axes, end, 0.015 * reach) for end in ends(info)]
    for row, bar in enumerate(info.bars):
        both = sorted(((bar.low, _LOW), (bar.high, _HIGH)), key=lambda end: -abs(end[0] or 0.0))
        for value, colour in both:  # the longer one below
            if value is not None:
                axes.barh(row, 100.0 * value, color=colour, height=0.62, zorder=2)
        if gone := [t for v, t in ((bar.low, bar.low_text), (bar.high, bar.high_text)) if v is None]:
            # a box of fixed width: an infeasible end has no length
            axes.barh(row, 0.12 * reach, left=beyond, color="none", edgecolor=_GONE, hatch="///", height=0.62)
            end = End(row, beyond + 0.12 * reach, 1, " and ".join(gone))
            texts.append(_write(axes, end, 0.015 * reach))
    axes.set_yticks(range(len(info.bars)), [b.name for b in info.bars])
    # downwards, so that the first and widest bar is on top
    axes.set_ylim(len(info.bars) - 0.4, -0.6)
    axes.axvline(0.0, color="#333333", linewidth=1.0)
    axes.set_xlabel(info.label)
    axes.grid(axis="y", visible=False)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    keys = [
        Patch(facecolor=_LOW, label="at its low end"),
        Patch(facecolor=_HIGH, label="at its high end"),
        Patch(facecolor="none", edgecolor=_GONE, hatch="///", label="infeasible there"),
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=3, frameon=False, fontsize=8.5)
    head(figure, axes, info.title, info.subtitle)
    _fit(figure, axes, texts, [-0.2 * reach, *known, 1.05 * reach if not known else 0.2 * reach])


def _write(axes: MplAxes, end: End, gap: float) -> MplText:
    """Write the text of one end of a bar, a gap away from it."""
    return axes.text(
        end.place + end.side * gap,
        end.row,
        fill(end.text, _WIDE),
        va="center",
        ha="left" if end.side > 0 else "right",
        fontsize=7.5,
        color="#444444",
        zorder=3,
    )


def _fit(figure: MplFigure, axes: MplAxes, texts: Sequence[MplText], values: Sequence[float]) -> None:
    """Limits that hold all values and words; words keep their width in pixels whatever the limits are."""
    low, high = min(values), max(values)
    axes.set_xlim(low, high)
    figure.draw_without_rendering()  # settles the layout
    whole = axes.get_window_extent().width
    # where a text begins, its share of the width, and whether it runs to the right
    spans = [(t.get_position()[0], t.get_window_extent().width / whole, t.get_ha() == "left") for t in texts]
    # wider limits make a text span more of the data: a fixed point, found by iteration
    for _ in range(_ROUNDS):
        wide = high - low
        low = min([low, *(x - share * wide for x, share, right in spans if not right)])
        high = max([high, *(x + share * wide for x, share, right in spans if right)])
    axes.set_xlim(low - 0.01 * (high - low), high + 0.01 * (high - low))


def render_tornado(info: TornadoInfo, form: str) -> bytes:
    """The picture as bytes; `form` is `.png`, `.svg` or `.pdf`."""
    # as high as its bars need
    size = (SIZE[0], 1.9 + 0.32 * max(3, len(info.bars)))
    return render(lambda figure: draw_tornado(info, figure), form, size)
