"""How kinds of chips differ in a picture: by shape and by colour, and by lightness where there is no colour.

The three colours are the "high contrast" scheme of Paul Tol (SRON/EPS/TN/09-002), made for colour-blind
readers and for grey print.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """Name for people, marker of matplotlib, colour as hex."""

    label: str
    marker: str
    colour: str
    place: int | None = None
    """Number of a pair of chips, whose colour on a page is the one of that number."""


Dashes = tuple[float, ...]
"""Lengths of ink and of gaps in turn, in widths of the line; empty for an unbroken one."""

DASHES: tuple[Dashes, ...] = (
    (),
    (5.0, 2.0),
    (1.2, 1.6),
    (8.0, 2.0, 1.2, 2.0),
    (5.0, 1.6, 1.2, 1.6, 1.2, 1.6),
    (12.0, 4.0),
    (2.5, 4.0),
)


@dataclass(frozen=True)
class PartStyle:
    """Fill of one part of a stacked bar: colour as hex, hatch of matplotlib, pattern of Plotly."""

    colour: str
    hatch: str
    pattern: str


PARTS: tuple[PartStyle, ...] = (
    PartStyle("#004488", "", ""),
    PartStyle("#DDAA33", "", ""),
    PartStyle("#BB5566", "", ""),
    PartStyle("#6699CC", "///", "/"),
    PartStyle("#997700", "", ""),
    PartStyle("#EE99AA", "...", "."),
    PartStyle("#994455", "xx", "x"),
    PartStyle("#EECC66", "\\\\\\", "\\"),
    PartStyle("#777777", "", ""),
    PartStyle("#BBBBBB", "--", "-"),
    PartStyle("#66AABB", "||", "|"),
    PartStyle("#444444", "++", "+"),
    PartStyle("#CCDDAA", "xx", "x"),
    PartStyle("#225555", "...", "."),
)
"""Parts in their order: the "high contrast" and "medium contrast" schemes of Paul Tol, greys and greens;
beyond them colours repeat."""

_BRANCHES = {
    "sram-only": Style("SRAM-only", "o", "#004488"),
    "dram-only": Style("DRAM-only", "s", "#DDAA33"),
    "hybrid": Style("Hybrid", "^", "#BB5566"),
}
# greys: the colours are those of the kinds that we know
_OTHERS = (("v", "#444444"), ("P", "#888888"), ("X", "#666666"), ("<", "#AAAAAA"), (">", "#222222"))

# 8 colours, but 7 markers and 7 dashes: without a common factor looks repeat only after 56 chips
_CHIP_COLOURS = ("#004488", "#DDAA33", "#BB5566", "#222222", "#66AABB", "#997700", "#AA66AA", "#228833")
_CHIP_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def chip_look(label: str, i: int) -> tuple[Style, Dashes]:
    """How chip number `i` of a comparison looks; of seven no two share anything, of 56 no two look alike."""
    marker, colour = _CHIP_MARKERS[i % len(_CHIP_MARKERS)], _CHIP_COLOURS[i % len(_CHIP_COLOURS)]
    return Style(label, marker, colour), DASHES[i % len(DASHES)]


def styles(branches: set[str]) -> dict[str, Style]:
    """Style of each branch, known ones first and always the same; others in greys, in alphabetical order."""
    known = {name: style for name, style in _BRANCHES.items() if name in branches}
    # sorted, since a set has another order in each process
    others = sorted(branches - set(known))
    return known | {name: Style(name, *_OTHERS[i % len(_OTHERS)]) for i, name in enumerate(others)}


def kind_of(style: Style) -> str:
    """The branch that a style is of; its label where it is none that we know."""
    return next((name for name, known in _BRANCHES.items() if known == style), style.label)


def kind_label(branch: str) -> str:
    """A branch for people: `SRAM-only`; an unknown one keeps its own name."""
    return _BRANCHES[branch].label if branch in _BRANCHES else branch or "design"
