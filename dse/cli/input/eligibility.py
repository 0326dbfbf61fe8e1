"""Chips that no measurement anchors win nothing unless a reader says so."""

from typing import Annotated

import typer

from dse.front.files import Front
from dse.report.words.eligibility import with_unanchored

WithUnanchored = Annotated[
    bool, typer.Option("--with-unanchored", help="Let chips win whose software no measurement anchors.")
]


def allowing(front: Front, unanchored: bool) -> Front:
    """The front as a reader asks for it: chips that no measurement anchors win nothing unless it says so."""
    return with_unanchored(front, unanchored)
