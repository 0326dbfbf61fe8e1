"""JAX: compiled in double precision, on a GPU where there is one, else on all cores."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import jax
import numpy as np

UNFUSED: Final = {"xla_disable_hlo_passes": "fusion,cpu-instruction-fusion"}
"""Options of XLA that leave operations apart."""


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of arrays and dictionaries of arrays, compiled for each new set of shapes.

    Takes NumPy arrays and returns NumPy arrays. Double precision holds inside only; nothing global changes.
    """
    return _called(jax.jit(function), function)


def compiled_unfused(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `compiled`, with operations apart: soon compiled, and slow."""
    return _called(jax.jit(function, compiler_options=UNFUSED), function)


def _called(fast: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:

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
