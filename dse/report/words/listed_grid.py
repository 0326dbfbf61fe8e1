"""What is said where an answer holds for the deployments that were tried and nothing between them."""

from collections.abc import Iterator, Mapping
from typing import Any

from dse.report.words.eligibility import Eligibility

OF_A_MIX = (
    "Deployments of a mix are the best of the search grid; batch sizes between grid values were not tried."
)
OF_TRIALS = (
    "Deployments are parameters of the trials: the best deployment is the best of those tried; other batch "
    "sizes were not tried."
)


def listed_grid(manifest: Mapping[str, Any]) -> str | None:
    """That the best of a front are of its grid of deployments, in words; None where a finer one was tried.

    A study of one LLM that solves for deployments solves what it answers with again on the fine grid.
    """
    if manifest.get("mix"):
        return OF_A_MIX
    if manifest.get("deployment") == "search":
        return OF_TRIALS
    return None


def lines_below(eligibility: Eligibility, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Who may not be the best, what is assumed of chips, and which deployments were tried."""
    yield from eligibility.lines()
    if (text := listed_grid(manifest)) is not None:
        yield text
