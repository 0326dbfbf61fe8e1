"""One objective as a column of a table."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True)
class Axis:
    """An objective of a front: what it is called, which column holds it, what it is measured in."""

    name: str
    """Name of the objective, such as `tpot`."""
    column: str
    """Column of the table, its unit in the name, such as `tpot_s`."""
    label: str
    """Short text for people, such as `TPOT`."""
    unit: str
    """SI unit that the unit parser understands; the empty string for a plain number."""
    direction: Direction

    @property
    def maximised(self) -> bool:
        """Whether more is better."""
        return self.direction == "maximize"

    def as_dict(self) -> dict[str, str]:
        """Plain data for a manifest; `axis_from` reads it back."""
        return asdict(self)


def axis_from(data: Mapping[str, Any]) -> Axis:
    """The axis that `Axis.as_dict` wrote; raises `ValueError` when `data` is something else."""
    names = ("name", "column", "label", "unit", "direction")
    if not isinstance(data, Mapping) or set(data) != set(names):
        raise ValueError(f"expected an axis with the keys {', '.join(names)}, got {data!r}")
    if not all(isinstance(v, str) for v in data.values()) or data["direction"] not in (
        "minimize",
        "maximize",
    ):
        raise ValueError(f"expected an axis that is minimised or maximised, got {data!r}")
    return Axis(**data)


def axis_named(axes: Iterable[Axis], name: str) -> Axis:
    """The axis of that name; raises `KeyError` when there is none."""
    for axis in axes:
        if axis.name == name:
            return axis
    raise KeyError(name)
