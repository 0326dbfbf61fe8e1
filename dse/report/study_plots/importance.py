"""Which parameters decide whether a chip reaches the front."""

from typing import final

from dse.report.page.script_data import importance_data
from dse.report.plots.importance_plot import NOTE, TITLE, render_importance
from dse.report.plots.registry import Figure, PlotInputs
from dse.report.study_plots.searched_study import searched_study
from dse.search.analysis.importance import importance


@final
class ImportancePlot:
    """Shares of the parameters by PED-ANOVA, one panel for each branch."""

    name: str = "importance"
    summary: str = "importance of the parameters (PED-ANOVA)"
    needs_trials: bool = True
    rank: int = 11

    def draw(self, given: PlotInputs, form: str) -> bytes:
        """From the trials of the search."""
        study = searched_study(given)
        return render_importance(importance(study, given.trials), study.slug, form)

    def figure(self, given: PlotInputs) -> Figure | None:
        """What the page has worked out, drawn by a script."""
        if not given.importance:
            return None
        return Figure(title=TITLE, note=NOTE, script="importance", data=importance_data(given.importance))
