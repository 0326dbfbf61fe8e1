"""Chips that no measurement anchors win nothing unless a reader says so."""

from typing import Annotated, Any

import typer

from dse.report.words.eligibility import with_unanchored

WithUnanchored = Annotated[
    bool, typer.Option("--with-unanchored", help="Let chips win whose software no measurement anchors.")
]


def allowing(front: Any, unanchored: bool) -> Any:
    """The front as a reader asks for it: chips that no measurement anchors win nothing unless it says so."""
    return with_unanchored(front, unanchored)
