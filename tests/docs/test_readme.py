"""The README is short, its examples run, and its numbers are those of the committed fronts."""

import re
from pathlib import Path

import pandas as pd
import pytest
from worked_pages import ROOT, Example, examples_of, follow

README = ROOT / "README.md"
LONGEST = 140
EXAMPLES = examples_of(README)
# the last ones use the file that the first of them writes
OWN = next(i for i, e in enumerate(EXAMPLES) if e.command.startswith("dse import "))
TRIED_TOGETHER = [*((example,) for example in EXAMPLES[:OWN]), tuple(EXAMPLES[OWN:])]
SLUGS = {"SRAM or HBM?": "0001-groq-vs-h100", "Which chip of 2026?": "0009-today",
         "What chip would beat them?": "0002-what-chip-would-beat-both"}  # fmt: skip
SYSTEMS = {
    "SRAM or HBM?": [("search", 50), ("h200-sxm", 50), ("groq-lpu-v1", 50), ("search", 5)],
    "Which chip of 2026?": [("r200", 50), ("gb300", 50), ("mi355x", 50), ("h200-sxm", 50)],
    "What chip would beat them?": [("search", 50), ("b200-sxm", 50), ("h100-sxm", 50)],
}
"""Answer to the designs that its prices belong to, in its order: who, and TPOT at most [ms]."""


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder but for the two checkpoints that the README imports, one that is refused."""
    folder = tmp_path_factory.mktemp("reader")
    qwen = (ROOT / "tests" / "spec" / "hf" / "qwen3-32b.json").read_text(encoding="utf-8")
    for name, text in {"Qwen3-32B": qwen, "bert-base": '{"model_type": "bert"}'}.items():
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("examples", TRIED_TOGETHER, ids=lambda each: str(each[0]))
def test_examples_run_and_show_what_the_readme_shows(
    examples: tuple[Example, ...], reader: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(reader)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    for example in examples:
        follow(example, reader)


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= LONGEST


def _answers() -> dict[str, str]:
    """Question to answer, of the three of the README."""
    text = README.read_text(encoding="utf-8").split("## Three answers", 1)[1].split("\n## ", 1)[0]
    return dict(re.findall(r"^- \*\*(.+?)\*\* (.+?)(?=^- |^$)", text, re.MULTILINE | re.DOTALL))


def _best(slug: str, who: str, tpot_ms: float) -> pd.Series:
    """The smallest system whose $/(token/s) is within 1 % of the least, among what meets the target."""
    frame = pd.read_csv(ROOT / "studies" / slug / "at_targets.csv")
    theirs = frame[frame["role"] == who] if who == "search" else frame[frame["chip"] == who]
    met = theirs[theirs["tpot_s"] <= tpot_ms / 1e3]
    near = met[met["usd_per_token_per_s"] <= 1.01 * met["usd_per_token_per_s"].min()]
    return near.sort_values(["chips", "usd_per_token_per_s"]).iloc[0]


@pytest.mark.parametrize("question", SLUGS)
def test_the_prices_of_an_answer_are_those_of_the_committed_front(question: str) -> None:
    answer = _answers()[question]
    found = [_best(SLUGS[question], who, tpot)["usd_per_token_per_s"] for who, tpot in SYSTEMS[question]]
    assert re.findall(r"\$([\d.]+\d)", answer) == [f"{value:#.3g}".rstrip(".") for value in found]
    assert f"studies/{SLUGS[question]}/README.md" in answer


def test_the_sizes_of_the_answers_are_those_of_the_committed_fronts() -> None:
    tight = _best(SLUGS["SRAM or HBM?"], "search", 5)
    assert f"{tight['param_sram'] / 1e6:.0f} MB of SRAM" in _answers()["SRAM or HBM?"]
    assert tight["param_dram_stacks"] > 0
    new = _best(SLUGS["What chip would beat them?"], "search", 50)
    assert new["param_dies"] == 2
    assert "Two dies" in _answers()["What chip would beat them?"]


def test_the_readme_shows_seven_more_commands_and_python() -> None:
    verbs = [e.command.split()[1] for e in EXAMPLES if e.command.startswith("dse ")]
    assert verbs == ["estimate", "compare", "fleet", "catalog", "import", "estimate", "import"]
    assert any(e.command.startswith("python: ") for e in EXAMPLES)
