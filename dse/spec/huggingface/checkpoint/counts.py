"""What an LLM adds up to: parameters, those that a token visits, KV cache and states."""

from dataclasses import dataclass

import numpy as np

from objectives import api
from objectives.arrays import Array
from objectives.equations.llm.attention.kinds import kind_of, of_encoder
from objectives.equations.llm.parameters import active_params, draft_params, params


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Sizes of an LLM on one chip, for one sequence."""

    params: int
    active: int
    """Parameters that a token visits."""
    kv_elements: float
    """Elements of KV cache that a token leaves in all layers, before a window drops any."""
    kv_longest: float | None
    """Elements of KV cache of a sequence as long as the longest context; None where none is known."""
    kv_of_encoder: float
    """Elements of KV cache that a request keeps of the rows of an encoder, whatever its tokens."""
    state_bytes: float
    """Bytes that a sequence keeps whatever its length."""
    drafting: int = 0
    """Parameters of the layers that draft for it, which `params` leaves out."""


def counts(llm: api.Llm, context: int | None) -> Counts:
    """Sizes of an LLM whose longest context has so many tokens."""
    layers = [(b.count, a) for b in llm.blocks for a in b.mixers]
    one = np.ones(())
    longest = None if context is None else np.asarray(float(context))
    left = [(n * kind_of(a).kv_elements(a, one), kind_of(a), a) for n, a in layers]
    return Counts(
        params=round(params(llm)),
        active=round(active_params(llm)),
        kv_elements=sum(_plain(elements) for elements, _, a in left if of_encoder(a) is None),
        kv_of_encoder=sum(
            _plain(elements * kind.kept(a, one)) for elements, kind, a in left if of_encoder(a) is not None
        ),
        kv_longest=None
        if longest is None
        else sum(_plain(elements * kind.kept(a, longest)) for elements, kind, a in left),
        state_bytes=sum(n * _plain(kind_of(a).state_bytes(a, one)) for n, a in layers),
        drafting=round(draft_params(llm)),
    )


def _plain(value: Array | None) -> float:
    return 0.0 if value is None else float(value)
