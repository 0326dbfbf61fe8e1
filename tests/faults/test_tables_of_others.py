"""Tables as others publish them, which were once read wrongly without a word."""

from pathlib import Path

import pytest

from dse.errors import SpecError
from dse.plugins import cost_model
from dse.spec.catalog.lookup import Catalog
from dse.validate.measured.batches import Case, Lookup
from dse.validate.measured.checks.held import held
from dse.validate.measured.output import rows_csv
from dse.validate.measured.predictions import Predicted, predictions
from dse.validate.measured.rows import find_table, measured_table, read_rows

CATALOG = Catalog()
MODEL = cost_model("roofline")


def predicted(folder: Path, text: str) -> Predicted:
    """What `dse validate` makes of a table."""
    path = folder / "rows.csv"
    path.write_text(text.strip() + "\n", encoding="utf-8")
    return predictions(MODEL, read_rows(path), CATALOG)


# --- a pool that only decodes (SGLang's decode nodes of 2025, as simllm pull request 120 quotes them)

POOL = """
chip,llm,weights,kv,activations,tp,dp,ep,n_chips,batch,batch_kind,isl,osl,metric,value,engine,phase
H100,DeepSeek-V3,fp8,bf16,fp8,1,72,72,72,18432,mean_in_flight,2000,100,tok_s_per_chip,2785,SGLang 0.4.6,decode
H100,DeepSeek-V3,fp8,bf16,fp8,1,72,72,72,18432,mean_in_flight,2000,100,tpot_ms,92,SGLang 0.4.6,decode
"""


def test_rows_of_a_decode_pool_are_predicted_without_prompts_on_its_chips(tmp_path: Path) -> None:
    rate, tpot = predicted(tmp_path, POOL).found
    # with prompts on the same chips they were predicted 92 % too low and eleven times too high
    assert rate.predicted == pytest.approx(2785.0, rel=0.3)
    assert tpot.predicted == pytest.approx(92.0, rel=0.3)
    # 256 sequences on each chip and no time but that of decode: Little's law
    assert rate.predicted * tpot.predicted * 1e-3 == pytest.approx(256.0)


def test_a_phase_that_nobody_knows_is_refused_by_name(tmp_path: Path) -> None:
    line = "H100,Llama-3.1-8B,fp16,1,64,4096,128,decode_tok_s_total,4000,vLLM 0.8.4,"
    head = "chip,llm,weights,tp,batch,isl,osl,metric,value,engine,phase"
    found = predicted(tmp_path, "\n".join([head, f"{line}decode", f"{line}both", f"{line}decod"]))
    pool, shared = found.found
    # 64 prompts of 4,096 tokens for 64 x 128 output tokens cost more than the decode itself
    assert pool.predicted > 2.0 * shared.predicted
    (refused,) = found.refused
    assert refused.reason.startswith("phase: unknown 'decod'; did you mean 'decode'")


# --- systems that cannot hold what they are said to run (inference-sim issue 624)

IMPOSSIBLE = """
chip,llm,weights,kv,tp,n_chips,batch,isl,osl,metric,value,engine
H100,Llama-3.1-405B,fp16,fp16,1,1,64,1024,1024,tok_s_user,10,vLLM 0.14
RTX 4090,Llama-3.1-70B,fp16,fp16,1,1,512,8192,1024,tok_s_user,10,vLLM 0.14
"""


def test_a_row_whose_chips_cannot_hold_the_weights_is_refused_by_how_much(tmp_path: Path) -> None:
    found = predicted(tmp_path, IMPOSSIBLE)
    assert not found.found
    # 405.85e9 weights in 2 bytes, one sequence of 2,048 tokens with 516 kB each, 90 % of 81,559 MiB
    lacking = 405.85e9 * 2.0 + 2048 * 516096.0 - 0.9 * 81559 * 2.0**20
    assert found.refused[0].reason == f"does not fit by {lacking / 1e9:.0f} GB a chip, even with one sequence"
    assert found.refused[1].reason.startswith("does not fit by 12")


def test_a_stack_is_not_fitted_to_rows_of_systems_that_cannot_be(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(IMPOSSIBLE.strip() + "\n", encoding="utf-8")
    lookup = Lookup(CATALOG)
    cases = [c for row in read_rows(path) if isinstance(c := lookup.case(row), Case)]
    kept, refused = held(MODEL, cases, CATALOG)
    assert (len(kept), len(refused)) == (0, 2)


def test_of_the_bundled_rows_only_those_without_a_true_format_or_layout_are_refused() -> None:
    """Weights of EXL2 in a mean of 3.6 bits, and fp16 weights spread over 64 chips of 230 MB each."""
    rows = read_rows(find_table("published", CATALOG))
    small = [r for r in predictions(MODEL, rows, CATALOG).refused if "does not fit" in r.reason]
    assert [(r.row.llm, r.row.weights, r.row.chip) for r in small] == [
        ("llama2-70b", "exl2-3.6", "RTX3090Ti-24GB"),
        ("llama2-70b", "fp16", "Groq-LPU-v1"),
    ]


# --- rows of one run that contradict each other (AIConfigurator issue 1396)

CONTRADICTION = """
chip,llm,weights,tp,dp,batch,isl,osl,metric,value,engine
B200,Kimi-K2.5,nvfp4,8,1,384,8192,1024,tok_s_user,44.59,vLLM 0.14
B200,Kimi-K2.5,nvfp4,8,1,384,8192,1024,tok_s_per_chip,192.44,vLLM 0.14
"""


def test_a_run_with_less_in_flight_than_its_batch_is_remarked(tmp_path: Path) -> None:
    """192.44 x 8 tokens a second at 44.59 each are 34.5 sequences."""
    remark, *crowd = predicted(tmp_path, CONTRADICTION).remarks
    assert {r.text for r in crowd} == {"the stated users do not fit at once: those beyond wait"}
    assert remark.text.startswith("these rows of one run have 34.5 in flight, not 384; is it a ceiling?")
    assert [row.metric for row in remark.rows] == ["tok_s_per_chip", "tok_s_user"]
    assert predicted(tmp_path, CONTRADICTION.replace(",384,", ",34,")).remarks == ()


# --- layouts that cannot be, and lengths that are not there

WAYS = "chip,n_chips,llm,weights,tp,pp,dp,batch,isl,osl,metric,value,engine"


def of_ways(folder: Path, ways: str, llm: str = "llama2-70b") -> Predicted:
    """A row with n_chips, TP, PP and DP as given."""
    n_chips, rest = ways.split(",", 1)
    line = f"H100,{n_chips},{llm},fp8,{rest},8,1024,128,tpot_ms,20,vLLM"
    return predicted(folder, f"{WAYS}\n{line}")


@pytest.mark.parametrize(
    ("ways", "reason"),
    [
        ("4,3,,", "n_chips: expected TP 3 x PP 1 x DP 1 = 3 or a multiple of it, got 4"),
        ("4,2,1,1", "n_chips: expected TP 2 x PP 1 x DP 1 = 2, got 4"),
        ("8,8,2,", "n_chips: expected TP 8 x PP 2 x DP 1 = 16 or a multiple of it, got 8"),
        ("4,,,3", "n_chips: expected a multiple of PP 1 x DP 3 = 3, got 4"),
        ("2.5,,,", "n_chips: expected a whole number, got 2.5"),
        ("8,2.5,,", "tp: expected a whole number, got 2.5"),
        ("81,1,81,1", "PP 81: expected at most the 80 layers of llama2-70b, got 81"),
    ],
)
def test_a_layout_that_cannot_be_is_refused_with_its_sizes(tmp_path: Path, ways: str, reason: str) -> None:
    found = of_ways(tmp_path, ways)
    assert [r.reason for r in found.refused] == [reason]
    assert not found.found


def test_chips_left_over_are_replicas_and_heads_are_padded_with_a_remark(tmp_path: Path) -> None:
    (spare,) = of_ways(tmp_path, "8,4,,").found
    assert spare.case.layout.dp == 2.0
    assert of_ways(tmp_path, "8,4,,").remarks == ()
    (remark,) = of_ways(tmp_path, "3,3,,").remarks
    assert remark.text.startswith("TP does not divide the heads of the LLM: predicted with heads padded")
    assert remark.detail == "TP 3, 64 heads"


@pytest.mark.parametrize("lengths", [",", "1024,", ",128", "0,0", "0,128", "1024,0"])
def test_a_time_per_token_without_lengths_is_refused(tmp_path: Path, lengths: str) -> None:
    """A blank OSL was taken as 1, so that each token waited for a prompt of its own."""
    head = "chip,n_chips,llm,weights,tp,batch,isl,osl,metric,value,engine,phase"
    row = f"H100,1,llama3.1-8b,fp8,1,{{}},{lengths},tpot_ms,7.6,vLLM,{{}}"
    found = predicted(tmp_path, f"{head}\n{row.format(32, '')}\n{row.format(32, 'decode')}")
    assert [r.reason for r in found.refused] == ["the lengths (isl, osl) are not stated"] * 2
    # one user who only decodes hangs little on lengths: 0 is what `llama-bench` states
    alone = predicted(tmp_path, f"{head}\n{row.format(1, 'decode')}")
    assert len(alone.found) == 1
    told = any(r.text.startswith("the lengths (isl, osl) are not stated in full") for r in alone.remarks)
    assert told is (lengths != "0,128")


def test_users_far_beyond_what_fits_are_remarked(tmp_path: Path) -> None:
    head = "chip,n_chips,llm,weights,tp,batch,isl,osl,metric,value,engine"
    row = "H100,2,llama3.1-8b,fp8,2,{},1024,128,decode_tok_s_total,1800,vLLM"
    (remark,) = [
        r for r in predicted(tmp_path, f"{head}\n{row.format(4_000_000)}").remarks if "fit" in r.text
    ]
    assert remark.text == "the stated users do not fit at once: those beyond wait"
    assert not predicted(tmp_path, f"{head}\n{row.format(8)}").remarks


def test_times_of_a_column_in_seconds_are_asked_about_in_thousandths_of_them(tmp_path: Path) -> None:
    head = "chip,n_chips,llm,weights,tp,batch,isl,osl,engine,{}"
    row = "H100,1,llama3.1-8b,fp8,1,8,1024,128,vLLM,{}"

    def asked(metric: str, value: float) -> str:
        remarks = predicted(tmp_path, f"{head.format(metric)}\n{row.format(value)}").remarks
        (text,) = (r.text for r in remarks if r.text.startswith("off by"))
        return text.rpartition(": ")[2]

    ms = predicted(tmp_path, f"{head.format('tpot_ms')}\n{row.format(1)}").found[0].predicted
    assert asked("median_tpot", ms) == "is it in ms?"  # a column in seconds
    assert asked("tpot_ms", ms * 1e3) == "is it in us?"
    assert asked("tpot_ms", ms * 1e-3) == "is it in s?"


# --- lines above the header, columns that are not read, names of benchmarks

WIDE = "gpu,num_gpus,model,precision,tp,max_concurrency,input_len,output_len,framework,mean_tpot_ms"
RUN = "h100,1,llama3.1-8b,fp8,1,8,1024,256,vLLM,6.1"


def test_lines_above_the_header_that_begin_with_a_hash_are_skipped(tmp_path: Path) -> None:
    text = f'# my "rows, of today; =a,b;c;d;e;f;g;h;i;j;k\n#\n\n{WIDE}\n{RUN}'
    (found,) = predicted(tmp_path, text).found
    assert (found.case.row.where, found.case.row.value) == ("rows.csv:5", 6.1)
    table = measured_table(tmp_path / "rows.csv")
    out = rows_csv(Predicted(found=(found,), refused=()), table)
    # lines of both files correspond, and no formula hides behind a comma
    first, *rest = out.splitlines()
    assert first == '"# my ""rows, of today; =a,b;c;d;e;f;g;h;i;j;k"'
    assert rest[:2] == ["#", ""]
    assert rest[2].startswith(WIDE)
    assert rest[3].startswith(RUN)
    (tmp_path / "out.csv").write_text(out, encoding="utf-8")
    assert measured_table(tmp_path / "out.csv").raw.above == table.raw.above
    with pytest.raises(SpecError, match=r"rows\.csv:2: expected the columns"):
        predicted(tmp_path, "# mine\nchip,llm\nh100,x")


def test_a_header_may_begin_with_a_hash_and_counts_all_nodes(tmp_path: Path) -> None:
    head = "# Accelerators,# of Nodes,Accelerator,model,precision,input_len,output_len,Units,Result,framework"
    row = "16,2,H100,llama2-70b-99.9,fp8,294,294,Tokens/s,40000,TRT-LLM"
    found = predicted(tmp_path, f"{head}\n{row}")
    (one,) = found.found
    assert (one.case.row.chips, one.case.row.llm) == (16.0, "llama2-70b")
    assert "n_chips is taken as that of all nodes together" in [r.text for r in found.remarks]
    each = predicted(tmp_path, f"{head.replace('# Accelerators', 'GPUs per node')}\n{row}")
    assert each.found[0].case.row.chips == 32.0


def test_columns_that_say_nothing_are_named(tmp_path: Path) -> None:
    unread = ["goodput", "tokens_per_sec", "Per User Output Throughput (tps/user)"]
    path = tmp_path / "rows.csv"
    path.write_text(f"{WIDE},{','.join(unread)}\n{RUN},1,2,3\n", encoding="utf-8")
    assert list(measured_table(path).raw.unread) == unread


@pytest.mark.parametrize(
    ("name", "ours", "stack"),
    [
        ("trtllm", "TensorRT-LLM", "trtllm"),
        ("TRT-LLM 1.0", "TensorRT-LLM 1.0", "trtllm"),
        ("tensorrt_llm", "TensorRT-LLM", "trtllm"),
        ("dynamo-trt", "TensorRT-LLM", "trtllm"),
        ("Dynamo TRTLLM v1.1", "TensorRT-LLM v1.1", "trtllm"),
        ("sgl", "SGLang", "sglang"),
        ("dynamo-sglang", "SGLang", "sglang"),
        ("SGLang 0.5.9", "SGLang 0.5.9", "sglang"),
        ("trtllm-bench", "trtllm-bench", "trtllm-bench"),
        ("TensorRT 8.6.3", "TensorRT 8.6.3", ""),
        ("trt 8.6", "trt 8.6", ""),
        ("sglx", "sglx", ""),
    ],
)
def test_spellings_of_an_engine_find_its_stack(tmp_path: Path, name: str, ours: str, stack: str) -> None:
    (found,) = predicted(tmp_path, f"{WIDE}\n{RUN.replace('vLLM', name)}").found
    assert found.case.row.engine == ours
    assert found.case.own_stack is bool(stack)
    assert found.case.stack.name.startswith(stack)


def test_short_names_of_llms_in_benchmarks_are_known(tmp_path: Path) -> None:
    names = {"dsr1": "deepseek-r1", "llama2-70b-99": "llama2-70b", "llama2-70b-99.9": "llama2-70b"}
    for theirs, ours in names.items():
        row = RUN.replace("h100,1,llama3.1-8b,fp8,1", f"h200,8,{theirs},fp8,8")
        (found,) = predicted(tmp_path, f"{WIDE}\n{row}").found
        assert found.case.llm.name == ours
