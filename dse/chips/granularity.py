"""The grain of hardware: what a stack states but the chip decides."""

from typing import Final

from dse.spec.schema.system import StackSpec

GRAIN: Final = ("tile_rows", "prompt_rows", "prompt_rows_from_dram", "held_rows")
"""Rows of a matrix tile, and rows of prompts that run and are held together."""


def with_grain(shared: StackSpec, own: StackSpec) -> StackSpec:
    """The losses of `shared` on a chip whose own stack is `own`, which keeps its grain."""
    return shared.model_copy(update={name: getattr(own, name) for name in GRAIN})
