"""The command that estimates a proposed pair again; it is printed only where it gives the same numbers."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypedDict

from dse.decide.pairs.proposal import PairProposal
from dse.errors import SpecError
from dse.evaluate.pools.estimate import estimate_pools
from dse.evaluate.subject import ECONOMY
from dse.spec.yaml.writing import exact

_SAME = 1e-6
"""Relative difference that is rounding."""
_FREE = {"ffn": ("batch",), "prefill": ("dp",)}
"""Sizes that a pool has none of: rows of FFNs are those of attention, and requests decide the replicas."""


class _Prices(TypedDict):
    """How chips are priced, as `estimate_pools` takes it."""

    price_method: str
    seller: str | None
    settings: Mapping[str, str]


def repeat_command(found: PairProposal, place: Path, configs: Path | None) -> str | None:
    """The `dse estimate` command that gives the numbers of a proposal; None where none does.

    `place` is the folder of its chip files.
    """
    spec, link = found.study.spec, found.study.link
    pools = [_pool(found, role, place) for role in found.study.pools]
    text = link.network or f"{exact(link.bandwidth, 'B/s')}, {exact(link.latency_s, 's')}"
    precision, (llm, workload) = spec.precision, (str(spec.llm), str(spec.workload))
    for prices in _ways(found):
        term = spec.price.term if prices["price_method"] == spec.price.method else None
        try:
            again = estimate_pools(
                pools,
                llm,
                workload,
                link=text,
                weights=precision.weights,
                kv=precision.kv,
                activations=precision.activations,
                rent_term=term,
                economy=spec.economy,
                system=spec.price.system,
                configs=configs,
                **prices,
            )
        except SpecError:
            continue
        both = [(again.metrics[n], v) for n, v in found.estimate.metrics.items() if n in again.metrics]
        if not all(abs(a - b) <= _SAME * max(abs(a), abs(b)) for a, b in both):
            continue
        words = [word for pool in pools for word in ("--pool", pool)]
        words += ["--pool-link", text, "--llm", llm, "--workload", workload]
        words += ["--weights", precision.weights, "--kv", str(precision.kv)]
        words += ["--activations", str(precision.activations), "--price-method", prices["price_method"]]
        words += ["--seller", prices["seller"]] if prices["seller"] else []
        words += (
            ["--rent-term", spec.price.term]
            if spec.price.term and prices["price_method"] == spec.price.method
            else []
        )
        words += ["--economy", spec.economy] if spec.economy != ECONOMY else []
        words += ["--system", spec.price.system] if spec.price.system != "chips-only" else []
        words += [word for name, value in prices["settings"].items() for word in ("--set", f"{name}={value}")]
        words += ["--configs", str(configs)] if configs else []
        return shlex.join(["dse", "estimate", *words])
    return None


def _pool(found: PairProposal, role: str, place: Path) -> str:
    """One pool as an argument of the command, with its layout."""
    (chip,) = (c for c in found.chips if c.role == role)
    made = chip.made.label if chip.chip is None else str(place / f"{chip.chip.name}.yaml")
    sizes = {k: v for k, v in found.pair[role].sizes.items() if k not in _FREE.get(role, ())}
    return f"{role}={made}" + "".join(f",{name}={value}" for name, value in sizes.items())


def _ways(found: PairProposal) -> Iterator[_Prices]:
    """The price method of the study, then the prices themselves."""
    spec = found.study.spec
    head = f"workload/{spec.workload}."
    # of one economy, as of one workload
    heads = (head, f"economy/{spec.economy}.")
    found_in = ((k, str(v), h) for k, v in (spec.settings or {}).items() for h in heads)
    own = {k.removeprefix(h): v for k, v, h in found_in if k.startswith(h)}
    yield {"price_method": spec.price.method, "seller": spec.price.seller, "settings": own}
    # repr is the shortest text that reads back as the same float
    listed = {f"{chip.role}.price": f"{chip.price_usd!r} USD" for chip in found.chips}
    yield {"price_method": "listed", "seller": None, "settings": {**own, **listed}}
