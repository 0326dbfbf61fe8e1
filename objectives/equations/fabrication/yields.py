"""Dies per wafer, and the share of them that works."""

from math import comb, pi

from objectives.arrays import Array, namespace
from objectives.equations.fabrication.technology import Node, Wafer


def gross_dies_per_wafer(area: Array, *, diameter_m: Array, edge_m: Array, scribe_m: Array) -> Array:
    """Whole dies on a wafer [1], a real number, shape of `area` [m2].

    Maths: A' = A + 2 s sqrt(A) + s^2; pi (D/2 - e)^2 / A' - pi (D - 2 e) / sqrt(2 A').
    Domain: square dies up to about a quarter of the wafer; not for wafer-scale chips (turns negative).
    Limits: wafer area over die area as A goes to 0; falls with A.
    Source: de Vries, "Investigation of gross die per wafer formulas", IEEE TSM 2005, the form that chip cost
    models use (Feng and Ma, "Chiplet Actuary", DAC 2022). 814 mm2 on 300 mm with 3 mm edge and 0.1 mm
    scribe: 60 dies.
    """
    cut = area + 2.0 * scribe_m * area**0.5 + scribe_m * scribe_m
    usable = diameter_m - 2.0 * edge_m
    return pi * (usable / 2.0) ** 2 / cut - pi * usable / (2.0 * cut) ** 0.5


def yield_negative_binomial(area: Array, *, defects_per_m2: Array, clustering: Array) -> Array:
    """Share of dies without a defect, clustered defects [1], in (0, 1], shape of `area` [m2].

    Maths: (1 + A D / alpha)^-alpha. Domain: alpha > 0, 2 to 10 in the literature.
    Limits: 1 at A = 0; exp(-A D) as alpha grows; at least Murphy's where alpha is 3 or less.
    Source: Stapper, "Defect density distribution for LSI yield calculations", IEEE TED 1973.
    800 mm2 at 0.1 per cm2 and alpha 3: 49 %.
    """
    return (1.0 + area * (defects_per_m2 / clustering)) ** -clustering


def yield_murphy(area: Array, *, defects_per_m2: Array) -> Array:
    """Share of dies without a defect, Murphy's triangle of densities [1], in (0, 1]; rival of the above.

    Maths: ((1 - exp(-A D)) / (A D))^2. Domain: any A D >= 0; no parameter to fit, no repair.
    Limits: 1 at A = 0; above exp(-A D). Source: Murphy, "Cost-size optima of monolithic integrated circuits",
    Proc. IEEE 1964.
    """
    x = area * defects_per_m2
    xp = namespace(x)
    safe = xp.where(x > 0.0, x, xp.ones_like(x))
    return xp.where(x > 0.0, (-xp.expm1(-safe) / safe) ** 2, xp.ones_like(x))


def harvested_yield(core: Array, sram: Array, other: Array, *, node: Node, wafer: Wafer) -> Array:
    """Share of dies that can be sold with spare cores off and SRAM repaired [1], in (0, 1], broadcast shape.

    Maths: Y(other + (1 - r) sram) x sum over k <= spare of C(n, k) (1 - y)^k y^(n - k), with y = Y(core / n)
    and Y the law of `wafer`.
    Parameters: areas of cores, SRAM and the rest of one die [m2]; r share of SRAM area that repairs itself;
    n cores.
    Domain: defects of two cores independent; dies up to the reticle. Ignoring repair overstates the cost of a
    large die by about 1.6 times.
    Limits: plain yield of the rest when cores and SRAM are 0; falls with each area.
    Source: binning as practised, H100 sells 132 of 144 SMs. H100: 79 %.
    """
    n = wafer.cores
    y = _good(core / n, node, wafer)
    binned = sum(comb(n, k) * (1.0 - y) ** k * y ** (n - k) for k in range(wafer.spare_cores + 1))
    rounding = namespace(binned).ones_like(binned)  # the sum of all terms is 1 up to the last digit
    rest = _good(other + (1.0 - wafer.sram_repairable) * sram, node, wafer)
    return rest * namespace(binned).minimum(binned, rounding)


def _good(area: Array, node: Node, wafer: Wafer) -> Array:
    """Yield of an area without redundancy, by the law of `wafer`."""
    if wafer.law == "murphy":
        return yield_murphy(area, defects_per_m2=node.defects_per_m2)
    return yield_negative_binomial(area, defects_per_m2=node.defects_per_m2, clustering=wafer.clustering)
