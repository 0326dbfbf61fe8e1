"""Files of LLMs that denoise blocks: what `dse import` makes of them, and what it refuses.

The files were read in hxhcreate/DARE (LLaDA 8B, SDAR 1.7B), yinj66/support_basis (LLaDA 8B), Linn3a/DARE
(Dream), AlekseyCalvin/SDAR (SDAR 8B), Xenearkr/DARE (SDAR 30B-A3B, LLaDA2.1 mini), veonlok/AOMT and
inclusionAI/dFactory (LLaDA2.0), HoangMaizzz/failfasttesting (Fast-dLLM v2); that of DiffusionGemma in a test
of an engine, which leaves out keys that are not about sizes.
"""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from recent_llms import CONFIGS

from dse.errors import SpecError
from dse.spec.huggingface.config import Imported, import_llm

NAMES = list(json.loads((Path(__file__).parent / "hf_recent" / "diffusions.json").read_text()))


def imported(folder: Path, name: str, **changes: Any) -> Imported:
    path = folder / "config.json"
    path.write_text(json.dumps({**CONFIGS[name], **changes}))
    return import_llm(path, name, date(2026, 1, 2))


@pytest.mark.parametrize("name", NAMES)
def test_the_file_says_that_blocks_are_denoised(tmp_path: Path, name: str) -> None:
    found = imported(tmp_path, name)
    assert found.spec.generation == "diffusion" and "generation: diffusion" in found.text


def test_other_families_say_nothing_of_it(tmp_path: Path) -> None:
    assert "generation" not in imported(tmp_path, "smollm3-3b").text


def test_llada_8b_by_hand(tmp_path: Path) -> None:
    # two matrices of 126,464 x 4,096, 32 layers of four of 4,096^2 and three of 4,096 x 12,288, norms
    weights = 2 * 126_464 * 4096 + 32 * (4 * 4096**2 + 3 * 4096 * 12_288)
    norms = (2 * 32 + 1) * 4096
    found = imported(tmp_path, "llada-8b")
    assert found.params == weights + norms
    assert found.spec.context == 4096


def test_a_block_of_the_file_is_told(tmp_path: Path) -> None:
    for name, size in (("sdar-8b", 4), ("fast-dllm-v2-1.5b", 32)):
        assert f"blocks of {size} tokens" in (imported(tmp_path, name).spec.architecture.note or "")


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("llada-8b", {"block_type": "sequential"}, "block_type: expected llama, got 'sequential'"),
        ("llada-8b", {"include_bias": True}, "include_bias: expected false, got True"),
        ("llada-8b", {"multi_query_attention": True}, "multi_query_attention: expected false"),
        ("llada-8b", {"embedding_size": 126_592}, "embedding_size: expected the same as vocab_size"),
        ("llada-8b", {"architectures": ["LLaDAMoEModelLM"]}, "architectures: expected LLaDAModelLM"),
        ("llada2.0-mini", {"use_sliding_window": True}, "use_sliding_window: expected false"),
        ("llada2.0-mini", {"use_bias": True}, "use_bias: expected false"),
        ("sdar-30b-a3b", {"model_type": "lladamoe"}, "no published file of it was at hand"),
    ],
)
def test_what_would_change_sizes_is_refused(
    tmp_path: Path, name: str, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(SpecError) as error:
        imported(tmp_path, name, **changes)
    assert told.lower() in str(error.value).lower()


def test_llada2_1_has_one_key_more(tmp_path: Path) -> None:
    plain, more = (imported(tmp_path, "llada2.0-mini", **c) for c in ({}, {"use_qk_norm": True}))
    assert plain.params == more.params
