"""Contexts in which blocks of tokens are denoised, and a strategy for random blocks."""

from dataclasses import replace
from typing import Any

import factories as make
from hypothesis import strategies as st

from objectives.api import Context, Diffusion, Llm
from objectives.equations.step.generation.diffusion import context_of_blocks


def denoised(
    d: Diffusion, llm: Llm | None = None, *, isl: float = 1024.0, osl: float = 1024.0, **changes: Any
) -> Context:
    """As `factories.context`; mean and largest context are those of whole blocks."""
    mean, largest = context_of_blocks(d, isl, osl)
    found = make.context(llm, isl=isl, osl=osl, mean_context=mean, max_context=largest, **changes)
    return replace(found, workload=replace(found.workload, diffusion=d))


def diffusions() -> st.SearchStrategy[Diffusion]:
    """Small and large blocks, few steps and more than a block has tokens, with and without a last pass."""
    return st.builds(Diffusion, block=st.integers(1, 64), steps=st.floats(1.0, 64.0), commit=st.booleans())
