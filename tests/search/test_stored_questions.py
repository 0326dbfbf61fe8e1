"""What a stored study answers, compared field by field; its folder and the numbers of its progress."""

import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from factories import LAW
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.errors import SpecError
from dse.search.analysis.folders import check_own, move_to_backup, results_folder
from dse.search.analysis.progress import CHECKS, checks_of
from dse.search.analysis.stored_question import KEY, check, differences, settle

LEAF = st.one_of(st.integers(0, 3), st.sampled_from(("a", "b")), st.lists(st.integers(0, 2), max_size=2))
TREE = st.recursive(
    LEAF, lambda inner: st.dictionaries(st.sampled_from("pqr"), inner, min_size=1, max_size=3), max_leaves=8
)
QUESTIONS = st.dictionaries(st.sampled_from("xyz"), TREE, max_size=3)


def leaves(tree: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Every leaf by its path."""
    if not isinstance(tree, dict) or not tree:
        return {path: tree}
    return {p: leaf for key, inner in tree.items() for p, leaf in leaves(inner, (*path, key)).items()}


def study(slug: str = "small", **question: Any) -> Any:
    goals = (SimpleNamespace(direction="minimize"), SimpleNamespace(direction="maximize"))
    return SimpleNamespace(slug=slug, question=question, objectives=goals, case=None)


# --- differences


@LAW
@given(QUESTIONS)
def test_a_question_does_not_differ_from_itself(question: dict[str, Any]) -> None:
    assert list(differences(question, json.loads(json.dumps(question)))) == []


@LAW
@given(QUESTIONS, QUESTIONS)
def test_questions_differ_where_a_leaf_does_and_each_place_is_named_once(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    found = [path for path, _, _ in differences(old, new)]
    assert len(found) == len(set(found))
    assert bool(found) == (old != new)
    before, after = leaves(old), leaves(new)
    changed = [p for p in {*before, *after} if p and before.get(p, "nothing") != after.get(p, "nothing")]
    # every leaf that changed is at or below a place that is named
    for path in changed:
        assert any(".".join(path[:n]) in found for n in range(1, len(path) + 1))
    for path in found:
        assert any(".".join(p[: path.count(".") + 1]) == path for p in {*before, *after})


@LAW
@given(QUESTIONS, QUESTIONS)
def test_the_other_way_round_old_and_new_are_exchanged(old: dict[str, Any], new: dict[str, Any]) -> None:
    forth = sorted(differences(old, new))
    assert sorted((path, b, a) for path, a, b in differences(new, old)) == forth


@given(st.text("abc", max_size=100))
def test_a_long_value_is_cut_to_what_fits_a_line(text: str) -> None:
    ((_, old, new),) = differences({"k": text}, {"k": 0})
    assert len(old) <= 60
    assert new == "0"
    assert old == text or (len(text) > 60 and old == text[:57] + "...")


# --- stored studies


def created(
    storage: optuna.storages.BaseStorage, directions: tuple[str, ...] = ("minimize", "maximize")
) -> Any:
    return optuna.create_study(storage=storage, study_name="small", directions=list(directions))


def test_a_question_is_written_once_and_recognised_whatever_its_tuples() -> None:
    storage = optuna.storages.InMemoryStorage()
    assert check(storage, study(), "here") is None
    stored = created(storage)
    settle(stored, study(seed=1, lists=(1, 2)))
    settle(stored, study(seed=2, lists=()))  # the first one stays
    assert json.loads(stored.user_attrs[KEY])["seed"] == 1
    assert check(storage, study(seed=1, lists=[1, 2]), "here") == 0
    stored.add_trial(optuna.create_trial(values=[1.0, 2.0]))
    assert check(storage, study(seed=1, lists=[1, 2]), "here") == 1


def test_a_changed_question_names_every_field_and_how_to_go_on() -> None:
    storage = optuna.storages.InMemoryStorage()
    settle(created(storage), study(seed=1, llm={"name": "a"}))
    with pytest.raises(SpecError) as caught:
        check(storage, study(seed=2, llm={"name": "b"}), "here")
    text = str(caught.value)
    assert "llm.name: stored a, now b" in text
    assert "seed: stored 1, now 2" in text
    assert "--fresh" in text
    assert text.index("llm.name") < text.index("seed")


@pytest.mark.parametrize("directions", [("minimize",), ("maximize", "minimize"), ("minimize", "minimize")])
def test_an_empty_study_is_ours_only_with_our_goals(directions: tuple[str, ...]) -> None:
    storage = optuna.storages.InMemoryStorage()
    created(storage, directions)
    with pytest.raises(SpecError, match="expected a study made by dse"):
        check(storage, study(), "here")


def test_an_empty_study_with_our_goals_may_be_one_that_another_run_has_just_created() -> None:
    storage = optuna.storages.InMemoryStorage()
    created(storage)
    assert check(storage, study(), "here") == 0
    assert check(storage, study("other"), "here") is None


# --- folders


def test_a_backup_takes_everything_but_the_lock_and_earlier_backups(tmp_path: Path) -> None:
    for name in ("front.csv", "study.journal", ".lock", "plots/front.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    move_to_backup(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {".lock", "previous-0001"}
    assert (tmp_path / "previous-0001/plots/front.png").read_text() == "plots/front.png"
    move_to_backup(tmp_path)  # nothing is left to move
    assert {p.name for p in tmp_path.iterdir()} == {".lock", "previous-0001"}


def test_a_backup_gets_the_number_after_the_largest_there_is(tmp_path: Path) -> None:
    for name in ("previous-0002", "previous-0041", "previous-of-mine"):
        (tmp_path / name).mkdir()
    (tmp_path / "front.csv").write_text("new")
    move_to_backup(tmp_path)
    assert (tmp_path / "previous-0042/front.csv").read_text() == "new"


def test_results_of_a_case_are_in_a_folder_of_their_own(tmp_path: Path) -> None:
    one, case = study(), SimpleNamespace(slug="small/fast", case="fast")
    assert results_folder(one, None) == Path("results/small")
    assert results_folder(case, None) == Path("results/small/fast")  # type: ignore[arg-type]
    assert results_folder(one, tmp_path) == tmp_path
    assert results_folder(case, str(tmp_path)) == tmp_path / "fast"  # type: ignore[arg-type]


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"study": "small"}', "{}"])
def test_a_folder_without_results_of_another_study_is_taken(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    check_own(tmp_path, study())


def test_a_folder_with_results_of_another_study_is_refused_with_both_names(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"study": "other"}')
    with pytest.raises(SpecError, match="expected a folder for 'small', got the results of 'other'"):
        check_own(tmp_path, study())


# --- progress


@settings(max_examples=40)
@given(st.integers(1, 5000))
def test_progress_is_taken_at_the_first_and_the_last_trial_and_ever_more_rarely(trials: int) -> None:
    found = sorted(checks_of(trials))
    assert found[0] == 1
    assert found[-1] == trials
    assert len(found) <= CHECKS
    if trials <= 20:
        assert found == list(range(1, trials + 1))
    # the gaps grow with the number of trials, up to rounding
    for a, b in pairwise(found):
        assert b - a <= max(1, round(a * (trials ** (1.0 / (CHECKS - 1)) - 1.0)) + 1)


def test_without_trials_there_is_no_progress() -> None:
    assert checks_of(0) == set()
