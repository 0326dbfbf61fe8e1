"""Assumptions behind the numbers of a chip that no source gives, to be shown wherever such a number is."""

from dse.spec.schema.chip import ChipSpec


def assumed(chip: ChipSpec) -> str | None:
    """What is assumed where the file of a chip is silent, as half a sentence; None where nothing is."""
    if chip.sram.use == "scratchpad" and chip.sram.weight_load is None:
        return (
            f"the file of {chip.name} does not say how fast weights enter its matrix units "
            "(sram.weight_load): they enter for nothing"
        )
    return None
