"""What benchmarks call the metrics of a run, their units and statistics, in our names.

Names are those that the tools print or write:
- vLLM, `vllm bench serve` (docs.vllm.ai, "Benchmark CLI"): `request_throughput`, `output_throughput`,
  `total_token_throughput`, `mean_ttft_ms`, `median_tpot_ms`, `p99_itl_ms`, `mean_e2el_ms`, and on the screen
  `Mean TTFT (ms)`, `Output token throughput (tok/s)`;
- SGLang, `sglang.bench_serving` (docs/developer_guide/bench_serving.md): the same, `input_throughput`,
  `total_throughput`, `mean_e2e_latency_ms`;
- TensorRT-LLM, `trtllm-bench` (docs/source/performance/perf-benchmarking.md): `Total Output Throughput
  (tokens/sec)`, `Token Throughput (tokens/sec)` (output tokens), `Per GPU Output Throughput (tps/gpu)`,
  `Average time-per-output-token [TPOT] (ms)`, `Per User Output Speed (tps/user)`;
- GuideLLM (blog.vllm.ai/guidellm, "Metrics"): `time_to_first_token_ms`, `inter_token_latency_ms`,
  `time_per_output_token_ms`, `output_tokens_per_second`, `tokens_per_second` (prompts too),
  `prompt_tokens_per_second`, `requests_per_second`;
- AIPerf and GenAI-Perf (docs.nvidia.com/aiperf, "Metrics Reference"): `Time to First Token (ms)`,
  `Inter Token Latency (ms)`, `Request Latency (ms)`, `Output Token Throughput Per User (tokens/sec/user)`;
- InferenceX (github.com/SemiAnalysisAI/InferenceX, utils/process_result.py): `tput_per_gpu` (prompts too),
  `output_tput_per_gpu`, `input_tput_per_gpu`, `median_intvty`, and times without a unit, which are seconds:
  `mean_ttft`, `median_tpot`, `p99_itl`, `mean_e2el`;
- MLPerf Inference (mlcommons.org, column Units of its results): `Tokens/s` (output tokens), `Samples/s` and
  `Queries/s`, Offline and Server alike.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

PER_REQUEST, PER_PROMPT_TOKEN, PER_CHIP = "requests", "prompt tokens", "a chip"
"""What a rate counts, or is divided by, where that is not output tokens of the whole system."""


@dataclass(frozen=True, kw_only=True)
class Named:
    """A metric by our name."""

    metric: str
    """Ours; the name as it is written, in small letters with underscores, where it is unknown."""
    unit: float = 1.0
    """What one of its units is in ours."""
    stat: str = ""
    """mean, p50, p99, ... where the name says so; else the empty string."""
    per: tuple[str, ...] = ()
    """What the value counts or is divided by besides, see `PER_REQUEST` and its kin."""
    known: bool = False
    without_unit: bool = False
    """Whether it is a time whose name says neither seconds nor milliseconds."""


_TIMES: Final[Mapping[str, str]] = {
    "tpot": "tpot time_per_output_token time_per_output_token_tpot itl inter_token_latency "
    "intertoken_latency token_latency time_between_tokens tbt",
    "ttft": "ttft time_to_first_token time_to_first_token_ttft first_token_latency",
    "prefill": "prefill prefill_latency prefill_time",
    "e2e": "e2e e2el e2e_latency end_to_end_latency end_to_end request_latency latency",
}
_OURS: Final = {
    "tpot": ("tpot_ms", 1e3),
    "ttft": ("ttft_ms", 1e3),
    "prefill": ("prefill_ms", 1e3),
    "e2e": ("e2e_s", 1.0),
}
"""Kind of time to our metric, and what a second is in it."""
_SECONDS: Final = {
    "s": 1.0,
    "sec": 1.0,
    "seconds": 1.0,
    "ms": 1e-3,
    "msec": 1e-3,
    "milliseconds": 1e-3,
    "us": 1e-6,
}

_OUTPUT: Final = "decode_tok_s_total"
_WITH_INPUT: Final = "total_tok_s_incl_input"
_Rate = tuple[str, tuple[str, ...]]
"""Our metric, and what the value counts or is divided by besides."""
_RATES: Final[Mapping[_Rate, str]] = {
    (_OUTPUT, ()): "decode_tok_s_total output_throughput output_token_throughput total_output_throughput "
    "token_throughput output_token_rate generation_throughput decode_throughput output_tok_s_total "
    "output_tput",
    (_WITH_INPUT, ()): "total_tok_s_incl_input total_token_throughput total_throughput total_token_rate "
    "effective_total_throughput tokens_per_second",
    (
        _OUTPUT,
        (PER_PROMPT_TOKEN,),
    ): "input_throughput input_token_throughput input_tok_s_total input_token_rate "
    "prompt_throughput prefill_throughput input_tput",
    (_OUTPUT, (PER_REQUEST,)): "request_throughput qps rps",
    ("tok_s_per_chip", ()): "tok_s_per_chip tok_s_per_gpu output_tput_per_gpu per_gpu_output_throughput "
    "output_tok_s_per_chip output_tok_s_per_gpu output_throughput_per_gpu output_tokens_per_second_per_gpu",
    (
        _WITH_INPUT,
        (PER_CHIP,),
    ): "tput_per_gpu total_tput_per_gpu total_tok_s_per_gpu total_throughput_per_gpu",
    (_OUTPUT, (PER_PROMPT_TOKEN, PER_CHIP)): "input_tput_per_gpu input_throughput_per_gpu",
    (
        "tok_s_user",
        (),
    ): "tok_s_user tok_s_per_user tps_per_user tokens_per_second_per_user interactivity intvty "
    "output_token_throughput_per_user per_user_output_speed output_tokens_per_second_per_user",
}
"""Rates that need no unit in their name."""
_COUNTS: Final[Mapping[_Rate, str]] = {
    (_OUTPUT, ()): "tokens token tok output_tokens output_tok completed_tokens",
    (_WITH_INPUT, ()): "total_tokens total_tok",
    (_OUTPUT, (PER_PROMPT_TOKEN,)): "input_tokens input_tok prompt_tokens prompt_tok",
    (_OUTPUT, (PER_REQUEST,)): "requests request req queries samples",
}
"""What is a rate once it is counted each second."""
_RATE: Final = {other: ours for ours, others in _RATES.items() for other in others.split()}
_COUNT: Final = {other: ours for ours, others in _COUNTS.items() for other in others.split()}
_PER_SECOND: Final = re.compile(
    r"^(?:(.*)_)?(?:(tps)|s|sec|per_sec|per_second)(?:_(?:per_)?(user|gpu|chip))?$"
)
"""How the name of a rate may end: what comes before, whether it is tokens, and of whom."""
_COUNTED: Final = re.compile(r"_(?:tokens?|toks?|requests?|req)$")

_STATS: Final[Mapping[str, str]] = {
    "mean": "mean",
    "avg": "mean",
    "average": "mean",
    "median": "p50",
    "min": "min",
    "minimum": "min",
    "max": "max",
    "maximum": "max",
    "peak": "max",
    "std": "std",
    "stddev": "std",
}
_PERCENTILE: Final = re.compile(r"p\d{1,3}$")
_IN_SECONDS: Final = re.compile(r"^(mean|median|std|p\d+)_(ttft|tpot|itl|e2el)$")
"""Times of InferenceX."""

SCALES: Final = tuple(_SECONDS)
"""Units of times that are understood."""


def named(name: str, unit: str = "") -> Named:
    """The metric that a benchmark calls `name`; `unit` is that of a column of its own, if there is one.

    >>> named("Mean TTFT (ms)").metric, named("p99_tpot_ms").stat, named("median_tpot").unit
    ('ttft_ms', 'p99', 1000.0)
    """
    plain = _plain(name)
    base, stat = _without_stat(plain)
    if (found := _rate(base)) or (found := _time(base, "")):
        return Named(metric=found[0], unit=found[1], per=found[2], stat=stat, known=True)
    if _IN_SECONDS.match(plain) and (found := _time(base, "s")):
        return Named(metric=found[0], unit=found[1], stat=stat, known=True)
    told = _plain(unit)
    if told in _SECONDS and (found := _time(base, told)):
        return Named(metric=found[0], unit=found[1], stat=stat, known=True)
    return Named(metric=plain, stat=stat, without_unit=_time(base, "s") is not None)


def contradicts(name: str, unit: str) -> bool:
    """Whether the name of a metric and a column of units state different units of time."""
    told, base = _plain(unit), _without_stat(_plain(name))[0]
    said = base.rpartition("_")[2]
    if told not in _SECONDS or said not in _SECONDS or _time(base, "") is None:
        return False
    return _SECONDS[told] != _SECONDS[said]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _without_stat(plain: str) -> tuple[str, str]:
    """A name without the word of its statistic, and that statistic."""
    words = plain.split("_")
    for i, word in enumerate(words):
        if word in _STATS or (_PERCENTILE.match(word) and len(words) > 1):
            return "_".join(words[:i] + words[i + 1 :]), _STATS.get(word, word)
    return plain, ""


def _rate(base: str) -> tuple[str, float, tuple[str, ...]] | None:
    """Our rate of that name, one of its units in ours, and what it counts; None for another name."""
    found = _RATE.get(base)
    if found is None and (parts := _PER_SECOND.match(base)):
        before, tokens, whose = parts[1] or "", parts[2], parts[3]
        found = _COUNT.get(before) or _RATE.get(_COUNTED.sub("", before))
        if found is None and tokens:  # "tps" alone, or behind "output", "input", "total"
            found = _COUNT.get(f"{before}_tokens".strip("_"))
        found = found and _of(found, whose)
    return None if found is None else (found[0], 1.0, found[1])


def _of(rate: _Rate, whose: str | None) -> _Rate | None:
    """A rate with a unit of each user or chip; None where that says something else."""
    metric, per = rate
    if whose == "user":
        return ("tok_s_user", ()) if metric in (_OUTPUT, "tok_s_user") and not per else None
    if whose is None or metric == "tok_s_per_chip" or PER_CHIP in per:
        return rate
    return ("tok_s_per_chip", ()) if rate == (_OUTPUT, ()) else (metric, (*per, PER_CHIP))


def _time(base: str, unit: str) -> tuple[str, float, tuple[str, ...]] | None:
    """Our time of that name, one of its units in ours; `unit` is taken where the name states none."""
    stem, _, last = base.rpartition("_")
    if not unit:
        stem, unit = (stem, last) if last in _SECONDS else ("", "")
    else:
        stem = base
    if base == "ms_per_token":
        stem, unit = "tpot", "ms"
    for kind, others in _TIMES.items():
        if unit and stem in others.split():
            metric, second = _OURS[kind]
            return metric, round(_SECONDS[unit] * second, 12), ()
    return None


def spoken(per: tuple[str, ...]) -> Iterator[str]:
    """In words, how a rate was converted to output tokens of the whole system."""
    for name in per:
        yield {
            PER_REQUEST: "requests times OSL",
            PER_PROMPT_TOKEN: "prompt tokens times OSL / ISL",
            PER_CHIP: "a chip times n_chips",
        }[name]
