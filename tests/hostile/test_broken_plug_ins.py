"""A plug-in of a stranger that breaks is named with the design, and nothing that is stored is lost."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from broken_plugins import GOALS, PLAIN, POINT, STUDIES, install, named, plugged, study
from said import call
from studies_for_tests import write_study

from dse import plugins
from dse.errors import PluginError

RAISED = {
    "key": "raised KeyError: 'watts'",
    "several lines": "raised RuntimeError: first line",
    "recursion": "raised RecursionError",
    "memory": "raised MemoryError",
    "odd": "raised Odd: strange",
    "own": "raised OwnError: of their own",
    "posing": "raised PluginError: no name in it",
    "os": "raised FileNotFoundError",
    "import": "raised ImportError: no such library",
    "exit": "raised SystemExit: 3",
    "generator": "raised GeneratorExit",
}
RETURNED = {
    "nan": "expected a finite number, got nan",
    "one nan": "expected a finite number, got nan",
    "infinite": "expected a finite number, got inf",
    "shape": "expected a column",
    "dtype": "expected numbers, got an array of <U",
    "object": "expected numbers, got an array of object",
    "complex": "expected numbers, got an array of complex128",
    "none": "expected numbers, got None",
    "text": "expected numbers, got a str",
    "odd to look at": "expected an answer that can be looked at, got Odd: __class__",
    "far too many": ", got (1099511627776,)",
    "huge": "expected a number of at most 1e+100 in size, got 1e+308",
    "wide": "expected a number of at most 1e+100 in size, got 1e+3000",
    "tiny": "expected 0 or a number of at least 1e-100 in size, got 5e-324",
    "masked": "expected a plain array, got a MaskedArray",
}
WRITES = {"writes": "(it changes its input)"}
NEGATIVE = {"negative": "expected at least 0, got -"}
MODEL = {
    **RAISED, **RETURNED, **WRITES, **NEGATIVE, "no metrics": "expected objectives.api.Metrics, got None",
    "no violations": "violations: expected named constraints, got {}",
}  # fmt: skip

ESTIMATE = ("estimate", "--chip", "h100", "--llm", "llama2-7b", "--workload", "article")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("their"))


@pytest.fixture(autouse=True)
def theirs(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Their package is installed, nothing in it breaks yet, and the test is in a folder of its own."""
    monkeypatch.setenv("FAULT", "")
    monkeypatch.chdir(tmp_path)
    with plugged(place):
        yield


@pytest.fixture(scope="module")
def results(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study of their cost model, and what a run of it has left while all was well."""
    folder = tmp_path_factory.mktemp("results")
    path = write_study(folder, "model", cost_model="theirs")
    with plugged(place):
        said = call("run", path, "--out", folder / "out", *PLAIN, "--no-verdicts")
    assert said.code == 0, said.err
    return folder


SOME = {fault: {**RAISED, **RETURNED}[fault] for fault in ("key", "own", "posing", "exit")}
"""What is tried on every kind of plug-in."""

CASES = [
    *(("model", fault, words) for fault, words in MODEL.items()),
    *(("goal", fault, words) for fault, words in {**SOME, **RETURNED, **WRITES}.items()),
    *(("price", fault, words) for fault, words in {**SOME, **WRITES, **NEGATIVE}.items()),
    *(("serving", fault, words) for fault, words in {**SOME, **NEGATIVE, "nan": RETURNED["nan"]}.items()),
    *(("price", fault, RETURNED[fault]) for fault in ("nan", "shape", "none", "odd to look at", "huge")),
    *(("sampler", fault, words) for fault, words in SOME.items()),
    *(
        ("sampler", fault, "tpot_target: expected a value of")
        for fault in ("nan", "dtype", "none", "complex")
    ),
]


@pytest.mark.parametrize(("name", "fault", "words"), CASES)
def test_a_run_names_what_breaks_and_writes_no_front(
    name: str, fault: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = study(name)
    monkeypatch.setenv("FAULT", fault)
    said = call("run", path, "--out", "out", *PLAIN)
    named(said, STUDIES[name][0], words, "trial 4, branch" if name == "sampler" else "groq-lpu-v1")
    assert not list(Path().rglob("front.csv"))


def test_the_one_design_of_a_batch_that_fails_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAULT", "batch 8")
    said = call("run", study("model"), "--out", "out", *PLAIN)
    named(
        said,
        "cost_models",
        "chip groq-lpu-v1, batch 8, tp 1, pp 1, ep 1, dp 1: raised ValueError: no batch of 8",
    )


VERBS = {
    "sweep": ("sweep", "STUDY", "--out", "exact", *PLAIN),
    "prune": ("sweep", "STUDY", "--out", "exact", "--prune", *PLAIN),
    "worker": ("worker", "STUDY", "--storage", "journal:shared"),
    "front": ("front", "STUDY", "--out", "out"),
    "explain": ("explain", "STUDY", "row:1", "--out", "out"),
    "propose": ("propose", "STUDY", "--out", "out"),
    "breakeven": ("breakeven", "STUDY", "--x", "utilisation", "--out", "out"),
    "plot": ("plot", "STUDY", "binds", "--out", "out", "-o", "a.png"),
    "report": ("report", "STUDY", "--out", "out", "-o", "a.html"),
    "estimate": (*ESTIMATE, "--cost-model", "theirs"),
    "estimate one": (*ESTIMATE, "--cost-model", "theirs", "--batch", "8", "--tp", "1", "--pp", "1"),
    "compare": (
        "compare", "h100", "h200", "--llm", "llama2-7b", "--workload", "article", "--cost-model", "theirs",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", ["key", "nan"])
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_names_a_cost_model_that_breaks(
    verb: str, fault: str, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(results / "out", "out")
    before = {p: p.read_bytes() for p in Path("out").rglob("*") if p.is_file()}
    monkeypatch.setenv("FAULT", fault)
    path = str(results / "model" / "study.yaml")
    said = call(*(path if word == "STUDY" else word for word in VERBS[verb]))
    named(said, "cost_models", "batch ", "tp ", "pp ", MODEL[fault])
    # neither is what was there lost, nor anything added half-way
    assert {p: p.read_bytes() for p in Path("out").rglob("*") if p.is_file() and p in before} == before
    assert not [p for p in Path().rglob("front.csv") if p.parent != Path("out")]


@pytest.mark.parametrize(
    "options", [("--serving", "theirs"), ("--price-method", "theirs")], ids=["serving", "price"]
)
@pytest.mark.parametrize("fault", ["key", "nan"])
def test_an_estimate_names_a_serving_mode_and_a_price_method(
    options: tuple[str, str], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAULT", fault)
    group = {"--serving": "serving_modes", "--price-method": "price_methods"}[options[0]]
    named(call(*ESTIMATE, *options), group, "chip h100-sxm", MODEL[fault])


@pytest.mark.parametrize(("fault", "words"), [("key", "raised KeyError"), ("none", "got nothing")])
def test_a_plot_that_breaks_is_named_and_leaves_the_others_alone(
    fault: str, words: str, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = results / "model" / "study.yaml"
    clean = write_study(Path(), "clean", report_at=["10 ms"])
    assert call("run", clean, "--out", "clean-out", *PLAIN, "--no-verdicts").code == 0
    monkeypatch.setenv("FAULT", fault)
    told = ("plot", clean, "theirs", "--out", "clean-out", "-o", "a.png")
    named(call(*told), "plots", "drawing clean as .png", words)
    assert not Path("a.png").exists() and path.exists()
    assert call("plot", clean, "binds", "--out", "clean-out", "-o", "b.png").code == 0


WRONG = {
    "wrong_way": "direction: expected 'minimize' or 'maximize', got 'minimise'",
    "no_direction": "expected direction, which is 'minimize' or 'maximize', got none",
    "wrong_unit": "unit: expected an SI unit",
    "wrong_column": "column: expected one that tables do not have yet, got 'chip'",
    "wrong_name": "name: expected 'wrong_name', as it is registered, got 'another'",
    "no_value": "expected a method value, got none",
    "needs_more": "expected a plug-in that loads, got: TypeError",
    "no_class": "expected a plug-in that loads, got: AttributeError: module 'theirs' has no attribute",
    "no_module": "expected a plug-in that loads, got: No module named 'no_such_module'",
    "no_syntax": "expected a plug-in that loads, got: SyntaxError",
    "leaves": "expected a plug-in that loads, got: SystemExit: 7",
}


def with_goal(name: str) -> Path:
    changes = {"objectives": [*GOALS, name], "goal": GOALS[0], "reference_point": {**POINT, name: "1"}}
    return write_study(Path(), "wrong", **changes)


@pytest.mark.parametrize(("name", "words"), WRONG.items())
@pytest.mark.parametrize("verb", ["run", "sweep"])
def test_what_is_wrong_with_a_plug_in_itself_is_told_before_a_folder_is_made(
    verb: str, name: str, words: str
) -> None:
    named(call(verb, with_goal(name), "--out", "out", *PLAIN), "objectives", words)
    assert not Path("out").exists()


def test_two_objectives_of_one_column_and_unknown_names_are_wrong_input() -> None:
    call("run", with_goal("same_column"), "--out", "out", *PLAIN).refused(
        "objectives: expected a column for each, got 'tpot_s' for both tpot and same_column"
    )
    call("run", with_goal("no_such"), "--out", "out", *PLAIN).refused("unknown objective 'no_such'")
    assert not Path("out").exists()


def test_a_factory_that_makes_no_sampler_is_named() -> None:
    path = write_study(Path(), "none", sampler={"name": "none"})
    named(call("run", path, "--out", "out"), "samplers", "expected an optuna.samplers.BaseSampler, got a str")


def test_a_name_that_two_packages_have_taken_is_refused_where_it_is_used(tmp_path: Path) -> None:
    other = install(tmp_path, name="others", points="[dse.cost_models]\nroofline = theirs:Model\n")
    with plugged(other):
        with pytest.raises(PluginError, match=r"got two: .* of others 1\.0 and .* of dse "):
            plugins.cost_model("roofline")
        assert plugins.cost_model("napkin").name == "napkin"


def test_the_catalog_shows_what_is_broken_beside_what_is_not() -> None:
    rows = {row["name"]: row for row in call("catalog", "objectives", "--format", "json").json}
    assert rows["tpot"]["unit"] == "s"
    for name in ("no_class", "leaves", "wrong_way"):
        assert rows[name]["title"].startswith(f"broken: dse.objectives {name!r} of theirs 1.0: ")


@pytest.mark.parametrize("option", [(), ("--traceback",)])
def test_the_stack_trace_is_there_for_the_author_who_asks_for_it(
    option: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAULT", "key")
    said = call(*ESTIMATE, "--cost-model", "theirs", *option)
    assert said.code == 1 and "; --traceback shows where" in said.err.splitlines()[-1]
    assert ("theirs.py" in said.err and "in broken" in said.err) is bool(option)
    monkeypatch.setenv("DSE_TRACEBACK", "1")
    assert "in broken" in call(*ESTIMATE, "--cost-model", "theirs").err
