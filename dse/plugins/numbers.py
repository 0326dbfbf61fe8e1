"""Whether a column is what a plug-in must return: numbers, finite, of the shape of the designs."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from objectives.arrays import Array

SMALL = 1 << 13
"""Numbers up to which a product of a column with itself is quicker than its sum, and takes one core."""

LARGEST, SMALLEST = 1e100, 1e-100
"""Sizes between which every number can be squared, divided by and drawn."""

_FLOAT = np.dtype(np.float64)
_LEAST, _MOST = np.minimum.reduce, np.maximum.reduce
_LARGEST_BITS = np.float64(LARGEST).view(np.uint64)


def sound(column: Array, shape: tuple[int, ...], *, positive: bool = False) -> bool:
    """Whether a column is fine, by few passes over it; `fault_of` says what is wrong.

    May be false for a column in which `fault_of` finds nothing, never true for one in which it does.
    """
    if type(column) is not np.ndarray or column.dtype is not _FLOAT:
        return fault_of(column, shape, positive=positive) is None
    if column.shape != shape and not broadcasts(column.shape, shape):
        return False
    if positive:
        # read as whole numbers, infinity and NaN are above every number, and what has a sign above these
        fine = _MOST(column.view(np.uint64), axis=None, initial=0) <= _LARGEST_BITS
        if fine and _LEAST(column, axis=None, initial=LARGEST) >= SMALLEST:
            return True
        return fault_of(column, shape, positive=True) is None
    if column.size <= SMALL:
        # NaN stays in a product
        return bool((flat := column.reshape(-1)).dot(flat) <= LARGEST**2)
    return bool(_LEAST(column, axis=None) >= -LARGEST and _MOST(column, axis=None) <= LARGEST)


def fault_of(
    column: Array, whole: tuple[int, ...] | None = None, *, positive: bool = False, tiny: bool = False
) -> tuple[str, int] | None:
    """What is wrong with a column, and where in it; None where all is well.

    `whole` is the shape of the designs, `positive` refuses numbers below 0, and either of `positive` and
    `tiny` what is so near 0 that it cannot be divided by. Arrays that are being compiled have no numbers yet,
    so only their type and shape are looked at.
    """
    if (form := _form_fault(column, whole)) is not None:
        return form, 0
    if not concrete(column):
        return None
    given = np.asarray(column)
    with np.errstate(over="ignore"):
        # a wider type has finite numbers that are none here
        numbers = given.astype(np.float64, copy=False)
    size = np.abs(numbers)

    def first(good: npt.NDArray[np.bool_], expected: str) -> tuple[str, int]:
        at = int(np.argmin(good))
        return f"{expected}, got {given.reshape(-1)[at]!s}", at

    if not (good := np.isfinite(given)).all():
        return first(good, "a finite number")
    if not (good := size <= LARGEST).all():
        return first(good, f"a number of at most {LARGEST:g} in size")
    if positive and not (good := numbers >= 0.0).all():
        return first(good, "at least 0")
    if (positive or tiny) and not (good := (size >= SMALLEST) | (given == 0)).all():
        return first(good, f"0 or a number of at least {SMALLEST:g} in size")
    return None


def _form_fault(column: Array, whole: tuple[int, ...] | None) -> str | None:
    """What is wrong with the type and the shape, before any number is looked at: there may be too many."""
    if isinstance(column, np.ndarray):
        # what is masked, or multiplies in its own way, is another thing than its numbers
        if type(column) is not np.ndarray:
            return f"a plain array, got {_kind(column)}"
    elif isinstance(column, (bool, str)) or not isinstance(column, (int, float, np.number)):
        if not is_array(column):
            return f"numbers, got {_kind(column)}"
    elif (kind := np.asarray(column).dtype).kind not in "fiu":
        return f"numbers, got one of {kind}"
    if isinstance(column, np.ndarray) and column.dtype.kind not in "fiu":
        return f"numbers, got an array of {column.dtype}"
    own = getattr(column, "shape", ())
    if whole is not None and not broadcasts(own, whole):
        return f"a column that broadcasts to {whole}, got {own}"
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
    """Where a number of a column is in the designs, as flat indices; the first where it does not fit them."""
    if not at or shape == to:
        return at
    if not broadcasts(shape, to):
        return 0
    own = np.unravel_index(at, shape)
    return int(np.ravel_multi_index(((0,) * (len(to) - len(shape)) + tuple(int(i) for i in own)), to))


def freeze(columns: Mapping[str, object]) -> None:
    """Let no plug-in write into arrays that others read as well: writing raises `ValueError`."""
    for column in columns.values():
        if type(column) is np.ndarray:
            column.setflags(write=False)


def _kind(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
