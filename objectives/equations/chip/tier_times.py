"""How long each kind of bytes has to stream when all kinds share the memories of a chip in the best way."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from objectives.arrays import Array, inverse, maximum, minimum, namespace, where
from objectives.equations.chip.placement import ALIKE


@dataclass(frozen=True, kw_only=True)
class Column:
    """One memory: bytes that it holds, and bytes that it brings in a second."""

    capacity_bytes: Array
    bytes_per_s: Array


@dataclass(frozen=True, kw_only=True)
class StreamCost:
    """Cost of the level of one kind, a convex function of three pieces: none, `low`, `top`.

    The level [s] is the time in which memories bring the bytes of a kind once, at the pace of a kind that
    nothing slows.
    """

    held_bytes: Array
    free: Array
    """Level up to which streams cost nothing [s]."""
    busy: Array
    """Level up to which they cost `low`, and `top` beyond it [s]."""
    low: Array | None
    """Seconds of a pass for a second of the level [1]; None where all of `busy` is free."""
    top: Array

    def seconds(self, level: Array) -> Array:
        """Seconds that the level adds to a pass [s]."""
        beyond = self.top * maximum(level - self.busy, 0.0)
        if self.low is None:
            return beyond
        return beyond + self.low * maximum(minimum(level, self.busy) - self.free, 0.0)


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """One linear piece of the bytes that columns bring: full ones as they are, the others at their rate."""

    full_bytes: Array
    bytes_per_s: Array


def shared_levels(columns: Sequence[Column], costs: Sequence[StreamCost]) -> list[Array]:
    """Levels of kinds that may all lie in every memory, the least costly ones [s].

    Levels y are possible where sum_K y >= g(sum_K held) for each set K of kinds, g the inverse of
    f(Y) = sum_i min(capacity_i, Y rate_i). As g is convex, these bounds are supermodular, and serving the
    dearest piece of cost first is the optimum (`_dearest_first`).

    Args:
        columns: memories, which hold all bytes together.
        costs: kinds.

    Returns:
        Level of each kind, in the order given [s].

    Domain:
        Each kind is slowed alike by all memories.

    Limits:
        One kind: the time in which all memories that hold it end together.

    Source:
        Greedy algorithm on contrapolymatroids, Edmonds (1970); bounds by max-flow min-cut, Ford and
        Fulkerson (1956).

    Examples:
        By hand: of 30 B a memory of 10 B and 10 B/s and one of 100 B and 1 B/s keep 10 and 20 B: 20 s.

        >>> def memory(size, rate):
        ...     return Column(capacity_bytes=size, bytes_per_s=rate)
        >>> kind = StreamCost(held_bytes=30.0, free=0.0, busy=0.0, low=None, top=1.0)
        >>> shared_levels([memory(10.0, 10.0), memory(100.0, 1.0)], [kind])
        [20.0]
    """
    pieces = _pieces(columns)
    return _dearest_first(costs, {s: _level(pieces, size) for s, size in _sums(costs).items()})


def split_levels(
    columns: Sequence[Column],
    read_only: Sequence[Column],
    written: StreamCost,
    others: Sequence[StreamCost],
) -> tuple[Array, list[Array]]:
    """Levels where one kind is written and cannot lie in some of the memories, the least costly ones [s].

    With the level v of that kind given, the others A need f(v + Y_A) + q(Y_A) >= held_v + held_A, q of the
    read-only memories, and again their bounds are supermodular. The cost is convex and piecewise linear in
    v: it is evaluated at each of its corners.

    Args:
        columns: memories that hold every kind.
        read_only: memories that do not hold the written kind.
        written: the kind that is written.
        others: one or two kinds.

    Returns:
        Level of the written kind, and those of the others [s].

    Domain:
        Each kind is slowed alike by all memories; bytes fit.

    Limits:
        Without capacity in `read_only`, the cost of `shared_levels`.

    Source:
        As `shared_levels`; the optimum of a linear program is at a corner.

    Examples:
        By hand: 10 B of ROM at 1 B/s and 20 B of DRAM at 1 B/s end together with half of the 10 B of weights,
        and DRAM needs 10 s for 10 B of KV cache.

        >>> import numpy as np
        >>> def kind(size):
        ...     return StreamCost(held_bytes=size, free=0.0, busy=0.0, low=None, top=np.array([1.0]))
        >>> def memory(size):
        ...     return Column(capacity_bytes=size, bytes_per_s=np.array([1.0]))
        >>> v, (y,) = split_levels([memory(20.0)], [memory(10.0)], kind(10.0), [kind(10.0)])
        >>> float(v[0]), float(y[0])
        (10.0, 5.0)
    """
    bounds = _Split(columns, read_only, written, others)
    points, first, last = bounds.corners()
    xp = namespace(*points)
    points = xp.broadcast_arrays(*points, bounds.anchor())
    levels = xp.sort(xp.stack([minimum(maximum(p, first), last) for p in points]), axis=0)
    seconds = bounds.seconds(levels)
    if len(others) > 1:
        # corners at which one of two kinds leaves a piece of its cost while the other follows a bound
        more = bounds.crossings(levels, seconds)
        levels = xp.concat([levels, more])
        seconds = xp.concat([seconds, bounds.seconds(more)])
    least = xp.min(seconds, axis=0)
    # the lowest of equals, so that rounding decides nothing
    best = xp.min(where(seconds <= least + ALIKE * least, levels, math.inf), axis=0)
    return best, _dearest_first(others, bounds.needs(best))


class _Split:
    """Bounds of the levels of kinds around that of the kind which read-only memories do not hold."""

    def __init__(
        self,
        columns: Sequence[Column],
        read_only: Sequence[Column],
        written: StreamCost,
        others: Sequence[StreamCost],
    ) -> None:
        self._columns, self._read_only = columns, read_only
        self._written, self._others = written, others
        self._pieces, self._only = _pieces(columns), _pieces(read_only)
        self._joint = [
            (a.full_bytes + b.full_bytes, a.bytes_per_s, inverse(a.bytes_per_s + b.bytes_per_s))
            for a in self._pieces
            for b in self._only
        ]
        self._sums = _sums(others)
        # what kinds need even where the written kind leaves all memories to them
        self._alone = {s: self._follow(0.0, size) for s, size in self._sums.items()}

    def _follow(self, level: Array, size: Array) -> Array:
        """Level Y at which f(level + Y) + q(Y) reaches a size [s]."""
        found: Array = 0.0
        for full, rate, seconds in self._joint:
            found = maximum(found, (size - full - level * rate) * seconds)
        return found

    def needs(self, level: Array) -> dict[int, Array]:
        """Least level of each set of the other kinds, with that of the written kind given [s]."""
        held = self._written.held_bytes
        return {s: maximum(self._alone[s], self._follow(level, held + b)) for s, b in self._sums.items()}

    def seconds(self, level: Array) -> Array:
        """Seconds of all kinds, with the level of the written kind given [s]."""
        spent = self._written.seconds(level)
        for cost, y in zip(self._others, _dearest_first(self._others, self.needs(level)), strict=True):
            spent = spent + cost.seconds(y)
        return spent

    def anchor(self) -> Array:
        """Zeros of the shape of all inputs, to which corners broadcast."""
        zero: Array = 0.0
        for c in (*self._columns, *self._read_only):
            zero = zero + 0.0 * (c.capacity_bytes + c.bytes_per_s)
        for k in (self._written, *self._others):
            zero = zero + 0.0 * (k.held_bytes + k.busy + k.top + k.free)
            zero = zero if k.low is None else zero + 0.0 * k.low
        return zero

    def corners(self) -> tuple[list[Array], Array, Array]:
        """Levels of the written kind at which a bound or a cost has a corner, and the first and last [s]."""
        held, own = self._written.held_bytes, self._written
        first = _level(self._pieces, held)
        points, last = [first, own.free, own.busy], first
        for s, size in self._sums.items():
            enough = self._meets(self._alone[s], held + size)
            last = maximum(last, enough)
            points += [enough, *(self._meets(y, held + size) for y in self._levels_of(s))]
            for c in self._columns:
                # here this memory gets full
                full = c.capacity_bytes * inverse(c.bytes_per_s)
                points.append(full - _level(self._only, held + size - _brought(self._columns, full)))
        return points, first, last

    def _meets(self, level: Array, size: Array) -> Array:
        """Level of the written kind that leaves the others the level given [s]."""
        return _level(self._pieces, size - _brought(self._read_only, level)) - level

    def _levels_of(self, kinds: int) -> list[Array]:
        """Levels of a set at which a read-only memory gets full or a cost has a corner [s]."""
        ends: list[Array] = [0.0]
        for i, k in enumerate(self._others):
            if kinds >> i & 1:
                ends = [e + own for e in ends for own in ([k.busy] if k.low is None else [k.free, k.busy])]
        return ends + [c.capacity_bytes * inverse(c.bytes_per_s) for c in self._read_only]

    def crossings(self, levels: Array, seconds: Array) -> Array:
        """Corners next to the best of sorted levels that only the difference of two bounds shows [s].

        Between sorted levels all bounds are linear, so that their difference is met by interpolation.
        """
        xp = namespace(levels)
        best = xp.min(where(seconds <= xp.min(seconds, axis=0), levels, math.inf), axis=0)
        # corners that only rounding sets apart are one
        apart = ALIKE * best
        below = xp.max(where(levels < best - apart, levels, levels[0]), axis=0)
        above = xp.min(where(levels > best + apart, levels, levels[-1]), axis=0)
        around = [below, best, above]
        bounds = [self.needs(v) for v in around]
        points = []
        for i, k in enumerate(self._others):
            for end in [k.busy] if k.low is None else [k.free, k.busy]:
                left = [b[3] - b[2 - i] - end for b in bounds]
                for j in (0, 1):
                    step = (around[j + 1] - around[j]) * inverse(left[j] - left[j + 1]) * left[j]
                    points.append(minimum(maximum(around[j] + step, around[j]), around[j + 1]))
        return xp.stack(xp.broadcast_arrays(*points))


def _sums(costs: Sequence[StreamCost]) -> dict[int, Array]:
    """Bytes of each set of kinds, a set as the bits of a number [B]."""
    sums: dict[int, Array] = {}
    for s in range(1, 1 << len(costs)):
        top = s.bit_length() - 1
        rest = s - (1 << top)
        sums[s] = costs[top].held_bytes if rest == 0 else sums[rest] + costs[top].held_bytes
    return sums


def _pieces(columns: Sequence[Column]) -> list[_Piece]:
    """Linear pieces of sum_i min(capacity_i, Y rate_i), which is the least of them at each Y.

    The first is without full columns; another one for each column has that full and all that are so before.
    """
    full = [c.capacity_bytes * inverse(c.bytes_per_s) for c in columns]
    none: Array = 0.0
    pieces = [_Piece(full_bytes=none, bytes_per_s=sum((c.bytes_per_s for c in columns), start=none))]
    for end in full:
        held, rate = none, none
        for c, own in zip(columns, full, strict=True):
            here = own <= end
            held = held + where(here, c.capacity_bytes, 0.0)
            rate = rate + where(here, 0.0, c.bytes_per_s)
        pieces.append(_Piece(full_bytes=held, bytes_per_s=rate))
    return pieces


def _level(pieces: Sequence[_Piece], size: Array) -> Array:
    """Least level at which memories bring a size [s]; that of their last piece where they cannot."""
    level: Array = 0.0
    for p in pieces:
        level = maximum(level, (size - p.full_bytes) * inverse(p.bytes_per_s))
    return level


def _brought(columns: Sequence[Column], level: Array) -> Array:
    """Bytes that memories bring up to a level [B]."""
    brought: Array = 0.0
    for c in columns:
        brought = brought + minimum(c.capacity_bytes, level * c.bytes_per_s)
    return brought


def _dearest_first(costs: Sequence[StreamCost], needs: Mapping[int, Array]) -> list[Array]:
    """Levels of the least cost among those that reach what each set of kinds needs [s].

    The dearest piece of all costs gets no more than sets need beyond the cheaper pieces of their kinds, then
    the next. What a set S of pieces must have is P(S) = max_K (need_K - cheaper pieces of K)+, so that a
    piece gets P with it less P without it. A kind takes at least what costs nothing.
    """
    levels = []
    for k, own in enumerate(costs):
        level = own.free if own.low is not None else own.busy
        ends = [(own.top, own.busy, None)]
        if own.low is not None:
            ends.append((own.low, own.free, own.busy))
        for slope, cheaper, end in ends:
            rest, with_it = _beyond(costs, needs, k, slope)
            most = maximum(rest, with_it - cheaper)
            level = level + (most - (rest if end is None else maximum(rest, with_it - end)))
        levels.append(level)
    return levels


def _beyond(
    costs: Sequence[StreamCost], needs: Mapping[int, Array], kind: int, slope: Array
) -> tuple[Array, Array]:
    """What sets without a kind, and with it, need beyond those pieces of others that cost less [s]."""
    room: dict[int, Array] = {0: 0.0}
    for i, other in enumerate(costs):
        if i == kind:
            continue
        cheaper = other.busy
        if other.low is not None:
            cheaper = where(other.low < slope, other.busy, other.free)
        cheaper = where(other.top < slope, math.inf, cheaper)
        room |= {s | 1 << i: cheaper if s == 0 else r + cheaper for s, r in room.items()}
    rest: Array = 0.0
    with_it: Array = needs[1 << kind]
    for s, r in room.items():
        if s:
            rest = maximum(rest, needs[s] - r)
            with_it = maximum(with_it, needs[s | 1 << kind] - r)
    return rest, with_it
