"""Dies per wafer, and the share of them that works.

Symbols: A area of a die, D defects for each area, alpha clustering of defects.
"""

from math import comb, pi

from objectives.arrays import Array, minimum, namespace, where
from objectives.equations.fabrication.technology import Node, Wafer


def gross_dies_per_wafer(area: Array, *, diameter_m: Array, edge_m: Array, scribe_m: Array) -> Array:
    """Whole dies on a wafer, a real number [1].

    A' = A + 2 s sqrt(A) + s^2; pi (d/2 - e)^2 / A' - pi (d - 2 e) / sqrt(2 A').

    Args:
        area: area A of a die [m2].
        diameter_m: diameter d of the wafer [m].
        edge_m: edge e that is left out [m].
        scribe_m: width s of a scribe line [m].

    Returns:
        Dies, shape of `area` [1].

    Domain:
        Square dies up to about a quarter of the wafer; not for wafer-scale chips (turns negative).

    Limits:
        Wafer area over die area as A goes to 0; falls with A.

    Source:
        de Vries, "Investigation of gross die per wafer formulas", IEEE TSM 18 (2005), the form that chip cost
        models use (Feng and Ma, "Chiplet Actuary", DAC 2022).

    Examples:
        Published: 270 dies of 1.5 cm x 1.5 cm and 640 of 1 cm x 1 cm on a wafer of 300 mm, without edge and
        scribe lines (Hennessy & Patterson, Computer Architecture, 5th edition (2011), section 1.6).

        >>> whole = {"diameter_m": 0.3, "edge_m": 0.0, "scribe_m": 0.0}
        >>> round(gross_dies_per_wafer(2.25e-4, **whole)), round(gross_dies_per_wafer(1e-4, **whole))
        (270, 640)
    """
    # (sqrt(A) + s)^2, a die with half a scribe line at each side; the last term removes dies cut by the rim
    cut = area + 2.0 * scribe_m * area**0.5 + scribe_m * scribe_m
    usable = diameter_m - 2.0 * edge_m
    return pi * (usable / 2.0) ** 2 / cut - pi * usable / (2.0 * cut) ** 0.5


def yield_negative_binomial(area: Array, *, defects_per_m2: Array, clustering: Array) -> Array:
    """Share of dies without a defect, clustered defects [1], in (0, 1].

    (1 + A D / alpha)^-alpha.

    Args:
        area: area A of a die [m2].
        defects_per_m2: defects D [1/m2].
        clustering: shape parameter alpha [1].

    Returns:
        Share, shape of `area` [1].

    Domain:
        alpha > 0, 2 to 10 in the literature.

    Limits:
        1 at A = 0; exp(-A D) as alpha grows; at least Murphy's where alpha is 3 or less.

    Source:
        Stapper, "Defect density distribution for LSI yield calculations", IEEE TED 20 (1973).

    Examples:
        Published: 0.44 for 2.25 cm2 and 0.68 for 1 cm2, at 0.4 per cm2 and alpha 4 (Hennessy & Patterson,
        Computer Architecture, 4th edition (2006), section 1.6).

        >>> clustered = {"defects_per_m2": 0.4e4, "clustering": 4.0}
        >>> [round(yield_negative_binomial(area, **clustered), 2) for area in (2.25e-4, 1e-4)]
        [0.44, 0.68]
    """
    return (1.0 + area * (defects_per_m2 / clustering)) ** -clustering


def yield_murphy(area: Array, *, defects_per_m2: Array) -> Array:
    """Share of dies without a defect, Murphy's triangle of densities [1], in (0, 1]; rival of the above.

    ((1 - exp(-A D)) / (A D))^2.

    Args:
        area: area A of a die [m2].
        defects_per_m2: defects D [1/m2].

    Returns:
        Share, shape of `area` [1].

    Domain:
        Any A D >= 0; no parameter to fit, no repair.

    Limits:
        1 at A = 0; above exp(-A D).

    Source:
        Murphy, "Cost-size optima of monolithic integrated circuits", Proc. IEEE 52 (1964).

    Examples:
        Published: a yield of 80 % for a test chip of 17.92 mm2 is 1.271 defects per cm2, and these give
        32.0 % for 100 mm2 (AnandTech, "Early TSMC 5nm Test Chip Yields 80%", 2019-12-11).

        >>> import numpy as np
        >>> yield_murphy(np.array([17.92e-6, 100e-6]), defects_per_m2=1.271e4).round(3).tolist()
        [0.8, 0.32]
    """
    x = area * defects_per_m2
    # 0 / 0 at no area; expm1 keeps the digits that 1 - exp loses where A D is small
    safe = where(x > 0.0, x, 1.0)
    return where(x > 0.0, (-namespace(x).expm1(-safe) / safe) ** 2, 1.0)


def harvested_yield(core: Array, sram: Array, other: Array, *, node: Node, wafer: Wafer) -> Array:
    """Share of dies that can be sold with spare cores off and SRAM repaired [1], in (0, 1].

    Y(other + (1 - r) sram) x sum over k <= spare of C(n, k) (1 - y)^k y^(n - k), with y = Y(core / n) and Y
    the law of the wafer.

    Args:
        core: area of all cores of one die [m2].
        sram: area of its SRAM [m2].
        other: area of the rest [m2].
        node: defects.
        wafer: law of yield, cores n, spare ones, share r of SRAM area that repairs itself.

    Returns:
        Share, broadcast shape [1].

    Domain:
        Defects of two cores independent; dies up to the reticle. Ignoring repair overstates the cost of a
        large die by about 1.6 times.

    Limits:
        Plain yield of the rest when cores and SRAM are 0; falls with each area.

    Source:
        Binning as practised: H100 sells 132 of 144 SMs (NVIDIA H100 whitepaper, 2022).

    Examples:
        By hand: two cores that each work with 0.5, of which one may be off: 1 - 0.5^2.

        >>> import numpy as np
        >>> from types import SimpleNamespace
        >>> law = SimpleNamespace(cores=2, spare_cores=1, law="negative-binomial", clustering=1.0,
        ...                       sram_repairable=1.0)
        >>> none = np.array([0.0])
        >>> float(harvested_yield(np.array([2e-4]), none, none, node=SimpleNamespace(defects_per_m2=1e4),
        ...                       wafer=law)[0])
        0.75
    """
    # binomial over the cores: defects of two cores count as independent in spite of their clustering
    n = wafer.cores
    y = _yield(core / n, node, wafer)
    binned = sum(comb(n, k) * (1.0 - y) ** k * y ** (n - k) for k in range(wafer.spare_cores + 1))
    # repaired SRAM counts as area without defects; cores are in the binomial already
    rest = _yield(other + (1.0 - wafer.sram_repairable) * sram, node, wafer)
    return rest * minimum(binned, 1.0)  # the sum of all terms is 1 up to the last digit


def _yield(area: Array, node: Node, wafer: Wafer) -> Array:
    """Yield of an area without redundancy, by the law of the wafer."""
    if wafer.law == "murphy":
        return yield_murphy(area, defects_per_m2=node.defects_per_m2)
    return yield_negative_binomial(area, defects_per_m2=node.defects_per_m2, clustering=wafer.clustering)
