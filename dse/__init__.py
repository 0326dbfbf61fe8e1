"""Search for the AI-inference chip that minimises $/(token/s).

`dse.run`, `dse.sweep`, `dse.estimate`, `dse.chip_sheet`, `dse.compare`, `dse.explain`, `dse.propose`,
`dse.load_study`, `dse.load_cases`, `dse.load_front`, `dse.Catalog`.
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "run": "dse.search.run.runner",
    "sweep": "dse.search.sweep.driver",
    "load_study": "dse.question.resolved_study",
    "load_cases": "dse.question.resolved_study",
    "load_front": "dse.front.files",
    "estimate": "dse.evaluate.estimate",
    "chip_sheet": "dse.evaluate.chip_sheet",
    "compare": "dse.decide.compare.chips",
    "explain": "dse.decide.explain.design",
    "propose": "dse.decide.propose.proposal",
    "Catalog": "dse.spec.catalog.lookup",
    "SpecError": "dse.errors",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    """Import only what is used, when it is used."""
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("dse")
        except PackageNotFoundError:  # a source tree that nobody installed
            return "0+unknown"
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'dse' has no attribute {name!r}")
