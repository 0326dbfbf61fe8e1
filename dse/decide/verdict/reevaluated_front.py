"""A stored front re-evaluated under other software: its chips, each with its best deployments."""

from collections.abc import Iterator

import numpy as np

from dse.decide.propose.candidates import of_front
from dse.evaluate.batch import DesignBatch, axes_of
from dse.front.archive import Archive
from dse.front.files import Front
from dse.question.resolved_study import ResolvedStudy
from dse.search.analysis.at_targets import solved_at_targets
from dse.search.analysis.manifest import described, targets_of
from dse.search.trials.replay import BLOCK, baseline_front, catalog_points, points_of
from dse.search.trials.suggest import Choice


def reevaluated(study: ResolvedStudy, front: Front) -> Front:
    """The front of `study` over the chips of `front` and the baselines, every deployment tried again.

    `front` was searched under other software. A chip that only wins under this one is missing from it, so it
    is no better than what a search of `study` finds.
    """
    archive = Archive(axes_of(study))
    for points in points_of_front(study, front):
        archive.add(points.values, points.feasible, points.rows)
    for name in sorted(study.baselines):
        # -1: no trial chose it here
        points = catalog_points(study, name, [-1])
        archive.add(points.values, points.feasible, points.rows)
    manifest = {**described(study, archive), "asked_again": {"of": front.manifest.get("study")}}
    # what was searched is what the stored front was made of
    manifest |= {
        name: front.manifest[name] for name in ("trials", "feasible_trials") if name in front.manifest
    }
    # no trials of this study exist, so baselines have none either
    frame, baselines = archive.frame, baseline_front(study, [])
    return Front(
        frame=frame,
        baselines=baselines,
        axes=axes_of(study),
        manifest=manifest,
        at_targets=solved_at_targets(study, frame, baselines, targets_of(study)),
    )


def points_of_front(study: ResolvedStudy, front: Front) -> Iterator[DesignBatch]:
    """Every distinct chip of the front that was searched, those of one branch together."""
    found = [c for c in of_front(study, front) if c.branch is not None] if len(front.frame) else []
    for branch in study.branches:
        # one call is of one branch, whose chips share their parameters
        own = [c for c in found if c.branch == branch]
        for start in range(0, len(own), BLOCK):
            part = own[start : start + BLOCK]
            choices = [
                Choice(
                    branch=branch,
                    chip=None,
                    values={n: np.asarray([v]) for n, v in c.values.items()},
                    # no trial under this software chose a deployment, so all of the grid are tried
                    limit=float("inf"),
                    deployment=None,
                )
                for c in part
            ]
            yield points_of(study, [c.trial or 0 for c in part], choices)
    for name in sorted(study.baselines):
        yield catalog_points(study, name, [-1])
