"""How uneven arrivals are: bursts and silences, for queues that want a number for it."""

from objectives.arrays import Array


def rates_of(rate: Array, burst_s: Array, silence_s: Array, quiet: Array) -> tuple[Array, Array]:
    """Rates in bursts and in silences of a stated mean [1/s].

    r (B + S) / (B + q S) and q times as much.

    Args:
        rate: requests in a second, the mean over bursts and silences [1/s].
        burst_s: mean length of a burst [s].
        silence_s: mean length of a silence [s].
        quiet: rate in a silence over that in a burst [1].

    Returns:
        Rate in bursts, rate in silences [1/s].

    Domain:
        Bursts and silences follow each other without end.

    Limits:
        Both are the mean at quiet = 1.

    Source:
        Time average over a cycle, counted.

    Examples:
        By hand: 10 a second over one second of four are 40 in that second.

        >>> rates_of(10.0, 1.0, 3.0, 0.0)
        (40.0, 0.0)
    """
    burst = rate * (burst_s + silence_s) / (burst_s + quiet * silence_s)
    return burst, quiet * burst


def gap_cv(rate: Array, burst_s: Array, silence_s: Array, quiet: Array) -> Array:
    """Coefficient of variation of the gaps between arrivals in bursts and silences [1].

    A Markov-modulated Poisson process of two states with exponential lengths: the first two moments of a gap
    are phi M 1 and 2 phi M^2 1, where M is the inverse of minus the generator without arrivals and phi are
    the shares of the arrivals in each state.

    Args:
        rate: requests in a second, the mean [1/s].
        burst_s: mean length of a burst [s].
        silence_s: mean length of a silence [s].
        quiet: rate in a silence over that in a burst [1].

    Returns:
        Standard deviation over mean of the gaps [1].

    Domain:
        Lengths above 0. It counts single gaps: `dispersion` counts that short gaps follow short ones.

    Limits:
        1, as Poisson, at quiet = 1; grows with the length of a silence.

    Source:
        Fischer and Meier-Hellstern, The Markov-modulated Poisson process (MMPP) cookbook, Performance
        Evaluation 18 (1993) 149.

    Examples:
        By hand: rates 2 and 0, states of 1 s each, so every gap begins in a burst. M = ((1/2, 1/2), (1/2,
        3/2)): M 1 = (1, 2), the mean is 1, the mean square 2 (1/2 + 2/2) = 3, and the cv sqrt(3 - 1).

        >>> round(gap_cv(1.0, 1.0, 1.0, 0.0) ** 2, 9)
        2.0
        >>> gap_cv(3.0, 1.0, 1.0, 1.0)
        1.0
    """
    fast, slow = rates_of(rate, burst_s, silence_s, quiet)
    leave, come = 1.0 / burst_s, 1.0 / silence_s
    whole = fast * slow + fast * come + slow * leave
    # M 1: mean wait for an arrival from a burst, and from a silence
    from_burst = (slow + come + leave) / whole
    from_silence = (fast + come + leave) / whole
    second_burst = ((slow + come) * from_burst + leave * from_silence) / whole
    second_silence = (come * from_burst + (fast + leave) * from_silence) / whole
    in_burst = burst_s * fast / ((burst_s + silence_s) * rate)
    mean = in_burst * from_burst + (1.0 - in_burst) * from_silence
    second = 2.0 * (in_burst * second_burst + (1.0 - in_burst) * second_silence)
    return (second / (mean * mean) - 1.0) ** 0.5


def dispersion(rate: Array, burst_s: Array, silence_s: Array, quiet: Array) -> Array:
    """Variance of the number of arrivals in a long time over its mean, in bursts and silences [1].

    1 + 2 (l1 - l2)^2 p1 p2 / ((a + b) rate), l1 and l2 the rates, p1 and p2 the shares of the time, 1 / a and
    1 / b the lengths.

    Args:
        rate: requests in a second, the mean [1/s].
        burst_s: mean length of a burst [s].
        silence_s: mean length of a silence [s].
        quiet: rate in a silence over that in a burst [1].

    Returns:
        Index of dispersion for counts [1]; for gaps that know nothing of each other it is the square of their
        coefficient of variation, so a queue may take its root for that.

    Domain:
        A time of many bursts: a queue that empties within one feels less.

    Limits:
        1, as Poisson, at quiet = 1; grows with the rate and with the lengths.

    Source:
        As `gap_cv`.

    Examples:
        By hand: rates 2 and 0, states of 1 s each: 1 + 2 * 4 * 1/4 / 2.

        >>> dispersion(1.0, 1.0, 1.0, 0.0)
        2.0
    """
    fast, slow = rates_of(rate, burst_s, silence_s, quiet)
    in_burst = burst_s / (burst_s + silence_s)
    turns = 1.0 / burst_s + 1.0 / silence_s
    return 1.0 + 2.0 * (fast - slow) ** 2 * in_burst * (1.0 - in_burst) / (turns * rate)
