"""Zamba and Zamba2: Mamba in every layer, and a few transformer blocks that many layers use in turn.

A block reads the residual stream next to the embedding of its token, so that queries, keys and values are
made of twice the width; the half that the stream does not fill is a matrix next to attention. What a layer
adds to the block that it uses, its adapters and the matrix that leads back into the stream, are matrices of
that layer.
"""

from collections.abc import Mapping, Sequence

from dse.spec.huggingface.dense import GATED, gated_ffn
from dse.spec.huggingface.reader import STATE, HfConfig, Layer, Network, attention, family, kinds_of, words
from dse.spec.huggingface.recent.states import mamba2
from dse.spec.huggingface.stateful.selective import mamba1

HYBRID = "hybrid"
"""A layer that uses a block."""
USES = "each use of a shared block is a layer of its own here, after those of the file"


def _shared(c: HfConfig) -> tuple[Layer, int, int]:
    """The block, and widths of its queries, and of its keys or values."""
    hidden, heads = c.size("hidden_size"), c.size("num_attention_heads")
    c.must("attention_hidden_size", 2 * hidden)
    size = c.size("head_dim", 2 * hidden // heads)
    found = {**attention(c, bias=False), "head_dim": size}
    queries, keys = heads * size, int(str(found["kv_heads"])) * size
    # of the embedding of the token, whose columns are the other half
    matrices = [{"inputs": hidden, "outputs": queries + 2 * keys}]
    return {"attention": found, "ffn": gated_ffn(c), "matrices": matrices}, queries, keys


def _network(
    c: HfConfig,
    which: Sequence[str],
    scan: Layer,
    block: Layer,
    blocks: int,
    added: Sequence[Mapping[str, int]],
) -> Network:
    """Mamba in every layer of the file, then the uses of its blocks, so that numbers of layers stay."""
    hidden, uses = c.size("hidden_size"), sum(kind == HYBRID for kind in which)
    back = {"inputs": hidden, "outputs": hidden}
    layers: list[Layer] = [{**scan, "matrices": [back, *added]} if kind == HYBRID else scan for kind in which]
    shared = {**block, **({"distinct": blocks} if blocks < uses else {})}
    return Network(
        layers=(*layers, *[shared] * uses), tied=c.flag("tie_word_embeddings", True), notes=(USES,)
    )


def _zamba(c: HfConfig) -> Network:
    """Mamba-1, and one block."""
    count, period, offset = (
        c.size("num_hidden_layers"),
        c.size("attn_layer_period"),
        c.whole("attn_layer_offset"),
    )
    usual = [STATE, STATE, HYBRID, *(HYBRID if i % period == offset else STATE for i in range(count - 3))]
    which = kinds_of(c, (STATE, HYBRID), usual, "layers_block_type")
    # its heads of Mamba share out what is made of all channels, and make no more of it
    inner = c.size("expand") * c.size("hidden_size")
    block, _, _ = _shared(c)
    return _network(c, which, mamba1(c, inner), block, 1, ())


def _zamba2(c: HfConfig) -> Network:
    """Mamba-2, and blocks that layers with an adapter of their own use in turn."""
    for key, wanted in (("add_bias_linear", False), ("gated_linear_unit", True), ("ft_lora", False)):
        c.must(key, wanted)
    hidden, heads = c.size("hidden_size"), c.size("num_attention_heads")
    if c.get("kv_channels") not in (None, hidden // heads):
        raise c.refuse("kv_channels", f"hidden_size / num_attention_heads ({hidden // heads})")
    which = kinds_of(c, (STATE, HYBRID), (), "layers_block_type")
    if not which:
        raise c.refuse("layers_block_type", f"a list of {STATE} and {HYBRID}")
    inner = c.size("expand") * hidden
    width = c.get("mamba_headdim")
    scans = c.size("n_mamba_heads", inner // c.size("mamba_headdim") if width is not None else None)
    if inner % scans or width not in (None, inner // scans):
        raise c.refuse("n_mamba_heads", f"mamba_expand x hidden_size / mamba_headdim ({inner} / {width})")
    block, _, _ = _shared(c)
    rank, ffn = c.size("adapter_rank"), c.size("intermediate_size")
    added: list[Mapping[str, int]] = []
    if c.flag("use_shared_block_lora", True):
        added += [{"inputs": hidden, "outputs": rank}, {"inputs": rank, "outputs": 2 * ffn}]
    if c.flag("use_shared_attention_adapter"):
        # of queries, keys and values, each as wide as what they are made of
        added += [{"inputs": 2 * hidden, "outputs": rank}, {"inputs": rank, "outputs": 2 * hidden}] * 3
    return _network(c, which, mamba2(c, scans, inner // scans), block, c.size("num_mem_blocks"), added)


_BLOCK = GATED | words("attention_hidden_size layers_block_type conv_kernel expand")
_NAMES = {
    "attention_head_dim": "head_dim",
    "layer_types": "layers_block_type",
    "mamba_d_conv": "conv_kernel",
    "mamba_expand": "expand",
}
_PASSES = "use_mamba_kernels num_logits_to_keep use_mem_eff_path use_long_context sliding_window"

SHARED_BLOCKS = {
    "zamba": family(
        _zamba,
        _BLOCK
        | words("attn_layer_period attn_layer_offset state_size time_step_rank use_bias use_conv_bias"),
        "ZambaForCausalLM",
        aliases={
            **_NAMES,
            "mamba_d_state": "state_size",
            "mamba_dt_rank": "time_step_rank",
            "mamba_conv_bias": "use_conv_bias",
            "mamba_proj_bias": "use_bias",
        },
        passes=f"{_PASSES} n_mamba_heads",
    ),
    "zamba2": family(
        _zamba2,
        _BLOCK
        | words(
            """
            n_mamba_heads n_groups ssm_state_size chunk_size mamba_headdim num_mem_blocks adapter_rank
            add_bias_linear use_shared_attention_adapter use_shared_block_lora gated_linear_unit ft_lora
            kv_channels
            """
        ),
        "Zamba2ForCausalLM",
        # the second name of each is that of its first files
        aliases={
            **_NAMES,
            "conv_dimension": "conv_kernel",
            "mamba_d_state": "ssm_state_size",
            "state_size": "ssm_state_size",
            "mamba_ngroups": "n_groups",
            "expansion_factor": "expand",
            "ffn_hidden_size": "intermediate_size",
            "lora_rank": "adapter_rank",
            "use_shared_attention_lora": "use_shared_attention_adapter",
        },
        passes=f"{_PASSES} use_conv_bias num_query_groups use_mem_rope hybrid_layer_ids time_step_limit",
    ),
}
"""`model_type` to its family."""
