"""Studies of pools on the command line, and sentences from all verbs that do not know them."""

import json
import math
import re

import pytest

STUDY = """
kind: study
name: pair
title: LPUs beside GPUs
question: Which chips should prefill, and which should decode?
llm: opt-30b
workload: chat
precision: {weights: fp8, kv: fp8, activations: fp8}
pools:
  prefill: {chips: [r200, h100]}
  decode: {chips: [lp30, b200], tp: [1, 2, 7, 14]}
  link: 25 GB/s, 5 us
deployment: {mode: solve}
sweep: {objective: tpot, low: 1 ms, high: 200 ms}
report_at: [5 ms, 20 ms]
price: {method: listed}
objectives: [tpot, usd_per_token_per_second]
settings: {workload/chat.prefill_load: 0.8}
budget: {trials: 10}
seed: 1
reference_point: {tpot: 1 s, usd_per_token_per_second: 1000 USD/(token/s)}
"""


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "pair" / "study.yaml"
    path.parent.mkdir()
    path.write_text(STUDY)
    return path


def test_a_study_of_pools_is_checked(dse, study):
    assert dse("check", study).code == 0
    study.write_text(STUDY.replace("h100", "h1000").replace("  link: 25 GB/s, 5 us\n", ""))
    said = dse("check", study)
    assert said.code != 0
    words = " ".join((said.out + said.err).split())
    assert "pools.prefill.chips: unknown chip 'h1000'" in words
    assert "pools.link: expected the network between the pools" in words


def test_a_sweep_tells_the_best_pair_at_each_target(dse, study, tmp_path):
    said = dse("sweep", study, "--out", tmp_path / "out")
    assert said.code == 0, said.err
    words = " ".join(said.out.split())
    for part in (
        "Best pair by $/(token/s)",
        "fleets in their real ratio",
        "on the exact front",
        "were solved again between its steps",
        "(as stated)",
        "no measured row",
    ):
        assert part in words
    told = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert told["grids"]["decode"] == {"chips": 2, "layouts": 960, "points": 1920}
    assert told["pools"]["link"] == {"bandwidth": 25e9, "latency": 5e-6}


def test_bytes_of_two_pools_are_not_said_to_fill_one_chip(dse):
    pools = [part for pool in ("prefill=r200", "decode=h100") for part in ("--pool", f"{pool},tp=1,pp=1")]
    load = ("--llm", "opt-30b", "--workload", "chat", "--weights", "fp8")
    said = dse("estimate", *pools, "--pool-link", "25 GB/s, 5 us", *load)
    assert "What fills one chip of each pool" in said.out and "the fullest chip" not in said.out


def test_a_run_finds_the_same_pairs_and_goes_on_where_it_was(dse, study, tmp_path):
    said = dse("run", study, "--trials", "3", "--out", tmp_path / "out")
    assert said.code == 0, said.err
    words = " ".join(said.out.split())
    for part in ("Best pair by $/(token/s)", "3 trials (3 new) by the sampler tpe", "no measured row"):
        assert part in words
    again = dse("run", study, "--trials", "4", "--out", tmp_path / "out")
    assert "4 trials (1 new)" in " ".join(again.out.split())
    # the four pairs of chips come first, so that all are tried
    swept = dse("sweep", study, "--out", tmp_path / "swept")
    assert _hypervolume(again) == _hypervolume(swept)


def _hypervolume(said):
    return re.search(r"hypervolume ([\d.]+)", said.out).group(1)


@pytest.mark.parametrize("verb", ["sweep", "run"])
def test_pairs_at_unlike_prices_and_of_unanchored_chips_are_not_ranked_together(dse, study, tmp_path, verb):
    said = dse(verb, study, "--out", tmp_path / "out")
    assert said.code == 0, said.err
    # a table for each group of prices; LP30 is sold in systems, and no measurement anchors it
    assert said.out.count("Best pair by $/(token/s), ") >= 3
    tables = said.out.split("Best pair by $/(token/s), ")[1:]
    ranked = [t.split("Limits of every")[0].split("unanchored")[0] for t in tables]
    assert not any("lp30" in t for t in ranked) and any("b200-sxm" in t for t in ranked)
    assert any("unanchored" in t and "lp30" in t for t in tables)
    words = " ".join(said.out.split())
    assert "prices mean different things (prices of systems: prefill.r200, decode.lp30; list and" in words
    assert "unanchored: decode.lp30: No measurement of a chip of NVIDIA/Groq" in words
    assert "--with-unanchored ranks them" in words
    shown = dse("front", study, "--out", tmp_path / "out", "--with-unanchored")
    assert shown.code == 0 and "--with-unanchored" not in shown.out
    assert "unanchored " not in shown.out.split("Limits of every")[0] and "lp30" in shown.out
    again = dse(verb, study, "--out", tmp_path / "out", "--with-unanchored")
    assert shown.out.split("Limits")[0] == again.out.split("Limits")[0]


def test_rows_of_a_front_of_pairs_say_what_they_rank_among(dse, study, tmp_path):
    dse("sweep", study, "--out", tmp_path / "out")
    told = dse("front", study, "--out", tmp_path / "out", "--format", "json").json
    assert told["price_bases"].keys() == {
        "prefill.r200",
        "prefill.h100-sxm",
        "decode.lp30",
        "decode.b200-sxm",
    }
    for row in told["front"]:
        assert row["unanchored"] == (row["decode.chip"] == "lp30")
        same = (row["prefill.chip"] == "r200") == (row["decode.chip"] == "lp30")
        assert ("prices of systems" in row["ranks_among"]) == (row["prefill.chip"] == "r200" or not same)


def test_a_study_of_unanchored_chips_alone_still_shows_its_best(dse, study, tmp_path):
    study.write_text(STUDY.replace("[lp30, b200]", "[lp30]"))
    said = dse("sweep", study, "--out", tmp_path / "out")
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert any(line.startswith("unanchored") and "lp30" in line for line in lines)


def test_a_study_of_chips_runs_and_names_its_cases_of_pools(dse, study, tmp_path):
    pools = STUDY[STUDY.index("pools:") : STUDY.index("deployment:")]
    case = "".join(f"    {line}\n" for line in ("serving: disaggregated", "baselines: []"))
    case += "".join(f"    {line}\n" for line in pools.splitlines())
    alone = STUDY.replace(pools, "serving: decode-only\nbaselines: [h100]\n")
    study.write_text(f"{alone}cases:\n  both:\n    title: two pools\n{case}")
    said = dse("run", study, "--trials", "1", "--no-intervals", "--out", tmp_path / "out")
    assert said.code == 0, said.err
    words = " ".join(said.out.split())
    assert f"Cases of pools are run one by one: {study}/both" in words
    assert sorted(p.name for p in (tmp_path / "out").iterdir() if p.is_dir()) == []


@pytest.mark.parametrize("words", [("--workers", "2"), ("--storage", "memory:"), ("--samples", "5")])
def test_options_of_a_run_that_pools_do_not_know_are_refused(dse, study, words):
    said = dse("run", study, *words)
    assert said.code == 2
    assert f"{words[0]}: expected none for a study of pools" in " ".join(said.err.split())


@pytest.mark.parametrize(
    "words",
    [("--samples", "5"), ("--timeout", "1 s"), ("--memory", "2 GB"), ("--confidence", "0.8"),
     ("--backend", "jax")],
)  # fmt: skip
def test_options_that_pools_do_not_know_are_refused(dse, study, words):
    said = dse("sweep", study, *words)
    assert said.code == 2
    assert f"{words[0]}: expected none for a study of pools" in " ".join(said.err.split())
    assert f"do not know it yet, got {words[-1].split()[0]}" in " ".join(said.err.split())


def test_a_sweep_says_how_many_designs_of_each_pool_it_left_out(dse, study, tmp_path):
    said = dse("sweep", study, "--prune", "--memory", "2 GB", "--out", tmp_path / "pruned")
    assert said.code == 0, said.err
    assert "by the designs that were evaluated (prefill " in " ".join(said.out.split())
    swept = dse("sweep", study, "--out", tmp_path / "every")
    # chips of the catalog are all evaluated, and the answer is the same
    assert said.out.splitlines()[:12] == swept.out.splitlines()[:12]


def test_a_front_of_pairs_says_how_sure_the_best_of_them_are(dse, study, tmp_path):
    out = tmp_path / "out"
    assert dse("sweep", study, "--out", out).code == 0
    told = dse("front", study, "--out", out, "--samples", "4", "--format", "json").json["uncertainty"]
    assert told and all(at["samples"] == 4 and at["layouts"] == "chosen again" for at in told)
    assert all(0.0 <= pair["probability_best"] <= 1.0 for at in told for pair in at["pairs"])
    without = dse("front", study, "--out", out, "--no-intervals", "--format", "json").json
    assert without["uncertainty"] == []
    shown = dse("front", study, "--out", out, "--samples", "4")
    assert "an input of both pools is drawn once" in " ".join(shown.out.split())
    assert "Uncertainty of" not in dse("front", study, "--out", out, "--no-intervals").out


def test_a_worker_refuses_pools_in_a_sentence(dse, study):
    said = dse("worker", study, "--storage", "sqlite:///a.db")
    assert said.code == 2, said.out
    assert "pools: expected single chips, got pools" in " ".join(said.err.split())


def test_a_stored_front_of_pairs_is_shown_filtered_drawn_and_piped(dse, study, tmp_path):
    out = tmp_path / "out"
    swept = dse("sweep", study, "--out", out)
    shown = dse("front", study, "--out", out, "--plot", tmp_path / "front.png")
    assert shown.code == 0, shown.err
    assert shown.out.splitlines()[:12] == swept.out.splitlines()[:12]  # the same answer
    assert (tmp_path / "front.png").stat().st_size > 10_000
    rows = dse("front", study, "--out", out, "--format", "json").json["front"]
    assert len(rows) > 2
    some = [row for row in rows if row["decode.chip"] == "lp30" and row["tpot_s"] <= 5e-3]
    assert 0 < len(some) < len(rows)
    only = ("front", study, "--out", out, "--where", "decode.chip=lp30 and tpot<=5 ms")
    assert dse(*only, "--format", "json").json["front"] == some
    lines = dse(*only, "--format", "csv").out.splitlines()
    assert len(lines) == 1 + len(some)
    assert lines[0].startswith("chip,branch,role,")
    gap = dse("front", study, "--out", out, "--gap", "30 s")
    assert gap.code == 2
    assert "expected prices that all pairs rank by for a proof" in " ".join(gap.err.split())
    none = dse("front", study, "--out", tmp_path / "nothing")
    assert none.code == 2
    assert "expected the results of a study, got no such file" in " ".join(none.err.split())


def test_results_of_another_study_are_refused_and_changed_files_are_named(dse, study, tmp_path):
    out = tmp_path / "out"
    assert dse("sweep", study, "--out", out).code == 0
    assert "changed since" not in dse("front", study, "--out", out).err
    study.write_text(STUDY.replace("25 GB/s", "50 GB/s"))
    words = " ".join(dse("front", study, "--out", out).err.split())
    assert "study changed since the front was stored; `dse sweep pair --fresh` renews it" in words
    other = tmp_path / "other" / "study.yaml"
    other.parent.mkdir()
    other.write_text(STUDY.replace("name: pair", "name: other").replace("[r200, h100]", "[b200]"))
    for words in (["front"], ["explain", "row:1"], ["breakeven", "--x", "tpot"]):
        verb, *rest = words
        said = dse(verb, other, *rest, "--out", out)
        assert said.code == 2
        assert "expected results of 'other', got those of 'pair'" in " ".join(said.err.split())


def test_pairs_that_came_with_a_study_are_shown_before_it_is_swept(dse, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = dse("front", "sram-beside-hbm/apart", "--format", "json")
    assert said.code == 0
    assert "these are the results that came with the study" in " ".join(said.err.split())
    assert {row["chip"] for row in said.json["front"]} >= {"r200 | lp30", "r200 | r200"}


def test_a_study_of_pools_without_results_names_the_verb_that_finds_them(dse, study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = dse("front", study)
    assert said.code == 2
    assert "expected the results of pair, got none. Start with `dse sweep pair`." in " ".join(
        said.err.split()
    )


def test_a_study_is_told_to_set_what_its_way_of_serving_lacks_in_its_settings(dse, study):
    study.write_text(STUDY.replace("settings: {workload/chat.prefill_load: 0.8}\n", ""))
    said = dse("check", study)
    words = " ".join((said.out + said.err).split())
    assert "give it by settings: {workload/chat.NAME: VALUE}" in words


def test_a_short_name_of_the_technology_says_how_to_mean_chips_of_the_catalog(dse, study, tmp_path):
    out = tmp_path / "out"
    # without a search space, which a short name of the technology means
    of_catalog = STUDY.replace("r200, h100", "h100").replace("lp30, b200", "b200")
    study.write_text(of_catalog.replace("method: listed", "method: unit-cost"))
    assert dse("sweep", study, "--out", out).code == 0
    said = dse("breakeven", study, "--x", "wafer cost", "--tpot", "20 ms", "--out", out)
    assert said.code == 2
    assert "technology.nodes.*.wafer_cost is that of all chips" in " ".join(said.err.split())


def test_a_front_of_all_pairs_is_proven_to_be_one(dse, study, tmp_path):
    study.write_text(STUDY.replace("[lp30, b200]", "[h200, b200]").replace("[r200, h100]", "[h200, h100]"))
    out = tmp_path / "out"
    assert dse("sweep", study, "--out", out).code == 0
    shown = dse("front", study, "--out", out, "--gap", "30 s")
    assert shown.code == 0, shown.err
    words = " ".join(shown.out.split())
    assert "Proven: every design of the space" in words
    assert "the pool that prefills is bounded by the least of each of its numbers" in words
    assert "between its steps may be better than the bound" in words
    bound = dse("front", study, "--out", out, "--gap", "30 s", "--format", "json").json["bound"]
    # all pairs of the catalog are on the front; what is left is that no pool has the best of all
    assert 1.0 <= bound["factor"] < 1.5 and bound["ended"] == "done"
    assert all(at["bound"] <= at["best"] for at in bound["at"] if at["best"] is not None)


PAIR = ("--pool", "prefill=h200", "--pool", "decode=b200")
ASKED = ("--llm", "llama2-70b", "--workload", "article", "--weights", "int8", "--no-intervals")


def test_an_estimate_of_a_fleet_says_what_the_smallest_whole_system_costs(dse):
    pools = ("--pool", "prefill=h200,tp=1,pp=1", "--pool", "decode=b200,tp=1,pp=1,batch=16")
    asked = (*pools, "--llm", "llama2-70b", "--workload", "article", "--weights", "int8", "--no-targets")
    found = dse("estimate", *asked, "--format", "json").json
    prefill, decode = (pool["chips"] for pool in found["pools"])
    assert prefill % 1.0 and decode == 1.0
    # one chip a replica, so that whole replicas are whole chips, each at its price and with a port
    whole = math.ceil(prefill) + 1
    assert found["smallest_system"]["chips"] == whole
    capex = found["ledgers"]["capex_usd"]
    of_prefill = sum(usd for part, usd in capex.items() if part.startswith("prefill."))
    usd = found["metrics"]["capex_usd"] + of_prefill * (math.ceil(prefill) / prefill - 1.0)
    assert found["smallest_system"]["capex_usd"] == pytest.approx(usd, rel=1e-12)
    told = f"a fleet in its real ratio; the smallest whole system has {whole} chips"
    assert f"chips ({told} for {usd:,.0f} USD)" in " ".join(dse("estimate", *asked).out.split())
    one = dse("estimate", *asked, "--set", "pools=system")
    assert "in its real ratio" not in one.out and f"{whole} chips; weights" in " ".join(one.out.split())
    both = dse("compare", "h100", *asked, "--targets", "1 s", "--no-intervals", "--serving", "aggregated")
    assert f"is {told}" in " ".join(both.out.split())


def test_compare_ranks_a_system_beside_single_chips_in_one_table(dse):
    asked = ("--price-method", "unit-cost", "--targets", "30 ms", "--serving", "aggregated")
    words = ("compare", "h100", *PAIR, *ASKED, *asked)
    said = dse(*words)
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    rows = [line for line in lines if line.startswith(("h100-sxm ", "h200-sxm | b200-sxm"))]
    assert len([r for r in rows if "1 x" in r or "x 1" in r]) >= 2
    told = dse(*words, "--format", "json").json
    (system,) = told["systems"]
    best = system["best"][0]
    assert best["metrics"]["tpot_s"] <= 30e-3
    assert told["winners"][0][system["ranks_among"]] in ("h100-sxm", "h200-sxm | b200-sxm")
    csv = dse(*words, "--format", "csv").out.splitlines()
    assert len(csv) == 3 and csv[2].startswith("h200-sxm | b200-sxm,pools,0.03,")


def test_compare_says_where_the_number_is_that_a_system_is_served_unlike_the_chips(dse):
    pools = ("--pool", "attention=h200", "--pool", "ffn=b200", "--no-targets")
    asked = ("--price-method", "unit-cost", "--targets", "30 ms")
    words = ("compare", "h100", *pools, *ASKED, *asked, "--serving", "aggregated")
    said = dse(*words)
    assert said.code == 0, said.err
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert any(line.startswith("TPOT within 30.0 ms, ") and "served decode-only" in line for line in lines)
    answers = [line for line in lines if line.startswith("Within 30.0 ms, ")]
    assert len(answers) == 2 and sum("served decode-only, h200-sxm | b200-sxm is" in a for a in answers) == 1
    text = " ".join(lines)
    assert "not ranked against the single chips, which pay for prompts; --serving decode-only" in text
    assert "prices mean different things" not in text
    csv = dse(*words, "--format", "csv").out.splitlines()
    assert len(csv) == 3 and "served decode-only" in csv[2] and "served" not in csv[1]
    alike = dse(*words[:-1], "decode-only")
    assert alike.code == 0 and "served decode-only," not in alike.out


@pytest.mark.parametrize(
    "words", [("--tp", "8"), ("--confidence", "0.8"), ("--plot", "a.png"), ("--stack", "ideal")]
)
def test_options_of_compare_that_would_be_of_chips_alone_are_refused(dse, words):
    said = dse("compare", "h100", *PAIR, *ASKED, *words)
    assert said.code == 2
    assert f"{words[0]}: expected none with --pool" in " ".join(said.err.split())


def test_a_link_without_pools_is_refused(dse):
    said = dse("compare", "h100", *ASKED, "--pool-link", "nvlink6-72")
    assert said.code == 2 and "--pool-link: expected --pool with it, got none" in said.err
