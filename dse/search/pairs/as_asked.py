"""A stored front of pairs under the words and targets that its study has by now."""

from dataclasses import replace

from dse.errors import SpecError
from dse.evaluate.pools.stored import check_pairs
from dse.front.files import Front
from dse.question.pools.study import PooledStudy
from dse.search.analysis.manifest import targets_of
from dse.search.pairs.at_targets import solved_at_targets
from dse.search.pairs.result import eligibility_of


def pairs_as_asked(front: Front, study: PooledStudy) -> Front:
    """`front` under the title and question of today, with the best pairs at the targets of today.

    A front of another question stays as it is.
    """
    manifest, spec = front.manifest, study.spec
    if "study" not in manifest or study.changed_since(manifest):
        return front
    told = {**manifest, "title": spec.title, "question": spec.question}
    targets = targets_of(study.first)
    if manifest.get("targets", targets) == targets:
        return replace(front, manifest=told)
    try:
        check_pairs(study, front.frame)
    except SpecError:
        # what evaluates them says why they cannot be; the words are shown all the same
        return replace(front, manifest=told)
    solved = solved_at_targets(study, front.frame, eligibility_of(study))
    return replace(front, manifest={**told, "targets": targets}, at_targets=solved)
