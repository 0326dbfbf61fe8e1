"""Kinds of files: the word under the key `kind`, and the spec that it announces."""

from typing import Final

from dse.spec.catalog.lookup import KINDS, SourcesSpec
from dse.spec.schema.base import Spec
from dse.spec.schema.study import StudySpec

SPECS: Final[dict[str, type[Spec]]] = {
    "chip": KINDS["chips"],
    "llm": KINDS["llms"],
    "workload": KINDS["workloads"],
    "traffic": KINDS["traffic"],
    "stack": KINDS["stacks"],
    "architecture": KINDS["architectures"],
    "network": KINDS["networks"],
    "economy": KINDS["economies"],
    "technology": KINDS["silicon"],
    "space": KINDS["spaces"],
    "buildable": KINDS["buildable"],
    "rents": KINDS["rents"],
    "study": StudySpec,
    "sources": SourcesSpec,
}
