"""`dse check`: every mistake of a stranger's files at once, each with its file and line."""

import re

import pytest

from dse.spec.catalog.config_paths import bundled


def line_of(path, text):
    return next(i for i, line in enumerate(path.read_text().splitlines(), 1) if text in line)


def test_what_ships_has_no_problems(dse):
    files = [*bundled("configs").rglob("*.yaml"), *bundled("studies").rglob("*.yaml")]
    said = dse("check", bundled("configs"), bundled("studies"))
    assert (said.code, said.out) == (0, f"{len(files)} files, no problems\n")


def test_all_problems_of_all_files_come_at_once_with_file_and_line(dse, config_with):
    chip = config_with(
        "chips", "h100-sxm",
        ('"81559 MiB"', '"80 GB/s"'), ('"700 W"', '"-700 W"'), ("vendor:", "vendro:"), ('"450 GB/s"', "450"),
    )  # fmt: skip
    stack = config_with(
        "stacks", "static-dataflow", ("compute_efficiency: {value: 0.7,", "compute_efficiency: {value: 1.7,")
    )
    said = dse("check", "my").refused("2 files, 6 problems")
    where = {
        f"my/chips/h100-sxm.yaml:{line_of(chip, text)}:" for text in ("80 GB/s", "-700 W", "vendro", "450,")
    }
    told = said.err.splitlines()
    assert {line.split()[0] for line in told if "h100-sxm" in line} >= where
    assert any(line.startswith(f"my/stacks/static-dataflow.yaml:{line_of(stack, '1.7,')}:") for line in told)
    said.refused(
        "unknown key; did you mean 'vendor'?", "expected at least 0 W, got '-700 W'", "the bare number 450"
    )


def test_names_and_sources_that_do_not_exist_have_a_line_and_a_hint(dse, config_with):
    chip = config_with(
        "chips", "h100-sxm",
        ("stack: gpu-serving", "stack: gpu-servin"), ('"700 W", source: aic', '"700 W", source: aik'),
    )  # fmt: skip
    dse("check", chip).refused(
        f"h100-sxm.yaml:{line_of(chip, 'gpu-servin')}: stack: unknown stack 'gpu-servin'; did you mean",
        f"h100-sxm.yaml:{line_of(chip, 'aik')}: power: unknown source 'aik'; did you mean",
    )


def test_files_of_one_folder_may_use_each_other(dse, config_with):
    config_with(
        "chips", "h100-sxm", ("stack: gpu-serving", "stack: my-stack"), ("name: h100-sxm", "name: h100-sxm")
    )
    stack = config_with("stacks", "gpu-serving", ('name: "gpu-serving"', "name: my-stack"))
    stack.rename(stack.with_name("my-stack.yaml"))
    assert dse("check", "my").code == 0


def test_parameters_that_the_layers_contradict_are_remarked_upon(dse, config_with):
    # by hand: 80 layers of attention, FFN and two norms, embedding and head of 128,256 x 8,192, a norm
    counted = 80 * (8192 * (2 * 8192 + 2 * 1024) + 3 * 8192 * 28672 + 2 * 8192) + (2 * 128256 + 1) * 8192
    path = config_with("llms", "llama3-70b", ('params: {value: "70.55B"', 'params: {value: "80B"'))
    said = dse("check", path)
    what = f"params: expected {counted:,} within 1%, which the layers count, got 80,000,000,000"
    assert said.code == 0 and f"llama3-70b.yaml:{line_of(path, '80B')}: {what}" in said.err.replace("\n", " ")
    path = config_with("llms", "mixtral-8x7b", ("params: {value", "params: {value"))
    assert dse("check", path).err == ""


def test_an_empty_space_is_refused(dse, config_with):
    space = config_with(
        "spaces", "lpu-or-hbm", ("low: 32 MiB, high: 1024 MiB", "low: 1024 MiB, high: 32 MiB")
    )
    dse("check", space).refused("empty range")
    space.write_text("kind: space\nname: lpu-or-hbm\ntitle: nothing\nbranches: {}\n")
    dse("check", space).refused(f"{space}:4: branches")


def test_a_hypothetical_chip_on_an_unknown_node_is_refused_as_dse_chip_refuses_it(dse, config_with):
    chip = config_with("chips", "hybrid-n5", ("process: {value: n5,", "process: {value: n55,"))
    line = line_of(chip, "value: n55")
    dse("check", chip).refused(f"{chip}:{line}: die.process: expected a node", "got 'n55'; did you mean 'n5'")
    dse("chip", chip).refused("die.process: expected a node", "got 'n55'; did you mean 'n5'")


def test_a_chip_that_exists_may_be_made_on_a_node_of_which_nothing_is_known(dse, config_with):
    chip = config_with("chips", "h100-sxm", ("process: {value: n5,", "process: {value: n55,"))
    assert dse("check", chip).code == 0


def test_a_study_is_checked_with_everything_it_names(dse, study_with):
    study = study_with(llm="lama2-70b", objectives=["tpot", "cheapness"], targets={"tpot": "10 MB"})
    study.write_text(study.read_text().replace("reference_point:", "reference_point:\n  cheapness: '1'"))
    dse("check", study).refused(
        "llm: unknown llm 'lama2-70b'; did you mean", "unknown objective 'cheapness'", "10 MB"
    )


def test_tensor_parallel_ways_of_a_study_that_divide_nothing_are_refused(dse, study_with):
    study = study_with(deployment={"mode": "solve", "batch": [1], "tp": [3], "pp": [1]})
    dse("check", study).refused("tp: expected a divisor or a multiple of the 64 heads", "got 3")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: chipp\n", "kind: unknown kind 'chipp'; did you mean 'chip'? Known: "),
        ("title: none\n", "got no such key"),
        ("- a\n- b\n", "got a list instead of keys"),
        ("", "got nothing"),
        ("kind: chip\nkind: llm\n", "written twice"),
        ("kind: [\n", "expected YAML"),
        ("kind: \t%\n", "expected YAML"),
    ],
)
def test_a_file_that_is_no_config_is_refused(dse, tmp_path, text, words):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    dse("check", path).refused(f"{path}:", words, "1 file, 1 problem")


def test_bytes_that_are_no_text_are_refused(dse, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00kind")
    dse("check", path).refused(f"{path}:1: cannot be read: expected UTF-8 text, got UTF-16")


def test_paths_without_files_are_refused(dse, tmp_path):
    (tmp_path / "empty").mkdir()
    dse("check", "empty", "nowhere").refused(
        "empty: expected YAML files in this folder", "nowhere: expected a file"
    )


def test_memories_that_no_technology_has_are_named_where_they_are_written(dse, tmp_path):
    path = tmp_path / "chips" / "odd.yaml"
    path.parent.mkdir()
    one = "source: assumption, basis: assumption"
    path.write_text(
        f"""kind: chip
name: odd
title: Odd
vendor: hypothetical
hypothetical: true
class: datacentre-gpu
stack: gpu-serving
peak:
  fp16: {{value: "1 PFLOP/s", {one}}}
memories:
  - kind: sram
    use: cache
    capacity: {{value: "128 MB", {one}}}
  - kind: dram
    generation: HBM9
    capacity: {{value: "144 GiB", {one}}}
    bandwidth: {{value: "8 TB/s", {one}}}
    stacks: {{value: 4, {one}}}
  - kind: flash
    device: HBX
    units: {{value: 4, {one}}}
    capacity: {{value: "1 TB", {one}}}
    bandwidth: {{value: "6 TB/s", {one}}}
link:
  technology: NVLink
  network: nvswitch-72
die:
  process: {{value: n3, {one}}}
cooling: liquid
"""
    )
    said = dse("check", path)
    words = " ".join((said.out + said.err).split())
    assert said.code != 0
    assert (
        "odd.yaml:15: memories.1.generation: expected a kind of DRAM that a technology has, got 'HBM9'"
        in words
    )
    assert "odd.yaml:20: memories.2.device: expected a device that a technology has, got 'HBX'" in words
    assert "did you mean 'HBF'" in words


@pytest.mark.parametrize("name", ["other", "h100-sxm", "Mine"])
def test_check_and_estimate_agree_on_the_name_in_the_file_of_a_chip(dse, config_with, name):
    """A copy with other numbers must not pass for the chip that stacks were fitted to."""
    path = config_with("chips", "h100-sxm", ("name: h100-sxm", f"name: {name}"))
    path = path.rename(path.with_name("mine.yaml"))
    load = ("--llm", "llama2-7b", "--workload", "chat", "--weights", "fp8")
    asked = (("check", path), ("estimate", "--chip", path, *load), ("compare", path, *load))
    pools = ("--pool", f"prefill={path}", "--pool", "decode=h100")
    for words in (*asked, ("estimate", *pools, *load)):
        said = dse(*words)
        assert said.code == 2, said.out
        (line,) = [line for line in said.err.splitlines() if "mine.yaml:" in line and "name" in line]
        words = " ".join(said.err.split())
        assert re.search(r"mine\.yaml:\d+: name: (expected|string should match) ", words), line


def test_check_and_estimate_take_the_name_of_the_file(dse, config_with):
    path = config_with("chips", "h100-sxm", ("name: h100-sxm", "name: mine"))
    path = path.rename(path.with_name("mine.yaml"))
    load = ("--llm", "llama2-7b", "--workload", "chat", "--weights", "fp8")
    assert all(dse(*words).code == 0 for words in (("check", path), ("estimate", "--chip", path, *load)))
