"""Systems: pools of chips with a role, and how each is laid out."""

from dataclasses import dataclass
from functools import cached_property
from math import prod

from objectives.arrays import Array, namespace
from objectives.chips import Chips
from objectives.columns import Columns, broadcast_shape

WHOLE = "whole"
"""Role of the only pool of a system that has one."""


@dataclass(frozen=True, kw_only=True)
class Deployments(Columns):
    """How one replica is laid out, and how many replicas there are."""

    batch: Array
    """Sequences resident in one replica [1]."""
    tp: Array
    """Tensor-parallel ways [1]: heads of attention are split over them."""
    cp: Array
    """Context-parallel ways [1]: the KV cache of a sequence is split along its tokens over them. Weights and
    rows are split over TP x CP chips."""
    pp: Array
    """Pipeline stages [1]."""
    ep: Array
    """Chips that the experts of a layer are spread over [1]: a divisor of TP x CP inside one replica,
    or a multiple, where EP / (TP x CP) replicas share one set of experts and keep their own attention.
    Ignored without experts."""
    dp: Array
    """Replicas [1]: TP x CP x PP chips each, with a batch of their own."""

    @property
    def ways(self) -> Array:
        """Chips that share a layer [1]: TP x CP."""
        return self.tp * self.cp


@dataclass(frozen=True, kw_only=True)
class PoolLink(Columns):
    """The network between two pools, of which every chip of both has a port."""

    bandwidth: Array
    """Of one port, one way [B/s]; what a chip's own network beyond its domain, or its links, cannot give is
    not reached."""
    latency_s: Array
    """Latency of one message [s]."""
    usd: Array
    """Port, cable and share of the fabric of one chip [USD]."""


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Chips of one kind that do one thing, broadcast against their deployments."""

    role: str
    """What they do: `whole`, or one role of a split, see `objectives.equations.pools`."""
    chips: Chips
    deployments: Deployments

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Shape of both together."""
        return broadcast_shape(self.chips.shape, self.deployments.shape)

    def take(self, indices: Array, shape: tuple[int, ...]) -> "Pool":
        """Rows `indices` of the batch when broadcast to `shape` and flattened."""
        return Pool(
            role=self.role,
            chips=Chips.of(**_rows(self.chips, indices, shape)),
            deployments=Deployments(**_rows(self.deployments, indices, shape)),
        )


@dataclass(frozen=True, kw_only=True)
class Designs:
    """Systems of one pool, or of several whose chips are unlike; all pools broadcast against each other."""

    pools: tuple[Pool, ...]
    link: PoolLink | None = None
    """What joins the pools; None for a system of one."""

    @classmethod
    def of(cls, chips: Chips, deployments: Deployments) -> "Designs":
        """Systems of one pool."""
        return cls(pools=(Pool(role=WHOLE, chips=chips, deployments=deployments),))

    @property
    def chips(self) -> Chips:
        """Chips of the only pool; raises `ValueError` where there are several."""
        return self._only().chips

    @property
    def deployments(self) -> Deployments:
        """Deployments of the only pool; raises `ValueError` where there are several."""
        return self._only().deployments

    def replace(self, *, chips: Chips | None = None, deployments: Deployments | None = None) -> "Designs":
        """The same systems of one pool with other chips or deployments."""
        own = self._only()
        return Designs.of(chips or own.chips, deployments or own.deployments)

    @property
    def roles(self) -> tuple[str, ...]:
        """Role of each pool."""
        return tuple(pool.role for pool in self.pools)

    def columns(self) -> dict[str, Array]:
        """Every column by name; of several pools after their role, of the link after `link`."""
        parts: list[tuple[str, Chips | Columns]] = []
        for pool in self.pools:
            of = "" if len(self.pools) == 1 else f"{pool.role}."
            parts += [(of, pool.chips), (of, pool.deployments)]
        if self.link is not None:
            parts.append(("link.", self.link))
        return {f"{of}{name}": a for of, struct in parts for name, a in struct.columns().items()}

    def pool(self, role: str) -> Pool:
        """The pool of a role; raises `KeyError` where none has it."""
        return {pool.role: pool for pool in self.pools}[role]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole batch."""
        own = [pool.shape for pool in self.pools]
        return broadcast_shape(*own, *([] if self.link is None else [self.link.shape]))

    @property
    def size(self) -> int:
        """Number of designs."""
        return prod(self.shape)

    def take(self, indices: Array) -> "Designs":
        """Rows `indices` of the flattened batch, as a batch of one axis."""
        shape = self.shape
        link = None if self.link is None else PoolLink(**_rows(self.link, indices, shape))
        return Designs(pools=tuple(pool.take(indices, shape) for pool in self.pools), link=link)

    def _only(self) -> Pool:
        if len(self.pools) > 1:
            raise ValueError(f"expected a system of one pool, got pools {', '.join(self.roles)}")
        return self.pools[0]


def _rows(struct: Chips | Columns, indices: Array, shape: tuple[int, ...]) -> dict[str, Array]:
    out = {}
    # column by column, so that at most one is laid out in full at a time
    for name, a in struct.columns().items():
        xp = namespace(a)
        out[name] = xp.reshape(xp.broadcast_to(a, shape), (-1,))[indices]
    return out
