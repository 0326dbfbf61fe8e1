"""A page shows systems of two pools as it shows chips: by name, in rows, numbers and lines of pictures."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from dse.errors import SpecError
from dse.front.files import load_front
from dse.pages.renew import commit, renew
from dse.pages.study.answers import read_answers
from dse.pages.study.expressions import said_of
from dse.pages.study.template import table_of
from dse.question.pools.study import PooledStudy, load_question
from dse.search.pairs.driver import sweep_pairs

POOLS = {
    "prefill": {"chips": ["h100-sxm"], "tp": [1, 8], "pp": [1]},
    "decode": {"chips": ["h200-sxm", "groq-lpu-v1"], "tp": [8], "cp": [1], "pp": [1, 80]},
    "link": "25 GB/s, 5 us",
}
STUDY: dict[str, Any] = {
    "kind": "study", "name": "mine", "title": "Chips and pairs", "question": "Which?",
    "llm": "llama2-70b", "workload": "article", "serving": "chunked", "short": "alone",
    "precision": {"weights": "int8", "kv": "int8", "activations": "int8"},
    "deployment": {"mode": "solve", "batch": [1, 8, 128], "tp": [8, 16], "pp": [1, 80]},
    "price": {"method": "unit-cost"}, "objectives": ["usd_per_token_per_second", "tpot"],
    "sweep": {"objective": "tpot", "low": "1 ms", "high": "100 ms"}, "report_at": ["5 ms", "50 ms"],
    "baselines": ["groq-lpu-v1", "h100-sxm"], "sampler": {"name": "random"},
    "budget": {"trials": 2}, "seed": 1,
    "settings": {"workload/article.prefill_load": 0.7},
    "reference_point": {"usd_per_token_per_second": "10000 USD/(token/s)", "tpot": "100 ms"},
    "cases": {
        "pair": {"title": "prefill | decode", "serving": "disaggregated", "baselines": [], "pools": POOLS},
        "made": {
            "title": "a searched pair", "serving": "disaggregated", "baselines": [],
            "pools": {**POOLS, "decode": {**POOLS["decode"], "chips": [], "space": "few"}},
        },
    },
}  # fmt: skip
SPACE = {
    "kind": "space", "name": "few", "title": "Two chips",
    "branches": {
        "dram-only": {
            "template": "h100-sxm", "process": "n5", "dram_generation": "HBM3e", "stack": "gpu-serving",
            "network": "nvswitch-hopper",
            "parameters": {
                "peak_flops": {"low": "400 TFLOP/s", "high": "800 TFLOP/s", "scale": "log", "steps": 2},
                "dram_stacks": {"choices": ["5"]},
                "link_bandwidth": {"low": "450 GB/s", "high": "450 GB/s"},
            },
        }
    },
}  # fmt: skip
PAGE = """# Mine

The pair costs {{ [pair : h100-sxm | h200-sxm : : usd_per_token_per_s] }} dollars.

{% targets : . pair : * : usd_per_token_per_s %}

{% rows : pair : * : : decode.chips, decode.layout, decode.design, tpot_s %}

{% picture systems.png : curves : . pair : h100-sxm h100-sxm|h200-sxm : tpot_s : usd_per_token_per_s %}

![cases](cases.png)
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("studies")
    folder = root / "mine"
    folder.mkdir()
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY).replace("space: few", f"space: {_space(root)}"))
    (folder / "README.template.md").write_text(PAGE)
    renew(folder)
    return folder


def _space(root: Path) -> str:
    (root / "few.yaml").write_text(yaml.safe_dump(SPACE))
    return str(root / "few.yaml")


@pytest.fixture(scope="module")
def answers(study: Path):
    return read_answers(study)


def test_a_page_of_chips_and_pairs_is_written_and_written_again_the_same(study: Path) -> None:
    page = (study / "README.md").read_text()
    for row in (
        "| alone | groq-lpu-v1 | ",
        "| alone | h100-sxm | ",
        "| prefill \\| decode | h100-sxm \\| h200-sxm | ",
        "| prefill \\| decode | h100-sxm \\| groq-lpu-v1 | ",
    ):
        assert page.count(row) == 1
    assert (study / "systems.png").stat().st_size > 0
    commit(study, study)
    assert (study / "README.md").read_text() == page


def test_every_table_has_as_many_cells_in_each_line(study: Path) -> None:
    lines = (study / "README.md").read_text().replace("\\|", "").splitlines()
    for before, line in pairwise(lines):
        if before.startswith("|") and line.startswith("|"):
            assert before.count("|") == line.count("|")


def test_the_front_of_a_pair_is_that_of_a_study_of_this_pair_alone(study: Path, tmp_path: Path) -> None:
    every = load_front(study / "pair").baselines
    for chip in ("h200-sxm", "groq-lpu-v1"):
        path = tmp_path / chip / "study.yaml"
        path.parent.mkdir()
        own = {**POOLS, "decode": {**POOLS["decode"], "chips": [chip]}}
        case = {k: v for k, v in STUDY["cases"]["pair"].items() if k != "title"}
        path.write_text(yaml.safe_dump({**STUDY, **case, "pools": own, "cases": {}}))
        found = load_question(str(path))
        assert isinstance(found, PooledStudy)
        alone = sweep_pairs(found, out=tmp_path / f"{chip}-out").front.frame
        mine = every[every["decode.chip"] == chip]
        assert len(mine) == len(alone) > 0
        for column in ("tpot_s", "usd_per_token_per_s", "decode.batch", "prefill.chips"):
            assert mine[column].tolist() == pytest.approx(alone[column].tolist(), rel=1e-12)


def test_pools_of_a_pair_add_up_to_it(answers) -> None:
    for pair in ("h100-sxm | h200-sxm", "h100-sxm | groq-lpu-v1"):
        for what in ("chips", "capex_usd"):
            parts = " + ".join(f"[pair : {pair} : : {role}.{what}]" for role in ("prefill", "decode"))
            assert said_of(f"({parts}) / [pair : {pair} : : {what}]", answers) == "1.00"


def test_the_best_of_a_case_is_the_best_of_its_pairs(answers) -> None:
    both = ("h100-sxm | h200-sxm", "h100-sxm | groq-lpu-v1")
    bound = "tpot<=50 ms"
    costs = [answers["pair"].pick(pair, bound).row["usd_per_token_per_s"] for pair in both]
    assert answers["pair"].pick("real", bound).row["usd_per_token_per_s"] == pytest.approx(
        min(costs), rel=0.01
    )


def test_a_searched_pair_is_described_by_its_chips(answers) -> None:
    said = said_of("[made : search : : decode.design]", answers)
    assert "5 x HBM3e" in said and "TFLOP/s" in said
    assert said_of("[made : search : : prefill.design]", answers) == "h100-sxm"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[pair : h100-sxm | b200 : : tpot_s]", "unknown chip 'h100-sxm | b200'"),
        ("[pair : h100-sxm | h200-sxm : : layout]", "unknown column 'layout'"),
        ("[pair : h100-sxm | h200-sxm : : decode.speed]", "unknown column 'speed'"),
        ("[pair : h100-sxm | h200-sxm : : interval.tpot]", "unknown column 'interval.tpot'"),
        ("[pair : h100-sxm | h200-sxm : : watts]", "unknown column 'watts'"),
        ("[ : h100-sxm : : decode.layout]", "unknown column 'decode.layout'"),
    ],
)
def test_what_a_pair_does_not_have_is_refused_by_name(answers, text: str, words: str) -> None:
    with pytest.raises(SpecError) as error:
        said_of(text, answers)
    assert words in str(error.value)


@pytest.mark.parametrize("table", ["best : pair", "breakeven : pair : *", "software : pair : *"])
def test_a_table_for_chips_alone_refuses_pairs(answers, table: str) -> None:
    with pytest.raises(SpecError) as error:
        table_of(table, answers)
    assert "expected a case of single chips, got mine/pair, which is of pools" in str(error.value)
