"""A kind of attention of another package: files may have its key, and its layers are counted twice."""

import csv
from pathlib import Path

import pytest
from external_dse import Dse
from studies_for_tests import write_study

LLM = """\
kind: llm
name: slots
title: Memory slots
architecture: {value: transformer, source: assumption, basis: assumption}
params: {value: "2.7B", source: assumption, basis: assumption}
nominal_params: "2.7B"
hidden: 4096
blocks:
  - count: 10
    slot_attention: {heads: 32, head_dim: 128, slots: 256}
    ffn: {width: 16384, gated: true}
"""
ESTIMATE = ("estimate", "--chip", "h100", "--llm", "slots", "--workload", "chat", "--weights", "int8")
LAYOUT = ("--batch", "16", "--tp", "2", "--pp", "1", "--no-targets", "--format", "json")
BOUND = """
import json, sys
import numpy as np
import dse
from dse.bounds.speed_of_light import speed_of_light
from dse.evaluate.subject import Subject
from objectives.api import Deployments

subject = Subject("h100", "slots", "chat", weights="int8", configs=sys.argv[1])
layout = Deployments(batch=np.asarray([16.0]), **{way: np.ones(1) for way in ("tp", "cp", "pp", "ep", "dp")})
bound = speed_of_light(subject.designs(layout), subject.context)
chip = subject.chips
read = bound.tpot_terms["bandwidth"] * (chip.sram.bandwidth + chip.dram.bandwidth)
print(json.dumps({"needed": bound.needed_bytes[0], "read": read[0]}))
"""


@pytest.fixture
def configs(tmp_path: Path) -> str:
    folder = tmp_path / "my-configs"
    (folder / "llms").mkdir(parents=True)
    (folder / "llms" / "slots.yaml").write_text(LLM, encoding="utf-8")
    return str(folder)


def test_a_file_with_an_external_kind_is_checked(dse: Dse, configs: str) -> None:
    said = dse("check", configs)
    assert said.code == 0, said.err


def test_a_mistake_in_its_keys_has_file_and_line(dse: Dse, configs: str) -> None:
    path = Path(configs) / "llms" / "slots.yaml"
    path.write_text(
        LLM.replace("slots: 256", "slot: 256").replace("slot_attention", "slot_atention"), "utf-8"
    )
    said = dse("check", configs)
    assert said.code == 2
    assert "slots.yaml:10: blocks.0.slot_atention: unknown key; did you mean 'slot_attention'?" in said.err
    path.write_text(LLM.replace("slots: 256", "slot: 256"), "utf-8")
    said = dse("check", configs)
    assert "slots.yaml:10: blocks.0.slot_attention.slots: missing key" in said.err
    assert "blocks.0.slot_attention.slot: unknown key; did you mean 'slots'?" in said.err
    path.write_text(LLM + "    attention: {heads: 32, kv_heads: 8, head_dim: 128}\n", "utf-8")
    assert "expected either attention or slot_attention, got both" in dse("check", configs).err


def test_an_estimate_keeps_its_slots_on_the_chip(dse: Dse, configs: str) -> None:
    found = dse(*ESTIMATE, *LAYOUT, "--configs", configs).json
    # by hand: 16 sequences, 10 layers, keys and values of 2 B, 256 slots of 128, 32 heads over 2 chips
    assert found["ledgers"]["capacity_bytes"]["kv_cache"] == 16 * 10 * 2 * 2 * 256 * 128 * 32 / 2


def test_the_bound_counts_its_weights_and_slots(python: Dse, configs: str) -> None:
    bound = python("-c", BOUND, configs).json
    # by hand: four projections and three matrices of 1 B in 10 layers; the states of 16 sequences
    weights, states = 10 * (4 * 4096 * 4096 + 3 * 4096 * 16384), 16 * 10 * 2 * 2 * 256 * 4096
    assert bound["needed"] == weights + states
    assert bound["read"] == pytest.approx(weights + 2 * states, rel=1e-12)  # read and written


def test_processes_of_a_search_know_an_external_kind(dse: Dse, configs: str, tmp_path: Path) -> None:
    layouts = {"mode": "solve", "batch": [1, 8], "tp": [1, 8], "pp": [1, 10]}
    study, out = write_study(tmp_path, llm="slots", workload="chat", deployment=layouts), tmp_path / "out"
    options = ("--workers", "2", "--no-verdicts", "--no-intervals")
    said = dse("run", str(study), "--configs", configs, "--out", str(out), *options)
    assert said.code == 0, said.err
    assert list(csv.DictReader((out / "front.csv").read_text(encoding="utf-8").splitlines()))


def test_the_catalog_and_the_schema_name_an_external_kind(dse: Dse) -> None:
    rows = {row["name"]: row for row in dse("catalog", "attention-kinds", "--format", "json").json}
    assert rows["slot_attention"]["provided_by"] == "dse-example 0.1"
    assert rows["slot_attention"]["title"] == "Attention over memory slots."
    keys = dse("schema", "llm").json["$defs"]["BlockSpec"]["properties"]
    assert keys["slot_attention"]["description"] == "Instead of `attention`."
