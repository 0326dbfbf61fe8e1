"""`dse validate llms` as a user runs it."""

import json
import re

from dse.spec.catalog.lookup import Catalog


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
