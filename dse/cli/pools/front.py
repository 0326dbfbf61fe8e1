"""`dse front` of a study of pools: the pairs that a run or a sweep has stored."""

from pathlib import Path

from dse.cli.pools.show import show_pairs
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


def show_front_of_pools(study: PooledStudy, found: Front, folder: Path, form: str, plot: Path | None) -> None:
    """Print pairs as a table, or as CSV, JSON or Parquet, and draw them where a picture is wanted."""
    if plot is not None:
        draw_front(front_info(found), plot)
        remark(f"picture: {plot}")
    if form == "json":
        manifest = found.manifest
        print_json(
            {
                "study": manifest.get("study"),
                "axes": [axis.as_dict() for axis in found.axes],
                "hypervolume": manifest.get("hypervolume"),
                "trials": manifest.get("trials"),
                "unanchored": manifest.get("unanchored"),
                "front": plain_rows(found.frame),
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
