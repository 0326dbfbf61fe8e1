"""Errors of TPOT by batch: medians with the middle four fifths, of fitted rows and of rows left out."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from dse.report.drawing.canvas import MplAxes, render_styled

# halves, so that no batch is on an edge
EDGES: Final = (0.5, 1.5, 4.5, 8.5, 16.5, 32.5, 64.5, 128.5, 256.5, 1024.5, 1e6)
"""Between the groups of batches, which hold tens of rows each."""
_LABELS: Final = ("1", "2-4", "5-8", "9-16", "17-32", "33-64", "65-128", "129-256", "257-1024", "> 1024")
_INKS: Final = {False: ("fitted", "#1F6FB2", "o", -0.12), True: ("LLM left out", "#C2571A", "s", 0.12)}
_SIZE: Final = (8.4, 3.6)  # inches
_DPI: Final = 90
_BAND: Final = 0.11  # what the page of accuracy aims at for the median of rows left out


@dataclass(frozen=True, kw_only=True)
class BatchPoint:
    """One row."""

    batch: float
    error: float
    """log(predicted / measured)."""
    left_out: bool


@dataclass(frozen=True, kw_only=True)
class BatchBar:
    """Rows of like batches."""

    place: int
    left_out: bool
    n: int
    low: float
    median: float
    high: float
    """10th, 50th and 90th percentile of predicted / measured - 1."""


def batch_info(points: Iterable[BatchPoint]) -> list[BatchBar]:
    """A bar for each group of batches that has rows, fitted and left out."""
    known = list(points)
    found = []
    for place, (above, upto) in enumerate(pairwise(EDGES)):
        for left_out in (False, True):
            mine = [p.error for p in known if above < p.batch <= upto and p.left_out is left_out]
            if mine:
                # errors are logarithms of ratios; this gives ratio - 1
                low, median, high = np.expm1(np.quantile(mine, (0.1, 0.5, 0.9)))
                found.append(
                    BatchBar(
                        place=place,
                        left_out=left_out,
                        n=len(mine),
                        low=float(low),
                        median=float(median),
                        high=float(high),
                    )
                )
    return found


def render_batches(bars: Iterable[BatchBar], form: str) -> bytes:
    """The picture as bytes; `form` is `.png`, `.svg` or `.pdf`."""
    known = list(bars)
    style = {"text.parse_math": False, "svg.hashsalt": "dse", "font.size": 9}
    return render_styled(lambda figure: _draw(figure.add_subplot(), known), form, _SIZE, _DPI, style)


def _draw(axes: MplAxes, bars: list[BatchBar]) -> None:
    """Medians with bars from P10 to P90, fitted rows and left-out rows side by side."""
    axes.axhline(0.0, color="#555555", linewidth=0.8)
    axes.axhspan(-_BAND, _BAND, color="#EEEEEE", zorder=0)
    for left_out, (label, colour, marker, aside) in _INKS.items():
        mine = [b for b in bars if b.left_out is left_out]
        at = np.asarray([b.place + aside for b in mine])
        median = np.asarray([b.median for b in mine])
        # distances from the median, as errorbar takes no ends
        reach = [median - [b.low for b in mine], np.asarray([b.high for b in mine]) - median]
        axes.errorbar(
            at, median, yerr=reach, fmt=marker, color=colour, capsize=2.5, markersize=4, label=label
        )
    # a row may be in both kinds, so only one of them is counted
    counts = {b.place: b.n for b in bars if not b.left_out}
    ticks = [f"{name}\nn={counts[i]}" for i, name in enumerate(_LABELS) if i in counts]
    axes.set_xticks([i for i in range(len(_LABELS)) if i in counts], ticks)
    axes.set(xlabel="batch or users of the whole system", ylabel="predicted / measured - 1", ylim=(-0.8, 1.2))
    axes.set_title(f"TPOT: median, and 10th to 90th percentile (band: {_BAND:.0%})", loc="left", fontsize=9)
    axes.legend(frameon=False, loc="upper left", ncols=2)
