"""A mended title, question or report setting is the same question: runs go on with it, and reports use it."""

import json
from pathlib import Path

import pytest
from said import Said, call
from studies_for_tests import write_study

from dse.front.files import load_front
from dse.question.resolved_study import load_study
from dse.question.substance import changed_since
from dse.search.run.runner import run
from dse.spec.catalog.config_paths import bundled

WORDS = {"title": "A better title", "question": "Which one, then?", "short": "as asked"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reworded")
    run(str(write_study(folder)), trials=6, out=folder / "out")
    return folder


def older(folder: Path, out: Path) -> Path:
    """The results as a version stored them that knew no digests without words."""
    out.mkdir()
    for name in ("front.csv", "baselines.csv", "at_targets.csv", "study.journal"):
        (out / name).write_bytes((folder / "out" / name).read_bytes())
    manifest = json.loads((folder / "out" / "manifest.json").read_text())
    del manifest["substance"]
    (out / "manifest.json").write_text(json.dumps(manifest))
    return out


def front(study: Path, out: Path) -> Said:
    return call("front", study, "--out", out, "--no-intervals")


def test_a_run_goes_on_under_new_words_and_stores_them(made: Path, tmp_path: Path) -> None:
    out = older(made, tmp_path / "out")
    reworded = write_study(tmp_path, **WORDS, report_at=["5 ms", "20 ms"], tolerance=0.02)
    assert run(str(reworded), trials=8, out=out).new_trials == 2
    manifest = load_front(out).manifest
    assert (manifest["title"], manifest["targets"]) == (WORDS["title"], {"tpot": [0.005, 0.02]})
    # and back again: what was stored first is compared by its substance too
    assert run(str(write_study(tmp_path)), trials=8, out=out).new_trials == 0


@pytest.mark.parametrize("before", ["today", "older"])
def test_a_front_is_told_in_new_words_and_is_not_out_of_date(made: Path, tmp_path: Path, before: str) -> None:
    out = made / "out" if before == "today" else older(made, tmp_path / "out")
    said = front(write_study(tmp_path, **WORDS, report_at=["20 ms"]), out)
    assert WORDS["title"] in said.out and "20.0 ms" in said.out and "10.0 ms" not in said.out
    assert "changed since" not in said.err


@pytest.mark.parametrize("before", ["today", "older"])
def test_another_workload_is_said_by_front_and_plot_on_stderr(
    made: Path, tmp_path: Path, before: str
) -> None:
    out = made / "out" if before == "today" else older(made, tmp_path / "out")
    changed = write_study(tmp_path, workload="chat")
    said = [front(changed, out), call("plot", changed, "front", "--out", out, "-o", tmp_path / "front.svg")]
    for each in said:
        assert each.code == 0 and "changed since" not in each.out
        assert "study, workload/article, workload/chat changed since the front was stored" in each.err
    machine = call("front", changed, "--out", out, "--format", "json", "--samples", "2")
    assert machine.json["front"] and "changed since" in machine.err


def test_a_number_of_a_config_counts_and_a_note_of_it_does_not(made: Path, tmp_path: Path) -> None:
    own = tmp_path / "own" / "chips"
    own.mkdir(parents=True)
    text = (bundled("configs") / "chips" / "h100-sxm.yaml").read_text(encoding="utf-8")
    manifest = load_front(made / "out").manifest
    study = write_study(tmp_path)
    for now, changed in (
        (text.replace("title: ", "title: The famous "), []),
        (text.replace('"3350 GB/s"', '"3360 GB/s"'), ["chip/h100-sxm"]),
    ):
        assert now != text
        (own / "h100-sxm.yaml").write_text(now, encoding="utf-8")
        assert changed_since(load_study(str(study), tmp_path / "own"), manifest) == changed
