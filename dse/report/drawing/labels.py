"""Names next to points, so that no name covers another name, a point or the edge."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import cos, pi, sin

import numpy as np

from dse.arrays import Floats
from dse.report.drawing.boxes import Box, away, dotted, gaps, inside, overlap
from dse.report.drawing.canvas import MplAxes

_RADII = (9.0, 18.0, 30.0, 45.0, 65.0, 90.0)  # points
# the preferred first, as of equally cheap places the first is taken: at the sides before above and below
_DIRECTIONS = tuple(i * pi / 8 for i in (1, 15, 7, 9, 3, 13, 5, 11, 4, 12, 0, 8))
_LEADER = 12.0  # a name farther away than this gets a line to its point
_FONT = 8.5
# Cost of a place: for each name it touches, for leaving the frame,
_TEXT, _EDGE = 1e5, 1e5
# for each name and each dot of a foreign line its leader crosses,
_CROSS, _CUT = 200.0, 4.0
# for each mark, dot of a leader and dot of ink that it covers,
_MARK, _LINE, _INK = 60.0, 40.0, 2.0
# for being about as near to another mark, for each point of distance.
_AMBIGUOUS, _RADIUS = 12.0, 0.3
_SECOND = 3.0  # for standing at a later one of the places of a mark
_SHARED = 15.0  # for standing where a foreign line passes
_DOTS = 5.0  # points between the dots that stand for a line
_CLEAR = 3.0  # points by which the own mark is the nearest one, where that is possible


@dataclass(frozen=True, eq=False)
class Mark:
    """A point or a line that gets one name, in data units."""

    name: str
    places: tuple[tuple[float, float], ...]
    """Where the name may be, the preferred place first."""
    body: tuple[Floats, ...] = ()
    """Corners (m, 2) of each line that belongs to it."""


def place_labels(axes: MplAxes, marks: Sequence[Mark], points: Floats, lines: Sequence[Floats] = ()) -> None:
    """Write the name of each mark at one of its places on matplotlib `axes`, whose layout must be final.

    `points` (n, 2) and the corners (m, 2) of `lines` are other ink in data units that names should not
    cover. Greedy: every name takes the cheapest spot around its places, from the right to the left.
    """
    if not marks:
        return
    scale, pixels = axes.figure.dpi / 72, axes.transData.transform
    places = [pixels(mark.places) for mark in marks]
    bodies = [
        np.concatenate([at, *_dots(mark.body, pixels, scale)]) for mark, at in zip(marks, places, strict=True)
    ]
    ink = [*([pixels(points)] if len(points) else []), *_dots(lines, pixels, scale), *bodies]
    frame = tuple(axes.get_window_extent().extents)
    scene = _Scene(scale, frame, np.concatenate(places), np.concatenate(ink), lines=np.empty((0, 2)))
    taken: list[Box] = []
    # stable, so that names at equal places are placed in one order and equal numbers give equal pictures
    for i in np.argsort([-at[0, 0] for at in places], kind="stable"):
        # with an empty part, as a single mark has no others and an empty list cannot be joined
        others = np.concatenate([np.empty((0, 2)), *bodies[:i], *bodies[i + 1 :]])
        place = _best(places[i], _size(axes, marks[i].name), replace(scene, others=others), taken)
        taken.append(place.box)
        if place.leader:
            # names that come later keep off this leader
            scene = replace(scene, lines=np.concatenate([scene.lines, place.line]))
        # matplotlib takes offsets in points, places are in pixels
        offset = (place.dx / scale, place.dy / scale)
        _write(axes, marks[i].name, marks[i].places[place.which], offset, place.leader)


@dataclass(frozen=True, eq=False)
class _Scene:
    """What is there already, in pixels."""

    scale: float
    """Pixels per point."""
    frame: Box
    marks: Floats
    ink: Floats
    lines: Floats
    """Dots of the leaders drawn so far."""
    others: Floats = field(default_factory=lambda: np.empty((0, 2)))
    """Dots of everything that bears another name."""


@dataclass(frozen=True)
class _Place:
    """Offset of the middle of a text from its mark, and the box it fills there, in pixels."""

    which: int
    """Index of the place of the mark of its position."""
    dx: float
    dy: float
    radius: float
    box: Box
    nearer_by: float
    """Points by which another mark is nearer to the text than its own is; <= 0 when none is."""
    line: Floats
    """Dots (n, 2) from the mark to the edge of the text."""

    @property
    def leader(self) -> bool:
        """Whether a line must tell which mark the text belongs to."""
        # far away, or not clearly the nearest: only a line says which mark it belongs to
        return self.radius > _LEADER or self.nearer_by > -_CLEAR


def _dots(lines: Sequence[Floats], pixels: Callable[[Floats], Floats], scale: float) -> list[Floats]:
    return [dotted(pixels(line), _DOTS * scale) for line in lines if len(line)]


def _size(axes: MplAxes, name: str) -> tuple[float, float]:
    text = axes.text(0, 0, name, fontsize=_FONT)
    box = text.get_window_extent(axes.figure.canvas.get_renderer())
    # it was written only to be measured
    text.remove()
    return float(box.width), float(box.height)


def _best(anchors: Floats, size: tuple[float, float], scene: _Scene, taken: Sequence[Box]) -> _Place:
    places = [
        _place(i, anchor, size, radius, angle, scene)
        for (i, anchor), radius, angle in product(enumerate(anchors), _RADII, _DIRECTIONS)
    ]
    # the first of equal places, which is the preferred one, see `_DIRECTIONS`
    return min(places, key=lambda place: _cost(place, scene, anchors[place.which], taken))


def _place(
    which: int, anchor: Floats, size: tuple[float, float], radius: float, angle: float, scene: _Scene
) -> _Place:
    """The place of a text at an angle and a radius from its anchor."""
    width, height = size
    # an ellipse around the point: a text is wider than high, and its nearest side should be as far away
    dx = cos(angle) * (radius * scene.scale + width / 2)
    dy = sin(angle) * (radius * scene.scale + height / 2)
    x, y = float(anchor[0]) + dx, float(anchor[1]) + dy
    # two pixels of air at the sides, one above and below
    box = (x - width / 2 - 2, y - height / 2 - 1, x + width / 2 + 2, y + height / 2 + 1)
    others = away(scene.others, anchor)
    # one point as (1, 2), the shape that `gaps` takes
    gap = float(gaps(box, anchor[None, :])[0])
    nearer_by = (gap - float(gaps(box, others).min())) / scene.scale if len(others) else -np.inf
    # without the first dot, which is on the own mark
    line = dotted(np.array([anchor, (x, y)]), 2 * scene.scale)[1:]
    # a leader ends at the box: dots inside it are behind the text
    return _Place(which, dx, dy, radius, box, nearer_by, line[gaps(box, line) > 0])


def _cost(place: _Place, scene: _Scene, anchor: Floats, taken: Sequence[Box]) -> float:
    """Penalty of a place: what it covers, how far it is, and what its leader crosses."""
    a, f = place.box, scene.frame
    others = away(scene.marks, anchor)
    outside = a[0] < f[0] or a[1] < f[1] or a[2] > f[2] or a[3] > f[3]
    return (
        _TEXT * sum(overlap(a, other) for other in taken)
        + _EDGE * outside
        + _MARK * inside(a, scene.marks, 5 * scene.scale)
        + _INK * inside(a, scene.ink, 3 * scene.scale)
        + _LINE * inside(a, scene.lines, 1 * scene.scale)
        + _RADIUS * place.radius
        + _SECOND * place.which
        + _SHARED * bool((np.hypot(*(scene.others - anchor).T) < 2.5 * scene.scale).any())
        + (_AMBIGUOUS + _crossings(place.line, others, scene, taken) if place.leader else 0.0)
    )


def _crossings(line: Floats, marks: Floats, scene: _Scene, taken: Sequence[Box]) -> float:
    """Cost of the marks, names and foreign lines that a leader runs over."""
    if not len(line):
        return 0.0
    margin = 4 * scene.scale
    near = sum(bool(np.hypot(*(line - mark).T).min() < margin) for mark in marks)
    names = sum(inside(box, line, 0.0) > 0 for box in taken)
    # dots near the box of the leader only, which spares most distances
    low, high = line.min(axis=0) - margin, line.max(axis=0) + margin
    foreign = scene.others[((scene.others > low) & (scene.others < high)).all(axis=1)]
    # each dot counts, so a leader along a line costs more than one across it
    cut = sum(bool(np.hypot(*(line - dot).T).min() < margin) for dot in foreign)
    return _MARK * near + _CROSS * names + _CUT * cut


def _write(
    axes: MplAxes, name: str, place: tuple[float, float], offset: tuple[float, float], leader: bool
) -> None:
    """Write a name at an offset from its place, with a leader where it needs one."""
    line = {"arrowstyle": "-", "color": "#222222", "linewidth": 0.8, "shrinkA": 1, "shrinkB": 0}
    axes.annotate(
        name,
        place,
        xytext=offset,
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=_FONT,
        # above all ink, so that no line crosses a name
        zorder=6,
        arrowprops=line if leader else None,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.6},
    )
