"""Names of searched chips, `BRANCH-TRIAL`: the one place that writes and reads them.

A table of designs holds the storage kind of a chip in its column `branch`; the branch of the space that made
it is in its name alone.
"""

from collections.abc import Iterable


def chip_name(branch: str, trial: int) -> str:
    """The chip that a trial made in a branch of the space."""
    return f"{branch}-{trial}"


def branch_of(chip: str) -> str:
    """The branch that a searched chip is of; the empty string for a name that no search gave."""
    # names of branches may hold dashes, numbers of trials cannot: the last dash separates the two
    return chip.rpartition("-")[0]


BESIDE = " | "
"""Between the chips of a pair."""


def pair_name(chips: Iterable[str]) -> str:
    """The name of a pair of chips, one for each pool."""
    return BESIDE.join(chips)
