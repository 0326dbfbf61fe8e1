"""The one door of moocore: which points nothing beats, and how much of the space they cover."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import moocore  # type: ignore[import-untyped, unused-ignore]
import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.front.axis import Axis

Mask: TypeAlias = npt.NDArray[np.bool_]


def minimised(values: npt.ArrayLike, axes: Sequence[Axis]) -> Floats:
    """`values` (n, k) in the units of `axes`, with the sign of every maximised column turned.

    Raises `ValueError` when the shape is not (n, k) or a value is not finite.
    """
    points = np.asarray(values, dtype=np.float64)
    # an empty list has no second axis
    if points.size == 0:
        points = points.reshape(0, len(axes))
    if points.shape[1:] != (len(axes),):
        raise ValueError(f"front: expected values of shape (n, {len(axes)}), got {points.shape}.")
    for axis, column in zip(axes, points.T, strict=True):
        wrong = np.flatnonzero(~np.isfinite(column))
        if wrong.size:
            raise ValueError(
                f"front: expected finite {axis.column}, got {column[wrong[0]]} in row {wrong[0]}. "
                "Infeasible designs have finite metrics and a violation."
            )
    # turned at this one place: all other code keeps the units and directions of people
    signs: Floats = np.array([-1.0 if axis.maximised else 1.0 for axis in axes])
    return np.multiply(points, signs)


def nondominated(values: npt.ArrayLike, axes: Sequence[Axis]) -> Mask:
    """Mask (n,) of the rows of `values` (n, k) that no other row dominates.

    Of rows that are equal in every axis only the first is kept.
    """
    points = minimised(values, axes)
    if not len(points):
        return np.zeros(0, dtype=np.bool_)
    return np.asarray(moocore.is_nondominated(points), dtype=np.bool_)


def hypervolume(values: npt.ArrayLike, axes: Sequence[Axis], reference: Mapping[str, float]) -> float:
    """Volume that the rows of `values` (n, k) dominate up to `reference`, in the product of the axes' units.

    `reference` holds the worst value of each axis by its name. Points that are not better than it in
    every axis count nothing; the volume of no points is 0.
    """
    missing = [axis.name for axis in axes if axis.name not in reference]
    if missing:
        raise ValueError(
            f"reference point: expected a value for each objective, missing {', '.join(missing)}."
        )
    corner = minimised([[reference[axis.name] for axis in axes]], axes)[0]
    points = minimised(values, axes)
    # a point behind the reference in one axis dominates no volume before it
    points = points[(points < corner).all(axis=1)]
    return float(moocore.hypervolume(points, ref=corner)) if len(points) else 0.0


def log_hypervolume(
    values: npt.ArrayLike, axes: Sequence[Axis], reference: Mapping[str, float]
) -> float | None:
    """The same volume with every axis on a logarithmic scale, where one per cent counts the same everywhere.

    On the plain scale nearly all of the volume is near a far reference point and depends little on the
    good designs. None where a value or the reference is not above 0.
    """
    points = np.asarray(values, dtype=np.float64).reshape(-1, len(axes))
    corner = {axis.name: reference.get(axis.name, 0.0) for axis in axes}
    if min(corner.values()) <= 0.0 or (points <= 0.0).any():
        return None
    # a logarithm rises, so that the same points dominate; signs are turned after it
    return hypervolume(np.log(points), axes, {name: float(np.log(v)) for name, v in corner.items()})


def factor_to_cover(values: npt.ArrayLike, reference: npt.ArrayLike, axes: Sequence[Axis]) -> float:
    """Smallest factor by which each row of `reference` is worse than, or as good as, some row of `values`.

    The multiplicative epsilon indicator (Zitzler et al., IEEE TEC 2003): every row of `reference` has a row
    of `values` that is at most this many times worse in every axis. 1 where nothing is missing; infinite
    where `values` is empty or a value is not above 0, for which a factor means nothing.
    """
    found, wanted = np.asarray(values, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if not found.size or not wanted.size or found.min() <= 0.0 or wanted.min() <= 0.0:
        return float("inf")
    # directions instead of turned signs: a factor needs values above 0
    return float(moocore.epsilon_mult(found, ref=wanted, maximise=[axis.maximised for axis in axes]))
