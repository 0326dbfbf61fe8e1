"""Layouts that can be estimated and that engines refuse or do badly are remarked upon, with the numbers."""

from pathlib import Path

import pytest
from studies_for_tests import write_study

from dse.cli.input.check_file import remarks_on
from dse.cli.show.run_summary import layout_lines
from dse.errors import SpecError
from dse.evaluate.estimate import estimate
from dse.question.layouts import layout_remarks
from dse.question.resolved_study import load_study
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.system import StackSpec
from objectives.api import Llm

CATALOG = Catalog.of(None)
SPLITS, SPLITS_NOT = (CATALOG.get(StackSpec, name) for name in ("gpu-serving", "ideal"))


def llm(name: str) -> Llm:
    return CATALOG.get(LlmSpec, name).resolve()


@pytest.mark.parametrize(
    ("name", "stored", "tp", "ep", "words"),
    [
        # 768 / 4 and 18,432 / 32, 2,048 / 32 of shared and routed experts
        ("qwen3-30b-a3b", "fp8", 4, 1, "widths of 192 a chip"),
        ("deepseek-v3", "fp8", 32, 1, "widths of 64 and 576 a chip"),
        # 28,672 / 64 = 448, which 16 and 32 divide and 128 does not
        ("llama3-70b", "int4", 64, 1, "widths of 448 a chip"),
        ("llama3-70b", "q4_k_m", 64, 1, "no multiple of 256"),
        ("deepseek-v3", "fp8", 1, 3, "the 256 experts of deepseek-v3: the fullest chip holds 86"),
    ],
)  # fmt: skip
def test_a_layout_that_engines_refuse_is_told(name: str, stored: str, tp: int, ep: int, words: str) -> None:
    (told,) = layout_remarks(llm(name), stored, tp, 1, ep)
    assert words in told


@pytest.mark.parametrize(
    ("name", "stored", "tp", "ep"),
    [
        ("qwen3-30b-a3b", "fp8", 2, 1),  # 384
        ("qwen3-30b-a3b", "bf16", 4, 1),  # no blocks
        ("qwen3-30b-a3b", "fp8", 4, 4),  # whole experts on each chip
        ("llama3-70b", "mxfp4", 64, 1),
        ("llama3-70b", "nvfp4", 64, 1),
        ("deepseek-v3", "fp8", 1, 32),
    ],
)
def test_a_layout_that_fits_is_not(name: str, stored: str, tp: int, ep: int) -> None:
    assert layout_remarks(llm(name), stored, tp, 1, ep) == []


def test_redundant_experts_make_a_layout_fit() -> None:
    served = llm("deepseek-v3").with_redundant
    (told,) = layout_remarks(served(0), "fp8", 1, 1, 3)
    assert "redundant_experts 2 in the workload" in told
    assert layout_remarks(served(2), "fp8", 1, 1, 3) == []
    (told,) = layout_remarks(served(1), "fp8", 1, 1, 3)
    assert "the 256 + 1 experts" in told
    assert "redundant_experts 2 " in told


def test_redundant_experts_are_a_fact_of_the_workload_that_an_estimate_counts() -> None:
    layout = {"weights": "fp8", "tp": 1, "pp": 1, "ep": 32, "dp": 32, "batch": 8}
    plain, more = (
        estimate("h200", "deepseek-v3", "chat", **layout, settings=given)
        for given in ({}, {"redundant_experts": "32"})
    )
    # one expert more on each chip in 58 layers, a byte each
    held = more.ledgers["capacity_bytes"]["weights"] - plain.ledgers["capacity_bytes"]["weights"]
    assert held == pytest.approx(58 * 3 * 7168 * 2048, rel=1e-9)
    with pytest.raises(SpecError, match="288 experts of deepseek-v3 with 32 redundant ones, got 320"):
        estimate("h200", "deepseek-v3", "chat", **{**layout, "ep": 320}, settings={"redundant_experts": "32"})


def test_redundant_experts_of_an_llm_without_experts_are_refused(tmp_path: Path) -> None:
    why = "redundant_experts: expected an LLM with experts, got 32 copies in each layer of llama2-70b"
    with pytest.raises(SpecError, match=f"^workloads/chat: {why}, which has none$"):
        estimate("h100", "llama2-70b", "chat", settings={"redundant_experts": "32"})
    path = write_study(
        tmp_path, llm="llama2-70b", workload="chat", settings={"workload/chat.redundant_experts": 32}
    )
    with pytest.raises(SpecError, match=why):
        load_study(str(path))


def test_redundant_experts_are_held_by_layers_that_draft_too() -> None:
    drafts = llm("glm4.5").with_redundant(8).draft
    assert drafts is not None
    assert [b.experts.redundant for b in drafts.blocks if b.experts is not None] == [8]


def test_a_cache_that_chips_keep_several_times_over_is_told_where_it_can_be_split() -> None:
    # eight KV heads on 16 chips
    (told,) = layout_remarks(llm("llama3-70b"), "bf16", 16, 1, 1, SPLITS)
    assert "lies 2 times over" in told
    assert "TP 8 with CP 2" in told
    assert layout_remarks(llm("llama3-70b"), "bf16", 8, 2, 1, SPLITS) == []
    assert layout_remarks(llm("llama3-70b"), "bf16", 8, 1, 1, SPLITS) == []
    assert layout_remarks(llm("llama3-70b"), "bf16", 16, 1, 1, SPLITS_NOT) == []


def test_an_estimate_has_the_remark_among_its_notes() -> None:
    found = estimate("h100", "qwen3-30b-a3b", "chat", weights="fp8", tp=4, pp=1, ep=1, batch=8)
    assert any("widths of 192 a chip" in note for note in found.notes)


def study_of(folder: Path) -> Path:
    precision = {"weights": "fp8", "kv": "fp8", "activations": "fp8"}
    lists = {"mode": "solve", "batch": [8], "tp": [1, 32], "pp": [1], "ep": [1, 3]}
    return write_study(folder, llm="deepseek-v3", precision=precision, deployment=lists)


def test_the_layouts_of_a_front_name_their_chips_once(tmp_path: Path) -> None:
    study = load_study(str(study_of(tmp_path)))
    rows = [{"chip": "one", "tp": 32, "ep": 1}, {"chip": "two", "tp": 32, "ep": 1}, {"chip": "x", "tp": 1}]
    (line,) = layout_lines(study, rows)
    assert line.startswith("Remark on one, two: widths of 64 and 576 a chip")


def test_a_check_remarks_on_the_layouts_that_a_study_lists(tmp_path: Path) -> None:
    path = study_of(tmp_path)
    line = 1 + [text.partition(":")[0] for text in path.read_text().splitlines()].index("deployment")
    first, second = remarks_on([path])
    assert first.startswith(f"{path}:{line}: deployment.tp: 32: widths of 64 and 576")
    assert second.startswith(f"{path}:{line}: deployment.ep: 3: EP 3 does not divide")
