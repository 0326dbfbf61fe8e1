"""Systems of pools of unlike chips next to single chips: the best layouts of each at equal targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from dse.chips.anchors import anchor
from dse.chips.price_basis import group_of, price_basis
from dse.errors import Problem, SpecError, spec_error
from dse.evaluate.pools.argument import PoolArgument, read_pool, read_pools
from dse.evaluate.pools.estimate import Asked, System, looked_up
from dse.evaluate.pools.result import SystemEstimate
from dse.question.chip_names import pair_name
from dse.question.pools.drafts import NAMES
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.system import StackSpec
from dse.spec.schema.workload import WorkloadSpec
from objectives.systems.split import ROLES, SERVING

MOST = 32
"""Systems of a comparison."""
FREE_PROMPTS = SERVING[False]
"""Serving under which prompts cost nothing."""


@dataclass(frozen=True, kw_only=True)
class ComparedSystem:
    """One system of pools of a comparison."""

    name: str
    """Chips by role, such as `r200 | lp30`."""
    prices: str
    """The prices that it ranks among."""
    serving: str
    """How it is served, which follows from its pools."""
    apart: bool
    """Whether prompts cost something of it and nothing of the single chips, or the other way round."""
    chips: str
    """How single chips decode next to a system that drafts; empty next to any other."""
    unanchored: str | None
    """Why no measurement anchors the software of a chip of it; None where all are anchored."""
    best: tuple[SystemEstimate | None, ...]
    """The best layouts at each target; None where none meets it."""
    system: System
    """Its chips, load and link, looked up."""
    exceeds: Mapping[str, float]
    """What the system exceeds that misses the loosest target by least; empty where that is met."""

    @property
    def group(self) -> str:
        """What it ranks among: prices that mean the same, and of unlike serving itself alone."""
        return f"{self.prices}, served {self.serving}" if self.apart else self.prices

    def as_dict(self) -> dict[str, object]:
        """Plain data for JSON."""
        return {
            "system": self.name,
            "serving": self.serving,
            "ranks_among": self.group,
            "unanchored": self.unanchored is not None,
            "exceeds": dict(self.exceeds),
            "best": [None if e is None else e.as_dict() for e in self.best],
        }


def systems_of(texts: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Every combination of the pools of a command line, one chip a role; raises `SpecError`."""
    by_role: dict[str, list[str]] = {}
    problems: list[Problem] = []
    for text in texts:
        try:
            by_role.setdefault(read_pool(text).role, []).append(text)
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    found = tuple(product(*(by_role[role] for role in ROLES if role in by_role)))
    if len(found) > MOST:
        raise spec_error("--pool", f"expected at most {MOST} systems, got {len(found):,}")
    for each in found:
        read_pools(each)
    return found


def compare_systems(
    pools: Sequence[str],
    asked: Asked,
    targets: Sequence[float],
    settings: Mapping[str, str],
    chips_serving: str,
) -> tuple[ComparedSystem, ...]:
    """Every system of `pools` at its best within each TPOT [s]; raises `SpecError` with all problems.

    `settings` are those of the comparison: numbers of one chip by its name, of one pool by its role.
    `chips_serving` is how the single chips are served, which no system of unlike serving ranks among.
    """
    found: list[ComparedSystem] = []
    problems: dict[Problem, None] = {}
    for texts in systems_of(pools):
        try:
            found.append(_compared(texts, asked, targets, settings, chips_serving))
        except SpecError as error:
            problems |= dict.fromkeys(error.problems)
    names = [system.name for system in found]
    for name in sorted({n for n in names if names.count(n) > 1}):
        what = f"expected each combination of chips once, got {name} twice; dse estimate takes one layout"
        problems[Problem("--pool", what)] = None
    if problems:
        raise SpecError(list(problems))
    return tuple(found)


def _compared(
    texts: Sequence[str],
    asked: Asked,
    targets: Sequence[float],
    settings: Mapping[str, str],
    chips_serving: str,
) -> ComparedSystem:
    """One system at its best."""
    catalog = Catalog.of(asked.configs)
    pools = read_pools(texts)
    chips = [catalog.get(ChipSpec, pool.chip) for pool in pools]
    own = _settings(pools, chips, settings)
    system = looked_up(texts, asked, own)
    best = [system.best(target) for target in targets]
    paid = [subject.chip for subject in system.subjects]  # as they were set
    groups = dict.fromkeys(group_of(price_basis(chip, asked.price_method)) for chip in paid)
    reasons = [
        f"{chip.name}: {verdict.reason}"
        for chip in chips
        if not (verdict := anchor(catalog.get(StackSpec, chip.stack), chip)).anchored
    ]
    serving = best[0].serving
    return ComparedSystem(
        name=pair_name(chip.name for chip in chips),
        prices=" and ".join(groups),
        serving=serving,
        apart=(serving == FREE_PROMPTS) != (chips_serving == FREE_PROMPTS),
        chips=_beside([pool.role for pool in pools], asked.workload, catalog),
        unanchored="; ".join(dict.fromkeys(reasons)) or None,
        system=system,
        best=tuple(e if e.feasible else None for e in best),
        exceeds={n: v for n, v in best[-1].violations.items() if v > 0.0},
    )


def chips_draft(workload: str, catalog: Catalog) -> bool:
    """Whether single chips draft under a workload: at a stated share of a step, or by layers of the LLM."""
    try:
        drafts = catalog.get(WorkloadSpec, workload).speculation
    except SpecError:  # an unknown name is refused with all others
        return False
    return drafts is not None and (drafts.cost is not None or drafts.draft is not None)


def _beside(roles: Sequence[str], workload: str, catalog: Catalog) -> str:
    """How single chips decode next to a system that drafts; the empty string next to any other."""
    if "draft" not in roles:
        return ""
    if chips_draft(workload, catalog):
        return (
            "single chips draft as well, the same tokens with the same acceptance, at the cost that the "
            f"workload {workload} states and no measurement anchors; the steps of a pool that drafts are "
            "computed"
        )
    return (
        f"single chips decode without drafts, since the workload {workload} states no cost of them: a gain "
        "here is that of drafting as well as that of a second chip"
    )


def _settings(
    pools: Sequence[PoolArgument], chips: Sequence[ChipSpec], settings: Mapping[str, str]
) -> dict[str, str]:
    """Settings of one system: numbers of its chips under the role of their pool."""
    found: dict[str, str] = {}
    for key, value in settings.items():
        of, dot, rest = key.partition(".")
        roles = [
            pool.role for pool, chip in zip(pools, chips, strict=True) if dot and of in (pool.chip, chip.name)
        ]
        found |= {f"{role}.{rest}": value for role in roles} or {key: value}
    return found


def for_chips(
    pools: Sequence[str], chips: Sequence[str], settings: Mapping[str, str], *, draft: bool
) -> dict[str, str]:
    """The settings of the single chips: without those of a role, or of a chip in pools alone.

    Those of drafts stay where single chips `draft` too.
    """
    given = [read_pool(text) for text in pools]
    other = {*ROLES, *({pool.chip for pool in given} - set(chips))}
    drafted = NAMES if any(pool.role == "draft" for pool in given) and not draft else ()
    return {k: v for k, v in settings.items() if k.partition(".")[0] not in other and k not in drafted}
