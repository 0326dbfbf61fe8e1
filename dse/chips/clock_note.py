"""The clock that a chip runs at because of its cooling, to be shown wherever its power is."""

from dse.chips.assumption_note import assumed
from dse.chips.silicon import Foundry, Silicon
from dse.chips.silicon_columns import chip_made
from dse.spec.schema.chip import ChipSpec
from dse.spec.yaml.units import pretty


def clock_note(made: Silicon) -> str | None:
    """Why a chip runs slower than at its nominal clock, as half a sentence; None where it does not."""
    share = float(made.clock_share.reshape(-1)[0])
    if share >= 1.0:
        return None
    nominal = sum(float(watts.reshape(-1)[0]) for watts in made.nominal_parts.values())
    return (
        f"runs at {share:.3g} of its nominal clock, and so do its peaks and SRAM: at the nominal one "
        f"it would draw {pretty(nominal, 'W')}, more than its cooling removes"
    )


def notes_of_chip(chip: ChipSpec, foundry: Foundry) -> list[str]:
    """What is assumed where the file of a chip is silent, and the clock that its cooling allows."""
    made = chip_made(chip, foundry) if chip.hypothetical else None
    slowed = None if made is None else clock_note(made)
    found = (assumed(chip), None if slowed is None else f"{chip.name} {slowed}")
    return [told for told in found if told is not None]
