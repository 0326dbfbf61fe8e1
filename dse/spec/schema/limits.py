"""The most that a whole system may have: of chips, dollars and watts."""

from typing import Annotated, Final

from pydantic import Field

from dse.spec.schema.base import Positive, Spec, UsdQ, unit

OBJECTIVES: Final = {"chips": "chips", "capital": "entry_price", "power": "power"}
"""Key of the limits to the objective that it bounds from above."""


class LimitsSpec(Spec):
    """Upper bounds of every design; one beyond them is infeasible by as much."""

    chips: Positive | None = Field(default=None, exclude_if=lambda v: v is None)
    """Chips of all replicas and pools."""
    capital: UsdQ | None = Field(default=None, exclude_if=lambda v: v is None)
    """Capital of the whole system."""
    power: Annotated[float, unit("W")] | None = Field(default=None, exclude_if=lambda v: v is None)
    """Power at the meter in use: of chips, servers and building."""

    def by_objective(self) -> dict[str, float]:
        """Bounds in SI by the name of the objective that they bound."""
        given = {name: getattr(self, key) for key, name in OBJECTIVES.items()}
        return {name: float(value) for name, value in given.items() if value is not None}
