"""`dse front` of a study of pools: the pairs that a run or a sweep has stored."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from dse.cli.pools.show import eligible_of, show_pairs, standing_of
from dse.cli.show.run_summary import counted
from dse.cli.terminal.machine_output import print_bytes, print_json
from dse.cli.terminal.tables import remark, stdout
from dse.front.files import Front, load_front
from dse.front.tables import plain_rows, to_format
from dse.question.pools.study import PooledStudy
from dse.report.info.front_info import front_info
from dse.report.plots.front_plot import draw_front
from dse.search.analysis.folders import results_folder


def stored_pairs(study: PooledStudy, out: Path | None) -> tuple[Front, Path]:
    """The stored front and its folder: `out`, else that of the run, else that of the sweep."""
    folder = results_folder(study.first, out)
    swept = Path("results") / f"{study.slug}-sweep"
    if out is None and not (folder / "manifest.json").exists() and (swept / "manifest.json").exists():
        folder = swept
    return load_front(folder), folder


def _of_one_standing(found: Front, study: PooledStudy) -> tuple[Front, str]:
    """The pairs that the first basis of prices ranks, for a picture, and what to say of it."""
    eligible = eligible_of(found, study)
    of_rows = [standing_of(eligible, row) for row in plain_rows(found.frame)]
    # one axis of dollars takes one basis of prices; what may win comes first
    order = [(g, barred) for barred in (False, True) for g in eligible.groups]
    order.sort(key=lambda standing: not eligible.may_win(standing))
    first = next((standing for standing in order if standing in of_rows), None)
    if first is None or len(set(of_rows)) == 1:
        return found, ""
    keep = [standing == first for standing in of_rows]
    only = f", of the {'unanchored ' if first[1] else ''}pairs at {first[0]} alone"
    return replace(found, frame=found.frame[np.asarray(keep)].reset_index(drop=True)), only


def show_front_of_pools(study: PooledStudy, found: Front, folder: Path, form: str, plot: Path | None) -> None:
    """Print pairs as a table, or as CSV, JSON or Parquet, and draw them where a picture is wanted."""
    if plot is not None:
        drawn, only = _of_one_standing(found, study)
        draw_front(front_info(drawn), plot)
        remark(f"picture: {plot}{only}")
    if form == "json":
        manifest, eligible = found.manifest, eligible_of(found, study)
        print_json(
            {
                "study": manifest.get("study"),
                "axes": [axis.as_dict() for axis in found.axes],
                "hypervolume": manifest.get("hypervolume"),
                "trials": manifest.get("trials"),
                "unanchored": manifest.get("unanchored"),
                "price_bases": manifest.get("price_bases"),
                "front": [
                    {**row, "ranks_among": prices, "unanchored": unanchored}
                    for row in plain_rows(found.frame)
                    for prices, unanchored in [standing_of(eligible, row)]
                ],
            }
        )
    elif form != "table":
        print_bytes(to_format(found.frame, form))
    elif not len(found.frame):
        stdout().print("No pair is stored, or none meets the condition.")
    else:
        show_pairs(study, found)
        number = counted(len(found.frame), "pair")
        stdout().print(f"{number} in {folder}; --format csv has all, with both layouts", soft_wrap=True)
