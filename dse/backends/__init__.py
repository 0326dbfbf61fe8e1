"""Array libraries that compile: the same array-namespace code, faster. The only door of JAX."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from dse.errors import nearest, spec_error

Compile = Callable[[Callable[..., Any]], Callable[..., Any]]
"""Turns array-namespace code into a compiled function that takes and returns NumPy arrays."""

BACKENDS = ("numpy", "jax")


def compiler(name: str, *, fused: bool = True) -> Compile | None:
    """The compiler of a backend; None for NumPy, which has none.

    Without `fused` operations stay apart: a sixth of the time to compile, for functions that are called a few
    times.

    Raises `SpecError` for an unknown name and for a library that is not installed.
    """
    if name not in BACKENDS:
        raise spec_error("--backend", f"unknown backend {name!r}; {nearest(name, BACKENDS)}")
    if name == "numpy":
        return None
    # before the import, so that the error names what to install instead of a module of ours
    if find_spec(name) is None:
        raise spec_error("--backend", f"expected {name} to be installed; pip install 'dse[{name}]'")
    module = import_module(f"dse.backends.{name}")
    found: Compile = module.compiled if fused else module.compiled_unfused
    return found


def device(name: str) -> str:
    """What a backend computes on, in words."""
    return "CPU" if name == "numpy" else str(import_module(f"dse.backends.{name}").device())


def points_per_call(name: str) -> int:
    """Points that a compiled function of a backend is best called with."""
    return int(import_module(f"dse.backends.{name}").points_per_call())
