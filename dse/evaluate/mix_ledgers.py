"""Where the seconds, bytes and dollars of a chip go that serves a mix: from the ledgers of its parts."""

from collections.abc import Mapping, Sequence

from objectives.ledgers import LEDGERS, Ledger

Parts = Mapping[str, float]
Ledgers = Mapping[str, Parts]


def combined_ledgers(each: Sequence[Ledgers], weights: Sequence[float]) -> dict[str, dict[str, float]]:
    """Ledgers of the whole from those of each part, whose `weights` sum to 1.

    Capital is the sum of one cluster each; running cost and energy are means weighted by the shares of the
    tokens. A latency is that of the part that is slowest in it, bytes those of the chip that holds most.
    """
    return {ledger.name: _combined(ledger, each, weights) for ledger in LEDGERS if ledger.name in each[0]}


def _combined(ledger: Ledger, each: Sequence[Ledgers], weights: Sequence[float]) -> dict[str, float]:
    if ledger.combine == "largest":
        # one part's ledger as a whole: parts maximised one by one would not sum to the total
        total = ledger.follows or ledger.name
        return dict(max(each, key=lambda ledgers: sum(ledgers[total].values()))[ledger.name])
    shares = weights if ledger.combine == "mean" else [1.0] * len(each)
    return _weighted([ledgers[ledger.name] for ledgers in each], shares)


def _weighted(ledgers: Sequence[Parts], weights: Sequence[float]) -> dict[str, float]:
    names = dict.fromkeys(name for parts in ledgers for name in parts)
    # members differ in their parts: only a workload with a prefix cache pays for its tier
    return {n: sum(w * parts.get(n, 0.0) for w, parts in zip(weights, ledgers, strict=True)) for n in names}
