"""Energy of a token over its time, one dot for each design."""

from io import BytesIO
from typing import final

from matplotlib.figure import Figure as Canvas

from dse.report.plots.registry import Figure, PlotInputs

TITLE = "Energy of a token over its time"


@final
class EnergyPlot:
    """Joules and milliseconds of a token, for the designs of a front."""

    name: str = "energy"
    summary: str = "energy of a token over TPOT"
    needs_trials: bool = False
    rank: int = 20

    def draw(self, given: PlotInputs, form: str) -> bytes:
        canvas, out = Canvas(), BytesIO()
        axes = canvas.subplots()
        rows = given.found.rows
        axes.scatter([1e3 * row["tpot_s"] for row in rows], [row["energy_per_token_j"] for row in rows])
        axes.set(title=TITLE, xlabel="TPOT [ms]", ylabel="J")
        canvas.savefig(out, format=form.removeprefix("."))
        return out.getvalue()

    def figure(self, given: PlotInputs) -> Figure | None:
        if not given.found.rows:
            return None
        return Figure(title=TITLE, note="one dot for each design", svg=self.draw(given, ".svg"))
