"""Which measured rows anchor a stack on a chip, and which stack they anchor next best."""

from dataclasses import dataclass
from typing import Final

from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.base import sourced_values
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.system import StackSpec

MONTHS: Final = 12
"""Age beyond the newest rows of a chip from which on the software of an engine is another one."""


@dataclass(frozen=True, kw_only=True)
class AnchorRows:
    """How many rows a stack was fitted to, and how near they are to a chip."""

    stack: str
    architecture: str
    """Of the chip; the empty string where it has none."""
    chip: int
    """Rows of the chip itself."""
    same: int
    """Rows of all chips of its architecture."""
    every: int
    """All rows of the stack."""

    def words(self, chip: str) -> str:
        """As a part of a sentence."""
        if not self.architecture:
            return f"{self.every:,} measured rows, of whatever architecture: the file of {chip} names none"
        return f"{self.every:,} measured rows, {self.same:,} of {self.architecture}, {self.chip:,} of {chip}"


def anchor_rows(stack: StackSpec, chip: ChipSpec, catalog: Catalog) -> AnchorRows:
    """The rows behind a stack, by how near they are to a chip."""
    same = 0
    for name, rows in stack.rows.items():
        known = catalog.get(ChipSpec, name).architecture if catalog.named("chips", name) else None
        same += rows if known is not None and known == chip.architecture else 0
    return AnchorRows(
        stack=stack.name,
        architecture=chip.architecture or "",
        chip=stack.rows.get(chip.name, 0),
        same=same,
        every=sum(stack.rows.values()),
    )


def next_best(stack: StackSpec, chip: ChipSpec, catalog: Catalog) -> AnchorRows | None:
    """The other stack that most rows anchor on a chip, else on its architecture; None where none does.

    Engines whose last row is more than `MONTHS` older than the newest on the architecture do not count: their
    software is no longer sold. Stacks of classes are centres of engines and no engine themselves.
    """
    known = [s for s in catalog.all(StackSpec).values() if _another(s, stack, chip)]
    near = [(s, rows) for s in known if (rows := anchor_rows(s, chip, catalog)).same or rows.chip]
    newest = max((_last(s) for s, _ in near), default=0)
    current = [rows for s, rows in near if _last(s) >= newest - MONTHS]
    # of equally many the first name, so that the answer is always the same
    return min(current, key=lambda r: (-r.chip, -r.same, r.stack), default=None)


def _another(other: StackSpec, stack: StackSpec, chip: ChipSpec) -> bool:
    """Whether another engine was fitted for chips of this class."""
    fits = not other.classes or chip.chip_class in other.classes
    return other.estimate == "calibrated" and fits and bool(other.engines) and other.name != stack.name


def _last(stack: StackSpec) -> int:
    """Month of the last row that a stack was fitted to, counted from year 0; 0 where none is dated."""
    fitted = (leaf.date for _, leaf in sourced_values(stack) if leaf.basis == "derived")
    return max((_month(date) for date in fitted if date), default=0)


def _month(date: str) -> int:
    """The end of a date or of a range of dates, each known to the year, the month or the day."""
    year, _, rest = date.rpartition("/")[2].partition("-")
    return 12 * int(year) + int(rest[:2] or 12)
