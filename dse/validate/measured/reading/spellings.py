"""What tables of others call the columns, metrics, kinds of batch and number formats of ours."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from dse.text import from_cell

BLANK: Final = frozenset(
    {"", "-", "--", "?", "n/a", "na", "nan", "none", "null", "unknown", "unstated", "auto"}
)
"""Cells that say nothing."""

_SAME: Final[Mapping[str, str]] = {
    "llm": "model model_name model_id llm_name",
    "chip": "gpu gpu_type gpu_name hardware accelerator device chip_name accelerator_name hw",
    "n_chips": "chips num_chips gpus num_gpus n_gpus gpu_count num_accelerators devices n_devices "
    "a# #_of_accelerators #_accelerators total_accelerators",
    "chips_per_node": "accelerators_per_node gpus_per_node #_accelerators_per_node",
    "nodes": "number_of_nodes num_nodes n_nodes #_of_nodes #_nodes",
    "weights": "weight_dtype weight_format weights_dtype precision quantization quantisation dtype "
    "weight_data_types",
    "kv": "kv_dtype kv_cache_dtype kv_format kv_cache",
    "activations": "act_dtype activation_dtype act activation",
    "batch": "batch_or_concurrency concurrency batch_size max_concurrency users num_users conc "
    "request_concurrency concurrent_requests",
    "batch_kind": "kind batch_type",
    "isl": "input_len input_length input_tokens prompt_len prompt_tokens prompt_length "
    "input_sequence_length average_input_length mean_input_tokens random_input_len",
    "osl": "output_len output_length output_tokens gen_len generated_tokens max_tokens "
    "output_sequence_length average_output_length "
    "mean_output_tokens random_output_len",
    "tp": "tensor_parallel tensor_parallelism tp_size tensor_parallel_size",
    "pp": "pipeline_parallel pipeline_parallelism pp_size pipeline_parallel_size",
    "ep": "expert_parallel expert_parallelism ep_size expert_parallel_size",
    "dp": "data_parallel data_parallelism dp_size data_parallel_size replicas",
    "engine": "framework backend software serving_engine runtime",
    "stat": "metric_stat statistic",
    "unit": "units performance_units",
    "value": "result performance_result",
    "source_key": "source_id source",
    "run_id": "run",
    "serving": "serving_mode serving_way disaggregation disagg",
    "prefill_chips": "prefill_gpus num_prefill_gpu num_prefill_gpus prefill_num_gpus",
    "decode_chips": "decode_gpus num_decode_gpu num_decode_gpus decode_num_gpus",
    "spec_decode": "speculative speculative_decoding spec_decoding spec_method",
}
_ALONE: Final = "date metric value quality phase notes accepted vendor basis ours refused unit dp_attention"
_COLUMN: Final = {other: ours for ours, others in _SAME.items() for other in others.split()}

_KIND: Final = {
    "fixed": "static",
    "offline_static": "static",
    "static_batch": "static",
    "batch": "static",
    "closed_loop": "concurrency",
    "closed": "concurrency",
    "concurrent": "concurrency",
    "in_flight": "mean_in_flight",
    "little": "mean_in_flight",
    "max": "max_seqs",
    "max_num_seqs": "max_seqs",
    "max_batch_size": "max_seqs",
    # all requests are sent at once, so that the engine fills its capacity
    "offline": "unknown",
}

_FORMATS: Final[Mapping[str, str]] = {
    "fp32": "float32 f32 tf32",
    "fp16": "float16 half f16 w16a16 16bit",
    "bf16": "bfloat16",
    # block floating point of Tenstorrent: 8 bits a number, and 8 for each 16 of them
    "fp8": "float8 fp8_e4m3 e4m3 fp8_e5m2 fp8e4m3 w8a8_fp8 fp8_block bfp8 bfp8_b bfloat8_b",
    # of weights: activations have a column of their own, and follow the weights without it
    "int8": "w8a8 w8a16 8bit i8 int8_sq smoothquant int8_wo",
    "int4": "w4a16 awq gptq int4_awq awq_int4 int4_gptq gptq_int4 4bit i4 w4 w4a8 int4_wo",
    "nvfp4": "fp4 w4a4",
    "mxfp4": "mxfp4_moe",
    "q4_0": "q4_1",
    "q4_k_m": "q4 q4_k q4_k_s q4km",
    "q5_k_m": "q5 q5_k q5_k_s q5_0",
    "q6_k": "q6",
    "q8_0": "q8",
    "exl2-3.6": "int3_6 exl2_3.6",
}
_FORMAT: Final = {other: ours for ours, others in _FORMATS.items() for other in others.split()}


def column(name: str) -> str:
    """Our name of a column, units in brackets left out."""
    plain = re.sub(r"[(\[].*?[)\]]", "", name).strip().lower()
    plain = re.sub(r"[\s\-/.]+", "_", plain).strip("_")
    return _COLUMN.get(plain, plain)


def is_ours(name: str) -> bool:
    """Whether a column of that name is read."""
    return name in _SAME or name in _ALONE.split()


def columns(names: Iterable[str]) -> list[str]:
    """Our names of columns; of several that mean the same the one that is ours counts, else the first."""
    given = list(names)
    exact = {n.strip().lower() for n in given}
    found: list[str] = []
    for name in given:
        ours = column(name)
        taken = ours in exact or ours in found
        found.append(name if ours != name.strip().lower() and taken else ours)
    return found


def cell(name: str, text: str) -> str:
    """A cell of a column without white space; the empty string where it says nothing."""
    # what `dse` wrote so that no spreadsheet computes it
    plain = from_cell(text).strip()
    if name == "batch_kind" and plain.lower() == "unknown":  # there it is an answer
        return plain
    return "" if plain.lower() in BLANK else plain


_ENGINES: Final = tuple(
    (re.compile(rf"^(?:dynamo[-_ ])?(?:{theirs})(?=$|[\s/]|[-_ ]?v?\d)", re.IGNORECASE), ours)
    for theirs, ours in (
        # `trtllm-bench` is a name of its own
        (r"trt[-_ ]?llm|tensorrt[_ ]?llm|tensorrt-llm|trt$", "TensorRT-LLM"),
        (r"sgl|sglang", "SGLang"),
    )
)


def engine(name: str) -> str:
    """Our name of an engine, in front of its version; any other name as it is."""
    for theirs, ours in _ENGINES:
        if found := theirs.match(name):
            rest = name[found.end() :].lstrip("-_/ ")
            return f"{ours} {rest}".strip()
    return name


_LLM: Final = {"dsr1": "deepseek-r1"}
_TARGET: Final = re.compile(r"^(.*\D.*)-99(?:\.9)?$")
"""Benchmarks of MLPerf, by the share of the accuracy that they keep."""


def llm(name: str) -> str:
    """Our name of an LLM that a benchmark calls by a short one; any other name as it is."""
    found = _TARGET.match(name)
    return _LLM.get(name.lower(), found[1] if found else name)


def kind(name: str) -> str:
    """Our name of a kind of batch."""
    plain = re.sub(r"[\s\-]+", "_", name.lower())
    return _KIND.get(plain, plain)


def block_floating(name: str) -> bool:
    """Whether a number format is block floating point, which is taken as the plain format of its bits."""
    return number_format(name) == "fp8" and re.match(r"bfp8|bfloat8", name.strip().lower()) is not None


def number_format(name: str) -> str:
    """Our name of a number format."""
    plain = re.sub(r"[\s\-]+", "_", name.lower())
    return _FORMAT.get(plain, plain)
