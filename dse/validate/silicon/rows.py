"""Published die areas, powers and unit costs of real chips, and what their specifications predict."""

from collections.abc import Mapping
from dataclasses import dataclass

from dse.chips.silicon import Silicon, chip_silicon
from dse.errors import SpecError, spec_error, unknown
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.yaml.units import parse
from dse.validate.own_table import read_table
from objectives.arrays import zeros_like

UNITS = {"die_area": "m2", "tdp": "W", "tdp_capped": "W", "unit_cost": "USD", "claim": "USD"}
"""Metric to its SI unit; a `tdp_capped` is the power of a chip whose die is also sold at a quarter
more, so that it cannot hold its peaks; a `claim` is a unit cost that a third party asserts, and no test of
the model."""
_COLUMNS = ("chip", "metric", "value", "die", "fitted", "source", "note")
CAPPED = 1.25
"""Power of a die in another chip over that in this one from which this one counts as capped."""


@dataclass(frozen=True, kw_only=True)
class SiliconRow:
    """One published figure and our prediction of it, in SI."""

    chip: str
    metric: str
    published: float
    low: float
    high: float
    """A range, or twice the figure itself."""
    predicted: float
    fitted: str
    """The constants that this figure set; empty where it set none."""
    source: str
    note: str
    made: Silicon
    fitted_parts: tuple[float, float]
    """What of the prediction is proportional to each of the two constants that are fitted, in its unit:
    matrix and vector units; of a unit cost package and board."""

    @property
    def error(self) -> float:
        """Predicted over published, less 1."""
        return self.predicted / self.published - 1.0

    def meets(self, predicted: float) -> bool:
        """Whether it is inside the published range, or within 12 % of a single figure."""
        if self.low < self.high:
            return self.low <= predicted <= self.high
        return abs(predicted / self.published - 1.0) <= 0.12


def silicon_rows(catalog: Catalog, technology: TechnologySpec) -> tuple[list[SiliconRow], list[str]]:
    """Every row that can be derived, and why the others cannot."""
    path = next(
        (
            f / "silicon" / "published.csv"
            for f in catalog.folders
            if (f / "silicon" / "published.csv").is_file()
        ),
        None,
    )
    if path is None:
        raise spec_error("TABLE", "expected silicon/published.csv in a folder of configs, got none")
    rows, refused = [], []
    for given in read_table(path, _cells):
        # outside the `try`: an unknown chip is a mistake of the table, no row that cannot be derived
        chip = catalog.get(ChipSpec, given["chip"])
        try:
            rows.append(_row(chip, given, technology, catalog))
        except SpecError as error:
            refused += [f"{chip.name} {given['metric']}: {p.what}" for p in error.problems]
    return rows, refused


def _cells(row: Mapping[str, str]) -> dict[str, str]:
    """The cells of one figure; raises `ValueError` for a metric that no chip has."""
    if row["metric"] not in UNITS:
        raise ValueError(unknown("metric", row["metric"], UNITS))
    return {name: row[name] for name in _COLUMNS}


def _row(chip: ChipSpec, given: dict[str, str], technology: TechnologySpec, catalog: Catalog) -> SiliconRow:
    """One published figure; one without a value of its own is that of the chip's file."""
    metric = given["metric"]
    shared = catalog.get(ChipSpec, given["die"]) if given["die"] else None
    if metric == "tdp" and shared is not None and _watts_of_a_die(shared) >= CAPPED * _watts_of_a_die(chip):
        metric = "tdp_capped"
    # a chip whose DRAM has no published price still has an area and a power
    made = chip_silicon(chip, technology, priced=metric in ("unit_cost", "claim"))
    # a claim is about a unit cost as well
    own = {"die_area": chip.die.area, "tdp": chip.power, "tdp_capped": chip.power}.get(metric, chip.unit_cost)
    value = parse(given["value"], UNITS[metric]) if given["value"] else own.value
    if value is None:
        raise spec_error(f"chips/{chip.name}", f"expected a published {metric}, got null")
    # a range in the chip's file belongs to its own figure, not to one that the table states
    ends = (None, None) if given["value"] else (own.low, own.high)
    low, high = (value if end is None else end for end in ends)
    return SiliconRow(
        chip=chip.name,
        metric=metric,
        published=value,
        low=low,
        high=high,
        predicted=_predicted(chip, made, metric),
        fitted=given["fitted"],
        source=given["source"] or own.source,
        note=given["note"] or _die_note(chip, shared),
        made=made,
        fitted_parts=_fitted_parts(chip, made, metric),
    )


def _watts_of_a_die(chip: ChipSpec) -> float:
    # per compute die, so that packages of one die and of two compare
    return (chip.power.value or 0.0) / (chip.die.count.value or 1)


def _die_note(chip: ChipSpec, shared: ChipSpec | None) -> str:
    """Which chip sells the same die at most power, and by how much that is more."""
    if shared is None:
        return ""
    return f"the die of {shared.name}, {_watts_of_a_die(shared) / _watts_of_a_die(chip) - 1.0:+.0%}"


def _predicted(chip: ChipSpec, made: Silicon, metric: str) -> float:
    if metric == "die_area":
        return float(made.plan.compute.each_m2[0])
    if metric.startswith("tdp"):
        return float(made.power_w[0])
    return sum(_dollars(chip, made).values())


def _dollars(chip: ChipSpec, made: Silicon) -> dict[str, float]:
    """Unit cost by part at the published power where that is known [USD]."""
    power = None if chip.power.value is None else zeros_like(made.power_w) + chip.power.value
    return {name: float(part[0]) for name, part in made.unit_cost_parts(power).items()}


def _fitted_parts(chip: ChipSpec, made: Silicon, metric: str) -> tuple[float, float]:
    """See `SiliconRow.fitted_parts`."""
    b, t = made.blueprint, made.technology
    if metric == "die_area":
        # from the units of the whole package to one die: disabled cores and the uncore added
        each = 1.0 / (1.0 - t.layout.uncore_share) / float((b.enabled_share * b.dies)[0])
        return (
            float(b.peak_flops[0]) * t.node.matrix_m2_per_flops * each,
            float(b.vector_flops[0]) * t.node.vector_m2_per_flops * each,
        )
    if metric.startswith("tdp"):
        return (
            float(b.peak_flops[0]) * t.node.matrix_joules_per_flop,
            float(b.vector_flops[0]) * t.node.vector_joules_per_flop,
        )
    cost = _dollars(chip, made)
    # what is lost at assembly is shared by what was assembled, in proportion to its cost
    held = sum(cost[name] for name in ("compute_dies", "io_dies", "dram", "package"))
    return cost["package"] * (1.0 + cost["assembly_loss"] / held), cost["board"]
