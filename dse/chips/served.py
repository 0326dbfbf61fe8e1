"""An LLM as it is served: the formats of what its layers keep, and the copies of experts that chips hold."""

from dse.errors import spec_error
from dse.spec.schema.kept import CACHE, kept_parts
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.study import PrecisionSpec
from dse.spec.schema.workload import WorkloadSpec
from objectives import api
from objectives.attention_layers import STATES
from objectives.equations.chip.formats import FORMATS


def served_llm(
    spec: LlmSpec,
    precision: PrecisionSpec,
    workload: WorkloadSpec | None,
    at: str = "kv",
    *,
    drafted: bool = False,
) -> api.Llm:
    """The network of an LLM file with what a deployment adds to it.

    Raises `SpecError` for the format of an index or a state that the LLM has not, with `at` as its place, and
    for copies of experts that it has not; where another pool drafts, its LLM may be the one that has them.
    """
    llm, kept = spec.resolve(), kept_parts(precision.kv)
    bytes_of = {part: FORMATS[name] for part, name in kept.items()}
    layers = [layer for block in llm.blocks for layer in block.mixers]
    has = {
        "index": any(isinstance(layer, api.Index) for layer in layers),
        "state": any(isinstance(layer, STATES) for layer in layers),
    }
    for part in kept:
        if not has.get(part, True):
            raise spec_error(at, f"expected no format of {part}, {llm.name} has none, got {precision.kv}")
    index = bytes_of["index"] / bytes_of[CACHE] if "index" in kept else None
    found = llm.keeping(index, bytes_of.get("state"))
    if workload is None:
        return found
    copies = workload.redundant_experts
    if copies is not None and copies.value and not (llm.expert_count or drafted):
        what = f"got {copies.value:,} copies in each layer of {llm.name}, which has none"
        where = f"workloads/{workload.name}"
        raise spec_error(where, f"redundant_experts: expected an LLM with experts, {what}")
    return workload.network(found)
