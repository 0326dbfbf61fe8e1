"""Which pairs of pools may be called the best: of anchored chips, among prices that mean the same."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from dse.chips.price_basis import group_of
from dse.question.chip_names import BESIDE, branch_of, pair_name

Standing = tuple[str, bool]
"""The prices that a pair ranks among, and whether a chip of it is unanchored."""


@dataclass(frozen=True, kw_only=True)
class PairEligibility:
    """What the chips of each pool are priced on, and which of them no measurement anchors.

    Chips are named `ROLE.FAMILY`: the branch of a searched chip, or the name of one of the catalog.
    """

    roles: Sequence[str]
    prices_of: Mapping[str, str]
    """Chip to the prices that it ranks among."""
    unanchored: Mapping[str, str]
    """Chip to why no measurement anchors its software."""
    assumed: Mapping[str, str]
    """Chip to what its numbers assume where its file gives no value."""
    shown: bool = False
    """Whether pairs of unanchored chips may win."""

    @classmethod
    def of(
        cls, told: Mapping[str, Mapping[str, str] | None], roles: Sequence[str], *, shown: bool = False
    ) -> "PairEligibility":
        """By what a manifest says of the chips of all pools."""
        bases = told.get("price_bases") or {}
        return cls(
            roles=roles,
            prices_of={name: group_of(basis) for name, basis in bases.items()},
            unanchored=dict(told.get("unanchored") or {}),
            assumed=dict(told.get("assumed") or {}),
            shown=shown,
        )

    @property
    def groups(self) -> tuple[str, ...]:
        """The prices that pairs rank within: those of the most pairs that may win first."""
        by_role = [[n for n in self.prices_of if n.startswith(f"{role}.")] for role in self.roles]
        count: Counter[str] = Counter()
        for pair in product(*by_role):
            prices, unanchored = self.standing_of(pair)
            # chips that may not win do not decide which prices come first
            count[prices] += self.shown or not unanchored
        # of equally many those of one basis, which all mean the same
        alike = set(self.prices_of.values())
        return tuple(sorted(count, key=lambda group: (-count[group], group not in alike)))

    def kinds(self) -> list[dict[str, frozenset[str]]]:
        """Families of each pool that are alike in prices and anchors, in every combination of pools.

        A pair that ranks apart beats no other, so that the pairs of each combination have their own front.
        """
        by_role: list[dict[Standing, list[str]]] = []
        for role in self.roles:
            alike: dict[Standing, list[str]] = {}
            for name, prices in self.prices_of.items():
                of, _, family = name.partition(".")
                if of == role:
                    alike.setdefault((prices, name in self.unanchored), []).append(family)
            by_role.append(alike)
        combined = product(*(alike.values() for alike in by_role))
        return [dict(zip(self.roles, map(frozenset, each), strict=True)) for each in combined]

    def standing(self, chips: Sequence[str]) -> Standing:
        """Of the pair of some chips, one for each pool in their order."""
        return self.standing_of(
            [self._name(role, chip) for role, chip in zip(self.roles, chips, strict=True)]
        )

    def family(self, pair: str) -> str:
        """The chips of a pair by name, those that were searched by their branch."""
        parts = zip(self.roles, pair.split(BESIDE), strict=True)
        return pair_name(self._name(role, chip).partition(".")[2] for role, chip in parts)

    def families(self) -> Iterator[tuple[str, list[str]]]:
        """Every pair by the families of its chips, and these with their roles in front."""
        by_role = [[n for n in self.prices_of if n.startswith(f"{role}.")] for role in self.roles]
        for names in product(*by_role):
            yield pair_name(name.partition(".")[2] for name in names), list(names)

    def may_win(self, standing: Standing) -> bool:
        """Whether pairs of a standing are ranked."""
        return self.shown or not standing[1]

    def standing_of(self, names: Sequence[str]) -> Standing:
        """Of the pair of some chips under their names in the manifest."""
        prices = " and ".join(dict.fromkeys(self.prices_of.get(name, "unsaid") for name in names))
        return prices, any(name in self.unanchored for name in names)

    def _name(self, role: str, chip: str) -> str:
        """A chip under its name in the manifest."""
        listed = f"{role}.{chip}" in self.prices_of
        return f"{role}.{chip if listed else branch_of(chip)}"

    def lines(self) -> Iterator[str]:
        """What prices mean, which pairs may not win and why, what is assumed of chips."""
        by_prices = _by_text(self.prices_of)
        if len(by_prices) == 1:
            yield f"prices of all chips are {next(iter(by_prices))}"
        elif by_prices:
            each = "; ".join(f"{prices}: {names}" for prices, names in by_prices.items())
            yield (
                f"prices mean different things ({each}); pairs are ranked within each group. "
                "The price method unit-cost prices all chips alike"
            )
        hint = "" if self.shown else " Pairs with it are not ranked; --with-unanchored ranks them"
        yield from (f"unanchored: {names}: {why}{hint}" for why, names in _by_text(self.unanchored).items())
        yield from (f"assumed of {names}: {text}" for text, names in _by_text(self.assumed).items())


def _by_text(of_chips: Mapping[str, str]) -> dict[str, str]:
    """Each text once, with the chips that it is about."""
    found: dict[str, list[str]] = {}
    for name, text in of_chips.items():
        found.setdefault(text, []).append(name)
    return {text: ", ".join(names) for text, names in found.items()}
