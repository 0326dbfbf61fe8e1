"""What `dse import` makes of layers with a state: as their classes have them, key by key."""

import json
from pathlib import Path

import pytest
from recent_llms import CONFIGS

from dse.spec.huggingface.config import import_llm
from objectives.api import Attention, LinearAttention, Llm, Mamba, ShortConvolution
from objectives.equations.llm.parameters import params


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


def test_zamba_uses_one_block_thirteen_times_and_stores_it_once(tmp_path: Path) -> None:
    llm = read(tmp_path, "zamba-7b")
    scans, led, shared = llm.blocks
    assert (scans.count, led.count, shared.count, shared.distinct) == (63, 13, 13, 1)
    assert (
        scans.attention
        == led.attention
        == Mamba(inner=7424, state_dim=16, step_rank=232, conv=4, state_bytes=4.0)
    )
    # back into the stream, by a matrix of each layer
    assert [(m.inputs, m.outputs) for m in led.matrices] == [(3712, 3712)]
    # queries, keys and values of the stream and of the embedding, 7,424 in all
    assert shared.attention == Attention(heads=16, kv_heads=16, head_dim=464)
    assert [(m.inputs, m.outputs) for m in shared.matrices] == [(3712, 3 * 7424)]
    # but for half of the norm of what the block reads
    assert params(llm) == 7_232_490_496 - 3712


def test_zamba2_uses_two_blocks_in_turn_with_an_adapter_of_each_layer(tmp_path: Path) -> None:
    llm = read(tmp_path, "zamba2-7b")
    scans, led, shared = llm.blocks
    assert (scans.count, led.count, shared.count, shared.distinct) == (68, 13, 13, 2)
    assert scans.attention == LinearAttention(
        heads=112, key_heads=2, key_dim=64, value_dim=64, gate=True, delta=False, state_bytes=4.0, conv=4,
        step=True, chunk=256,
    )  # fmt: skip
    assert [(m.inputs, m.outputs) for m in led.matrices] == [(3584, 3584), (3584, 128), (128, 2 * 14336)]
    assert params(llm) == 7_356_749_648 - 2 * 3584


def test_zamba2_may_have_adapters_of_queries_keys_and_values(tmp_path: Path) -> None:
    plain = params(read(tmp_path, "zamba2-7b"))
    adapted = params(read(tmp_path, "zamba2-7b", use_shared_attention_lora=True))
    assert adapted - plain == 13 * 3 * 2 * 7168 * 128


def test_files_of_transformers_and_the_first_files_of_zamba2_are_the_same(tmp_path: Path) -> None:
    first = CONFIGS["zamba2-7b"]
    names = {
        "conv_dimension": "mamba_d_conv",
        "expansion_factor": "mamba_expand",
        "ffn_hidden_size": "intermediate_size",
        "lora_rank": "adapter_rank",
        "state_size": "mamba_d_state",
        "use_shared_attention_lora": "use_shared_attention_adapter",
    }
    gone = ("mamba_headdim", "kv_channels", "gated_linear_unit", "ft_lora", "use_shared_block_lora")
    later = {names.get(key, key): value for key, value in first.items() if key not in gone}
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**later, "n_mamba_heads": 112, "chunk_size": 256}))
    assert import_llm(path, "zamba2-7b").spec.resolve() == read(tmp_path, "zamba2-7b")
