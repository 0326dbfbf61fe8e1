"""Whether a column is what a plug-in must return: numbers, finite, of the shape of the designs."""

from collections.abc import Mapping

import numpy as np

from objectives.arrays import Array

SMALL = 1 << 13
"""Numbers up to which a product of a column with itself is quicker than its sum, and takes one core."""

_FLOAT, _INF = np.dtype(np.float64), float("inf")
_SUM, _LARGEST = np.add.reduce, np.maximum.reduce
_INFINITE = np.float64(_INF).view(np.uint64)


def sound(column: Array, shape: tuple[int, ...], *, positive: bool = False) -> bool:
    """Whether a column is fine, by a single pass over it; `fault_of` says what is wrong.

    May be false for a column in which `fault_of` finds nothing, never true for one in which it does.
    """
    if type(column) is not np.ndarray or column.dtype is not _FLOAT:
        return fault_of(column, positive=positive) is None
    if column.shape != shape and not broadcasts(column.shape, shape):
        return False
    if positive:
        # read as whole numbers, infinity and NaN are above every number, and what has a sign above these
        largest = _LARGEST(column.view(np.uint64), axis=None, initial=0)
        return bool(largest < _INFINITE) or fault_of(column, positive=True) is None
    # NaN and infinity stay in a sum and in a product
    total = _SUM(column, axis=None) if column.size > SMALL else (flat := column.reshape(-1)).dot(flat)
    return bool(-_INF < total < _INF)


def fault_of(column: Array, *, positive: bool = False) -> tuple[str, int] | None:
    """What is wrong with the numbers of a column, and where in it; None where all is well.

    `positive` refuses numbers below 0. Arrays that are being compiled have no numbers yet, so only their type
    is looked at.
    """
    if type(column) is not np.ndarray:
        if isinstance(column, (bool, str)) or not isinstance(column, (int, float, np.number)):
            return None if is_array(column) else (f"numbers, got {_kind(column)}", 0)
        column = np.asarray(column)
    if column.dtype is not _FLOAT and column.dtype.kind not in "fiu":
        return f"numbers, got an array of {column.dtype}", 0
    if not (good := np.isfinite(column)).all():
        at = int(np.argmin(good))
        return f"a finite number, got {column.reshape(-1)[at]}", at
    if positive and column.size and np.minimum.reduce(column, axis=None) < 0.0:
        at = int(np.argmin(column))
        return f"at least 0, got {column.reshape(-1)[at]:.6g}", at
    return None


def is_array(column: Array) -> bool:
    """Whether it is an array of some library, such as one that is being compiled."""
    return hasattr(column, "__array_namespace__") or (hasattr(column, "aval") and hasattr(column, "shape"))


def concrete(column: Array) -> bool:
    """Whether its numbers are known."""
    return isinstance(column, (int, float, np.ndarray, np.number))


def broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether a column of a shape broadcasts to that of the designs without making it larger."""
    if shape == to:
        return True
    return len(shape) <= len(to) and all(
        own in (1, whole) for own, whole in zip(reversed(shape), reversed(to), strict=False)
    )


def place_in(shape: tuple[int, ...], at: int, to: tuple[int, ...]) -> int:
    """Where a number of a column is in the designs that it broadcasts to, as flat indices."""
    if not shape or shape == to:
        return at
    own = np.unravel_index(at, shape)
    return int(np.ravel_multi_index(((0,) * (len(to) - len(shape)) + tuple(int(i) for i in own)), to))


def freeze(columns: Mapping[str, object]) -> None:
    """Let no plug-in write into arrays that others read as well: writing raises `ValueError`."""
    for column in columns.values():
        if type(column) is np.ndarray:
            column.setflags(write=False)


def _kind(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
