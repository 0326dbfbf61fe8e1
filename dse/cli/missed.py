"""Why a chip has no answer at a target: it does not fit, or fits and misses which target by how much."""

from collections.abc import Sequence
from typing import Any


def why_not(missed: Sequence[Any]) -> str:
    """What the deployment that misses by least breaks, in a few words; `fits nowhere` where none fits."""
    from dse.cli.designs import shown
    from dse.plugins import objective

    if not missed:
        return ""
    if any(m.limit is None for m in missed):
        return "fits nowhere"
    each = [f"{objective(m.name).label} by {shown(m.over, m.unit)}" for m in missed]
    return f"misses {' and '.join(each)}"
