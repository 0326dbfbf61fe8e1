"""The many spellings of a chip's or an LLM's name: `NVIDIA H100 80GB HBM3` is `h100-sxm`.

A spelling is cut into words; words that say nothing about the silicon or the shape (vendors, `Instruct`,
`FP8`) are left out. Size of device DRAM and form factor only decide between chips of one name.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeVar

T = TypeVar("T")

_VENDORS: Final = """
nvidia amd intel google aws amazon cloud geforce instinct radeon tesla quadro gpu gpus graphics card
accelerator oam hgx dgx generation huawei habana apple tensor core rx silicon chip server
"""
_MEMORY_KINDS: Final = re.compile(r"^(hbm|gddr|lpddr|ddr)\d*[a-z]*$")
_SIZE: Final = re.compile(r"^(\d{1,6})(g|gb|gib)$")
_FORM: Final = re.compile(r"^(sxm|pcie|nvl72|nvl|smx)\d*$")

_TRAINED: Final = """
instruct thinking chat hf it base meta preview latest dynamic gguf quantized turbo awq gptq int4 int8 fp4 fp8
fp16 bf16 nvfp4 mxfp4 w4a16 w8a8 w8a16 kv exl2 4bit 8bit static pertensor text
"""
_QUANTISED: Final = re.compile(r"^(q\d(_\w+)?|quantized\..*|v[01]\.\d|bnb.*)$")
# a year and a month, as in 2507
_DATED: Final = re.compile(r"^\d{4}$")
_NOT_SILICON, _NOT_SHAPE = frozenset(_VENDORS.split()), frozenset(_TRAINED.split())


@dataclass(frozen=True)
class ChipName:
    """A chip's name taken apart."""

    model: str
    form: str | None
    """`sxm`, `pcie`, `nvl`; None where the name does not say."""
    gigabytes: int | None


@lru_cache(maxsize=4096)
def chip_name(text: str) -> ChipName:
    """The parts of a chip's name, vendor and kind of DRAM left out."""
    # "80 GB" and "80GB" are one word
    joined = re.sub(r"(\d)\s*(GB|GiB)\b", r"\1gb", text, flags=re.IGNORECASE).lower()
    form, gigabytes, model = None, None, []
    for word in _words(joined):
        if size := _SIZE.match(word):
            gigabytes = int(size[1])
        elif shape := _FORM.match(word):
            # smx is a misspelling; NVL72 names a rack of modules, not the card with NVLink bridges (NVL)
            form = {"smx": "sxm", "nvl72": "sxm"}.get(shape[1], shape[1])
        elif word not in _NOT_SILICON and not _MEMORY_KINDS.match(word):
            model.append(word)
    return ChipName(model="".join(model), form=form, gigabytes=gigabytes)


@lru_cache(maxsize=4096)
def llm_keys(text: str) -> tuple[str, ...]:
    """Keys of an LLM's name, the strictest first: as trained, and without the date of training."""
    # the organisation before the slash is no part of the name
    last = text.rstrip("/").rpartition("/")[2].lower()
    last = re.sub(r"(?<=\d)_(?=\d)", ".", last)  # llama-3_1 is llama-3.1
    last = re.sub(r"q\d_[a-z0-9_]+", "", last)  # GGUF quantisations, such as q4_k_m
    words = [w for w in _words(last) if w not in _NOT_SHAPE and not _QUANTISED.match(w)]
    # a name without a date has one key
    return tuple(dict.fromkeys(("".join(words), "".join(w for w in words if not _DATED.match(w)))))


def spelt_chip(text: str, known: Mapping[str, T]) -> T | None:
    """The chip among `known` (any of its names to the chip) that a spelling means; None when unclear.

    Of several that fit, the one that has the bare name, or the form factor of that one.
    """
    wanted = chip_name(text)
    same = {spelling: chip for spelling, chip in known.items() if chip_name(spelling).model == wanted.model}
    # a name of nothing but vendors and sizes means no chip
    if not wanted.model or not same:
        return None
    facts: dict[T, list[ChipName]] = {}
    for spelling, chip in same.items():
        facts.setdefault(chip, []).append(chip_name(spelling))
    fitting = [chip for chip, names in facts.items() if _fits(wanted, names)]
    if len(fitting) == 1:
        return fitting[0]
    # several may fit: the chip that has the bare name is the usual one
    bare = {
        chip for spelling, chip in same.items() if chip_name(spelling) == ChipName(wanted.model, None, None)
    }
    usual = {n.form for chip in bare for n in facts[chip]} - {None}
    first = [chip for chip in fitting if chip in bare]
    alike = [chip for chip in fitting if usual & {n.form for n in facts[chip]}]
    return next((found[0] for found in (first, alike) if len(found) == 1), None)


def _fits(wanted: ChipName, names: Iterable[ChipName]) -> bool:
    """Whether the wanted form and size of DRAM contradict none that the names of a chip state."""
    forms = {n.form for n in names} - {None}
    sizes = {n.gigabytes for n in names} - {None}
    right_form = wanted.form is None or not forms or wanted.form in forms
    right_size = wanted.gigabytes is None or not sizes or any(_near(wanted.gigabytes, s) for s in sizes if s)
    return right_form and right_size


def _near(one: int, other: int) -> bool:
    """Makers and drivers round the size of DRAM differently: 180 and 192 GB are one chip."""
    return abs(one - other) <= 0.12 * max(one, other)


def spelt_llm(text: str, known: Mapping[str, T]) -> T | None:
    """The LLM among `known` (any of its names to the LLM) that a spelling means; None when unclear."""
    by_key: dict[str, set[T]] = {}
    for spelling, llm in known.items():
        by_key.setdefault(llm_keys(spelling)[0], set()).add(llm)
    # the strict key first: without its date of training a name may mean two LLMs
    for key in llm_keys(text):
        found = by_key.get(key, set())
        if len(found) == 1:
            return next(iter(found))
    return None


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s_\-:/(),™®]+", text) if word]
