"""Passes over the layers of an LLM that draft for it: what they take of one step, and of prompts."""

from dataclasses import dataclass, replace

from objectives.api import Deployments
from objectives.arrays import Array
from objectives.equations.chip.resource_seconds import ResourceSeconds
from objectives.equations.interconnect.all_to_all import all_to_all
from objectives.equations.step.forward_pass import ForwardPass, PassInput, forward_pass
from objectives.equations.step.machine import Machine
from objectives.equations.step.own_draft.layers import OwnDraft
from objectives.equations.step.pipeline_pass import resource_use


@dataclass(frozen=True, kw_only=True)
class Drafting:
    """Layers that draft on the chips of the last stage."""

    own: OwnDraft
    machine: Machine
    """Chips and placement, with the layers of one module."""
    drafts: Array
    """Where the fullest stage is the last one, which drafts."""


@dataclass(frozen=True, kw_only=True)
class DraftPasses:
    """Passes of modules, one after the other."""

    machine: Machine
    runs: tuple[tuple[float, ForwardPass, PassInput], ...]
    """How often each pass runs, its times and its rows."""
    seconds: Array
    """All of them [s]."""

    def resources(self) -> ResourceSeconds:
        """What they take of each resource of a chip of the last stage [chip-second]."""
        first, *others = [resource_use(self.machine, p, r).times(n) for n, p, r in self.runs]
        for other in others:
            first = first.plus(other)
        return first


def machine_of(m: Machine, own: OwnDraft, d: Deployments) -> Machine:
    """The chips of a pass over a module: those of the LLM, with its placement.

    Args:
        m: chips, network and placement of the LLM.
        own: what drafts.
        d: deployments.

    Returns:
        The same machine with other layers.

    Domain:
        Weights of modules are placed as those of the LLM.

    Limits:
        The machine itself for modules that are layers of the LLM.

    Source:
        By definition.

    Examples:
        By hand, in tests/equations/step/test_own_draft.py.
    """
    routed = own.layer.routed
    return replace(
        m,
        context=replace(m.context, llm=own.llm),
        layer=own.layer,
        slow=own.worked,
        all_to_all=all_to_all(m.chips, d.ep) if routed else None,
        first_expert_s=m.first_expert_s if routed else None,
    )


def draft_passes(m: Machine, own: OwnDraft, first: PassInput, later: PassInput | None) -> DraftPasses:
    """Passes of a draft, or of the prompts that modules must have seen.

    Each module first sees the rows that are new since its last pass, whose keys and values it keeps: those
    that a step has checked, or those of prompts. Each further token of a draft is a pass of one row of every
    sequence. A pass ends at the LM head and pays the fixed times of a step: its token goes into the next one.

    Args:
        m: chips with the layers of one module.
        own: what drafts.
        first: rows of the first pass of each module.
        later: rows of each further pass; None where there are none, as over prompts.

    Returns:
        Times and rows of the passes, shapes broadcast.

    Domain:
        Rows whose tokens were refused pass as well, as in engines that record their launches.

    Limits:
        A pass over a layer and the head for one module and one token.

    Source:
        DeepSeek-V3, DeepSeek-AI 2024 (arXiv 2412.19437), section 2.2, for what a module computes; that a
        drafted token needs one pass: Leviathan, Kalman & Matias, ICML 2023 (arXiv 2211.17192), algorithm 1.

    Examples:
        By hand, in tests/equations/step/test_own_draft.py: bytes and FLOP over bandwidth and peak.
    """
    times = [(float(own.modules), first)]
    if later is not None and own.length > own.modules:
        times.append((float(own.length - own.modules), later))
    runs = tuple((n, forward_pass(m, rows), rows) for n, rows in times)
    parts = [n * _pass_s(m, p, r) for n, p, r in runs]
    return DraftPasses(machine=m, runs=runs, seconds=sum(parts[1:], parts[0]))


def _pass_s(m: Machine, p: ForwardPass, r: PassInput) -> Array:
    """One pass over the layers of a module and the head [s]."""
    fixed = m.chips.stack.step_overhead_s + r.sequences * m.chips.stack.sequence_overhead_s
    if m.first_byte_s is not None:
        fixed = fixed + m.first_byte_s
    return float(m.context.llm.layers) * p.layer_s() + p.head_s() + fixed
