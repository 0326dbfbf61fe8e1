"""Chips that no measurement anchors win nothing unless a reader says so."""

from typing import Annotated, Any

import typer

WithUnanchored = Annotated[
    bool, typer.Option("--with-unanchored", help="Let chips win whose software no measurement anchors.")
]


def allowing(front: Any, unanchored: bool) -> Any:
    """The front as a reader asks for it: chips that no measurement anchors win nothing unless it says so."""
    from dse.report.standing import with_unanchored

    return with_unanchored(front, unanchored)
