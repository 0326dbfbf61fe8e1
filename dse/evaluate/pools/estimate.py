"""One system of two or three pools of unlike chips, one LLM, one workload."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dse.chips.anchor_rows import anchor_rows
from dse.chips.anchors import anchor
from dse.chips.interval import shares_experts
from dse.choose.pools import PoolChoice, best_system
from dse.choose.rule import Limits, merged
from dse.choose.solve import Question
from dse.errors import Attempts, Problem, SpecError, placed, spec_error
from dse.evaluate.estimate_notes import (
    kept_prefixes,
    layout_notes,
    narrow_stages,
    sent_under,
    trust_notes,
)
from dse.evaluate.estimate_result import LABELS
from dse.evaluate.money import Money, joined
from dse.evaluate.pools.argument import PoolArgument, read_pools
from dse.evaluate.pools.fronts import OBJECTIVES
from dse.evaluate.pools.layouts import check_sizes, layouts_of
from dse.evaluate.pools.pairs import best_of_pair
from dse.evaluate.pools.result import SystemEstimate
from dse.evaluate.pools.system import system_of
from dse.evaluate.pools.trust import PoolTrust, Trusted
from dse.evaluate.subject import ECONOMY, TECHNOLOGY, Subject
from dse.question.pools.drafts import LLM, NAMES, Drafts, drafts_of, hold_drafts
from dse.question.pools.link import ChosenLink, covered_by, pool_link, read_link
from dse.spec.catalog.lookup import Catalog
from dse.spec.overrides.short_names import by_short_name
from dse.spec.schema.generation import generation_notes
from dse.spec.schema.pools import LinkSpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.schema.workload import WorkloadSpec, longer_than_answers
from objectives import api
from objectives.systems.draft_verify import draft_problem
from objectives.systems.shares import unshared
from objectives.systems.split import ROLES, SERVING, SPLITS, keeper, llm_problem, serving_problem

LOAD_OF = "long-prompt-disaggregated"
"""Workload whose load of the prefill pool holds for those that state none."""

DECODE_ONLY = "decode only: prompts cost nothing here; TTFT is that of one prompt alone"
UNMEASURED = (
    "no measured row is of a system of unlike chips: the error of pairing them is unknown and in no interval"
)
_BY_DESCENT = "layouts were found by descent from many starts, which is no proof that none is better"

_HOLDERS = ("decode", "attention", "verify")
"""Roles whose batch is the sequences of a replica, and may be between those of the grid."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What every system has in common: load, formats, prices; see `dse.evaluate.estimate.estimate`."""

    llm: str
    workload: str
    link: str | None = None
    weights: str = "fp16"
    kv: str | None = None
    activations: str | None = None
    cost_model: str = "roofline"
    serving: str | None = None
    price_method: str = "listed"
    seller: str | None = None
    rent_term: str | None = None
    system: str = "chips-only"
    economy: str = ECONOMY
    software: str = "as-sold"
    configs: Path | str | None = None
    hold_targets: bool = True
    most: Mapping[str, float] | None = None
    draft_llm: str | None = None


def estimate_pools(
    pools: Sequence[str],
    llm: str,
    workload: str,
    *,
    link: str | None = None,
    weights: str = "fp16",
    kv: str | None = None,
    activations: str | None = None,
    cost_model: str = "roofline",
    serving: str | None = None,
    price_method: str = "listed",
    seller: str | None = None,
    rent_term: str | None = None,
    system: str = "chips-only",
    economy: str = ECONOMY,
    software: str = "as-sold",
    settings: Mapping[str, str] | None = None,
    configs: Path | str | None = None,
    hold_targets: bool = True,
    most: Mapping[str, float] | None = None,
    draft_llm: str | None = None,
) -> SystemEstimate:
    """Estimate one system of pools; what is left out of their layouts is chosen.

    `pools` are texts such as `decode=lp30` or `decode=lp30,tp=8,pp=40`, `link` is a network of the catalog
    whose ports join the pools, or numbers such as `25 GB/s, 5 us`. A pool that prefills makes the workload
    disaggregated; attention | FFN and draft | verify are decode-only. `draft_llm` is the LLM of a pool that
    drafts, by default that of the workload; `draft_length` and `draft_acceptance` of `settings` go with it.
    Other arguments are those of `dse.evaluate.estimate.estimate`.

    Raises `SpecError` with every unknown name at once.
    """
    asked = Asked(
        llm=llm,
        workload=workload,
        link=link,
        weights=weights,
        kv=kv,
        activations=activations,
        cost_model=cost_model,
        serving=serving,
        price_method=price_method,
        seller=seller,
        rent_term=rent_term,
        system=system,
        economy=economy,
        software=software,
        configs=configs,
        hold_targets=hold_targets,
        most=most,
        draft_llm=draft_llm,
    )
    return looked_up(pools, asked, settings).best(None)


@dataclass(frozen=True, kw_only=True)
class System:
    """A system of pools with every name looked up."""

    pools: tuple[PoolArgument, ...]
    subjects: tuple[Subject, ...]
    """The chip of each pool."""
    context: api.Context
    """What all pools have in common; with drafts where a pool drafts."""
    stated: LinkSpec | None
    """The link as it was given."""
    link: ChosenLink
    choices: tuple[PoolChoice, ...]
    notes: tuple[str, ...]

    @property
    def first(self) -> Subject:
        """The pool that has all but its own chip in common with the others."""
        # draft | verify: all but the LLM that drafts is that of the pool that verifies
        roles = [pool.role for pool in self.pools]
        return self.subjects[roles.index("verify") if "verify" in roles else 0]

    def money(self) -> Money | None:
        """Prices by pool, and the economy."""
        pairs = zip(self.pools, self.subjects, strict=True)
        return joined({f"{pool.role} on {s.chip.name}": s.money() for pool, s in pairs})

    def limits(self, tpot_s: float | None) -> Limits:
        """Targets of the workload, with one on TPOT [s]."""
        own = () if tpot_s is None else ((self.first.bounded("tpot"), tpot_s),)
        return merged(self.first.limits, own)

    def best(self, tpot_s: float | None) -> SystemEstimate:
        """The best layouts within a TPOT [s], or within the targets of the workload alone."""
        first, limits = self.first, self.limits(tpot_s)
        question = Question(
            cost_model=first.cost_model, context=self.context, goal=first.goal, tolerance=first.tolerance
        )
        one, how = _best(question, self.choices, self.link.columns(), limits)
        return _result(self, one, how, limits)


def looked_up(pools: Sequence[str], asked: Asked, settings: Mapping[str, str] | None = None) -> System:
    """One system; raises `SpecError` with every unknown name at once."""
    given, stated = read_pools(pools), read_link(asked.link)
    roles = tuple(pool.role for pool in given)
    mode = SERVING["prefill" in roles]
    if asked.serving is not None and (why := serving_problem(roles, asked.serving)):
        raise spec_error("--serving", why.removeprefix("serving: "))
    numbers, assumed = _with_load(settings, asked.workload, asked.configs, mode)
    drafts, numbers = _drafts(roles, asked, numbers or {})
    subjects = _subjects(given, asked, mode, numbers, drafts)
    first = subjects[roles.index("verify") if drafts is not None else 0]
    context = first.context
    stated_ways = context.workload.diffusion is not None or context.workload.speculation is not None
    if drafts is None and stated_ways and (why := llm_problem(roles, context)):
        raise spec_error("--workload", why)
    if drafts is not None:
        context = replace(context, workload=replace(context.workload, speculation=drafts.speculation))
        length = drafts.speculation.length
        hold_drafts(draft_problem(context) or longer_than_answers(length, first.workload.resolve().osl))
    technology = first.catalog.get(TechnologySpec, TECHNOLOGY)
    link = pool_link(stated, [s.network for s in subjects], first.catalog, technology)
    return System(
        pools=given,
        subjects=tuple(subjects),
        context=context,
        stated=stated,
        link=covered_by(first.price, link),
        choices=tuple(
            PoolChoice(
                role=pool.role,
                chips=subject.chips,
                layouts=layouts_of(pool, subject.llm, subject.stack),
                any_batch=pool.role in _HOLDERS and "batch" not in pool.sizes,
            )
            for pool, subject in zip(given, subjects, strict=True)
        ),
        notes=(*assumed, *(() if drafts is None else drafts.notes)),
    )


def _drafts(
    roles: tuple[str, ...], asked: Asked, settings: Mapping[str, str]
) -> tuple[Drafts | None, Mapping[str, str]]:
    """What is drafted, where a pool drafts, and the settings without its numbers."""
    if "draft" not in roles:
        if asked.draft_llm is not None:
            raise spec_error(LLM, f"expected pools draft and verify with it, got {' and '.join(roles)}")
        return None, settings
    short = by_short_name(settings)
    found = drafts_of(asked.draft_llm, asked.workload, short, Catalog.of(asked.configs))
    return found, {name: value for name, value in settings.items() if name not in NAMES}


def _subjects(
    pools: Sequence[PoolArgument],
    asked: Asked,
    mode: str,
    settings: Mapping[str, str],
    drafts: Drafts | None,
) -> list[Subject]:
    """The chip of every pool, looked up; raises `SpecError` with all problems."""

    def found_of(pool: PoolArgument) -> Subject:
        return Subject(
            pool.chip,
            drafts.llm.name if drafts is not None and pool.role == "draft" else asked.llm,
            asked.workload,
            weights=asked.weights,
            kv=asked.kv,
            activations=asked.activations,
            cost_model=asked.cost_model,
            stack=pool.stack,
            serving=mode,
            price_method=asked.price_method,
            seller=asked.seller,
            rent_term=asked.rent_term,
            system=asked.system,
            economy=asked.economy,
            software=asked.software,
            settings=_settings_of(pool.role, settings),
            configs=asked.configs,
            hold_targets=asked.hold_targets,
            most=asked.most,
            drafted=drafts is not None,
            keeps_prefixes=pool.role == keeper([p.role for p in pools]),
        )

    look = Attempts(_of_pool)
    subjects = [look(pool.where, found_of, pool) for pool in pools]
    look.done()
    for pool, subject in zip(pools, subjects, strict=True):
        check_sizes(pool, subject.llm, subject.stack)
    return subjects


def _of_pool(where: str, problem: Problem) -> Problem:
    """A problem at the option of its pool: there is no `--chip` here."""
    return Problem(where, problem.what, problem.key) if problem.where == "--chip" else placed(where, problem)


def _best(
    question: Question, choices: tuple[PoolChoice, ...], link: api.PoolLink, limits: Limits
) -> tuple[api.Designs, str]:
    """The best system, a batch of one, and how it was found; empty where there was nothing to choose."""
    roles = tuple(choice.role for choice in choices)
    one_by_one = api.factorises(question.cost_model) and not unshared(question.context)
    # power is no sum over pools that a pool can be judged by alone
    one_by_one = one_by_one and all(goal.name in OBJECTIVES for goal, _ in limits)
    if roles == SPLITS[0] and one_by_one and math.prod(c.layouts.size for c in choices) > 1:
        found = best_of_pair(question, choices, link, limits)
        if found is not None:
            first, then = (c.layouts.size for c in choices)
            return found, f"layouts are the best of all pairs of {first:,} of prefill and {then:,} of decode"
    one, only = best_system(question, choices, link, limits)
    return one, "" if only else _BY_DESCENT


def _with_load(
    settings: Mapping[str, str] | None, workload: str, configs: Path | str | None, mode: str
) -> tuple[Mapping[str, str] | None, list[str]]:
    """Settings with the load of the pool that prefills where nobody states it, and a note of that."""
    catalog = Catalog.of(configs)
    if mode != SERVING[True] or "prefill_load" in by_short_name(settings or {}):
        return settings, []
    try:
        own = catalog.get(WorkloadSpec, workload).prefill_load
    except SpecError:  # its name is refused with all others
        return settings, []
    usual = catalog.get(WorkloadSpec, LOAD_OF).prefill_load
    if own is not None or usual is None or usual.value is None:
        return settings, []
    note = f"prefill replicas are busy for {usual.value:.0%} of the time at most, an assumption"
    return {**(settings or {}), "prefill_load": str(usual.value)}, [note]


def _settings_of(role: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Settings of one pool: those of all, and those behind its role, as in `decode.price`."""
    found = {}
    for name, value in settings.items():
        of, _, own = name.partition(".")
        if of == role:
            found[own] = value
        elif of not in ROLES:
            found[name] = value
    return found


def _result(system: System, one: api.Designs, how: str, limits: Limits) -> SystemEstimate:
    """The typed result of one system, a batch of one, with its ledgers."""
    first = system.first
    m = first.cost_model.evaluate(one, system.context)
    pools = [
        Trusted(
            role=pool.role,
            chip=subject.chip.name,
            stack=subject.stack.name,
            trust=_trust(system, pool.role, subject, one, m),
        )
        for pool, subject in zip(system.pools, system.subjects, strict=True)
    ]
    return system_of(
        pools,
        one,
        system.context,
        first.cost_model,
        limits,
        llm=first.llm.name,
        workload=first.workload.name,
        precision=first.precision.model_dump(),
        price_method=first.price.method,
        link=system.link,
        money=system.money(),
        solved=bool(how),
        notes=(*_notes(system, pools, one, how), *system.notes),
    )


def _trust(system: System, role: str, subject: Subject, one: api.Designs, m: api.Metrics) -> PoolTrust:
    """What the numbers of a pool rest on."""
    return PoolTrust(
        label=LABELS[subject.stack.estimate],
        interval=subject.trusted(joined=shares_experts(subject.llm, one.pool(role).deployments)),
        # by the software that it is sold with, whatever drives it
        anchor=anchor(subject.sold, subject.chip),
        anchor_rows=anchor_rows(subject.stack, subject.chip, subject.catalog),
        next_best=subject.on_next_best(system.context, one, m, role),
    )


def _notes(system: System, pools: Sequence[Trusted], one: api.Designs, how: str) -> list[str]:
    """Conditions under which the numbers hold, the most important first."""
    notes, both = [UNMEASURED], list(zip(pools, system.subjects, strict=True))
    for pool, subject in both:
        told = [
            pool.trust.label,
            *trust_notes(subject.stack, subject.chip, subject.catalog, pool.trust.next_best),
        ]
        if subject.unpriced:
            told.append(f"{subject.chip.name} has no listed price: priced at the unit cost of its silicon")
        # set for all pools it is read of the one that prefills
        if pool.role == "prefill" or not any(
            s.role == "prefill" and t.stack.can("kv_under_prefill") for s, t in both
        ):
            told += sent_under(subject.stack, sends=pool.role == "prefill")
        if pool.role == "decode":
            told += narrow_stages(subject.stack, system.context.llm, one.pool("decode").deployments)
        elif subject.stack.can("unlike_stages") and not any(s.role == "decode" for s, _ in both):
            told.append("unlike_stages is not read: only whole pools that decode have narrower stages")
        told += layout_notes(subject.llm, subject.precision, one.pool(pool.role).deployments, subject.stack)
        if pool.role == "prefill":
            told += kept_prefixes(subject.workload)
        notes.append(f"{pool.role} on {subject.chip.name}: " + "; ".join(told))
    notes[1:1] = generation_notes(system.context.workload, system.subjects[0].llm_spec)
    notes.append(system.link.note)
    if how:
        notes.append(how)
    if system.subjects[0].workload.serving == "decode-only":
        notes.append(DECODE_ONLY)
    return notes
