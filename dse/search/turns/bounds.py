"""Branch and bound over pairs of boxes, each in one layout of both pools and one cut of the batch."""

from collections.abc import Iterator

import numpy as np

from dse.arrays import Floats
from dse.search.bound.boxes import Mask
from dse.search.bound.corners import SLACK, STAGES
from dse.search.bound.judges import ROUNDING, ByFront
from dse.search.bound.limits import Limits
from dse.search.turns.question import PORT, Matched, Rows, Side, TurnQuestion
from dse.search.turns.rows import OpenRows, together
from dse.search.turns.tree import Tree

TOGETHER = 1 << 17
"""Rows that are bounded in one call."""

ROUND = 1 << 16
"""Rows that are halved together."""


class PairBounds:
    """Pairs of boxes of two pools that may still be better than a front."""

    def __init__(
        self,
        question: TurnQuestion,
        trees: tuple[Tree, Tree],
        judge: ByFront,
        front: Floats,
        limits: Limits,
    ) -> None:
        """`front` (n, k) are logarithms of what is known; `judge` says what counts as better."""
        self.question, self.trees, self.judge, self.front = question, trees, judge, front
        self.limits = limits
        self.rows = OpenRows.empty(len(question.goals))
        self.under_way = self.rows
        self.boxes = 0
        """Pairs of boxes in a layout that were bounded."""

    def remarks(self) -> tuple[str, ...]:
        """What is done where a law that bounds rest on does not hold as it is."""
        if not any(tree.hybrid for tree in self.trees):
            return ()
        stages = [(np.asarray(own.pp) > 1.0).any() for own in self.question.layouts]
        some = any(of for of, role in zip(stages, self.question.roles, strict=True) if role != "ffn")
        return (
            f"bounds of chips with SRAM and DRAM are up to {SLACK * (STAGES if some else 1.0):.0%} lower: a "
            "step may miss its best placement of bytes by that much",
            "where bytes are not placed for what counts (stages, prompts, joules) several of "
            "these chips together are bounded as if SRAM and DRAM were one memory, as fast as both",
        )

    @property
    def gap(self) -> float:
        """The largest gap."""
        return max(float(r.gap.max(initial=0.0)) for r in (self.rows, self.under_way))

    def left(self) -> float:
        """Pairs of designs in open rows, about."""
        found = 0.0
        for rows in (self.rows, self.under_way):
            chips = self.trees[0].chips[rows.lead] * self.trees[1].chips[rows.fed]
            found += float(chips.sum()) / len(self.question.cuts)
        return found

    def begin(self) -> None:
        """Bound all pairs of the boxes that branches begin with."""
        question = self.question
        codes = question.layouts[0].size * len(question.cuts)
        layouts = question.layouts[1].size
        best = self._least(0, codes), self._least(1, layouts * question.ways.rows.size)
        # the best of all boxes with the best of all, then each of the first pool, then each of both
        every = np.arange(codes)
        some = [self._screened(best, every[i : i + step], layouts) for i, step in _chunks(codes, layouts)]
        code, layout = (np.concatenate([pair[i] for pair in some]) for i in (0, 1))
        found: list[OpenRows] = []
        for root in range(self.trees[0].roots):
            for start in range(0, len(code), TOGETHER):
                mine, theirs = code[start : start + TOGETHER], layout[start : start + TOGETHER]
                keep = self._beside(root, best[1], mine, theirs)
                found += list(self._with_all(root, mine[keep], theirs[keep]))
        self.rows = together([self.rows, *found])

    def _least(self, pool: int, codes: int) -> Matched:
        """The least of every number of all boxes that a pool begins with, by layout and what it is fed."""
        question, tree = self.question, self.trees[pool]
        ways = question.ways.rows.size
        # a layout and cut of the first pool that feeds each way: any will do
        feeds = np.zeros(ways, dtype=np.int64)
        feeds[question.fed_by] = np.arange(len(question.fed_by))
        parts, fits = [], []
        step = max(1, TOGETHER // tree.roots)
        for start in range(0, codes, step):
            self.limits.check()
            some = np.arange(start, min(start + step, codes))
            nodes, at = (a.reshape(-1) for a in np.meshgrid(np.arange(tree.roots), some, indexing="ij"))
            if pool:
                own = question.fed(tree.side(nodes, at // ways), feeds[at % ways])
            else:
                own = question.lead(tree.side(nodes, at))
            shape = (-1, tree.roots, len(some))
            ok = own.ok.reshape(shape[1:])
            numbers = own.numbers[:, own.rows].reshape(len(own.numbers), *shape[1:])
            sign = np.ones((len(numbers), 1, 1))
            sign[PORT] = -1.0
            least = np.where(ok, numbers * sign, np.inf).min(axis=1)
            parts.append(np.where(ok.any(axis=0), least * sign[:, 0], numbers[:, 0]))
            fits.append(ok.any(axis=0))
        numbers = np.concatenate(parts, axis=1)
        slack = np.full(codes, STAGES * tree.slack.max(initial=0.0))
        return Matched(numbers=numbers, fits=np.concatenate(fits), rows=np.arange(codes), slack=slack)

    def _ahead(self, lead: Matched, fed: Matched) -> Mask:
        """Which rows of the best of several boxes may be better."""
        self.limits.check()
        lower, ok = self.question.bounded(lead, fed)
        self.boxes += len(ok)
        return np.asarray(ok & (self.judge.leads(self.front, lower) > ROUNDING))

    def _screened(self, best: tuple[Matched, Matched], codes: Rows, layouts: int) -> tuple[Rows, Rows]:
        """Layouts in which the best of all boxes of both pools may be better."""
        code, layout = np.repeat(codes, layouts), np.tile(np.arange(layouts), len(codes))
        ahead = self._ahead(_rows_of(best[0], code), self._fed_rows(best[1], code, layout))
        return code[ahead], layout[ahead]

    def _fed_rows(self, best: Matched, code: Rows, layout: Rows) -> Matched:
        question = self.question
        return _rows_of(best, layout * question.ways.rows.size + question.fed_by[code])

    def _beside(self, root: int, best: Matched, code: Rows, layout: Rows) -> Mask:
        """Layouts in which a box of the first pool may be better beside the best of all of the other one."""
        own = self.question.lead(self.trees[0].side(np.full(len(code), root), code))
        return self._ahead(own, self._fed_rows(best, code, layout))

    def _with_all(self, root: int, code: Rows, layout: Rows) -> Iterator[OpenRows]:
        """A box of the first pool with each box that the other one begins with."""
        roots = self.trees[1].roots
        step = max(1, TOGETHER // roots)
        for start in range(0, len(code), step):
            mine, theirs = code[start : start + step], layout[start : start + step]
            n = len(mine)
            yield self._kept(
                np.full(n * roots, root),
                np.repeat(mine, roots),
                np.tile(np.arange(roots), n),
                np.repeat(theirs, roots),
                None,
            )

    def _kept(self, lead: Rows, code: Rows, fed: Rows, layout: Rows, least: Floats | None) -> OpenRows:
        """Those rows that may be better; none is better than `least`, as logarithms."""
        self.limits.check()
        lower, ok = self.question.outlook(self.trees[0].side(lead, code), self.trees[1].side(fed, layout))
        self.boxes += len(ok)
        if least is not None:
            lower = np.maximum(lower, least)
        gap = np.where(ok, self.judge.leads(self.front, lower), 0.0)
        rows = OpenRows(lead=lead, code=code, fed=fed, layout=layout, lower=lower, gap=gap)
        return rows.part(gap > ROUNDING)

    def sift(self) -> None:
        """Drop rows that what is known now is as good as."""
        gap = self.judge.leads(self.front, self.rows.lower)
        rows = self.rows
        self.rows = OpenRows(
            lead=rows.lead, code=rows.code, fed=rows.fed, layout=rows.layout, lower=rows.lower, gap=gap
        ).part(gap > ROUNDING)

    def take(self, *, few_designs: bool = False) -> OpenRows:
        """Rows to halve next, those with the largest gaps or with the fewest designs."""
        keys = self.rows.gap
        if few_designs:
            keys = -self.trees[0].chips[self.rows.lead] * self.trees[1].chips[self.rows.fed]
        if len(keys) > ROUND:
            chosen = np.zeros(len(keys), dtype=np.bool_)
            chosen[np.argpartition(-keys, ROUND)[:ROUND]] = True
            taken, self.rows = self.rows.part(chosen), self.rows.part(~chosen)
        else:
            taken, self.rows = self.rows, self.rows.part(np.zeros(len(keys), dtype=np.bool_))
        self.under_way = taken
        return taken

    def put(self, rows: OpenRows) -> None:
        """What is left of the rows that were taken."""
        self.rows = together([self.rows, rows])
        self.under_way = rows.part(np.zeros(len(rows), dtype=np.bool_))

    def halved(self, rows: OpenRows) -> OpenRows:
        """What may be better in both halves of rows, each of one of whose boxes can be halved."""
        pool = self._pools(rows)
        parts = []
        for which in (0, 1):
            some = rows.part(pool == which)
            step = TOGETHER // 2
            parts += [self._halves(some.part(slice(i, i + step)), which) for i in range(0, len(some), step)]
        return together([OpenRows.empty(rows.lower.shape[1]), *parts])

    def _halves(self, rows: OpenRows, pool: int) -> OpenRows:
        """Both halves of one pool, next to the boxes of the other one."""
        two = rows.part(np.repeat(np.arange(len(rows)), 2))
        nodes = [two.lead, two.fed]
        nodes[pool] = self.trees[pool].first_half[nodes[pool]] + np.tile([0, 1], len(rows))
        return self._kept(nodes[0], two.code, nodes[1], two.layout, two.lower)

    def _pools(self, rows: OpenRows) -> Rows:
        """(n,) the pool whose halving closes more of the gap of the worst row of a pair of boxes."""
        for pool, nodes in enumerate((rows.lead, rows.fed)):
            self._split(pool, nodes, rows)
        wide = [tree.wide[nodes] for tree, nodes in zip(self.trees, (rows.lead, rows.fed), strict=True)]
        order = np.argsort(-rows.gap, kind="stable")
        pairs = rows.lead * np.int64(len(self.trees[1].family)) + rows.fed
        _, first, of = np.unique(pairs[order], return_index=True, return_inverse=True)
        worst = order[first]
        pair = np.empty(len(rows), dtype=np.int64)
        pair[order] = of.reshape(-1)
        better = np.where(wide[0][worst], 0, 1)
        both = np.flatnonzero(wide[0][worst] & wide[1][worst])
        if len(both):
            after = [self._left_of(rows.part(worst[both]), pool) for pool in (0, 1)]
            better[both] = np.where(after[1] < after[0], 1, 0)
        return better[pair]

    def _left_of(self, rows: OpenRows, pool: int) -> Floats:
        """(n,) the larger gap of both halves, and a little of their sum."""
        nodes = [np.repeat(rows.lead, 2), np.repeat(rows.fed, 2)]
        nodes[pool] = self.trees[pool].first_half[nodes[pool]] + np.tile([0, 1], len(rows))
        code, layout = np.repeat(rows.code, 2), np.repeat(rows.layout, 2)
        found = []
        for i in range(0, len(code), TOGETHER):
            here = slice(i, i + TOGETHER)
            found.append(
                self._gaps(
                    self.trees[0].side(nodes[0][here], code[here]),
                    self.trees[1].side(nodes[1][here], layout[here]),
                )
            )
        gaps = np.concatenate(found).reshape(-1, 2)
        return np.asarray(gaps.max(axis=1) + 1e-3 * gaps.sum(axis=1))

    def _gaps(self, lead: Side, fed: Side) -> Floats:
        self.limits.check()
        lower, ok = self.question.outlook(lead, fed)
        self.boxes += len(ok)
        return np.asarray(np.where(ok, self.judge.leads(self.front, lower), 0.0))

    def _split(self, pool: int, nodes: Rows, rows: OpenRows) -> None:
        """Halve boxes of a pool that never were: along the axis that closes most of their worst row."""
        tree = self.trees[pool]
        new = np.flatnonzero(tree.wide[nodes] & (tree.first_half[nodes] < 0))
        if not len(new):
            return
        order = new[np.argsort(-rows.gap[new], kind="stable")]
        boxes, first = np.unique(nodes[order], return_index=True)
        worst = rows.part(order[first])
        step, axes = max(1, TOGETHER // 32), []
        for i in range(0, len(boxes), step):
            some, own = boxes[i : i + step], worst.part(slice(i, i + step))
            halves = tree.tried(some)
            who = np.repeat(halves.box, 2)
            sides = [self.trees[0].side(own.lead[who], own.code[who])]
            sides.append(self.trees[1].side(own.fed[who], own.layout[who]))
            sides[pool] = Side(
                columns=halves.columns,
                one_memory=halves.one_memory,
                chips=np.arange(len(who)),
                layouts=sides[pool].layouts,
                slack=halves.slack,
            )
            gaps = self._gaps(*sides).reshape(-1, 2)
            best = np.lexsort((gaps.sum(axis=1), gaps.max(axis=1), halves.box))
            axes.append(halves.axis[best[np.searchsorted(halves.box[best], np.arange(len(some)))]])
        tree.halve(boxes, np.concatenate(axes))


def _rows_of(best: Matched, rows: Rows) -> Matched:
    return Matched(numbers=best.numbers, fits=best.fits, rows=rows, slack=best.slack[rows])


def _chunks(codes: int, layouts: int) -> Iterator[tuple[int, int]]:
    step = max(1, TOGETHER // layouts)
    yield from ((i, step) for i in range(0, codes, step))
