"""Draws a simulation: spread of TTFT and TPOT above, batch, queue and KV cache over time below."""

from pathlib import Path

import numpy as np

from dse.arrays import Floats
from dse.report.drawing.canvas import MplAxes, MplFigure, foot, frame, save
from dse.report.drawing.style import PARTS
from dse.simulate.result import Latencies, Simulation, Spread

_SIZE = (10.4, 7.6)
_BLUE, _ORANGE = PARTS[0].colour, PARTS[1].colour


def draw_simulation(found: Simulation, latencies: Latencies, path: Path) -> None:
    """Write the picture to `path` (.png, .svg or .pdf by its suffix), all of it or nothing."""
    save(lambda figure: _draw(figure, found, latencies), path, _SIZE)


def _draw(figure: MplFigure, found: Simulation, latencies: Latencies) -> None:
    """Four panels and a title."""
    (ttft, tpot), (requests, room) = figure.subplots(2, 2)
    _share(ttft, "TTFT", latencies.ttft, found.ttft_s, found.targets.get("ttft"))
    _share(tpot, "TPOT", latencies.tpot, found.tpot_s, found.targets.get("tpot"))
    at = [m.time_s for m in found.timeline]
    frame(requests)
    requests.plot(at, [m.running for m in found.timeline], color=_BLUE, label="running")
    requests.plot(at, [m.waiting for m in found.timeline], color=_ORANGE, label="waiting")
    requests.set(xlabel="time [s]", ylabel="requests", title="Requests over time", ylim=(0, None))
    requests.legend(frameon=False)
    frame(room)
    room.plot(at, [100.0 * m.kv_share for m in found.timeline], color=_BLUE)
    room.set(
        xlabel="time [s]", ylabel="KV cache in use [% of room]", title="KV cache over time", ylim=(0, 105)
    )
    layout = found.deployment
    ways = ", ".join(
        f"{name.upper()} {layout[name]}" for name in ("tp", "cp", "pp", "ep", "dp") if layout[name] > 1
    )
    figure.suptitle(
        f"{found.llm} on {found.chips} x {found.chip}{f' ({ways})' if ways else ''}: "
        f"{found.requests:,} requests, {found.requests_per_s:.3g} a second"
    )
    foot(figure, found.notes)


def _share(axes: MplAxes, name: str, seconds: Floats, spread: Spread | None, target: float | None) -> None:
    """Share of the requests within each latency, with marks at percentiles and at the target."""
    frame(axes)
    known = np.sort(seconds[np.isfinite(seconds)])
    axes.set(title=f"{name} of each request", ylabel="requests within [%]", ylim=(0, 103))
    if spread is None or known.size == 0:
        return
    milli = known[-1] < 1.0
    factor, unit = (1e3, "ms") if milli else (1.0, "s")
    axes.plot(known * factor, np.arange(1, known.size + 1) / known.size * 100.0, color=_BLUE)
    for share, value in ((50.0, spread.p50), (95.0, spread.p95), (99.0, spread.p99)):
        axes.plot([value * factor], [share], marker="o", color=_BLUE, linestyle="none")
        axes.annotate(
            f"p{share:.0f} {value * factor:.3g} {unit}",
            (value * factor, share),
            textcoords="offset points",
            # to the left, where a curve that rises has left room
            xytext=(-8, -3),
            ha="right",
            fontsize=8.5,
        )
    axes.set_xlabel(f"{name} [{unit}]")
    axes.set_xlim(0, None)
    if target is not None:
        axes.axvline(target * factor, color=_ORANGE, linestyle="--", label="target")
        axes.legend(frameon=False, loc="lower right")
