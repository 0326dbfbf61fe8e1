"""The language model inside a larger one: where its keys are, and whether its head is tied."""

from collections.abc import Iterator, Mapping
from typing import Final

from dse.errors import spec_error
from dse.spec.huggingface.remote.wrapped import Wrapper
from dse.text import short

Levels = tuple[Mapping[str, object], ...]
"""Keys of a larger model, of what is between, and of the language model, which is the last."""

TIE: Final = "tie_word_embeddings"


def levels_in(outer: Mapping[str, object], wrapper: Wrapper, where: str) -> Levels:
    """The levels of a larger model."""
    return (outer, *_inside(outer, wrapper, where))


def _inside(outer: Mapping[str, object], wrapper: Wrapper, where: str) -> Iterator[Mapping[str, object]]:
    found: object = outer
    for key in wrapper.at:
        found = found.get(key) if isinstance(found, dict) else None
        if not isinstance(found, dict):
            path = ".".join(wrapper.at)
            raise spec_error(where, f"{path}: expected the keys of a language model, got {short(found)}")
        yield found


def with_head(found: Levels, wrapper: Wrapper, where: str) -> Mapping[str, object]:
    """Keys of the language model, with `tie_word_embeddings` of the level that decides.

    Transformers 5 goes by the model that has the head, which is the one around the language model; some
    classes take over what is said inside. Transformers 4 went by the language model.
    """
    *around, inner = found
    if wrapper.tie == "never":
        return {**inner, TIE: False}
    # the nearest one has the head
    outer = next((level[TIE] for level in reversed(around) if TIE in level), None)
    if outer is None or wrapper.tie == "inside":
        return inner
    own = inner.get(TIE, outer)
    for said in (outer, own):
        # not `==` alone, since 0 and false are equal in Python
        if said is not None and not isinstance(said, bool):
            raise spec_error(where, f"{TIE}: expected true or false, got {short(said)}")
    if own == outer:
        return {**inner, TIE: outer}
    if wrapper.tie == "either" and True in (own, outer) and False in (own, outer):
        return {**inner, TIE: True}
    written = str(around[0].get("transformers_version", inner.get("transformers_version", "")))
    if written.startswith("4"):
        hint = "The file is of Transformers 4, which went by the inner one; 5 goes by the outer one"
        raise spec_error(
            where,
            f"{TIE}: expected the same outside and inside, got {short(outer)} and {short(own)}. {hint}.",
        )
    return {**inner, TIE: outer}
