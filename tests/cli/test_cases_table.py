"""Cases of a study side by side, as a terminal of 100 columns shows them."""

import csv
import io
import re
from pathlib import Path

from rich.console import Console

from dse.cli.show.cases_table import cases_table
from dse.front.files import load_front

STUDY = Path(__file__).parents[2] / "studies" / "0001-groq-vs-h100"
CASES = ("chips-alone", "listed", "article-machine", "batch-512")


def shown(width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(cases_table([(name, load_front(STUDY / name)) for name in CASES]))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_each_case_has_its_numbers_in_one_row_and_the_chips_below_them() -> None:
    lines = shown(100)
    heads = [line for line in lines if line.startswith("case ")]
    assert len(heads) == 1  # one table: where it does not fit, each row would repeat the names of columns
    columns = heads[0].count(" ms")
    assert columns >= 3
    for name in CASES:
        at = next(i for i, line in enumerate(lines) if line.startswith(name))
        assert len(lines[at].removeprefix(name).split()) == columns
    at = next(i for i, line in enumerate(lines) if line.startswith("listed"))
    assert "groq-lpu-v1" in lines[at + 1]


def test_targets_that_no_case_meets_are_named_below_the_table() -> None:
    lines = shown(100)
    fastest = min(
        float(row["tpot_s"])
        for name in CASES
        for file in ("front.csv", "at_targets.csv")
        for row in csv.DictReader((STUDY / name / file).read_text(encoding="utf-8").splitlines())
    )
    met, unmet = (
        [float(number) for number in re.findall(r"([0-9.]+) ms", line)] for line in (lines[1], lines[-1])
    )
    assert lines[-1].startswith("No case has a design within ")
    assert max(unmet) < 1e3 * fastest <= min(met)
