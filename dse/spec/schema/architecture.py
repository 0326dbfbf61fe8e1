"""A GPU architecture: how far the numbers of any engine move on it."""

from typing import Literal

from pydantic import Field

from dse.spec.schema.base import Aliases, FileName, Notes, SourcedNumber, Spec, Title


class ArchitectureSpec(Spec):
    """What engines have in common on chips of one architecture, from any author."""

    kind: Literal["architecture"]
    """Kind of this file."""
    name: FileName
    title: Title
    aliases: Aliases = ()
    shifts: dict[str, SourcedNumber] = Field(default={})
    """Number of a stack to the factor that it takes on this architecture; of a share, the factor on its odds
    p / (1 - p), so that it stays a share. A number that is left out is the same on every architecture."""
    notes: Notes = None
