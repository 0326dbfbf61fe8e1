"""The one door to array namespaces: the same equations run on NumPy, JAX or any array-API library.

The helpers below take plain numbers as well as arrays, so that an equation needs no second branch for them.
"""

from typing import Any, TypeAlias, TypeGuard

from array_api_compat import array_namespace, is_numpy_array

Array: TypeAlias = Any
"""An array of any library that follows the Python array API standard, or a plain number."""

Namespace: TypeAlias = Any
"""The module of array functions that an array belongs to."""


_KNOWN: dict[type, Namespace] = {}  # a memo: the look-up runs a hundred times for each call of a cost model


def namespace(*arrays: Array) -> Namespace:
    """Namespace shared by `arrays`; numbers among them are ignored.

    Raises `TypeError` when arrays of two libraries are mixed.
    """
    if len(arrays) == 1 and (known := _KNOWN.get(type(arrays[0]))) is not None:
        return known
    # plain numbers belong to every namespace
    kinds = {type(a) for a in arrays} - {float, int}
    if len(kinds) == 1 and (known := _KNOWN.get(*kinds)) is not None:
        return known
    found = array_namespace(*(a for a in arrays if not is_number(a)))
    # two types of one library (JAX's arrays and tracers) give no single key, so they are looked up each time
    if len(kinds) == 1:
        _KNOWN[kinds.pop()] = found
    return found


def is_number(value: Array) -> TypeGuard[float]:
    """Whether `value` is a plain number, which belongs to no namespace."""
    return isinstance(value, (int, float))


def is_ones(value: Array) -> bool:
    """Whether all of `value` is known to be 1; False for arrays that are no NumPy's, which may be traced."""
    if is_number(value):
        return value == 1.0
    return bool((value == 1.0).all()) if is_numpy_array(value) else False


def is_finite(value: Array) -> bool:
    """Whether all of `value` is known to be finite; False for arrays that are no NumPy's."""
    if is_number(value):
        return abs(value) < float("inf")
    return bool(namespace(value).isfinite(value).all()) if is_numpy_array(value) else False


def zeros_like(value: Array) -> Array:
    """Zeros of the shape of `value`; 0.0 for a plain number."""
    return 0.0 if is_number(value) else namespace(value).zeros_like(value)


def ones_like(value: Array) -> Array:
    """Ones of the shape of `value`; 1.0 for a plain number."""
    return 1.0 if is_number(value) else namespace(value).ones_like(value)


def minimum(a: Array, b: Array) -> Array:
    """The smaller of two, element by element; arrays and plain numbers broadcast."""
    xp = _shared(a, b)
    return min(a, b) if xp is None else xp.minimum(a, b)


def maximum(a: Array, b: Array) -> Array:
    """The larger of two, element by element; arrays and plain numbers broadcast."""
    xp = _shared(a, b)
    return max(a, b) if xp is None else xp.maximum(a, b)


def _shared(a: Array, b: Array) -> Namespace | None:
    """Namespace of two; None for two plain numbers. Arrays of one type take two look-ups."""
    one, other = _KNOWN.get(type(a)), _KNOWN.get(type(b))
    if one is not None and (one is other or is_number(b)):
        return one
    if other is not None and is_number(a):
        return other
    return None if is_number(a) and is_number(b) else namespace(a, b)


def where(condition: Array, a: Array, b: Array) -> Array:
    """`a` where the condition holds, else `b`; a plain truth value chooses as a whole."""
    # plain numbers compare to a plain truth value, which no namespace takes
    if condition is True or condition is False:
        return a if condition else b
    return namespace(condition).where(condition, a, b)


def floor(value: Array) -> Array:
    """Largest whole number (as a float) not above `value`, element by element."""
    return float(value // 1) if is_number(value) else namespace(value).floor(value)


def ceil_div(a: Array, b: Array) -> Array:
    """Smallest whole number (as a float) not below a / b, element by element."""
    # IEEE division is exact where the quotient is whole, so that no tolerance is needed
    quotient = a / b
    return float(-(-quotient // 1)) if is_number(quotient) else namespace(quotient).ceil(quotient)


def inverse(rate: Array) -> Array:
    """1 / rate, and 0 where the rate is 0, which means that there is no such path."""
    # both branches are evaluated, so the inner choice keeps 1 / 0 out of the one that is dropped
    absent = rate == 0.0
    return where(absent, 0.0, 1.0 / where(absent, 1.0, rate))
