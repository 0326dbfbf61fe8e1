"""The command that estimates a proposal again: it is printed only where it gives the same numbers."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dse
from dse.spec.problems import SpecError

_SAME = 1e-6
"""Relative difference that is rounding."""
_SPELLED = {"software": "as-sold", "cost_model": "roofline", "system": "chips-only"}
"""What the command leaves out where it is so anyway."""
_FROM = ("workload", "stack", "network")
"""Kinds of config whose numbers a study may set and `dse estimate --set` knows."""


def again(found: Any, estimate: Any, price_usd: float, chip: Path, configs: Path | None) -> str | None:
    """A line that prints what `estimate` says of a proposal; None where no line of `dse estimate` does.

    The price follows from the study's method where it can, else it is written out.
    """
    for given in _spellings(found, estimate, price_usd, chip, configs):
        try:
            told = dse.estimate(**given)
        except SpecError:
            continue
        if all(_close(told.metrics[n], v) for n, v in estimate.metrics.items() if n in told.metrics):
            return _line(given)
    return None


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= _SAME * max(abs(one), abs(other))


def _spellings(
    found: Any, e: Any, price_usd: float, chip: Path, configs: Path | None
) -> Iterator[dict[str, Any]]:
    spec, d = found.study.spec, e.deployment
    common = {
        "chip": str(chip), "llm": e.llm, "workload": e.workload, **e.precision,
        **{n: d[n] for n in ("batch", "tp", "pp", "ep", "dp") if n in d},
        "cost_model": spec.cost_model, "stack": spec.stack, "software": spec.software,
        "system": spec.price.system, "configs": configs,
    }  # fmt: skip
    settings = dict(_settings(spec.settings or {}, e, found.chip.link.network))
    method = {"price_method": spec.price.method, "seller": spec.price.seller}
    yield {**common, **method, "settings": settings}
    yield {**common, "price_method": "listed", "settings": {**settings, "price": f"{price_usd!r} USD"}}


def _settings(given: Mapping[str, Any], e: Any, network: str) -> Iterator[tuple[str, str]]:
    """Numbers that the study sets for this workload, this stack and this network."""
    mine = {"workload": e.workload, "stack": e.stack, "network": network}
    for key, text in given.items():
        for kind in _FROM:
            head = f"{kind}/{mine[kind]}."
            if key.startswith(head):
                yield key.removeprefix(head), str(text)


def _line(given: Mapping[str, Any]) -> str:
    parts = ["dse", "estimate"]
    for name, value in given.items():
        if name == "settings":
            parts += [p for n, text in value.items() for p in ("--set", f"{n}={text}")]
        elif value is not None and value != _SPELLED.get(name) and not (name in ("ep", "dp") and value == 1):
            parts += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(parts)
