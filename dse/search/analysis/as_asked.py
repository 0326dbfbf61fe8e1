"""A stored front under the words and report settings that its study has by now."""

from dataclasses import replace

from dse.errors import SpecError
from dse.evaluate.stored_rows import check_rows
from dse.front.files import Front
from dse.question.resolved_study import ResolvedStudy
from dse.question.substance import changed_since
from dse.search.analysis.at_targets import solved_at_targets
from dse.search.analysis.manifest import targets_of

VERDICTS = ("verdicts", "dependence")


def as_asked(front: Front, study: ResolvedStudy) -> Front:
    """`front` under the title and question that its study has today, with the best designs at its targets.

    A front of another question stays as it is. Where targets or the tolerance are other ones, designs are
    solved again at them, and the verdicts, which were of the earlier ones, are left out.
    """
    manifest, spec = front.manifest, study.spec
    # a part of a manifest, as of a comparison, says of what it is by other means
    if "study" not in manifest or changed_since(study, manifest):
        return front
    told = {"title": spec.title, "question": spec.question}
    targets = targets_of(study)
    now = {"targets": targets, "tolerance": spec.tolerance}
    if all(manifest.get(key, value) == value for key, value in now.items()):
        return replace(front, manifest={**manifest, **told})
    try:
        for table in (front.frame, front.baselines):
            check_rows(study, table)
    except SpecError:
        # what evaluates them says why they cannot be; the words are shown all the same
        return replace(front, manifest={**manifest, **told})
    kept = {k: v for k, v in manifest.items() if k not in VERDICTS}
    return replace(
        front,
        manifest={**kept, **told, **now},
        at_targets=solved_at_targets(study, front.frame, front.baselines, targets),
    )
