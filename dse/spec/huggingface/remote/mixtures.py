"""LLMs with experts that Transformers lacks: Grok-1, XVERSE, Klear, IQuest-Q1, Pangu Ultra, LongCat."""

from collections.abc import Sequence
from dataclasses import replace

from dse.spec.huggingface.dense import GATED, NORMS, gated_ffn
from dse.spec.huggingface.experts import MLA, deepseek, latent_attention
from dse.spec.huggingface.reader import (
    FULL,
    SLIDING,
    HfConfig,
    Layer,
    Network,
    attention,
    family,
    kinds_of,
    reach,
    words,
)
from dse.spec.huggingface.recent.compressed import STREAMS
from dse.spec.huggingface.recent.latents import LATENTS
from dse.spec.huggingface.recent.mixtures import Mixture, as_wide_as_routed, everywhere, mixture
from dse.spec.huggingface.recent.plain import Plain, plain


def _grok(c: HfConfig) -> Network:
    """Grok-1: eight experts in every layer, with norms on both sides."""
    layer = {"attention": attention(c, bias=False), "experts": _routed(c, c.size("intermediate_size"))}
    return Network(
        layers=(layer,) * c.size("num_hidden_layers"),
        tied=c.flag("tie_word_embeddings", True),
        notes=(NORMS,),
    )


def _routed(c: HfConfig, width: int) -> dict[str, object]:
    return {"count": c.size("num_experts"), "top_k": c.size("num_experts_per_tok"), "width": width}


def _iquest_kinds(c: HfConfig) -> Sequence[str]:
    """A few layers, a block again and again, and a few layers more."""
    count = c.size("num_hidden_layers")
    if not c.flag("use_hybrid_layers", True) or not c.flag("use_sliding_window", True):
        return [FULL] * count
    listed = c.items("layer_types", str)
    if listed is not None:
        return kinds_of(c, (FULL, SLIDING), ())
    parts = [
        c.items(k, str) for k in ("first_layers_types", "hybrid_layers_types_block", "last_layers_types")
    ]
    if any(part is None for part in parts):
        raise c.refuse("hybrid_layers_types_block", "layer_types, or the layers at first, again and at last")
    first, block, last = (part or () for part in parts)
    found = [*first, *block * c.size("num_hybrid_layers_block"), *last]
    if len(found) != count or set(found) - {FULL, SLIDING}:
        raise c.refuse("hybrid_layers_types_block", f"{count} layers in all that are {FULL} or {SLIDING}")
    return found


def _iquest(c: HfConfig) -> Network:
    """IQuest-Q1: experts but in a few layers, which have an FFN of a width of its own."""
    c.must("use_over_encoding", False)
    c.size("head_dim")  # required: heads are wider than hidden_size over their number
    heads = attention(c, bias=c.flag("attention_bias"))
    dense = set(c.items("mlp_only_layers", int) or ())
    routed = _routed(c, c.size("intermediate_size"))
    layers: list[Layer] = [
        {
            "attention": {**heads, **reach(c, kind)},
            **({"ffn": gated_ffn(c, "dense_intermediate_size")} if i in dense else {"experts": routed}),
        }
        for i, kind in enumerate(_iquest_kinds(c))
    ]
    return Network(layers=tuple(layers), tied=c.flag("tie_word_embeddings"))


def _klear(c: HfConfig) -> Network:
    """Klear: heads are as wide as the hidden size over their number, and a shared expert is always said."""
    c.must("head_dim", c.size("hidden_size") // c.size("num_attention_heads"))
    c.whole("n_shared_experts", None)
    return mixture(Mixture(shared=as_wide_as_routed, sparse=_klear_sparse))(c)


def _klear_sparse(c: HfConfig) -> Sequence[bool]:
    dense, step = set(c.items("mlp_only_layers", int) or ()), c.size("decoder_sparse_step")
    return [i not in dense and (i + 1) % step == 0 for i in range(c.size("num_hidden_layers"))]


def _horizon(c: HfConfig) -> Network:
    """K2-Horizon: layers of LLaMA, or experts but in a few layers."""
    c.must("mova_num_experts", 0)
    if c.get("attention_gate_func") is not None:
        raise c.refuse("attention_gate_func", "null, as nothing proves which weights a gate has")
    if not c.whole("num_experts"):
        return plain(Plain())(c)
    return mixture(Mixture(shared=as_wide_as_routed, sparse=_klear_sparse))(c)


def _xverse_shared(c: HfConfig) -> int:
    return c.whole("n_shared_experts") * c.size("intermediate_size")


def _longcat(c: HfConfig) -> Network:
    """LongCat with an index, and with tables of pairs, triples and more of tokens, if the file has them."""
    c.whole("zero_expert_num", None)  # required: the code has another number than 0 where it is left out
    return _with_tables(c, _with_index(c, LATENTS["longcat_flash"].network(c)))


def _with_index(c: HfConfig, once: Network) -> Network:
    """An index in one of so many attentions; the next ones visit what it picked."""
    if "index_n_heads" not in c.reads or c.get("attention_method") not in (None, "LSA"):
        return once
    heads, every = c.size("index_n_heads"), c.size("cli_factor")
    index = {"heads": heads, "dim": c.size("index_head_dim"), "inputs": c.size("q_lora_rank")}
    layers: list[Layer] = []
    for i, layer in enumerate(once.layers):
        mla = {**latent_attention(c), "top_k": c.size("index_topk")}
        own = {} if i % every else {"beside": {"index": index}}
        layers.append({**layer, "latent_attention": mla, **own})
    return replace(once, layers=tuple(layers))


def _with_tables(c: HfConfig, once: Network) -> Network:
    """Tables of n-grams, each with a projection to the hidden size."""
    ratio = c.given("ngram_vocab_size_ratio")
    if not ratio:
        return once
    splits, most = c.size("emb_split_num"), c.size("emb_neighbor_num")
    tables, hidden, vocab = splits * (most - 1), c.size("hidden_size"), c.size("vocab_size")
    if not isinstance(ratio, int | float) or isinstance(ratio, bool) or not 0 < ratio < 10**6:
        raise c.refuse("ngram_vocab_size_ratio", "a number above 0")
    if tables < 1 or hidden % tables:
        raise c.refuse("emb_split_num", f"a number of tables ({tables}) that divides hidden_size ({hidden})")
    first, width = int(ratio * vocab), hidden // tables
    # the projections of all tables together are as large as one square matrix
    projected = {**once.layers[0], "matrices": [{"inputs": hidden, "outputs": hidden}]}
    return replace(
        once,
        layers=(projected, *once.layers[1:]),
        # each table has two rows more than the one before
        lookup=tuple({"entries": first + 2 * i + 1, "width": width} for i in range(tables)),
    )


def _streams(c: HfConfig) -> Network:
    """DeepSeek-V3 with several streams of the residual, mixed before attention and before the FFN."""
    once, streams, hidden = deepseek(c), c.size("hc_mult"), c.size("hidden_size")
    mixing = [{"inputs": streams * hidden, "outputs": streams * (2 + streams)}] * 2
    return replace(
        once,
        layers=tuple({**layer, "matrices": mixing} for layer in once.layers),
        notes=(STREAMS, *once.notes),
    )


_MOE = words("num_experts num_experts_per_tok")
_PANGU = family(
    deepseek,
    MLA,
    "PanguUltraMoEForCausalLM",
    "OpenPanguMoEForCausalLM",
    aliases={
        "attention_kv_lora_dim": "kv_lora_rank",
        "attention_q_lora_dim": "q_lora_rank",
        "attention_qk_dim": "qk_nope_head_dim",
        "attention_qk_rope_dim": "qk_rope_head_dim",
        "attention_v_dim": "v_head_dim",
        "num_routed_experts": "n_routed_experts",
        "num_shared_experts": "n_shared_experts",
        "num_dense_layers": "first_k_dense_replace",
        "num_mtp_layers": "num_nextn_predict_layers",
    },
    passes="sandwich_norm head_dim qk_head_dim router_enable_expert_bias",
)
_LONGCAT = LATENTS["longcat_flash"]

REMOTE_MIXED = {
    **{
        kind: family(
            _grok,
            GATED | _MOE,
            "Grok1ForCausalLM",
            "Grok1ModelForCausalLM",
            aliases={"num_local_experts": "num_experts"},
            passes="attn_output_multiplier max_attn_value output_multiplier_scale embedding_multiplier_scale",
        )
        for kind in ("grok-1", "grok1")
    },
    "xverse_moe": family(
        mixture(
            Mixture(bias=False, expert_width="intermediate_size", shared=_xverse_shared, sparse=everywhere)
        ),
        GATED | _MOE | {"n_shared_experts"},
        "XverseForCausalLM",
        "XverseMoeForCausalLM",
        aliases={"moe_top_k": "num_experts_per_tok", "num_shared_experts": "n_shared_experts"},
        passes="max_tokenizer_truncation",
    ),
    "Klear": family(
        _klear,
        GATED
        | _MOE
        | words("attention_bias n_shared_experts mlp_only_layers decoder_sparse_step moe_intermediate_size"),
        "KlearMoeForCausalLM",
        "KlearForCausalLM",
    ),
    "k2_horizon": family(
        _horizon,
        GATED
        | _MOE
        | words(
            "attention_bias mova_num_experts attention_gate_func n_shared_experts mlp_only_layers "
            "decoder_sparse_step moe_intermediate_size"
        ),
        "K2HorizonForCausalLM",
        aliases={"num_shared_experts": "n_shared_experts"},
        # rotary positions turn a part of each head; the bias of the gate has a number for each expert
        passes="mova_num_experts_per_tok query_key_norm rope_head_dim moe_gate_bias layernorm_num_groups",
    ),
    "iquest_q1": family(
        _iquest,
        GATED
        | _MOE
        | words(
            """
            attention_bias dense_intermediate_size mlp_only_layers layer_types sliding_window
            use_sliding_window use_hybrid_layers first_layers_types hybrid_layers_types_block
            num_hybrid_layers_block last_layers_types use_over_encoding
            """
        ),
        "IQuestQ1ForCausalLM",
        passes="enable_sink_attention first_layer_attn_out_scale first_layer_ffn_out_scale attn_out_scale "
        "ffn_out_scale num_mtp_layers",
    ),
    "pangu_ultra_moe": _PANGU,
    "PanguUltraMoE": _PANGU,
    **{
        kind: family(
            _longcat,
            _LONGCAT.reads | words(f"ngram_vocab_size_ratio emb_neighbor_num emb_split_num {more}"),
            *_LONGCAT.architectures,
            *classes,
            aliases={
                **_LONGCAT.aliases,
                "oe_vocab_size_ratio": "ngram_vocab_size_ratio",
                "oe_neighbor_num": "emb_neighbor_num",
                "oe_split_num": "emb_split_num",
            },
            passes=" ".join((*_LONGCAT.passes - words(more), *passes)),
        )
        for kind, classes, more, passes in (
            ("longcat_flash_ngram", ("LongcatFlashNgramForCausalLM",), "", ()),
            (
                "longcat_flash_sparse",
                ("LongcatFlashSparseForCausalLM",),
                "index_n_heads index_head_dim index_topk cli_factor attention_method",
                ("index_init_tokens", "index_local_tokens", "index_k_norm_type"),
            ),
        )
    },
    "xing4_0": family(
        _streams,
        MLA | {"hc_mult"},
        "Xing4_0ForCausalLM",
        "XingForCausalLM",
        passes="head_dim qk_head_dim hc_sinkhorn_iters hc_eps mhc_h_res_clamp_min mhc_h_res_clamp_max",
    ),
}
"""`model_type` to its family."""
