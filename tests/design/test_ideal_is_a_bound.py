"""The stack `ideal` is an upper bound on speed: no calibrated stack beats it, however prompts are served."""

import pytest

import dse

STACKS = ("gpu-serving", "vllm-2025", "trtllm-bench", "sglang")
MODES: dict[str, dict[str, str]] = {
    "decode-only": {},
    "aggregated": {},
    "chunked": {},
    "static": {},
    "disaggregated": {"prefill_load": "0.7"},
}


@pytest.mark.parametrize("serving", MODES)
@pytest.mark.parametrize("workload", ["chat", "long-prompt", "agent-cached"])
@pytest.mark.parametrize("batch", [1, 32, 256])
def test_no_stack_is_faster_than_ideal(serving: str, workload: str, batch: int) -> None:
    def told(stack: str) -> dict[str, float]:
        found = dse.estimate(
            "h100",
            "llama3-70b",
            workload,
            weights="fp8",
            tp=8,
            pp=1,
            dp=1,
            batch=batch,
            stack=stack,
            serving=serving,
            settings=MODES[serving],
        )
        return dict(found.metrics)

    bound = told("ideal")
    for stack in STACKS:
        m = told(stack)
        assert m["tpot_s"] >= bound["tpot_s"], stack
        assert m["ttft_s"] >= bound["ttft_s"], stack
        assert m["tokens_per_s"] <= bound["tokens_per_s"], stack
