"""Which chips may win: those whose software no measurement anchors may not, unless --with-unanchored."""

from typing import Annotated

import typer

from dse.errors import spec_error
from dse.front.files import Front
from dse.report.words.eligibility import with_unanchored

WithUnanchored = Annotated[
    bool, typer.Option("--with-unanchored", help="Let chips win whose software no measurement anchors.")
]


def apply_eligibility(front: Front, unanchored: bool) -> Front:
    """The front with chips that no measurement anchors allowed to win, or not."""
    return with_unanchored(front, unanchored)


def refuse_of_chips(wanted: bool) -> None:
    """Raise `SpecError` for the option where no chip is kept from anything."""
    if wanted:
        what = "expected a study of pools with it, got one of single chips, where it changes nothing"
        raise spec_error("--with-unanchored", what)
