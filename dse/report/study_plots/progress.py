"""How fast the search found its front."""

from typing import final

from dse.report.info.progress_info import progress_info
from dse.report.info.stored_trials import progress_of
from dse.report.page.script_data import progress_data
from dse.report.plots.progress_plot import render_progress
from dse.report.plots.registry import Figure, PlotInputs
from dse.report.study_plots.searched_study import searched_study


@final
class ProgressPlot:
    """What the front lacks after each trial, compared with that of a sweep where there is one."""

    name: str = "progress"
    summary: str = "hypervolume against the number of trials"
    needs_trials: bool = True
    rank: int = 12
    of_pools: bool = True

    def draw(self, given: PlotInputs, form: str) -> bytes:
        """From the trials of the search."""
        found = progress_of(searched_study(given), given.trials)
        return render_progress(progress_info(found, given.found.front, given.exact), form)

    def figure(self, given: PlotInputs) -> Figure | None:
        """What the page has worked out, drawn by a script."""
        if given.progress is None:
            return None
        info = progress_info(given.progress, given.found.front, given.exact)
        if not len(info.trials):
            return None
        note = "; ".join((info.subtitle, info.y_label, *info.notes))
        return Figure(title=info.title, note=note, script="progress", data=progress_data(info))
