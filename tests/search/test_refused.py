"""What a runner refuses before it writes, and what it puts aside instead of overwriting."""

import os
from pathlib import Path
from typing import Any, Literal

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from studies_for_tests import write_study

from dse.errors import SpecError
from dse.search.run.runner import run
from dse.search.storage.locks import locked_folder

Direction = Literal["minimize", "maximize"]


def refused(path: Path | str, **options: Any) -> list[str]:
    with pytest.raises(SpecError) as error:
        run(str(path), trials=4, **options)
    return [str(p) for p in error.value.problems]


def foreign(path: Path, directions: list[Direction], trials: int) -> bytes:
    """A journal of somebody else's study that has the name of ours."""
    storage = JournalStorage(JournalFileBackend(str(path)))
    study = optuna.create_study(storage=storage, study_name="small", directions=directions)
    study.optimize(lambda t: [t.suggest_float("x", 0, 1)] * len(directions), n_trials=trials)
    return path.read_bytes()


def test_a_changed_question_is_refused_with_what_differs(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(str(write_study(tmp_path)), trials=5, out=out)
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    changed = write_study(tmp_path, seed=7, workload="chat", report_at=["5 ms"])
    reported = refused(changed, out=out)
    assert "the question of 'small' has changed since it was stored:" in reported[0]
    assert "  study.seed: stored 1, now 7" in reported
    assert "  study.workload: stored article, now chat" in reported
    assert not any("report_at" in t for t in reported)  # that of a report, see test_reworded.py
    assert any(t.startswith("  configs.workload/") for t in reported)
    assert "--fresh" in reported[-1]
    for name in ("front.csv", "baselines.csv", "manifest.json"):
        assert (out / name).read_bytes() == before[name]
    assert run(str(write_study(tmp_path)), trials=5, out=out).new_trials == 0


def test_a_changed_config_is_a_changed_question(tmp_path: Path) -> None:
    from dse.spec.catalog.config_paths import bundled

    out, own = tmp_path / "out", tmp_path / "own" / "chips"
    path = str(write_study(tmp_path))
    run(path, trials=3, out=out)
    own.mkdir(parents=True)
    text = (bundled("configs") / "chips" / "h100-sxm.yaml").read_text(encoding="utf-8")
    (own / "h100-sxm.yaml").write_text(text.replace('"3350 GB/s"', '"3360 GB/s"'), encoding="utf-8")
    reported = refused(path, out=out, configs=tmp_path / "own")
    assert any(
        "configs.chip/h100-sxm.dram.bandwidth.value: stored 3350000000000.0, now 33600" in t for t in reported
    )


def test_another_budget_is_no_other_question(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(str(write_study(tmp_path, budget={"trials": 3})), out=out)
    assert run(str(write_study(tmp_path, budget={"trials": 5, "timeout": "60 s"})), out=out).new_trials == 2


def test_another_sampler_is_another_question(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(str(write_study(tmp_path)), trials=3, out=out)
    reported = refused(write_study(tmp_path), out=out, sampler="nsga2")
    assert "  study.sampler.name: stored random, now nsga2" in reported


def test_fresh_moves_the_old_to_a_backup(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(str(write_study(tmp_path)), trials=5, out=out)
    old = {p.name: p.read_bytes() for p in out.iterdir() if p.name != ".lock"}
    fresh = run(str(write_study(tmp_path, seed=9)), trials=6, out=out, fresh=True)
    assert fresh.new_trials == 6
    assert {p.name: p.read_bytes() for p in (out / "previous-0001").iterdir()} == old
    run(str(write_study(tmp_path)), trials=3, out=out, fresh=True)
    assert {p.name: p.read_bytes() for p in (out / "previous-0001").iterdir()} == old
    assert (out / "previous-0002" / "study.journal").is_file()


def test_fresh_in_an_empty_folder_is_an_ordinary_start(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(str(write_study(tmp_path)), trials=2, out=out, fresh=True).new_trials == 2
    assert not list(out.glob("previous-*"))


def test_fresh_in_a_storage_that_holds_the_study_is_refused(tmp_path: Path) -> None:
    storage, out = f"journal:{tmp_path / 'x.journal'}", tmp_path / "out"
    run(str(write_study(tmp_path)), trials=2, out=out, storage=storage)
    (reported,) = refused(write_study(tmp_path), out=out, storage=storage, fresh=True)
    assert reported.startswith("--fresh: ")
    assert "another --storage keeps both" in reported


def test_fresh_continues_when_an_older_run_was_removed(tmp_path: Path) -> None:
    path, out = str(write_study(tmp_path)), tmp_path / "out"
    for _ in range(3):
        run(path, trials=1, out=out, fresh=True)
    for file in (out / "previous-0001").iterdir():
        file.unlink()
    (out / "previous-0001").rmdir()
    assert run(path, trials=1, out=out, fresh=True).new_trials == 1


def test_two_runs_at_once_in_one_folder_are_refused(tmp_path: Path) -> None:
    path, out = str(write_study(tmp_path)), tmp_path / "out"
    reported: list[str] = []

    def second(finished: int, _wanted: int) -> None:
        if finished == 2:
            reported.extend(refused(path, out=out))

    assert run(path, trials=4, out=out, progress=second).new_trials == 4
    assert reported == [f"{out}: another run uses this folder; wait for it, or give another --out"]
    assert run(path, trials=5, out=out).new_trials == 1  # and the folder is free again


def test_a_folder_is_let_go_when_a_run_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), locked_folder(tmp_path / "out"):
        raise RuntimeError
    with locked_folder(tmp_path / "out"):
        pass


@pytest.mark.parametrize(
    ("content", "reported"),
    [
        ("hello\n", "expected a journal of an Optuna study, got another file"),
        ('{"a": 1}\n', "expected a journal of an Optuna study, got another file"),
        ("{nope\n{}\n", "expected a journal of an Optuna study, got another file"),
        ("{no newline", "expected a journal of an Optuna study, got another file"),
    ],
)
def test_a_text_file_is_no_journal_and_stays_as_it_is(tmp_path: Path, content: str, reported: str) -> None:
    file = tmp_path / "notes.txt"
    file.write_text(content, encoding="utf-8")
    (found,) = refused(write_study(tmp_path), out=tmp_path / "out", storage=f"journal:{file}")
    assert found.startswith(f"{file}: {reported}")
    assert file.read_text(encoding="utf-8") == content


def test_a_text_file_is_reported_once(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("hello\n", encoding="utf-8")
    (found,) = refused(write_study(tmp_path), out=tmp_path / "out", storage=f"journal:{file}")
    assert found.count(str(file)) == 1


@pytest.mark.parametrize(
    ("url", "reported"),
    [
        ("journal:{folder}", "the journal cannot be opened: Is a directory"),
        ("sqlit:///x.db", "--storage: unknown scheme in 'sqlit:///x.db'; did you mean 'sqlite'"),
        ("results/x", "--storage: unknown scheme in 'results/x'"),
    ],
)
def test_a_storage_that_cannot_be_opened_is_reported(tmp_path: Path, url: str, reported: str) -> None:
    (found,) = refused(write_study(tmp_path), out=tmp_path / "out", storage=url.format(folder=tmp_path))
    assert reported in found


def test_a_file_in_place_of_the_results_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    (found,) = refused(write_study(tmp_path), out=tmp_path / "out")
    assert found == f"{tmp_path / 'out'}: expected a folder that can be written, got: File exists"
    assert (tmp_path / "out").read_text(encoding="utf-8") == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_reported(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    (tmp_path / "locked").mkdir(mode=0o500)
    (found,) = refused(path, out=tmp_path / "locked" / "out")
    assert "expected a folder that can be written, got: Permission denied" in found


def test_a_study_of_somebody_else_is_refused(tmp_path: Path) -> None:
    foreign(tmp_path / "x.journal", ["minimize", "minimize"], 2)
    (found,) = refused(
        write_study(tmp_path), out=tmp_path / "out", storage=f"journal:{tmp_path / 'x.journal'}"
    )
    assert "expected a study made by dse, got 'small' of another program" in found
    assert not (tmp_path / "out" / "front.csv").exists()


def test_a_study_of_somebody_else_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "x.journal"
    before = foreign(file, ["minimize", "minimize"], 2)
    refused(write_study(tmp_path), out=tmp_path / "out", storage=f"journal:{file}")
    assert file.read_bytes() == before


def test_a_study_of_somebody_else_with_other_objectives_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.journal"
    before = foreign(file, ["minimize"], 2)
    (found,) = refused(write_study(tmp_path), out=tmp_path / "out", storage=f"journal:{file}")
    assert "got 'small' of another program" in found
    assert file.read_bytes() == before


def test_an_empty_study_of_another_number_of_objectives_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.journal"
    foreign(file, ["minimize"], 0)
    with pytest.raises(SpecError):
        run(str(write_study(tmp_path)), trials=1, out=tmp_path / "out", storage=f"journal:{file}")


def test_an_empty_study_that_maximises_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.journal"
    foreign(file, ["maximize", "minimize"], 0)
    refused(write_study(tmp_path), out=tmp_path / "out", storage=f"journal:{file}")


def test_unknown_options_of_a_sampler_are_reported(tmp_path: Path) -> None:
    path = write_study(tmp_path, sampler={"name": "tpe", "options": {"startup": 1}})
    (found,) = refused(path, out=tmp_path / "out")
    assert "sampler.options: " in found
    assert "'startup'" in found


def test_wrong_values_of_a_samplers_options_are_reported(tmp_path: Path) -> None:
    path = write_study(tmp_path, sampler={"name": "nsga2", "options": {"population_size": 1}})
    with pytest.raises(SpecError, match=r"sampler\.options"):
        run(str(path), trials=1, out=tmp_path / "out")


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_no_generator_takes_is_reported(tmp_path: Path, seed: int) -> None:
    with pytest.raises(SpecError, match="seed"):
        run(str(write_study(tmp_path)), trials=1, seed=seed, out=tmp_path / "out")


def test_the_largest_seed_can_be_resumed(tmp_path: Path) -> None:
    path = str(write_study(tmp_path, seed=2**32 - 1))
    run(path, trials=1, out=tmp_path / "out")
    assert run(path, trials=2, out=tmp_path / "out").new_trials == 1


def test_fresh_continues_next_to_a_folder_that_was_renamed(tmp_path: Path) -> None:
    path, out = str(write_study(tmp_path)), tmp_path / "out"
    run(path, trials=1, out=out)
    (out / "previous-0001-good").mkdir()
    assert run(path, trials=1, out=out, fresh=True).new_trials == 1
