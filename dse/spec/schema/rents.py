"""What chips are rented for: a price list of clouds, by chip and by term."""

from typing import Final, Literal, get_args

from dse.spec.schema.base import Aliases, FileName, Name, Notes, SourcedRent, Spec, Title

Term = Literal["on-demand", "one-year", "three-years", "spot", "owning-at-volume"]
"""`on-demand`: by the hour, with no contract; `one-year` and `three-years`: under a contract of that length;
`spot`: may be taken away at any time; `owning-at-volume`: what an hour costs the owner of very many."""

TERMS: Final[tuple[Term, ...]] = get_args(Term)
IN_CHIP_FILES: Final[Term] = "three-years"
"""Term of the key `rent` of a chip file."""


class RentsSpec(Spec):
    """Rents of chips, each with its source and date."""

    kind: Literal["rents"]
    """Kind of this file."""
    name: FileName
    title: Title
    aliases: Aliases = ()
    chips: dict[Name, dict[Term, SourcedRent]]
    """Chip, by its name in the catalog, to the rent of one chip by term, its share of the server included.
    A rent under a contract of three years may be in the file of the chip instead, under `rent`."""
    notes: Notes = None
