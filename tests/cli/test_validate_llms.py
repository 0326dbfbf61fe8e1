"""`dse validate llms` as a user runs it."""

import json
import re

from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.llm import LlmSpec
from dse.validate.llms.sizes import llm_sizes


def test_a_wrong_size_is_told_and_fails(dse, tmp_path):
    text = Catalog().path("llms", "qwen3-0.6b").read_text()
    mine = tmp_path / "llms" / "mine.yaml"
    mine.parent.mkdir()
    text = re.sub(r'params: \{value: "[^"]+"', 'params: {value: "0.9B"', text, count=1)
    mine.write_text(text.replace("name: qwen3-0.6b", "name: mine"))
    said = dse("validate", "llms", "--configs", str(tmp_path))
    assert said.code == 1
    assert "differs: mine" in said.out
    rows = json.loads(dse("validate", "llms", "--configs", str(tmp_path), "--format", "json").out)
    assert [row["llm"] for row in rows if not row["holds"]] == ["mine"]


def test_a_pipe_has_a_line_for_each_llm_and_the_rule_of_its_active_number(dse):
    said = dse("validate", "llms")
    rows = {line.split()[0]: line.split()[1:] for line in said.out.splitlines() if line.split()}
    assert len(Catalog().files("llms")) == sum(name in rows for name in Catalog().files("llms"))
    assert "20.91B" in rows["gpt-oss-20b"] and "no-embedding" in rows["gpt-oss-20b"]
    assert "layers" in rows["glm4.5-air"] and "all" in rows["deepseek-v3"]
    data = json.loads(dse("validate", "llms", "--format", "json").out)
    for name in ("all", "no-embedding", "layers"):
        alike = [r for r in data if r["published_active_params"] is not None and r["active_of"] == name]
        assert f"({len(alike)} of " in next(line for line in said.out.splitlines() if f"  {name}: " in line)


def test_the_sheet_of_an_llm_has_what_its_layers_add_up_to(dse):
    said = " ".join(dse("catalog", "llms", "gpt-oss-20b").out.split())
    # 24 layers, keys and values of 8 heads of 64
    assert f"KV cache a token {24 * 2 * 8 * 64:,} elements" in said
    size = next(s for s in llm_sizes(Catalog()) if s.llm == "gpt-oss-20b")
    assert f"parameters {size.params:,.0f} all" in said
    # the embedding of 201,088 tokens is what the rules differ by
    assert f"active parameters {size.active:,.0f} no-embedding: without the embedding, as published" in said
    assert f"active parameters {size.active + 201_088 * 2_880:,.0f} all: " in said


def test_an_unknown_longest_context_is_said_where_its_llm_is(dse):
    unknown = [s for s in Catalog().all(LlmSpec).values() if s.context is None]
    listed = dse("catalog", "llms").out
    assert f"not known of {len(unknown)} of {len(Catalog().files('llms'))} LLMs" in listed
    assert "longest context not known" in " ".join(dse("catalog", "llms", "llama2-70b").out.split())
    assert "longest context not known" not in dse("catalog", "llms", "qwen3.5-9b").out
    estimated = ["estimate", "--chip", "h100-sxm", "--workload", "chat"]
    said = " ".join(dse(*estimated, "--llm", "llama2-70b").out.split())
    assert "longest context of llama2-70b not known" in said
    assert "longest context" not in dse(*estimated, "--llm", "qwen3.5-9b").out
    compared = dse("compare", "h100-sxm", "h200-sxm", "--llm", "llama2-70b", "--workload", "chat").out
    assert " ".join(compared.split()).count("longest context of llama2-70b not known") == 1


def test_a_run_says_that_its_llm_has_no_known_context(dse, tmp_path):
    ran = dse("run", "groq-vs-h100", "--trials", "3", "--no-verdicts", "--out", str(tmp_path / "out")).out
    assert ran.count("Remark: longest context of llama2-70b not known") == 1
