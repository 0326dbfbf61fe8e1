"""What a price is a price of: prices on different bases never rank against each other."""

from types import MappingProxyType
from typing import Final

from dse.spec.schema.chip import ChipSpec

BASES: Final = MappingProxyType(
    {
        "list": "a price list: one card, board or module",
        "street": "what buyers pay or are estimated to pay on average",
        "maker-cost": "what it costs the company that has it made for its own use",
        "system": "a whole system's price",
        "system-share": "a share of a system's price",
        "rent": "a rent",
        "unit-cost": "what it costs to make, by the technology file",
        "margin": "what it costs to make, with a seller's gross margin and one-off cost",
        "compute-ratio": "the price of a reference chip by the ratio of peaks",
        "searched": "a price that the search chooses",
        "set": "a price that the question sets",
        "unsaid": "a price whose file does not say of what",
    }
)
"""Basis of a price to what it means."""

_ASKED: Final = ("command-line", "study")
"""Sources of numbers that the question sets."""


def price_basis(chip: ChipSpec, method: str) -> str:
    """Basis of the price of `chip` under a price method, a key of `BASES`.

    `listed` is on the basis that the chip's file says, and so is a chip beside searched prices; one without a
    price is taken at unit cost there, as `dse estimate` does. A price that `--set price=` or a study gives
    is on the basis `set`.
    """
    if method not in ("listed", "searched"):
        return method
    if chip.price.value is None:
        return "unit-cost"
    if chip.price.source in _ASKED:
        return "set"
    return chip.price_basis or "unsaid"
