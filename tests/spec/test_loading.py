"""A YAML file to a spec, or every problem in it at once with its line."""

import os
from pathlib import Path

import pytest

from dse.errors import SpecError
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.study import StudySpec
from dse.spec.schema.system import StackSpec
from dse.spec.schema.workload import WorkloadSpec
from dse.spec.yaml.loading import load_spec

GOOD = """\
kind: workload
name: mine
title: A request
isl: {value: "512 token", source: assumption, basis: assumption}
osl: {value: "128 token", source: assumption, basis: assumption}
serving: aggregated
targets:
  tpot: 50 ms
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(SpecError) as error:
        load_spec(WorkloadSpec, path)
    return [str(p) for p in error.value.problems]


def test_a_good_file_becomes_a_frozen_spec_in_si(tmp_path: Path) -> None:
    spec = load_spec(WorkloadSpec, write(tmp_path, GOOD))
    assert (spec.isl.value, spec.osl.value, spec.targets) == (512.0, 128.0, {"tpot": 0.05})
    with pytest.raises(ValueError, match="frozen"):
        spec.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("serving: ", "servin: ", 6, "unknown key; did you mean 'serving'?"),
        ("basis: assumption}\nosl", "bases: assumption}\nosl", 4, "isl.bases: unknown key; did you mean"),
        ("512 token", "512 GB", 4, "isl.value: expected a number with a unit such as '1 token', got '512"),
        ('"512 token"', "512", 4, "expected a unit such as '512 token', got the bare number 512"),
        ("512 token", "-512 token", 4, "isl.value: expected at least 0 token, got '-512 token'"),
        ("50 ms", "-50 ms", 8, "targets.tpot: expected at least 0 s, got '-50 ms'"),
        ("50 ms", "50 GB", 8, "targets.tpot: expected a number with a unit such as '1 s', got '50 GB'"),
        ("title: A request\n", "", 1, "title: missing key"),
        ("aggregated", "agregated", 6, "did you mean 'aggregated'"),
        ("name: mine", "name: Mine!", 2, "name: "),
        (
            '"512 token"',
            '"512 token", low: "513 token"',
            4,
            "isl: expected low <= value, got 513 token and 512 token",
        ),
        (
            '"512 token"',
            '"512 token", high: "511 token"',
            4,
            "isl: expected value <= high, got 512 token and 511 token",
        ),
        (
            '"512 token"',
            'null, low: "2 token", high: "1 token"',
            4,
            "isl: expected low <= high, got 2 token and 1 token",
        ),
        ('"512 token"', "[512]", 4, "expected a number with a unit such as '1 token', got [512]"),
        ('"512 token"', "true", 4, "expected a number with a unit such as '1 token', got True"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, line: int, told: str) -> None:
    path = write(tmp_path, GOOD.replace(old, new, 1))
    found = problems(path)
    assert any(p.startswith(f"{path}:{line}: ") and told in p for p in found), found


def test_every_problem_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = GOOD.replace("title", "titel").replace("512 token", "-1 token").replace("aggregated", "fast")
    path = write(tmp_path, text.replace("50 ms", "50 kg"))
    found = problems(path)
    lines = [int(p.removeprefix(f"{path}:").partition(":")[0]) for p in found]
    assert lines == sorted(lines)
    assert set(lines) >= {3, 4, 6, 8}
    assert sum("title: missing key" in p for p in found) == 1


def test_a_key_that_is_written_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + "serving: decode-only\n  \n")
    assert problems(path) == [f"{path}:9: the key 'serving' is written twice"]


def test_a_key_that_is_written_twice_deep_inside_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + "  tpot: 60 ms\n")
    assert problems(path) == [f"{path}:9: the key 'tpot' is written twice"]


@pytest.mark.parametrize(
    ("text", "line", "got"),
    [
        ("kind: workload\nname: [unclosed\n", 3, "expected ',' or ']'"),
        ("kind: workload\n\tname: mine\n", 2, "found character '\\t'"),
        ("a: 1\n---\nb: 2\n", 2, "but found another document"),
        ("kind: *nobody\n", 1, "found undefined alias"),
        ("kind: !!python/object:os.system x\n", 1, "a value with the tag"),
    ],
)
def test_text_that_is_no_yaml_is_told_with_its_line(tmp_path: Path, text: str, line: int, got: str) -> None:
    path = write(tmp_path, text)
    (found,) = problems(path)
    assert found.startswith(f"{path}:{line}: expected YAML, got ")
    assert got in found


@pytest.mark.parametrize(("text", "got"), [("", "nothing"), ("- 1\n", "list"), ("just text\n", "str")])
def test_a_file_without_keys_is_refused(tmp_path: Path, text: str, got: str) -> None:
    path = write(tmp_path, text)
    assert problems(path) == [f"{path}:1: expected the keys of a WorkloadSpec, got {got}"]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    assert problems(path) == [f"{path}: cannot be read: No such file or directory"]


def test_a_folder_in_place_of_a_file_is_told(tmp_path: Path) -> None:
    assert problems(tmp_path) == [f"{tmp_path}: cannot be read: Is a directory"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    path.chmod(0)
    assert problems(path) == [f"{path}: cannot be read: Permission denied"]


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"kind: \xff\xfe")
    assert problems(path) == [f"{path}:1: cannot be read: it is not UTF-8 text"]


def test_a_share_above_one_and_of_zero_are_refused(tmp_path: Path) -> None:
    stack = Path(__file__).parents[2] / "configs" / "stacks" / "ideal.yaml"
    for wrong in ("1.5", "0", "-0.1"):
        lines = stack.read_text(encoding="utf-8").splitlines()
        at = next(i for i, line in enumerate(lines) if line.startswith("dram_efficiency:"))
        lines[at] = f"dram_efficiency: {{value: {wrong}, source: assumption, basis: assumption}}"
        path = write(tmp_path, "\n".join(lines))
        with pytest.raises(SpecError, match=rf"mine.yaml:{at + 1}: dram_efficiency.value: .*{wrong}"):
            load_spec(StackSpec, path)


def test_a_problem_of_the_whole_is_told_at_its_place(tmp_path: Path) -> None:
    from studies_for_tests import LINES, write_study

    path = write_study(tmp_path, sweep={"objective": "tpot", "low": "9 ms", "high": "1 ms"}, seed="one")
    with pytest.raises(SpecError) as error:
        load_spec(StudySpec, path)
    told = "\n".join(str(p) for p in error.value.problems)
    assert (
        f"{path}:{LINES.index('sweep') + 1}: sweep: expected 0 < low <= high, got 0.009 s and 0.001 s" in told
    )
    assert f"{path}:{LINES.index('seed') + 1}: seed: " in told


HEAD = """kind: workload
name: mine
title: Mine
isl: {value: "222 token", source: assumption, basis: assumption}
osl: {value: "290 token", source: assumption, basis: assumption}
serving: aggregated
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "diffusion: {block: 32, steps: {value: 10, source: assumption, basis: assumption}, commit: true}",
            "diffusion.block: expected a value with its source and basis, such as "
            "{value: 32, source: assumption, basis: assumption}, got 32",
        ),
        ("diffusion: 32", "diffusion: expected a mapping of the keys block, steps, commit, got 32"),
        (
            "prefix_cache: {written: 2}",
            "prefix_cache.written: expected a value with its source and basis, such as",
        ),
        (
            "prefix_cache: {written: {value: 2, source: assumption, basis: assumption}}",
            "prefix_cache.written.value: expected a number of at most 1, got 2",
        ),
        ("diffusion: {commit: 7}", "diffusion.commit: expected true or false, got 7"),
        (
            "diffusion: {block: {value: 2.5, source: assumption, basis: assumption}}",
            "diffusion.block.value: expected a whole number, got 2.5",
        ),
        ("notes: 3", "notes: expected text, got 3"),
    ],
)
def test_a_value_of_a_wrong_type_is_told_with_what_was_expected(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path, HEAD + text)
    with pytest.raises(SpecError) as error:
        load_spec(WorkloadSpec, path)
    told = [str(problem) for problem in error.value.problems]
    assert any(line.startswith(f"{path}:7: {said}") for line in told), told
    for line in told:
        assert line.count(" got ") <= 1
        assert not any(word in line for word in ("Sourced[", "FieldInfo", "nput should", "instance of"))


def test_cross_attention_without_an_encoder_is_told_at_its_line(tmp_path: Path) -> None:
    text = Path(Catalog().path("llms", "qwen3-0.6b")).read_text(encoding="utf-8")
    block = "  - count: 1\n    cross_attention: {heads: 4, kv_heads: 4, head_dim: 8}\n"
    text = text.replace("blocks:\n", "blocks:\n" + block, 1)
    path = write(tmp_path, text)
    line = 1 + text.splitlines().index("    cross_attention: {heads: 4, kv_heads: 4, head_dim: 8}")
    with pytest.raises(SpecError) as error:
        load_spec(LlmSpec, path)
    what = "blocks.0.cross_attention: expected an encoder in this file, to whose rows it attends, got none"
    assert [str(problem) for problem in error.value.problems] == [f"{path}:{line}: {what}"]
