"""`dse calibrate`, and `dse validate` on tables of measurements."""

import csv
import io
import os
from threading import Thread

import pytest

from dse.calibrate.parameters import PARAMETERS
from dse.spec.catalog.config_paths import bundled
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.system import StackSpec

HEADER = "chip,n_chips,llm,weights,tp,batch,batch_kind,isl,osl,metric,value,engine"


def bundled_rows():
    with (bundled("configs") / "measurements" / "published.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def own_table(tmp_path):
    """A CSV of the rows of one source, under an engine that nobody knows."""

    def write(source, engine, name="mine.csv"):
        rows = [{**r, "engine": engine} for r in bundled_rows() if r["source_key"] == source]
        with (tmp_path / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return tmp_path / name, len(rows)

    return write


@pytest.fixture
def small(tmp_path):
    def write(*lines):
        path = tmp_path / "small.csv"
        path.write_text("\n".join([HEADER, *lines]) + "\n")
        return path

    return write


@pytest.mark.slow
def test_a_profile_calibrated_on_own_rows_is_found_by_its_engine_and_is_nearer_to_them(dse, own_table):
    table, count = own_table("fastertransformer", "SwiftServe 3")
    before = dse("validate", table, "--format", "json").json
    said = dse("calibrate", table, "--stack", "swift", "--engine", "SwiftServe", "-o", "my/stacks/swift.yaml")
    assert said.code == 0
    assert "compute_efficiency" in said.out
    spec = Catalog.of("my").get(StackSpec, "swift")
    assert spec.estimate == "calibrated"
    assert spec.engines == ("SwiftServe",)
    assert set(spec.interval) >= {"throughput"}
    after = dse("validate", table, "--configs", "my", "--by", "stack", "--format", "json").json
    assert [(row["stack"], row["n"]) for row in after] == [("swift", count)]
    assert after[0]["median_abs_error"] < before[0]["median_abs_error"]
    assert dse("check", "my").code == 0


@pytest.mark.slow
def test_the_same_input_gives_the_same_file(dse, own_table, tmp_path):
    table, _ = own_table("fastertransformer", "SwiftServe")
    call = ("calibrate", table, "--stack", "swift", "--engine", "SwiftServe", "--method", "in-sample", "-q")
    for name in ("one.yaml", "two.yaml"):
        said = dse(*call, "-o", name)
        assert (said.code, said.out) == (0, "")
    assert (tmp_path / "one.yaml").read_bytes() == (tmp_path / "two.yaml").read_bytes()


def test_too_few_rows_are_refused_and_nothing_is_written(dse, small, tmp_path):
    table = small("h100,1,llama2-7b,fp16,1,8,static,128,128,e2e_s,1.5,SwiftServe")
    said = dse("calibrate", table, "--stack", "swift", "--engine", "SwiftServe", "-o", "swift.yaml")
    said.refused("expected at least 3 rows", "got 1")
    assert not (tmp_path / "swift.yaml").exists()


def test_rows_that_cannot_be_held_are_not_fitted_and_say_why(dse, small, tmp_path):
    lines = [f"h100,1,llama3.1-405b,fp16,1,{b},static,512,128,tpot_ms,7,SwiftServe" for b in (1, 2, 4, 8)]
    said = dse("calibrate", small(*lines), "--stack", "swift", "--engine", "SwiftServe", "-o", "swift.yaml")
    said.refused("got 0", "4 not predicted: does not fit by 7")
    assert not (tmp_path / "swift.yaml").exists()


def test_three_rows_are_enough_and_say_how_much_they_determine(dse, small, tmp_path):
    lines = [
        f"h100,1,llama3.1-8b,fp8,1,{b},static,512,128,tpot_ms,{t},SwiftServe"
        for b, t in ((1, 4), (8, 5), (64, 9))
    ]
    said = dse(
        "calibrate", small(*lines), "--stack", "swift", "--class", "datacentre-gpu", "-o", "swift.yaml"
    )
    assert said.code == 0
    assert "3 rows of small.csv" in " ".join(said.out.split())
    assert "numbers by half or more, gpu-serving the others" in " ".join(said.out.split())
    text = (tmp_path / "swift.yaml").read_text()
    assert "published-measurements" not in text
    assert "source: own-measurements" in text
    assert "fitted to 3 rows, which determine" in text


def test_a_fit_that_misses_its_rows_ends_with_1_and_writes_nothing(dse, small, tmp_path):
    lines = [
        f"h100,1,llama3.1-8b,fp8,1,{b},static,512,128,tpot_ms,{t},SwiftServe"
        for b in (1, 2, 4, 8, 16)
        for t in (0.1, 200)
    ]
    call = ("calibrate", small(*lines), "--stack", "swift", "--class", "datacentre-gpu", "-o", "swift.yaml")
    for quiet in ((), ("-q",)):
        said = dse(*call, *quiet)
        assert said.code == 1
        assert "tpot: expected a median error of at most a factor of 2, got" in said.err
        assert "swift.yaml: not written" in said.err
    assert not (tmp_path / "swift.yaml").exists()


def test_runs_that_contradict_themselves_are_remarked(dse, small):
    line = "b200,8,kimi-k2.5,nvfp4,8,384,concurrency,8192,1024,{},vLLM 0.14"
    table = small(line.format("tok_s_user,44.59"), line.format("tok_s_per_chip,192.44"))
    for form in ((), ("--format", "json")):
        said = dse("validate", table, *form)
        told = " ".join((said.out + said.err).split())
        assert (
            "Remark on small.csv:3, small.csv:2: these rows of one run have 34.5 in flight, not 384" in told
        )


@pytest.mark.parametrize(
    ("start", "lacking"),
    [("ideal", ("compute_efficiency 1,", "burst 0")), ("groq-dataflow", ("expert_efficiency not stated",))],
)
def test_a_start_at_the_end_of_a_range_is_refused_with_the_numbers(dse, small, start, lacking):
    table = small("h100,1,llama2-7b,fp16,1,8,static,128,128,e2e_s,1.5,SwiftServe")
    said = dse("calibrate", table, "--stack", "s", "--start", start, "-o", "s.yaml")
    said.refused("--start", f"got '{start}', with ", *lacking)


def test_wrong_options_of_calibrate_are_refused_by_name(dse, small):
    table = small("h100,1,llama2-7b,fp16,1,8,static,128,128,e2e_s,1.5,SwiftServe")
    dse("calibrate", table, "--stack", "s", "--start", "gpu-servin", "-o", "s.yaml").refused(
        "--start", "'gpu-serving'"
    )
    dse("calibrate", table, "--stack", "s", "--engine", "(", "-o", "s.yaml").refused("--engine")
    dse("calibrate", table, "--stack", "s", "--method", "lm", "-o", "s.yaml").refused("--method", "'llm'")
    dse("calibrate", table, "--stack", "s", "--source", "nosuch", "-o", "s.yaml").refused(
        "--source", "expected a key of sources.yaml, such as own-measurements, got 'nosuch'"
    )
    dse("calibrate", "publishd", "--stack", "s", "-o", "s.yaml").refused("TABLE", "'published'")


def test_rows_of_a_stranger_are_predicted_and_the_rest_is_told_why(dse, small, tmp_path):
    table = small(
        "h100,1,llama2-7b,fp16,1,8,static,128,128,e2e_s,1.5,SwiftServe",
        "rtx-4090,1,llama2-7b,fp16,1,1,static,128,128,tpot_ms,18,SwiftServe",
        "h100,1,llama2-7b,fp16,1,8,static,128,128,ttft_ms,30,vLLM 0.12.0",
        "h100,1,llama2-8b,fp16,1,8,static,128,128,ttft_ms,30,vLLM 0.12.0",
        "h100,4,llama2-7b,fp16,4,8,static,,128,ttft_ms,30,vLLM 0.12.0",
    )
    said = dse("validate", table, "--by", "stack,chip", "--out", "rows.csv", "--format", "json")
    assert said.code == 0
    groups = {(g["metric"], g["stack"], g["chip"]): g for g in said.json}
    assert set(groups) == {
        ("end_to_end", "gpu-serving", "h100-sxm"),
        ("tpot", "gpu-consumer", "rtx-4090"),
        ("ttft", "vllm-2025", "h100-sxm"),
    }
    for told in ("unknown llm 'llama2-8b'", "(isl, osl) are not stated", "the stack of their chip's class"):
        assert told in " ".join(said.err.split())
    rows = list(csv.DictReader(io.StringIO((tmp_path / "rows.csv").read_text())))
    assert [row["own_stack"] for row in rows] == ["false", "false", "true", "", ""]
    assert all(row["reason"] for row in rows[3:])
    for row in rows[:3]:
        assert float(row["low"]) < float(row["predicted"]) < float(row["high"])


def test_the_written_rows_can_be_read_again(dse, small, tmp_path):
    table = small("h100,1,llama2-7b,fp16,1,8,static,128,128,e2e_s,1.5,vLLM")
    first = dse("validate", table, "--out", "rows.csv", "--format", "json").json
    assert dse("validate", tmp_path / "rows.csv", "--format", "json").json == first


def test_json_groups_have_the_documented_keys(dse, small):
    table = small("h100,1,llama2-7b,fp16,1,8,static,128,128,e2e_s,1.5,vLLM")
    (group,) = dse("validate", table, "--by", "llm,batch,metric", "--format", "json").json
    assert list(group) == [
        "metric", "llm", "batch", "n", "median_abs_error", "mean_abs_error", "p90_abs_error", "bias",
        "inside_interval",
    ]  # fmt: skip
    assert group["n"] == 1
    assert group["median_abs_error"] == pytest.approx(abs(group["bias"]))


def test_a_picture_is_drawn_for_every_format(dse, small, tmp_path):
    table = small(
        "h100,1,llama2-7b,fp16,1,8,static,128,128,e2e_s,1.5,vLLM",
        "h100,1,llama2-7b,fp16,1,8,static,128,128,tok_s_user,90,vLLM",
    )
    for name, first in (("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")):
        assert dse("validate", table, "--plot", name).code == 0
        assert (tmp_path / name).read_bytes().startswith(first)
    dse("validate", table, "--plot", "a.bmp").refused("a.bmp", ".png, .svg, .pdf")


def test_wrong_tables_are_refused_with_all_their_problems(dse, small, tmp_path):
    (tmp_path / "poor.csv").write_text("chip,llm\nh100,llama2-7b\n")
    dse("validate", tmp_path / "poor.csv").refused("missing weights, isl, osl, metric, value")
    table = small(
        "h100,1,llama2-7b,fp16,1,8,static,-5,128,tpot_ms,1.5,vLLM",
        "h100,1,llama2-7b,fp16,1,8,static,128,128,e2e_s,fast,vLLM",
    )
    dse("validate", table).refused("small.csv:2", "'-5'", "small.csv:3", "'fast'")
    dse("validate", "published", "--by", "chp").refused("--by", "'chip'")
    dse("validate", "no-such.csv").refused("TABLE", "does not exist")
    (tmp_path / "broken.csv.gz").write_bytes(b"\x1f\x8b\x08" + 40 * b"\xff")
    dse("validate", tmp_path / "broken.csv.gz").refused("broken.csv.gz: expected a CSV, cannot read it")
    dse("validate", "published", "--stack", "gpu-servin").refused("--stack", "'gpu-serving'")


def test_what_is_no_table_is_told_as_what_it_is(dse, tmp_path):
    (tmp_path / "folder.csv").mkdir()
    known = (
        "expected a CSV or a table (article, dataflow, published, published-full, silicon), got the folder"
    )
    dse("validate", "folder.csv").refused(f"TABLE: {known} 'folder.csv'")
    dse("validate", tmp_path).refused(f"TABLE: {known} '{tmp_path}'")
    dse("validate", "/dev/null").refused(
        "TABLE: expected a CSV, got '/dev/null', which is not a regular file"
    )
    dse("validate", "silcon").refused("TABLE: unknown table 'silcon'; did you mean 'silicon'?")


def test_only_speeds_calibrate(dse):
    ask = ("--stack", "x", "-o", "x.yaml")
    for name, holds in (("article", "claims"), ("silicon", "areas")):
        said = dse("calibrate", name, *ask)
        said.refused(f"TABLE: expected a table of measured speeds, got '{name}', which holds {holds}")
    said = dse("calibrate", "artcle", *ask)
    said.refused("unknown table 'artcle'; known: published, published-full")
    assert "article" not in said.err


def test_a_table_may_come_through_a_pipe(dse, small, tmp_path):
    table, pipe = small("h100,1,llama2-7b,fp16,1,8,static,128,128,e2e_s,1.5,vLLM"), tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=lambda: pipe.write_text(table.read_text()))
    writer.start()
    said = dse("validate", pipe, "--format", "json")
    writer.join()
    assert said.json == dse("validate", table, "--format", "json").json


def test_a_table_of_which_nothing_can_be_predicted_gives_exit_code_1(dse, small):
    said = dse("validate", small("h100,1,llama2-8b,fp16,1,8,static,128,128,tpot_ms,15,vLLM"))
    assert said.code == 1
    assert "0 rows predicted, 1 not" in said.out


def test_columns_that_were_not_read_are_named(dse, tmp_path):
    head = (
        "gpu,num_gpus,model,precision,tp,max_concurrency,input_len,output_len,framework,mean_tpot_ms,goodput"
    )
    table = tmp_path / "t.csv"
    line = "h100,1,llama3.1-8b,fp8,1,{},1024,256,vLLM,{},9"
    table.write_text("\n".join([head, *(line.format(8 * n, 6 + n) for n in (1, 2, 3))]) + "\n")
    for form in ((), ("--format", "json")):
        said = dse("validate", table, *form)
        assert "Columns not read: 'goodput'" in said.out + said.err
    said = dse("calibrate", table, "--stack", "mine", "--engine", "vLLM", "-o", tmp_path / "mine.yaml")
    assert "Columns not read: 'goodput'" in said.out


def test_the_help_counts_the_numbers_that_are_fitted(dse):
    words = {18: "eighteen"}
    assert f"Fits {words[len(PARAMETERS)]} numbers" in " ".join(dse("calibrate", "--help").out.split())
