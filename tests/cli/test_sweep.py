"""`dse sweep`, and a front beside the exact one."""

import json
import re
import shutil

import pytest

PLAIN = ("--no-verdicts", "--no-intervals")
GRID = "peak_flops=3,sram=3,sram_bandwidth_per_byte=2,link_bandwidth=2,dram_stacks=2"


@pytest.fixture(scope="module")
def swept(tmp_path_factory, dse):
    out = tmp_path_factory.mktemp("swept") / "exact"
    return out, dse("sweep", "groq-vs-h100", "--grid", GRID, "--out", out)


def test_it_tells_the_exact_answer_and_leaves_the_files_of_a_run(swept):
    out, said = swept
    assert said.code == 0, said.err
    for words in (
        "Best $/(token/s) at each TPOT target",
        "120 chips in 3,168 deployments",
        "on the exact front",
    ):
        assert words in " ".join(said.out.split())
    names = {p.name for p in out.iterdir()}
    assert names >= {"front.csv", "baselines.csv", "manifest.json", "front.png", "sweep.sqlite"}


def test_the_manifest_says_what_was_swept(swept):
    told = json.loads((swept[0] / "manifest.json").read_text())
    assert told["sweep"]["points"] == 120 * 3168
    assert told["sweep"]["grid"]["dram-only"] == {"peak_flops": 3, "dram_stacks": 2, "link_bandwidth": 2}
    assert "trials" not in told


def test_a_run_is_held_against_the_sweep_of_the_same_problem(dse, swept, small_run):
    exact, _ = swept
    run, _ = small_run

    def front(*words):
        return dse("front", "groq-vs-h100", "--no-intervals", "--out", *words)

    found = front(run, "--exact", exact, "--format", "json").json
    whole = front(exact, "--format", "json").json
    assert found["hypervolume_fraction"] == found["hypervolume"] / whole["hypervolume"]
    assert [whole[k] for k in ("hypervolume_fraction", "log_hypervolume_fraction", "worst_factor")] == [
        1.0
    ] * 3
    assert 0.0 < found["log_hypervolume_fraction"] <= 1.0
    factors = []
    for wanted in whole["front"]:
        ratios = [
            max(row["tpot_s"] / wanted["tpot_s"], row["usd_per_token_per_s"] / wanted["usd_per_token_per_s"])
            for row in found["front"]
        ]
        factors.append(min(ratios))
    assert found["worst_factor"] == pytest.approx(max(factors), rel=1e-12)
    said = front(run, "--exact", exact)
    assert f"of the exact one in {exact}" in " ".join(said.out.split())


def test_a_sweep_of_the_same_problem_is_drawn_behind_by_itself(dse, swept, small_run, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(small_run[0], out)
    asked = ("groq-vs-h100", "--out", out)
    for beside in (False, True):
        if beside:
            shutil.copytree(swept[0], tmp_path / "run-sweep")
        picture, page, other = (tmp_path / name for name in ("front.svg", "page.html", "other.svg"))
        assert dse("plot", *asked[:1], "front", *asked[1:], "-o", picture).code == 0
        assert dse("report", *asked, "-o", page).code == 0
        assert dse("front", *asked, "--no-intervals", "--plot", other, "--format", "json").code == 0
        told = json.loads(re.search(r'id="report-data">(.*?)</script>', page.read_text(), re.DOTALL).group(1))
        assert bool(told["front"]["exact"]["x"]) == beside
        for path in (picture, other):
            assert ("Exact front of the sweep" in path.read_text()) == beside


def test_without_a_sweep_the_fraction_is_null(dse, small_run):
    ask = ("front", "groq-vs-h100", "--out", small_run[0], "--no-intervals")
    found = dse(*ask, "--format", "json").json
    assert (found["hypervolume_fraction"], found["worst_factor"], found["exact"]) == (None, None, None)
    assert found["hypervolume"] > 0


def test_a_sweep_of_another_problem_is_no_yardstick(dse, swept, study_with, tmp_path):
    own = study_with(workload="chat", space="lpu-or-hbm")
    assert dse("run", own, *PLAIN, "--trials", "6", "--out", tmp_path / "mine").code in (0, 1)
    dse("front", own, "--out", tmp_path / "mine", "--exact", swept[0]).refused(
        "--exact", "for the same study"
    )


def test_where_only_a_sweep_was_made_its_front_is_shown(dse):
    assert dse("sweep", "groq-vs-h100", "--grid", GRID).code == 0
    said = dse("front", "groq-vs-h100", "--no-intervals")
    assert "380,160 points; hypervolume of the whole front" in " ".join(said.out.split())


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ("sram", ("--grid", "expected NAME=N", "'sram'")),
        ("sram=x", ("--grid", "expected NAME=N", "'sram=x'")),
        ("srm=3", ("--grid", "unknown parameter 'srm'", "sram")),
        ("sram=1", ("--grid", "sram: expected at least 2 values, got 1")),
        ("sram=0", ("--grid", "sram: expected at least 2 values, got 0")),
        ("sram=3,sram=4", ("--grid", "expected each parameter once, got sram=3 and sram=4")),
        ("=3", ("--grid", "expected NAME=N", "'=3'")),
        ("", ("--grid", "expected NAME=N such as sram=33, got ''")),
        (" ,", ("--grid", "expected NAME=N such as sram=33, got ' ,'")),
    ],
)
def test_a_wrong_grid_is_told(dse, grid, words):
    dse("sweep", "groq-vs-h100", "--grid", grid).refused(*words)


def test_a_wrong_backend_is_told(dse):
    dse("sweep", "groq-vs-h100", "--backend", "torch").refused("--backend", "jax, numpy", "'torch'")


def test_a_study_without_a_space_has_nothing_to_sweep(dse, study_with):
    own = study_with(space=None, cases={})
    dse("sweep", own).refused("expected a space of chips to sweep")


def test_nothing_feasible_is_exit_code_1(dse, study_with, tmp_path):
    own = study_with(targets={"tpot": "1 ns"}, cases={})
    said = dse("sweep", own, "--grid", GRID, "--out", tmp_path / "none")
    assert said.code == 1
    assert "expected a feasible design, got none of 380,160" in " ".join(said.err.split())


def test_a_log_shows_how_far_a_sweep_and_a_proof_are(dse, tmp_path, monkeypatch):
    monkeypatch.setattr("dse.cli.terminal.log_lines.EVERY", 0.0)
    out = ("--out", tmp_path / "out", "--no-intervals")
    said = dse("sweep", "groq-vs-h100", "--prune", "--grid", "peak_flops=3,sram=3", *out)
    assert re.search(r"of [\d,]+ points settled; the others are at most x[\d.]+ better \(\d+ s\)", said.err)
    said = dse("front", "groq-vs-h100", "--gap", "1", *out)
    assert re.search(r"at most x[\d.]+, [\d,]+ boxes open \(\d+ s\)", said.err)
    assert (
        "points settled"
        not in dse("--quiet", "sweep", "groq-vs-h100", "--prune", "--grid", "sram=3", *out).err
    )
