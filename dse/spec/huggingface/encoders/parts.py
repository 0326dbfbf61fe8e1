"""What networks with an encoder have in common."""

from dse.spec.huggingface.reader import HfConfig, Layer
from dse.spec.schema.layers import MOST_LAYERS

UNCOUNTED = "biases of outputs, FFNs and norms are not counted"


def layers_of(c: HfConfig, key: str, otherwise: int | None = None) -> int:
    """Number of layers, which are listed one by one."""
    found = c.size(key, otherwise)
    if found > MOST_LAYERS:
        raise c.refuse(key, f"a whole number of at most {MOST_LAYERS:,}")
    return found


def heads_of(c: HfConfig, key: str, hidden: int, *, bias: bool) -> dict[str, object]:
    """Attention in which every query head has a key and a value, all of them as wide as the hidden size."""
    heads = c.size(key)
    if hidden % heads:
        raise c.refuse(key, f"a divisor of the width ({hidden})")
    found: dict[str, object] = {"heads": heads, "kv_heads": heads, "head_dim": hidden // heads}
    return {**found, "bias": True} if bias else found


def decoder(count: int, own: Layer, cross: Layer, ffn: Layer) -> tuple[Layer, ...]:
    """Layers of self attention, cross attention and FFN, in turn: two blocks, since each part is summed."""
    return ({"attention": own},) * count + ({"cross_attention": cross, "ffn": ffn},) * count


def texts(tokens: int) -> str:
    """What a reader should know of the length of a source."""
    return f"the encoder reads {tokens:,} tokens a request: `encoder.tokens` says another length"
