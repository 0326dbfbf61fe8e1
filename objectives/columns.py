"""Structs of arrays whose columns broadcast against each other."""

from dataclasses import fields, replace
from functools import cached_property
from math import prod
from typing import Self

from objectives.arrays import Array, namespace


class Columns:
    """Shared behaviour of the frozen structs of arrays below."""

    def columns(self) -> dict[str, Array]:
        """Column name to array, in declaration order; those that are left out are not among them."""
        # `asdict` would copy every array
        every = ((f.name, getattr(self, f.name)) for f in fields(self))  # type: ignore[arg-type]
        return {name: column for name, column in every if column is not None}

    def replace(self, **columns: Array) -> Self:
        """The same struct with some columns exchanged."""
        return replace(self, **columns)  # type: ignore[type-var]

    # allowed although the struct is frozen: it writes to `__dict__`, past `__setattr__`
    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Shape that all columns broadcast to."""
        # many columns, few distinct shapes
        return broadcast_shape(*{a.shape for a in self.columns().values()})

    @property
    def size(self) -> int:
        """Number of rows when broadcast."""
        return prod(self.shape)

    def reshape(self, *shape: int) -> Self:
        """Every column, first broadcast to the common shape, laid out as `shape`."""
        common = self.shape
        out = {}
        for name, a in self.columns().items():
            xp = namespace(a)
            out[name] = xp.reshape(xp.broadcast_to(a, common), shape)
        return type(self)(**out)

    def take(self, indices: Array) -> Self:
        """Rows `indices` of the flattened batch."""
        flat = self.reshape(-1).columns()
        return type(self)(**{name: a[indices] for name, a in flat.items()})


def broadcast_shape(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Common shape of arrays that broadcast; raises `ValueError` when they do not."""
    # aligned at the last axis, as arrays broadcast; an axis that is missing counts as 1
    out: list[int] = []
    for i in range(1, max((len(s) for s in shapes), default=0) + 1):
        sizes = {s[-i] for s in shapes if len(s) >= i} - {1}
        if len(sizes) > 1:
            raise ValueError(f"columns do not broadcast: {sorted(set(shapes))}")
        out.append(sizes.pop() if sizes else 1)
    return tuple(reversed(out))
