"""JAX: compiled in double precision, on a GPU where there is one, else on all cores."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import jax
import numpy as np


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of arrays and dictionaries of arrays, compiled for each new set of shapes.

    Takes NumPy arrays and returns NumPy arrays. Double precision holds inside only; nothing global changes.
    """
    fast = jax.jit(function)

    @wraps(function)
    def call(*arguments: Any) -> Any:
        # a context: the program around us may want single precision
        with jax.enable_x64(True):
            # NumPy arrays also because JAX returns before it has computed: this waits, and errors show here
            return jax.tree.map(np.asarray, fast(*arguments))

    return call


def device() -> str:
    """The device that `compiled` functions run on, in words."""
    first = jax.devices()[0]
    return f"{first.platform.upper()} ({first.device_kind})"


def points_per_call() -> int:
    """Points that keep the device busy for longer than a call takes."""
    return 1 << 21 if jax.devices()[0].platform == "cpu" else 1 << 26
