"""How rows of tables were served: what is stated counts, then what the rows of a run say together."""

from pathlib import Path

import pytest

from dse.plugins import cost_model
from dse.spec.catalog.lookup import Catalog
from dse.validate.measured.predictions import Predicted, predictions
from dse.validate.measured.reading.phases import SERVINGS, phase, serving, unreadable
from dse.validate.measured.reading.serving import Clues, modes
from dse.validate.measured.rows import find_table, read_rows

CATALOG = Catalog()
HEAD = "chip,llm,weights,n_chips,tp,dp,batch,batch_kind,isl,osl,metric,value,engine"


def clues(
    family: str, phase: str = "", kind: str = "concurrency", serving: str = "", run: str = "r"
) -> Clues:
    return Clues(run=run, family=family, kind=kind, phase=phase, serving=serving)


def predicted(folder: Path, *lines: str, head: str = HEAD) -> Predicted:
    path = folder / "t.csv"
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return predictions(cost_model("roofline"), read_rows(path), CATALOG)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        # TPOT covers decode by definition: a closed loop with prompts is no pool
        ([clues("tpot", "decode"), clues("ttft", "prefill")], ["aggregated"] * 2),
        ([clues("tpot", "decode"), clues("throughput", "both")], ["aggregated"] * 2),
        ([clues("tpot", "decode")], ["aggregated"]),
        # a rate without prompts makes a pool of its run, whatever its times say
        ([clues("tpot", "decode"), clues("throughput", "decode")], ["decode-only"] * 2),
        ([clues("tpot"), clues("throughput", "decode")], ["decode-only"] * 2),
        ([clues("throughput", "decode"), clues("throughput", "both")], ["decode-only", "aggregated"]),
        ([clues("tpot", "decode"), clues("throughput", "decode"), clues("throughput")],
         ["aggregated", "decode-only", "aggregated"]),
        # of two runs each has its own
        ([clues("tpot", run="a"), clues("throughput", "decode", run="b")], ["aggregated", "decode-only"]),
        ([clues("tpot", "decode", "static"), clues("ttft", kind="static")], ["static"] * 2),
        ([clues("throughput", "decode", "static")], ["decode-only"]),
        # what is stated needs no clue
        ([clues("tpot", "decode", serving="aggregated"), clues("throughput", "decode", serving="chunked")],
         ["aggregated", "chunked"]),
        ([clues("tpot", serving="disaggregated"), clues("tpot", kind="static", serving="decode-only")],
         ["decode-only"] * 2),
    ],
)  # fmt: skip
def test_the_mode_of_a_row_follows_from_its_run(rows: list[Clues], found: list[str]) -> None:
    assert [mode.name for mode in modes(rows)] == found
    assert not any(mode.assumed for mode in modes(rows))


def test_a_lone_time_per_token_in_flight_is_taken_as_a_pool_and_says_so() -> None:
    lone = clues("tpot", "decode", "mean_in_flight")
    (found,) = modes([lone])
    assert found.name == "decode-only"
    assert "state serving: aggregated" in found.assumed
    assert {m.name for m in modes([lone, clues("ttft", "prefill", "mean_in_flight")])} == {"aggregated"}


def test_rows_of_one_setting_are_one_run_and_phases_of_other_settings_do_not_matter(tmp_path: Path) -> None:
    line = "h100,llama3.1-8b,fp8,1,1,1,{},concurrency,512,128,{},9,vLLM,{}"
    cells = [(8, "tpot_ms", "decode"), (8, "decode_tok_s_total", "decode"), (9, "tpot_ms", "decode")]
    found = predicted(tmp_path, *(line.format(*c) for c in cells), head=f"{HEAD},phase").found
    assert [p.case.row.mode for p in found] == ["decode-only", "decode-only", "aggregated"]


@pytest.mark.parametrize(
    ("stated", "mode"),
    [("Static", "static"), ("agg", "aggregated"), ("chunked prefill", "chunked"),
     ("Decode pool", "decode-only"), ("colocated", "aggregated"), ("IFB", "aggregated")],
)  # fmt: skip
def test_a_column_of_serving_needs_no_clue(tmp_path: Path, stated: str, mode: str) -> None:
    line = f"h100,llama3.1-8b,fp8,1,1,1,8,,512,128,tpot_ms,9,vLLM,{stated}"
    (found,) = predicted(tmp_path, line, head=f"{HEAD},serving").found
    assert found.case.row.mode == mode


def test_a_chunk_of_a_prompt_rides_with_decode(tmp_path: Path) -> None:
    line = "h100,llama3.1-8b,fp8,1,1,1,64,,4096,128,tpot_ms,9,vLLM,"
    found = predicted(tmp_path, *(line + s for s in ("chunked", "aggregated", "pd")), head=f"{HEAD},serving")
    chunked, whole, pool = (p.predicted for p in found.found)
    assert pool < chunked != whole > pool


def test_rates_of_a_system_with_pools_are_shared_by_the_chips_of_both(tmp_path: Path) -> None:
    head = f"{HEAD},serving,prefill_chips,decode_chips"
    cells = "h100,llama3.1-8b,fp8,{},1,4,64,,1024,256,{},9,vLLM,{},{},{}"
    lines = [
        cells.format("", "tok_s_per_chip", "disaggregated", 2, 4),
        cells.format(6, "tok_s_per_chip", "disaggregated", 2, ""),
        cells.format(4, "tok_s_per_chip", "decode-only", "", ""),
        cells.format(6, "tpot_ms", "disaggregated", "", ""),
        cells.format(4, "tpot_ms", "decode-only", "", ""),
    ]
    both, rest, pool, tpot, alone = (p.predicted for p in predicted(tmp_path, *lines, head=head).found)
    assert both == pytest.approx(rest)
    assert both * 6.0 == pytest.approx(pool * 4.0)
    assert tpot == pytest.approx(alone)


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ("tpot_ms,9,vLLM,prefill,,", "phase prefill contradicts the metric tpot_ms"),
        ("ttft_ms,9,vLLM,decode,,", "phase decode contradicts the metric ttft_ms"),
        (
            "total_tok_s_incl_input,9,vLLM,decode,,",
            "phase decode contradicts the metric total_tok_s_incl_input",
        ),
        ("ttft_ms,9,vLLM,,decode-only,", "ttft_ms of a system with pools is not predicted"),
        ("e2e_s,9,vLLM,,disaggregated,4", "e2e_s of a system with pools is not predicted"),
        ("tpot_ms,9,vLLM,,prefill pool,", "a pool that only prefills is not predicted"),
        ("input_tok_s_total,900,vLLM,prefill,,", "a pool that only prefills is not predicted"),
        ("input_tok_s_total,900,vLLM,decode,,", "a pool that only decodes has no prompt tokens"),
        ("tpot_ms,9,vLLM,,agregated,", "serving: unknown 'agregated'; did you mean 'aggregated'"),
        ("tpot_ms,9,vLLM,,disaggregated,", "disaggregated: neither decode_chips nor the layout"),
    ],
)
def test_what_cannot_be_said_of_a_row_is_refused(tmp_path: Path, cells: str, why: str) -> None:
    line = f"h100,llama3.1-8b,fp8,8,,,64,,1024,256,{cells}"
    (refused,) = predicted(tmp_path, line, head=f"{HEAD},phase,serving,decode_chips").refused
    assert refused.reason.startswith(why)


def test_every_spelling_leads_to_a_name_that_can_be_read() -> None:
    assert phase("Decode-Only") == "decode"
    assert phase("e2e") == "both"
    assert {serving(name.upper()) for name in SERVINGS} == set(SERVINGS)
    assert unreadable("", "", "tpot_ms", "tpot") == ""


def test_no_row_of_the_bundled_table_is_taken_as_a_pool() -> None:
    """Its `phase` follows from the metric, and all its rates hold prompts, as its README says."""
    rows = read_rows(find_table("published", CATALOG))
    assert {(r.kind == "static", r.mode) for r in rows} == {(True, "static"), (False, "aggregated")}
    assert not any(r.assumed for r in rows)


def test_rows_of_an_llm_that_denoises_blocks_are_refused(tmp_path: Path) -> None:
    found = predicted(tmp_path, "h100,llada2.0-mini,fp8,1,1,1,8,static,512,128,tpot_ms,5,vLLM")
    assert [r.reason for r in found.refused] == [
        "llada2.0-mini denoises blocks, whose size and passes no column states"
    ]
