"""Results folders that somebody has damaged or forged: a sentence with the place, never a stack trace."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hostile.damage import damaged, right_digests
from said import call
from studies_for_tests import write_study
from wsgi_calls import called

from dse.errors import ResultsError
from dse.front.files import load_front
from dse.view.app import View
from dse.view.live import LiveStudy
from dse.view.studies import Studies

SEEDS = int(os.environ.get("DSE_DAMAGED_FOLDERS", "120"))
"""Folders that are damaged; with `DSE_DAMAGED_FOLDERS=5000` in the environment more are tried."""
USED = max(12, SEEDS // 10)
"""Of those that can be read, how many a verb is tried on; it takes a second."""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    study = write_study(folder, budget__trials=30, sampler={"name": "pareto"})
    assert call("run", study, "--out", folder / "out", "--no-intervals", "-q").code == 0
    return folder


@pytest.fixture(scope="module")
def tried(good: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[str, Path]]]:
    """What was done to each folder, and the folder."""
    root = tmp_path_factory.mktemp("bad")
    found = []
    for seed in range(SEEDS):
        folder = root / str(seed)
        shutil.copytree(good / "out", folder)
        found.append((f"seed {seed}: {damaged(Random(seed), folder)}", folder))
    yield found
    shutil.rmtree(root)


def readable(folder: Path) -> bool:
    try:
        load_front(folder)
    except ResultsError:
        return False
    return True


def test_a_damaged_folder_is_read_or_refused_with_its_file(tried: list[tuple[str, Path]]) -> None:
    refused = 0
    for done, folder in tried:
        try:
            load_front(folder)
        except ResultsError as error:
            refused += 1
            assert str(error).startswith(str(folder)) and "\n" not in str(error), f"{done}: {error}"
    assert SEEDS / 4 < refused < SEEDS


def test_every_verb_answers_or_refuses_in_words(
    tried: list[tuple[str, Path]], good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = good / "small" / "study.yaml"
    chip = str(load_front(good / "out").frame["chip"].iloc[0])
    verbs = (
        ("front", "--no-intervals"),
        ("front", "--format", "json", "--samples", "4"),
        ("explain", chip),
        ("plot", "binds", "-o", "x.svg"),
        ("front", "--where", "tpot<=10 ms", "--no-intervals"),
        ("breakeven", "--x", "wafer cost", "--points", "2"),
        ("propose", "-o", f"{tmp_path.name}.yaml"),
        ("report", "-o", "x.html"),
    )
    used = [(done, folder) for done, folder in tried if readable(folder)][:USED]
    for i, (done, folder) in enumerate(used):
        name, *options = verbs[i % len(verbs)]
        Path(f"{tmp_path.name}.yaml").unlink(missing_ok=True)
        try:
            said = call(name, study, *options, "--out", folder)
        except Exception as error:
            raise AssertionError(f"{done}: {name}") from error
        assert said.code in (0, 1, 2), done
        assert said.code == 0 or said.err.strip(), done


def test_no_damaged_folder_hides_another_one_in_view(
    tried: list[tuple[str, Path]], good: Path, tmp_path: Path
) -> None:
    for name, source in (("good", good / "out"), *((folder.name, folder) for _, folder in tried[:24])):
        shutil.copytree(source, tmp_path / name, symlinks=True, copy_function=_copied)
    studies = Studies(tmp_path)
    studies.add(LiveStudy("mine", tmp_path / "good", None, str(good / "small" / "study.yaml")))
    site = View(studies).app
    while "being read" in (index := called(site, "/").body.decode()):
        pass
    assert "cannot be shown" in index
    listed = list(studies.all())
    # those with a readable manifest of their own, and those that go by their path
    assert "mine" in listed and len(listed) > 15
    for slug in listed:
        assert called(site, f"/studies/{slug}").status == "200 OK"
        assert called(site, f"/studies/{slug}/status.json").status == "200 OK"
    page = called(site, "/studies/mine").body.decode()
    assert "A small question" in page and "cannot be shown" not in page


def _copied(source: str, target: str) -> str:
    if Path(source).is_file():  # pipes cannot be copied
        shutil.copy(source, target, follow_symlinks=False)
    return target


def forged(good: Path, folder: Path, table: str, old: str, new: str) -> Path:
    """A copy of good results in which a cell was replaced and the digest made right."""
    shutil.copytree(good / "out", folder)
    path = folder / table
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    right_digests(folder)
    return folder


@pytest.mark.parametrize("cell", ["x", "inf", "nan", "1e999", "", "1_0", " 1", "٣"])
def test_a_cell_is_named_with_its_line_and_what_is_whole(good: Path, tmp_path: Path, cell: str) -> None:
    frame = load_front(good / "out").frame
    text = (good / "out" / "front.csv").read_text().splitlines()[2]
    at = list(frame.columns).index("tpot_s")
    cells = text.split(",")
    folder = forged(good, tmp_path / "x", "front.csv", text, ",".join([*cells[:at], cell, *cells[at + 1 :]]))
    with pytest.raises(ResultsError) as caught:
        load_front(folder)
    said = str(caught.value)
    assert said.startswith(f"{folder}/front.csv:3: column tpot_s: expected ")
    assert "The 1 rows before it are whole" in said and "study.journal" in said


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("[" * 100_000, "levels"),
        ('{"format": "dse-front-1", "format": "dse-front-1"}', "the key 'format' twice"),
        ('{"a":\n NaN}', "the number NaN"),
        ('{"a": ' + "9" * 5000 + "}", "plain data"),
        ('{"a": 1' + "0" * 50 + "}", "a: expected a whole number of at most 1e40"),
        ('{"a": {"b": 1e999}}', "a.b: expected a finite number"),
        ('{\n"a": 1,\n}', "manifest.json:3: expected JSON"),
        ('{"a": "\\ud800"}', "a: expected text"),
    ],
)
def test_a_manifest_is_plain_data_of_bounded_size(tmp_path: Path, text: str, reported: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ResultsError) as caught:
        load_front(tmp_path)
    assert reported in str(caught.value) and len(str(caught.value)) < 500
