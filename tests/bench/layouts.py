"""What broadcasting axes save: the same designs as a grid of axes and as one flat array per input.

Run it as a program: `python tests/bench/layouts.py`. Both layouts are timed in turns in one process.
"""

import time

import numpy as np

from dse.backends.blocks import keep_memory
from dse.chips.parameter_range import value_at
from dse.evaluate.batch import grid_of
from dse.question.resolved_study import load_study
from objectives import api


def measure(chips: int = 64, repeats: int = 5, study: str = "groq-vs-h100") -> tuple[float, float]:
    """Designs per second of both layouts, one thread: (axes, flat)."""
    resolved = load_study(study)
    branch = resolved.branches["hybrid"]
    rng = np.random.default_rng(0)
    values = {n: value_at(p, rng.random(chips)) for n, p in branch.spec.parameters.items()}
    axes = api.Designs.of(chips=branch.chips(values), deployments=grid_of(resolved, chips))
    flat = axes.take(np.arange(axes.size))
    best = [np.inf, np.inf]
    for _ in range(repeats):
        for i, designs in enumerate((axes, flat)):
            start = time.perf_counter()
            resolved.cost_model.evaluate(designs, resolved.context)
            best[i] = min(best[i], time.perf_counter() - start)
    return axes.size / best[0], axes.size / best[1]


if __name__ == "__main__":
    keep_memory()
    grid, flat = measure()
    print(f"axes {grid / 1e6:.1f} M designs/s, flat {flat / 1e6:.1f} M designs/s, ratio {grid / flat:.1f}")
