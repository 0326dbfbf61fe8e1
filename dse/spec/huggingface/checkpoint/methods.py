"""What the quantisation of a checkpoint says: `quantization_config`, or the file `hf_quant_config.json`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from dse.spec.huggingface.checkpoint.modules import Patterns, unsafe
from dse.text import short
from objectives.equations.chip.formats import FORMATS

KEPT: Final = ""
"""Said of modules that stay as they were before quantisation."""
UNKNOWN: Final = "?"
"""Said of modules in a format that there is no name for; a note says which."""
HEAD: Final = ("lm_head", "language_model.lm_head", "model.lm_head", "head")
_NEAR: Final = 0.02
"""Of a format that is taken for another one without a remark."""
_FAR: Final = 0.06
"""Of one that cannot be taken for it."""
_INTEGERS: Final = ("int4", "q4_0", "q5_k_m", "q6_k", "int8", "q8_0")
"""Formats of integers with scales, each of another size."""
_SCALE: Final = 2.0
"""Bytes of the scale of a group, fp16."""

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
_WHOLE: Final = {"fp8": "fp8", "fbgemm_fp8": "fp8", "mxfp4": "mxfp4", "eetq": "int8"}
"""Methods with one format."""
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


@dataclass
class _Notes:
    """Remarks while a section is read; each once."""

    texts: dict[str, None] = field(default_factory=dict)

    def add(self, text: str) -> None:
        """Remember a remark."""
        self.texts[text] = None


def quantised(section: Mapping[str, object]) -> Quantised:
    """What a section of a checkpoint says."""
    notes = _Notes()
    inner = section.get("quantization")
    section = inner if isinstance(inner, dict) else section
    method = _method(section)
    usual, named = _formats(method, section, notes)
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
    return "compressed-tensors" if "config_groups" in section else "mlx" if "bits" in section else "unknown"


def _formats(method: str, section: Mapping[str, object], notes: _Notes) -> tuple[str, dict[str, str]]:
    """Format of all matrices, and of those that have one of their own."""
    named = dict(_listed(section, notes))
    if method in _WHOLE:
        # only experts are quantised in MXFP4
        return (KEPT, {"experts": "mxfp4"}) if method == "mxfp4" else (_WHOLE[method], named)
    if method == "modelopt":
        algorithm = section.get("quant_algo")
        usual = KEPT if algorithm == "MIXED_PRECISION" else _algorithm(algorithm, notes)
        return usual, named
    if method == "compressed-tensors":
        usual, groups = _groups(section, notes)
        return usual, {**groups, **named}
    if method == "quark":
        return _quark(section, notes), named
    return _integer_method(method, section, notes), {**_overrides(section, notes), **named}


def _integer_method(method: str, section: Mapping[str, object], notes: _Notes) -> str:
    """AWQ, GPTQ, AutoRound, bitsandbytes, MLX, HQQ."""
    if method in ("bitsandbytes", "bnb"):
        if section.get("load_in_8bit") or section.get("_load_in_8bit"):
            return "int8"
        # 64 weights share an absolute maximum: fp32, or 8 bits when it is quantised again
        doubly = section.get("bnb_4bit_use_double_quant") is True
        return _nearest("bitsandbytes 4 bits", 0.5 + (1 / 64 if doubly else 4 / 64), notes)
    bits = section.get("bits", section.get("w_bit", section.get("nbits")))
    group = section.get("group_size", section.get("q_group_size"))
    # MLX keeps an offset beside each scale
    scale = 2 * _SCALE if method == "mlx" else _SCALE
    if bits is None:
        notes.add(f"it is quantised ({short(method)}), of which the bits are not understood")
        return UNKNOWN
    return _integers(bits, group, notes, scale)


def _integers(bits: object, group: object, notes: _Notes, scale: float = _SCALE) -> str:
    """The format of whole numbers in groups that share a scale; -1 or null is a whole row."""
    number = _count(bits)
    if number is None or not 1 <= number <= 16:
        notes.add(f"it is quantised to {short(bits)} bits, which is not understood")
        return UNKNOWN
    shared = _count(group)
    size = number / 8 + (scale / shared if shared else 0.0)
    said = f"{number} bits" + (f" in groups of {shared}" if shared else "")
    if number == 16:
        return KEPT
    if not shared and number in (4, 8):
        return f"int{number}"
    return _nearest(said, size, notes)


def _nearest(said: str, size: float, notes: _Notes) -> str:
    """The format of whole numbers of about so many bytes."""
    found = min(_INTEGERS, key=lambda name: abs(FORMATS[name] / size - 1.0))
    off = abs(FORMATS[found] / size - 1.0)
    if off > _FAR:
        notes.add(f"it is quantised to {said}, for which there is no format")
        return UNKNOWN
    if off > _NEAR or found not in ("int4", "int8"):
        notes.add(f"{said} ({size:.4g} B an element) counted as {found} ({FORMATS[found]:.4g} B)")
    return found


def _algorithm(value: object, notes: _Notes) -> str:
    found = _ALGORITHMS.get(str(value).upper(), UNKNOWN)
    if found == UNKNOWN:
        notes.add(f"it is quantised by {short(value)}, for which there is no format")
    elif str(value).upper() == "MXFP8":
        notes.add("MXFP8 (1.031 B an element) counted as fp8 (1 B)")
    return found


def _groups(section: Mapping[str, object], notes: _Notes) -> tuple[str, dict[str, str]]:
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
            else:
                usual = form or usual
                if target != "Linear":
                    notes.add(f"targets {short(target)} are counted as all linear layers")
    if not isinstance(groups, dict):
        notes.add("it is quantised, and the groups of its modules are not understood")
        usual = UNKNOWN
    return usual, named


def _numbers(weights: Mapping[str, object], notes: _Notes) -> str:
    """The format of one group of compressed-tensors."""
    bits, group = weights.get("num_bits"), _count(weights.get("group_size"))
    kind = weights.get("type", "int")
    if kind not in ("int", "float"):
        notes.add(f"it is quantised to numbers of type {short(kind)}, for which there is no format")
        return UNKNOWN
    if kind == "int":
        return _integers(bits, group, notes)
    if bits == 8:
        return "fp8"
    if bits == 4:
        return "mxfp4" if group == 32 else "nvfp4"
    notes.add(f"it is quantised to floats of {short(bits)} bits, for which there is no format")
    return UNKNOWN


def _quark(section: Mapping[str, object], notes: _Notes) -> str:
    """AMD Quark: one format for all layers."""
    whole = section.get("global_quant_config")
    weight = whole.get("weight") if isinstance(whole, dict) else None
    kind = weight.get("dtype") if isinstance(weight, dict) else None
    known = {"fp8_e4m3": "fp8", "fp4": "mxfp4", "int8": "int8", "int4": "int4", "uint4": "int4"}
    found = known.get(str(kind), UNKNOWN)
    if found == UNKNOWN:
        notes.add(f"it is quantised to {short(kind)} (quark), for which there is no format")
    if section.get("layer_quant_config"):
        notes.add("formats of single layers (layer_quant_config) are not read")
    return found


def _listed(section: Mapping[str, object], notes: _Notes) -> Iterator[tuple[str, str]]:
    """Modules with an algorithm of their own."""
    listed = section.get("quantized_layers")
    for name, what in listed.items() if isinstance(listed, dict) else ():
        algorithm = what.get("quant_algo") if isinstance(what, dict) else what
        yield name, _algorithm(algorithm, notes)


def _overrides(section: Mapping[str, object], notes: _Notes) -> dict[str, str]:
    """Bits of single modules: `extra_config` of AutoRound, `dynamic` of GPTQ, modules inside MLX."""
    found: dict[str, str] = {}
    extra = section.get("extra_config")
    for name, what in chain(section.items(), extra.items() if isinstance(extra, dict) else ()):
        if isinstance(what, dict) and "bits" in what:
            found[name] = _integers(what["bits"], what.get("group_size", section.get("group_size")), notes)
    dynamic = section.get("dynamic")
    for name in dynamic if isinstance(dynamic, dict) else ():
        # a minus leaves modules out; a plus, or neither, gives them other settings
        if name.startswith("-:"):
            found[f"re:{name[2:]}"] = KEPT
    if section.get("lm_head") is True and (usual := _count(section.get("bits"))):
        found["lm_head"] = _integers(usual, section.get("group_size"), notes)
    return found


def _kept(section: Mapping[str, object]) -> Iterator[str]:
    """Patterns of modules that are not quantised."""
    for key in _LISTS:
        listed = section.get(key)
        yield from (name for name in listed if isinstance(name, str)) if isinstance(listed, list) else ()


def _cache(value: object) -> str:
    if isinstance(value, dict):
        return f"{value.get('type', '')}{value.get('num_bits', '')}".strip() or "as given"
    return str(value).lower()


def _count(value: object) -> int | None:
    """A whole number above 0; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
