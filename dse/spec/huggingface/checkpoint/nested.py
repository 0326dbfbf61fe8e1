"""The language model inside a larger one: where its keys are, and whether its head is tied."""

from collections.abc import Iterator, Mapping
from typing import Final

from dse.errors import spec_error
from dse.spec.huggingface.reader import words
from dse.spec.huggingface.remote.wrapped import Wrapper
from dse.text import short

Levels = tuple[Mapping[str, object], ...]
"""Keys of a larger model, of what is between, and of the language model, which is the last."""

TIE: Final = "tie_word_embeddings"
_APART: Final = words("""
    exaone4_5 idefics2 idefics3 smolvlm llama4 llava_next vipllava video_llava qwen3_vl qwen3_vl_moe qwen3_5
    qwen3_5_moe qwen2_5_omni_thinker qwen3_omni_moe_thinker qwen4_exp glm5_next glm46v glmga mistral_large4
    aria apertus1p5 cohere_compass cosmos3_omni deepseek_ocr2 unlimited_ocr emu3 fuyu granite4_vision hy_v4_vl
    minicpmv4_6 minicpmv4_7 qianfan_ocr dots3_note
    """)
"""Larger models whose embedding and head are two matrices where nothing is said outside (Transformers 5)."""


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
    if wrapper.tie == "inside":
        return inner
    written = str(around[0].get("transformers_version", inner.get("transformers_version", "")))
    if outer is None:
        if any(TIE in level for level in around):
            raise spec_error(where, f"{TIE}: expected true or false, got null")
        return _inner_alone(inner, str(around[0].get("model_type")), written, where)
    own = inner.get(TIE, outer)
    for said in (outer, own):
        # not `==` alone, since 0 and false are equal in Python
        if said is not None and not isinstance(said, bool):
            raise spec_error(where, f"{TIE}: expected true or false, got {short(said)}")
    if own == outer:
        return {**inner, TIE: outer}
    if wrapper.tie == "either" and True in (own, outer) and False in (own, outer):
        return {**inner, TIE: True}
    if written.startswith("4"):
        hint = "The file is of Transformers 4, which went by the inner one; 5 goes by the outer one"
        raise spec_error(
            where,
            f"{TIE}: expected the same outside and inside, got {short(outer)} and {short(own)}. {hint}.",
        )
    return {**inner, TIE: outer}


def _inner_alone(inner: Mapping[str, object], kind: str, written: str, where: str) -> Mapping[str, object]:
    """What the inner model says, refused where Transformers 5 would pass it over."""
    if inner.get(TIE) is True and kind in _APART and not written.startswith("4"):
        hint = "Transformers 4 went by the inner one; 5 does not read it, and has two matrices then"
        raise spec_error(where, f"{TIE}: expected it around the language model too, got no such key. {hint}.")
    return inner
