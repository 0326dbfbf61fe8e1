"""What `dse import` makes of layers with a state: as their classes have them, key by key."""

import json
from pathlib import Path

import pytest
from recent_llms import CONFIGS
from recent_states import ELEMENTS, STATES

from dse.errors import SpecError
from dse.spec.huggingface.config import import_llm
from objectives.api import Attention, LinearAttention, Llm, Mamba, Rwkv, ShortConvolution
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


SPARE = {"rwkv-6-world-1.6b": (1_599_873_024, 4), "rwkv-7-world-1.5b": (1_527_404_544, 3)}
"""Elements of a checkpoint, and vectors of a layer that are not counted: biases of two norms, and the mixes
of channel mixing, which are two in RWKV-6 and one in RWKV-7."""


@pytest.mark.parametrize("name", SPARE)
def test_rwkv_has_every_element_but_biases_of_norms_and_mixes(tmp_path: Path, name: str) -> None:
    total, vectors = SPARE[name]
    # a norm of the embedding, and the bias of the last one
    assert params(read(tmp_path, name)) == total - 24 * vectors * 2048 - 3 * 2048


def test_the_first_layer_of_rwkv_7_has_no_values_to_mix_with(tmp_path: Path) -> None:
    first, later = read(tmp_path, "rwkv-7-world-1.5b").blocks
    assert (first.count, later.count) == (1, 23)
    assert isinstance(first.attention, Rwkv) and isinstance(later.attention, Rwkv)
    assert (first.attention.value_latent, later.attention.value_latent) == (None, 64)
    (one,) = read(tmp_path, "rwkv-7-world-1.5b", num_hidden_layers=1).blocks
    assert one.attention == first.attention


def test_channel_mixing_of_rwkv_6_has_a_gate_of_its_own(tmp_path: Path) -> None:
    (layer,) = read(tmp_path, "rwkv-6-world-1.6b").blocks
    assert layer.ffn is not None
    assert (layer.ffn.width, layer.ffn.matrices) == (7168, 2)
    assert [(m.inputs, m.outputs) for m in layer.matrices] == [(2048, 2048)]
    # its class doubles the ranks at this width
    wide = read(tmp_path, "rwkv-6-world-1.6b", hidden_size=4096, head_size=64).blocks[0].attention
    assert isinstance(wide, Rwkv)
    assert (wide.heads, wide.decay_latent, wide.mix_latent) == (64, 128, 64)


def test_rwkv_6_of_flash_linear_attention_says_all_its_sizes(tmp_path: Path) -> None:
    keys = {"expand_k": 0.5, "expand_v": 1.0, "num_heads": 4, "proj_low_rank_dim": 32}
    more = {"gate_low_rank_dim": 64, "hidden_ratio": 3.5, "num_attention_heads": None}
    (layer,) = read(tmp_path, "rwkv-6-world-1.6b", **keys, **more, architectures=["RWKV6ForCausalLM"]).blocks
    assert layer.attention == Rwkv(
        heads=4, head_dim=256, value_dim=512, decay_latent=64, mix_latent=32, shift=4096, state_bytes=4.0
    )
    assert layer.ffn is not None
    assert layer.ffn.width == 7168


def test_rwkv_7_may_say_heads_or_their_width(tmp_path: Path) -> None:
    by_width = read(tmp_path, "rwkv-7-world-1.5b")
    assert read(tmp_path, "rwkv-7-world-1.5b", head_dim=None, num_heads=32) == by_width
    # of two that differ the width counts, as its class has it
    assert read(tmp_path, "rwkv-7-world-1.5b", num_heads=16) == by_width


@pytest.mark.parametrize("name", STATES)
def test_a_sequence_keeps_the_states_that_the_layers_add_up_to(tmp_path: Path, name: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIGS[name]))
    assert import_llm(path, name).counts.state_bytes == STATES[name]


@pytest.mark.parametrize("name", ["mamba-2.8b", "falcon-mamba-7b", "jamba-1.5-mini"])
def test_mamba_is_counted_to_the_last_element(tmp_path: Path, name: str) -> None:
    assert params(read(tmp_path, name)) == ELEMENTS[name]


@pytest.mark.parametrize(
    ("name", "keys", "words"),
    [
        ("lfm2-1.2b", {"block_ffn_dim_multiplier": float("inf")}, "a number above 0"),
        ("lfm2-1.2b", {"conv_dim": 1024}, "conv_dim: expected 2048"),
        ("lfm3-1.7b", {"layer_types": ["conv"]}, "24 kinds of layer"),
        ("zamba2-7b", {"layers_block_type": None}, "a list of linear_attention and hybrid"),
        ("zamba2-7b", {"mamba_headdim": None}, "n_mamba_heads: expected a whole number"),
        ("zamba2-7b", {"mamba_headdim": 48}, "n_mamba_heads: expected mamba_expand x hidden_size"),
        ("zamba2-7b", {"kv_channels": 128}, "hidden_size / num_attention_heads (112)"),
        ("zamba-7b", {"attention_hidden_size": 3712}, "attention_hidden_size: expected 7424"),
        ("rwkv-6-world-1.6b", {"num_attention_heads": 32}, "head_size: expected the width of a head"),
        ("rwkv-6-world-1.6b", {"head_size": 60}, "a divisor of hidden_size (2048)"),
        ("rwkv-6-world-1.6b", {"attention_hidden_size": 1024}, "attention_hidden_size: expected 2048"),
        ("rwkv-7-world-1.5b", {"attn": {"layers": [1]}}, "attn: expected no layers of attention"),
        ("rwkv-7-world-1.5b", {"value_dim": [1024] * 24}, "value_dim: expected 2048 in each of 24 layers"),
        ("rwkv-7-world-1.5b", {"a_low_rank_dim": None}, "a_low_rank_dim: expected a whole number"),
        ("rwkv-7-world-1.5b", {"head_dim": 60}, "a divisor of hidden_size (2048)"),
        ("rwkv-7-world-1.5b", {"intermediate_size": None, "hidden_ratio": -1}, "a number above 0"),
        ("rwkv-7-world-1.5b", {"hidden_ratio": 3.5}, "intermediate_size / hidden_size (8192 / 2048)"),
        ("phi-4-mini-flash", {"mb_per_layer": 1}, "mb_per_layer: expected 2"),
        ("phi-4-mini-flash", {"num_hidden_layers": 30}, "a multiple of 4"),
        ("phi-4-mini-flash", {"sliding_window": [512] * 32}, "every other of the first 16 layers"),
        ("phi-4-mini-flash", {"sliding_window": []}, "every other of the first 16 layers"),
    ],
)
def test_what_has_no_place_is_refused_by_its_key(
    tmp_path: Path, name: str, keys: dict[str, object], words: str
) -> None:
    with pytest.raises(SpecError) as caught:
        read(tmp_path, name, **keys)
    assert words in str(caught.value)
