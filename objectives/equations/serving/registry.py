"""Serving modes by name: ours are registered exactly as external ones are, by entry point."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from objectives.equations.serving.mode import ServingMode

GROUP = "dse.serving_modes"
"""Entry-point group of classes that satisfy `ServingMode`."""


@cache
def _registered() -> dict[str, EntryPoint]:
    # sorted, since the order of installation is not that of another machine
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda p: p.name)}


def serving_modes() -> tuple[str, ...]:
    """Names of all registered modes, in alphabetical order.

    Returns:
        Names, as workloads give them.

    Domain:
        Installed packages of this environment.

    Limits:
        None.

    Source:
        Entry points of the group `GROUP`.

    Examples:
        >>> {"aggregated", "chunked", "decode-only", "disaggregated", "static"} <= set(serving_modes())
        True
    """
    return tuple(_registered())


@cache
def serving_mode(name: str) -> ServingMode:
    """The mode that is registered under a name.

    Args:
        name: as a workload names it.

    Returns:
        The mode.

    Raises:
        ValueError: where none is.

    Domain:
        Installed packages of this environment.

    Limits:
        None.

    Source:
        Entry points of the group `GROUP`.

    Examples:
        >>> serving_mode("static").starts_together
        True
    """
    found = _registered().get(name)
    if found is None:
        raise ValueError(f"serving: expected one of {', '.join(serving_modes())}, got {name!r}")
    # a mode has no state, so one instance serves all
    mode: ServingMode = found.load()()
    return mode


def forget() -> None:
    """Read entry points again, after a package has been added to the path of a running process.

    Domain:
        Tests, and sessions that install packages.

    Limits:
        None.

    Source:
        None: a memo is dropped.

    Examples:
        >>> forget()
    """
    _registered.cache_clear()
    serving_mode.cache_clear()
