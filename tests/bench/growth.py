"""How cost grows with size: sweeps of 10^5 to 10^10 points, studies of 10^2 to 10^5 trials in every storage.

Run it as a program, on an idle machine if you can: `python tests/bench/growth.py points trials > rows.jsonl`,
then `python tests/bench/growth_shown.py rows.jsonl scale.png` for the table and the picture. Each line is one
measurement in a process of its own: seconds by the clock, seconds of the processor, the most memory it took.
Servers are started and ended here. `--most 1e8` leaves out what is larger.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

STUDY = "groq-vs-h100"
GRIDS = ((2, 2), (3, 6), (5, 6), (9, 6), (17, 6), (30, 6))
"""Values of each continuous parameter and of the DRAM stacks: 10^5 to 10^10 points."""
NUMPY_MOST = 2e8
"""Points beyond which NumPy is not waited for; its rate has settled."""
TRIALS = (100, 1_000, 10_000, 100_000)
BATCH = 500
"""Trials that are written at once, about what workers make in the half second between two writes."""
TEMPLATES = 200


def sweep(backend: str, steps: int, stacks: int) -> dict[str, Any]:
    """One exact sweep, from reading the study to the written front."""
    from dse.search.sweep.driver import sweep as run

    counts = dict.fromkeys(("peak_flops", "sram", "sram_bandwidth_per_byte", "link_bandwidth"), steps)
    with tempfile.TemporaryDirectory() as folder:
        result = run(STUDY, counts={**counts, "dram_stacks": stacks}, backend=backend, out=Path(folder) / "o")
    assert result.front is not None
    return {"backend": backend, "points": result.grid.size, "blocks_s": result.seconds,
            "front": len(result.front.frame)}  # fmt: skip


def templates(folder: Path) -> list[Any]:
    """Trials as a run stores them, with all that they carry."""
    import dse

    result = dse.run(STUDY, trials=TEMPLATES, sampler="random", out=folder / "templates")
    return [t for t in result.optuna_study.trials if not t.user_attrs.get("baseline")]


def fill(url: str, some: list[Any], sizes: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    """Write trials as the product does, up to each size, and open the study anew as the product does."""
    from copy import copy

    import optuna

    from dse.search.storage.bulk_writer import writer_of
    from dse.search.storage.by_url import open_storage
    from dse.search.trials.trial_entries import KEY, Entry

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    storage = open_storage(url)
    study = optuna.create_study(storage=storage, directions=["minimize", "minimize"], study_name="growth")
    writer, done = writer_of(study._storage), 0  # with the cache that Optuna puts before a database
    wall = cpu = 0.0
    for size in sizes:
        while done < size:
            count = min(BATCH, size - done)
            entries = []
            for i in range(done, done + count):
                trial = copy(some[i % len(some)])
                trial.user_attrs = {**trial.user_attrs, KEY: f"growth:{i}"}
                entries.append(Entry(trial=trial))
            clocks = time.perf_counter(), time.process_time()
            writer.put(study._study_id, entries, known=done, again=False, limit=None)
            wall, cpu = wall + time.perf_counter() - clocks[0], cpu + time.process_time() - clocks[1]
            done += count
        clocks = time.perf_counter(), time.process_time()
        again = optuna.load_study(storage=open_storage(url), study_name="growth")
        held = len(again.get_trials(deepcopy=False))
        assert held == size
        yield {
            "storage": url.partition(":")[0], "trials": size, "write_s": wall, "write_cpu_s": cpu,
            "open_s": time.perf_counter() - clocks[0], "open_cpu_s": time.process_time() - clocks[1],
        }  # fmt: skip


def urls(stack: ExitStack, folder: Path) -> Iterator[str]:
    """A URL of every kind of storage."""
    sys.path.append(str(Path(__file__).parents[1]))
    from servers import postgres, redis  # type: ignore[import-not-found, unused-ignore]

    yield f"journal:{folder / 'growth.journal'}"
    yield f"sqlite:///{folder / 'growth.sqlite'}"
    yield str(stack.enter_context(redis(folder)))
    yield str(stack.enter_context(postgres()).url)


def alone(*arguments: str) -> dict[str, Any]:
    """Run one measurement in a process of its own."""
    begin = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**json.loads(done.stdout.splitlines()[-1]), "wall_s": time.perf_counter() - begin, "cpu_s": spent}


def points(most: float) -> None:
    """Sweeps of growing grids, JAX and NumPy."""
    for backend in ("jax", "numpy"):
        for steps, stacks in GRIDS:
            expected = 1848 * (steps**4 * (1 + stacks) + stacks * steps**2)
            if expected <= min(most, NUMPY_MOST if backend == "numpy" else most) * 1.2:
                print(json.dumps(alone("--one", backend, str(steps), str(stacks))), flush=True)


def trials(most: float, only: list[str]) -> None:
    """Growing studies in every storage."""
    sizes = tuple(s for s in TRIALS if s <= most)
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        Path(place).chmod(0o755)
        some = templates(Path(place))
        for url in urls(stack, Path(place)):
            if not only or url.partition(":")[0] in only:
                for row in fill(url, some, sizes):
                    print(json.dumps(row), flush=True)


def main() -> None:
    """One JSON object a line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="*", default=["points", "trials"])
    parser.add_argument("--most", type=float, default=1.1e10)
    parser.add_argument("--only", nargs="*", default=[], help="storages")
    parser.add_argument("--one", nargs=3, metavar=("BACKEND", "STEPS", "STACKS"))
    given = parser.parse_args()
    if given.one:
        found = sweep(given.one[0], int(given.one[1]), int(given.one[2]))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
        print(json.dumps({**found, "memory_mb": round(memory)}))
        return
    if "points" in given.what:
        points(given.most)
    if "trials" in given.what:
        trials(given.most, given.only)


if __name__ == "__main__":
    main()
