"""Who of a front may be called the best: chips that a measurement anchors, within one basis of prices."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from dse.chips.price_basis import group_of
from dse.front.files import Front, Manifest
from dse.front.tables import Table
from dse.question.pools.eligibility import PairEligibility
from dse.question.unanchored import family
from objectives.systems.split import ROLES

SHOWN = "with_unanchored"
"""Key of a manifest, only in what is read: chips that no measurement anchors may win."""


@dataclass(frozen=True, kw_only=True)
class Eligibility:
    """What every chip of a front is priced on, and which of them no measurement anchors.

    Chips are named by family: the branch of a searched chip, or the name of a baseline.
    """

    group_of: Mapping[str, str] = field(default_factory=dict)
    """Family to the prices that it ranks among; empty in results that do not say."""
    group: str | None = None
    """The prices that the best is chosen among: those of the most chips that may win."""
    unanchored: Mapping[str, str] = field(default_factory=dict)
    """Family to why no measurement anchors its software; these win nothing."""
    shown: bool = False
    """Whether unanchored chips may win."""
    assumed: Mapping[str, str] = field(default_factory=dict)
    """Family to what its numbers assume where its file gives no value."""
    pairs: PairEligibility | None = None
    """What says the family of a pair of chips; None where designs are of one chip."""

    def ranks(self, name: str) -> bool:
        """Whether a family may be the best."""
        anchored = self.shown or name not in self.unanchored
        # a family of unknown basis counts as of the group: older results say nothing
        return anchored and self.group_of.get(name, self.group) == self.group

    def others(self) -> dict[str, list[str]]:
        """Families on another basis of prices, by that basis."""
        found: dict[str, list[str]] = {}
        for name, group in self.group_of.items():
            if group != self.group:
                found.setdefault(group, []).append(name)
        return found

    def lines(self) -> Iterator[str]:
        """Who may not be called the best and why, and what is assumed of chips, to be said below tables."""
        if others := self.others():
            each = "; ".join(f"{group}: {', '.join(names)}" for group, names in others.items())
            yield (
                f"Prices have different bases: the best design is chosen among {self.group}. "
                f"Not ranked: {each}. "
                "The price method unit-cost puts all chips on one basis."
            )
        for name, reason in self.unanchored.items():
            hint = "" if self.shown else " It is not ranked; --with-unanchored ranks it."
            yield f"{name} is unanchored: {reason}{hint}"
        yield from (f"Assumed: {text}." for text in self.assumed.values())

    def ranked(self, rows: Table) -> Table:
        """Rows of chips that may be the best."""
        if "chip" not in rows.columns or "role" not in rows.columns or not len(rows):
            return rows
        names = zip(rows["chip"], rows["role"], strict=True)
        keep = [self.ranks(self.family(str(chip), str(role))) for chip, role in names]
        # the table itself where all stay, which `answer.ranked` recognises by identity
        return rows if all(keep) else rows[np.asarray(keep)]

    def family(self, chip: str, role: str) -> str:
        """What a design is called here; the role of a pair does not matter."""
        return family(chip, role) if self.pairs is None else self.pairs.family(chip)


def eligibility_of(front: Front) -> Eligibility:
    """Who may win, by what the manifest says; results of older versions say nothing, so that all may."""
    manifest = front.manifest
    if pools := manifest.get("pools"):
        return _of_pairs(manifest, [role for role in ROLES if role in pools])
    bases: Mapping[str, str] = manifest.get("price_bases") or {}
    groups = {name: group_of(basis) for name, basis in bases.items()}
    barred: Mapping[str, str] = manifest.get("unanchored") or {}
    shown = bool(manifest.get(SHOWN))
    count: dict[str, int] = {}
    for name, group in groups.items():
        # chips that may not win do not decide on which basis the others are ranked
        count[group] = count.get(group, 0) + (shown or name not in barred)
    # of equal groups the first in the manifest, as `max` takes it
    first = max(count, key=lambda name: count[name], default=None)
    return Eligibility(
        group_of=groups,
        group=first,
        unanchored=dict(barred),
        shown=shown,
        assumed=dict(manifest.get("assumed") or {}),
    )


def _of_pairs(manifest: Manifest, roles: Sequence[str]) -> Eligibility:
    """Who of the pairs of pools may win: families are pairs, such as `r200 | lp30`."""
    told = PairEligibility.of(manifest, roles, shown=bool(manifest.get(SHOWN)))
    named = dict(told.families())
    return Eligibility(
        group_of={pair: told.standing_of(chips)[0] for pair, chips in named.items()},
        group=next(iter(told.groups), None),
        unanchored=_said(named, told.unanchored),
        shown=told.shown,
        assumed=_said(named, told.assumed),
        pairs=told,
    )


def _said(named: Mapping[str, Sequence[str]], of_chips: Mapping[str, str]) -> dict[str, str]:
    """Pair to what is said of its chips, each text once."""
    texts = {
        pair: dict.fromkeys(of_chips[c] for c in chips if c in of_chips) for pair, chips in named.items()
    }
    return {pair: "; ".join(each) for pair, each in texts.items() if each}


def with_unanchored(front: Front, wanted: bool) -> Front:
    """The front as a reader requests it: with unanchored chips among those that may win."""
    return replace(front, manifest={**front.manifest, SHOWN: True}) if wanted else front
