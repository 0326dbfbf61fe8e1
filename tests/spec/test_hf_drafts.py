"""Layers that draft, as `dse import` writes them: checkpoints by published totals, shapes by hand."""

import json
from pathlib import Path

import pytest
import recent_llms

from dse.spec.catalog.lookup import Catalog
from dse.spec.huggingface.config import Imported, import_llm
from dse.spec.schema.llm import LlmSpec
from objectives.equations.llm.parameters import draft_params, params

OURS = Path(__file__).parent / "hf"

CHECKPOINTS = {
    # Megatron Bridge, audit of deepseek-ai/DeepSeek-V3 at revision e815299b; a copy of embedding and head for
    # the module, and biases of routing of 59 layers
    "deepseek-v3": (684_489_845_504, 2 * 129280 * 7168 + 59 * 256),
    # the Hub's metadata of safetensors, as public notes repeat it; copies, biases of routing of 90 layers,
    # norms of queries and keys of 93
    "glm-4.5": (358_337_791_296, 2 * 151552 * 5120 + 90 * 160 + 93 * 2 * 128),
    # likewise: gates of the shared expert of 49 layers, norms of queries and keys of 13
    "qwen3-next-80b-a3b": (81_324_862_720, 49 * 2048 + 13 * 2 * 256),
}
"""Name to elements of the checkpoint, and those of them that no LLM file counts."""


def imported(folder: Path, name: str, **changes: object) -> Imported:
    path = OURS / f"{name}.json"
    config = json.loads(path.read_text()) if path.exists() else recent_llms.CONFIGS[name]
    inner = config.get("text_config", config)
    inner = {**inner, **changes}
    whole = {**config, "text_config": inner} if "text_config" in config else inner
    file = folder / "config.json"
    file.write_text(json.dumps(whole))
    return import_llm(file, name)


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_network_and_its_module_are_the_whole_checkpoint(tmp_path: Path, name: str) -> None:
    llm = imported(tmp_path, name).spec.resolve()
    total, uncounted = CHECKPOINTS[name]
    assert round(params(llm) + draft_params(llm)) == total - uncounted


def test_bundled_files_have_the_same_modules_as_imported_ones(tmp_path: Path) -> None:
    for name, there in (("qwen3-next-80b-a3b", "qwen3-next-80b-a3b"), ("glm4.5", "glm-4.5")):
        bundled = Catalog().get(LlmSpec, name).resolve()
        assert bundled.draft is not None
        assert bundled.draft == imported(tmp_path, there).spec.resolve().draft


def test_the_air_of_glm_is_its_checkpoint_too() -> None:
    # 46 layers of 128 experts have biases of routing, with the module; no norms of queries and keys
    llm = Catalog().get(LlmSpec, "glm4.5-air").resolve()
    copies = 2 * 151552 * 4096
    assert round(params(llm) + draft_params(llm)) + copies + 46 * 128 == 110_468_824_832


MODULES = {
    "mimo-7b": ("attention", "ffn"),
    "glm-4.7-flash": ("latent_attention", "experts"),
    "deepseek-v3.2": ("latent_attention", "experts", "beside"),
    "glm-5.2": ("latent_attention", "experts", "beside"),
    "qwen3.5-27b": ("attention", "ffn"),
    "qwen3.5-397b-a17b": ("attention", "experts"),
    "ernie-4.5-21b-a3b": ("attention", "ffn"),
}
"""Name to the parts of the one layer of its module."""


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_one_layer_behind_a_matrix_of_two_rows(tmp_path: Path, name: str) -> None:
    found = imported(tmp_path, name)
    assert found.spec.draft_layers is not None
    assert found.spec.draft_layers.count == 1
    (block,) = found.spec.draft_layers.blocks
    said = block.model_dump(exclude_defaults=True)
    assert set(said) == {"count", "matrices", *MODULES[name]}
    hidden = found.spec.hidden
    assert said["matrices"] == ({"inputs": 2 * hidden, "outputs": hidden},)


def test_the_module_of_mimo_is_counted_by_hand(tmp_path: Path) -> None:
    # queries and output of 32 heads of 128, keys and values of 8, an FFN, what joins, five norms, biases
    d = 4096
    weights = 2 * d * d + 2 * d * 8 * 128 + 3 * d * 11008 + 2 * d * d
    small = 5 * d + (32 + 16) * 128
    assert imported(tmp_path, "mimo-7b").counts.drafting == weights + small


def test_a_module_of_nemotron_has_attention_and_then_experts(tmp_path: Path) -> None:
    found = imported(tmp_path, "nemotron-3-ultra-550b").spec.draft_layers
    assert found is not None
    first, second = (b.model_dump(exclude_defaults=True) for b in found.blocks)
    assert set(first) == {"count", "attention", "matrices"}
    assert set(second) == {"count", "experts"}


def test_the_module_of_longcat_has_no_experts(tmp_path: Path) -> None:
    assert imported(tmp_path, "longcat-flash-560b").spec.draft_layers is None
    found = imported(tmp_path, "longcat-flash-560b", num_nextn_predict_layers=1).spec.draft_layers
    assert found is not None
    assert {*found.blocks[0].model_dump(exclude_defaults=True)} == {
        "count",
        "latent_attention",
        "ffn",
        "matrices",
    }


@pytest.mark.parametrize(
    "name", ["kimi-k2.5", "k-exaone-236b", "minimax-m3", "deepseek-v4-pro", "step-3.5-flash"]
)
def test_modules_that_are_not_there_or_of_unknown_shape_are_left_out(tmp_path: Path, name: str) -> None:
    assert imported(tmp_path, name).spec.draft_layers is None


def test_several_modules_are_counted(tmp_path: Path) -> None:
    one, two = (imported(tmp_path, "deepseek-v3", num_nextn_predict_layers=n) for n in (1, 2))
    assert two.spec.draft_layers is not None
    assert two.spec.draft_layers.count == 2
    assert two.counts.drafting == 2 * one.counts.drafting
    # neither total nor active parameters change
    assert (two.counts.params, two.counts.active) == (one.counts.params, one.counts.active)
    none = imported(tmp_path, "deepseek-v3", num_nextn_predict_layers=0)
    assert none.spec.draft_layers is None
    assert none.counts.drafting == 0


def test_a_dense_model_saved_as_one_of_experts_has_no_module_with_experts(tmp_path: Path) -> None:
    # Qwen3.5-27B is saved so: every layer is in `mlp_only_layers`, and experts have a width of 1
    path, count = OURS / "qwen3-next-80b-a3b.json", 48
    dense = {"mlp_only_layers": list(range(count)), "num_experts": 1, "num_experts_per_tok": 1}
    dense |= {"moe_intermediate_size": 1, "shared_expert_intermediate_size": 0}
    assert json.loads(path.read_text())["num_hidden_layers"] == count
    found = imported(tmp_path, "qwen3-next-80b-a3b", **dense)
    llm = found.spec.resolve()
    assert llm.draft is None
    assert not any(block.experts for block in llm.blocks)
    assert "no layer of this file has" in found.text
