"""What the quantisation of a checkpoint says: `quantization_config`, or the file `hf_quant_config.json`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final

from dse.errors import spec_error
from dse.spec.huggingface.checkpoint.traced import plain
from dse.spec.huggingface.quantisation.amounts import KEPT, SCALE, UNKNOWN, Remarks, count, integers, nearest
from dse.spec.huggingface.quantisation.modules import Patterns, unsafe
from dse.spec.huggingface.quantisation.tools import TOOLS
from dse.spec.huggingface.reader import words
from dse.text import short

HEAD: Final = ("lm_head", "language_model.lm_head", "model.lm_head", "head", "output")
_ALGORITHMS: Final = {
    "FP8": "fp8",
    "FP8_PB_WO": "fp8",
    "FP8_PB_REAL": "fp8",
    "FP8_PER_CHANNEL_PER_TOKEN": "fp8",
    "MXFP8": "fp8",
    "NVFP4": "nvfp4",
    "NVFP4_AWQ": "nvfp4",
    "NVFP4_SVDQUANT": "nvfp4",
    "W4A16_NVFP4": "nvfp4",
    "W4A8_NVFP4_FP8": "nvfp4",
    "MXFP4": "mxfp4",
    "W4A8_MXFP4_FP8": "mxfp4",
    "W4A16_MXFP4": "mxfp4",
    "W4A16_AWQ": "int4",
    "W4A16": "int4",
    "W4A8_AWQ": "int4",
    "W8A8_SQ_PER_CHANNEL": "int8",
    "W8A16": "int8",
    "INT8_SQ": "int8",
}
"""`quant_algo` of Model Optimizer to a format."""
_WHOLE: Final = {
    **{"fp8": "fp8", "fbgemm_fp8": "fp8", "finegrained_fp8": "fp8", "mxfp8": "fp8"},
    **{"mxfp4": "mxfp4", "nvfp4": "nvfp4", "eetq": "int8"},
}
"""Methods with one format."""
_BITS: Final = words("""
    gptq auto_gptq gptq_marlin gptq_bitblas bitblas marlin awq auto_awq awq_marlin auto-round auto_round
    autoround intel/auto-round inc moe_wna16 mlx metal sinq bitsandbytes bnb unknown
    """)
"""Methods that say their bits, and those that share a scale."""
_SILENT: Final = words("""
    aqlm vptq spqr higgs quip gguf gemma fouroversix fp_quant qoq qqq gptq_marlin_24 blockwise_int8 w8a8_int8
    w8a8_fp8 w4afp8 petit_nvfp4 gpt_oss_mxfp4 deepseek_v4_fp8 deepspeedfp tpu_int8 experts_int8 humming online
    fp8_per_tensor fp8_per_block fp8_per_channel int8_per_channel_weight_only nvfp4_per_token
    """)
"""Methods of Transformers, vLLM and SGLang whose bytes are not read; a remark names them."""
_LISTS: Final = (
    "modules_to_not_convert",
    "ignored_layers",
    "ignore",
    "exclude_modules",
    "exclude",
    "llm_int8_skip_modules",
)
"""Keys of modules that are not quantised."""


@dataclass(frozen=True, kw_only=True)
class Quantised:
    """How a checkpoint is quantised."""

    method: str
    usual: str
    """Format of matrices of which nothing else is said, or `KEPT`."""
    said: Patterns
    """Modules with another format, or `KEPT`."""
    notes: tuple[str, ...] = ()


def quantised(section: Mapping[str, object], where: str = "") -> Quantised:
    """What a section of a checkpoint says; raises for a method that nothing is known of."""
    notes = Remarks()
    inner = section.get("quantization")
    section = inner if isinstance(inner, dict) else section
    method = _method(section)
    known = (*_BITS, *_SILENT, *_WHOLE, *TOOLS, "compressed-tensors", "modelopt")
    if method not in known and not method.startswith("modelopt"):
        what = f"quant_method: expected one of {len(known)} methods, got {short(method)}"
        hint = f"The bytes that its weights take are not known. Known methods: {', '.join(sorted(known))}."
        raise spec_error(where, f"{what}. {hint}")
    usual, named = _formats(method, section, notes)
    if UNKNOWN in (usual, *named.values()):
        notes.add(f"the weights are quantised by {method}; no format is written, so a deployment says it")
    sparse = section.get("sparsity_config")
    if isinstance(sparse, dict) and sparse.get("format") not in (None, "dense"):
        notes.add(f"weights that are left out ({short(plain(sparse['format']))}) are counted as if stored")
    kept = dict.fromkeys(_kept(section), KEPT)
    # what has a format of its own is not kept, whatever a wider pattern says
    said = {**named, **{name: what for name, what in kept.items() if name not in named}}
    for name in [n for n in said if unsafe(n)]:
        del said[name]
        notes.add(f"a pattern of modules is not understood: {short(name)}")
    if cache := section.get("kv_cache_quant_algo") or section.get("kv_cache_scheme"):
        notes.add(f"its KV cache is quantised as well ({_cache(cache)}), which the deployment says")
    return Quantised(method=method, usual=usual, said=Patterns(said), notes=tuple(notes.texts))


def _method(section: Mapping[str, object]) -> str:
    """`quant_method`; Model Optimizer leaves it out, and MLX writes bits alone."""
    said = section.get("quant_method")
    if isinstance(said, str):
        return said.lower()
    if "quant_algo" in section:
        return "modelopt"
    if any(key in section for key in (*_LOADS[0], *_LOADS[1])):
        return "bitsandbytes"
    return "compressed-tensors" if "config_groups" in section else "mlx" if "bits" in section else "unknown"


def _formats(method: str, section: Mapping[str, object], notes: Remarks) -> tuple[str, dict[str, str]]:
    """Format of all matrices, and of those that have one of their own."""
    named = {**_of_experts(section, notes), **dict(_listed(section, notes))}
    if method in _WHOLE:
        # only experts are quantised in MXFP4
        if method == "mxfp8":
            notes.add(MXFP8)
        return (KEPT, {"experts": "mxfp4"}) if method == "mxfp4" else (_WHOLE[method], named)
    if method.startswith("modelopt"):
        algorithm = section.get("quant_algo")
        # none where the KV cache alone is quantised
        usual = KEPT if algorithm in (None, "MIXED_PRECISION") else _algorithm(algorithm, notes)
        return usual, named
    if method == "compressed-tensors":
        usual, groups = _groups(section, notes)
        return usual, {**groups, **named}
    if method in TOOLS:
        usual, groups = TOOLS[method](section, notes)
        return usual, {**groups, **named}
    return _integer_method(method, section, notes), {**_overrides(section, notes), **named}


_LOADS: Final = (("load_in_8bit", "_load_in_8bit"), ("load_in_4bit", "_load_in_4bit"))
"""Keys of bitsandbytes that switch 8 and 4 bits on."""
_MODES: Final = {"mxfp4": "mxfp4", "nvfp4": "nvfp4", "mxfp8": "fp8"}
"""Modes of MLX with floats (`mlx.core.quantize`) to a format."""


def _integer_method(method: str, section: Mapping[str, object], notes: Remarks) -> str:
    """AWQ, GPTQ, AutoRound, bitsandbytes, MLX, HQQ."""
    if method in ("bitsandbytes", "bnb"):
        eight, four = ([section[key] for key in keys if key in section] for keys in _LOADS)
        if any(eight):
            return "int8"
        # 4 bits where nothing is said; off where both are
        if four and not any(four):
            return KEPT
        # 64 weights share an absolute maximum: fp32, or 8 bits when it is quantised again
        doubly = section.get("bnb_4bit_use_double_quant") is True
        return nearest("bitsandbytes 4 bits", 0.5 + (1 / 64 if doubly else 4 / 64), notes)
    bits = section.get("bits", section.get("w_bit", section.get("nbits")))
    group = section.get("group_size", section.get("q_group_size"))
    if method == "mlx":
        return _mlx(section, section, notes)
    if (kind := section.get("data_type")) not in (None, "int"):
        return _floats(kind, bits, notes)
    if bits is None or method in _SILENT:
        notes.add(f"it is quantised ({short(method)}), of which the bits are not understood")
        return UNKNOWN
    # Metal keeps an offset with each scale, as MLX does
    return integers(bits, group, notes, 2 * SCALE if method == "metal" else SCALE)


def _mlx(what: Mapping[str, object], section: Mapping[str, object], notes: Remarks) -> str:
    """The format of MLX: whole numbers with a scale and an offset for each group, or floats by their mode."""
    mode = what.get("mode", section.get("mode", "affine"))
    if mode == "affine" or mode is None:
        group = what.get("group_size", section.get("group_size"))
        return integers(what.get("bits", section.get("bits")), group, notes, 2 * SCALE)
    found = _MODES.get(str(mode), UNKNOWN)
    if found == UNKNOWN:
        notes.add(f"it is quantised in the mode {short(mode)}, for which there is no format")
    elif mode == "mxfp8":
        notes.add(MXFP8)
    return found


def _floats(kind: object, bits: object, notes: Remarks) -> str:
    """The format of AutoRound's numbers that are no whole ones."""
    known = {"mx": "mxfp4", "nv": "nvfp4"} if bits == 4 else {"fp": "fp8"} if bits == 8 else {}
    found = known.get(str(kind).lower()[:2])
    if found is None or "fp" not in str(kind).lower():
        notes.add(f"it is quantised to {short(kind)} of {short(bits)} bits, for which there is no format")
        return UNKNOWN
    return found


MXFP8: Final = "MXFP8 (1.031 B an element) counted as fp8 (1 B)"
_EXPERTS: Final = ("expert_dtype", "routed_experts_quant_method", "moe_quant_algo")
"""Keys that say the format of routed experts alone; `expert_dtype` is next to the section."""
_OF_EXPERTS: Final = {
    # DeepSeek-V4 shares a scale of 8 bits among 32 of them
    **{"fp4": "mxfp4", "mxfp4": "mxfp4", "nvfp4": "nvfp4"},
    **{"fp8": "fp8", "float8_e4m3fn": "fp8", "bf16": KEPT, "bfloat16": KEPT},
}


def _of_experts(section: Mapping[str, object], notes: Remarks) -> dict[str, str]:
    """The format of routed experts, where they have one of their own; the last key that says it counts."""
    found: dict[str, str] = {}
    for key in _EXPERTS:
        value = section.get(key)
        if value is None:
            continue
        known = _OF_EXPERTS.get(str(value).lower())
        if known is None:
            notes.add(f"{key} is {short(value)}, for which there is no format")
        found["experts"] = UNKNOWN if known is None else known
    return found


def _algorithm(value: object, notes: Remarks) -> str:
    found = _ALGORITHMS.get(str(value).upper(), UNKNOWN)
    if found == UNKNOWN:
        notes.add(f"it is quantised by {short(value)}, for which there is no format")
    elif str(value).upper() == "MXFP8":
        notes.add(MXFP8)
    return found


def _groups(section: Mapping[str, object], notes: Remarks) -> tuple[str, dict[str, str]]:
    """Groups of compressed-tensors: those of all linear layers, and those of modules by name."""
    usual = KEPT
    named: dict[str, str] = {}
    groups = section.get("config_groups")
    for group in groups.values() if isinstance(groups, dict) else ():
        weights = group.get("weights") if isinstance(group, dict) else None
        form = _numbers(weights, notes) if isinstance(weights, dict) else KEPT
        targets = group.get("targets") if isinstance(group, dict) else None
        for target in targets if isinstance(targets, list) else ["Linear"]:
            # names of classes begin with a capital letter and have no dots
            if isinstance(target, str) and (target[:3] == "re:" or "." in target or target[:1].islower()):
                named[target] = form
            elif "Embedding" in str(target):
                notes.add("its embeddings are quantised as well, which is not counted")
            else:
                usual = form or usual
                if target != "Linear":
                    notes.add(f"targets {short(target)} are counted as all linear layers")
    if not isinstance(groups, dict):
        notes.add("it is quantised, and the groups of its modules are not understood")
        usual = UNKNOWN
    return usual, named


def _numbers(weights: Mapping[str, object], notes: Remarks) -> str:
    """The format of one group of compressed-tensors."""
    bits, group = weights.get("num_bits"), count(weights.get("group_size"))
    kind = weights.get("type", "int")
    if kind not in ("int", "float"):
        notes.add(f"it is quantised to numbers of type {short(kind)}, for which there is no format")
        return UNKNOWN
    if kind == "int":
        return integers(bits, group, notes)
    if bits == 8:
        return "fp8"
    if bits == 4:
        return "mxfp4" if group == 32 else "nvfp4"
    notes.add(f"it is quantised to floats of {short(bits)} bits, for which there is no format")
    return UNKNOWN


def _listed(section: Mapping[str, object], notes: Remarks) -> Iterator[tuple[str, str]]:
    """Modules with an algorithm of their own."""
    listed = section.get("quantized_layers")
    for name, what in listed.items() if isinstance(listed, dict) else ():
        algorithm = what.get("quant_algo") if isinstance(what, dict) else what
        yield name, _algorithm(algorithm, notes)


def _overrides(section: Mapping[str, object], notes: Remarks) -> dict[str, str]:
    """Bits of single modules: `extra_config` of AutoRound, `dynamic` of GPTQ, modules inside MLX."""
    found: dict[str, str] = {}
    mlx = _method(section) == "mlx"
    extra = section.get("extra_config")
    for name, what in chain(section.items(), extra.items() if isinstance(extra, dict) else ()):
        if mlx and isinstance(what, dict) and what.keys() & {"bits", "mode"}:
            found[name] = _mlx(what, section, notes)
        elif mlx and what is False and "." in name:
            found[name] = KEPT
        elif isinstance(what, dict) and "bits" in what:
            found[name] = integers(what["bits"], what.get("group_size", section.get("group_size")), notes)
    dynamic = section.get("dynamic")
    for name in dynamic if isinstance(dynamic, dict) else ():
        # a minus leaves modules out; a plus, or neither, gives them other settings
        pattern = f"re:{name.removeprefix('-:').removeprefix('+:')}"
        said = dynamic[name] if isinstance(dynamic, dict) else None
        if name.startswith("-:"):
            found[pattern] = KEPT
        elif isinstance(said, dict) and said.keys() & {"bits", "group_size"}:
            both = {**section, **said}
            found[pattern] = integers(both.get("bits"), both.get("group_size"), notes)
    if section.get("lm_head") is True and (usual := count(section.get("bits"))):
        found["lm_head"] = integers(usual, section.get("group_size"), notes)
    return found


def _kept(section: Mapping[str, object]) -> Iterator[str]:
    """Patterns of modules that are not quantised."""
    for key in _LISTS:
        # the experts were quantised again: what that left out is still in the format of the others
        if key == "ignore" and section.get("quant_method") == "fp8" and "moe_quant_algo" in section:
            continue
        listed = section.get(key)
        yield from (name for name in listed if isinstance(name, str)) if isinstance(listed, list) else ()


def _cache(value: object) -> str:
    if isinstance(value, dict):
        return f"{value.get('type', '')}{value.get('num_bits', '')}".strip() or "as given"
    return str(value).lower()
