"""Keys that a file leaves out mean what the class of Transformers says, and keys around what sees pass."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from dse.errors import SpecError
from dse.spec.huggingface.checkpoint.counts import Counts
from dse.spec.huggingface.config import Imported, import_llm
from dse.spec.huggingface.families import WRITTEN, defaults

HERE = Path(__file__).parent / "hf"
UNSEEN: Mapping[str, Mapping[str, object]] = json.loads(
    (HERE.parent / "hf_unseen" / "files.json").read_text()
)
DEEPSEEK = json.loads((HERE / "deepseek-v3.json").read_text())


def read(tmp_path: Path, data: Mapping[str, object]) -> Imported:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(data))
    return import_llm(path)


def counted(tmp_path: Path, data: Mapping[str, object]) -> Counts:
    return read(tmp_path, data).counts


# sizes of DeepSeek-V3 are the defaults of its class
@pytest.mark.parametrize("key", sorted(set(defaults("deepseek_v3")) & set(DEEPSEEK)))
def test_a_size_of_deepseek_v3_that_is_left_out_is_that_of_its_class(tmp_path: Path, key: str) -> None:
    before = counted(tmp_path, DEEPSEEK)
    assert counted(tmp_path, {k: v for k, v in DEEPSEEK.items() if k != key}) == before


def test_what_was_filled_in_is_said(tmp_path: Path) -> None:
    found = read(tmp_path, {k: v for k, v in DEEPSEEK.items() if k != "kv_lora_rank"})
    assert found.filled["kv_lora_rank"] == 512
    assert "Transformers fills it in: kv_lora_rank (512)" in (found.spec.architecture.note or "")


@pytest.mark.parametrize("key", sorted(WRITTEN & set(DEEPSEEK) - {"max_position_embeddings"}))
def test_a_file_of_its_own_that_lacks_a_main_size_is_not_whole(tmp_path: Path, key: str) -> None:
    data = {k: v for k, v in DEEPSEEK.items() if k != key}
    if key == "num_key_value_heads":  # latent attention has one for each
        assert counted(tmp_path, data) == counted(tmp_path, DEEPSEEK)
        return
    with pytest.raises(SpecError, match=f"{key}: expected .*, got no such key"):
        read(tmp_path, data)


@pytest.mark.parametrize(
    ("outer", "kind", "total", "context"),
    [
        # by hand, from configuration_*.py of Transformers 5.24.0
        ("glm4v", "glm4v_text", 40 * (4096 * 128 * (2 * 32 + 4) + 68 * 64 + 3 * 4096 * 13696), 32768),
        ("gemma3", "gemma3_text", 26 * (2304 * 256 * (2 * 8 + 2 * 4) + 3 * 2304 * 9216), 131072),
        ("qwen3_vl", "qwen3_vl_text", 32 * (4096 * 128 * 4 * 32 + 3 * 4096 * 22016), 128000),
    ],
)
def test_a_model_inside_may_leave_all_its_sizes_to_its_class(
    tmp_path: Path, outer: str, kind: str, total: int, context: int
) -> None:
    found = read(tmp_path, {"model_type": outer, "text_config": {"model_type": kind}})
    vocab, hidden = found.spec.vocab, found.spec.hidden
    tables = vocab * hidden * (1 if found.spec.tied_embedding else 2)
    assert found.counts.params - tables == pytest.approx(total, rel=1e-4)
    # Transformers leaves out a context that is that of the class, too
    assert found.spec.context == context


@pytest.mark.parametrize(
    ("name", "total", "kv"),
    [
        # attention, FFN, embedding and LM head, by hand
        (
            "InternVL2_5-2B",
            24 * (2048 * 128 * (2 * 16 + 2 * 8) + 3 * 2048 * 8192) + 2 * 92553 * 2048,
            24 * 2 * 8 * 128,
        ),
        # keys of 192 and values of 128; 384 experts in all layers but the first
        (
            "MiMo-V2.5-Pro",
            70 * (6144 * (128 * 192 + 8 * 192 + 8 * 128) + 128 * 128 * 6144)
            + 3 * 6144 * 16384
            + 69 * (384 * 3 * 6144 * 2048 + 384 * 6144)
            + 2 * 152576 * 6144,
            70 * 8 * (192 + 128),
        ),
        # 9 layers see everything with 4 KV heads, 39 have 8 and a window; a tower and ears next to them
        (
            "MiMo-V2.5",
            4096 * (48 * 64 * (192 + 128) + (9 * 4 + 39 * 8) * (192 + 128))
            + 3 * 4096 * 16384
            + 47 * (256 * 3 * 4096 * 2048 + 256 * 4096)
            + 2 * 152576 * 4096,
            (9 * 4 + 39 * 8) * (192 + 128),
        ),
        # 192 experts and a shared one but in the first three layers; its files have 758 GB in bf16
        (
            "K2-Horizon-375B-A23B",
            61 * 6144 * 128 * (2 * 48 + 2 * 8)
            + 3 * 3 * 6144 * 16384
            + 58 * (193 * 3 * 6144 * 1792 + 192 * 6144)
            + 2 * 250624 * 6144,
            61 * 2 * 8 * 128,
        ),
        # two names of the width of its experts
        (
            "Hy3-FP8",
            80 * 4096 * 128 * (2 * 64 + 2 * 8)
            + 3 * 4096 * 13312
            + 79 * (193 * 3 * 4096 * 1536 + 192 * 4096)
            + 2 * 120832 * 4096,
            80 * 2 * 8 * 128,
        ),
        # 8 layers attend, 22 have a short convolution of three taps behind two gates
        (
            "LFM2-2.6B",
            8 * 2048 * 64 * (2 * 32 + 2 * 8)
            + 22 * (4 * 2048**2 + 3 * 2048)
            + 30 * 3 * 2048 * 10752
            + 65536 * 2048,
            8 * 2 * 8 * 64,
        ),
        # values are as wide as the hidden size has room for each head: 2560 / 40
        (
            "MiniCPM3-4B",
            62 * (2560 * 768 + 768 * 40 * 96 + 2560 * 288 + 256 * 40 * 128 + 40 * 64 * 2560 + 3 * 2560 * 6400)
            + 73448 * 2560,
            62 * (256 + 32),
        ),
        # biases everywhere; the table is the LM head
        (
            "Phi-3-small-8k",
            32 * (4096 * 128 * (2 * 32 + 2 * 8) + 3 * 4096 * 14336) + 100352 * 4096,
            32 * 2 * 8 * 128,
        ),
        # no latent attention; an FFN in the first layer, 64 experts and 2 shared ones in the others
        (
            "deepseek-vl2-tiny",
            12 * 4 * 1280**2 + 3 * 1280 * 6848 + 11 * (66 * 3 * 1280 * 896 + 64 * 1280) + 2 * 129280 * 1280,
            12 * 2 * 10 * 128,
        ),
        # the keys of LLaMA at the top, next to those of a tower
        ("llava-v1.5-7b", 32 * (4 * 4096**2 + 3 * 4096 * 11008) + 2 * 32000 * 4096, 32 * 2 * 32 * 128),
        # biases of queries, keys and values alone
        (
            "glm-4-9b",
            40 * (4096 * 128 * (2 * 32 + 2 * 2) + 3 * 4096 * 13696) + 2 * 151552 * 4096,
            40 * 2 * 2 * 128,
        ),
        ("Janus-1.3B", 24 * (4 * 2048**2 + 3 * 2048 * 5632) + 2 * 102400 * 2048, 24 * 2 * 16 * 128),
        # Transformers 5.24.0 on the meta device
        ("granite-4-hybrid", 144_552_080, 2 * 2 * 8 * 64),
    ],
)
def test_files_that_no_table_was_made_from(tmp_path: Path, name: str, total: int, kv: int) -> None:
    found = counted(tmp_path, UNSEEN[name])
    assert found.params == pytest.approx(total, rel=1e-3)
    assert found.kv_elements == kv


def test_what_transformers_5_writes_of_layers_that_see_everything_is_read_of_diffusion_too(
    tmp_path: Path,
) -> None:
    old = json.loads((HERE.parent / "hf_recent" / "diffusions.json").read_text())
    data = next(d for d in old.values() if d.get("model_type") == "diffusion_gemma")
    text = {k: v for k, v in data["text_config"].items() if k not in ("global_head_dim", "layer_types")}
    full = [i for i in range(text["num_hidden_layers"]) if i % 6 == 5]
    wide = {"head_dim": 512, "num_key_value_heads": text["num_global_key_value_heads"]}
    new = {**data, "text_config": {**text, "per_layer_config": {f"{i:02d}": wide for i in full}}}
    assert counted(tmp_path, new) == counted(tmp_path, data)


def test_keys_of_what_sees_pass_and_those_that_may_be_a_size_do_not(tmp_path: Path) -> None:
    data = UNSEEN["InternVL2_5-2B"]
    found = read(tmp_path, {**data, "pixel_unshuffle": 2, "frames": 8})
    seen = found.ignored["what sees or hears, around the language model"]
    assert {"downsample_ratio", "template", "pixel_unshuffle", "frames"} <= set(seen)
    for key in ("num_layers", "llm_hidden_width", "extra_experts"):
        with pytest.raises(SpecError, match=f"{key}: expected no unknown key"):
            read(tmp_path, {**data, key: 3})


def test_a_tower_that_would_tie_a_head_it_lacks_is_read(tmp_path: Path) -> None:
    # published: 10.67B parameters, tower and all
    assert counted(tmp_path, UNSEEN["Llama-3.2-11B-Vision"]).params == pytest.approx(10.67e9, rel=1e-3)
