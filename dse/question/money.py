"""A question under another economy, or with other prices of chips."""

from collections.abc import Mapping

from dse.question.pools.study import PooledStudy, resolve_pooled
from dse.question.resolved_study import ResolvedStudy, resolve_study


def chips_of_question(study: ResolvedStudy | PooledStudy) -> list[str]:
    """Chips of the catalog that a question evaluates, by name."""
    each = study.pools.values() if isinstance(study, PooledStudy) else (study,)
    return list(dict.fromkeys(name for one in each for name in one.baselines))


def paid_by(study: ResolvedStudy, economy: str | None, settings: Mapping[str, str | float]) -> ResolvedStudy:
    """The study under the `economy` of that name, its own for None, and with more `settings`.

    It is another question, as if the file said so. Raises `SpecError` where it cannot be.
    """
    changes = _changes(study, economy, settings)
    if not changes:
        return study
    return resolve_study(study.spec.model_copy(update=changes), study.path, study.setting.catalog, study.case)


def pools_paid_by(
    study: PooledStudy, economy: str | None, settings: Mapping[str, str | float]
) -> PooledStudy:
    """As `paid_by`, of a study of pools."""
    changes = _changes(study, economy, settings)
    if not changes:
        return study
    catalog = study.first.setting.catalog
    return resolve_pooled(study.spec.model_copy(update=changes), study.path, catalog, study.case)


def _changes(
    study: ResolvedStudy | PooledStudy, economy: str | None, settings: Mapping[str, str | float]
) -> dict[str, object]:
    """Keys of the study that are no longer as its file has them."""
    own = dict(study.spec.settings or {})
    every = {**own, **settings}
    found: dict[str, object] = {} if every == own else {"settings": every}
    return found if economy in (None, study.spec.economy) else {**found, "economy": economy}
