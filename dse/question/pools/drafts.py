"""What a pool drafts for another one: the LLM, the tokens of each step, and how often they are accepted."""

from collections.abc import Mapping
from dataclasses import dataclass

from dse.errors import Attempts, Problem, SpecError, placed
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.base import SourcedCount, SourcedShare
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.workload import WorkloadSpec
from dse.spec.yaml.loading import build_leaf
from dse.spec.yaml.units import plain_number
from objectives import api

LLM, LENGTH, ACCEPTANCE = "--draft-llm", "draft_length", "draft_acceptance"
NAMES = (LENGTH, ACCEPTANCE, "draft_cost")
"""Short names of numbers of drafts."""
_IN_STUDY = "expected a workload with speculation, such as chat-drafted, got none"
_EXPECTED = {
    LENGTH: "expected the tokens that are drafted for each step, such as draft_length=4",
    ACCEPTANCE: "expected the chance that a drafted token is accepted, such as draft_acceptance=0.7",
}


@dataclass(frozen=True, kw_only=True)
class Drafts:
    """A draft LLM, looked up, with stated numbers."""

    llm: LlmSpec
    speculation: api.Speculation
    notes: tuple[str, ...]
    """Where its numbers are from."""


def drafts_of(
    llm: str | None, workload: str, settings: Mapping[str, str], catalog: Catalog, where: str = LLM
) -> Drafts:
    """The drafts of a command line, and of its workload where that leaves something out.

    `settings` are by short name. Raises `SpecError` with everything that is missing at once.
    """
    look = Attempts(placed)
    found = look("--workload" if where == LLM else "", catalog.get, WorkloadSpec, workload)
    look.done()
    own = found.speculation
    if own is None and where != LLM:
        # a study has no numbers of drafts but those of its workload
        raise SpecError([Problem("", f"workload: {_IN_STUDY} in {found.name}", key="workload")])
    if own is not None and own.draft is not None:
        what = "expected drafts of an LLM for pools draft and verify, got mtp, layers of the LLM itself"
        raise SpecError([Problem("--workload" if where == LLM else "", f"speculation.draft: {what}")])
    name = llm if llm is not None else None if own is None else own.llm
    option = "--set" if where == LLM else ""
    length = look(option, _number, SourcedCount, LENGTH, settings, None if own is None else own.length)
    chance = look(
        option, _number, SourcedShare, ACCEPTANCE, settings, None if own is None else own.acceptance
    )
    drafting = look(where, _llm, catalog, name)
    look.done()
    stated = chance.source if chance.note is None else f"{chance.source}: {chance.note}"
    notes = [
        f"drafts of {drafting.name}, {length.value:g} tokens a step; the acceptance, {chance.value:g}, is "
        f"stated and not predicted ({stated})",
        "the draft LLM has the formats of the LLM and proposes its most likely tokens, so that their numbers "
        "are all that crosses the link",
    ]
    if "draft_cost" in settings or (own is not None and own.cost is not None):
        notes.append("the cost of drafts is not read: the steps of the draft LLM are computed")
    drafted = api.Speculation(
        length=int(length.value), acceptance=float(chance.value), cost=0.0, llm=drafting.resolve()
    )
    return Drafts(llm=drafting, speculation=drafted, notes=tuple(notes))


def _llm(catalog: Catalog, name: str | None) -> LlmSpec:
    """The LLM of that name; raises `SpecError` for none."""
    if name is None:
        raise SpecError([Problem("", "expected the LLM that drafts, such as llama3.2-1b, got none")])
    return catalog.get(LlmSpec, name)


@dataclass(frozen=True, kw_only=True)
class _Stated:
    """A number and where it is from."""

    value: float
    source: str
    note: str | None


def _number(
    kind: type[SourcedCount] | type[SourcedShare],
    name: str,
    settings: Mapping[str, str],
    own: SourcedCount | SourcedShare | None,
) -> _Stated:
    """A number of a setting, else that of the workload; raises `SpecError` where there is none."""
    if name in settings:
        number = plain_number(str(settings[name]))
        value = settings[name] if number is None else number
        own = build_leaf(kind, {"value": value, "source": "command-line", "basis": "assumption"}, "", name)
    if own is None or own.value is None:
        raise SpecError([Problem("", f"{name}: {_EXPECTED[name]}, got none", key=name)])
    return _Stated(value=own.value, source=own.source, note=own.note)


def hold_drafts(problem: str, where: str = LLM) -> None:
    """Raise `SpecError` for drafts that the LLM cannot verify, at the option that named them."""
    if not problem:
        return
    key, _, what = problem.partition(": ")
    if key == "speculation.length":
        raise SpecError([Problem("--set", f"{LENGTH}: {what}", key=LENGTH)])
    if not key.startswith("speculation."):
        raise SpecError([Problem("--workload", problem)])
    raise SpecError([Problem(where, what)])
