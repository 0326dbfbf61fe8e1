"""`--set` where several chips are compared: numbers of one of them by its name, and numbers of all."""

from collections.abc import Mapping, Sequence
from typing import Final

from dse.errors import Problem, SpecError

OWN: Final = ("price", "host", "rent", "gross_margin")
"""Numbers that no two chips have in common, so that they are set for one chip by name."""


def by_chip(settings: Mapping[str, str], chips: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The settings of each chip, by its name.

    `chips` is each chip as it was typed to its name in the catalog. `h100.price` is of that chip alone, a
    name without a chip is of all of them. Raises `SpecError` for a price without a chip where there are more.
    """
    # a chip may be called as it was typed or by its name in the catalog
    names = {**{name: name for name in chips.values()}, **chips}
    found: dict[str, dict[str, str]] = {name: {} for name in chips.values()}
    problems: list[Problem] = []
    # what each setting of one chip is called, to find a chip that is named twice
    called: dict[tuple[str, str], str] = {}
    for key, text in settings.items():
        chip = _chip_in(key, list(names))
        if chip is not None:
            own_name = key[len(chip) + 1 :]
            other = called.setdefault((names[chip], own_name), key)
            if other != key:
                what = f"expected either {other} or {key}, which are the same chip, got both"
                problems.append(Problem("--set", what))
            found[names[chip]][own_name] = text
        elif key in OWN and len(found) > 1:
            typed = next(iter(chips))
            what = f"expected whose {key}, such as {typed}.{key}, got one for {len(found)} chips"
            problems.append(Problem("--set", what))
        else:
            for own in found.values():
                # what is set for one chip by name wins, in whatever order they were given
                own.setdefault(key, text)
    if problems:
        raise SpecError(problems)
    return found


def mistakes(
    settings: Mapping[str, str], chips: Mapping[str, str], name: str, wrong: SpecError
) -> list[Problem]:
    """Of what is wrong with the chip `name`, what was set for it alone: no figure that its file lacks.

    `settings` and `chips` are as in `by_chip`.
    """
    typed = [chip for chip in (*chips, *chips.values()) if chips.get(chip, chip) == name]
    # only what the user set is a mistake; a figure that a file lacks leaves a gap in the table
    own = {key[len(chip) + 1 :] for chip in typed for key in settings if key.startswith(f"{chip}.")}
    return [
        Problem("--set", f"{name}.{p.what}" if p.what.startswith(f"{p.key}:") else f"{name}: {p.what}")
        for p in wrong.problems
        if p.where == "--set" and p.key in own
    ]


def _chip_in(key: str, chips: Sequence[str]) -> str | None:
    """The chip that a setting begins with, the longest name that fits; None for a setting of all."""
    fitting = [chip for chip in chips if key.startswith(f"{chip}.")]
    return max(fitting, key=len) if fitting else None
