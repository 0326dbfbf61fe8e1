"""Numbers that a study sets are shown as the study has them, not as the file of the config does."""

from dse.cli.terminal.as_written import written
from dse.question.pools.study import load_question
from dse.question.resolved_study import ResolvedStudy
from dse.question.variation import facts

STUDY = """
kind: study
name: drafted
title: Chips with drafts
question: What do drafts cost?
llm: opt-30b
workload: chat-drafted
serving: decode-only
precision: {weights: fp8, kv: fp8, activations: fp8}
baselines: [h100]
deployment: {mode: solve}
sweep: {objective: tpot, low: 1 ms, high: 200 ms}
report_at: [20 ms]
price: {method: listed}
objectives: [tpot, usd_per_token_per_second]
settings: {workload/chat-drafted.speculation.length: 4, chip/h100-sxm.price: 12 kUSD}
budget: {trials: 10}
seed: 1
reference_point: {tpot: 1 s, usd_per_token_per_second: 1000 USD/(token/s)}
"""


def texts(study: ResolvedStudy) -> dict[str, str]:
    return {str(f.place): written(study, f) for f in facts(study)}


def test_a_setting_takes_the_place_of_the_number_in_the_file(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(STUDY, encoding="utf-8")
    study = load_question(str(path))
    assert isinstance(study, ResolvedStudy)
    shown = texts(study)
    assert shown["workload/chat-drafted: speculation.length"] == "4"
    assert shown["chip/h100-sxm: price"] == "12 kUSD"
    # what is not set has the spelling of its file
    assert shown["workload/chat-drafted: speculation.acceptance"] == "0.7"
    assert shown["workload/chat-drafted: isl"] == "222.3 token"
