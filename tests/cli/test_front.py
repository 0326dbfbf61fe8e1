"""`dse front`: the stored front for people and for programs."""

import csv
import io
import json
import shutil

import pytest

PLAIN = ("--no-verdicts", "--no-intervals")
DRAWN = (
    "p10", "p50", "p90", "probability_best", "probability_meets_target", "tpot_s_p10", "tpot_s_p50",
    "tpot_s_p90",
)  # fmt: skip
"""What `dse front` draws for each design."""


@pytest.fixture
def front(dse, small_run):
    """Without intervals: one test looks at those."""

    def ask(*args):
        return dse("front", "groq-vs-h100", "--out", small_run[0], "--no-intervals", *args)

    return ask


def test_the_table_holds_the_front_the_best_and_the_baselines(front):
    said = front()
    assert said.code == 0
    for words in (
        "The front:",
        "Best $/(token/s) at each TPOT target",
        "of the best design and of the baselines",
        "8 trials",
    ):
        assert words in said.out
    assert max(map(len, said.out.splitlines())) <= 100
    assert "\x1b" not in said.out


def test_json_holds_the_stored_rows_and_their_intervals(dse, small_run):
    data = dse("front", "groq-vs-h100", "--out", small_run[0], "--samples", "16", "--format", "json").json
    assert (data["samples"], all(set(DRAWN) <= set(row) for row in data["front"])) == (16, True)
    shares = {"hypervolume_fraction", "log_hypervolume_fraction", "worst_factor"}
    whole = {"hypervolume", *shares, "exact", "bound", "trials"}
    sure, judged = {"samples", "numbers_drawn"}, {"verdicts", "dependence", "unanchored"}
    judged |= {"price_bases", "ranks_among", "assumed", "listed_grid"}
    tables = {"best", "rivals", "front", "baselines"}
    assert set(data) == {"study", "axes", *whole, *sure, *judged, *tables}
    assert (data["study"], data["trials"]) == ("0001-groq-vs-h100", 8)
    with (small_run[0] / "front.csv").open(newline="") as file:
        stored = list(csv.DictReader(file))
    assert [row["tpot_s"] for row in data["front"]] == [float(row["tpot_s"]) for row in stored]


def test_the_best_at_a_target_is_the_cheapest_row_that_meets_it(front):
    data = front("--format", "json").json
    targets = json.loads(json.dumps([row["target_tpot_s"] for row in data["best"]]))
    assert targets == sorted(targets)
    for row in data["best"]:
        met = [d["usd_per_token_per_s"] for d in data["front"] if d["tpot_s"] <= row["target_tpot_s"]]
        assert row["found"] or not met
        if met:  # solved again on the finer grid, and the smallest system within 1 % of the best
            assert row["usd_per_token_per_s"] <= 1.01 * min(met)


def test_csv_and_parquet_hold_the_same_numbers(front, small_run):
    rows = list(csv.DictReader(io.StringIO(front("--format", "csv").out)))
    with (small_run[0] / "front.csv").open(newline="") as file:
        assert [row["tpot_s"] for row in rows] == [row["tpot_s"] for row in csv.DictReader(file)]


def test_where_keeps_the_rows_that_meet_it(front):
    every = front("--format", "json").json["front"]
    limit = sorted(row["tpot_s"] for row in every)[len(every) // 2]
    kept = front("--where", f"tpot<={1e3 * limit!r} ms", "--format", "json").json["front"]
    assert kept == [row for row in every if row["tpot_s"] <= limit * (1 + 1e-9)]
    assert 0 < len(kept) < len(every)


def test_a_searched_parameter_may_be_bounded_though_baselines_have_none(front):
    every = front("--format", "json").json
    assert "param_sram" not in every["baselines"][0]
    found = front("--where", "tpot<=1 s and sram>=100 MB", "--format", "json").json
    assert found["front"]
    assert all(row["param_sram"] >= 100e6 for row in found["front"])
    assert found["baselines"] == []


def test_where_that_nothing_meets_says_so(front):
    said = front("--where", "chips>1e12")
    assert said.code == 0
    assert "No design on the front meets the condition." in said.out
    assert front("--where", "chips>1e12", "--format", "json").json["front"] == []


def test_an_empty_front_says_that_it_is_empty_and_what_stood_in_the_way(dse, study_with):
    study = study_with(targets={"ttft": "1 ns"})
    assert dse("run", study, *PLAIN, "--trials", "6", "--out", "r").code == 1
    said = dse("front", study, "--out", "r")
    assert said.code == 0
    told = " ".join(said.out.split())
    assert "The front is empty: none of 6 trials is feasible; most often violated: ttft (6 of 6), by" in told
    assert "Violated constraints" in said.out
    assert "meets this" not in said.out
    dse("front", study, "--out", "r", "--where", "ttft=<1 ns").refused("--where: expected one of", "'<='?")


def test_one_design_is_no_designs(dse, study_with):
    study = study_with(deployment={"mode": "solve", "batch": [32], "tp": [8], "pp": [80]})
    told = " ".join(dse("run", study, *PLAIN, "--trials", "1", "--out", "r").out.split())
    assert "1 trial (1 new)" in told
    assert "1 design on the front" in told
    assert "The front: 1 design\n" in dse("front", study, "--out", "r", "--no-intervals").out


def test_every_mistake_in_where_is_told(front):
    said = front("--where", "tpto<=10 ms, tpot<=10 MB")
    said.refused("--where: unknown name 'tpto'", "did you mean 'tpot'", "10 MB")


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_plot_draws_a_picture(front, tmp_path, suffix):
    said = front("--plot", f"picture{suffix}")
    assert said.code == 0
    assert (tmp_path / f"picture{suffix}").stat().st_size > 1000
    assert f"picture: picture{suffix}" in said.err


def test_plot_refuses_another_ending_and_a_place_that_cannot_be_written(front, tmp_path):
    said = front("--plot", "picture.gif")
    said.refused("--plot: expected a picture ending in .png, .svg, .pdf, got 'picture.gif'")
    (tmp_path / "file").write_text("")
    front("--plot", "file/picture.png").refused("--plot: expected a folder that can be written to")


def test_results_that_do_not_exist_are_refused_with_the_way_to_get_them(dse):
    dse("front", "groq-vs-h100", "--out", "nowhere").refused("nowhere", "expected the results of", "dse run")
    dse("front", "groq-vs-h10").refused("STUDY: unknown study", "did you mean 'groq-vs-h100'")


def test_results_of_another_study_are_refused(dse, small_run, study_with):
    dse("front", study_with(), "--out", small_run[0]).refused("expected results of 'mine', got those of")


def test_results_that_were_edited_are_refused(dse, small_run, tmp_path):
    shutil.copytree(small_run[0], tmp_path / "r")
    table = tmp_path / "r" / "front.csv"
    table.write_text(table.read_text().replace("search", "hand", 1))
    dse("front", "groq-vs-h100", "--out", "r").refused("r/front.csv: expected the table that manifest.json")


def test_the_results_that_came_with_a_study_are_shown_when_there_are_none_of_ones_own(
    dse, small_run, tmp_path
):
    from dse.spec.catalog.config_paths import bundled

    own = tmp_path / "studies" / "0001-groq-vs-h100"
    own.mkdir(parents=True)
    (own / "study.yaml").write_bytes((bundled("studies") / own.name / "study.yaml").read_bytes())
    for name in ("front.csv", "baselines.csv", "at_targets.csv", "manifest.json"):
        (own / name).write_bytes((small_run[0] / name).read_bytes())
    said = dse("front", own, "--no-intervals", "--format", "json")
    assert said.code == 0
    assert said.json["trials"] == 8
    assert "no results of your own in results/0001-groq-vs-h100" in said.err
