"""What a picture of predictions against measurements shows, as plain arrays: drawn in `validation_plot`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from dse.arrays import Floats

PANELS: Final[Mapping[str, tuple[str, str]]] = {
    "tpot": ("TPOT", "ms"),
    "ttft": ("TTFT", "ms"),
    "throughput": ("Throughput", "token/s"),
    "end_to_end": ("End to end", "s"),
}
"""Family of metrics to its name and the unit it is shown in."""

_INVERSE: Final = {"tok_s_user": 1e3}
"""Metrics whose inverse, times this, is shown in the unit of their family."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One measurement and its prediction, both in the unit of `column`."""

    family: str
    column: str
    """Metric as its table calls it."""
    stack: str
    own_stack: bool
    measured: float
    predicted: float


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points of one stack in one panel."""

    stack: str
    measured: Floats
    predicted: Floats


@dataclass(frozen=True, eq=False)
class Panel:
    """One family of metrics."""

    title: str
    unit: str
    clouds: tuple[Cloud, ...]
    limits: tuple[float, float]
    """Of both axes, which are alike."""


@dataclass(frozen=True, eq=False)
class ValidationInfo:
    """All numbers and words of the picture."""

    title: str
    panels: tuple[Panel, ...]
    stacks: tuple[str, ...]
    """Every stack that occurs, so that it looks the same in all panels."""


def validation_info(points: Iterable[Point], title: str) -> ValidationInfo:
    """What to draw of `points`: a panel for each family of metrics that occurs, a cloud for each stack."""
    known = list(points)
    found = (_panel(name, [p for p in known if p.family == name]) for name in PANELS)
    return ValidationInfo(
        title=title,
        panels=tuple(panel for panel in found if panel is not None),
        stacks=tuple(sorted({_label(p) for p in known})),
    )


def _label(point: Point) -> str:
    # rows on another stack than that of their chip are no test of its fit, so they look different
    return point.stack if point.own_stack else f"{point.stack} (substitute)"


def _panel(family: str, points: list[Point]) -> Panel | None:
    """The points of one metric, a cloud for each stack; None without points."""
    if not points:
        return None
    # (points, 2): measured and predicted
    shown = np.asarray([[_shown(p, p.measured), _shown(p, p.predicted)] for p in points])
    labels = np.asarray([_label(p) for p in points])
    clouds = tuple(
        Cloud(str(name), shown[labels == name, 0], shown[labels == name, 1]) for name in sorted(set(labels))
    )
    name, unit = PANELS[family]
    # factors, since both axes are logarithmic
    return Panel(name, unit, clouds, (float(shown.min()) / 1.3, float(shown.max()) * 1.3))


def _shown(point: Point, value: float) -> float:
    # token/s of a user is one over TPOT; 1e3 gives ms
    return _INVERSE[point.column] / value if point.column in _INVERSE else value
