"""Everything that is registered is found by name, is of its type, and a broken plug-in is named."""

import pickle
import string
from dataclasses import replace
from difflib import SequenceMatcher
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse import plugins
from dse.errors import (
    DseError,
    ExitCode,
    InfeasibleError,
    PluginError,
    Problem,
    SpecError,
    UnitError,
    nearest,
    spec_error,
)
from dse.plugins import GROUPS, metric_of, metrics, metrics_of, registered
from dse.plugins.broken import loading
from objectives.metrics import METRICS, Metric

NAMES = st.lists(st.text(string.ascii_lowercase + "-", min_size=1, max_size=8), min_size=1, max_size=12)

LOADERS: dict[str, Any] = {
    "cost-models": plugins.cost_model,
    "objectives": plugins.objective,
    "samplers": plugins.sampler_factory,
    "serving-modes": plugins.serving_mode,
}


# --- names


@pytest.mark.parametrize("word", GROUPS)
def test_names_of_a_group_are_sorted_and_each_is_its_own_entry_point(word: str) -> None:
    found = registered(GROUPS[word])
    assert found
    assert list(found) == sorted(found)
    for name, point in found.items():
        assert (point.name, point.group) == (name, GROUPS[word])
        point.load()


@pytest.mark.parametrize("word", LOADERS)
def test_a_misspelt_name_is_answered_with_the_nearest_and_all_valid_ones(word: str) -> None:
    known = list(registered(GROUPS[word]))
    right = max(known, key=len)
    wrong = right[:-1] + "x"
    with pytest.raises(SpecError) as caught:
        LOADERS[word](wrong)
    (problem,) = caught.value.problems
    assert f"{wrong!r}; did you mean {right!r}" in problem.what
    assert problem.what.endswith(f"Known: {', '.join(known)}")


@pytest.mark.parametrize("name", registered(GROUPS["objectives"]))
def test_an_objective_bears_the_name_it_is_registered_by(name: str) -> None:
    goal = plugins.objective(name)
    assert goal.name == name and goal.direction in ("minimize", "maximize")


# --- the table of metrics


def test_our_metrics_come_first_and_a_column_is_there_once() -> None:
    columns = [metric.column for metric in metrics()]
    assert columns[: len(METRICS)] == [metric.column for metric in METRICS]
    assert len(set(columns)) == len(columns)
    for metric in metrics():
        assert metric_of(metric.column) is metric
    assert metric_of("no_such_column") is None and plugins.interval_of("no_such_column") == ""


def test_metrics_of_a_place_keep_their_order_and_all_places_hold_all_that_are_shown() -> None:
    shown = [m for m in metrics() if "table" in m.shown]
    assert list(metrics_of("table")) == shown and shown
    columns = {m.column for m in shown}
    assert {getattr(goal, "column", "") for goal in plugins.metric_objectives()} <= columns


@pytest.fixture
def registered_metrics(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Registers objects of this test as metrics of another package."""

    def register(*values: object) -> None:
        points = {f"m{i}": _Point(f"m{i}", value) for i, value in enumerate(values)}
        monkeypatch.setattr(plugins, "registered", lambda _: points)
        plugins.forget()

    yield register
    plugins.forget()


class _Point:
    """An entry point that loads what it is given."""

    group, dist = "dse.metrics", None

    def __init__(self, name: str, value: object) -> None:
        self.name, self._value = name, value

    def load(self) -> object:
        if isinstance(self._value, Exception):
            raise self._value
        return self._value


def metric(column: str) -> Metric:
    return replace(METRICS[0], column=column)


def test_metrics_of_other_packages_come_behind_ours_one_or_several_at_a_time(registered_metrics: Any) -> None:
    registered_metrics(metric("a_s"), (metric("b_s"), metric("c_s")))
    assert [m.column for m in metrics()][len(METRICS) :] == ["a_s", "b_s", "c_s"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (("text",), "dse.metrics 'm0': expected an objectives.metrics.Metric, got a str"),
        ((METRICS[0],), f"dse.metrics 'm0': expected a column of its own, got {METRICS[0].column!r}"),
        ((metric("a_s"), metric("a_s")), "dse.metrics 'm1': expected a column of its own, got 'a_s'"),
        (
            (ImportError("no module named x\nat line 3"),),
            "expected a plug-in that loads, got: no module named x",
        ),
        ((TypeError(),), "expected a plug-in that loads, got: TypeError"),
    ],
)
def test_a_metric_that_breaks_the_table_is_refused_by_its_name(
    registered_metrics: Any, values: tuple[object, ...], words: str
) -> None:
    registered_metrics(*values)
    with pytest.raises(PluginError) as caught:
        metrics()
    assert words in str(caught.value) and len(caught.value.lines) == 1


def test_a_plug_in_of_a_module_that_is_not_there_is_named_and_a_mistake_inside_keeps_its_trace() -> None:
    point = EntryPoint("mine", "no_such_module:Thing", "dse.plots")
    with (
        pytest.raises(PluginError, match=r"dse\.plots 'mine': expected a plug-in that loads"),
        loading(point),
    ):
        point.load()
    with pytest.raises(PluginError, match="got: ZeroDivisionError") as caught, loading(point):
        _ = 1 // 0
    # its author needs the stack trace, also where the error came from another process
    assert "_ = 1 // 0" in pickle.loads(pickle.dumps(caught.value)).trace


# --- hints


@LAW
@given(NAMES)
def test_a_known_name_is_its_own_nearest(names: list[str]) -> None:
    for name in names:
        assert nearest(name, names).startswith(f"did you mean {name!r}")


@LAW
@given(st.text(string.ascii_lowercase, max_size=8), NAMES)
def test_a_hint_lists_every_valid_name_once_in_order(name: str, names: list[str]) -> None:
    listed = nearest(name, names).lower().rpartition("known: ")[2]
    assert listed.split(", ") == sorted(set(names))


@LAW
@given(st.text(string.ascii_lowercase, min_size=1, max_size=8), NAMES)
def test_no_name_is_more_alike_than_the_first_of_a_hint(name: str, names: list[str]) -> None:
    said = nearest(name, names)
    if not said.startswith("did you mean"):
        assert max(SequenceMatcher(None, known, name).ratio() for known in names) < 0.5
        return
    hinted = said.split("? ")[0].removeprefix("did you mean ").split(" or ")
    assert len(hinted) <= 2
    alike = [SequenceMatcher(None, text.strip("'"), name).ratio() for text in hinted]
    assert alike[0] == max(SequenceMatcher(None, known, name).ratio() for known in names)


@pytest.mark.parametrize(
    ("name", "hinted"),
    [
        # twice the letters in common over all letters: 4/6, 2/4 and 2/6
        ("tpx", True),
        ("t", True),
        ("txx", False),
    ],
)
def test_a_name_is_hinted_at_where_half_of_the_letters_agree(name: str, hinted: bool) -> None:
    assert nearest(name, ["tpe"]).startswith("did you mean") is hinted


def test_a_second_name_is_hinted_at_where_it_is_nearly_as_alike() -> None:
    # 8/8 and 6/8 of the letters agree, more than a fifth apart
    assert nearest("h100", ["h100", "h200"]).startswith("did you mean 'h100'? ")
    # 8/10 of both
    hint = nearest("a100x", ["a100s", "a100p", "b"]).partition("?")[0]
    assert sorted(hint.removeprefix("did you mean ").split(" or ")) == ["'a100p'", "'a100s'"]


@pytest.mark.parametrize("name", ["TPE", "Tpe", "tPe"])
def test_letters_may_be_large_or_small(name: str) -> None:
    assert nearest(name, ["tpe", "random"]).startswith("did you mean 'tpe'")


@pytest.mark.parametrize("name", [3, None, ["tpe"]])
def test_what_is_no_text_gets_a_hint_too(name: object) -> None:
    assert nearest(name, ["random"]) == "known: random"  # type: ignore[arg-type]


# --- problems


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("a.yaml:3", "x: missing key"), "a.yaml:3: x: missing key"),
        (Problem("", "x"), "x"),
        (Problem("--tp", "x", key="k"), "--tp: x"),
    ],
)
def test_a_problem_says_where_and_what(problem: Problem, text: str) -> None:
    assert str(problem) == text
    assert SpecError([problem]).lines == (text,)


def test_errors_of_input_are_value_errors_that_end_with_code_two() -> None:
    for error in (spec_error("a", "b"), UnitError("x")):
        assert isinstance(error, ValueError) and isinstance(error, DseError)
        assert error.exit_code is ExitCode.WRONG_INPUT
    assert InfeasibleError(["x"]).exit_code is ExitCode.FAILED


@pytest.mark.parametrize("count", [0, 1, 3])
def test_all_problems_of_an_error_cross_a_process(count: int) -> None:
    error = SpecError([Problem(f"f:{i}", "w", f"k{i}") for i in range(count)])
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is SpecError and again.problems == error.problems and str(again) == str(error)
