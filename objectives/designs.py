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
    """Tensor-parallel ways [1]."""
    pp: Array
    """Pipeline stages [1]."""
    ep: Array
    """Chips that the experts of a layer are spread over [1]: a divisor of TP inside one replica, or a
    multiple, where EP / TP replicas share one set of experts and keep their own attention. Ignored without
    experts."""
    dp: Array
    """Replicas [1]: TP x PP chips each, with a batch of their own."""


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

        def rows(struct: Chips | Deployments) -> dict[str, Array]:
            out = {}
            # column by column, so that at most one is laid out in full at a time
            for name, a in struct.columns().items():
                xp = namespace(a)
                out[name] = xp.reshape(xp.broadcast_to(a, shape), (-1,))[indices]
            return out

        return Pool(
            role=self.role,
            chips=Chips.of(**rows(self.chips)),
            deployments=Deployments(**rows(self.deployments)),
        )


@dataclass(frozen=True, kw_only=True)
class Designs:
    """Systems of one pool, or of several whose chips are unlike; all pools broadcast against each other."""

    pools: tuple[Pool, ...]

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

    def pool(self, role: str) -> Pool:
        """The pool of a role; raises `KeyError` where none has it."""
        return {pool.role: pool for pool in self.pools}[role]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole batch."""
        return broadcast_shape(*(pool.shape for pool in self.pools))

    @property
    def size(self) -> int:
        """Number of designs."""
        return prod(self.shape)

    def take(self, indices: Array) -> "Designs":
        """Rows `indices` of the flattened batch, as a batch of one axis."""
        return Designs(pools=tuple(pool.take(indices, self.shape) for pool in self.pools))

    def _only(self) -> Pool:
        if len(self.pools) > 1:
            raise ValueError(f"expected a system of one pool, got pools {', '.join(self.roles)}")
        return self.pools[0]
