"""A candidate under its deployments as the estimate that `dse estimate` would give, part by part of a mix."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dse.bounds.speed_of_light import assert_within_physics
from dse.chips.clock_note import clock_note
from dse.chips.formats import Computed, computed_in, remarks, with_formats
from dse.chips.interval import interval_on, shares_experts
from dse.chips.price_method import price_method
from dse.choose.confidence import intervals_of
from dse.decide.propose.candidates import Candidate, chips_of_candidates, node_of
from dse.decide.scenario.best_deployments import DeploymentProblem, deployment_problem
from dse.decide.scenario.mix_parts import Layout, deployments_of, served_words, whole_metrics
from dse.evaluate.estimate_result import (
    LABELS,
    Estimate,
    chances,
    headline,
    ledgers_of,
    notes_of,
    parts_of,
    smallest_system,
)
from dse.evaluate.mix_ledgers import combined_ledgers
from dse.plugins.designs import chips_named
from dse.question.error_bars import METRICS
from dse.question.resolved_study import Member, ResolvedStudy
from dse.question.unanchored import assumed_in
from dse.search.analysis.at_targets import on_fine_grid
from dse.spec.schema.system import StackSpec
from objectives import api
from objectives.arrays import Array


@dataclass(frozen=True, kw_only=True)
class PartEvaluation:
    """What a chip does for one part of a mix."""

    label: str
    """`llm.workload`."""
    weight: float
    """Share of the output tokens."""
    estimate: Estimate


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A chip under the deployments of all that it serves."""

    estimate: Estimate
    """Of one LLM and workload; of a mix the whole: clusters summed, costs weighted, the slowest latency."""
    parts: tuple[PartEvaluation, ...]
    """Of each part of a mix; empty where it is none."""


def stack_of(study: ResolvedStudy, candidate: Candidate) -> StackSpec:
    """The software stack that drives a candidate in this study."""
    if candidate.branch is None:
        chip = study.baselines[candidate.label]
        own = chip.stack
    else:
        branch = study.branches[candidate.branch]
        chip, own = branch.template, branch.spec.stack
    return study.setting.stack_of(candidate.branch or candidate.label, own, chip.architecture)


def trust_of(
    study: ResolvedStudy, candidate: Candidate, llms: Collection[api.Llm], *, joined: bool = False
) -> dict[str, float]:
    """Error bars of the stack of a candidate for LLMs; `joined` where replicas share experts."""
    searched = candidate.branch is not None
    if candidate.branch is not None:
        chip = study.branches[candidate.branch].template
    else:
        chip = study.baselines[candidate.label]
    catalog = study.setting.catalog
    return interval_on(stack_of(study, candidate), chip, catalog, llms, searched=searched, joined=joined)


def replicas_share_experts(study: ResolvedStudy, candidate: Candidate, bound: Mapping[str, float]) -> bool:
    """Whether those of the best system of a chip within `bound` do; false where no layout is solved."""
    if study.members or study.spec.deployment.mode != "solve" or not study.context.llm.expert_count:
        return False
    chips, limits = chips_of_candidates(study, [candidate]), deployment_problem(study, bound).limits
    (found,) = on_fine_grid(study, chips, [limits])
    return shares_experts(study.context.llm, found.cheapest)


def computed_by(study: ResolvedStudy, candidate: Candidate) -> dict[str, Computed]:
    """Formats that a candidate computes in."""
    if candidate.branch is None:
        spec = with_formats(study.baselines[candidate.label], study.setting.technology)
    else:
        branch = study.branches[candidate.branch]
        made = branch.made_at(node_of(branch, candidate))
        spec = made.model_copy(update={"name": candidate.label})
    return computed_in(spec, study.setting.precision)


def evaluate_candidate(
    study: ResolvedStudy, problem: DeploymentProblem, candidate: Candidate, layout: Layout
) -> Evaluation:
    """What the candidate does and costs under the deployments `layout`, with every ledger."""
    chips = chips_of_candidates(study, [candidate])
    designs = [api.Designs.of(chips=chips, deployments=d) for d in deployments_of(layout)]
    # every ledger, which a search leaves out
    with chips_named(lambda _shape, _at: candidate.label):
        metrics = [
            problem.cost_model.evaluate(d, part.context, detail=True)
            for part, d in zip(problem.parts, designs, strict=True)
        ]
    every = [
        _estimate(study, problem, candidate, part, d, m)
        for part, d, m in zip(problem.parts, designs, metrics, strict=True)
    ]
    # of one LLM and workload the part is the whole
    if not study.members:
        return Evaluation(estimate=every[0], parts=())
    whole = _whole(study, problem, every, whole_metrics(problem.parts, designs, metrics))
    parts = [
        PartEvaluation(label=m.label, weight=m.weight, estimate=e)
        for m, e in zip(problem.parts, every, strict=True)
    ]
    return Evaluation(estimate=whole, parts=tuple(parts))


def _estimate(
    study: ResolvedStudy,
    problem: DeploymentProblem,
    candidate: Candidate,
    part: Member,
    designs: api.Designs,
    m: api.Metrics,
) -> Estimate:
    """The estimate of one part of the mix, or of the only LLM and workload."""
    # a model that repeats claims is not checked against physics
    if api.predicts(problem.cost_model):
        assert_within_physics(designs, part.context, m, names=[candidate.label])
    stack, spec = stack_of(study, candidate), study.spec
    found = {name: _first(v) for name, v in problem.violations(m, part.context).items()}
    bounds = {name: _first(v) for name, v in m.bounds.items()}
    formats = computed_by(study, candidate)
    # the intervals that targets were asked with, where they were; NaN where the stack states none
    stated = {METRICS[n]: _first(v) for n, v in intervals_of(designs.chips).items()}
    joined = shares_experts(part.context.llm, designs.deployments)
    own = trust_of(study, candidate, (part.context.llm,), joined=joined)
    known = {n: v for n, v in (stated or own).items() if not np.isnan(v)}
    # a part is labelled `llm.workload`; the label is empty where there is no mix
    workload = part.label.removeprefix(f"{part.context.llm.name}.") or spec.workload
    return Estimate(
        chip=candidate.label,
        llm=part.context.llm.name,
        workload=workload,
        cost_model=problem.cost_model.name,
        stack=stack.name,
        label=LABELS[stack.estimate],
        serving=part.context.workload.serving,
        precision=spec.precision.model_dump(),
        computed_in=formats,
        price_method=spec.price.method,
        deployment={k: int(_first(v)) for k, v in designs.deployments.columns().items()},
        solved=False,
        feasible=all(v <= 0.0 for v in found.values()),
        metrics=headline(m, part.context),
        ledgers=ledgers_of(m),
        pools=parts_of(m.pools),
        bound_by=_largest(bounds),
        smallest_system=smallest_system(problem.cost_model, designs, part.context),
        violations=found,
        targets={o.name: limit for o, limit in problem.limits},
        interval=known,
        confidence=spec.confidence,
        p_met=chances(m, part.context, problem.limits, known),
        notes=(
            *remarks(formats),
            *notes_of(
                stack,
                part.context.workload,
                system=spec.price.system,
                stages=_first(designs.deployments.pp),
                all_in=price_method(spec.price.method).all_in,
            ),
            *_assumed(study, candidate),
            *_slowed(study, candidate),
        ),
    )


def _assumed(study: ResolvedStudy, candidate: Candidate) -> list[str]:
    """What is assumed where the file of the chip, or of its template, gives no value."""
    text = assumed_in(study).get(candidate.branch or candidate.label)
    return [] if text is None else [text]


def _slowed(study: ResolvedStudy, candidate: Candidate) -> list[str]:
    """The clock that the cooling of a searched chip allows, where that is not its nominal one."""
    if candidate.branch is None:
        return []
    values = {name: np.asarray([value]) for name, value in candidate.values.items()}
    told = clock_note(study.branches[candidate.branch].silicon(values))
    return [] if told is None else [f"{candidate.label} {told}"]


def _whole(
    study: ResolvedStudy, problem: DeploymentProblem, each: Sequence[Estimate], m: api.Metrics
) -> Estimate:
    """The estimates of the parts of a mix as one, without a deployment of its own."""
    ledgers = combined_ledgers([e.ledgers for e in each], [part.weight for part in problem.parts])
    found = {name: _first(v) for name, v in problem.violations(m).items()}
    # what all parts share is taken from the first one
    return replace(
        each[0],
        llm=served_words(study),
        workload="a mix",
        # each way once, in the order of the parts
        serving=", ".join(dict.fromkeys(e.serving for e in each)),
        deployment={},
        feasible=all(v <= 0.0 for v in found.values()),
        ledgers=ledgers,
        pools={},
        smallest_system={},
        metrics=headline(m, study.context, "mix"),
        bound_by=_largest(ledgers["bound_s"]),
        violations=found,
        p_met=chances(m, problem.context, problem.limits, each[0].interval),
        # parts share most notes
        notes=tuple(dict.fromkeys(note for e in each for note in e.notes)),
    )


def _largest(parts: Mapping[str, float]) -> str:
    return max(parts, key=lambda name: parts[name]) if parts else ""


def as_plain(evaluation: Evaluation) -> dict[str, object]:
    """Plain data for JSON: the estimate, with those of the parts of a mix in it."""
    parts = [{"part": p.label, "weight": p.weight, **p.estimate.as_dict()} for p in evaluation.parts]
    return {**evaluation.estimate.as_dict(), **({"parts": parts} if parts else {})}


def _first(column: Array) -> float:
    return float(np.asarray(column).reshape(-1)[0])
