"""Targets with a probability need error bars: which stacks of a study state none."""

from collections.abc import Iterable, Iterator, Mapping

from dse.chips.branch import Branch
from dse.chips.interval import interval_in_any
from dse.chips.setting import Setting
from dse.choose.confidence import INTERVALS, AtConfidence
from dse.errors import Problem, SpecError
from dse.spec.schema.chip import ChipSpec
from objectives import api

METRICS = {column: metric for metric, column in INTERVALS.items()}
"""Column of chips with an interval to the metric that it is of."""


def check_error_bars(
    bounded: Iterable[api.Objective | None],
    setting: Setting,
    branches: Mapping[str, Branch],
    chips: Iterable[ChipSpec],
) -> None:
    """Raise `SpecError` with every stack that states no error bar of what is to be met with a probability."""
    goals = {goal.name: goal.interval for goal in bounded if isinstance(goal, AtConfidence)}
    # most questions ask for no probability
    if not goals:
        return
    without: dict[tuple[str, str], list[str]] = {}
    for who, stack, known in intervals_in(setting, branches, chips):
        for name, column in goals.items():
            if METRICS[column] not in known:
                without.setdefault((stack, name), []).append(who)
    if without:
        raise SpecError([Problem("", lack(stack, name, who)) for (stack, name), who in without.items()])


def lack(stack: str, name: str, chips: Iterable[str]) -> str:
    """A stack without an error bar, in a sentence."""
    return (
        f"the stack {stack} of {', '.join(dict.fromkeys(chips))} states no error bar of {name}, so that a "
        "target on it cannot be met with a probability"
    )


def intervals_in(
    setting: Setting, branches: Mapping[str, Branch], chips: Iterable[ChipSpec]
) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Every branch and chip with its stack and the intervals of that on it."""
    for name, branch in branches.items():
        stack = setting.stack_of(name, branch.spec.stack, branch.template.architecture)
        yield (
            name,
            stack.name,
            interval_in_any(stack, branch.template, setting.catalog, setting.llms, searched=True),
        )
    for chip in chips:
        stack = setting.stack_of(chip.name, chip.stack, chip.architecture)
        yield chip.name, stack.name, interval_in_any(stack, chip, setting.catalog, setting.llms)
