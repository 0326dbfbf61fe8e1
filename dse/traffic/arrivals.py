"""When requests arrive: how uneven it is, and times drawn at random."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from dse.arrays import Floats
from objectives.equations.traffic.arrivals import dispersion, gap_cv, rates_of

HOUR_S: Final = 3600.0
_MORE: Final = 1.1
"""Times the arrivals that are expected, and `_SPARE`, drawn at once so that a second draw is rare."""
_SPARE: Final = 100
_MOST_CYCLES: Final = 1_000_000
"""Bursts and silences that are drawn at once."""


@dataclass(frozen=True)
class Arrivals:
    """A process of arrivals whose rate a load may set."""

    process: Literal["poisson", "gamma", "on-off", "trace"]
    cv: float = 1.0
    """Coefficient of variation of gaps that know nothing of each other."""
    burst_s: float = 0.0
    silence_s: float = 0.0
    quiet: float = 0.0
    """Rate in a silence over that in a burst."""
    daily: tuple[float, ...] = ()
    """Rate of each hour over the mean of the day; empty where all are alike."""
    at_s: Floats | None = None
    """Arrivals of a trace, the first at 0 s."""

    @property
    def recorded_rate(self) -> float | None:
        """Requests in a second of the trace; None of other processes."""
        if self.at_s is None:
            return None
        return (self.at_s.size - 1) / float(self.at_s[-1])

    @property
    def peak(self) -> float:
        """Rate of the busiest hour over the mean of the day."""
        return max(self.daily, default=1.0)

    def cv_at(self, rate: float) -> float:
        """Coefficient of variation of the gaps at a rate [1/s], within an hour."""
        if self.process == "on-off":
            return float(gap_cv(rate, self.burst_s, self.silence_s, self.quiet))
        if self.at_s is not None:
            gaps = np.diff(self.at_s)
            return float(gaps.std() / gaps.mean())
        return self.cv

    def dispersion_at(self, rate: float) -> float:
        """Variance of the arrivals in a long time over their mean, within an hour, at a rate [1/s]."""
        if self.process == "on-off":
            return float(dispersion(rate, self.burst_s, self.silence_s, self.quiet))
        return self.cv_at(rate) ** 2

    def first(self, count: int, rate: float, rng: np.random.Generator) -> Floats:
        """Times of the first `count` arrivals [s]."""
        return self._of_the_day(self._even(count, rate, rng))

    def until(self, duration_s: float, rate: float, rng: np.random.Generator) -> Floats:
        """Times of the arrivals in a time that begins at midnight [s]."""
        # the process runs in its own time, of which busy hours have more
        end = float(np.interp(duration_s, *self._clock(duration_s))) if self.daily else duration_s
        count = int(_MORE * rate * end) + _SPARE
        state = rng.bit_generator.state
        times = self._even(count, rate, rng)
        while times[-1] <= end:
            # the same draw from its beginning, longer
            rng.bit_generator.state = state
            count *= 2
            times = self._even(count, rate, rng)
        return self._of_the_day(times[times <= end])

    def _even(self, count: int, rate: float, rng: np.random.Generator) -> Floats:
        """Arrivals of a day whose hours are alike."""
        if self.at_s is not None:
            # again and again, with a mean gap between the last and the first
            whole, gap = float(self.at_s[-1]), float(self.at_s[-1]) / (self.at_s.size - 1)
            passes, rows = np.divmod(np.arange(count), self.at_s.size)
            return (self.at_s[rows] + passes * (whole + gap)) * ((self.recorded_rate or rate) / rate)
        if self.process == "on-off":
            return self._bursts(count, rate, rng)
        if self.cv == 0.0:
            return np.arange(1, count + 1) / rate
        if self.cv == 1.0:
            return np.cumsum(rng.exponential(1.0 / rate, count))
        shape = 1.0 / self.cv**2
        return np.cumsum(rng.gamma(shape, 1.0 / (shape * rate), count))

    def _bursts(self, count: int, rate: float, rng: np.random.Generator) -> Floats:
        """Arrivals in bursts and silences; the first of them is a burst as often as bursts last."""
        fast, slow = rates_of(rate, self.burst_s, self.silence_s, self.quiet)
        burst = rng.random() * (self.burst_s + self.silence_s) < self.burst_s
        found: list[Floats] = []
        drawn, begin = 0, 0.0
        while drawn < count:
            missing = count - drawn
            cycles = min(missing / (rate * (self.burst_s + self.silence_s)), _MOST_CYCLES)
            states = 2 * (int(_MORE * cycles) + 10)
            in_burst = (np.arange(states) % 2 == 0) == burst
            lasting = rng.exponential(np.where(in_burst, self.burst_s, self.silence_s))
            rates = np.where(in_burst, fast, slow)
            expected = np.cumsum(lasting * rates)
            enough = _MORE * missing + _SPARE
            if expected[-1] > enough:
                # a state has no memory: one that is cut here may go on in the next draw as if it began there
                last = int(np.searchsorted(expected, enough))
                lasting, rates = lasting[: last + 1], rates[: last + 1]
                lasting[-1] -= (expected[last] - enough) / rates[-1]
                burst = bool(in_burst[last])
            arrivals = rng.poisson(lasting * rates)
            starts = begin + np.concatenate([[0.0], np.cumsum(lasting)])
            times = np.repeat(starts[:-1], arrivals)
            times += np.repeat(lasting, arrivals) * rng.random(times.size)
            found.append(np.sort(times))
            drawn, begin = drawn + times.size, float(starts[-1])
        return np.concatenate(found)[:count]

    def _of_the_day(self, times: Floats) -> Floats:
        """Arrivals moved so that each hour has its rate: as many of them, in less time where it is busy."""
        if not self.daily or not times.size:
            return times
        # a quiet beginning of the day may take until tomorrow
        clock, own = self._clock(float(times[-1]) + 2 * len(self.daily) * HOUR_S)
        # hours without arrivals take no time of the process, and are skipped
        moved = np.interp(times, own, clock)
        return np.asarray(moved, dtype=np.float64)

    def _clock(self, until_s: float) -> tuple[Floats, Floats]:
        """Ends of the hours, and the time of the process there [s]."""
        hours = int(until_s / HOUR_S) + 2
        rates = np.resize(np.array(self.daily), hours)
        clock: Floats = np.arange(hours + 1, dtype=np.float64) * HOUR_S
        return clock, np.concatenate([[0.0], np.cumsum(rates * HOUR_S)])
