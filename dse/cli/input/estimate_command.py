"""The command that estimates a proposal again; it is printed only where it gives the same numbers."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypedDict

from dse.decide.propose.proposal import Proposal
from dse.errors import SpecError
from dse.evaluate.estimate import estimate as estimated
from dse.evaluate.estimate_result import Estimate
from dse.evaluate.subject import ECONOMY

_SAME = 1e-6
"""Relative difference that is rounding."""
_DEFAULTS = {
    "software": "as-sold",
    "cost_model": "roofline",
    "system": "chips-only",
    "economy": ECONOMY,
    "cp": 1,
    "ep": 1,
    "dp": 1,
}
"""Values of options that the command leaves out, because they hold without it."""
_FROM = ("workload", "stack", "network", "economy")
"""Kinds of config whose numbers a study may set and `dse estimate --set` knows."""


class Arguments(TypedDict):
    """Arguments of `dse.evaluate.estimate.estimate`, in the order of the command line."""

    chip: str
    llm: str
    workload: str
    weights: str
    kv: str | None
    activations: str | None
    batch: int | None
    tp: int | None
    cp: int | None
    pp: int | None
    ep: int | None
    dp: int | None
    cost_model: str
    stack: str | None
    software: str
    system: str
    configs: Path | None
    price_method: str
    seller: str | None
    rent_term: str | None
    economy: str
    settings: dict[str, str]


def repeat_command(
    proposal: Proposal, estimate: Estimate, price_usd: float, chip: Path, configs: Path | None
) -> str | None:
    """The `dse estimate` command that gives the numbers of `estimate`; None where no command does.

    The price follows from the price method of the study where it can; otherwise the command states it.
    """
    for arguments in _candidates(proposal, estimate, price_usd, chip, configs):
        try:
            # arguments that the verb refuses make no command
            repeated = estimated(**arguments)
        except SpecError:
            continue
        # the study may have columns that a single estimate lacks; what both have must agree
        both = [(repeated.metrics[n], v) for n, v in estimate.metrics.items() if n in repeated.metrics]
        if all(_close(one, other) for one, other in both):
            return _command(arguments)
    return None


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= _SAME * max(abs(one), abs(other))


def _candidates(
    proposal: Proposal, e: Estimate, price_usd: float, chip: Path, configs: Path | None
) -> Iterator[Arguments]:
    """Arguments with the price method of the study, then with the price itself."""
    spec, layout = proposal.study.spec, e.deployment
    settings = dict(_settings(spec.settings or {}, e, proposal.chip.link.network, spec.economy))
    arguments = Arguments(
        chip=str(chip),
        llm=e.llm,
        workload=e.workload,
        weights=e.precision["weights"],
        kv=e.precision["kv"],
        activations=e.precision["activations"],
        batch=layout.get("batch"),
        tp=layout.get("tp"),
        cp=layout.get("cp"),
        pp=layout.get("pp"),
        ep=layout.get("ep"),
        dp=layout.get("dp"),
        cost_model=spec.cost_model,
        stack=spec.stack,
        software=spec.software,
        system=spec.price.system,
        configs=configs,
        price_method=spec.price.method,
        seller=spec.price.seller,
        rent_term=spec.price.term,
        economy=spec.economy,
        settings=settings,
    )
    yield arguments
    # repr is the shortest text that reads back as the same float
    price = {**settings, "price": f"{price_usd!r} USD"}
    # a listed price has no margin, hence no seller
    yield {**arguments, "price_method": "listed", "seller": None, "rent_term": None, "settings": price}


def _settings(
    overrides: Mapping[str, object], e: Estimate, network: str, economy: str
) -> Iterator[tuple[str, str]]:
    """Numbers that the study sets for this workload, this stack, this network and this economy."""
    names = {"workload": e.workload, "stack": e.stack, "network": network, "economy": economy}
    for key, text in overrides.items():
        for kind in _FROM:
            # `--set` takes the path alone and finds the config by it
            head = f"{kind}/{names[kind]}."
            if key.startswith(head):
                yield key.removeprefix(head), str(text)


def _command(arguments: Arguments) -> str:
    """The command line; options that have their default value are left out."""
    parts = ["dse", "estimate"]
    for name, value in arguments.items():
        if isinstance(value, dict):
            parts += [part for n, text in value.items() for part in ("--set", f"{n}={text}")]
        # None stands for what the verb chooses by itself
        elif value is not None and value != _DEFAULTS.get(name):
            parts += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join(parts)
