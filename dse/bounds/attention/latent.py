"""Second count of multi-head latent attention."""

import numpy as np

from dse.arrays import Floats, over
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


def kept(a: LatentAttention, context: Floats, /) -> Floats:
    """The context, or the window [token]."""
    return context if a.window is None else np.minimum(context, float(a.window))


def seen(a: LatentAttention, mean: Floats, most: Floats, /) -> Floats:
    """The mean context, or the best of it by an index at least, as with a window [token]."""
    reach = _reach(a)
    return mean if reach is None else mean * np.minimum(1.0, over(reach, most, 1.0))


def pairs(a: LatentAttention, isl: Floats, /) -> Floats:
    """Half of the square, or of what the best by an index leave of it [token]."""
    reach = _reach(a)
    inside = isl if reach is None else np.minimum(isl, float(reach))
    return np.asarray(isl * inside - inside * inside / 2.0)


def _reach(a: LatentAttention) -> int | None:
    """Tokens that a row visits at most, the best or the last [token]."""
    return a.top_k if a.window is None else a.window
