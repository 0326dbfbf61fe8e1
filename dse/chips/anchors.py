"""Which chips measurements anchor: on a stack fitted to them, to their vendor, or to a class of chips."""

from dataclasses import dataclass

from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.system import StackSpec


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """Whether measurements anchor the speed of a chip on a stack, and why."""

    anchored: bool
    reason: str
    """One sentence that a user reads."""


def anchor(stack: StackSpec, chip: ChipSpec) -> Anchor:
    """What measurements anchor `chip` on `stack`, the one that it is sold with.

    A chip is anchored when its stack is calibrated, and
    1. rows of this chip are among those that the stack was fitted to (`chips`), or
    2. the stack names the vendors whose software it describes, and the chip is of one of them, or
    3. it names vendors, and the chip is hypothetical and of one of its classes: it has no software yet, so
       the interval from vendors left out is what is known about it, or
    4. it names no vendor, since any chip of its classes runs that software, the chip is of one of them, and
       it is hypothetical, or it names its architecture and rows of another chip of its vendor are among those
       of the stack (`makers`).
    So a real chip whose vendor published no row with enough facts is not anchored: each vendor of dataflow
    chips writes a compiler of its own, and its losses are unknown.
    """
    name = f"stacks/{stack.name}"
    if stack.estimate != "calibrated":
        kind = "an upper bound on speed" if stack.estimate == "speed-of-light" else "not calibrated"
        return Anchor(anchored=False, reason=f"{name} is {kind}: no measurement anchors it.")
    # the nearest evidence decides: this chip, then its class, its vendor, at last any vendor
    if chip.name in stack.chips:
        return Anchor(anchored=True, reason=f"{name} was fitted to measurements of {chip.name}.")
    classes = ", ".join(stack.classes)
    if stack.classes and chip.chip_class not in stack.classes:
        reason = f"{name} was fitted to chips of class {classes}, {chip.name} is of class {chip.chip_class}."
        return Anchor(anchored=False, reason=reason)
    if not stack.vendors and stack.makers and not chip.hypothetical:
        if chip.vendor not in stack.makers:
            made = ", ".join(stack.makers)
            reason = f"No row of a chip of {chip.vendor}: {name} was fitted to those of {made}."
            return Anchor(anchored=False, reason=reason)
        if chip.architecture is None:
            reason = f"{chip.name} names no architecture, so that {name} has the factors of none on it."
            return Anchor(anchored=False, reason=reason)
    if not stack.vendors:
        reason = f"{name} was fitted to chips of class {classes}" if classes else f"{name} was fitted"
        return Anchor(anchored=True, reason=f"{reason}, whose software {chip.name} can run.")
    vendors = ", ".join(stack.vendors)
    if chip.vendor in stack.vendors:
        return Anchor(anchored=True, reason=f"{name} was fitted to other chips of {chip.vendor}.")
    if chip.hypothetical:
        reason = (
            f"{chip.name} is hypothetical; the interval of {name} is that of vendors left out ({vendors})."
        )
        return Anchor(anchored=True, reason=reason)
    reason = (
        f"No measurement of a chip of {chip.vendor} states enough; {name} was fitted to those of {vendors}."
    )
    return Anchor(anchored=False, reason=reason)


def anchored(stack: StackSpec, chip: ChipSpec) -> bool:
    """Whether measurements anchor the speed of `chip` on `stack`; see `anchor`."""
    return anchor(stack, chip).anchored
