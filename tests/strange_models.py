"""Cost models of a stranger, found by entry point: they sleep, die or fill the disk where a test wants it."""

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from studies_for_tests import write_study

from dse import plugins

METADATA = "Metadata-Version: 2.1\nName: strange-models\nVersion: 0.1\n"
CODE = """
import os, signal, time
from pathlib import Path
from dse.search.storage import outage
from objectives.costmodels.roofline import RooflineCostModel

# a loaded machine may need minutes to restart a database, for which a run waits one
outage.PATIENCE = float(os.environ.get("PATIENCE", outage.PATIENCE))

class Slow(RooflineCostModel):
    '''The default cost model, after a nap.'''
    name = "slow"

    def evaluate(self, designs, context, *, detail=False):
        time.sleep(float(os.environ["NAP"]))
        return super().evaluate(designs, context, detail=detail)

class Deadly(RooflineCostModel):
    '''The default cost model, which kills its process as often as there are files in a folder.'''
    name = "deadly"

    def evaluate(self, designs, context, *, detail=False):
        for path in Path(os.environ["DEATHS"]).iterdir():
            try:
                path.unlink()
            except FileNotFoundError:  # another worker died of it
                continue
            os.kill(os.getpid(), signal.SIGKILL)
        return super().evaluate(designs, context, detail=detail)
"""


SAMPLER = """
from itertools import product
from optuna.distributions import IntDistribution
from optuna.samplers import BaseSampler

class Every(BaseSampler):
    '''Every design of three parameters with three steps, the first that is not there yet.'''

    def infer_relative_search_space(self, study, trial):
        return {}

    def sample_relative(self, study, trial, search_space):
        return {}

    def before_trial(self, study, trial):
        done = [t for t in study.get_trials(deepcopy=False) if t.state.is_finished() and t.values]
        seen = {tuple(v for k, v in sorted(t.params.items()) if "." in k) for t in done}
        self.left = [c for c in product(range(3), repeat=3) if c not in seen]

    def sample_independent(self, study, trial, name, distribution):
        if "." not in name:
            return distribution.low if isinstance(distribution, IntDistribution) else distribution.choices[0]
        names = ("peak_flops", "sram", "sram_bandwidth_per_byte")
        return self.left[0][names.index(name.partition(".")[2])]

def every(seed, **options):
    return Every()
"""


def install(folder: Path) -> Path:
    """A folder that makes both models known to whoever has it on the path."""
    place = folder / "strange"
    info = place / "strange_models-0.1.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (place / "strange_cost_models.py").write_text(CODE, encoding="utf-8")
    (info / "METADATA").write_text(METADATA, encoding="utf-8")
    (place / "strange_samplers.py").write_text(SAMPLER, encoding="utf-8")
    points = "[dse.samplers]\nevery = strange_samplers:every\n"
    points += "[dse.cost_models]\nslow = strange_cost_models:Slow\ndeadly = strange_cost_models:Deadly\n"
    (info / "entry_points.txt").write_text(points, encoding="utf-8")
    return place


@contextmanager
def plugged(folder: Path) -> Iterator[None]:
    """The models are known here and in processes that are started from here."""
    place = str(install(folder))
    sys.path.insert(0, place)
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(p for p in (place, before) if p)
    importlib.invalidate_caches()
    plugins.forget()
    try:
        yield
    finally:
        sys.path.remove(place)
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
        plugins.forget()


def slow_study(folder: Path, nap: float, **changes: object) -> Path:
    """A small study whose every evaluation takes `nap` seconds more."""
    os.environ["NAP"] = str(nap)
    return write_study(folder, cost_model="slow", **changes)
