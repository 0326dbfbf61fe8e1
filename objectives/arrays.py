"""The one door to array namespaces: the same equations run on NumPy, JAX or any array-API library."""

from typing import Any, TypeAlias

from array_api_compat import array_namespace

Array: TypeAlias = Any
"""An array of any library that follows the Python array API standard."""

Namespace: TypeAlias = Any
"""The module of array functions that an array belongs to."""


_KNOWN: dict[type, Namespace] = {}  # a memo: the look-up runs a hundred times for each call of a cost model


def namespace(*arrays: Array) -> Namespace:
    """Namespace shared by `arrays`; numbers among them are ignored.

    Raises `TypeError` when arrays of two libraries are mixed.
    """
    kinds = {type(a) for a in arrays} - {float, int}
    if len(kinds) == 1 and (known := _KNOWN.get(*kinds)) is not None:
        return known
    found = array_namespace(*(a for a in arrays if not isinstance(a, (int, float))))
    if len(kinds) == 1:
        _KNOWN[kinds.pop()] = found
    return found


def ceil_div(a: Array, b: Array) -> Array:
    """Smallest integer (as a float array) not below a / b, element by element."""
    quotient = a / b
    return namespace(quotient).ceil(quotient)
