"""Results of a study of pools: a sentence in the place of a page, and no other page is hidden by it."""

from pathlib import Path

import yaml
from studies_for_tests import small

from dse.question.pools.study import PooledStudy, load_question
from dse.report.page.html import Html
from dse.search.pairs.driver import sweep_pairs
from dse.view.studies import Studies


def test_results_of_pools_are_named_and_not_drawn(tmp_path: Path) -> None:
    chips = {"prefill": {"chips": ["h100-sxm"]}, "decode": {"chips": ["h200-sxm"]}, "link": "25 GB/s, 5 us"}
    data = {**small(space=None, baselines=None), "pools": chips}
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump({**data, "settings": {"workload/article.prefill_load": 0.8}}))
    study = load_question(str(path))
    assert isinstance(study, PooledStudy)
    sweep_pairs(study, out=tmp_path / "results" / "small")
    (found,) = Studies(tmp_path / "results").all().values()
    shown = found.state(Html(""), (), "")
    assert shown.page is None
    assert "expected single chips, got pools; front.csv has every pair" in shown.answer
