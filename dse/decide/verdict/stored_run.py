"""The verdicts of a run, stored with its front."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dse.decide.verdict.by_software import kept
from dse.decide.verdict.study import Progress, compares_kinds, study_verdicts
from dse.errors import ResultsError
from dse.front.files import load_front, write_front
from dse.question.resolved_study import ResolvedStudy
from dse.search.analysis.folders import results_folder
from dse.search.run.runner import RunResult
from dse.spec.schema.software import split_software


def stored_manifest(question: ResolvedStudy, out: Path | str | None) -> Mapping[str, Any]:
    """The manifest that the results of a question have before a run; empty where they have none."""
    try:
        return load_front(results_folder(question, out)).manifest
    except ResultsError:
        return {}


def with_verdicts(
    result: RunResult, before: Mapping[str, Any] | None = None, progress: Progress | None = None
) -> RunResult:
    """The result of a run with verdicts in its stored manifest; as it is where no kinds are compared.

    `before` is the manifest that an earlier run left; its verdicts are kept where nothing was searched since.
    A study under other software than its file names stores none: they are stored with the study of the file.
    """
    study, front = result.study, result.front
    if not compares_kinds(study) or not len(front.frame) or split_software(study.case or "")[1]:
        return result
    found = kept(before or {}, front.manifest) or study_verdicts(study, front, progress)
    # a manifest is written with its front, so both are written again
    both = replace(front, manifest={**front.manifest, **found.as_dict()})
    write_front(result.out, both)
    return replace(result, front=both)
