"""Text from others made harmless for what shows it: a terminal, a line of a message, a spreadsheet."""

import re
from collections.abc import Mapping
from reprlib import Repr
from typing import Final

_UNSEEN: Final = re.compile(
    # what moves the cursor, colours or rings (all but tab and line feed), what turns the direction of
    # reading around, what breaks a line where no one sees it, and halves of letters, which cannot be written
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_NOT_WRITTEN: Final = re.compile("[\x00\ud800-\udfff]")
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
"""How a cell begins that a spreadsheet computes, once for each apostrophe that protects it already."""
_PLAIN: Final = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
LONGEST: Final = 160
"""Letters of a value that a message shows."""


def visible(text: str) -> str:
    r"""`text` with control characters written as Python writes them; tabs and line ends stay.

    >>> visible("\x1b[2Jred")
    '\\x1b[2Jred'
    """
    return _UNSEEN.sub(lambda found: _escaped(found[0]), text)


def one_line(text: str) -> str:
    """As `visible`, with line ends and tabs shown too."""
    return visible(text).replace("\n", r"\n").replace("\t", r"\t")


def visible_json(text: str) -> str:
    """JSON whose control characters are escaped as JSON does it: the same data."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escaped(sign: str) -> str:
    code = ord(sign)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def no_text(text: str) -> bool:
    """Whether `text` holds a NUL, or half of a letter, which no file and no name of one can hold."""
    return _NOT_WRITTEN.search(text) is not None


def is_count(text: str) -> bool:
    """Whether `text` is a whole number of at most nine digits of ours: `²` is a digit to Python, too."""
    return re.fullmatch("[0-9]{1,9}", text) is not None


def cell(text: str) -> str:
    """`text` as a cell of a CSV that no spreadsheet takes for a formula; numbers stay as they are.

    >>> cell("=1+1"), cell("-5"), cell("h100")
    ("'=1+1", '-5', 'h100')
    """
    return f"'{text}" if _FORMULA.match(text) and not _PLAIN.fullmatch(text) else text


def cells(row: Mapping[str, object]) -> dict[str, object]:
    """A row for the writer of a CSV, see `cell`."""
    return {name: cell(value) if isinstance(value, str) else value for name, value in row.items()}


def from_cell(text: str) -> str:
    """What `cell` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def short(value: object) -> str:
    """A value as a message shows it: `repr`, cut in its middle where it is long."""
    shown = _SHORT.repr(value)
    # of a class of someone else's, whose words are cut too
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 40]}...{shown[-37:]}"


class _Short(Repr):
    """`repr` that looks at the first few items of what is large, and at few levels of what is deep."""

    def repr_int(self, x: int, _level: int) -> str:
        """Whole numbers, which Python refuses to write in thousands of digits."""
        return repr(x) if x.bit_length() < 512 else f"a whole number of {x.bit_length()} bits"


_SHORT: Final = _Short()
_SHORT.maxstring = _SHORT.maxother = LONGEST - 40
_SHORT.maxlist = _SHORT.maxdict = _SHORT.maxtuple = _SHORT.maxset = 20
_SHORT.maxlevel = 4


def cp_text(sizes: Mapping[str, float]) -> str:
    """The CP of a deployment in a list of its sizes; nothing where it is 1 or left out."""
    # a row of a table may have a gap there
    cp = sizes.get("cp") or 1
    return f", CP {cp:.0f}" if cp > 1 else ""
