"""What every price method must keep, as a plain pytest class.

The test file of an external method needs no more than this:

    class TestMine(PriceMethodContract):
        @pytest.fixture
        def subject(self):
            return MyPriceMethod()

Override `terms` where a method requires keys that the samples lack.
"""

from dataclasses import replace
from typing import get_args

import numpy as np

from dse.chips.price_method import Need, Priced, PriceMethod, Terms
from dse.chips.silicon import Silicon, chip_silicon
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.study import PriceSpec
from dse.spec.schema.system import EconomySpec
from dse.spec.schema.technology import TechnologySpec
from dse.testing.checks import require, same_column

CHIPS = ("h100-sxm", "mi300x", "hybrid-n5")
"""Two that are sold, and a hypothetical one without a list price."""


class PriceMethodContract:
    """Laws of every `dse.chips.price_method.PriceMethod`; give a `subject` fixture."""

    def terms(self, subject: PriceMethod) -> Terms:
        """Terms that the method is tried under: the sellers and the reference are of the bundled files."""
        catalog = Catalog.of(None)
        technology = catalog.get(TechnologySpec, "technology-2026")
        known = {"reference": "h100-sxm", "seller": "nvidia-chip", "term": "three-years"}
        # own defaults last, so that they win
        given = {**{key: known[key] for key in subject.requires}, **subject.defaults}
        return Terms(
            price=PriceSpec(method=subject.name, **given),
            technology=technology,
            catalog=catalog,
            economy=catalog.get(EconomySpec, "datacentre-2026"),
        )

    def chips(self) -> Priced:
        """Three chips of which everything is known."""
        made = self._silicon()
        cost = made.unit_cost_usd()
        return Priced(
            listed_usd=np.asarray([3e4, 2e4, 1e4]),
            searched_usd=np.asarray([5e3, 1e4, 2e4]),
            fp16_flops=np.asarray([1e15, 1.3e15, 2e14]),
            silicon=made,
            # three costs around that of a real chip
            unit_cost_usd=cost * np.asarray([1.0, 1.5, 0.5]),
            # two, one and half a dollar an hour
            rent_usd_per_s=np.asarray([2.0, 1.0, 0.5]) / 3600.0,
        )

    def _silicon(self) -> Silicon:
        catalog = Catalog.of(None)
        return chip_silicon(catalog.get(ChipSpec, CHIPS[0]), catalog.get(TechnologySpec, "technology-2026"))

    def _total(self, subject: PriceMethod, chips: Priced) -> np.ndarray:
        parts = subject.price(chips, self.terms(subject))
        require(bool(parts), "price", "the parts of a price", parts)
        return np.asarray(sum(np.asarray(usd, dtype=float) for usd in parts.values()))

    def test_it_looks_like_a_price_method(self, subject: PriceMethod) -> None:
        """A name, what its price means and ranks among, what it requires, and how it prices."""
        require(isinstance(subject, PriceMethod), "plug-in", "a price method", type(subject))
        for field in ("name", "meaning", "group"):
            text = getattr(subject, field)
            require(isinstance(text, str) and text != "", field, "some text", text)
        # the two that a method does not use: its own name, and what capital covers
        keys = set(PriceSpec.model_fields) - {"method", "system"}
        for field in ("requires", "defaults"):
            given = getattr(subject, field)
            require(set(given) <= keys, field, f"keys among {sorted(keys)}", given)

    def test_it_says_what_it_needs_of_every_chip(self, subject: PriceMethod) -> None:
        """Of a chip of a space and of each of the catalog."""
        known, catalog = set(get_args(Need)), Catalog.of(None)
        for chip in (None, *(catalog.get(ChipSpec, name) for name in CHIPS)):
            needs = subject.needs(chip)
            require(set(needs) <= known, "needs", f"some of {sorted(known)}", needs)
            if chip is not None:
                require("searched price" not in needs, "needs", "what a chip of the catalog has", needs)
                require(bool(subject.basis(chip)), "basis", "some text", subject.basis(chip))

    def test_it_accepts_its_own_terms(self, subject: PriceMethod) -> None:
        """What it requires is enough."""
        subject.check(self.terms(subject))

    def test_prices_are_finite_and_above_zero(self, subject: PriceMethod) -> None:
        """One price for each chip."""
        # a price that all chips share may be a single number
        price = np.broadcast_to(self._total(subject, self.chips()), (3,))
        require(bool((np.isfinite(price) & (price > 0.0)).all()), "price", "finite dollars above 0", price)

    def test_a_batch_equals_its_rows(self, subject: PriceMethod) -> None:
        """No chip may look at another."""
        every = self.chips()
        whole = np.broadcast_to(self._total(subject, every), (3,))
        for row in range(3):
            # the silicon is one blueprint, shared by the three rows
            known = {n: v for n, v in vars(every).items() if n != "silicon" and v is not None}
            columns = {n: np.broadcast_to(v, (3,))[[row]] for n, v in known.items()}
            alone = Priced(silicon=every.silicon, **columns)
            same_column(whole[[row]], np.broadcast_to(self._total(subject, alone), (1,)), f"row {row} alone")

    def test_it_reads_no_more_than_it_needs(self, subject: PriceMethod) -> None:
        """What `needs` does not name may be unknown."""
        every = self.chips()
        fields = {
            "listed price": "listed_usd",
            "searched price": "searched_usd",
            "fp16 peak": "fp16_flops",
            "unit cost": "unit_cost_usd",
            "rent": "rent_usd_per_s",
        }
        needs = subject.needs(None)
        # None, so that a method that reads it all the same fails
        unknown = {field: None for need, field in fields.items() if need not in needs}
        same_column(self._total(subject, every), self._total(subject, replace(every, **unknown)), "price")
