"""`--out`: the table as it was given, line by line, with what was predicted behind it."""

import csv
from io import StringIO
from pathlib import Path

import pytest

from dse.plugins import cost_model
from dse.spec.catalog.lookup import Catalog
from dse.validate.measured.output import OF_LINE, PREDICTED, rows_csv
from dse.validate.measured.predictions import predictions
from dse.validate.measured.rows import measured_table

CATALOG = Catalog()
HEAD = "colour,chip,llm,weights,tp,batch,batch_kind,isl,osl,metric,value,engine"
LINE = "red,h100,llama3.1-8b,fp8,1,8,static,512,128,{},vLLM"


def written(folder: Path, text: str, quality: str | None = None) -> str:
    path = folder / "t.csv"
    path.write_text(text, encoding="utf-8")
    given = measured_table(path)
    rows = [r for r in given.rows if quality is None or not r.quality or r.quality in quality]
    return rows_csv(predictions(cost_model("roofline"), rows, CATALOG), given)


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def test_lines_and_columns_keep_their_order_and_text(tmp_path: Path) -> None:
    lines = [LINE.format(m) for m in ("peak_gb,3", "ttft_s,0.05", '"tpot_ms","1,0.5"', "tpot_ms,8")]
    lines[2] = LINE.format("TTFT (ms),50").replace("llama3.1-8b", "llama9")
    text = "\n".join([HEAD, *lines]) + "\n"
    out = written(tmp_path, text)
    own = len(HEAD.split(","))
    assert [row[:own] for row in csv.reader(StringIO(out))] == list(csv.reader(StringIO(text)))
    found = read(out)
    assert list(found[0])[own:] == [*PREDICTED, *OF_LINE]
    assert [bool(row["predicted"]) for row in found] == [False, True, False, True]
    assert found[0]["reason"].startswith("metric 'peak_gb' is not predicted")
    assert found[2]["reason"] == "unknown llm 'llama9'"


def test_predictions_are_in_the_unit_of_the_table(tmp_path: Path) -> None:
    out = read(written(tmp_path, "\n".join([HEAD, LINE.format("ttft_s,0.05"), LINE.format("ttft_ms,50")])))
    seconds, milliseconds = (float(row["predicted"]) for row in out)
    assert milliseconds == pytest.approx(1e3 * seconds, rel=1e-5)
    assert out[0]["error"] == out[1]["error"]
    assert float(out[0]["low"]) < seconds < float(out[0]["high"])


def test_blank_lines_and_lines_left_out_stay_where_they_are(tmp_path: Path) -> None:
    head, line = f"{HEAD},quality", LINE.format("tpot_ms,8")
    text = "\n".join([head, f"{line},A", "", ",,,", f"{line},C", line]) + "\n"
    out = written(tmp_path, text, quality="AB")
    assert out.count("\n") == text.count("\n")
    assert out.split("\n")[2] == ""
    first, blank, left, last = read(out)
    assert first["predicted"] == last["predicted"] != ""
    assert blank["predicted"] == blank["reason"] == ""
    assert (left["predicted"], left["reason"]) == ("", "left out by --quality")


def test_columns_of_an_added_name_are_kept(tmp_path: Path) -> None:
    once = written(tmp_path, f"{HEAD}\n{LINE.format('tpot_ms,8')}\n")
    (row,) = read(written(tmp_path, once))
    assert row["dse_predicted"] == row["predicted"] != ""
    assert row["dse_stack"] == row["stack"] != ""


def test_a_table_with_a_column_a_metric_gets_columns_for_each(tmp_path: Path) -> None:
    head = "chip,llm,weights,tp,concurrency,isl,osl,Mean TTFT (ms),p99_tpot_ms,output_throughput,engine"
    text = (
        f"{head}\nh100,llama3.1-8b,fp8,1,8,512,128,40,9,900,vLLM\nh100,llama3.1-8b,fp8,1,8,512,128,,,,vLLM\n"
    )
    full, empty = read(written(tmp_path, text))
    for heading in ("Mean TTFT (ms)", "output_throughput"):
        assert float(full[f"{heading}_low"]) < float(full[f"{heading}_predicted"])
    assert "tail" in full["p99_tpot_ms_reason"]
    assert full["stack"] and not empty["stack"]
    # a value that is not there was said to be left out by --quality
    assert [empty[f"Mean TTFT (ms)_{name}"] for name in PREDICTED] == ["", "", "", "", "the value is blank"]


def test_no_cell_of_a_stranger_becomes_a_formula(tmp_path: Path) -> None:
    out = written(tmp_path, f"{HEAD}\n{LINE.format('tpot_ms,8').replace('red', '=1+1')}\n")
    assert read(out)[0]["colour"] == "'=1+1"
    assert read(written(tmp_path, out))[0]["colour"] == "'=1+1"
