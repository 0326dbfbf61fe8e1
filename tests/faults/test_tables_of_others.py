"""Tables as others publish them, which were once read wrongly without a word."""

from pathlib import Path

import pytest

from dse.plugins import cost_model
from dse.spec.catalog.lookup import Catalog
from dse.validate.measured.predictions import Predicted, predictions
from dse.validate.measured.rows import read_rows

CATALOG = Catalog()
MODEL = cost_model("roofline")


def predicted(folder: Path, text: str) -> Predicted:
    """What `dse validate` makes of a table."""
    path = folder / "rows.csv"
    path.write_text(text.strip() + "\n", encoding="utf-8")
    return predictions(MODEL, read_rows(path), CATALOG)


# --- a pool that only decodes (SGLang's decode nodes of 2025, as simllm pull request 120 quotes them)

POOL = """
chip,llm,weights,kv,activations,tp,dp,ep,n_chips,batch,batch_kind,isl,osl,metric,value,engine,phase
H100,DeepSeek-V3,fp8,bf16,fp8,1,72,72,72,18432,mean_in_flight,2000,100,tok_s_per_chip,2785,SGLang 0.4.6,decode
H100,DeepSeek-V3,fp8,bf16,fp8,1,72,72,72,18432,mean_in_flight,2000,100,tpot_ms,92,SGLang 0.4.6,decode
"""


def test_rows_of_a_decode_pool_are_predicted_without_prompts_on_its_chips(tmp_path: Path) -> None:
    rate, tpot = predicted(tmp_path, POOL).found
    # with prompts on the same chips they were predicted 92 % too low and eleven times too high
    assert rate.predicted == pytest.approx(2785.0, rel=0.3)
    assert tpot.predicted == pytest.approx(92.0, rel=0.3)
    # 256 sequences on each chip and no time but that of decode: Little's law
    assert rate.predicted * tpot.predicted * 1e-3 == pytest.approx(256.0)


def test_a_phase_that_nobody_knows_is_refused_by_name(tmp_path: Path) -> None:
    line = "H100,Llama-3.1-8B,fp16,1,64,4096,128,decode_tok_s_total,4000,vLLM 0.8.4,"
    head = "chip,llm,weights,tp,batch,isl,osl,metric,value,engine,phase"
    found = predicted(tmp_path, "\n".join([head, f"{line}decode", f"{line}both", f"{line}decod"]))
    pool, shared = found.found
    # 64 prompts of 4,096 tokens for 64 x 128 output tokens cost more than the decode itself
    assert pool.predicted > 2.0 * shared.predicted
    (refused,) = found.refused
    assert refused.reason.startswith("phase: unknown 'decod'; did you mean 'decode'")
