"""Errors that a person can act on: their exit codes, their lines, and hints for unknown names."""

import pickle

import pytest

from dse import errors
from dse.errors import ExitCode, InfeasibleError, Problem, SpecError, nearest


def test_exit_codes_are_those_of_the_help() -> None:
    assert [int(code) for code in ExitCode] == [0, 1, 2, 130, 141, 143]


@pytest.mark.parametrize(
    "kind", [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.DseError)]
)
def test_every_error_ends_the_program_with_a_code_that_is_no_success(kind: type[errors.DseError]) -> None:
    assert kind.exit_code in set(ExitCode) - {ExitCode.DONE, ExitCode.BROKEN_PIPE}


def test_each_problem_is_a_line_of_its_own() -> None:
    assert SpecError([Problem("--tp", "one"), Problem("", "two")]).lines == ("--tp: one", "two")
    assert InfeasibleError(["a", "b"]).lines == ("a", "b")


@pytest.mark.parametrize("error", [SpecError([Problem("a", "b")]), InfeasibleError(["no chip", "no price"])])
def test_an_error_survives_the_way_between_processes(error: errors.DseError) -> None:
    assert pickle.loads(pickle.dumps(error)).lines == error.lines


def test_an_unknown_name_gets_the_nearest_and_then_all_valid_ones() -> None:
    assert nearest("rooflin", ["roofline", "napkin"]) == "did you mean 'roofline'? Known: napkin, roofline"
    assert nearest("zzz", ["b", "a"]) == "known: a, b"
    assert nearest("zzz", []) == "none are known"


def test_a_long_list_is_left_to_the_command_that_prints_it() -> None:
    many = [f"chip-{i}" for i in range(99)]
    hint = nearest("chip-98", many, "dse catalog chips")
    assert hint.endswith("? Known: 99 names, see `dse catalog chips`")
    assert nearest("b", ["a"], "dse catalog chips") == "known: a"


def test_a_long_list_that_no_command_prints_is_printed_whole() -> None:
    many = [f"chip-{i}" for i in range(99)]
    assert nearest("zzz", many) == f"known: {', '.join(sorted(many))}"
