"""A study as another process can find it: its file, and what differs from it."""

from dataclasses import dataclass, replace
from pathlib import Path

from dse.errors import spec_error
from dse.plugins import sampler_factory
from dse.question.resolved_study import ResolvedStudy, digest, resolve_study
from dse.question.substance import substance
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.cases import case_spec


@dataclass(frozen=True, kw_only=True)
class StudyReference:
    """Plain data; a resolved study holds functions, which cannot be sent."""

    path: str
    case: str | None
    configs: str | None
    sampler: dict[str, object]
    seed: int
    workload_targets: bool
    confidence: float | None
    digest: str
    """Of the question: a file that has changed since raises."""

    def resolve(self) -> ResolvedStudy:
        """The study; raises `SpecError` when its file holds another study now."""
        path = Path(self.path)
        study = resolve_study(case_spec(path, self.case), path, Catalog.of(self.configs), self.case)
        study = study.confident(self.confidence)
        sampler = type(study.spec.sampler)(**self.sampler)
        study = replace(study, spec=study.spec.model_copy(update={"sampler": sampler, "seed": self.seed}))
        # before the comparison, since the targets are part of the question
        study = study if self.workload_targets else study.lifted()
        if digest(substance(study.question)) != self.digest:
            raise spec_error(
                self.path, "expected the study that the run has, got another; was the file changed?"
            )
        return study


def reference_to(study: ResolvedStudy) -> StudyReference:
    """The reference by which another process finds `study`."""
    own, *bundled = study.setting.catalog.folders
    return StudyReference(
        path=str(study.path.resolve()),
        case=study.case,
        # a catalog of one folder holds the files of the package alone
        configs=str(own.resolve()) if bundled else None,
        sampler=study.spec.sampler.model_dump(),
        seed=study.spec.seed,
        workload_targets=study.spec.workload_targets,
        confidence=study.spec.confidence,
        digest=digest(substance(study.question)),
    )


def overridden(study: ResolvedStudy, sampler: str | None, seed: int | None) -> ResolvedStudy:
    """`study` with another sampler or seed; raises `SpecError` where one of them is not allowed."""
    spec = study.spec
    if sampler is not None:
        # for its error: an unknown name is refused before the search
        sampler_factory(sampler)
        # without the settings of the file, which belong to the sampler named there
        spec = spec.model_copy(update={"sampler": type(spec.sampler)(name=sampler)})
    if seed is not None:
        if not 0 <= seed < 2**32:
            raise spec_error("--seed", f"expected a whole number from 0 to 2^32 - 1, got {seed}")
        spec = spec.model_copy(update={"seed": seed})
    return replace(study, spec=spec)
