"""Cases of a study: the same question with a few keys asked differently."""

from pathlib import Path

import pytest
from studies_for_tests import write_study

from dse.cli.input.check_file import check_files
from dse.errors import SpecError
from dse.question.resolved_study import load_cases, load_study

CASES = {
    "int4": {"precision": {"weights": "int4"}, "report_at": ["5 ms"]},
    "listed": {"title": "real chips", "space": None, "price": {"method": "listed"}},
}


def test_a_case_keeps_what_it_does_not_name(tmp_path: Path) -> None:
    path = write_study(tmp_path, cases=CASES)
    base, case = load_study(str(path)), load_study(f"{path.parent}/int4")
    assert case.spec.precision.weights == "int4"
    assert (case.spec.precision.kv, case.spec.llm) == (base.spec.precision.kv, base.spec.llm)
    assert case.spec.report_at == (0.005,)
    assert (base.slug, case.slug, case.case) == ("small", "small/int4", "int4")
    assert case.spec.title == "A small question: int4"


def test_a_study_and_its_cases_come_in_order(tmp_path: Path) -> None:
    path = write_study(tmp_path, cases=CASES)
    assert [q.case for q in load_cases(str(path))] == [None, "int4", "listed"]
    assert [q.case for q in load_cases(f"{path.parent}/listed")] == ["listed"]


def test_a_case_without_a_space_has_its_baselines_only(tmp_path: Path) -> None:
    path = write_study(tmp_path, cases=CASES)
    case = load_study(f"{path.parent}/listed")
    assert case.branches == {}
    assert set(case.baselines) == {"groq-lpu-v1", "h100-sxm"}


def test_another_case_leaves_the_question_of_a_study_as_it_was(tmp_path: Path) -> None:
    plain = load_study(str(write_study(tmp_path / "a"))).digests()
    assert load_study(str(write_study(tmp_path / "b", cases=CASES))).digests() == plain


def test_problems_of_a_case_are_told_where_it_speaks(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    with path.open("a", encoding="utf-8") as file:
        file.write("cases:\n  one:\n    llm: llama2-70\n  two:\n    precision:\n      weights: int5\n")
    start = path.read_text(encoding="utf-8").split("\n").index("cases:") + 1
    with pytest.raises(SpecError) as error:
        load_cases(str(path))
    found = [str(p) for p in error.value.problems]
    assert any(p.startswith(f"{path}:{start + 2}: llm: unknown llm 'llama2-70'") for p in found), found
    assert any(p.startswith(f"{path}:{start + 5}: precision.weights: unknown number") for p in found), found
    assert any(str(p).startswith(f"{path}:{start + 2}:") for p in check_files([path]))


@pytest.mark.parametrize(
    ("name", "cases", "told"),
    [
        ("small/lister", CASES, "unknown case 'lister'; did you mean 'listed'"),
        ("smal/listed", CASES, "unknown study 'smal'"),
        (
            "small/one",
            {"one": {"name": "other"}},
            "cases.one: expected only keys that a case may change, got name",
        ),
        ("small/one", {"one": {"lmm": "x"}}, "lmm: unknown key; did you mean 'llm'"),
    ],
)
def test_a_wrong_case_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, cases: dict[str, object], told: str
) -> None:
    write_study(tmp_path / "studies", cases=cases)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError) as error:
        load_study(name)
    assert told in "\n".join(str(p) for p in error.value.problems)


def test_a_study_needs_chips_from_somewhere(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="expected a space of chips, baselines, or both, got neither"):
        load_study(str(write_study(tmp_path, space=None, baselines=[])))


def test_a_study_can_join_every_chip_by_one_network(tmp_path: Path) -> None:
    own = load_study(str(write_study(tmp_path / "a")))
    one = load_study(str(write_study(tmp_path / "b", network="torus-3d")))
    assert "network/torus-3d" in one.digests()
    assert {k for k in one.digests() if k.startswith("network/")} == {"network/torus-3d"}
    assert len([k for k in own.digests() if k.startswith("network/")]) == 2
    code = {float(b.fixed["link_topology"]) for b in one.branches.values()}
    assert len(code) == 1
