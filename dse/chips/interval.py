"""How far a stack is trusted on a chip: its 80 % intervals."""

from dse.choose.confidence import INTERVALS
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.system import StackSpec, wider


def interval_on(
    stack: StackSpec, chip: ChipSpec, catalog: Catalog, *, searched: bool = False
) -> dict[str, float]:
    """Factors of the error bars of a stack on a chip; where it was not calibrated, at least the class's.

    `searched` is for a chip that is made after `chip` and is not that chip.
    """
    # a stack that names no chips was fitted to a class, and its interval is that of the class
    if not stack.chips or (chip.name in stack.chips and not searched):
        return dict(stack.interval)
    # a fit to some chips says less about others
    return wider(stack.interval, catalog.get(StackSpec, chip.stack).interval)


def interval_columns(
    stack: StackSpec, chip: ChipSpec, catalog: Catalog, *, searched: bool = False
) -> dict[str, float]:
    """Columns of `objectives.api.Chips` with the intervals of a chip; NaN where the stack states none."""
    known = interval_on(stack, chip, catalog, searched=searched)
    return {column: known.get(metric, float("nan")) for metric, column in INTERVALS.items()}
