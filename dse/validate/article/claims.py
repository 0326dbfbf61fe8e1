"""`dse validate article`: every claim, the article's way and ours, with a verdict."""

from dataclasses import dataclass
from pathlib import Path

from dse.spec.catalog.lookup import Catalog
from dse.validate.article.inputs import claims, inputs
from dse.validate.article.napkin import napkin_values
from dse.validate.article.roofline import roofline_answers

HOLDS, DIFFERS = 0.10, 1.0
"""A claim holds within 10 % or its own rounding, differs within a factor of two, and is refuted beyond."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim of the article, checked."""

    id: str
    quantity: str
    unit: str
    article: float
    rounding: float
    """Largest relative deviation that the article's own rounding explains."""
    napkin: float
    napkin_ok: bool
    """Whether the article's arithmetic is reproduced within that rounding."""
    roofline: float
    deviation: float
    """roofline / article - 1."""
    verdict: str
    why: str


def check_article(configs: Path | str | None = None) -> tuple[Claim, ...]:
    """All claims in the article's order."""
    catalog = Catalog.of(configs)
    given = inputs(catalog)
    napkin, ours = napkin_values(given), roofline_answers(given, catalog)
    found = []
    for stated in claims(catalog):
        ratio, answer = napkin[stated.id] / stated.value, ours[stated.id]
        deviation = answer.value / stated.value - 1.0
        found.append(
            Claim(
                id=stated.id,
                quantity=stated.quantity,
                unit=stated.unit,
                article=stated.value,
                rounding=stated.rounding,
                napkin=napkin[stated.id],
                # 1e-9 for rounding of floats, on top of the article's own rounding
                napkin_ok=abs(ratio - 1.0) <= stated.rounding + 1e-9,
                roofline=answer.value,
                deviation=deviation,
                verdict=verdict(deviation, stated.rounding),
                why=answer.why,
            )
        )
    return tuple(found)


def verdict(deviation: float, rounding: float) -> str:
    """`holds`, `differs` or `refuted`."""
    if abs(deviation) <= max(rounding, HOLDS):
        return "holds"
    # the factor in either direction: 0.5 is as far off as 2
    factor = max(1.0 + deviation, 1.0 / (1.0 + deviation)) - 1.0
    return "differs" if factor <= DIFFERS else "refuted"
