"""Second count of multi-head latent attention."""

from dse.arrays import Floats
from objectives.api import LatentAttention


def weights(a: LatentAttention, hidden: int, /) -> float:
    """Down to the latents, up to the heads, and the output [1]."""
    down = hidden * (a.latent + a.rope + (a.query_latent or 0))
    up = (a.query_latent or hidden) * (a.nope + a.rope) + a.latent * (a.nope + a.value)
    return float(down + a.heads * (up + a.value * hidden))


def kv_elements(a: LatentAttention, /) -> float:
    """The latent and its rotary part, once for all heads [1]."""
    return float(a.latent + a.rope)


def state_bytes(_a: LatentAttention, /) -> float:
    """None [B]."""
    return 0.0


def core_flop(a: LatentAttention, /) -> float:
    """Latents as they are, or expanded to heads first, whichever are fewer FLOP [FLOP]."""
    return 2.0 * a.heads * min(2 * a.latent + a.rope, a.nope + a.rope + a.value)


def kept(_a: LatentAttention, context: Floats, /) -> Floats:
    """The context [token]."""
    return context


def seen(_a: LatentAttention, mean: Floats, _most: Floats, /) -> Floats:
    """The mean context [token]."""
    return mean


def pairs(_a: LatentAttention, isl: Floats, /) -> Floats:
    """Half of the square [token]."""
    return isl * isl / 2.0
