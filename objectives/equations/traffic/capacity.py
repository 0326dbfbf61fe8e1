"""Paged KV cache of sequences of random lengths at random stages: what is held, and the chance of too much.

A replica that is never short of requests has B slots. At a random moment a slot holds a request in proportion
to its steps of decode, and has made a random part of its answer.
"""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from objectives.api import Traffic
from objectives.arrays import Array, maximum, namespace, where
from objectives.equations.traffic.normal import chance_above

_STEPS: Final = 60
"""Of bisection: the number of sequences is found within a millionth of itself."""
_STRAIGHT: Final = 1e-4
"""Skewness below which a distribution counts as symmetric."""


@dataclass(frozen=True)
class Held:
    """Tokens that one sequence holds at a random moment."""

    mean: Array
    """Mean [token]."""
    variance: Array
    """Variance [token2]."""
    skewness: Array
    """Third central moment over the variance to the power of 3/2 [1]."""


def held_by_one(traffic: Traffic, page: float = 1.0) -> Held:
    """Tokens that one sequence in decode holds at a random moment, in whole pages.

    A request of I and O tokens is met with a chance in proportion to O, and holds I + u O, u even between 0
    and 1. With weights w O the moments are the means of I + O/2, I^2 + I O + O^2/3 and I^3 + 3/2 I^2 O + I
    O^2 + O^3/4. A page that is filled in part adds (p - 1) / 2 tokens and the variance (p^2 - 1) / 12.

    Args:
        traffic: kinds of requests with their shares.
        page: tokens of a page [token].

    Returns:
        Mean, variance and skewness of the tokens that are held, a number each.

    Domain:
        Every slot is taken, steps are equally long, and the time of a prefill is short against that of the
        answer. Where a page ends is independent of the rest.

    Limits:
        ISL + OSL/2 for requests of one length and pages of one token.

    Source:
        Renewal theory: the lifetime found at a random moment has a density in proportion to its length, and
        its age is even in it (Cox, Renewal Theory, Methuen 1962, chapter 5); pages of Kwon et al., SOSP 2023
        (arXiv 2309.06180).

    Examples:
        By hand: answers of 1 and 3 tokens with no prompt. Three of four moments meet the 3: the mean is 1/4 *
        1/2 + 3/4 * 3/2 = 1.25, the mean square 1/4 * 1/3 + 3/4 * 3 = 7/3, the variance 7/3 - 1.25^2.

        >>> import numpy as np
        >>> two = Traffic(isl=np.zeros(2), osl=np.array([1.0, 3.0]), weight=np.array([0.5, 0.5]),
        ...               isl_mean=0.0, isl_second=0.0, osl_mean=2.0, osl_second=5.0, cross=0.0)
        >>> found = held_by_one(two)
        >>> float(found.mean), round(float(found.variance), 4)
        (1.25, 0.7708)
    """
    xp = namespace(traffic.osl)
    prompt, answer = traffic.isl, traffic.osl
    weight = traffic.weight * answer
    weight = weight / xp.sum(weight)
    mean = xp.sum(weight * (prompt + answer / 2.0))
    # about the mean of all, so that no large numbers are subtracted
    start = prompt - mean
    second = xp.sum(weight * (start**2 + start * answer + answer**2 / 3.0))
    third = xp.sum(weight * (start**3 + 1.5 * start**2 * answer + start * answer**2 + answer**3 / 4.0))
    variance = second + (page * page - 1.0) / 12.0
    safe = where(variance > 0.0, variance, 1.0)
    skewness = where(variance > 0.0, third / safe**1.5, 0.0)
    return Held(mean=mean + (page - 1.0) / 2.0, variance=variance, skewness=skewness)


def chance_of_more(held: Held, sequences: Array, room: Array) -> Array:
    """Chance that so many sequences need more tokens than there is room for, at a random moment [1].

    The sum of B independent needs has the mean B m, the variance B v and the skewness g / sqrt(B); its
    distribution is taken for a gamma distribution of these three, whose tail Wilson and Hilferty's cube root
    gives: z = 6/s ((1 + s K / 2)^(1/3) - 1 + s^2 / 36), K = (room - B m) / sqrt(B v), s its skewness.

    Args:
        held: what one sequence holds.
        sequences: B, an array [1].
        room: tokens that the memory has room for, shape of `sequences` [token].

    Returns:
        Chance, the share of the time in which sequences would have to be evicted if none was, broadcast shape
        [1].

    Domain:
        Within a fifth of itself for chances of 0.1 % to 10 % and tens of sequences of a moderate tail; of few
        sequences, or a tail of single huge requests, its order of magnitude. Sequences share no prefixes.

    Limits:
        Near 1 for no room; falls with the room, grows with the sequences; the normal approximation without
        skewness.

    Source:
        Wilson and Hilferty, The distribution of chi-square, PNAS 17 (1931) 684.

    Examples:
        Without skewness it is the normal tail: 5 % above 1.645 deviations.

        >>> import numpy as np
        >>> one = Held(mean=100.0, variance=2500.0, skewness=0.0)
        >>> float(chance_of_more(one, np.array([100.0]), np.array([10_000.0 + 1.644854 * 500.0]))[0].round(4))
        0.05
    """
    deviation, skew = _spread(held, sequences)
    k = (room - sequences * held.mean) / where(deviation > 0.0, deviation, 1.0)
    safe = where(_flat(skew), 1.0, skew)
    base = 1.0 + safe * k / 2.0
    # a real cube root: below the least that the gamma distribution can be, the chance is 1
    root = maximum(base, 0.0) ** (1.0 / 3.0) - maximum(-base, 0.0) ** (1.0 / 3.0)
    bent = 6.0 / safe * (root - 1.0 + safe * safe / 36.0)
    chance = chance_above(where(_flat(skew), k, bent))
    # what is always the same is either too much or not
    return where(deviation > 0.0, chance, where(room < sequences * held.mean, 1.0, 0.0))


def room_for(held: Held, sequences: Array, chance: float) -> Array:
    """Room that so many sequences exceed with a stated chance [token].

    B m + K sqrt(B v), K = 2/s ((1 + s z / 6 - s^2 / 36)^3 - 1) of the z that a normal variable exceeds with
    that chance: the inverse of `chance_of_more`.

    Args:
        held: what one sequence holds.
        sequences: B, an array [1].
        chance: between 0 and 1 [1].

    Returns:
        Tokens, shape of `sequences` [token].

    Domain:
        As `chance_of_more`.

    Limits:
        B m at a chance of one half without skewness; grows as the chance falls.

    Source:
        As `chance_of_more`.

    Examples:
        By hand: 100 sequences of 100 +- 50 tokens need 10,000 + 2.326 * 500 at 1 %.

        >>> import numpy as np
        >>> one = Held(mean=100.0, variance=2500.0, skewness=0.0)
        >>> round(float(room_for(one, np.array([100.0]), 0.01)[0]))
        11163
    """
    deviation, skew = _spread(held, sequences)
    z = NormalDist().inv_cdf(1.0 - chance)
    safe = where(_flat(skew), 1.0, skew)
    bent = 2.0 / safe * ((1.0 + safe * z / 6.0 - safe * safe / 36.0) ** 3 - 1.0)
    return sequences * held.mean + deviation * where(_flat(skew), z, bent)


def sequences_in(held: Held, room: Array, chance: float) -> Array:
    """Sequences that exceed a room with a stated chance, not rounded to a whole number [1].

    Found by bisection of `room_for`, which grows with the sequences.

    Args:
        held: what one sequence holds.
        room: tokens that the memory has room for, an array [token].
        chance: between 0 and 1/2 [1].

    Returns:
        Sequences, shape of `room` [1].

    Domain:
        As `chance_of_more`; below one sequence the answer says only that not one fits.

    Limits:
        room / m from below as the room grows; grows with the chance.

    Source:
        As `chance_of_more`.

    Examples:
        By hand: the room that 100 sequences exceed at 1 %, see `room_for`.

        >>> import numpy as np
        >>> one = Held(mean=100.0, variance=2500.0, skewness=0.0)
        >>> round(float(sequences_in(one, np.array([11_163.174]), 0.01)[0]), 3)
        100.0
    """
    low, high = room * 0.0, room / held.mean
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        fits = room_for(held, middle, chance) <= room
        low, high = where(fits, middle, low), where(fits, high, middle)
    return low


def _spread(held: Held, sequences: Array) -> tuple[Array, Array]:
    """Standard deviation and skewness of the sum over sequences."""
    # bisection begins with none
    count = maximum(sequences, 1e-12)
    return (count * held.variance) ** 0.5, held.skewness / count**0.5


def _flat(skew: Array) -> Array:
    return (skew < _STRAIGHT) & (skew > -_STRAIGHT)
