"""Boxes of text and dots of ink: what touches what, in pixels."""

from itertools import pairwise

import numpy as np

from dse.arrays import Floats

Box = tuple[float, float, float, float]
"""Left, bottom, right, top."""


def dotted(corners: Floats, step: float) -> Floats:
    """Points at most `step` apart along a line."""
    parts = [corners[:1]]
    for a, b in pairwise(corners):
        # at least the corner itself, however short the part
        n = max(1, int(np.hypot(*(b - a)) / step))
        parts.append(a + (b - a) * (np.arange(1, n + 1) / n)[:, None])
    return np.concatenate(parts)


def away(points: Floats, anchor: Floats) -> Floats:
    """Those of `points` (n, 2) that do not lie on `anchor`, which no text can separate from it."""
    # exactly on it: other names of one point share its coordinates to the bit
    return np.asarray(points[np.hypot(*(points - anchor).T) > 0])


def overlap(a: Box, b: Box) -> bool:
    """Whether two boxes share an area."""
    # boxes that only touch share no area
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def gaps(box: Box, points: Floats) -> Floats:
    """Distance (n,) of each of `points` (n, 2) from the box; 0 inside."""
    low, high = np.array(box[:2]), np.array(box[2:])
    # by axis; 0 on one where the point is between the sides
    outside = np.maximum(np.maximum(low - points, points - high), 0.0)
    return np.asarray(np.hypot(outside[:, 0], outside[:, 1]))


def inside(box: Box, points: Floats, margin: float) -> int:
    """How many of `points` (n, 2) lie in the box or less than `margin` away."""
    low, high = np.array(box[:2]) - margin, np.array(box[2:]) + margin
    # both axes of a point must be between the sides
    return int(((points > low) & (points < high)).all(axis=1).sum())
