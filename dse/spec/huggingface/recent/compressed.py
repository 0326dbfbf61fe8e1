"""LLMs whose KV cache holds many tokens in one entry: DeepSeek V4."""

from collections.abc import Sequence

from dse.spec.huggingface.experts import PREDICTION
from dse.spec.huggingface.reader import BASE, SLIDING, HfConfig, Layer, Network, family, words

STREAMS = "matrices that mix the streams of the residual count in layers, but not before the head"
_PICKED, _ALL = "compressed_sparse_attention", "heavily_compressed_attention"
_KIND_OF_RATIO = {0: SLIDING, 4: _PICKED, 128: _ALL}
_RATIO = {_PICKED: 4, _ALL: 128}
"""Tokens of an entry; those of few tokens overlap, and an index picks among them."""


def _deepseek_v4(c: HfConfig) -> Network:
    """A window of plain tokens, and entries: of 4 tokens, some of which an index picks, or of 128, all."""
    c.must("num_key_value_heads", 1)
    c.must("attention_bias", False)
    streams, hidden, count = c.size("hc_mult", 1), c.size("hidden_size"), c.size("num_hidden_layers")
    shared = c.whole("n_shared_experts") * c.size("moe_intermediate_size")
    experts = {
        "count": c.size("n_routed_experts"),
        "top_k": c.size("num_experts_per_tok"),
        "width": c.size("moe_intermediate_size"),
        **({"shared_width": shared} if shared else {}),
    }
    # before attention and before the experts: what is read, written and mixed of each stream
    mixing = [{"inputs": streams * hidden, "outputs": streams * (2 + streams)}] * 2
    parts: dict[str, Layer] = {kind: _attention(c, kind) for kind in (SLIDING, _PICKED, _ALL)}
    layers = tuple(
        {**parts[kind], "experts": experts, **({"matrices": mixing} if streams > 1 else {})}
        for kind in _kinds(c, count)
    )
    ahead = c.whole("num_nextn_predict_layers")
    return Network(
        layers=layers,
        tied=c.flag("tie_word_embeddings"),
        notes=(*((STREAMS,) if streams > 1 else ()), *((f"{PREDICTION} ({ahead})",) if ahead else ())),
    )


def _attention(c: HfConfig, kind: str) -> Layer:
    """Latent queries, one vector that is key and value, outputs in groups; and entries beside it."""
    heads, dim, rank = c.size("num_attention_heads"), c.size("head_dim"), c.size("q_lora_rank")
    plain: Layer = {
        "attention": {
            "heads": heads,
            "kv_heads": 1,
            "head_dim": dim,
            "window": c.size("sliding_window"),
            "kv": "one",
            "query_latent": rank,
            "output_groups": c.size("o_groups"),
            "output_latent": c.size("o_lora_rank"),
        }
    }
    if kind == SLIDING:
        return plain
    entries = {"heads": heads, "dim": dim, "ratio": _RATIO[kind]}
    if kind == _ALL:
        return {**plain, "beside": {"compressed": entries}}
    index = {
        "heads": c.size("index_n_heads"),
        "dim": c.size("index_head_dim"),
        "ratio": _RATIO[kind],
        "overlap": True,
        "inputs": rank,
    }
    picked = {**entries, "overlap": True, "top_k": c.size("index_topk")}
    return {**plain, "beside": {"index": index, "compressed": picked}}


def _kinds(c: HfConfig, count: int) -> Sequence[str]:
    """Kinds of layers, in words or as tokens of an entry; layers that predict more may follow."""
    rates = c.get("compress_rates")
    if rates is not None and rates != _RATIO:
        raise c.refuse("compress_rates", f"{_RATIO[_PICKED]} and {_RATIO[_ALL]} tokens of an entry")
    words_, ratios = c.items("layer_types", str), c.items("compress_ratios", int)
    if words_ is not None:
        if len(words_) < count or set(words_) - {SLIDING, _PICKED, _ALL}:
            raise c.refuse("layer_types", f"{count} words that are {SLIDING}, {_PICKED} or {_ALL}")
        return words_[:count]
    if ratios is None or len(ratios) < count or set(ratios) - set(_KIND_OF_RATIO):
        raise c.refuse("compress_ratios", f"{count} numbers that are 0, 4 or 128")
    return [_KIND_OF_RATIO[ratio] for ratio in ratios[:count]]


_V4 = family(
    _deepseek_v4,
    BASE
    | words(
        """
        num_key_value_heads head_dim q_lora_rank attention_bias sliding_window o_groups o_lora_rank
        index_n_heads index_head_dim index_topk n_routed_experts n_shared_experts num_experts_per_tok
        moe_intermediate_size num_nextn_predict_layers hc_mult layer_types compress_ratios compress_rates
        """
    ),
    "DeepseekV4ForCausalLM",
    aliases={"num_local_experts": "n_routed_experts", "num_mtp_layers": "num_nextn_predict_layers"},
    passes="qk_rope_head_dim num_hash_layers compress_rope_theta hc_eps hc_sinkhorn_iters mlp_layer_types "
    "intermediate_size swiglu_limit mlp_bias expert_dtype",
)

COMPRESSED = {"deepseek_v4": _V4, "deepseek_ref": _V4}
"""`model_type` to its family."""
