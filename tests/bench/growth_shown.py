"""The tables and the picture of dse/docs/scale.md, from the lines of `growth.py`.

Run it as a program: `python tests/bench/growth_shown.py rows.jsonl [scale.png]`. Seconds are those of the
processor, which other work on the machine changes little; a database's own are not among them.
"""

import json
import math
import sys
from pathlib import Path
from typing import Any

from dse.report.drawing.canvas import save
from dse.report.plots.lines_plot import COLOURS, MARKERS

Rows = list[dict[str, Any]]
STORAGES = ("journal", "redis", "sqlite", "postgresql")


def points_table(rows: Rows) -> str:
    """Sweeps: seconds and memory by points."""
    by = {(r["backend"], r["points"]): r for r in rows}
    lines = [
        "| points | JAX, core-s | NumPy, core-s | memory, JAX / NumPy | on the front |",
        "|" + "---|" * 5,
    ]
    for points in sorted({n for _, n in by}):
        jax, numpy = by.get(("jax", points)), by.get(("numpy", points))
        told = [f"{r['cpu_s']:.3g}" if r else "" for r in (jax, numpy)]
        memory = " / ".join(f"{r['memory_mb']} MB" for r in (jax, numpy) if r)
        lines.append(f"| {points:.3g} | {' | '.join(told)} | {memory} | {(jax or numpy or {})['front']} |")
    return "\n".join(lines)


def trials_table(rows: Rows) -> str:
    """Storages: milliseconds to write a trial, seconds to open a study, by trials."""
    by = {(r["storage"], r["trials"]): r for r in rows}
    sizes = sorted({n for _, n in by})
    head = [*(f"write {n:,}, ms a trial" for n in sizes), *(f"open {n:,}, s" for n in sizes)]
    lines = ["| storage | " + " | ".join(head) + " |", "|" + "---|" * (1 + len(head))]
    for name in STORAGES:
        found = [by.get((name, n)) for n in sizes]
        write = [f"{1e3 * r['write_cpu_s'] / r['trials']:.2f}" if r else "" for r in found]
        lines.append(
            "| " + " | ".join([name, *write, *(f"{r['open_cpu_s']:.2g}" if r else "" for r in found)]) + " |"
        )
    return "\n".join(lines)


def draw(points: Rows, trials: Rows, path: Path) -> None:
    """Both growth curves."""
    from matplotlib.ticker import FuncFormatter, NullLocator

    def ink(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        for i, backend in enumerate(("jax", "numpy")):
            mine = [r for r in points if r["backend"] == backend]
            _line(left, i, [r["points"] for r in mine], [r["cpu_s"] for r in mine], backend)
        for i, name in enumerate(STORAGES):
            mine = [r for r in trials if r["storage"] == name]
            sizes = [r["trials"] for r in mine]
            _line(right, i, sizes, [r["write_cpu_s"] + r["open_cpu_s"] for r in mine], name)
        left.set(xlabel="design points of a sweep", title="Exact sweeps, start to written front")
        right.set(xlabel="trials of a study", title="Storages, writing and opening a study")
        for axes in (left, right):
            axes.set(xscale="log", yscale="log", ylabel="processor seconds   (less is better)")
            for side in (axes.xaxis, axes.yaxis):
                side.set_major_formatter(FuncFormatter(lambda value, _: _power(value)))
                side.set_minor_locator(NullLocator())
            axes.legend(frameon=False)

    save(ink, path, (9.6, 4.0))


def _power(value: float) -> str:
    """A power of ten in the letters of plain text."""
    return "10" + str(round(math.log10(value))).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _line(axes: Any, i: int, x: list[float], y: list[float], label: str) -> None:
    axes.plot(x, y, marker=MARKERS[i], markersize=5, color=COLOURS[i], linewidth=1.6, label=label)


def main() -> None:
    """Print the tables, and draw where a picture is named."""
    rows = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    points, trials = [r for r in rows if "points" in r], [r for r in rows if "storage" in r]
    print(points_table(points), trials_table(trials), sep="\n\n")
    if len(sys.argv) > 2:
        draw(points, trials, Path(sys.argv[2]))


if __name__ == "__main__":
    main()
