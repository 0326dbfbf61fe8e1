"""The notebook runs from top to bottom in an empty folder, and is kept without results."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "dse" / "docs" / "look-at-a-front.ipynb"
CELLS = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def test_the_notebook_is_kept_without_results() -> None:
    code = [cell for cell in CELLS if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.slow
def test_every_cell_of_the_notebook_runs_in_its_order(tmp_path: Path) -> None:
    program = "\n\n".join("".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "bound by" in done.stdout
    assert (tmp_path / "front.svg").read_bytes().rstrip().endswith(b"</svg>")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    tables = [
        pd.read_csv(tmp_path / "front.csv"),
        pd.read_parquet(tmp_path / "front.parquet"),
        pd.read_json(tmp_path / "front.json", orient="records"),
    ]
    for table in tables:
        assert list(table["tpot_s"]) == pytest.approx(list(tables[1]["tpot_s"]))
