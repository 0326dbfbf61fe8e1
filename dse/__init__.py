"""Search for the AI-inference chip that minimises $/(token/s).

`dse.run`, `dse.sweep`, `dse.estimate`, `dse.chip_sheet`, `dse.compare`, `dse.explain`, `dse.propose`,
`dse.load_study`, `dse.load_cases`, `dse.load_front`, `dse.Catalog`.
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "run": "dse.search.runner",
    "sweep": "dse.search.sweep.driver",
    "load_study": "dse.spec.resolved",
    "load_cases": "dse.spec.resolved",
    "load_front": "dse.front.files",
    "estimate": "dse.design",
    "chip_sheet": "dse.silicon_sheet",
    "compare": "dse.decide.compare",
    "explain": "dse.decide.explain",
    "propose": "dse.decide.proposal",
    "Catalog": "dse.spec.catalog",
    "SpecError": "dse.spec.problems",
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
