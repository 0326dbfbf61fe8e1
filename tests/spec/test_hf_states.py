"""What `dse import` makes of layers with a state: as their classes have them, key by key."""

import json
from pathlib import Path

import pytest
from recent_llms import CONFIGS

from dse.spec.huggingface.config import import_llm
from objectives.api import Attention, Llm, Mamba, ShortConvolution


def read(folder: Path, name: str, **keys: object) -> Llm:
    """The network of a file whose keys are changed."""
    path = folder / "config.json"
    path.write_text(json.dumps({**CONFIGS[name], **keys}))
    return import_llm(path, name).spec.resolve()


def test_lfm2_is_convolutions_of_three_taps_and_attention(tmp_path: Path) -> None:
    conv, full = read(tmp_path, "lfm2-1.2b").blocks
    assert (conv.count, full.count) == (10, 6)
    assert conv.attention == ShortConvolution(width=2048, taps=3, state_bytes=2.0)
    assert not conv.matrices


def test_lfm2_may_have_biases(tmp_path: Path) -> None:
    conv, _ = read(tmp_path, "lfm2-1.2b", conv_bias=True).blocks
    assert conv.attention == ShortConvolution(width=2048, taps=3, state_bytes=2.0, bias=True)


def test_jamba_has_norms_inside_mamba_and_falcon_mamba_has_none_with_weights(tmp_path: Path) -> None:
    jamba = Mamba(inner=8192, state_dim=16, step_rank=256, conv=4, state_bytes=4.0, norms=True)
    assert {b.attention for b in read(tmp_path, "jamba-1.5-mini").blocks} > {jamba}
    (falcon,) = read(tmp_path, "falcon-mamba-7b").blocks
    assert falcon.attention == Mamba(inner=8192, state_dim=16, step_rank=256, conv=4, state_bytes=4.0)


def test_biases_of_mamba_are_read(tmp_path: Path) -> None:
    (block,) = read(tmp_path, "mamba-2.8b", use_bias=True, use_conv_bias=False).blocks
    assert isinstance(block.attention, Mamba)
    assert (block.attention.bias, block.attention.conv_bias) == (True, False)


@pytest.mark.parametrize("window", [512, [512 if i % 2 and i < 16 else None for i in range(32)]])
def test_sambay_reads_one_kv_cache_in_its_second_half(tmp_path: Path, window: object) -> None:
    scans, slides, keeps, gates, reads = read(tmp_path, "phi-4-mini-flash", sliding_window=window).blocks
    assert [b.count for b in (scans, slides, keeps, gates, reads)] == [9, 8, 1, 7, 7]
    assert isinstance(scans.attention, Mamba)
    sizes = {"heads": 40, "kv_heads": 20, "head_dim": 64, "bias": True, "differential": True}
    assert slides.attention == Attention(**sizes, window=512)
    assert keeps.attention == Attention(**sizes)
    assert reads.attention == Attention(**sizes, kv="shared")
    # two matrices gate the scan of an earlier layer, and keep nothing
    assert gates.attention is None
    assert [(m.inputs, m.outputs) for m in gates.matrices] == [(2560, 5120), (5120, 2560)]
