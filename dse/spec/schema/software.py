"""Software as an axis of a question: each chip's own stack, one class of losses for all, or no losses.

`as-sold` is what the chips do with the software of today, `equal` what the hardware decides when every chip
loses the same to its software, `ideal` the most that it can reach. A verdict that holds under all three is
one on hardware; one that does not is one on software.
"""

from typing import Final, Literal

from dse.errors import spec_error, unknown

Software = Literal["as-sold", "equal", "ideal"]
"""`as-sold`: each chip's own stack; `equal` and `ideal`: the stack of that name for every chip."""

SOFTWARE: Final[tuple[Software, ...]] = ("as-sold", "equal", "ideal")

MARK: Final = "@"
"""Separates a study from the software that it is evaluated under: `groq-vs-h100/listed@equal`."""


def software_named(text: str) -> Software:
    """The software of that name; raises `SpecError` with the nearest one."""
    found = next((s for s in SOFTWARE if s == text), None)
    if found is None:
        raise spec_error("--software", unknown("software", text, SOFTWARE))
    return found


def split_software(name: str) -> tuple[str, Software | None]:
    """A question's name and the software behind its mark; None where it names none."""
    head, mark, tail = name.rpartition(MARK)
    # only a known word behind the mark counts: a path may hold an @ as well
    found = next((s for s in SOFTWARE if s == tail), None)
    return (head, found) if mark and found is not None else (name, None)


def under(name: str, software: str | None) -> str:
    """The name of the question `name` under `software`; as it is for None.

    Raises `SpecError` for an unknown software, and where the name holds another one.
    """
    if software is None:
        return name
    wanted = software_named(software)
    head, has = split_software(name)
    if has is not None and has != wanted:
        raise spec_error("--software", f"expected {has}, as {name!r} says, got {wanted}")
    return f"{head}{MARK}{wanted}"
