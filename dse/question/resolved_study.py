"""A study with every name in it looked up: what a runner, a report and a test all start from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from json import dumps
from pathlib import Path

from dse.chips.branch import Branch, branches_of
from dse.chips.price_method import Terms, price_method
from dse.chips.rents import economy_of
from dse.chips.resolve import chip_columns, precision_of
from dse.chips.served import served_llm
from dse.chips.setting import Setting
from dse.choose.confidence import checked
from dse.choose.rule import Limits
from dse.errors import Attempts, nearest, spec_error
from dse.plugins import cost_model, objective, sampler_factory
from dse.question.error_bars import check_error_bars
from dse.question.find_study import each_case, find_case
from dse.question.layouts import Lists, can_split, check_deployments, check_splits, filled
from dse.question.look_ups import at_key_of
from dse.question.overrides import space_of, with_settings, workload_of
from dse.question.pools.refused import refuse_pools
from dse.question.stacks import stacks_of
from dse.question.targets import Target, at_confidence, bound, check_columns, goal_of, limits_of, own_targets
from dse.question.used_configs import used_configs
from dse.spec.catalog.check_names import checked_spec
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.base import Spec
from dse.spec.schema.cases import slug_of
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.demands import hold_demands
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.space import SpaceSpec
from dse.spec.schema.study import MixSpec, StudySpec
from dse.spec.schema.system import EconomySpec, NetworkSpec, StackSpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.schema.workload import WorkloadSpec, hold_context, hold_speculation
from dse.spec.yaml.units import parse
from dse.traffic.workloads import resolved
from objectives import api

_SEARCH_ONLY = frozenset(
    ["name", "title", "question", "sampler", "seed", "sweep", "report_at", "goal", "tolerance"]
)
"""Fields of a study that choose among designs, or words for them, and change none."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """One LLM and workload of a mix."""

    label: str
    """`llm.workload`."""
    weight: float
    """Share of the output tokens; those of all members sum to 1."""
    context: api.Context
    targets: tuple[Target, ...] = ()
    """Those of its workload and of the study; of two on one objective the tighter one."""

    @property
    def limits(self) -> Limits:
        """Its targets as the choice of a deployment reads them."""
        return limits_of(self.targets)


@dataclass(frozen=True, kw_only=True)
class ResolvedStudy:
    """Everything a study names, found and checked."""

    spec: StudySpec
    path: Path
    slug: str
    """Name of the study's folder, with that of its case behind it; also the name of its results."""
    case: str | None = None
    """Name of the case; None for the study itself."""
    context: api.Context
    """Of the one question, or of the first of a mix."""
    members: tuple[Member, ...] = ()
    """Everything that a chip must serve; empty where it is one LLM and one workload."""
    cost_model: api.CostModel
    objectives: tuple[api.Objective, ...]
    goal: api.Objective
    """What deployments are chosen by, whatever the order of the objectives."""
    targets: tuple[Target, ...]
    """Those of the study and of its workload; of two on one objective the tighter one. For a mix those of the
    study, which hold for the whole; each member has those of its workload too."""
    swept: api.Objective | None
    branches: dict[str, Branch]
    baselines: dict[str, ChipSpec]
    setting: Setting
    reference_point: dict[str, float]
    configs: dict[str, Spec]
    """Every config that the answer depends on, by `kind/name`."""

    @property
    def limits(self) -> Limits:
        """Its targets as the choice of a deployment reads them."""
        return limits_of(self.targets)

    def lifted(self) -> "ResolvedStudy":
        """The study without the latency targets of its workloads; its own still bind."""
        # targets of the study itself stay: only what the workloads promise is lifted
        own = own_targets(self.spec)
        spec = self.spec.model_copy(update={"workload_targets": False})
        members = tuple(replace(m, targets=own) for m in self.members)
        return replace(self, spec=spec, targets=own, members=members)

    def confident(self, confidence: float | None) -> "ResolvedStudy":
        """The study whose targets are met with a probability; by the estimate itself for None.

        Raises `SpecError` for a probability out of range, and where a stack states no error bar.
        """
        if confidence == self.spec.confidence:
            return self
        known = None if confidence is None else checked(confidence, "--confidence")
        spec = self.spec.model_copy(update={"confidence": known})
        return resolve_study(spec, self.path, self.setting.catalog, self.case)

    def bounded(self, name: str) -> api.Objective:
        """What a limit on the objective `name` bounds: its estimate, or what is met with a probability.

        Raises `SpecError` where a stack states no error bar of it.
        """
        goal = at_confidence(objective(name), self.spec.confidence)
        check_error_bars([goal], self.setting, self.branches, self.baselines.values())
        return goal

    @cached_property
    def lists(self) -> Lists:
        """Sizes of the deployments that a search tries."""
        return filled(self.spec.deployment, self._llms, fine=False, split=self._splits)

    @cached_property
    def fine_lists(self) -> Lists:
        """Sizes of the deployments that the best at a target is chosen from."""
        return filled(self.spec.deployment, self._llms, fine=True, split=self._splits)

    @property
    def _splits(self) -> bool:
        """Whether the stack of some chip can split KV cache along its tokens."""
        return any(map(can_split, stacks_of(self.setting, self.branches, self.baselines.values())))

    @property
    def _llms(self) -> list[api.Llm]:
        return [m.context.llm for m in self.members] or [self.context.llm]

    @property
    def case_title(self) -> str:
        """What distinguishes this question from the other cases of its study."""
        return self.spec.title if self.case else self.spec.short or "as asked"

    @property
    def question(self) -> dict[str, dict[str, object]]:
        """The question as plain data: the study without its budget and other cases, and every config."""
        study = study_as_data(self.spec)
        configs: dict[str, object] = {
            k: v.model_dump(mode="json", by_alias=True, exclude_none=True) for k, v in self.configs.items()
        }
        return {"study": study, "configs": configs}

    @property
    def problem(self) -> dict[str, object]:
        """What decides which designs there are and which is better: no words, no sampler, no budget.

        Two studies with the same problem have the same exact front.
        """
        question = self.question
        study = {k: v for k, v in question["study"].items() if k not in _SEARCH_ONLY}
        # the mode says who chooses among deployments, not which there are
        deployment = self.spec.deployment.model_dump(
            mode="json", by_alias=True, exclude={"mode"}, exclude_none=True
        )
        study["deployment"] = deployment
        return {**question, "study": study, "contract_version": api.CONTRACT_VERSION}

    def digests(self) -> dict[str, str]:
        """SHA-256 of the study and of each config, over canonical JSON."""
        question = self.question
        parts = {"study": question["study"], **question["configs"]}
        return {name: digest(part) for name, part in sorted(parts.items())}


def study_as_data(spec: StudySpec) -> dict[str, object]:
    """A study as plain data, without its budget and other cases."""
    # a run may be extended, and cases may be added, without another question
    hidden = {"budget", "cases"}
    return spec.model_dump(mode="json", by_alias=True, exclude=hidden, exclude_none=True)


def digest(data: object) -> str:
    """SHA-256 of plain data in canonical JSON."""
    return sha256(dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def load_study(name: str, configs: Path | str | None = None) -> ResolvedStudy:
    """The study, or the case of one, that goes by `name`, resolved.

    Raises `SpecError` with all of its problems at once.
    """
    path, case = find_case(name)
    catalog = Catalog.of(configs)
    return resolve_study(checked_spec(path, case, catalog), path, catalog, case)


def load_cases(name: str, configs: Path | str | None = None) -> tuple[ResolvedStudy, ...]:
    """The study that goes by `name` and every case of it; the one case where `name` is that of a case.

    Raises `SpecError` with the problems of all of them.
    """
    return each_case(name, configs, resolve_study)


def resolve_study(
    spec: StudySpec,
    path: Path,
    catalog: Catalog,
    case: str | None = None,
    keys: Mapping[str, str] | None = None,
    *,
    keeps_prefixes: bool = True,
) -> ResolvedStudy:
    """Look up every name of a study; raises `SpecError` with all problems at once.

    `keys` are where the file has some of its keys, see `at_key_of`; `keeps_prefixes` is false for a pool
    whose chips keep no prefix cache. A study of pools is refused: only `dse.question.pools` knows them.
    """
    look = Attempts(at_key_of(path, case, keys))
    if spec.pools is not None:
        look("pools", refuse_pools)
        look.done()
    # the other look-ups go on with the catalog as it is, to report their problems in the same run
    catalog = look("settings", with_settings, catalog, spec.settings or {}) or catalog
    llm = look("llm", catalog.get, LlmSpec, spec.llm)
    workload = look("workload", workload_of, catalog, spec.workload, spec.serving)
    economy = look("economy", catalog.get, EconomySpec, spec.economy)
    technology = look("technology", catalog.get, TechnologySpec, spec.technology)
    space = look("space", space_of, catalog, spec.space, spec.branches) if spec.space is not None else None
    model = look("cost_model", cost_model, spec.cost_model)
    # for its problem alone: the sampler is made when the search begins
    look("sampler.name", sampler_factory, spec.sampler.name)
    goals = tuple(look("objectives", objective, name) for name in spec.objectives)
    # before any value is read in their units
    look("objectives", check_columns, [g for g in goals if g is not None])
    swept = look("sweep.objective", _swept, spec.sweep.objective) if spec.sweep else None
    # without a technology its own problem says it all
    if technology is not None:
        look(
            "price",
            price_method(spec.price.method).check,
            Terms(price=spec.price, technology=technology, catalog=catalog, economy=economy),
        )
    if swept is not None and spec.sweep is not None:
        swept = look("confidence", at_confidence, swept, spec.confidence)
        # the front is of what the targets bound, so that no winner at one of them is kept off it
        goals = tuple(swept if g is not None and g.name == spec.sweep.objective else g for g in goals)
    own = own_targets(spec, look)
    reference = {n: look(f"reference_point.{n}", _limit, n, t) for n, t in spec.reference_point.items()}
    chips = {n: look("baselines", catalog.get, ChipSpec, n) for n in spec.baselines}
    if spec.stack is not None:
        look("stack", catalog.get, StackSpec, spec.stack)
    for name, stack in spec.stacks.items():
        look("stacks", catalog.get, StackSpec, stack)
        look("stacks", _driven, name, space, chips)
    if spec.software != "as-sold":
        look("software", catalog.get, StackSpec, spec.software)
    if spec.network is not None:
        look("network", catalog.get, NetworkSpec, spec.network)
    if llm is not None:
        network = look("precision", served_llm, llm, spec.precision, workload)
        look("deployment", check_deployments, spec, network or llm.resolve())
    mix = [
        (
            part,
            look("mix", catalog.get, LlmSpec, part.llm),
            look("mix", workload_of, catalog, part.workload, spec.serving),
        )
        for part in spec.mix or ()
    ]
    # the first part of a mix is the study's own LLM, which was checked above
    for _, part_llm, each in mix[1:]:
        if part_llm is not None:
            network = look("precision", served_llm, part_llm, spec.precision, each) or part_llm.resolve()
            look("mix", check_deployments, spec, network)
    known = None not in goals  # a goal is chosen among objectives that exist; `done` raises otherwise
    goal = look("goal", goal_of, spec, goals, swept) if known else goals[0]
    for each in (workload, *(w for _, _, w in mix)):
        look("workload", bound, own, each, spec)
        # pools that draft have their own check
        if each is not None and keys is None:
            look("workload", hold_speculation, each)
    for part, part_llm, each in (("workload", llm, workload), *(("mix", a, b) for _, a, b in mix)):
        if part_llm is not None and each is not None:
            look(part, hold_context, each, part_llm.name, part_llm.context)
            look(part, hold_demands, each, part_llm, catalog.drafting, drafted=keys is not None)
    look.done()  # what follows needs all of them
    setting = Setting(
        catalog=catalog,
        precision=spec.precision,
        price=spec.price,
        technology=technology,
        stack=spec.stack,
        stacks=spec.stacks,
        software=spec.software,
        economy=economy,
        network=spec.network,
        requires=model.requires,
        llms=(llm.resolve(), *(each.resolve() for _, each, _ in mix)),
        with_intervals=spec.confidence is not None,
        kept=(workload, *(each for _, _, each in mix)) if keeps_prefixes else (),
    )
    # branches and chips read the setting, so their problems come in a second round
    branches = look("space", branches_of, space, setting) if space is not None else {}
    for name, chip in chips.items():
        # for its problems alone, so that they come before the first trial
        look("baselines", chip_columns, chip, setting)
        chips[name] = chip
    look("deployment", check_splits, spec, stacks_of(setting, branches or {}, chips.values()))
    members = [bound(own, each, spec) for each in (workload, *(w for _, _, w in mix))]
    limited = [swept, *(t.objective for each in members for t in each)]
    look("confidence", check_error_bars, limited, setting, branches or {}, chips.values())
    look.done()
    context = api.Context(
        llm=served_llm(llm, spec.precision, workload),
        precision=precision_of(spec.precision),
        workload=resolved(workload, catalog),
        economy=economy_of(spec.price, economy),
    )
    return ResolvedStudy(
        spec=spec,
        path=path,
        slug=slug_of(spec, path, case),
        case=case,
        context=context,
        members=_members(context, mix, own, spec, catalog),
        cost_model=model,
        objectives=goals,
        goal=goal,
        swept=swept,
        branches=branches,
        targets=own if mix else bound(own, workload, spec),
        # by the name in its file, however the study spells it
        baselines={chip.name: chip for chip in chips.values()},
        setting=setting,
        reference_point=reference,
        configs=used_configs(
            spec,
            catalog,
            branches,
            chips.values(),
            (
                *(llm, workload, economy, technology, space),
                *(each for _, each, _ in mix),
                *(each for _, _, each in mix),
            ),
        ),
    )


def _members(
    context: api.Context,
    mix: list[tuple[MixSpec, LlmSpec, WorkloadSpec]],
    own: tuple[Target, ...],
    spec: StudySpec,
    catalog: Catalog,
) -> tuple[Member, ...]:
    """Parts of a mix, their weights divided by the sum of all."""
    total = sum(part.weight for part, _, _ in mix)
    return tuple(
        Member(
            label=f"{llm.name}.{work.name}",
            weight=part.weight / total,
            context=replace(
                context, llm=served_llm(llm, spec.precision, work), workload=resolved(work, catalog)
            ),
            targets=bound(own, work, spec),
        )
        for part, llm, work in mix
    )


def _swept(name: str) -> api.Objective:
    goal = objective(name)
    if goal.unit != "s":
        raise spec_error("", f"expected an objective measured in seconds, got {name!r} in {goal.unit!r}")
    return goal


def _driven(name: str, space: SpaceSpec | None, chips: Mapping[str, ChipSpec | None]) -> None:
    """A stack of its own is given to a branch of the space, or to a baseline by its full name."""
    known = [*(space.branches if space else ()), *(chip.name for chip in chips.values() if chip)]
    if name not in known:
        raise spec_error("", f"unknown branch or baseline {name!r}; {nearest(name, known)}")


def _limit(name: str, text: str) -> float:
    return parse(str(text), objective(name).unit)
