"""The stack of an engine on an architecture or a network: the numbers of the engine, shifted."""

from typing import Final, get_args

from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.architecture import ArchitectureSpec, ShiftedShare
from dse.spec.schema.base import Sourced
from dse.spec.schema.system import StackSpec

SHARES: Final = frozenset(get_args(ShiftedShare))
"""Numbers of a stack that are shares: a shift multiplies their odds."""


def on_architecture(stack: StackSpec, architecture: str | None, catalog: Catalog) -> StackSpec:
    """The stack on chips of an architecture; the stack itself where none is named or nothing was measured.

    Numbers of engines and shifts of architectures are fitted together: a pair without measurements is their
    sum on the line of the fit, which is a product of times and of odds. Stacks that are no fit, such as those
    of equal or of no losses, stay as they are. Raises `SpecError` for an unknown architecture.
    """
    return _all_moved(stack, architecture, catalog, 1.0)


def on_network(stack: StackSpec, network: str) -> StackSpec:
    """The stack on a network, by the shifts that it states for it; the stack itself where it states none."""
    shifts = {name: shift.value for name, shift in stack.network_shifts.get(network, {}).items()}
    moved: dict[str, object] = {
        name: _moved(leaf, factor, network, share=name in SHARES)
        for name, factor in shifts.items()
        if (leaf := getattr(stack, name)).value is not None and factor is not None
    }
    return stack.model_copy(update=moved) if moved else stack


def before_architecture(stack: StackSpec, architecture: str | None, catalog: Catalog) -> StackSpec:
    """The stack that `on_architecture` makes `stack` of, but for rounding."""
    return _all_moved(stack, architecture, catalog, -1.0)


def _all_moved(stack: StackSpec, architecture: str | None, catalog: Catalog, power: float) -> StackSpec:
    """The stack with every shift of an architecture to a power: 1 applies it, -1 takes it back."""
    if architecture is None or stack.estimate != "calibrated":
        return stack
    found = catalog.get(ArchitectureSpec, architecture)
    moved: dict[str, Sourced[float]] = {}
    for name, shift in found.shifts.items():
        leaf = getattr(stack, name)
        # what a stack leaves out follows from another of its numbers, which has a shift of its own
        if leaf is not None and leaf.value is not None and shift.value is not None:
            moved[name] = _moved(leaf, shift.value**power, found.name, share=name in SHARES)
    return stack.model_copy(update=moved) if moved else stack


def shifted(value: float, factor: float, *, share: bool) -> float:
    """A number times the factor, or with its odds times the factor where it is a share."""
    # at 0 and 1 odds have no factor: such a share stays
    return value * factor / (1.0 + value * (factor - 1.0)) if share else value * factor


def _moved(leaf: Sourced[float], factor: float, name: str, *, share: bool) -> Sourced[float]:
    """A number of a stack with the shift of an architecture, its range moved along."""
    ends = {end: getattr(leaf, end) for end in ("value", "low", "high")}
    news = {end: None if v is None else shifted(v, factor, share=share) for end, v in ends.items()}
    said = f"{'odds' if share else 'value'} x {factor:g} on {name}"
    return leaf.model_copy(update={**news, "note": f"{leaf.note}; {said}" if leaf.note else said})
