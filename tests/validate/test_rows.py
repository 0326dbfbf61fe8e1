"""Tables of strangers: other names of columns, blank cells, open layouts, rows that cannot be predicted."""

import os
from pathlib import Path
from typing import Any

import pytest

from dse.errors import SpecError
from dse.plugins import cost_model
from dse.spec.catalog.lookup import Catalog
from dse.validate.measured.batches import Case, Lookup, Refusal
from dse.validate.measured.predictions import predictions
from dse.validate.measured.rows import Measured, read_rows

CATALOG = Catalog()
HEAD = "chip,n_chips,llm,weights,tp,pp,dp,batch,batch_kind,isl,osl,metric,value,engine"
LINE = "h100,1,llama3.1-8b,fp8,1,1,1,8,static,512,128,tpot_ms,8,SwiftServe"


def rows(tmp_path: Path, *lines: str, head: str = HEAD, name: str = "t.csv") -> list[Measured]:
    path = tmp_path / name
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return read_rows(path)


def only(tmp_path: Path, line: str, head: str = HEAD) -> Measured:
    (row,) = rows(tmp_path, line, head=head)
    return row


def refused(row: Measured) -> str:
    found = Lookup(CATALOG).case(row)
    assert isinstance(found, Refusal)
    return found.reason


def case(row: Measured) -> Case:
    found = Lookup(CATALOG).case(row)
    assert isinstance(found, Case), found
    return found


def same(one: Measured, other: Measured) -> bool:
    return one == other


def test_columns_may_come_in_any_order_with_others_between(tmp_path: Path) -> None:
    names, cells = HEAD.split(","), LINE.split(",")
    mixed = only(tmp_path, ",".join(["x", *reversed(cells)]), head=",".join(["colour", *reversed(names)]))
    assert same(mixed, only(tmp_path, LINE))


@pytest.mark.parametrize(
    "head",
    [
        "GPU,num_gpus,Model,weight_dtype,TP size,pp,dp,batch_size,Batch Kind,input_len,output_len,Metric,"
        "value,framework",
        "accelerator,chips,model_name,Precision,tensor_parallel,PP,DP,concurrency,kind,prompt_tokens,"
        "output tokens,metric,Value (ms),backend",
    ],
)
def test_columns_may_have_the_names_of_other_tables(tmp_path: Path, head: str) -> None:
    assert same(only(tmp_path, LINE, head=head), only(tmp_path, LINE))


def test_semicolons_tabs_byte_order_marks_and_blank_lines_are_no_obstacle(tmp_path: Path) -> None:
    plain = only(tmp_path, LINE)
    for sign in ";\t":
        assert same(only(tmp_path, LINE.replace(",", sign), head=HEAD.replace(",", sign)), plain)
    (tmp_path / "t.csv").write_text("\ufeff" + HEAD + "\n\n" + LINE + "\n,,,\n", encoding="utf-8")
    (found,) = read_rows(tmp_path / "t.csv")
    assert found.chip == plain.chip


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("FP8_E4M3", "fp8"),
        ("bfloat16", "bf16"),
        ("AWQ", "int4"),
        ("W8A8", "int8"),
        ("Q4_K_M", "q4_k_m"),
        ("fp4", "nvfp4"),
        ("half", "fp16"),
        ("q8_0", "q8_0"),
    ],
)
def test_number_formats_have_many_names(tmp_path: Path, text: str, ours: str) -> None:
    assert case(only(tmp_path, LINE.replace("fp8", text))).precision.weights == ours


@pytest.mark.parametrize(
    ("text", "value", "metric", "ours"),
    [
        ("tpot_s", "0.008", "tpot_ms", 8.0),
        ("TTFT_s", "0.5", "ttft_ms", 500.0),
        ("e2e_ms", "900", "e2e_s", 0.9),
        ("output_tok_s_per_gpu", "1,234.5", "tok_s_per_chip", 1234.5),
        ("itl_ms", "8", "tpot_ms", 8.0),
    ],
)
def test_metrics_of_other_units_are_converted(
    tmp_path: Path, text: str, value: str, metric: str, ours: float
) -> None:
    found = only(tmp_path, LINE.replace("tpot_ms,8", f'{text},"{value}"'))
    assert (found.metric, found.value) == (metric, pytest.approx(ours))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("tpot_ms", "peak_gb", "metric 'peak_gb' is not predicted"),
        ("static", "sometimes", "batch_kind: unknown 'sometimes'"),
        ("tpot_ms,8", "tpot_ms,", "the value is blank or 0"),
        ("512,128,tpot_ms", ",128,ttft_ms", "the lengths (isl, osl) are not stated"),
        ("fp8", "int7", "unknown number format 'int7'"),
        ("llama3.1-8b", "llama3.1-9b", "unknown llm 'llama3.1-9b'"),
        ("h100", "h1000", "unknown chip 'h1000'"),
        (",8,static", ",,static", "the batch is not stated"),
    ],
)
def test_a_row_that_cannot_be_predicted_says_why_and_leaves_the_others(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    bad, good = rows(tmp_path, LINE.replace(old, new, 1), LINE)
    assert told in refused(bad)
    assert case(good)


@pytest.mark.parametrize(
    ("text", "plain"), [("none", True), ("no", True), ("", True), ("eagle3, 3 tokens", False)]
)
def test_speculative_decoding_is_refused_by_name(tmp_path: Path, text: str, plain: bool) -> None:
    row = only(tmp_path, f'{LINE},"{text}"', head=f"{HEAD},spec_decode")
    assert case(row) if plain else "eagle3" in refused(row)


def test_a_tail_is_no_mean(tmp_path: Path) -> None:
    for stat in ("p99", "P90", "max"):
        assert "tail" in refused(only(tmp_path, f"{LINE},{stat}", head=f"{HEAD},stat"))
    assert case(only(tmp_path, f"{LINE},median", head=f"{HEAD},stat"))


@pytest.mark.parametrize(
    ("layout", "kind", "engine", "ways", "told"),
    [
        ("4,70b,,,", "concurrency", "vLLM", (4, 1, 1), True),  # all chips in one replica
        ("8,8b,,,", "unknown", "vLLM", (1, 1, 8), True),  # for throughput, the smallest replicas
        ("8,70b,2,,", "concurrency", "vLLM", (2, 1, 4), True),
        ("8,70b,2,,4", "concurrency", "vLLM", (2, 1, 4), False),
        ("8,70b,,2,", "concurrency", "vLLM", (4, 2, 1), True),
        ("2,8b,,,", "static", "llama.cpp b4000", (1, 2, 1), True),  # layers are split
        ("1,8b,,,", "static", "vLLM", (1, 1, 1), False),
        (",70b,,,", "static", "vLLM", (4, 1, 1), True),  # 141 GB want four of 80 GB
    ],
)
def test_what_a_table_leaves_open_of_a_layout_is_taken_as_usual(
    tmp_path: Path, layout: str, kind: str, engine: str, ways: tuple[int, int, int], told: bool
) -> None:
    chips, size, tp, pp, dp = layout.split(",")
    line = f"h100,{chips},llama3.1-{size},fp16,{tp},{pp},{dp},8,{kind},512,128,tpot_ms,8,{engine}"
    found = case(only(tmp_path, line)).layout
    assert (found.tp, found.pp, found.dp) == ways
    assert bool(found.assumed) is told


def test_numbers_that_are_none_are_problems_of_the_table_all_at_once(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as error:
        rows(tmp_path, LINE.replace("tpot_ms,8", "tpot_ms,fast"), LINE, LINE.replace("512", "long"))
    assert "t.csv:2: value: expected a number, got 'fast'" in str(error.value)
    assert "t.csv:4: isl: expected a number, got 'long'" in str(error.value)


def test_blank_quality_engine_date_and_formats_are_predicted(tmp_path: Path) -> None:
    found = predictions(cost_model("roofline"), rows(tmp_path, LINE.replace("SwiftServe", "")), CATALOG)
    (answer,) = found.found
    assert not answer.case.own_stack
    assert answer.low is not None and answer.high is not None
    assert answer.low < answer.predicted < answer.high


@pytest.mark.parametrize(
    ("chip", "stack"),
    [
        ("MI325X", "gpu-serving"),
        ("RTX 4090", "gpu-consumer"),
        ("TPU v6e", "systolic-serving"),
        ("M3 Max", "llamacpp-soc"),
        ("Groq LPU", "groq-dataflow"),
    ],
)
def test_a_chip_without_a_profile_stands_on_that_of_its_class(tmp_path: Path, chip: str, stack: str) -> None:
    line = LINE.replace("h100", chip)
    found: Any = case(only(tmp_path, line))
    assert (found.stack.name, found.own_stack) == (stack, False)


@pytest.mark.parametrize("ends", ["", "\n", "\r\n", "\n" + LINE + "\n" + LINE])
@pytest.mark.parametrize(
    "opens", ['"B200,1,x', 'h100,"two\nlines",\nh100,"', '"' + "x" * 5_000, '"' + "x" * 200_000]
)
def test_a_quote_that_does_not_close_is_told_with_its_line(tmp_path: Path, opens: str, ends: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(f"{HEAD}\n{LINE}\n{opens}{ends}".encode())
    line = 3 + opens.count("\n")
    with pytest.raises(SpecError, match=rf"t\.csv:{line}: expected a CSV, .*(not close|begins here)"):
        read_rows(path)


def test_a_quote_in_the_header_that_does_not_close_is_told(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"t\.csv:1: expected a CSV, got a quote that does not close"):
        rows(tmp_path, LINE, head=f'"{HEAD}')


def test_a_chip_whose_file_is_a_pipe_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "mine.yaml")
    row = only(tmp_path, LINE.replace("h100", str(tmp_path / "mine.yaml")))
    assert refused(row).startswith(f"{tmp_path / 'mine.yaml'}: cannot be read")
