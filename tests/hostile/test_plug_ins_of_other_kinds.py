"""Metrics and kinds of attention of a stranger that break are named too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from broken_plugins import PLAIN, install, named, plugged
from said import Said, call
from studies_for_tests import write_study

EXAMPLE = Path(__file__).parents[1] / "external" / "package"
CODE = """
import os
import numpy as np
from dse.spec.attention.kind import KindEntry
from dse_example.attention import SlotAttention, SlotCounts, SlotSecondCount, SlotSpec

def broken(value, where):
    what, _, at = os.environ["FAULT"].partition(" in ")
    if at != where: return value
    if what == "key": raise KeyError("slots")
    return value * np.nan if what == "nan" else None

class Counts(SlotCounts):
    def core_flop(self, a, tp, /): return broken(super().core_flop(a, tp), "counts")

class SecondCount(SlotSecondCount):
    def core_flop(self, a, /): return broken(super().core_flop(a), "second count")

SLOTS = KindEntry(architecture=SlotAttention, spec=SlotSpec, counts=Counts(), second_count=SecondCount())
"""
LLM = """\
kind: llm
name: slots
title: Memory slots
architecture: {value: transformer, source: assumption, basis: assumption}
params: {value: "2.7B", source: assumption, basis: assumption}
nominal_params: "2.7B"
hidden: 4096
blocks:
  - {count: 10, slot_attention: {heads: 32, head_dim: 128, slots: 256}, ffn: {width: 16384, gated: true}}
"""
ESTIMATE = ("estimate", "--chip", "h100", "--llm", "slots", "--workload", "chat", "--configs", "mine")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAULT", "")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("key", "raised KeyError: 'watts'"), ("nan", "expected a finite number, got nan"),
        ("shape", "expected a column that broadcasts to (27, 1), got (27, 2)"), ("none", "got None"),
    ],
)  # fmt: skip
def test_a_metric_that_breaks_is_named_with_the_design(
    fault: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_study(Path(), "metric")
    monkeypatch.setenv("FAULT", fault)
    with plugged(install(tmp_path, points="[dse.metrics]\ntheirs = theirs:METRIC\n")):
        said = call("run", path, "--out", "out", *PLAIN)
    named(said, "metrics", "theirs_usd: chip groq-lpu-v1, batch ", words)


def test_a_metric_whose_column_is_taken_is_told_before_a_folder_is_made(tmp_path: Path) -> None:
    place = install(tmp_path, points="[dse.metrics]\ntheirs = taken:METRIC\n")
    (place / "taken.py").write_text("from objectives.metrics import METRICS\nMETRIC = METRICS[0]\n")
    with plugged(place):
        said = call("run", write_study(Path(), "metric"), "--out", "out", *PLAIN)
    named(said, "metrics", "expected a column of its own, got 'tpot_s'")
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("key in counts", "chip h100-sxm, batch 16, tp 2, pp 1, ep 1, dp 1: raised KeyError: 'slots'"),
        ("nan in counts", "in dse.cost_models 'roofline' of dse"),
        ("nan in second count", "second count of slots: core_flop: expected a finite number, got nan"),
        ("none in second count", "second count of slots: raised TypeError"),
    ],
)
def test_a_kind_of_attention_that_breaks_is_named(fault: str, words: str, tmp_path: Path) -> None:
    place = install(tmp_path, points="[dse.attention_kinds]\nslot_attention = slots:SLOTS\n")
    (place / "slots.py").write_text(CODE, encoding="utf-8")
    llm = Path("mine", "llms", "slots.yaml")
    llm.parent.mkdir(parents=True)
    llm.write_text(LLM, encoding="utf-8")
    paths = os.pathsep.join(filter(None, (str(place), str(EXAMPLE), os.environ.get("PYTHONPATH", ""))))
    # keys of files are made when the program starts, so in a process of its own
    done = subprocess.run(
        [sys.executable, "-m", "dse", *ESTIMATE, "--batch", "16", "--tp", "2", "--cp", "1", "--pp", "1"],
        env={**os.environ, "PYTHONPATH": paths, "FAULT": fault}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    named(Said(done.returncode, done.stdout, done.stderr), "attention_kinds", words)
