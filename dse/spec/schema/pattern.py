"""Regular expressions in files, as far as they cannot take time without end."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator

from dse.text import short

MOST_LETTERS: Final = 200
"""Of a pattern."""
MOST_REPEATS: Final = 3
"""`*`, `+` and `{n}` of a pattern; each multiplies the time by the length of the text."""
MOST_OPTIONAL: Final = 6
"""`?` of a pattern; each doubles the time."""
SEEN: Final = 120
"""Letters of a text that patterns are searched in."""

_ESCAPED: Final = re.compile(r"\\[^0-9]|\[(?:\\.|[^\]\\])+\]")
"""An escaped sign or a class of signs: one letter, whatever is inside."""


def pattern_problem(text: str) -> str:
    """Why `text` is no regular expression that may be used; the empty string when it is one."""
    if len(text) > MOST_LETTERS:
        return f"expected a regular expression of at most {MOST_LETTERS} letters, got {len(text)}"
    try:
        re.compile(text)
    # a number of repeats that Python cannot count to is an `OverflowError`
    except (re.error, OverflowError, RecursionError) as error:
        return f"expected a regular expression, got {short(text)}: {error}"
    plain = _ESCAPED.sub("x", text)
    if re.search(r"\)[*+{]|\(\?|\\", plain):
        what = "without repeated groups, `(?` and back references"
    elif len(re.findall(r"[*+{]", plain)) > MOST_REPEATS:
        what = f"with at most {MOST_REPEATS} of * + {{"
    elif plain.count("?") > MOST_OPTIONAL:
        what = f"with at most {MOST_OPTIONAL} of ?"
    else:
        return ""
    return f"expected a regular expression {what}, got {short(text)}"


def _checked(text: str) -> str:
    if why := pattern_problem(text):
        raise ValueError(why)
    return text


Pattern = Annotated[str, AfterValidator(_checked)]
"""A regular expression that cannot take time without end on a text of `SEEN` letters."""
