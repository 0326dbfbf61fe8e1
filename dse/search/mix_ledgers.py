"""Where the seconds, bytes and dollars of a chip go that serves a mix: from the ledgers of its parts."""

from collections.abc import Mapping, Sequence

Parts = Mapping[str, float]
Ledgers = Mapping[str, Parts]

_SUMMED = ("capex_usd",)
_SLOWEST = {"tpot_s": ("tpot_s", "bound_s"), "ttft_s": ("ttft_s",)}
"""Total that tells the slowest part to the ledgers that are taken from it."""
_FULLEST = "capacity_bytes"


def combined_ledgers(each: Sequence[Ledgers], weights: Sequence[float]) -> dict[str, dict[str, float]]:
    """Ledgers of the whole from those of each part, whose `weights` sum to 1.

    Capital is the sum of one cluster each; running cost and energy are means weighted by the shares of the
    tokens. A latency is that of the part that is slowest in it, bytes those of the chip that holds most.
    """
    out = {name: _weighted([ledgers[name] for ledgers in each], weights) for name in each[0]}
    ones = [1.0] * len(each)
    out |= {name: _weighted([ledgers[name] for ledgers in each], ones) for name in _SUMMED}
    for total, names in _SLOWEST.items():
        slowest = _largest(each, total)
        out |= {name: dict(slowest[name]) for name in names}
    out[_FULLEST] = dict(_largest(each, _FULLEST)[_FULLEST])
    return out


def _largest(each: Sequence[Ledgers], name: str) -> Ledgers:
    return max(each, key=lambda ledgers: sum(ledgers[name].values()))


def _weighted(ledgers: Sequence[Parts], weights: Sequence[float]) -> dict[str, float]:
    names = dict.fromkeys(name for parts in ledgers for name in parts)
    return {n: sum(w * parts.get(n, 0.0) for w, parts in zip(weights, ledgers, strict=True)) for n in names}
