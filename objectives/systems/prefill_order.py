"""Numbers of pools that prefill by which one is as good as another in every pair, or bounds of them."""

from collections.abc import Sequence

from objectives.api import Context, PoolLink
from objectives.arrays import Array, maximum, zeros_like
from objectives.systems.share_bounds import Counted, latest, rate_of
from objectives.systems.shares import PrefillShare

Number = tuple[str, str]
"""A number of the one pool, and that of the other which it must not exceed."""
Clause = tuple[tuple[Number, ...], ...]
"""Ways, one of which must hold: all of its numbers."""

PLACED = frozenset({"first", "alone", "each", "queued", "turn", "turned"})
"""Numbers that depend on where a chip has its bytes; costs but `rate` and `group` of capital do."""


def prefill_numbers(
    prefill: PrefillShare,
    receives_s: tuple[float, float],
    link: PoolLink,
    context: Context,
    *,
    ttft_s: float | None,
    counted: Sequence[Counted],
    longest_s: Array | None = None,
) -> dict[str, Array]:
    """Numbers of pools that prefill that `prefill_clauses` compares.

    Args:
        prefill: replicas that prefill.
        receives_s: the shortest and the longest that KV cache of one prompt takes of the ports of any pool
            that decodes [s].
        link: network between the pools.
        context: workload and economy.
        ttft_s: as `trade_offs`.
        counted: which costs count.
        longest_s: longest that sending may take of a chip that the numbers bound; None for the chips' own.

    Returns:
        Number by name, shapes broadcast. Each rises, or stays, with every number of a chip that prefills
        worse, so those of a chip that has the best of each are bounds; `back` rises with a faster way.

    Domain:
        As `trade_offs`.

    Limits:
        A number that does not count is 0.

    Source:
        Metrics of `shares.paired`, as `trade_offs`.

    Examples:
        By hand, in tests/systems/test_prefill_order.py.
    """
    none, whole = zeros_like(prefill.pass_s), context.workload.pools == "system"
    fastest, slowest = receives_s
    alone = maximum(prefill.pass_s, prefill.prompts * prefill.brought_s)
    sent = prefill.some * maximum(prefill.sends_s, slowest)
    each, most = alone / prefill.prompts, maximum(alone, prefill.prompts * sent) / prefill.prompts
    found = {"way": maximum(prefill.sends_s, fastest) + none}
    if whole or "chips" in counted or "capex_usd" in counted:
        longest = prefill.sends_s if longest_s is None else longest_s
        found["back"] = -maximum(longest, fastest) + none
    if ttft_s is not None:
        late = latest(prefill, alone, sent, link, context) > ttft_s
        waits = {"first": prefill.first_s, "alone": alone, "each": each}
        waits |= {"prompts": prefill.prompts, "queued": most * prefill.prompts}
        found |= {name: (value + none) * late for name, value in waits.items()}
    groups = prefill.joined
    if whole:
        found |= {"turn": each / groups, "turns": 1.0 / groups + none, "turned": most / groups}
    for name in counted:
        rate, fixed = rate_of(prefill, name, context)
        if whole:
            found[f"{name}.group"] = rate * groups + none
        else:
            found |= {f"{name}.rate": rate + none, f"{name}.each": rate * each, f"{name}.most": rate * most}
        if fixed is not None:
            found[f"{name}.fixed"] = fixed + none
    return found


def prefill_clauses(names: Sequence[str]) -> tuple[Clause, ...]:
    """What must hold so that one pool that prefills is as good as another in every pair.

    A replica is busy for the longer of a pass and sending: at equal sending it is so for no longer where its
    pass and its share of sending are, and where the longest that it may ever be busy is no longer than the
    pass of the other.

    Args:
        names: those of `prefill_numbers`.

    Returns:
        Clauses, all of which must hold.

    Domain:
        Names of one call of `prefill_numbers`.

    Limits:
        Sufficient; where sending binds at some pools that decode alone, more could be said.

    Source:
        max(a, s) <= max(b, s) for a <= b; max(a, s) <= b for a <= b and s <= b.

    Examples:
        >>> prefill_clauses(["way", "capital.rate", "capital.each", "capital.most"])[1][1]
        (('capital.most', 'capital.each'),)
    """
    found: list[Clause] = [(((n, n),),) for n in names if n in ("way", "back", "first", "each")]
    if "queued" in names:
        found.append(((("alone", "alone"), ("prompts", "prompts")), (("queued", "alone"),)))
    if "turn" in names:
        found.append(((("turn", "turn"), ("turns", "turns")), (("turned", "turn"),)))
    for name in names:
        cost, _, what = name.partition(".")
        if what == "each":
            both = ((f"{cost}.each", f"{cost}.each"), (f"{cost}.rate", f"{cost}.rate"))
            found.append((both, ((f"{cost}.most", f"{cost}.each"),)))
        elif what in ("fixed", "group"):
            found.append((((name, name),),))
    return tuple(found)


def placed(name: str) -> bool:
    """Whether a number depends on where a chip has its bytes.

    Args:
        name: one of `prefill_numbers`.

    Returns:
        False where chips, their price or layouts alone decide it.

    Domain:
        Names of `prefill_numbers`.

    Limits:
        True where in doubt.

    Source:
        By definition.

    Examples:
        >>> placed("way"), placed("capital.rate"), placed("capital.each")
        (False, False, True)
    """
    cost, _, what = name.partition(".")
    if what:
        return what not in ("rate", "group") or cost not in ("capital", "capex_usd", "chips")
    return cost in PLACED
