"""Chips of a space as points of unit cubes, one for each branch, and ways to get from some to others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dse.arrays import Floats
from dse.chips.branch import Branch
from dse.chips.parameter_range import fraction_of, value_at
from dse.spec.schema.space import ParameterSpec

FRESH, CROSSED = 0.25, 0.3
"""Share of new chips that are drawn at random, and share of the others that mix two parents first."""

NEAR = 0.08
"""Standard deviation of a move of a continuous parameter, in its whole range."""


@dataclass(frozen=True, eq=False)
class UnitCube:
    """The parameters of a branch that have a choice, each scaled to [0, 1]."""

    branch: Branch
    free: tuple[str, ...]

    @classmethod
    def of(cls, branch: Branch) -> "UnitCube":
        """The cube of a branch."""
        return cls(branch, tuple(n for n, p in branch.spec.parameters.items() if p.low < p.high))

    def _spec(self, name: str) -> ParameterSpec:
        return self.branch.spec.parameters[name]

    def snapped(self, at: Floats) -> Floats:
        """Places (n, free) moved to the nearest step, inside the cube."""
        out = np.clip(at, 0.0, 1.0)
        for i, name in enumerate(self.free):
            if steps := self._spec(name).steps:
                out[:, i] = np.rint(out[:, i] * (steps - 1)) / (steps - 1)
        return out

    def values(self, at: Floats) -> dict[str, Floats]:
        """Parameter values in SI of chips at places (n, free), each of shape (n,)."""
        out = {}
        for name, spec in self.branch.spec.parameters.items():
            if name in self.free:
                out[name] = value_at(spec, at[:, self.free.index(name)])
            else:
                out[name] = np.full(len(at), spec.low)
        return out

    def parameters(self, at: Floats) -> dict[str, int | float]:
        """Trial parameters of the chip at one place (free,)."""
        out: dict[str, int | float] = {}
        for name, place in zip(self.free, at, strict=True):
            spec = self._spec(name)
            key = f"{self.branch.name}.{name}"
            out[key] = (
                round(place * (spec.steps - 1))
                if spec.steps
                # rounding may leave the range, and Optuna refuses such a value
                else float(np.clip(value_at(spec, place), spec.low, spec.high))
            )
        return out

    def place(self, parameters: Mapping[str, int | float]) -> Floats:
        """Place of the chip with these trial parameters, shape (free,)."""
        found = []
        for name in self.free:
            spec, value = self._spec(name), parameters[f"{self.branch.name}.{name}"]
            found.append(value / (spec.steps - 1) if spec.steps else fraction_of(spec, value))
        return np.asarray(found, dtype=float)

    def drawn(self, count: int, rng: np.random.Generator) -> Floats:
        """Places anywhere in the cube, shape (count, free)."""
        return self.snapped(rng.random((count, len(self.free))))

    def bred(self, parents: Sequence[Floats], count: int, rng: np.random.Generator) -> Floats:
        """Places near those of `parents`: a few parameters moved, some of them mixed first."""
        pool = np.stack(list(parents))
        out = pool[rng.integers(len(pool), size=count)].copy()
        # one draw a chip, which is then mixed or not as a whole
        mixed = rng.random((count, 1)) < CROSSED
        other = pool[rng.integers(len(pool), size=count)]
        out = np.where(mixed & (rng.random(out.shape) < 0.5), other, out)
        # at least one parameter moves on average, however few there are
        moved = rng.random(out.shape) < max(1.0 / max(len(self.free), 1), 0.35)
        return self.snapped(np.where(moved, out + self._mutations(out.shape, rng), out))

    def _mutations(self, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
        """A step up or down where there are steps, sometimes several; else a small move."""
        out = rng.normal(0.0, NEAR, shape)
        for i, name in enumerate(self.free):
            if steps := self._spec(name).steps:
                jumps = rng.geometric(0.6, shape[0]) * rng.choice([-1.0, 1.0], shape[0])
                out[:, i] = jumps / (steps - 1)
        return out
