"""A page says what its fronts say: its tables and the numbers in its sentences."""

from pathlib import Path
from typing import Any

import pytest
import yaml

import dse
from dse.errors import SpecError
from dse.pages.renew import commit, renew
from dse.pages.study.answers import read_answers
from dse.pages.study.datasheets import proposals, propose_all
from dse.pages.study.expressions import said_of
from dse.pages.study.template import filled, reflowed, table_of

STUDY = {
    "kind": "study", "name": "mine", "title": "Two chips", "question": "Which?",
    "llm": "llama2-70b", "workload": "article",
    "precision": {"weights": "int8", "kv": "int8", "activations": "int8"},
    "deployment": {"mode": "solve", "batch": [1, 8, 128], "tp": [8, 16], "pp": [1, 80]},
    "price": {"method": "listed"}, "objectives": ["usd_per_token_per_second", "tpot"],
    "sweep": {"objective": "tpot", "low": "1 ms", "high": "100 ms"}, "report_at": ["5 ms", "50 ms"],
    "baselines": ["groq-lpu-v1", "h100-sxm"], "sampler": {"name": "random"},
    "budget": {"trials": 2}, "seed": 1,
    "reference_point": {"usd_per_token_per_second": "10000 USD/(token/s)", "tpot": "100 ms"},
    "cases": {
        "cheap": {"title": "a tenth of the price", "settings": {"chip/groq-lpu-v1.price": "1994.8 USD"}},
        "one": {"title": "only the GPU", "baselines": ["h100-sxm"]},
    },
}  # fmt: skip
PAGE = """# Mine

The LPU costs {{ [ : groq-lpu-v1 : : usd_per_token_per_s] }}
dollars.

{% rows : . cheap one : * : : chips, layout, tpot_s %}

![cases](cases.png)
{% picture price.png : lines : * : groq-lpu-v1 : tpot<=5 ms ; tpot<=50 ms : usd_per_token_per_s %}
{% picture chips.png : curves : . cheap : groq-lpu-v1 : tpot_s : usd_per_token_per_s %}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("studies") / "mine"
    folder.mkdir()
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY))
    (folder / "README.template.md").write_text(PAGE)
    renew(folder)
    return folder


@pytest.fixture(scope="module")
def answers(study: Path):
    return read_answers(study)


def test_renewing_writes_fronts_pictures_and_page_and_again_changes_nothing(study: Path) -> None:
    page = (study / "README.md").read_text()
    assert "{" not in page and "<!--" not in page
    assert page.count("| only the GPU | ") == 2
    for name in (
        "front.csv",
        "cheap/front.csv",
        "one/manifest.json",
        "front.png",
        "cases.png",
        "price.png",
        "chips.png",
    ):
        assert (study / name).stat().st_size > 0
    commit(study, study)
    assert (study / "README.md").read_text() == page


def test_rows_and_matrices_of_dollars_tell_the_basis_of_their_prices(answers) -> None:
    dollars = table_of("rows : . : * : : chips, usd_per_token_per_s", answers)
    assert dollars.endswith("\n\nPrices: list and street prices.")  # both files say street
    assert table_of("matrix : * : * : : capex_usd", answers).endswith("\n\nPrices: list and street prices.")
    assert "Prices" not in table_of("rows : . : * : : chips, tpot_s", answers)
    assert "Prices" not in table_of("matrix : * : * : : tpot_s", answers)


def test_a_number_that_was_typed_over_is_computed_again(study: Path, answers) -> None:
    number = said_of("[ : groq-lpu-v1 : : usd_per_token_per_s]", answers)
    page = (study / "README.md").read_text()
    assert f"The LPU costs {number} dollars." in page  # on one line: prose is wrapped again
    (study / "README.md").write_text(page.replace(f"costs {number}", "costs 1"))
    commit(study, study)
    assert (study / "README.md").read_text() == page


def test_a_price_set_by_the_question_scales_dollars_and_moves_no_second(answers) -> None:
    for conditions in ("batch=128", "least tpot_s"):
        cheap, dear = (f"[{case} : groq-lpu-v1 : {conditions} : " for case in ("cheap", ""))
        assert said_of(f"{dear}usd_per_token_per_s] / {cheap}usd_per_token_per_s]", answers) == "10.0"
        assert said_of(f"{dear}tpot_s] / {cheap}tpot_s]", answers) == "1.00"


def test_speed_is_the_inverse_of_tpot_and_dollars_are_price_times_chips(answers) -> None:
    assert said_of("[: h100-sxm :: speed] * [: h100-sxm :: tpot_s]", answers) == "1.00"
    lpu = "[: groq-lpu-v1 :: "
    assert said_of(f"{lpu}capex_usd] / ({lpu}chips] * 19948)", answers) == "1.00"
    parts = " + ".join(f"[: h100-sxm :: held.{p}]" for p in ("weights", "kv_cache", "activations"))
    assert said_of(f"({parts}) / (80e9 * 2) as %", answers).endswith(" %")


@pytest.mark.parametrize(
    ("text", "said"),
    [("3660000 / 1000 as USD", "$3,660"), ("1830000 as USD", "$1.83 M"), ("0.25 as %", "25 %"),
     ("2 * (3 + 4) - 1", "13.0"), ("0.002 as s", "2.00 ms"), ("305 as count", "305")],
)  # fmt: skip
def test_arithmetic_is_that_of_school(answers, text: str, said: str) -> None:
    assert said_of(text, answers) == said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[: grok :: tpot_s]", "known: groq-lpu-v1, h100-sxm"),
        ("[chep : groq-lpu-v1 :: tpot_s]", "did you mean 'cheap'"),
        ("[: groq-lpu-v1 :: tpot]", "unknown"),
        ("[: groq-lpu-v1 : tpot<=1 us : tpot_s]", "got none"),
        ("[groq-lpu-v1 : tpot_s]", "CASE : WHO : CONDITIONS : COLUMN"),
        ("__import__('os')", "expected numbers and terms"),
        ("2 **", "expected numbers and terms"),
    ],
)
def test_what_no_front_answers_is_refused_in_one_sentence(answers, text: str, words: str) -> None:
    with pytest.raises(SpecError) as error:
        filled(f"{{{{ {text} }}}}", answers)
    assert words in str(error.value)


def test_all_marks_that_nothing_fills_are_told_at_once(answers) -> None:
    page = "{% bst %}\n\n{{ [: x :: y] }}"
    with pytest.raises(SpecError) as error:
        filled(page, answers)
    assert len(error.value.problems) == 2
    assert "did you mean 'best'" in str(error.value)


def test_a_chip_that_a_case_does_not_ask_about_has_no_design_in_its_table(answers) -> None:
    table = table_of("matrix : * : groq-lpu-v1 h100-sxm : : chips", answers)
    assert "| only the GPU | none | " in table


def test_a_proposal_that_is_refused_says_why(study: Path) -> None:
    page = "```console\n$ dse propose mine --tpot '50 ms' -o chips/none.yaml\n$ dse propose mine\n```\n"
    assert proposals(page) == [["mine", "--tpot", "50 ms", "-o", "chips/none.yaml"]]
    with pytest.raises(SpecError, match="dse propose mine"):  # its fronts hold chips that exist, no search
        propose_all(page, study)
    assert not (study / "chips").exists()


def test_a_chip_asked_again_at_twice_its_price_costs_twice_as_much(answers) -> None:
    table = table_of("stressed : . : groq-lpu-v1 : chip/groq-lpu-v1.price>=39896 USD", answers)
    own, again = (float(c.replace(",", "")) for c in table.splitlines()[-1].split("|")[3:5])
    assert again == pytest.approx(2 * own, rel=0.01)  # both have three digits


def test_a_chip_under_each_software_is_what_an_estimate_says_of_it(answers) -> None:
    table = table_of("software : . : h100-sxm", answers)
    row = [c.strip() for c in table.splitlines()[-1].split("|")[3:6]]
    for software, shown in zip(("as-sold", "equal", "ideal"), row, strict=True):
        asked: Any = {"weights": "int8", "software": software, "tp": 8, "pp": 1}
        costs = [dse.estimate("h100", "llama2-70b", "article", batch=batch, **asked) for batch in (1, 8, 128)]
        best = min(
            e.metrics["usd_per_token_per_s"]
            for e in costs if e.feasible and e.metrics["tpot_s"] <= 0.05
        )  # fmt: skip
        assert float(shown) == pytest.approx(best, rel=0.01)  # three digits


def test_a_limit_that_is_met_changes_nothing_and_one_that_cannot_be_read_is_refused(answers) -> None:
    table = table_of("stressed : . : groq-lpu-v1 : chip/*.price>=1 USD, stack/*.usable_capacity<=1", answers)
    own, again = (c.strip() for c in table.splitlines()[-1].split("|")[3:5])
    assert own == again
    with pytest.raises(SpecError, match="expected KIND/NAME"):
        table_of("stressed : . : groq-lpu-v1 : links at 60 %", answers)
    with pytest.raises(SpecError, match="expected a stack that the case uses"):
        table_of("stressed : . : groq-lpu-v1 : stack/nim.link_efficiency<=0.6", answers)


def test_prose_is_wrapped_and_tables_lists_and_code_keep_their_lines() -> None:
    words = "word " * 40
    text = f"# Title\n\n{words}\n\n- {words}\n- short\n\n| a | b |\n|---|---|\n\n"
    text += f"```console\n$ dse {words}\n\n{words}\n```\n"
    lines = reflowed(text).split("\n")
    assert sum(len(line) > 118 for line in lines) == 2  # both in code
    assert reflowed(text).split() == text.split()
    assert "| a | b |" in lines and "- short" in lines
    assert any(line.startswith("  word") for line in lines)  # an item that goes on is indented
