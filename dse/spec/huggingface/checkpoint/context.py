"""The longest context that a file states, and what is said of it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from dse.errors import Problem, spec_error
from dse.spec.huggingface.checkpoint.traced import Traced, plain
from dse.spec.huggingface.keys import CONTEXTS
from dse.spec.huggingface.reader import Layer
from dse.text import short

MOST: Final = 10**9
"""Tokens; tokenizers write more where they know no limit."""


def longest(levels: Iterable[Traced], where: str) -> int | None:
    """Longest context that a file states under any name [token]; None where it states none.

    `levels` are the language model and the models around it; the first that states one counts.
    """
    for data in levels:
        found: dict[str, int] = {}
        for key in CONTEXTS:
            value = data.peek(key)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise spec_error(where, f"{key}: expected a number of tokens, got {short(plain(value))}")
            # tokenizers write one without end, and some files 0 or -1, where they know no limit
            if (length := _whole(value)) and length <= MOST:
                found[key] = length
        if found:
            context = max(found.values())
            data.touch(*(key for key, length in found.items() if length == context))
            return context
    return None


def context_problems(data: Mapping[str, object], where: str) -> Iterator[Problem]:
    """A problem for each length that is no number: it would be passed over."""
    for key in CONTEXTS:
        value = data.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            yield Problem(where, f"{key}: expected a number of tokens, got {short(value)}")


def context_notes(data: Mapping[str, object], layers: Iterable[Layer], context: int | None) -> Iterator[str]:
    """Remarks on rotary positions that are stretched, and on windows that hide nothing."""
    if context is None:
        return
    yield from _stretched(data, context)
    windows = [_window(layer) for layer in layers if "attention" in layer]
    sizes = [w for w in windows if w is not None]
    if sizes and None not in windows and min(sizes) >= context:
        yield (
            f"all layers have a window of {min(sizes):,} tokens, which hides nothing within the longest "
            f"context ({context:,}); the file says nothing of layers that would see more"
        )


def _stretched(data: Mapping[str, object], context: int) -> Iterator[str]:
    """What rotary positions were trained for, and what their factor would reach."""
    ropes = [r for key in ("rope_scaling", "rope_parameters") if isinstance(r := data.get(key), dict)]
    for rope in ropes:
        original = _whole(rope.get("original_max_position_embeddings"))
        factor = rope.get("factor")
        if original is None or original == context:
            continue
        reach = ""
        if isinstance(factor, int | float) and 1 < factor < MOST and original * factor > context:
            reach = f", and its factor {factor:g} would reach {original * factor:,.0f}"
        yield f"rotary positions are stretched from {original:,} tokens{reach}"
        return


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _window(layer: Layer) -> int | None:
    found = layer.get("attention")
    return _whole(found.get("window")) if isinstance(found, dict) else None
