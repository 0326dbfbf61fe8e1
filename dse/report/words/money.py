"""The dollars that an answer rests on, in words: the price of a chip, and the economy."""

from collections.abc import Iterator

from dse.evaluate.money import Money, PricePaid
from objectives.equations.cost.money import YEAR_S

_KWH_J = 3.6e6
"""A kilowatt-hour [J]."""


def price_words(paid: PricePaid) -> str:
    """How a chip is priced, such as `listed` or `rent on-demand, 2.95 USD/h of 2026-05-20`."""
    said = ", as set" if paid.asked else f" of {paid.date}" if paid.date else ""
    if paid.usd_per_hour is not None:
        return f"{paid.method} {paid.term}, {paid.usd_per_hour:.2f} USD/h{said}"
    if paid.gross_margin is not None:
        return f"{paid.usd:,.0f} USD, unit cost at a gross margin of {paid.gross_margin:.3g}{said}"
    return f"{paid.usd:,.0f} USD{said}" if paid.asked else paid.method


def economy_words(money: Money) -> str:
    """The economy with the numbers that hold, in one sentence."""
    v, asked = {n: value or 0.0 for n, value in money.values.items()}, set(money.asked)
    parts = {
        "lifetime": f"{v['lifetime_s'] / YEAR_S:.3g} years",
        "cost_of_capital": f"{100 * v['cost_of_capital']:.3g} % a year",
        "electricity": f"{v['usd_per_joule'] * _KWH_J:.3g} USD/kWh",
        "pue": f"PUE {v['pue']:.3g}",
        "utilisation": f"utilisation {100 * v['utilisation']:.3g} %",
    }
    if money.values["blend"] is not None:
        parts["blend"] = f"{v['blend']:.3g} prompt tokens to 1 of output"
    told = ", ".join(f"{text} (set)" if name in asked else text for name, text in parts.items())
    more = sorted(asked - set(parts))
    return f"Economy {money.economy}: {told}{'; also set: ' + ', '.join(more) if more else ''}."


def money_lines(money: Money, usual: str) -> Iterator[str]:
    """What a reader must know of the dollars where they are not the usual ones, of the economy `usual`."""
    if money.economy != usual or money.asked or money.covered:
        yield economy_words(money)
    if money.covered:
        yield (
            "A rent covers the chip, its server, network, electricity, upkeep and building. Capital is the "
            "present value of the rents over the lifetime of the economy."
        )
