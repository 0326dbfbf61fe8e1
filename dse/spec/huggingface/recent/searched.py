"""LLMs whose layers a search chose one by one: Nemotron from neural architecture search, DeciLM."""

from dse.spec.huggingface.dense import GATED, OUTPUT_BIAS, gated_ffn
from dse.spec.huggingface.reader import HfConfig, Layer, Network, attention, family, words

_MOST = 1_000
"""Of a factor of the width of an FFN."""
_ATTENTION = "no_op n_heads_in_group replace_with_linear window_length num_sink_tokens sparsify"
_SINKS = ("num_sink_tokens", "sparsify", "unshifted_sink", "use_prefill_window_in_sink_attention")
_FFN = words("no_op ffn_mult replace_with_linear sparsify intermediate_size hidden_act")


def _nas(c: HfConfig) -> Network:
    """Nemotron from neural architecture search: each layer has its own KV heads and FFN, or goes without."""
    configs, count = c.get("block_configs"), c.size("num_hidden_layers")
    if not isinstance(configs, list) or len(configs) != count:
        raise c.refuse("block_configs", f"a list of {count} layers")
    layers: list[Layer] = []
    for i, one in enumerate(configs):
        where = f"{c.where}: block_configs: {i}"
        if not isinstance(one, dict):
            raise c.refuse("block_configs", "keys for each layer")
        layer = HfConfig(where, one, frozenset({"attention", "ffn"}), {}, c.filled, "block_configs.")
        parts = {**_nas_attention(c, layer), **_nas_ffn(c, layer)}
        matrices = [m for part in ("attention", "ffn") for m in _linear(c, layer, part)]
        # a layer that does nothing is none
        if parts or matrices:
            layers.append({**parts, **({"matrices": matrices} if matrices else {})})
    bias = c.flag("attention_bias")
    return Network(
        layers=tuple(layers),
        tied=c.flag("tie_word_embeddings"),
        notes=(OUTPUT_BIAS,) if bias else (),
    )


def _linear(c: HfConfig, layer: HfConfig, part: str) -> list[dict[str, int]]:
    """A square matrix where one replaces the part."""
    inside = layer.part(part, *_FFN, *_ATTENTION.split(), *_SINKS)
    hidden = c.size("hidden_size")
    return [{"inputs": hidden, "outputs": hidden}] if inside.flag("replace_with_linear") else []


def _nas_attention(c: HfConfig, layer: HfConfig) -> dict[str, object]:
    """Softmax attention of one layer, where it has any."""
    inside = layer.part("attention", *_ATTENTION.split(), *_SINKS)
    if inside.flag("no_op") or inside.flag("replace_with_linear"):
        return {}
    for key in _SINKS:
        value = inside.get(key)
        if value is not None and value is not False and (type(value) is not int or value):
            raise inside.refuse(key, "null or false")
    heads, group = c.size("num_attention_heads"), inside.size("n_heads_in_group")
    if heads % group:
        raise inside.refuse("n_heads_in_group", f"a divisor of num_attention_heads ({heads})")
    found = attention(c, bias=c.flag("attention_bias"), kv_heads=heads // group)
    window = inside.get("window_length")
    return {"attention": found if window is None else {**found, "window": inside.size("window_length")}}


def _nas_ffn(c: HfConfig, layer: HfConfig) -> dict[str, object]:
    """FFN of one layer, where it has one."""
    inside = layer.part("ffn", *_FFN)
    if inside.flag("no_op") or inside.flag("replace_with_linear"):
        return {}
    if inside.get("intermediate_size") is not None:
        return {"ffn": gated_ffn(inside)}
    multiple = inside.get("ffn_mult")
    if isinstance(multiple, bool) or not isinstance(multiple, int | float) or not 0 < multiple < _MOST:
        raise inside.refuse("ffn_mult", f"a number above 0 and below {_MOST}")
    # two thirds, rounded up to a multiple of 256, as the code of the checkpoint has it
    width = -(-int(2 * multiple * c.size("hidden_size") / 3) // 256) * 256
    return {"ffn": {"width": width, "gated": True}}


def _decilm(c: HfConfig) -> Network:
    """DeciLM: KV heads for each layer."""
    found, count = c.items("num_key_value_heads_per_layer", int), c.size("num_hidden_layers")
    if found is None or len(found) != count:
        raise c.refuse("num_key_value_heads_per_layer", f"a list of {count} numbers")
    ffn = gated_ffn(c)
    layers = tuple(
        {"attention": attention(c, bias=c.flag("attention_bias"), kv_heads=kv), "ffn": ffn} for kv in found
    )
    return Network(layers=layers, tied=c.flag("tie_word_embeddings"))


_NAS_KEYS = (GATED - {"num_key_value_heads"}) | {"attention_bias", "block_configs"}

SEARCHED = {
    "nemotron-nas": family(_nas, _NAS_KEYS, "DeciLMForCausalLM", passes="num_key_value_heads mlp_bias"),
    "deci": family(
        _decilm,
        (GATED - {"num_key_value_heads"}) | {"attention_bias", "num_key_value_heads_per_layer"},
        "DeciLMForCausalLM",
        passes="num_key_value_heads",
    ),
}
"""`model_type` to its family."""
