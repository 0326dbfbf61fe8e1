"""What of a chip cannot be estimated: a node that is unknown, and a chip without any price."""

from dataclasses import replace

from dse.chips.setting import Setting
from dse.chips.silicon import chip_silicon
from dse.errors import Problem, SpecError, nearest
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.study import PriceSpec
from dse.spec.schema.technology import TechnologySpec


def hold_node(given: bool, chip: ChipSpec, technology: TechnologySpec) -> None:
    """Raise `SpecError` for a node that was given and that the technology does not know."""
    leaf, known = chip.die.process, tuple(technology.nodes)
    node = None if leaf is None else leaf.value
    if given and node not in known:
        what = f"process: unknown node {node!r}; {nearest(str(node), known)}"
        raise SpecError([Problem("--set", what, key="process")])


def at_unit_cost(chip: ChipSpec, setting: Setting) -> Setting:
    """Prices from silicon, for a chip without a list price; refused where it is unknown."""
    try:
        chip_silicon(chip, setting.technology)
    except SpecError as error:
        hint = "give --set price='... USD'"
        what = f"price: expected a known value, got null, and no unit cost either; {hint}"
        # from None, as the cause is among the problems
        raise SpecError([Problem(f"chips/{chip.name}", what), *error.problems]) from None
    # what is counted around the chip stays as the user chose it
    return replace(setting, price=PriceSpec(method="unit-cost", system=setting.price.system))
