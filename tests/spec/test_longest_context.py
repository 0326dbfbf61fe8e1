"""A workload longer than the longest context of its LLM is wrong input, before anything is evaluated."""

from pathlib import Path

import pytest
from studies_for_tests import write_study

from dse.errors import SpecError
from dse.evaluate.estimate import estimate
from dse.question.resolved_study import load_study
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.llm import LlmSpec
from dse.spec.yaml.writing import yaml_of


def catalog_of(folder: Path, longest: int | None) -> Path:
    """A catalog whose LLaMA-2 70B has a longest context."""
    spec = Catalog.of(None).get(LlmSpec, "llama2-70b").model_copy(update={"context": longest})
    path = folder / "llms" / "llama2-70b.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml_of(spec))
    return folder


def test_an_estimate_names_both_lengths_and_the_line_of_the_workload(tmp_path: Path) -> None:
    # reasoning: 1,024 + 8,192
    with pytest.raises(SpecError) as error:
        estimate("h100", "llama2-70b", "reasoning", configs=catalog_of(tmp_path, 4096))
    (problem,) = error.value.problems
    path = Catalog.of(None).path("workloads", "reasoning")
    lines = path.read_text().splitlines()
    assert problem.where == f"{path}:{1 + [t.partition(':')[0] for t in lines].index('isl')}"
    for word in ("4,096", "9,216", "llama2-70b", "reasoning"):
        assert word in problem.what


def test_a_length_that_was_set_is_told_at_its_option(tmp_path: Path) -> None:
    folder = catalog_of(tmp_path, 4096)
    with pytest.raises(SpecError, match="--set: expected at most 4,096 tokens") as error:
        estimate("h100", "llama2-70b", "chat", settings={"isl": "9000 token"}, configs=folder)
    assert len(error.value.problems) == 1


def test_a_study_is_refused_at_its_workload(tmp_path: Path) -> None:
    path = write_study(tmp_path, workload="reasoning")
    line = 1 + [text.partition(":")[0] for text in path.read_text().splitlines()].index("workload")
    with pytest.raises(SpecError, match="expected at most 4,096 tokens") as error:
        load_study(str(path), catalog_of(tmp_path / "configs", 4096))
    assert str(error.value).startswith(f"{path}:{line}: workload")


@pytest.mark.parametrize("longest", [9216, None])
def test_a_context_as_long_as_the_workload_and_an_unknown_one_are_enough(
    tmp_path: Path, longest: int | None
) -> None:
    study = load_study(str(write_study(tmp_path, workload="reasoning")), catalog_of(tmp_path / "c", longest))
    assert study.context.workload.max_context == 9216.0


def test_an_llm_without_the_key_keeps_its_digest(tmp_path: Path) -> None:
    own = load_study(str(write_study(tmp_path)), catalog_of(tmp_path / "c", None)).digests()
    assert own["llm/llama2-70b"] == load_study(str(write_study(tmp_path / "b"))).digests()["llm/llama2-70b"]
