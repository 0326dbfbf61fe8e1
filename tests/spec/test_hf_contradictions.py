"""Files whose keys contradict one another, or whose quantisation is unknown: refused, or read one way.

Which key counts is what the classes of Transformers 5.24 do with these files on the meta device.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from recent_llms import CONFIGS
from small_checkpoints import DENSE as QWEN

from dse.errors import SpecError
from dse.spec.huggingface.config import Imported, import_llm

HEAD = 100 * 64
"""Parameters of its embedding, and of its LM head."""


def read(folder: Path, config: dict[str, Any]) -> Imported:
    path = folder / "config.json"
    path.write_text(json.dumps(config, indent=2))
    return import_llm(path, "mine")


def refused(folder: Path, config: dict[str, Any]) -> str:
    with pytest.raises(SpecError) as caught:
        read(folder, config)
    return str(caught.value)


def seen(kind: str, inner: object = None, outer: object = None, **more: object) -> dict[str, Any]:
    """A larger model around Qwen3, which says of its head what is not None."""
    config = {k: v for k, v in QWEN.items() if k != "torch_dtype"}
    if kind == "qwen3_vl":
        config["model_type"] = "qwen3_vl_text"
    elif kind == "lfm2_vl":
        config = {
            **{k: v for k, v in config.items() if k not in ("head_dim", "model_type")},
            "model_type": "lfm2",
            "layer_types": ["conv", "conv", "full_attention", "conv"],
            "conv_L_cache": 3,
            "block_auto_adjust_ff_dim": False,
        }
    elif kind != "internvl":
        config["model_type"] = "qwen2"
    inside = config | ({} if inner is None else {"tie_word_embeddings": inner})
    around = {"model_type": kind, "text_config": inside, **more}
    return around | ({} if outer is None else {"tie_word_embeddings": outer})


@pytest.mark.parametrize("kind", ["fast_vlm", "video_llama_3", "llava_next_video", "llava_onevision"])
def test_some_classes_take_over_a_head_that_is_tied_inside(tmp_path: Path, kind: str) -> None:
    tied = read(tmp_path, seen(kind, True, False, transformers_version="5.3.0"))
    apart = read(tmp_path, seen(kind, False, False, transformers_version="5.3.0"))
    assert apart.params - tied.params == HEAD


def test_the_head_of_lfm2_vl_is_that_of_the_model_around(tmp_path: Path) -> None:
    tied = read(tmp_path, seen("lfm2_vl", True, True))
    apart = read(tmp_path, seen("lfm2_vl", True, False, transformers_version="5.3.0"))
    assert apart.params - tied.params == HEAD


def test_a_head_that_is_tied_inside_alone_is_refused_where_transformers_5_does_not_read_it(
    tmp_path: Path,
) -> None:
    found = refused(tmp_path, seen("qwen3_vl", True, transformers_version="5.3.0"))
    assert "tie_word_embeddings: expected it around the language model too, got no such key" in found
    # Transformers 4 went by the inner one
    tied = read(tmp_path, seen("qwen3_vl", True, transformers_version="4.57.1"))
    apart = read(tmp_path, seen("qwen3_vl", False, False, transformers_version="4.57.1"))
    assert apart.params - tied.params == HEAD


def test_null_around_says_nothing_of_the_head(tmp_path: Path) -> None:
    config = seen("qwen3_vl", True) | {"tie_word_embeddings": None}
    assert "tie_word_embeddings: expected true or false, got null" in refused(tmp_path, config)


@pytest.mark.parametrize("name", ["glm-4.5", "dots1-142b", "mistral-small-4-119b"])
def test_two_keys_say_the_same_of_dense_layers(tmp_path: Path, name: str) -> None:
    config = json.loads(json.dumps(CONFIGS[name]))
    inner = config.get("text_config", config)
    count, first = inner["num_hidden_layers"], inner["first_k_dense_replace"]
    usual = read(tmp_path, config).params
    inner["mlp_layer_types"] = ["dense"] * first + ["sparse"] * (count - first)
    assert read(tmp_path, config).params == usual
    inner["mlp_layer_types"] = ["dense"] * (first + 1) + ["sparse"] * (count - first - 1)
    expected = (
        f"first_k_dense_replace: expected {first + 1}, as many layers as are dense first in mlp_layer_types"
    )
    assert expected in refused(tmp_path, config)


def test_a_window_of_qwen2_moe_needs_the_list_of_layers(tmp_path: Path) -> None:
    config = QWEN | {
        "model_type": "qwen2_moe",
        "num_experts": 8,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 32,
        "shared_expert_intermediate_size": 32,
        "use_sliding_window": True,
        "sliding_window": 16,
        "max_window_layers": 2,
    }
    assert "use_sliding_window: expected layer_types next to it" in refused(tmp_path, config)
    config["layer_types"] = ["sliding_attention", *["full_attention"] * 3]
    windows = [b.attention.window for b in read(tmp_path, config).spec.resolve().blocks]  # type: ignore[union-attr]
    assert windows == [16, None]


@pytest.mark.parametrize("name", ["qwen2.5-vl-7b", "glm-4.1v-9b", "stablelm-2-12b", "persimmon-8b"])
def test_heads_share_the_hidden_size_where_the_class_reads_no_other_key(tmp_path: Path, name: str) -> None:
    config = json.loads(json.dumps(CONFIGS[name]))
    inner = config.get("text_config", config)
    share = inner["hidden_size"] // inner["num_attention_heads"]
    usual = read(tmp_path, config).params
    inner["head_dim"] = share
    assert read(tmp_path, config).params == usual
    inner["head_dim"] = share - 8
    assert f"head_dim: expected hidden_size / num_attention_heads ({share})" in refused(tmp_path, config)


def test_the_pattern_of_command_begins_anew_after_its_dense_layers(tmp_path: Path) -> None:
    config = json.loads(json.dumps(CONFIGS["command-moe"]))
    listed = read(tmp_path, config).spec.resolve().blocks
    del config["layer_types"]
    assert read(tmp_path, config).spec.resolve().blocks == listed


def test_nothing_is_said_of_a_pattern_where_layers_are_listed(tmp_path: Path) -> None:
    path = Path(__file__).parent / "hf" / "gpt-oss-120b.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    found = read(tmp_path, config)
    assert "sliding_window_pattern" not in found.filled
    assert "sliding_window_pattern" not in (found.spec.architecture.note or "")
    del config["layer_types"]
    found = read(tmp_path, config)
    assert "sliding_window_pattern (2)" in (found.spec.architecture.note or "")


def test_what_drafts_is_counted_or_said_to_be_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, dict(CONFIGS["glm-4.5"]))
    assert found.spec.draft_layers is not None
    assert "multi-token prediction" not in (found.spec.architecture.note or "")


INT4 = {"targets": ["Linear"], "weights": {"type": "int", "num_bits": 4, "group_size": 128}}
BYTES = {"targets": ["Embedding"], "weights": {"type": "int", "num_bits": 8}}


@pytest.mark.parametrize(
    ("section", "wanted"),
    [
        # embeddings in another format say nothing of the matrices
        ({"quant_method": "compressed-tensors", "config_groups": {"a": INT4, "b": BYTES}}, "int4"),
        ({"load_in_8bit": True}, "int8"),
        ({"quant_method": "bitsandbytes", "load_in_8bit": False, "load_in_4bit": False}, None),
        ({"quant_method": "modelopt", "quant_algo": None, "kv_cache_quant_algo": "FP8"}, None),
        ({"quant_method": "awq", "bits": 4.0, "group_size": 128}, "int4"),
        # modes of `mlx.core.quantize`
        ({"group_size": 32, "bits": 4, "mode": "mxfp4"}, "mxfp4"),
        ({"group_size": 16, "bits": 4, "mode": "nvfp4"}, "nvfp4"),
        ({"group_size": 32, "bits": 8, "mode": "mxfp8"}, "fp8"),
        ({"group_size": 64, "bits": 4, "mode": "affine"}, "q4_0"),
        ({"bits": 4, "group_size": 64, "model.layers.0.mlp.down_proj": False}, "q4_0"),
        ({"bits": 4, "group_size": 16, "mode": "nvfp4", "lm_head": {"mode": "mxfp4", "bits": 4}}, "nvfp4"),
    ],
)
def test_the_format_that_a_section_means(tmp_path: Path, section: dict[str, Any], wanted: str | None) -> None:
    found = read(tmp_path, QWEN | {"quantization_config": section}).spec.formats
    assert found is not None
    assert found.model_dump().get("dense") == wanted


@pytest.mark.parametrize("section", [{"bits": 3}, {"bits": 4, "group_size": 128}, {}])
def test_a_method_that_is_not_known_is_refused_by_name(tmp_path: Path, section: dict[str, Any]) -> None:
    config = QWEN | {"quantization_config": {"quant_method": "fancy", **section}}
    found = refused(tmp_path, config)
    assert "quantization_config: quant_method: expected one of" in found
    assert "got 'fancy'. The bytes that its weights take are not known" in found


@pytest.mark.parametrize("method", ["aqlm", "spqr", "gguf", "gptq"])
def test_a_method_without_a_format_is_named(tmp_path: Path, method: str) -> None:
    found = read(tmp_path, QWEN | {"quantization_config": {"quant_method": method, "bits": 3}})
    assert found.spec.formats is None
    assert f"the weights are quantised by {method}; no format is written" in (found.spec.notes or "")


def test_weights_that_are_left_out_of_a_file_are_said_to_be_counted(tmp_path: Path) -> None:
    groups = {"a": {"targets": ["Linear"], "weights": {"type": "float", "num_bits": 8}}}
    section = {"quant_method": "compressed-tensors", "config_groups": groups}
    section["sparsity_config"] = {"format": "sparse-24-bitmask"}
    found = read(tmp_path, QWEN | {"quantization_config": section})
    assert "weights that are left out ('sparse-24-bitmask') are counted" in (found.spec.notes or "")


def test_two_sections_say_the_same(tmp_path: Path) -> None:
    config = QWEN | {"quantization": {"bits": 4, "group_size": 64}}
    same = config | {"quantization_config": {"bits": 4, "group_size": 64}}
    assert read(tmp_path, same).spec.formats == read(tmp_path, config).spec.formats
    other = config | {"quantization_config": {"bits": 8, "group_size": 64}}
    assert "quantization: expected the same as quantization_config" in refused(tmp_path, other)


def test_two_files_say_the_same(tmp_path: Path) -> None:
    beside = {"quantization": {"quant_algo": "NVFP4", "exclude_modules": ["lm_head"]}}
    (tmp_path / "hf_quant_config.json").write_text(json.dumps(beside))
    same = QWEN | {"quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}}
    assert read(tmp_path, same).spec.formats is not None
    other = QWEN | {"quantization_config": {"quant_method": "fp8"}}
    found = refused(tmp_path, other)
    assert "expected what hf_quant_config.json says (nvfp4), got fp8" in found
