"""From the numbers of a sweep's front to its tables and its manifest."""

from collections.abc import Mapping

import numpy as np

from dse.evaluate.batch import Origin, axes_of, evaluate
from dse.front.archive import Archive
from dse.front.files import Front
from dse.front.tables import stack
from dse.question.chip_names import chip_name
from dse.question.resolved_study import ResolvedStudy
from dse.search.analysis.at_targets import NO_TRIAL, solved_at_targets
from dse.search.analysis.manifest import described, targets_of
from dse.search.sweep.grid import Grid
from dse.search.sweep.local_front import Local
from dse.search.trials.replay import catalog_points
from objectives import api


def front_of_sweep(study: ResolvedStudy, grid: Grid, local: Local, facts: Mapping[str, object]) -> Front:
    """The exact front of grid and baselines as tables, with the manifest and, in it, `facts` of the sweep.

    The column `trial` holds the number of the chip in the grid, -1 for a chip of the catalog.
    """
    archive, baselines = Archive(axes_of(study)), []
    for name in sorted(study.baselines):
        points = catalog_points(study, name, [NO_TRIAL])
        # each baseline is listed with its own front, also where other chips dominate it
        own = Archive(axes_of(study))
        for kept in (archive, own):
            kept.add(points.values, points.feasible, points.rows)
        baselines.append(own.frame)
    _add(study, grid, local, archive)
    frame, real = archive.frame, stack(baselines)
    return Front(
        frame=frame,
        baselines=real,
        axes=axes_of(study),
        manifest={**described(study, archive), **facts},
        at_targets=solved_at_targets(study, frame, real, targets_of(study)),
    )


def _add(study: ResolvedStudy, grid: Grid, local: Local, archive: Archive) -> None:
    """Evaluate the points of the front again for the columns of the tables."""
    chips, layouts = np.divmod(local.points, grid.layouts)
    flat = {name: a[np.newaxis, :] for name, a in grid.deployments.reshape(-1).columns().items()}
    for part, here in grid.by_branch(chips):
        branch, values = part.branch, part.values(chips[here])
        made = branch.chips(values)
        origin = Origin(
            trial=chips[here],
            chip=[chip_name(branch.name, n) for n in chips[here]],
            branch=branch.kind,
            role="search",
            parameters=values,
            names=branch.named(values),
            price_usd=np.asarray(made.cost.price_usd),
        )
        # shape (1, chips): each chip in its own deployment, not in all
        layout = api.Deployments(**{name: a[:, layouts[here]] for name, a in flat.items()})
        points = evaluate(study, made, layout, origin)
        archive.add(points.values, points.feasible, points.rows)
