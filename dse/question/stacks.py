"""The software stacks of a study: one for each chip and each branch of its space."""

from collections.abc import Iterable, Mapping

from dse.chips.branch import Branch
from dse.chips.setting import Setting
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.system import StackSpec


def stacks_of(setting: Setting, branches: Mapping[str, Branch], chips: Iterable[ChipSpec]) -> list[StackSpec]:
    """Stacks of the branches, then of the chips, in their order."""
    own = [(name, b.spec.stack, b.template.architecture) for name, b in branches.items()]
    own += [(chip.name, chip.stack, chip.architecture) for chip in chips]
    return [setting.stack_of(*each) for each in own]
