"""The same question asked in six ways gives the same number, whatever the lists and the order of a study."""

from pathlib import Path
from typing import Any

import pytest
from studies_for_tests import small, write_study

import dse
from dse.decide.compare.chips import compare
from dse.decide.propose.candidates import of_baselines
from dse.decide.scenario.scenario import Scenario, costs_of
from dse.decide.verdict.filtered_front import filtered
from dse.front.files import load_front
from dse.front.query import where
from dse.question.resolved_study import load_study
from dse.report.words.answer import answer
from dse.search.run.runner import run
from dse.search.trials.read_trials import reading, stored_trials

ANY: dict[str, Any] = {"mode": "solve"}
FIVE = (
    # chip, weights, price, TPOT
    ("rtx-4090", "int8", "listed", 20e-3),
    ("rtx-4090", "int8", "listed", 50e-3),
    ("h100-sxm", "int8", "unit-cost", 20e-3),
    ("h200-sxm", "fp16", "listed", 50e-3),
    ("groq-lpu-v1", "int8", "unit-cost", 5e-3),
)


def formats(name: str) -> dict[str, str]:
    return {"weights": name, "kv": name, "activations": name}


def study(folder: Path, name: str, weights: str, price: str, **changes: Any) -> Path:
    """A study of all chips of one price and format at three targets, without lists."""
    chips = sorted({c for c, w, p, _ in FIVE if (w, p) == (weights, price)})
    asked = {
        "space": None,
        "baselines": chips,
        "report_at": ["5 ms", "20 ms", "50 ms"],
        "deployment": ANY,
        "precision": formats(weights),
        "price": {"method": price},
        "budget": {"trials": 5},
    }
    return write_study(folder, name, **{**asked, **changes})


@pytest.fixture(scope="module")
def fronts(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], tuple[Any, Any]]:
    """For each price and format the front of a run, and that of another study as `dse front` reads it."""
    folder, found = tmp_path_factory.mktemp("answers"), {}
    for _, weights, price, _ in FIVE:
        if (weights, price) not in found:
            one, two = (f"{n}-{weights}-{price}" for n in ("one", "two"))
            first = run(str(study(folder, one, weights, price)), out=folder / one).front
            swapped = {
                "objectives": ["tpot", "usd_per_token_per_second"],
                "report_at": ["50 ms", "20 ms", "5 ms"],
                "baselines": ["h100-sxm", "groq-lpu-v1", *(["rtx-4090", "h200-sxm"] * (price == "listed"))],
            }
            run(str(study(folder, two, weights, price, **swapped)), out=folder / two)
            found[weights, price] = first, load_front(folder / two)
    return found


@pytest.mark.parametrize(("chip", "weights", "price", "tpot"), FIVE)
def test_six_ways_of_asking_agree(
    fronts: Any, chip: str, weights: str, price: str, tpot: float, tmp_path: Path
) -> None:
    told = [_of_front(front, chip, tpot) for front in fronts[weights, price]]
    asked: dict[str, Any] = {
        "llm": "llama2-70b",
        "workload": "article",
        "weights": weights,
        "price_method": price,
    }
    compared = compare([chip], **asked, targets=[tpot]).chips[0].best[0]
    assert compared is not None
    held = tmp_path / "article-held.yaml"
    text = (load_study("groq-vs-h100").setting.catalog.folders[-1] / "workloads" / "article.yaml").read_text()
    held.write_text(
        text.replace("name: article", "name: article-held") + f'\ntargets: {{tpot: "{tpot} s"}}\n'
    )
    estimated = dse.estimate(chip, **{**asked, "workload": str(held)})
    assert estimated.feasible
    question = load_study(str(study(tmp_path, "turned", weights, price)))
    turned = costs_of(
        [Scenario(study=question, limits={"tpot": tpot})],
        [c for c in of_baselines(question) if c.label == chip],
    )
    every = [
        *told,
        float(turned[0, 0]),
        compared.metrics["usd_per_token_per_s"],
        estimated.metrics["usd_per_token_per_s"],
    ]
    assert every == pytest.approx([every[0]] * len(every), rel=1e-3)


def _of_front(front: Any, chip: str, tpot: float) -> float:
    found = answer(front)
    at = [row["target_tpot_s"] for row in found.best].index(pytest.approx(tpot))
    return float(found.baselines[chip][at])


@pytest.mark.parametrize("mode", ["solve", "search"])
def test_the_order_of_objectives_changes_no_best_design(mode: str, tmp_path: Path) -> None:
    layouts = {**small()["deployment"], "mode": mode}
    goals = ["usd_per_token_per_second", "tpot"]
    fronts = []
    for name, order in (("straight", goals), ("swapped", goals[::-1])):
        changes = {"objectives": order, "deployment": layouts, "report_at": ["5 ms", "20 ms", "50 ms"]}
        path = write_study(tmp_path, name, **changes)
        fronts.append(run(str(path), trials=12, out=tmp_path / f"{name}-out").front)
    straight, swapped = (answer(front) for front in fronts)
    assert straight.objective.name == swapped.objective.name == "usd_per_token_per_second"
    assert _designs(straight.best) == _designs(swapped.best)
    assert straight.baselines == swapped.baselines


def _designs(rows: Any) -> list[Any]:
    return [
        tuple(r.get(k) for k in ("found", "chip", "batch", "tp", "pp", "usd_per_token_per_s")) for r in rows
    ]


def test_a_study_with_several_goals_must_name_one(tmp_path: Path) -> None:
    both = {
        "objectives": ["tokens_per_second", "entry_price"],
        "reference_point": {"tokens_per_second": "1 token/s", "entry_price": "1 USD"},
    }
    path = write_study(tmp_path, "several", **both)
    with pytest.raises(dse.SpecError, match="expected one of entry_price, tokens_per_second"):
        load_study(str(path))
    named = write_study(tmp_path, "named", **both, goal="entry_price")
    assert load_study(str(named)).goal.name == "entry_price"


def test_the_targets_of_a_workload_bind_a_run_until_they_are_lifted(tmp_path: Path) -> None:
    path = str(
        write_study(
            tmp_path,
            "bound",
            workload="chat",
            report_at=["500 ms"],
            targets={"ttft": "5 s"},
            sweep={"objective": "tpot", "low": "1 ms", "high": "1 s"},
        )
    )
    held = load_study(path)
    assert {t.objective.name: t.limit for t in held.targets} == {
        "ttft": 2.0,
        "tpot": 0.2,
    }  # chat's own, tighter
    front = run(held, trials=12, out=tmp_path / "held").front
    assert len(front.frame)
    for table in (front.frame, front.baselines, front.at_targets):
        assert table["ttft_s"].max() <= 2.0
        assert table["tpot_s"].max() <= 0.2
    assert front.manifest["held"] == {"ttft": 2.0, "tpot": 0.2}
    free = held.lifted()
    assert {t.objective.name: t.limit for t in free.targets} == {"ttft": 5.0}


def served(folder: Path, **changes: Any) -> str:
    """A study of chat without its targets."""
    asked = {"workload": "chat", "workload_targets": False, "report_at": ["50 ms"], **changes}
    return str(write_study(folder, "filtered", **asked))


def test_a_filtered_front_is_that_of_a_run_with_the_filter_as_target(tmp_path: Path) -> None:
    question = load_study(served(tmp_path))
    front = run(question, trials=12, out=tmp_path / "out").front
    trials = stored_trials(reading(tmp_path / "out"), question.slug)
    limit = float(front.frame["ttft_s"].median())  # so that the filter leaves something out
    got = filtered(question, front, f"ttft<={limit!r} s", trials)
    assert got.exact
    bound = served(tmp_path / "again", targets={"ttft": f"{limit!r} s"})
    fresh = run(bound, trials=12, out=tmp_path / "fresh").front
    for ours, theirs in ((got.front.frame, fresh.frame), (got.front.at_targets, fresh.at_targets)):
        assert len(ours)
        names = ["chip", "batch", "tp", "pp"]
        assert ours[names].to_numpy().tolist() == theirs[names].to_numpy().tolist()
    picked = front.frame[front.frame["ttft_s"] <= limit]
    assert 0 < len(picked) < len(front.frame)
    least = got.front.frame["usd_per_token_per_s"].min()
    assert least <= picked["usd_per_token_per_s"].min() * (1 + 1e-9)


def test_a_filter_on_what_is_no_objective_finds_what_the_front_does_not_hold(tmp_path: Path) -> None:
    question = load_study(served(tmp_path))
    front = run(question, trials=12, out=tmp_path / "out").front
    trials = stored_trials(reading(tmp_path / "out"), question.slug)
    for text in ("chips<=8", "tp=8 and chips<=64", "branch=dram-only"):
        found = filtered(question, front, text, trials).front.frame
        assert len(where(found, text, front.axes)) == len(found) > 0
        picked = where(front.frame, text, front.axes)
        if len(picked):
            least = found["usd_per_token_per_s"].min()
            assert least <= picked["usd_per_token_per_s"].min() * (1 + 1e-9)
    none = filtered(question, front, "chips<=8", ())
    assert not none.exact  # without trials only the chips of the front are asked again
    assert none.front.frame["chips"].max() <= 8
