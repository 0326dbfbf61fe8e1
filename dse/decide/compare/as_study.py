"""One chip of a comparison as a study, so that its uncertain numbers can be drawn."""

from pathlib import Path
from typing import Final

from dse.chips.architecture import before_architecture
from dse.evaluate.subject import Subject
from dse.question.resolved_study import ResolvedStudy, resolve_study
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.study import StudySpec

GOALS: Final = ("usd_per_token_per_second", "tpot")
"""Objectives that are drawn."""


def study_of(subject: Subject, catalog: Catalog) -> ResolvedStudy:
    """One chip as the one baseline of a study: its numbers as they were set, so that they can be drawn."""
    # as it was compared: a chip without a listed price at its unit cost
    price = "unit-cost" if subject.unpriced else subject.price.method
    sold, promised = subject.software == "as-sold", subject.workload.targets
    spec = StudySpec.model_validate(
        {
            "kind": "study",
            "name": "compare",
            "title": "compare",
            "question": "compare",
            "llm": subject.llm.name,
            "workload": subject.workload.name,
            "precision": subject.precision.model_dump(),
            # sweep, lists, budget and reference point only make the study valid: rows bring their deployments
            "sweep": {"objective": "tpot", "low": "1 us", "high": "1000 s"},
            "cost_model": subject.cost_model.name,
            # other software has a stack of its own, and a study refuses both
            "stack": subject.stack.name if sold else None,
            "software": subject.software,
            "deployment": {"mode": "solve", "batch": [1], "tp": [1], "pp": [1]},
            "economy": subject.economy.name,
            "price": {**subject.price.model_dump(exclude_none=True), "method": price},
            "objectives": list(GOALS),
            # no limits are left where the user has lifted those of the workload
            "workload_targets": any(goal.name in promised for goal, _ in subject.limits),
            "baselines": [subject.chip.name],
            "budget": {"trials": 1},
            "seed": 1,
            "reference_point": {"usd_per_token_per_second": "1e9 USD/(token/s)", "tpot": "1e9 s"},
        }
    )
    # the study puts the stack on the architecture of the chip, where that of the subject is already
    stack = before_architecture(subject.stack, subject.chip.architecture, catalog)
    # as `--set` has changed them, not as their files are
    own = (
        *(subject.llm_spec, subject.workload, subject.chip, stack, subject.network),
        subject.economy,
    )
    # there is no such file: its name is for messages
    return resolve_study(
        spec,
        Path("compare"),
        catalog.with_overrides(own),
        # of a pool, what drafts take is the work of another one
        keys={} if subject.drafted else None,
        keeps_prefixes=subject.keeps_prefixes,
    )
