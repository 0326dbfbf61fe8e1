"""Names of metrics as benchmarks print and write them, and tables with a column for each of them."""

from pathlib import Path

import pytest

from dse.plugins import cost_model
from dse.spec.catalog.lookup import Catalog
from dse.validate.measured.predictions import Predicted, predictions
from dse.validate.measured.reading.metric_names import (
    PER_CHIP,
    PER_PROMPT_TOKEN,
    PER_REQUEST,
    contradicts,
    named,
)
from dse.validate.measured.rows import METRICS, read_rows

CATALOG = Catalog()

TIMES = [
    # vLLM and SGLang, as written and as printed
    ("mean_ttft_ms", "ttft_ms", 1.0, "mean"), ("median_tpot_ms", "tpot_ms", 1.0, "p50"),
    ("p99_itl_ms", "tpot_ms", 1.0, "p99"), ("mean_e2el_ms", "e2e_s", 1e-3, "mean"),
    ("std_ttft_ms", "ttft_ms", 1.0, "std"), ("Mean TTFT (ms)", "ttft_ms", 1.0, "mean"),
    ("P99 TPOT (ms)", "tpot_ms", 1.0, "p99"), ("median_e2e_latency_ms", "e2e_s", 1e-3, "p50"),
    # TensorRT-LLM
    ("Average time-per-output-token [TPOT] (ms)", "tpot_ms", 1.0, "mean"),
    ("Average time-to-first-token [TTFT] (ms)", "ttft_ms", 1.0, "mean"),
    ("Average request latency (ms)", "e2e_s", 1e-3, "mean"),
    # GuideLLM, AIPerf
    ("time_to_first_token_ms", "ttft_ms", 1.0, ""), ("inter_token_latency_ms", "tpot_ms", 1.0, ""),
    ("time_per_output_token_ms", "tpot_ms", 1.0, ""), ("Time to First Token (ms)", "ttft_ms", 1.0, ""),
    ("Inter Token Latency (ms)", "tpot_ms", 1.0, ""), ("Request Latency (ms)", "e2e_s", 1e-3, ""),
    # InferenceX, in seconds
    ("mean_ttft", "ttft_ms", 1e3, "mean"), ("median_tpot", "tpot_ms", 1e3, "p50"),
    ("p99_itl", "tpot_ms", 1e3, "p99"), ("mean_e2el", "e2e_s", 1.0, "mean"),
    ("ttft_us", "ttft_ms", 1e-3, ""), ("ttft_p95_ms", "ttft_ms", 1.0, "p95"),
]  # fmt: skip
RATES = [
    ("output_throughput", "decode_tok_s_total", ()), ("total_token_throughput", "total_tok_s_incl_input", ()),
    ("request_throughput", "decode_tok_s_total", (PER_REQUEST,)),
    ("Output token throughput (tok/s)", "decode_tok_s_total", ()),
    ("Total Token throughput (tok/s)", "total_tok_s_incl_input", ()),
    ("Request throughput (req/s)", "decode_tok_s_total", (PER_REQUEST,)),
    ("input_throughput", "decode_tok_s_total", (PER_PROMPT_TOKEN,)),
    ("input_tok_s_total", "decode_tok_s_total", (PER_PROMPT_TOKEN,)),
    ("total_throughput", "total_tok_s_incl_input", ()),
    ("Total Output Throughput (tokens/sec)", "decode_tok_s_total", ()),
    ("Token Throughput (tokens/sec)", "decode_tok_s_total", ()),
    ("Per GPU Output Throughput (tps/gpu)", "tok_s_per_chip", ()),
    ("Per User Output Speed (tps/user)", "tok_s_user", ()),
    ("output_tokens_per_second", "decode_tok_s_total", ()),
    ("tokens_per_second", "total_tok_s_incl_input", ()),
    ("prompt_tokens_per_second", "decode_tok_s_total", (PER_PROMPT_TOKEN,)),
    ("requests_per_second", "decode_tok_s_total", (PER_REQUEST,)),
    ("Output Token Throughput Per User (tokens/sec/user)", "tok_s_user", ()),
    ("Output Token Throughput (tokens/sec)", "decode_tok_s_total", ()),
    ("tput_per_gpu", "total_tok_s_incl_input", (PER_CHIP,)), ("output_tput_per_gpu", "tok_s_per_chip", ()),
    ("input_tput_per_gpu", "decode_tok_s_total", (PER_PROMPT_TOKEN, PER_CHIP)),
    ("median_intvty", "tok_s_user", ()), ("Tokens/s", "decode_tok_s_total", ()),
    ("Samples/s", "decode_tok_s_total", (PER_REQUEST,)), ("Queries/s", "decode_tok_s_total", (PER_REQUEST,)),
]  # fmt: skip


def predicted(folder: Path, *lines: str) -> Predicted:
    path = folder / "t.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return predictions(cost_model("roofline"), read_rows(path), CATALOG)


@pytest.mark.parametrize(("name", "metric", "unit", "stat"), TIMES)
def test_times_have_a_unit_and_a_statistic(name: str, metric: str, unit: float, stat: str) -> None:
    found = named(name)
    assert (found.metric, found.stat, found.known, found.per) == (metric, stat, True, ())
    assert found.unit == pytest.approx(unit)


@pytest.mark.parametrize(("name", "metric", "per"), RATES)
def test_rates_say_what_they_count(name: str, metric: str, per: tuple[str, ...]) -> None:
    found = named(name)
    assert (found.metric, found.per, found.unit, found.known) == (metric, per, 1.0, True)
    assert metric in METRICS


@pytest.mark.parametrize(
    "name",
    ["batch", "isl", "prompt_tokens", "output_tokens", "max_tokens", "num_prompts", "request_rate",
     "duration", "throughput", "total_input_tokens", "Total Latency (ms)",
     "Per User Output Throughput (tokens/sec/user)",
     "E2E Output Token Throughput (tokens/sec/user)", "peak_gb", "tp"],
)  # fmt: skip
def test_what_is_no_metric_of_ours_is_not_taken_for_one(name: str) -> None:
    assert not named(name).known


def test_a_time_without_a_unit_is_refused_unless_a_column_states_it() -> None:
    assert named("ttft").without_unit and not named("ttft").known
    assert named("ttft", "s").unit == 1e3
    assert contradicts("ttft_ms", "s") and not contradicts("ttft_ms", "ms")
    assert not contradicts("output_throughput", "tok/s")


HEAD = "gpu,model_id,precision,tp,num_gpus,max_concurrency,input_len,output_len,framework"
RUN = "h100,llama3.1-8b,fp8,1,1,16,1024,256,vLLM 0.12"


def test_each_metric_of_a_line_is_a_row_of_one_run(tmp_path: Path) -> None:
    names = "mean_ttft_ms,median_ttft_ms,p99_ttft_ms,mean_tpot_ms,output_throughput,request_throughput"
    found = predicted(tmp_path, f"{HEAD},{names}", f"{RUN},90,85,200,9,1500,5.9", f"{RUN},90,,,9,1500,")
    assert [p.case.row.column for p in found.found] == [
        "mean_ttft_ms", "median_ttft_ms", "mean_tpot_ms", "output_throughput", "request_throughput",
        "mean_ttft_ms", "mean_tpot_ms", "output_throughput",
    ]  # fmt: skip
    (tail,) = found.refused
    assert "a tail is stated" in tail.reason
    tokens, requests = (
        p for p in found.found if p.case.row.metric == "decode_tok_s_total" and p.case.row.line == 2
    )
    assert tokens.predicted == pytest.approx(requests.predicted)
    assert requests.case.row.value == pytest.approx(5.9 * 256)


def test_prompt_tokens_requests_and_all_tokens_are_one_rate(tmp_path: Path) -> None:
    names = "output_throughput,input_throughput,total_throughput,tput_per_gpu,request_throughput"
    chips = RUN.replace("llama3.1-8b,fp8,1,1", "llama3.1-8b,fp8,2,2")
    found = predicted(tmp_path, f"{HEAD},{names}", f"{chips},256,1024,1280,640,1").found
    rate = found[0].predicted
    assert [p.error for p in found] == pytest.approx([rate / 256.0 - 1.0] * 5)


@pytest.mark.parametrize(
    ("names", "cells", "why"),
    [
        ("ttft", "90", "metric 'ttft' states no unit"),
        ("tput_per_gpu", "90", "it counts a chip"),
        ("metric,value,unit", "ttft_ms,90,s", "metric 'ttft_ms' contradicts its unit 's'"),
        ("metric,value,kv", "ttft_ms,90,mixed", "kv: 'mixed' formats are not predicted"),
    ],
)
def test_what_cannot_be_converted_is_refused_with_the_reason(
    tmp_path: Path, names: str, cells: str, why: str
) -> None:
    head, run = HEAD.replace(",tp,num_gpus", ""), RUN.replace(",fp8,1,1,", ",fp8,")
    assert predicted(tmp_path, f"{head},{names}", f"{run},{cells}").refused[0].reason.startswith(why)


def test_block_floating_point_is_taken_as_its_bits_and_says_so(tmp_path: Path) -> None:
    found = predicted(tmp_path, f"{HEAD},tpot_ms", f"{RUN},9".replace("fp8", "bfp8"))
    assert found.found[0].case.precision.weights == "fp8"
    assert "bfp8 is taken as fp8" in found.remarks[0].text


def test_a_column_of_units_names_the_metric_as_in_results_of_mlperf(tmp_path: Path) -> None:
    head = "Accelerator,a#,Model,weight_data_types,input_len,output_len,Scenario,Units,Result"
    line = "h100,1,llama3.1-8b,fp8,512,128,Offline,{}"
    tokens, samples = predicted(
        tmp_path, head, line.format("Tokens/s,12800"), line.format("Samples/s,100")
    ).found
    assert tokens.case.row.value == samples.case.row.value == pytest.approx(12800.0)
    assert (tokens.case.row.kind, tokens.case.row.chips) == ("unknown", 1)


def test_of_two_columns_of_one_meaning_the_first_counts(tmp_path: Path) -> None:
    head = HEAD.replace("max_concurrency", "max_concurrency,concurrency") + ",tpot_ms"
    (found,) = predicted(tmp_path, head, RUN.replace(",16,", ",16,12.5,") + ",9").found
    assert found.case.row.batch == 16


# --- InferenceX: two pools, seconds, attention data parallelism

POOLS = (
    "hw,model,precision,framework,disagg,conc,isl,osl,prefill_tp,prefill_ep,decode_tp,decode_ep,"
    "decode_dp_attention,decode_num_workers,num_prefill_gpu,num_decode_gpu,tput_per_gpu,output_tput_per_gpu,"
    "median_tpot,median_intvty"
)


def test_pools_of_inferencex_are_read_as_they_were_written(tmp_path: Path) -> None:
    line = "h100,llama3.1-70b,fp8,dynamo-sglang,{},64,1024,256,4,1,4,1,{},{},{},8,2000,400,0.02,50"
    found = predicted(tmp_path, POOLS, line.format("true", "false", 2, 4)).found
    total, output, tpot, speed = found
    assert {(p.case.layout.tp, p.case.layout.dp, p.case.row.mode) for p in found} == {(4, 2, "decode-only")}
    # all tokens over both pools, output tokens over the pool that decodes
    assert total.case.row.value == pytest.approx(2000.0 * 12.0)
    assert output.case.row.value == pytest.approx(400.0 * 8.0)
    assert tpot.case.row.value == pytest.approx(20.0)
    assert tpot.predicted * speed.predicted == pytest.approx(1e3)
    shared = predicted(tmp_path, POOLS, line.format("false", "false", 2, 8)).found[2].case
    assert (shared.row.mode, shared.row.chips, shared.layout.tp) == ("aggregated", 8, 4)


def test_attention_of_a_batch_a_chip_is_read_as_replicas(tmp_path: Path) -> None:
    head = "hw,model,precision,framework,conc,isl,osl,tp,ep,dp_attention,median_tpot"
    found = predicted(tmp_path, head, "h200,deepseek-r1,fp8,sglang,512,1024,1024,8,1,true,0.05")
    layout = found.found[0].case.layout
    assert (layout.tp, layout.dp, layout.ep) == (1, 8, 8)
    assert "dp_attention" in found.remarks[0].text
