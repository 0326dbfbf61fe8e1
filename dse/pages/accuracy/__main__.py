"""`python -m dse.pages.accuracy FOLDER [CONFIGS]`: accuracy.md and its pictures, in minutes."""

import sys
from collections.abc import Callable
from pathlib import Path

from dse.calibrate.accuracy import accuracy
from dse.front.files import write_files
from dse.pages.accuracy.page import digest, page
from dse.pages.accuracy.pictures import by_batch, points
from dse.plugins import cost_model
from dse.report.info.validation_info import validation_info
from dse.report.plots.errors_by_batch_plot import batch_info, render_batches
from dse.report.plots.validation_plot import render_validation
from dse.spec.catalog.lookup import Catalog
from dse.validate.measured.rows import find_table, read_rows


def write(folder: Path, configs: str | None, progress: Callable[[str], None]) -> None:
    """Write the page and its pictures into `folder`; `configs` is searched before the bundled configs."""
    catalog = Catalog.of(configs)
    # before the fits, which take minutes: a digest of what is read then would hide a change in between
    stamp = digest(catalog)
    rows = read_rows(find_table("published", catalog))
    found = accuracy(cost_model("roofline"), rows, catalog, progress)
    info = validation_info(points(found.predicted.found), "Published measurements, predicted")
    write_files(
        {
            folder / "accuracy.md": page(found, catalog, stamp),
            folder / "accuracy.png": render_validation(info, ".png"),
            folder / "accuracy-batch.png": render_batches(batch_info(by_batch(found)), ".png"),
        }
    )


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None, lambda text: print(text, flush=True))
