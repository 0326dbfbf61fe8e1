"""Help that teaches, quickly."""

import subprocess
import sys

import pytest

import dse as package
from dse.cli.lazy_group import VERBS

HEAVY = ("numpy", "pandas", "optuna", "pydantic", "pint", "yaml", "rich", "matplotlib")


def test_help_lists_every_verb(dse):
    said = dse("--help")
    assert said.code == 0
    listed = [line.split()[0] for line in said.out.partition("Commands:")[2].splitlines() if line[:3] > "   "]
    assert [word for word in listed if word in VERBS] == list(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_shows_two_examples_and_the_exit_codes(dse, verb):
    said = dse(verb, "--help")
    examples = [line for line in said.out.splitlines() if line.strip().startswith(f"dse {verb}")]
    assert said.code == 0
    assert len(examples) >= 2
    assert "Exit codes: 0" in said.out


@pytest.mark.parametrize("verb", VERBS)
def test_the_list_of_verbs_says_of_each_what_its_own_help_begins_with(dse, verb):
    sentence = dse(verb, "--help").out.split("\n\n")[1]
    assert " ".join(sentence.split()) == VERBS[verb].summary


def test_help_fits_a_terminal_of_100_columns(dse):
    for verb in VERBS:
        assert max(map(len, dse(verb, "--help").out.splitlines())) <= 100


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nsys.argv = ['dse', '--help']\nfrom dse.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('LOADED', [m for m in {HEAVY} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "LOADED []" in done.stdout


def test_help_of_an_estimate_loads_no_tables_and_no_search():
    code = (
        "import sys\nsys.argv = ['dse', 'estimate', '--help']\nfrom dse.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('LOADED', [m for m in ('pandas', 'optuna', 'matplotlib', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "LOADED []" in done.stdout


def test_version_is_that_of_the_package(dse):
    said = dse("--version")
    assert (said.code, said.out) == (0, f"dse {package.__version__}\n")


def test_an_unknown_verb_is_refused(dse):
    dse("serach").refused("unknown verb 'serach'")
    dse("swep").refused("did you mean 'sweep'?")


def test_an_unknown_option_is_refused(dse):
    dse("run", "groq-vs-h100", "--trails", "3").refused("--trails")


@pytest.mark.parametrize(
    ("words", "missing", "hint"),
    [
        (("estimate",), "--llm", "LLM, see `dse catalog llms`."),
        (("estimate", "--chip", "h100", "--llm", "llama2-7b"), "--workload", "see `dse catalog workloads`."),
        (("front",), "STUDY", "Name of a study"),
        (("new",), "KIND", "One of study, chip, space, llm, workload, traffic."),
    ],
)
def test_what_is_missing_is_named_with_what_it_may_be(dse, words, missing, hint):
    dse(*words).refused(f"{missing}: expected a value, got none.", hint)


def test_every_problem_of_a_command_line_is_told_at_once_one_in_each_line(dse):
    wrong = ("--chip", "h100", "--llm", "llama2-7b", "--tp", "0", "--batch", "x", "--format", "yml", "more")
    assert dse("estimate", *wrong).err.splitlines() == [
        "--workload: expected a value, got none. Workload, see `dse catalog workloads`.",
        "--batch: expected a whole number of at least 1, got 'x'",
        "--tp: expected a whole number of at least 1, got '0'",
        "--format: unknown format 'yml'; known: csv, json, table",
        "root estimate: expected no further argument, got 'more'",
        "`root estimate --help` explains every option.",
    ]


def test_a_lone_option_and_a_flag_with_a_value_are_refused_by_name(dse):
    dse("estimate", "--chip").refused("--chip: expected a value, got none")
    dse("estimate", "--quiet=1").refused("--quiet: expected no value")
    dse("--vershun").refused("--vershun: unknown option; did you mean '--version'?")


def test_every_word_that_catalog_takes_is_in_its_help(dse):
    refused = dse("catalog", "none-such").err
    kinds = refused.splitlines()[0].partition("known: ")[2].split(", ")
    # a line may end in a hyphen of a word
    text = " ".join(dse("catalog", "--help").out.split()).replace("- ", "-")
    assert "technology" in kinds
    assert [k for k in kinds if f" {k}," not in text and f" {k}." not in text] == []


def test_help_of_the_serving_mode_names_the_command_that_lists_them(dse):
    assert "see `dse catalog serving-modes`" in " ".join(dse("estimate", "--help").out.split())
