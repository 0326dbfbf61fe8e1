"""What a question of a page is about: chips alone, or systems of two pools."""

from collections.abc import Mapping

from dse.errors import spec_error
from dse.evaluate.detail import DesignDetail, details_of
from dse.evaluate.pools.stored import details_of_pairs
from dse.front.tables import Table
from dse.question.chip_names import pair_name
from dse.question.pools.study import PooledStudy, Question
from dse.question.resolved_study import ResolvedStudy
from dse.question.unanchored import assumed_in
from dse.report.words.eligibility import Eligibility


def known_in(study: Question) -> tuple[str, ...]:
    """Chips of the catalog, or pairs of them such as `r200 | lp30`, in the order of the study."""
    if isinstance(study, PooledStudy):
        return tuple(pair_name(chips) for chips in study.known_pairs)
    return tuple(study.baselines)


def searched_in(study: Question, eligibility: Eligibility) -> dict[str, str]:
    """Families of what is searched, with the kind that a table says of them."""
    if isinstance(study, PooledStudy):
        known = known_in(study)
        return {pair: "pools" for pair in eligibility.group_of if pair not in known}
    return {branch.name: branch.kind for branch in study.branches.values()}


def assumed_of(study: Question, eligibility: Eligibility) -> Mapping[str, str]:
    """Family to what its numbers assume where a file gives no value."""
    return eligibility.assumed if isinstance(study, PooledStudy) else assumed_in(study)


def details_in(study: Question, rows: Table) -> list[DesignDetail]:
    """Rows evaluated again, with their ledgers."""
    return details_of_pairs(study, rows) if isinstance(study, PooledStudy) else details_of(study, rows)


def of_chips(study: Question) -> ResolvedStudy:
    """The question where it is of chips alone; raises `SpecError` for one of pools."""
    if isinstance(study, PooledStudy):
        raise spec_error("", f"expected a case of single chips, got {study.slug}, which is of pools")
    return study
