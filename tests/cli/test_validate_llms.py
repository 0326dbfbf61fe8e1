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
