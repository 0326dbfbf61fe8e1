"""Number formats of matrix units: peaks that follow from one another, and what an LLM is computed in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, get_args

from dse.errors import Problem, SpecError, spec_error, unknown
from dse.spec.schema.base import SourcedFlops
from dse.spec.schema.chip import ChipClass, ChipSpec, MatrixUnit, PeakFormat
from dse.spec.schema.formats import PUBLISHED, REST, in_a_word, multiplied, parts_of, weights_named
from dse.spec.schema.kept import kv_named
from dse.spec.schema.llm import LlmSpec
from dse.spec.schema.study import PrecisionSpec
from dse.spec.schema.technology import TechnologySpec
from dse.spec.yaml.loading import build_spec
from objectives.equations.chip.formats import FORMATS, arithmetic, native
from objectives.parts import PEAKS_OF_PARTS, Parts

SOURCE: Final = "cal"
"""Key of the source that a derived peak cites."""

UNITS: Final = MappingProxyType[ChipClass, MatrixUnit](
    {
        "datacentre-gpu": "tensor-core",
        "consumer-gpu": "tensor-core",
        "soc": "tensor-core",
        "systolic": "systolic",
        "dataflow-sram": "dataflow",
        "fpga": "dataflow",
    }
)
"""Class of a chip to the kind of its matrix unit, where its file does not say."""


BLOCK_SCALED: Final = frozenset(("nvfp4", "mxfp4"))
"""Stored formats with a scale for each block of numbers, in floating point."""


COMPUTED: Final = MappingProxyType({"computed_in": "matrix", "attention_computed_in": "attention"})
"""Column of a table of designs to the group of operators whose format it holds."""


@dataclass(frozen=True)
class Computed:
    """The format of a group of operators."""

    asked: str  # a key of the JSON output
    """The stored format of the weights, or of the KV cache."""
    used: str
    """The matrix format that they are multiplied in."""
    why: str = ""
    """Why that is not the stored format; empty where it is."""


def matrix_formats(chip: ChipSpec, stored: str, activations: str) -> tuple[str, ...]:
    """Formats that a chip multiplies stored numbers and activations in, the narrowest first.

    Those of `arithmetic`; numbers with a scale for each block of 16 or 32 need a unit that scales blocks,
    which came with fp4: on chips without it, such as Hopper, engines widen them to 16 bits (Marlin kernels,
    Frantar et al. 2024, arXiv 2408.11743). Where a chip has no 16 bits to widen to, as LP30, it stays at 8.
    """
    formats = arithmetic(stored, activations)
    scaled = not BLOCK_SCALED.isdisjoint((stored, activations))
    if not scaled or _has(chip, "fp4") or not (_has(chip, "fp16") or _has(chip, "fp32")):
        return formats
    return tuple(name for name in formats if name != "fp8")


def _has(chip: ChipSpec, name: PeakFormat) -> bool:
    leaf = chip.peak.get(name)
    return leaf is not None and bool(leaf.value)


def best_peak(chip: ChipSpec, formats: tuple[str, ...]) -> tuple[str, float] | None:
    """The fastest of `formats` that the chip has and its peak [FLOP/s]; of equals the first.

    None when it has none of them.
    """
    known = [(name, float(leaf.value)) for name, leaf in _known(chip, formats) if leaf.value]
    # the fastest: operands may be converted to a wider format on the way in
    return max(known, key=lambda pair: pair[1]) if known else None


def peak_of(chip: ChipSpec, formats: tuple[str, ...]) -> float | None:
    """Matrix peak in the fastest of `formats` that the chip has [FLOP/s]; None when it has none of them."""
    found = best_peak(chip, formats)
    return None if found is None else found[1]


def computed_in(chip: ChipSpec, precision: PrecisionSpec) -> dict[str, Computed]:
    """Formats that `matrix` multiplications and the `attention` core are computed in on a chip.

    Of weights with a format for each part, those of other parts than the rest are `matrix.PART`.
    """
    parts = multiplied(precision.weights)
    stored = {"matrix": parts.pop(REST), "attention": precision.cache}
    stored |= {f"matrix.{part}": name for part, name in parts.items()}
    return {group: _computed(chip, name, precision.activations) for group, name in stored.items()}


def part_peaks(chip: ChipSpec, precision: PrecisionSpec) -> dict[str, float]:
    """Columns of the matrix peaks of the weights: of the rest, and of parts in other formats [FLOP/s]."""
    columns = {REST: "peak_flops", **PEAKS_OF_PARTS}
    return {
        columns[part]: peak_of(chip, matrix_formats(chip, stored, precision.activations)) or 0.0
        for part, stored in multiplied(precision.weights).items()
    }


def computed_by_format(chip: ChipSpec) -> dict[str, Computed]:
    """What each matrix format but fp32 is computed in; empty for a chip without any peak."""
    formats = [name for name in get_args(PeakFormat) if name != "fp32"]
    stored = {name: "nvfp4" if name == "fp4" else name for name in formats}  # fp4 is stored with scales
    if not any(leaf.value for leaf in chip.peak.values()):
        return {}
    # activations in the same format, so that the chip alone decides
    return {name: _computed(chip, each, each) for name, each in stored.items()}


def computed_columns(chip: ChipSpec, precision: PrecisionSpec) -> dict[str, str]:
    """Columns of a table of designs with the formats that a chip computes in."""
    found = computed_in(chip, precision)
    columns = {column: found[group].used for column, group in COMPUTED.items()}
    parts = {part: found[f"matrix.{part}"].used for part in multiplied(precision.weights) if part != REST}
    # one word for all, as the formats themselves are
    return (
        {**columns, "computed_in": in_a_word({**parts, REST: columns["computed_in"]})} if parts else columns
    )


def remarks(computed: Mapping[str, Computed]) -> list[str]:
    """What is computed in another format than it is stored in, a sentence each."""
    stored = {"matrix": "weights", "attention": "KV cache"}
    # by what is said, so that weights and KV cache of one format share a sentence
    found: dict[Computed, list[str]] = {}
    for group, each in computed.items():
        if each.why:
            found.setdefault(each, []).append(stored.get(group) or group.removeprefix("matrix."))
    return [
        f"{each.asked} {' and '.join(what)} computed in {each.used}: {each.why}"
        for each, what in found.items()
    ]


def with_formats(chip: ChipSpec, technology: TechnologySpec) -> ChipSpec:
    """The chip with a peak in every format of its matrix unit that its file leaves out.

    Maths: F_format = F_fp16 x ratio, ratio by format and kind of unit from the technology file, for the
    formats that the chip's node has. Without an fp16 peak it is the first peak of the file over its
    ratio. A peak that the file states, or states as unknown, stays. A chip whose file names no
    `matrix_unit` stays as it is.
    """
    if chip.matrix_unit is None:
        return chip
    node = str(chip.die.process.value)
    return _completed(chip, technology, chip.matrix_unit, formats_on(technology, node))


def searched_on(chip: ChipSpec, technology: TechnologySpec, node: str) -> ChipSpec:
    """A template as a chip that is made on `node`: with the formats of that node and no others."""
    unit = chip.matrix_unit or UNITS[chip.chip_class]
    formats = formats_on(technology, node)
    # the template may be of another node, with formats that this one lacks
    # a technology without a table of formats says nothing of nodes: all peaks stay
    keep = {"fp32", "fp16", *formats} if technology.formats else set(chip.peak)
    die = chip.die.model_copy(update={"process": chip.die.process.model_copy(update={"value": node})})
    peaks = {name: leaf for name, leaf in chip.peak.items() if name in keep}
    bare = chip.model_copy(update={"die": die, "peak": peaks, "matrix_unit": unit})
    return _completed(bare, technology, unit, formats)


def formats_on(technology: TechnologySpec, node: str) -> tuple[PeakFormat, ...]:
    """Formats in addition to fp16 that matrix units on `node` have."""
    return tuple(name for name, spec in technology.formats.items() if node in spec.nodes)


def unit_size(chip: ChipSpec, technology: TechnologySpec) -> float:
    """Area and power of the matrix unit of a chip over those of one whose formats set the node's density [1].

    Maths: (1 + sum of extra over its formats) / (1 + sum of extra over the formats that the density counts).
    Limits: 1 for a chip with the formats of the dies that set the density, such as H100 on n5.
    """
    node = str(chip.die.process.value)
    extra = {name: float(spec.extra.value or 0.0) for name, spec in technology.formats.items()}
    own = sum(extra[name] for name, leaf in chip.peak.items() if name in extra and leaf.value)
    # the density of a node was measured on dies that hold these formats already
    counted = sum(extra[name] for name, spec in technology.formats.items() if node in spec.counted)
    return (1.0 + own) / (1.0 + counted)


def _known(chip: ChipSpec, formats: tuple[str, ...]) -> Iterator[tuple[str, SourcedFlops]]:
    for name in formats:
        leaf = chip.peak.get(name)  # type: ignore[call-overload]
        if leaf is not None:
            yield name, leaf


def _computed(chip: ChipSpec, stored: str, activations: str) -> Computed:
    """The format in which `chip` computes values stored in `stored`, and why it is another one."""
    formats, wanted = matrix_formats(chip, stored, activations), native(stored)
    found = best_peak(chip, formats)
    used = formats[0] if found is None else found[0]
    # bf16 and fp16 have one peak; the name that the user gave is shown
    if used == wanted:
        return Computed(stored, "bf16" if stored == "bf16" else used)
    if formats[0] != wanted:
        return Computed(stored, used, f"activations are {activations}")
    # two reasons to widen: the chip has no such format, or a wider one is faster
    has = (leaf := chip.peak.get(formats[0])) is not None and leaf.value  # type: ignore[call-overload]
    return Computed(stored, used, f"{chip.name} {'is faster in it' if has else f'has no {wanted} peak'}")


def _completed(
    chip: ChipSpec, technology: TechnologySpec, unit: MatrixUnit, formats: tuple[PeakFormat, ...]
) -> ChipSpec:
    """The chip with peaks in `formats`, each its ratio times the fp16 peak, where its file has none."""
    ratios: dict[PeakFormat, float] = {
        name: float(technology.formats[name].peak[unit].value or 0.0)
        for name in formats
        if unit in technology.formats[name].peak
    }
    ratios = {"fp16": 1.0, **ratios}
    given = [(name, leaf.value) for name in ratios if (leaf := chip.peak.get(name)) and leaf.value]
    # a null ratio has become 0 above: nothing is derived from it
    missing = [name for name in ratios if name not in chip.peak and ratios[name] > 0.0]
    if not given or not missing:
        return chip
    # `ratios` begins with fp16, which is taken where it is known
    first, value = given[0]
    fp16 = value / ratios[first]
    peaks = {**chip.peak, **{name: _derived(fp16 * ratios[name], ratios[name], unit) for name in missing}}
    return chip.model_copy(update={"peak": peaks})


def _derived(value: float, ratio: float, unit: str) -> SourcedFlops:
    note = f"{ratio:.4g} times the fp16 peak: {unit} units, by the technology file"
    # not validated, since a reader of quantities refuses bare numbers
    return SourcedFlops.model_construct(value=value, source=SOURCE, basis="derived", note=note)


@dataclass(frozen=True, kw_only=True)
class Peaks:
    """Matrix peaks of a template that is made on one node [FLOP/s]."""

    fp16: float
    matrix: float
    """In the format of matrix multiplications."""
    attention: float
    silicon: float
    """fp16 peak that takes as much area and power as all formats of the unit."""
    parts: Parts
    """In the format of each part of the weights."""


def template_peaks(chip: ChipSpec, precision: PrecisionSpec, silicon: float) -> Peaks:
    """Peaks of a template on its node, of so much silicon; raises `SpecError` where it has no fp16 peak."""
    fp16, columns = peak_of(chip, ("fp16",)), part_peaks(chip, precision)
    # the parameter `peak_flops` of a space is an fp16 peak, see `Branch._ratio`
    if fp16 is None:
        what = "peak.fp16: expected a known value in a template, got none"
        raise spec_error(f"chips/{chip.name}", what)
    matrix = columns["peak_flops"]
    own = {part: columns.get(column, matrix) for part, column in PEAKS_OF_PARTS.items()}
    return Peaks(
        fp16=fp16,
        matrix=matrix,
        attention=peak_of(chip, matrix_formats(chip, precision.cache, precision.activations)) or 0.0,
        silicon=silicon,
        # the embedding multiplies nothing
        parts=Parts(embedding=matrix, **own),
    )


def published_as(llm: LlmSpec | None) -> str:
    """Formats of the weights of an LLM as they are published, as one word; raises `ValueError` for none."""
    if llm is None or llm.formats is None:
        name = "an LLM that was not found" if llm is None else llm.name
        raise ValueError(f"expected formats in the file of the LLM for {PUBLISHED!r}, got none for {name}")
    return in_a_word(llm.formats.model_dump(exclude_none=True))


def precision_named(
    weights: str, kv: str | None, activations: str | None, published: LlmSpec | None = None
) -> PrecisionSpec:
    """The formats, of which `kv` and `activations` follow the weights; raises `SpecError` for all of them.

    `published` is the LLM whose own formats the word of this name means.
    """
    problems = []
    if activations is not None and activations not in FORMATS:
        problems.append(Problem("--activations", unknown("number format", activations, FORMATS)))
    try:
        kv = kv and kv_named(kv)
    except ValueError as error:
        problems.insert(0, Problem("--kv", str(error)))
    try:
        weights = weights_named(published_as(published) if weights == PUBLISHED else weights)
    except ValueError as error:
        problems.insert(0, Problem("--weights", str(error)))
    if problems:
        raise SpecError(problems)
    # narrower than a byte only where the user names it
    rest = parts_of(weights)[REST]
    follows = "fp16" if FORMATS[rest] < 1.0 else rest
    data = {"weights": weights, "kv": kv or follows, "activations": activations or follows}
    return build_spec(PrecisionSpec, data, "--kv, --activations")
