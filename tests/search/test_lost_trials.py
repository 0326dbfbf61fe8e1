"""Results are never replaced by those of a storage that holds fewer trials than they count."""

import shutil
from pathlib import Path

import pytest
from said import call
from studies_for_tests import write_study

import dse

TRIALS = 4


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    dse.run(str(write_study(folder / "studies")), out=folder / "out", trials=TRIALS)
    return folder


@pytest.fixture
def folder(tmp_path: Path, made: Path) -> Path:
    """A study with results, for each test its own copy."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


def _arguments(folder: Path, *more: object) -> tuple[object, ...]:
    return "run", folder / "studies" / "small" / "study.yaml", "--out", folder / "out", *more


def _run(folder: Path, trials: int, *, storage: str | None = None, fresh: bool = False) -> int:
    """The number of new trials."""
    path = str(folder / "studies" / "small" / "study.yaml")
    return dse.run(path, out=folder / "out", trials=trials, storage=storage, fresh=fresh).new_trials


def _kept(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix in (".csv", ".json")}


def _cut(folder: Path) -> None:
    """As where a copy was interrupted: in the line that holds the question."""
    path = folder / "out" / "study.journal"
    raw = path.read_bytes()
    path.write_bytes(raw[: raw.index(b"dse:question") + 500])


def _deleted(folder: Path) -> None:
    with (folder / "out" / "study.journal").open("ab") as file:
        file.write(b'{"op_code":1,"worker_id":"x","study_id":0}\n')


def _gone(folder: Path) -> None:
    (folder / "out" / "study.journal").unlink()


def _last_trial_cut(folder: Path) -> None:
    path = folder / "out" / "study.journal"
    raw = path.read_bytes()
    path.write_bytes(raw[: raw.rindex(b'{"op_code":4') + 50])


@pytest.mark.parametrize("damage", [_cut, _deleted, _gone, _last_trial_cut])
def test_a_storage_with_fewer_trials_replaces_no_results(folder: Path, damage: object) -> None:
    before = _kept(folder / "out")
    damage(folder)  # type: ignore[operator]
    left = TRIALS - 1 if damage is _last_trial_cut else 0
    manifest, journal = folder / "out" / "manifest.json", folder / "out" / "study.journal"
    said = call(*_arguments(folder))
    assert said.code == 2
    assert f"{manifest}: counts {TRIALS} trials, and journal:{journal} holds {left} of this study" in said.err
    assert "--fresh" in said.err
    assert _kept(folder / "out") == before
    _run(folder, 2, fresh=True)
    assert _kept(folder / "out" / "previous-0001") == before


def test_a_cut_line_is_reported_with_its_place(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    _cut(folder)
    path = folder / "out" / "study.journal"
    raw = path.read_bytes()
    whole = raw.rindex(b"\n") + 1
    call(*_arguments(folder))
    (said,) = caplog.messages
    line = raw.count(b"\n") + 1
    assert said.startswith(f"{path}:{line}: expected the end of the last line, got the end of the file")
    assert f"its {len(raw) - whole:,} bytes are removed" in said
    assert said.endswith(f"{line - 1} lines before it")


@pytest.mark.parametrize("url", ["memory:", "sqlite:///{folder}/x.db"])
def test_another_storage_replaces_no_results_either(folder: Path, url: str) -> None:
    before = _kept(folder / "out")
    storage = ("--storage", url.format(folder=folder))
    call(*_arguments(folder, *storage)).refused(f"counts {TRIALS} trials", "holds 0 of this study")
    assert _kept(folder / "out") == before


def test_a_run_in_memory_can_be_repeated(folder: Path) -> None:
    for fresh in (True, False):
        assert _run(folder, TRIALS - 1, storage="memory:", fresh=fresh) == TRIALS - 1


def test_without_a_manifest_the_search_goes_on(folder: Path) -> None:
    (folder / "out" / "manifest.json").unlink()
    assert _run(folder, TRIALS + 1) == 1


def test_a_smaller_budget_loses_nothing(folder: Path) -> None:
    assert _run(folder, 2) == 0
