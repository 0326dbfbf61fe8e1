"""The price of a reference chip by the ratio of matrix peaks."""

from collections.abc import Mapping
from typing import Final, final

from dse.chips.formats import peak_of
from dse.chips.price_method import Need, Priced, Terms
from dse.errors import Problem, SpecError, spec_error
from dse.spec.schema.chip import ChipSpec
from objectives.arrays import Array
from objectives.equations.cost.money import compute_ratio_price


@final
class ComputeRatio:
    """The price of `reference`, or `reference_price`, times the ratio of dense fp16 peaks."""

    name: str = "compute-ratio"
    meaning: str = "the price of a reference chip by the ratio of peaks"
    group: str = "price by compute ratio"
    requires: Final[Mapping[str, str]] = {"reference": "a reference chip"}
    defaults: Final[Mapping[str, str]] = {"reference": "h100-sxm"}

    def needs(self, chip: ChipSpec | None) -> frozenset[Need]:
        """The fp16 peak."""
        return frozenset({"fp16 peak"})

    def basis(self, chip: ChipSpec) -> str:
        """The same for every chip."""
        return self.name

    def check(self, terms: Terms) -> None:
        """The reference must exist and have a peak and a price."""
        where = "price.reference"
        try:
            chip = terms.catalog.get(ChipSpec, terms.price.reference or "")
        except SpecError as error:
            # named by the key that the user wrote, not by the folder that was searched
            raise SpecError(Problem(where, str(p)) for p in error.problems) from None
        if terms.price.reference_price is None and chip.price.value is None:
            what = "price: expected a known value, got null; give a reference_price"
            raise spec_error(where, f"chips/{chip.name}: {what}")
        if peak_of(chip, ("fp16",)) is None:
            raise spec_error(where, f"chips/{chip.name}: peak.fp16: expected a known value, got none")

    def price(self, chips: Priced, terms: Terms) -> Mapping[str, Array]:
        """Price of the reference times fp16 peak over its peak [USD]."""
        reference = terms.catalog.get(ChipSpec, terms.price.reference or "")
        given = terms.price.reference_price
        # a price of the study replaces that of the file
        usd = reference.price.value if given is None else given
        # `check` has refused a reference without a peak or a price: the defaults satisfy the types
        peak = peak_of(reference, ("fp16",)) or 1.0
        return {"compute_ratio": compute_ratio_price(chips.fp16_flops, peak, usd or 0.0)}
