"""What a workload demands of an LLM that lacks it is refused, in estimates and studies, with what has it."""

from pathlib import Path

import pytest
from studies_for_tests import write_study

from dse.errors import SpecError
from dse.evaluate.estimate import estimate
from dse.question.resolved_study import load_study
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.llm import LlmSpec


def refused_by_study(tmp_path: Path, **keys: object) -> str:
    with pytest.raises(SpecError) as caught:
        load_study(str(write_study(tmp_path, **keys)))
    return str(caught.value)


def test_layers_that_draft_are_named_by_the_llms_that_have_some(tmp_path: Path) -> None:
    having = Catalog().drafting()
    assert {"deepseek-v3", "glm4.5", "qwen3-next-80b-a3b"} <= set(having)
    why = f"got qwen3-32b, whose file has no draft_layers; {', '.join(sorted(having))} have some"
    with pytest.raises(SpecError, match=f"^--workload: speculation.draft of chat-mtp: .*{why}$"):
        estimate("h200", "qwen3-32b", "chat-mtp")
    assert why in refused_by_study(tmp_path, llm="qwen3-32b", workload="chat-mtp")


def test_copies_of_experts_need_experts(tmp_path: Path) -> None:
    why = "redundant_experts: expected none for qwen3-32b, which has no experts to copy, got 16 in chat"
    with pytest.raises(SpecError, match=why):
        estimate("h200", "qwen3-32b", "chat", settings={"redundant_experts": "16"})
    copied = {"workload/chat.redundant_experts": "16"}
    wanted = {"llm": "llama2-70b", "workload": "chat", "settings": copied}
    assert why.replace("qwen3-32b", "llama2-70b") in refused_by_study(tmp_path, **wanted)
    # none of them is what every LLM has
    estimate("h200", "qwen3-32b", "chat", tp=1, pp=1, batch=1, settings={"redundant_experts": "0"})


def test_a_part_that_the_workload_lacks_is_named_with_a_workload_that_has_it() -> None:
    with pytest.raises(
        SpecError, match=r"block_steps: expected a workload such as chat-denoised that has it"
    ):
        estimate("h200", "qwen3-32b", "chat", settings={"block_steps": "4"})


def test_layers_that_draft_of_bundled_llms_are_one_module_each() -> None:
    catalog = Catalog()
    for name in catalog.drafting():
        llm = catalog.get(LlmSpec, name).resolve()
        assert llm.draft is not None
        # what joins an embedding to the row before it: two rows in, one out
        (join,) = llm.draft.blocks[0].matrices
        assert (join.inputs, join.outputs) == (2 * llm.hidden, llm.hidden)
