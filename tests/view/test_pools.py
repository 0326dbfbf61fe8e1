"""Pages of studies of pools are live: stored pairs, and those of a run that has not ended."""

import json
from pathlib import Path

import yaml
from studies_for_tests import small
from wsgi_calls import called

from dse.front.files import load_front
from dse.question.pools.study import PooledStudy, load_question
from dse.report.page.html import Html
from dse.search.pairs.driver import sweep_pairs
from dse.search.pairs.run import run_pairs
from dse.view.app import View
from dse.view.live import LiveStudy
from dse.view.studies import Studies


def study_in(folder: Path) -> PooledStudy:
    chips = {
        "prefill": {"chips": ["h100-sxm"]},
        "decode": {"chips": ["h200-sxm", "b200-sxm"]},
        "link": "25 GB/s, 5 us",
    }
    data = {**small(space=None, baselines=None), "pools": chips, "sampler": {"name": "random"}}
    path = folder / "studies" / "small" / "study.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump({**data, "settings": {"workload/article.prefill_load": 0.8}}))
    study = load_question(str(path))
    assert isinstance(study, PooledStudy)
    return study


def test_swept_pairs_have_a_page_and_a_place_in_the_index(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    sweep_pairs(study, out=tmp_path / "results" / "small")
    studies = Studies(tmp_path / "results")
    studies.add(LiveStudy("small", tmp_path / "results" / "small", None, str(study.path)))
    (found,) = studies.all().values()
    shown = found.state(Html(""), (), "")
    assert shown.page is not None and shown.text == "stored results"
    assert "of the pair h100-sxm | " in shown.answer
    assert "Every value that the answer depends on" in shown.page


def test_a_run_of_pairs_is_shown_while_it_goes_on(tmp_path: Path) -> None:
    study, out = study_in(tmp_path), tmp_path / "results" / "small"
    run_pairs(study, trials=2, out=out)
    written = load_front(out)
    for name in ("manifest.json", "front.csv", "baselines.csv", "at_targets.csv"):
        (out / name).unlink(missing_ok=True)
    live = LiveStudy("small", out, None, str(study.path))
    first = live.state(Html(""), (), "")
    assert first.text == "searching: 2 trials so far"
    assert first.page is not None and f"{len(written.frame):,} pairs on the front" in first.page
    assert "figure-progress" in first.page


def test_the_dashboard_of_optuna_has_runs_of_pairs(tmp_path: Path) -> None:
    study, out = study_in(tmp_path), tmp_path / "results" / "small"
    run_pairs(study, trials=2, out=out)
    app = View(Studies(tmp_path / "results")).app
    (listed,) = json.loads(called(app, "/api/studies").body)["study_summaries"]
    assert listed["study_name"] == "small"
    detail = json.loads(called(app, "/api/studies/0").body)
    assert len(detail["trials"]) == 2 and detail["best_trials"]
    assert {p["name"] for trial in detail["trials"] for p in trial["params"]} == {
        "decode.chip",
        "tpot_target",
    }
