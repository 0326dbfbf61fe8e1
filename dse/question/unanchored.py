"""Chips of a study: whose software no measurement anchors, what is assumed of them, what prices are of."""

from collections.abc import Iterator

from dse.chips.anchors import anchor
from dse.chips.assumption_note import assumed
from dse.chips.price_basis import price_basis
from dse.question.chip_names import branch_of
from dse.question.resolved_study import ResolvedStudy
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.system import StackSpec


def unanchored_in(study: ResolvedStudy) -> dict[str, str]:
    """Branch of the space, or baseline, to why no measurement anchors the software that it is sold with.

    It is about the software that is sold, under other software too: what `equal` and `ideal` say of a chip
    rests on the same hardware figures, which a measurement of it would have tried.
    """
    found: dict[str, str] = {}
    for name, chip, own in _driven(study):
        sold = study.setting.catalog.get(StackSpec, study.setting.sold_with(name, own))
        verdict = anchor(sold, chip)
        if not verdict.anchored:
            found[name] = verdict.reason
    return found


def price_bases_in(study: ResolvedStudy) -> dict[str, str]:
    """Branch of the space, or baseline, to what its price is a price of, see `dse.chips.price_basis`.

    Where prices are searched, chips of the catalog are compared at their list prices.
    """
    method = study.spec.price.method
    real = {name: price_basis(chip, method) for name, chip in study.baselines.items()}
    # chips of a space have no price in a file: the method says what their price means
    return {**dict.fromkeys(study.branches, method), **real}


def assumed_in(study: ResolvedStudy) -> dict[str, str]:
    """Branch of the space, or baseline, to what its numbers assume where its file is silent."""
    every = ((name, assumed(chip)) for name, chip, _ in _driven(study))
    return {name: text for name, text in every if text is not None}


def _driven(study: ResolvedStudy) -> Iterator[tuple[str, ChipSpec, str]]:
    """Name, chip and its own stack, of every branch by its template and of every baseline."""
    yield from ((name, b.template, b.spec.stack) for name, b in study.branches.items())
    yield from ((name, chip, chip.stack) for name, chip in study.baselines.items())


def family(chip: str, role: str) -> str:
    """The branch that a searched chip is of, or the baseline itself: its key in `unanchored_in`."""
    return chip if role == "baseline" else branch_of(chip)
