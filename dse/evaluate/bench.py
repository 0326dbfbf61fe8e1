"""Design points per second of the default cost model on this machine."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dse.backends import compiler, device, points_per_call
from dse.backends.blocks import cores, each, keep_memory
from dse.chips.branch import Branch
from dse.chips.parameter_range import value_at
from dse.errors import Attempts, placed
from dse.evaluate.batch import grid_of
from dse.plugins import cost_model
from dse.question.find_study import find_case
from dse.question.resolved_study import ResolvedStudy, load_study, resolve_study
from dse.spec.catalog.check_names import checked_spec
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.llm import LlmSpec
from dse.testing.checks import HEADLINE
from objectives import api
from objectives.arrays import Array, namespace

STUDY, BRANCH, CHIPS = "groq-vs-h100", "hybrid", 64
"""The bundled question, its branch with the most parameters, and the chips of one block of NumPy."""

Block = dict[str, Any]
"""Chip columns; those that all chips share have shape (1,)."""


def bench(
    backend: str = "numpy",
    seconds: float = 3.0,
    threads: int | None = None,
    progress: Callable[[float], None] | None = None,
    llm: str | None = None,
) -> dict[str, Any]:
    """Evaluate blocks of random hybrid chips x every deployment of the bundled study for some seconds.

    NumPy writes every column of the metrics, by threads of one process. A compiled backend uses every column
    too and counts the designs that are feasible and within a limit of each, so that only a number is written,
    as in a sweep; it has its own threads. Returns plain data; `points_per_second` counts whole evaluations of
    the default cost model, TTFT, dollars and violations included, `points_per_core_second` those in a second
    of one core, which other work on the machine changes little. `progress` is called with the share of the
    time that has passed. `llm` replaces that of the study: layers of more kinds take more time. Raises
    `SpecError` where no LLM has that name.
    """
    compile = compiler(backend)
    kept = keep_memory()
    study = _study(llm)
    deployments = grid_of(study, CHIPS)
    count = threads or cores()
    if compile is None:
        chips, work = CHIPS, _evaluated(study, deployments)
    else:
        # starting a compiled call takes time, so a block keeps the device busy for longer than that
        chips = max(1, points_per_call(backend) // deployments.size)
        work, count = _counted(study, deployments, compile), 1
    blocks = list(_blocks(study.branches[BRANCH], chips, 8))
    rate, points, took, busy = measure(work, blocks, chips * deployments.size, seconds, count, progress)
    return {
        "points_per_second": rate,
        "backend": backend,
        "device": device(backend),
        "points": points,
        "seconds": took,
        "processor_seconds": busy,
        "points_per_core_second": points / busy,
        "threads": count if compile is None else cores(),
        "block": {"chips": chips, "deployments": deployments.size},
        "llm": study.spec.llm,
        "cost_model": study.cost_model.name,
        "allocator_tuned": kept,
        "numpy": np.__version__,
    }


def _study(llm: str | None) -> ResolvedStudy:
    """The bundled study, for another LLM where one is named."""
    if llm is None:
        return load_study(STUDY)
    path, case = find_case(STUDY)
    catalog = Catalog.of(None)
    look = Attempts(placed)
    look("--llm", catalog.get, LlmSpec, llm)
    look.done()
    spec = checked_spec(path, case, catalog)
    return resolve_study(spec.model_copy(update={"llm": llm}), path, catalog, case)


def measure(
    work: Callable[[Block], object],
    blocks: list[Block],
    points: int,
    seconds: float,
    threads: int,
    progress: Callable[[float], None] | None = None,
) -> tuple[float, int, float, float]:
    """Points per second, points, seconds and those of all cores together, for about `seconds` of `work`."""
    # compilation and first page faults are not what is timed
    list(each(work, blocks[: 2 * threads], threads))
    start, began = time.perf_counter(), time.process_time()

    def until() -> Iterator[Block]:
        while (passed := time.perf_counter() - start) < seconds:
            if progress is not None:
                progress(min(passed / seconds, 1.0))
            yield from blocks

    done = points * sum(1 for _ in each(work, until(), threads))
    took = time.perf_counter() - start
    return done / took, done, took, time.process_time() - began


def _evaluated(study: ResolvedStudy, deployments: api.Deployments) -> Callable[[Block], object]:
    model = cost_model(study.cost_model.name)

    def work(chips: Block) -> object:
        return model.evaluate(
            api.Designs.of(chips=api.Chips.of(**chips), deployments=deployments), study.context
        )

    return work


def _counted(
    study: ResolvedStudy, deployments: api.Deployments, compile: Callable[..., Any]
) -> Callable[[Block], object]:
    """Work of a compiled backend: it counts designs, so that only one number is written."""
    model = cost_model(study.cost_model.name)
    limits = np.full(len(HEADLINE), 1e12)  # a number that no compiler knows

    def count(chips: Block, layouts: Block, limits: Array) -> Array:
        designs = api.Designs.of(chips=api.Chips.of(**chips), deployments=api.Deployments(**layouts))
        metrics = model.evaluate(designs, study.context)
        good = metrics.feasible()
        for i, name in enumerate(HEADLINE):
            good = good & (getattr(metrics, name) < limits[i])
        xp = namespace(good)
        # flags may lack an axis on which all designs are alike, and each of these counts
        flags = xp.astype(xp.broadcast_to(good, designs.shape), xp.int32)
        # over layouts, stages and batches; chips stay apart
        return xp.sum(flags, axis=(0, 1, 2), dtype=xp.int32)

    fast = compile(count)
    return lambda chips: fast(chips, deployments.columns(), limits)


def _blocks(branch: Branch, chips: int, count: int) -> Iterator[Block]:
    """Random chips of a branch, the same on every machine."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        fractions = rng.random((len(branch.spec.parameters), chips))
        parameters = branch.spec.parameters.items()
        yield branch.columns({n: value_at(p, f) for (n, p), f in zip(parameters, fractions, strict=True)})
