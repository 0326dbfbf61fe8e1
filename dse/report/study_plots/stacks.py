"""Where the time, the money and the bytes of designs go, as stacked bars."""

from dataclasses import dataclass
from functools import partial
from typing import final

from dse.report.info.stacked_bars_info import Kind, stack_info
from dse.report.page.script_data import stack_data
from dse.report.plots.registry import Figure, PlotInputs
from dse.report.plots.stacked_bars_plot import render_stack


@final
@dataclass(frozen=True, kw_only=True)
class StackPlot:
    """One kind of stacked bars."""

    name: Kind
    summary: str
    rank: int
    needs_trials: bool = False
    of_pools: bool = True

    def draw(self, given: PlotInputs, form: str) -> bytes:
        """Bars along the front, or of the best designs and baselines."""
        return render_stack(stack_info(given.found, self.name), form)

    def figure(self, given: PlotInputs) -> Figure | None:
        """The same, drawn by a script."""
        info = stack_info(given.found, self.name)
        if not info.parts:
            return None
        return Figure(title=info.title, note=info.subtitle, script="stack", data=stack_data(info))


binds = partial(StackPlot, name="binds", summary="which resource limits TPOT along the front", rank=2)
time = partial(StackPlot, name="time", summary="parts of TPOT, best designs and baselines", rank=3)
ttft = partial(StackPlot, name="ttft", summary="parts of TTFT", rank=4)
cost = partial(StackPlot, name="cost", summary="parts of $/(token/s)", rank=5)
running = partial(StackPlot, name="running", summary="parts of $/Mtok", rank=6)
held = partial(StackPlot, name="bytes", summary="what fills the memory of the fullest chip", rank=7)
