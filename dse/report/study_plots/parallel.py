"""Parallel coordinates: parameters, deployment and results of every design, side by side."""

from typing import final

from dse.report.info.parallel_info import ParallelInfo, parallel_info
from dse.report.page.script_data import parallel_data
from dse.report.pairs.picture import named
from dse.report.plots.parallel_plot import render_parallel
from dse.report.plots.registry import Figure, PlotInputs


@final
class ParallelPlot:
    """One upright axis for each quantity, one line for each design."""

    name: str = "parallel"
    summary: str = "parameters, deployment and results of every design on parallel axes"
    needs_trials: bool = False
    rank: int = 10
    of_pools: bool = True

    def draw(self, given: PlotInputs, form: str) -> bytes:
        """All designs of the front."""
        return render_parallel(_info(given), form)

    def figure(self, given: PlotInputs) -> Figure | None:
        """The same, drawn by a script."""
        info = _info(given)
        if not any(len(bundle.at) for bundle in info.bundles):
            return None
        data = parallel_data(info)
        return Figure(title=info.title, note=info.subtitle, script="parallel", data=data, wide=True)


def _info(given: PlotInputs) -> ParallelInfo:
    """What to draw; pairs have a look for each pair of kinds."""
    if not given.found.of_pairs:
        return parallel_info(given.found.front)
    pairs = named(given.found.front)
    return parallel_info(pairs.front, pairs.looks)
