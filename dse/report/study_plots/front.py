"""The front of a study with error bars, targets and baselines."""

from typing import final

from dse.report.info.front_info import front_info
from dse.report.pairs.picture import first_picture
from dse.report.plots.front_plot import render_front
from dse.report.plots.registry import Figure, PlotInputs


@final
class FrontPlot:
    """One objective against another; the page draws it by itself, above all figures."""

    name: str = "front"
    summary: str = "$/(token/s) against TPOT with error bars, targets and baselines"
    needs_trials: bool = False
    rank: int = 0
    of_pools: bool = True

    def draw(self, given: PlotInputs, form: str) -> bytes:
        """The front, with that of a sweep behind it."""
        if given.found.of_pairs:
            return render_front(first_picture(given.found.front), form)
        info = front_info(given.found.front, intervals=given.found.intervals, exact=given.exact)
        return render_front(info, form)

    def figure(self, given: PlotInputs) -> Figure | None:  # noqa: ARG002 - the page has it already
        """None: the page begins with the front."""
        return None
