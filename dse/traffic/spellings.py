"""How public traces call their columns, and in which unit each has its times."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from difflib import SequenceMatcher
from typing import Final

from dse.text import short

ARRIVAL: Final[Mapping[str, float]] = {
    "arrival_s": 1.0,
    "arrival_ms": 1e-3,
    "timestamp": 1e-3,  # Mooncake
    "TIMESTAMP": 1.0,  # Azure, which has dates
    "Timestamp": 1.0,  # BurstGPT
    "arrival_time": 1.0,  # vLLM
}
"""Columns of the time of arrival: seconds in one unit of a plain number there; dates are allowed in each."""
ISL: Final = ("isl", "input_length", "ContextTokens", "Request tokens", "input_toks", "input_tokens")
OSL: Final = ("osl", "output_length", "GeneratedTokens", "Response tokens", "output_toks", "output_tokens")
BLOCKS: Final = ("blocks", "hash_ids")
_EVERY: Final = {*ARRIVAL, *ISL, *OSL, *BLOCKS}
_LIKE: Final = 0.6
"""How like a name must be to be a hint, of 1."""
_KINDS: Final = (("arrival_s", tuple(ARRIVAL)), ("isl", ISL), ("osl", OSL))


def chosen(names: Collection[str]) -> tuple[dict[str, str], list[str]]:
    """The column of `arrival_s`, `isl`, `osl` and, where there is one, `blocks`; and what is wrong."""
    found: dict[str, str] = {}
    wrong: list[str] = []
    for key, spellings in (*_KINDS, ("blocks", BLOCKS)):
        present = [s for s in spellings if s in names]
        if len(present) > 1:
            wrong.append(f"expected one column of {key}, got {' and '.join(present)}")
        elif present:
            found[key] = present[0]
        elif key != "blocks":
            also = ", ".join(spellings[1:])
            got = ", ".join(short(n) for n in names) or "none"
            near = _nearest([n for n in names if n not in _EVERY], spellings)
            hint = f"; is {short(near)} meant?" if near else ""
            wrong.append(f"expected the column {key} (or {also}), got the columns {got}{hint}")
    return found, wrong


def _nearest(names: Collection[str], spellings: Collection[str]) -> str:
    """The name most like one of the spellings, whatever its case; the empty string where none is like."""
    alike = {n: max(SequenceMatcher(None, n.lower(), s.lower()).ratio() for s in spellings) for n in names}
    best = max(alike, key=alike.__getitem__, default="")
    return best if best and alike[best] >= _LIKE else ""


def seconds_of(text: str) -> float:
    """Seconds since 1970 of an ISO date and time, in UTC where it names no zone; raises `ValueError`."""
    # Python keeps at most six digits of a second, Azure writes seven
    head, dot, rest = text.strip().partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    found = datetime.fromisoformat(head + rest[len(digits) :])
    at = found if found.tzinfo else found.replace(tzinfo=UTC)
    return at.timestamp() + (float(f"0.{digits}") if dot and digits else 0.0)
