"""A study of pools with every name in it looked up: each pool is a study of its own chips and layouts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from dse.choose.rule import Limits
from dse.errors import Attempts, Problem, SpecError, spec_error
from dse.question.find_study import each_case, find_case
from dse.question.look_ups import at_key_of
from dse.question.overrides import with_settings
from dse.question.pools.drafts import Drafts, drafts_of
from dse.question.pools.link import ChosenLink, covered_by, pool_link
from dse.question.resolved_study import ResolvedStudy, digest, resolve_study, study_as_data
from dse.question.substance import substance_digests
from dse.spec.catalog.check_names import checked_spec
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.cases import case_spec
from dse.spec.schema.pools import PoolSpec
from dse.spec.schema.study import StudySpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.schema.workload import WorkloadSpec, hold_speculation, longer_than_answers
from objectives import api
from objectives.systems.shares import unshared
from objectives.systems.split import SERVING, keeper, llm_problem

PROMPTS = (1, 4, 4096)
"""Prompts of a pass that are tried for a pool that prefills, where their rows fit."""

_SIZES = ("batch", "tp", "cp", "pp", "ep")


_FLEET = (
    "by settings: {{workload/{workload}.pools: system}}; got a fleet, whose pools have a real ratio, so that "
    "it has a price for fractions of a chip"
)


@dataclass(frozen=True, kw_only=True)
class PooledStudy:
    """Everything that a study of pools names, found and checked."""

    spec: StudySpec
    path: Path
    case: str | None
    pools: Mapping[str, ResolvedStudy]
    """Role to the same question of the chips and the layouts of one pool."""
    link: ChosenLink

    @property
    def first(self) -> ResolvedStudy:
        """What all pools have in common: context, objectives, targets, cost model."""
        # draft | verify: all but the LLM that drafts is that of the pool that verifies
        return self.pools.get("verify", next(iter(self.pools.values())))

    @property
    def slug(self) -> str:
        """Name of the results."""
        return self.first.slug

    @property
    def context(self) -> api.Context:
        """LLM, workload, formats and economy."""
        return self.first.context

    @property
    def limits(self) -> Limits:
        """Targets of the study and of its workload."""
        return self.first.limits

    @property
    def case_title(self) -> str:
        """What distinguishes this question from the other cases of its study."""
        return self.first.case_title

    @property
    def known_pairs(self) -> tuple[tuple[str, ...], ...]:
        """Chips of every pair that the catalog has, one for each pool."""
        return tuple(product(*(pool.baselines for pool in self.pools.values())))

    def lifted(self) -> "PooledStudy":
        """The study without the latency targets of its workload; its own still bind."""
        spec = self.spec.model_copy(update={"workload_targets": False})
        return replace(self, spec=spec, pools={role: pool.lifted() for role, pool in self.pools.items()})

    @property
    def problem(self) -> dict[str, object]:
        """What decides which systems there are and which is better."""
        return {"pools": {role: pool.problem for role, pool in self.pools.items()}, "link": self._link()}

    def digests(self) -> dict[str, str]:
        """SHA-256 of the study and of each config of any pool."""
        found = {name: d for pool in self.pools.values() for name, d in pool.digests().items()}
        return dict(sorted({**found, "study": digest(study_as_data(self.spec))}.items()))

    def substance(self) -> dict[str, str]:
        """Digests of what of the study and its configs decides results: of any pool, without words."""
        return {name: d for pool in self.pools.values() for name, d in substance_digests(pool).items()}

    def changed_since(self, manifest: Mapping[str, object]) -> list[str]:
        """The study and configs, by name, that are not those of the front that `manifest` describes."""
        then, now = manifest.get("substance"), self.substance()
        then = then if isinstance(then, Mapping) else {}
        changed = {name for name in {*then, *now} if then.get(name) != now.get(name)}
        # the study of one pool has neither the chips of the other one nor the link
        if not changed and manifest.get("problem") != digest(self.problem):
            changed.add("study")
        return sorted(changed)

    def _link(self) -> dict[str, object]:
        """The link as numbers: of a network only these count."""
        return {"bandwidth": self.link.bandwidth, "latency": self.link.latency_s, "usd": self.link.usd}


def resolve_pooled(spec: StudySpec, path: Path, catalog: Catalog, case: str | None = None) -> PooledStudy:
    """Look up every name of a study of pools; raises `SpecError` with all problems at once."""
    pools = spec.pools
    if pools is None:
        raise spec_error(str(path), "pools: expected pools of unlike chips, got none")
    # two pools share most names, so one mistake would be reported for each
    problems: dict[Problem, None] = {}
    found: dict[str, ResolvedStudy] = {}
    look = Attempts(at_key_of(path, case))
    if pools.draft is None:
        look("workload", _hold_speculation, spec, catalog)
    drafts = look("pools", _drafts, spec, catalog) if pools.draft is not None else None
    for role, pool in pools.by_role.items():
        own = _of_pool(spec, role, pool)
        if role == "draft" and drafts is not None:
            own = own.model_copy(update={"llm": drafts.llm.name})
        try:
            keeps, keys = role == keeper(tuple(pools.by_role)), _keys(role, pool)
            found[role] = resolve_study(own, path, catalog, case, keys, keeps_prefixes=keeps)
        except SpecError as error:
            problems |= dict.fromkeys(error.problems)
    if drafts is not None and "verify" in found:
        found["verify"] = _with_drafts(found["verify"], drafts)
    first = found.get("verify", next(iter(found.values()), None))
    link: ChosenLink | None = None
    if first is not None:
        # without its drafts or the pool that verifies, what is missing there would be told once more
        if pools.draft is None or (drafts is not None and "verify" in found):
            look("pools", _check, spec, first)
        catalog = first.setting.catalog
    technology = look("technology", catalog.get, TechnologySpec, spec.technology)
    if technology is not None:
        link = look("pools.link", pool_link, pools.link, (), catalog, technology, "")
    try:
        look.done()
    except SpecError as error:
        problems |= dict.fromkeys(error.problems)
    if problems or link is None:
        raise SpecError(list(problems))
    paid = covered_by(spec.price, link)
    return PooledStudy(spec=spec, path=path, case=case, pools=found, link=paid)


def _drafts(spec: StudySpec, catalog: Catalog) -> Drafts:
    """What the pool draft makes; raises `SpecError` where the study and its workload do not say it."""
    own = None if spec.pools is None or spec.pools.draft is None else spec.pools.draft.llm
    known = with_settings(catalog, spec.settings or {})
    return drafts_of(own, spec.workload, {}, known, "draft.llm")


def _hold_speculation(spec: StudySpec, catalog: Catalog) -> None:
    """Raise `SpecError` for drafts without the cost that these pools read."""
    try:
        found = catalog.get(WorkloadSpec, spec.workload)
    except SpecError:  # an unknown name is refused with all others
        return
    hold_speculation(found)


def _with_drafts(study: ResolvedStudy, drafts: Drafts) -> ResolvedStudy:
    """The question of the pool that verifies, with what it verifies."""
    work = replace(study.context.workload, speculation=drafts.speculation)
    return replace(study, context=replace(study.context, workload=work))


def _of_pool(spec: StudySpec, role: str, pool: PoolSpec) -> StudySpec:
    """The question of one pool: its chips, and its sizes in the place of those of the study."""
    own = {name: getattr(pool, name) for name in _SIZES if getattr(pool, name) is not None}
    if role == "prefill":
        own.setdefault("batch", PROMPTS)
    if role in ("ffn", "draft"):  # its rows are those of the other pool
        own["batch"] = (1,)
    changes = {
        "pools": None,
        "space": pool.space,
        "baselines": pool.chips,
        "serving": SERVING[spec.pools is not None and "prefill" in spec.pools.by_role],
        "deployment": spec.deployment.model_copy(update=own),
    }
    return spec.model_copy(update=changes)


def _keys(role: str, pool: PoolSpec) -> dict[str, str]:
    """Where the file has the keys of a pool."""
    given = [name for name in _SIZES if getattr(pool, name) is not None]
    sizes = {f"deployment.{name}": f"pools.{role}.{name}" for name in given}
    return {"space": f"pools.{role}.space", "baselines": f"pools.{role}.chips", **sizes}


def _check(spec: StudySpec, first: ResolvedStudy) -> None:
    """What pools of unlike chips cannot do."""
    problems = list(_problems(spec, first))
    if problems:
        raise SpecError(problems)


def _problems(spec: StudySpec, first: ResolvedStudy) -> Iterator[Problem]:
    """Cost models, objectives and LLMs that pools do not know."""
    if not api.factorises(first.cost_model):
        yield Problem("", f"expected a cost model that knows pools, such as roofline, got {spec.cost_model}")
    roles = () if spec.pools is None else tuple(spec.pools.by_role)
    if "prefill" in roles and (why := unshared(first.context)):
        yield Problem("", f"{why}, whose dollars belong to no pool")
    bounded = {goal.name for goal in (*first.objectives, *(goal for goal, _ in first.limits))}
    if "prefill" in roles and first.context.workload.pools == "fleet" and "entry_price" in bounded:
        yield Problem("", f"entry_price: expected whole chips, {_FLEET.format(workload=spec.workload)}")
    if why := llm_problem(roles, first.context):
        yield Problem("", why.replace("speculation.llm", "draft.llm", 1) if "draft" in roles else why)
    work = first.context.workload
    drafts = work.speculation if "draft" in roles else None
    if drafts is not None and (why := longer_than_answers(drafts.length, float(np.asarray(work.osl)))):
        yield Problem("", why)
    if spec.pools is not None and spec.pools.ffn is not None and spec.pools.ffn.batch is not None:
        yield Problem("", "ffn.batch: expected none, since its rows are those of attention, got some")
    if spec.pools is not None and spec.pools.draft is not None and spec.pools.draft.batch is not None:
        yield Problem("", "draft.batch: expected none, since its sequences are those of verify, got some")


Question = ResolvedStudy | PooledStudy
"""A question of single chips or of pools."""


def resolve_question(spec: StudySpec, path: Path, catalog: Catalog, case: str | None = None) -> Question:
    """Look up every name of a study of either kind; raises `SpecError` with all problems at once."""
    resolve = resolve_study if spec.pools is None else resolve_pooled
    return resolve(spec, path, catalog, case)


def checked_question(path: Path, case: str | None, catalog: Catalog) -> Question:
    """The question at `path`, of pools or of single chips; raises `SpecError` with all problems at once."""
    return resolve_question(checked_spec(path, case, catalog), path, catalog, case)


def load_question(name: str, configs: Path | str | None = None) -> Question:
    """The study, or the case of one, that goes by `name`; of pools or of single chips."""
    path, case = find_case(name)
    return checked_question(path, case, Catalog.of(configs))


def load_questions(name: str, configs: Path | str | None = None) -> tuple[Question, ...]:
    """The study that goes by `name` and every case of it, each of pools or of single chips.

    Raises `SpecError` with the problems of all of them.
    """
    return each_case(name, configs, resolve_question)


def pooled_question(name: str, configs: Path | str | None = None) -> PooledStudy | None:
    """The study of pools that goes by `name`; None for a study of single chips, which is not looked up."""
    path, case = find_case(name)
    try:
        if case_spec(path, case).pools is None:
            return None
    except SpecError:  # reported with the unknown names in it, whatever it is of
        return None
    return resolve_pooled(checked_spec(path, case, Catalog.of(configs)), path, Catalog.of(configs), case)
