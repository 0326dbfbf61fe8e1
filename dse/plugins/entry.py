"""What an entry point is called in a sentence, and whose it is."""

from importlib.metadata import EntryPoint

from dse.plugins.once import once

OURS = "dse"
"""The package whose plug-ins are held by our own tests."""


def name_of(point: EntryPoint) -> str:
    """`GROUP 'NAME' of PACKAGE VERSION`."""
    owner = f" of {point.dist.name} {point.dist.version}" if point.dist is not None else ""
    return f"{point.group} {point.name!r}{owner}"


# the name of its package is read from a file
@once
def foreign(point: EntryPoint) -> bool:
    """Whether another package brings it."""
    return point.dist is None or point.dist.name != OURS
