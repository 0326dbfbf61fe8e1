"""A value of a wrong type or size in plain words: what was expected, what was got."""

from collections.abc import Mapping
from typing import Final

from dse.text import short

_TYPES: Final = {
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    "finite_number": "a finite number",
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    "string_type": "text",
    "none_required": "null",
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type"), "a list"),
    **dict.fromkeys(("dict_type", "mapping_type"), "a mapping of keys to values"),
}
"""What pydantic wanted, by the kind of its error."""
_BOUNDS: Final = {
    "greater_than": ("gt", "a number greater than"),
    "greater_than_equal": ("ge", "a number of at least"),
    "less_than": ("lt", "a number less than"),
    "less_than_equal": ("le", "a number of at most"),
    "multiple_of": ("multiple_of", "a multiple of"),
}
_LENGTHS: Final = {
    "too_short": ("min_length", "at least", "item"),
    "too_long": ("max_length", "at most", "item"),
    "string_too_short": ("min_length", "at least", "character"),
    "string_too_long": ("max_length", "at most", "character"),
}


def wrong_value(kind: str, context: Mapping[str, object], message: str, got: object) -> str:
    """One mistake with a value, from the kind, the context and the message of pydantic."""
    what = _TYPES.get(kind)
    if kind in _BOUNDS:
        limit, words = _BOUNDS[kind]
        bound = context[limit]
        what = f"{words} {bound:g}" if isinstance(bound, float) else f"{words} {bound}"
    elif kind in _LENGTHS:
        limit, words, unit = _LENGTHS[kind]
        count = context[limit]
        what = f"{words} {count} {unit}{'' if count == 1 else 's'}"
    elif kind == "string_pattern_mismatch":
        what = f"text such as {context['pattern']} matches"
    if what is None:
        # of a kind that no file has met yet: its own sentence, without what it says that it got
        what = message.partition(", got ")[0].removeprefix("Input should be ")
    return f"expected {what}, got {short(got)}"
