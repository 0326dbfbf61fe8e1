"""Remarks on measured rows: Little's law by hand, units, open batches, more speed than there is."""

from pathlib import Path
from typing import Any

import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.plugins import cost_model
from dse.spec.catalog.lookup import Catalog
from dse.validate.measured.checks.littles_law import APART, contradictions, in_flight
from dse.validate.measured.predictions import Predicted, predictions
from dse.validate.measured.row import Measured
from dse.validate.measured.rows import read_rows

CATALOG = Catalog()
HEAD = "chip,n_chips,llm,weights,tp,batch,batch_kind,isl,osl,metric,value,engine"
LINE = "h100,1,llama3.1-8b,fp8,1,8,static,512,128,{},vLLM"


def row(metric: str, value: float, **more: Any) -> Measured:
    """A row of a run of 8 users on two chips with prompts of 100 and outputs of 11 tokens."""
    usual: dict[str, Any] = {
        "where": "t:2", "run": "r", "source": "s", "date": "", "chip": "c", "chips": 2.0, "llm": "l",
        "weights": "fp8", "kv": "", "activations": "", "tp": 2.0, "pp": None, "ep": None, "dp": None,
        "batch": 8.0, "kind": "concurrency", "isl": 100.0, "osl": 11.0, "stat": "", "engine": "",
        "quality": "", "spec_decode": "",
    }  # fmt: skip
    return Measured(metric=metric, value=value, **{**usual, **more})


def by_metric(*rows: Measured) -> dict[str, Measured]:
    return {r.metric: r for r in rows}


def predicted(folder: Path, *lines: str, head: str = HEAD) -> Predicted:
    path = folder / "t.csv"
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return predictions(cost_model("roofline"), read_rows(path), CATALOG)


def texts(found: Predicted) -> list[str]:
    return [r.whole for r in found.remarks]


# --- Little's law


@pytest.mark.parametrize(
    ("rows", "flight"),
    [
        # 110 token/s are 10 requests a second; 0.3 s + 10 x 0.05 s = 0.8 s each
        ([("decode_tok_s_total", 110.0), ("tpot_ms", 50.0), ("ttft_ms", 300.0)], 8.0),
        ([("tok_s_per_chip", 55.0), ("tok_s_user", 20.0), ("ttft_ms", 300.0)], 8.0),
        ([("total_tok_s_incl_input", 1110.0), ("tpot_ms", 50.0), ("ttft_ms", 300.0)], 8.0),
        ([("decode_tok_s_total", 110.0), ("e2e_s", 0.8)], 8.0),
        ([("decode_tok_s_total", 110.0), ("tpot_ms", 50.0)], 5.0),  # decode alone
    ],
)
def test_what_is_in_flight_is_the_rate_times_the_time_in_the_system(
    rows: list[tuple[str, float]], flight: float
) -> None:
    found = in_flight(by_metric(*(row(m, v) for m, v in rows)))
    assert found is not None
    assert found.value == pytest.approx(flight)
    assert found.whole is any(m in ("ttft_ms", "e2e_s") for m, _ in rows)


def test_in_a_pool_that_only_decodes_every_token_takes_a_step() -> None:
    rows = (row(m, v, mode="decode-only") for m, v in (("decode_tok_s_total", 160.0), ("tpot_ms", 50.0)))
    found = in_flight(by_metric(*rows))
    assert found is not None and found.whole
    assert found.value == pytest.approx(8.0)


def test_rows_that_say_nothing_of_rate_or_time_have_nothing_in_flight() -> None:
    assert in_flight(by_metric(row("tpot_ms", 50.0), row("ttft_ms", 300.0))) is None
    assert in_flight(by_metric(row("decode_tok_s_total", 110.0), row("ttft_ms", 300.0))) is None


@LAW
@given(st.floats(0.01, 100.0), st.sampled_from(["static", "concurrency", "mean_in_flight"]))
def test_a_run_is_remarked_exactly_where_it_is_a_factor_off(factor: float, kind: str) -> None:
    rows = [row("decode_tok_s_total", 110.0 * factor, kind=kind), row("e2e_s", 0.8, kind=kind)]
    found = list(contradictions(rows))
    assert bool(found) is not (1 / APART <= factor <= APART)
    if found:
        assert ("is it a ceiling?" in found[0].text) is (factor < 1.0)


def test_a_ceiling_an_open_batch_and_another_run_contradict_nothing() -> None:
    rate, time = row("decode_tok_s_total", 1.0), row("e2e_s", 0.8)
    assert len(list(contradictions([rate, time]))) == 1
    for more in ({"kind": "max_seqs"}, {"kind": "unknown", "batch": None}):
        assert not list(contradictions([row(r.metric, r.value, **more) for r in (rate, time)]))
    assert not list(contradictions([rate, row("e2e_s", 0.8, run="other")]))


def test_a_tail_is_not_the_time_of_a_run() -> None:
    rate, step = row("decode_tok_s_total", 110.0), row("tpot_ms", 50.0)
    for tail in ("p99", "max"):
        assert not list(contradictions([rate, step, row("ttft_ms", 9e4, stat=tail), row("ttft_ms", 300.0)]))
    (remark,) = contradictions([rate, step, row("ttft_ms", 9e4, stat="p50")])
    assert "have 905 in flight, not 8" in remark.text


def test_times_and_speeds_of_one_run_that_differ_are_remarked() -> None:
    (speeds,) = contradictions([row("tpot_ms", 50.0), row("tok_s_user", 50.0)])
    assert "1 / 50 ms is not 50 token/s" in speeds.text
    (ends,) = contradictions([row("e2e_s", 0.8), row("ttft_ms", 300.0), row("tpot_ms", 5000.0)])
    assert "is 0.8 s, but TTFT + (OSL - 1) TPOT 50.3 s" in ends.text


# --- units and junk


@pytest.mark.parametrize(
    ("metric", "factor", "asked"),
    [
        ("decode_tok_s_total", 1.0 / 128.0, "does it count samples or requests, not tokens?"),
        ("decode_tok_s_total", 1.0 / 8.0, "is it the speed of one user?"),
        ("decode_tok_s_total", 5.0, "does it count prompts too?"),
        ("total_tok_s_incl_input", 1.0 / 5.0, "does it leave prompts out?"),
        ("tpot_ms", 1e-3, "is it in s?"),
        ("tpot_ms", 1e3, "is it in us?"),
        ("e2e_s", 1e3, "is it in ms?"),
        ("tok_s_user", 8.0, "is it the rate of all users?"),
    ],
)
def test_a_value_in_another_unit_is_asked_about(
    tmp_path: Path, metric: str, factor: float, asked: str
) -> None:
    """8 users, 512 tokens in and 128 out: five tokens of all for one of output."""
    (plain,) = predicted(tmp_path, LINE.format(f"{metric},1")).found
    found = texts(predicted(tmp_path, LINE.format(f"{metric},{plain.predicted * factor}")))
    assert any(asked in text for text in found)
    assert not any(
        "?" in text for text in texts(predicted(tmp_path, LINE.format(f"{metric},{plain.predicted}")))
    )


def test_a_value_that_is_merely_wrong_is_not_asked_about(tmp_path: Path) -> None:
    assert not texts(predicted(tmp_path, LINE.format("tpot_ms,60")))
    assert not texts(predicted(tmp_path, LINE.format("tpot_ms,7")))


def test_one_output_token_says_nothing_of_decode(tmp_path: Path) -> None:
    line = LINE.replace(",128,", ",1,").format("decode_tok_s_total,900")
    assert any("OSL is 1" in text for text in texts(predicted(tmp_path, line)))
    # a blank length is not a length of 1
    assert not texts(predicted(tmp_path, LINE.replace(",128,", ",,").format("tpot_ms,7")))


def test_more_speed_than_the_chip_has_is_remarked(tmp_path: Path) -> None:
    found = texts(predicted(tmp_path, LINE.format("tpot_ms,1.2")))
    # 8.03e9 weights of a byte in 3.35 TB/s take 2.4 ms
    assert any("times too fast for the peaks of the chip" in text for text in found)


def test_an_open_batch_of_a_speed_is_said_and_of_a_throughput_not(tmp_path: Path) -> None:
    line = LINE.replace(",8,static", ",,")
    (text,) = texts(predicted(tmp_path, line.format("tok_s_user,20")))
    assert text.startswith("the batch is not stated: predicted with the ")
    assert not texts(predicted(tmp_path, line.format("decode_tok_s_total,20000")))


def test_a_batch_that_does_not_fit_is_predicted_and_said(tmp_path: Path) -> None:
    line = "h100,1,llama3.1-8b,fp16,1,512,static,8192,128,tpot_ms,90,vLLM"
    found = predicted(tmp_path, line)
    assert len(found.found) == 1
    # 512 sequences of 8,320 tokens with 131 kB each are 558 GB, and weights of 16 GB, on 80 GiB
    assert "the stated batch does not fit, and is predicted as if it did (489" in texts(found)[0]


def test_a_speed_of_a_user_errs_in_the_direction_of_times(tmp_path: Path) -> None:
    """A speed predicted as a quarter of what was measured is a time of four times: +300 %, and not -75 %."""
    time, speed = predicted(tmp_path, LINE.format("tpot_ms,7"), LINE.format("tok_s_user,142.857142857")).found
    assert time.family_error == pytest.approx(speed.family_error)
    assert time.error == pytest.approx(1.0 / (1.0 + speed.error) - 1.0)


def test_experts_that_do_not_fit_on_a_chip_are_spread_and_said(tmp_path: Path) -> None:
    """671e9 weights of 4.25 bits are 356 GB on chips of 288 GB: attention of each, experts over all."""
    line = "mi355x,16,deepseek-r1,mxfp4,1,1024,concurrency,1024,1024,tpot_ms,28,SGLang,16,{}"
    found = predicted(tmp_path, line.format(1), line.format(16), head=f"{HEAD},dp,ep")
    one, sixteen = found.found
    assert one.predicted == pytest.approx(sixteen.predicted)
    assert [r.text for r in found.remarks if r.rows[0] is one.case.row] == [
        "experts of EP 1 do not fit on a chip: predicted with EP 16, spread over TP x DP"
    ]
    # one chip has nobody to share with, and a dense LLM nothing to spread
    alone = (
        line.replace("mi355x,16", "mi355x,1")
        .replace("1024,concurrency", "8,concurrency")
        .replace(",16,{}", ",1,1")
    )
    assert not predicted(tmp_path, alone, head=f"{HEAD},dp,ep").found
