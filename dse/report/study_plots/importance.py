"""Which parameters decide whether a chip reaches the front."""

from typing import final

from dse.errors import spec_error
from dse.question.pools.study import PooledStudy
from dse.report.info.stored_trials import importance_of
from dse.report.page.script_data import importance_data
from dse.report.plots.importance_plot import NOTE, TITLE, render_importance
from dse.report.plots.registry import Figure, PlotInputs, knows_pools, plots
from dse.report.study_plots.searched_study import searched_study


@final
class ImportancePlot:
    """Shares of the parameters by PED-ANOVA, one panel for each branch."""

    name: str = "importance"
    summary: str = "importance of the parameters (PED-ANOVA)"
    needs_trials: bool = True
    rank: int = 11
    of_pools: bool = True

    def draw(self, given: PlotInputs, form: str) -> bytes:
        """From the trials of the search."""
        study = searched_study(given)
        if isinstance(study, PooledStudy) and not any(pool.branches for pool in study.pools.values()):
            others = ", ".join(plot.name for plot in plots() if knows_pools(plot) and plot.name != self.name)
            what = f"expected a space in a pool, got chips of the catalog alone, which have {others}"
            raise spec_error(study.slug, f"{what}")
        return render_importance(importance_of(study, given.trials), study.slug, form)

    def figure(self, given: PlotInputs) -> Figure | None:
        """What the page has worked out, drawn by a script."""
        if not given.importance:
            return None
        return Figure(title=TITLE, note=NOTE, script="importance", data=importance_data(given.importance))
