"""A package of a stranger whose plug-ins break as an environment variable says, and studies of them."""

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from said import Said
from studies_for_tests import write_study

from dse import plugins

CODE = '''
import os, sys, threading, time
from dataclasses import replace
import numpy as np
from optuna.samplers import RandomSampler
from dse.chips.price_methods.unit_cost import UnitCost
from dse.errors import DseError, PluginError
from dse.report.study_plots.front import FrontPlot
from objectives.costmodels.roofline import RooflineCostModel
from objectives.equations.serving.aggregated import Aggregated
from objectives.metrics import Metric

class OwnError(DseError):
    pass

class Odd(BaseException):
    pass

CALLS = []

def fault():
    return os.environ.get("FAULT", "")

def deep():
    return deep()

class OddToLookAt:
    def __getattribute__(self, name):
        raise Odd(name)

def broken(column):
    """What the fault makes of a column."""
    kind = fault()
    if kind == "key": raise KeyError("watts")
    if kind == "several lines": raise RuntimeError("first line\\nsecond line")
    if kind == "recursion": deep()
    if kind == "memory": raise MemoryError
    if kind == "odd": raise Odd("strange")
    if kind == "own": raise OwnError("of their own")
    if kind == "posing": raise PluginError("no name in it")
    if kind == "os": raise FileNotFoundError(2, "No such file or directory", "theirs.dat")
    if kind == "import": raise ImportError("no such library")
    if kind == "exit": sys.exit(3)
    if kind == "speaks":
        import warnings
        warnings.warn("watch \\x1b[2Jout")
        print("here \\x1b[2JI am")
    if kind == "generator": raise GeneratorExit
    if kind == "odd to look at": return OddToLookAt()
    if kind == "far too many": return np.broadcast_to(1.0, (1 << 40,))
    if kind == "sleep": time.sleep(1000)
    if kind == "later":
        CALLS.append(1)
        if len(CALLS) > 9: raise KeyError("watts")
    elsewhere = threading.current_thread() is not threading.main_thread()
    if kind == "sleep elsewhere" and elsewhere: time.sleep(1000)
    if kind == "loop elsewhere" and elsewhere:
        while True: pass
    if kind == "loop":
        while True: pass
    column = np.asarray(column, dtype=float)
    if kind == "nan": return np.full(column.shape, np.nan)
    if kind == "one nan":
        out = np.array(column); out.reshape(-1)[-1] = np.nan
        return out
    if kind == "huge": return np.full(column.shape, 1e308)
    if kind == "wide": return column.astype(np.longdouble) * 0 + np.longdouble("1e3000")
    if kind == "tiny": return np.full(column.shape, 5e-324)
    if kind == "masked": return np.ma.masked_array(column, mask=np.ones(column.shape, bool))
    if kind == "infinite": return np.full(column.shape, np.inf)
    if kind == "negative": return -1.0 - column
    if kind == "shape": return np.ones((*column.shape[:-1], column.shape[-1] + 1))
    if kind == "dtype": return column.astype(str)
    if kind == "object": return column.astype(object)
    if kind == "complex": return column.astype(complex)
    if kind == "none": return None
    if kind == "text": return "text"
    if kind == "writes":
        column = np.asarray(column); column *= 2.0
    return column

class Model:
    name = "theirs"
    requires = ()

    def evaluate(self, designs, context, *, detail=False):
        m = RooflineCostModel().evaluate(designs, context, detail=detail)
        if fault() == "batch 8" and (np.asarray(designs.deployments.batch) == 8).any():
            raise ValueError("no batch of 8")
        if fault() == "writes":
            broken(designs.chips.cost.price_usd)
        if fault() == "no metrics": return None
        if fault() == "no violations": return replace(m, violations={})
        return replace(m, capex_usd=broken(m.capex_usd)) if fault() != "batch 8" else m

class Goal:
    name = "theirs"
    label = "theirs"
    unit = ""
    direction = "minimize"

    def value(self, metrics, context):
        return broken(metrics.capex_usd)

def goal(**changes):
    return type("Goal", (Goal,), changes)

wrong_way = goal(name="wrong_way", direction="minimise")
no_direction = type("NoDirection", (), dict(name="no_direction", label="x", unit="", value=Goal.value))
wrong_unit = goal(name="wrong_unit", unit="parsecs per fortnight of joy")
wrong_column = goal(name="wrong_column", column="chip")
same_column = goal(name="same_column", column="tpot_s")
wrong_name = goal(name="another")
no_value = type("NoValue", (), dict(name="no_value", label="x", unit="", direction="minimize"))
needs_more = type("NeedsMore", (Goal,), {"__init__": lambda self, more: None})

class Price(UnitCost):
    name = "theirs"

    def price(self, chips, terms):
        return {"silicon": broken(chips.unit_cost_usd)}

class Sampler(RandomSampler):
    def sample_independent(self, study, trial, name, distribution):
        found = super().sample_independent(study, trial, name, distribution)
        return found if "target" not in name else _drawn(found)

def _drawn(value):
    out = broken(np.asarray([value]))
    return out if out is None or isinstance(out, str) else out[0]

def sampler(seed, **options):
    return Sampler(seed=seed)

def no_sampler(seed, **options):
    return "a sampler"

class Serving(Aggregated):
    name = "theirs"

    def serve(self, s, steps):
        found = super().serve(s, steps)
        return replace(found, tpot_s=broken(found.tpot_s))

class Plot:
    name = "theirs"
    summary = "what breaks"
    needs_trials = False
    rank = 30

    def draw(self, given, form):
        broken(1.0)
        return None if fault() in ("none", "nan") else b"picture"

    def figure(self, given):
        broken(1.0)
        return "text" if fault() in ("text", "nan") else None

METRIC = Metric(column="theirs_usd", label="theirs", unit="USD", description="Theirs.",
                compute=lambda metrics, context: broken(metrics.capex_usd), combine="sum", shown=("table",))
'''

POINTS = """
[dse.cost_models]
theirs = theirs:Model
[dse.objectives]
theirs = theirs:Goal
wrong_way = theirs:wrong_way
no_direction = theirs:no_direction
wrong_unit = theirs:wrong_unit
wrong_column = theirs:wrong_column
same_column = theirs:same_column
wrong_name = theirs:wrong_name
no_value = theirs:no_value
needs_more = theirs:needs_more
no_class = theirs:NoSuchClass
no_module = no_such_module:Goal
no_syntax = no_syntax:Goal
leaves = leaves:Goal
[dse.samplers]
theirs = theirs:sampler
none = theirs:no_sampler
[dse.price_methods]
theirs = theirs:Price
[dse.serving_modes]
theirs = theirs:Serving
[dse.plots]
theirs = theirs:Plot
"""


def install(folder: Path, *, points: str = POINTS, name: str = "theirs") -> Path:
    """A folder that makes the plug-ins known to whoever has it on the path, as an installed package does."""
    place = folder / f"package-{name}"
    info = place / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (place / "theirs.py").write_text(CODE, encoding="utf-8")
    (place / "no_syntax.py").write_text("def (:\n", encoding="utf-8")
    (place / "leaves.py").write_text("import sys\nsys.exit(7)\n", encoding="utf-8")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(points, encoding="utf-8")
    return place


@contextmanager
def plugged(*places: Path) -> Iterator[None]:
    """The plug-ins are known here, and in processes that are started from here."""
    before, path = os.environ.get("PYTHONPATH"), list(sys.path)
    sys.path[:0] = map(str, places)
    os.environ["PYTHONPATH"] = os.pathsep.join(p for p in (*map(str, places), before) if p)
    _look_again()
    try:
        yield
    finally:
        sys.path[:] = path
        sys.modules.pop("theirs", None)
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
        _look_again()


def _look_again() -> None:
    importlib.invalidate_caches()
    plugins.forget()


GOALS = ["usd_per_token_per_second", "tpot"]
POINT = {"usd_per_token_per_second": "1000 USD/(token/s)", "tpot": "100 ms"}
STUDIES = {
    "model": ("cost_models", {"cost_model": "theirs"}),
    "goal": (
        "objectives",
        {
            "objectives": [*GOALS, "theirs"],
            "goal": GOALS[0],
            "reference_point": {**POINT, "theirs": "1e9"},
        },
    ),
    "sampler": ("samplers", {"sampler": {"name": "theirs"}}),
    "price": ("price_methods", {"price": {"method": "theirs"}}),
    "serving": ("serving_modes", {"serving": "theirs"}),
}
PLAIN = ("--quiet", "--no-intervals")


def study(name: str) -> Path:
    return write_study(Path(), name, **STUDIES[name][1])


def named(said: Said, group: str, *words: str) -> None:
    """Exit code 1 and one sentence on stderr that names the entry point, its package and the words."""
    assert said.code == 1, (said.code, said.out, said.err)
    assert len(said.err.splitlines()) == 1, said.err
    assert said.err.startswith(f"dse.{group} '"), said.err
    assert " of theirs 1.0: " in said.err
    for word in words:
        assert word in said.err, said.err
