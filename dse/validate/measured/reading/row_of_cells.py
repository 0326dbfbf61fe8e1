"""A measured row from the cells of a line: units, statistics, pools, and why it cannot be predicted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from dse.errors import nearest
from dse.spec.yaml.units import plain_number
from dse.text import short
from dse.validate.measured.reading import metric_names, phases, spellings
from dse.validate.measured.reading.layout_columns import layout_columns
from dse.validate.measured.reading.metric_names import Named, named
from dse.validate.measured.row import KINDS, METRICS, Measured

LARGEST: Final = 1e12
"""Of a measured value, a length or a batch."""
MOST_WAYS: Final = 1e6
"""Of chips, and of ways that they are used in."""

DATE: Final = re.compile(r"^\d{4}(-\d{2}){0,2}")
PLAIN: Final = frozenset({"none", "no", "off", "false", "0"})
"""What a table writes where nothing is drafted."""

ALL_TOKENS: Final = "tokens_per_second"
"""The one name that some tables use for output tokens; GuideLLM and `vllm bench throughput` for all."""


OPEN_LENGTHS: Final = (
    "the lengths (isl, osl) are not stated in full: predicted behind an empty context where they are blank"
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a value is written."""

    where: str
    """File and line."""
    file: str
    line: int
    heading: str = ""
    """Of its column, in a table with a column for each metric."""


@dataclass(frozen=True, kw_only=True)
class Ways:
    """Chips and ways of a row; None for what it leaves open."""

    chips: float | None
    tp: float | None
    pp: float | None
    dp: float | None
    ep: float | None
    prefilling: float | None
    decoding: float | None


def row_of(place: Place, cells: Mapping[str, str]) -> Measured:
    """The row in our metrics and units; raises `ValueError` for a cell that should be a number."""
    serving = phases.serving(cells.get("serving", ""))
    given, spread = layout_columns(cells, serving == "disaggregated")
    if "metric" not in given:
        given["metric"] = given.get("unit", "")
    name = named(given.get("metric", ""), given.get("unit", ""))
    value = _number(given, "value", 0.0)
    isl, osl = _number(given, "isl", 0.0), _number(given, "osl", 0.0)
    # 0 and blank both mean that it is not stated
    batch = _number(given, "batch", 0.0) or None
    kind = spellings.kind(given.get("batch_kind", "")) or ("concurrency" if batch else "unknown")
    ways, phase = _ways_of(given, serving), phases.phase(given.get("phase", ""))
    alone = phase == "decode" and (batch or 1.0) == 1.0
    name = _of_pools(name, given.get("metric", ""), serving, ways)
    factor, lacking = _counted(name, ways, isl, osl)
    # some tables write dates with slashes
    date = DATE.match(given.get("date", "").replace("/", "-"))
    drafts = given.get("spec_decode", "")
    return Measured(
        where=place.where,
        # a row that names no run is one by itself
        run=given.get("run_id") or place.where,
        source=given.get("source_key") or place.file,
        date=date[0] if date else "",
        chip=given.get("chip", ""),
        llm=spellings.llm(given.get("llm", "")),
        weights=spellings.number_format(given.get("weights", "")),
        kv=spellings.number_format(given.get("kv", "")),
        activations=spellings.number_format(given.get("activations", "")),
        chips=ways.chips,
        tp=ways.tp,
        pp=ways.pp,
        ep=ways.ep,
        dp=ways.dp,
        batch=batch,
        kind=kind,
        isl=isl or 0.0,
        # a metric that needs no OSL gets one token; the others are refused as unclear
        osl=osl or 1.0,
        metric=name.metric,
        stat=name.stat or given.get("stat", ""),
        value=(value or 0.0) * factor,
        engine=spellings.engine(given.get("engine", "")),
        quality=given.get("quality", "").upper(),
        spec_decode="" if drafts.lower() in PLAIN else drafts,
        accepted=_number(given, "accepted", 1.0),
        vendor=given.get("vendor", ""),
        basis=given.get("basis", ""),
        phase=phase,
        serving=serving,
        prefill_chips=ways.prefilling,
        decode_chips=ways.decoding,
        ours=given.get("ours", ""),
        doubt="; ".join(_doubts(given, name, isl, osl, spread)),
        unclear=given.get("refused")
        or _unclear(given, name, kind, value)
        or _without_lengths(name, isl, osl, alone)
        or _in_parts(ways)
        or lacking
        or _of_prompts(name, phase, serving)
        or phases.unreadable(phase, serving, name.metric, METRICS[name.metric])
        or _without_pool(serving, ways.decoding),
        line=place.line,
        column=place.heading,
        unit=factor,
    )


def _ways_of(given: Mapping[str, str], serving: str) -> Ways:
    """Chips and ways, with what follows from each other in a system with pools."""
    chips, tp, pp, dp, ep = (_ways(given, name) for name in ("n_chips", "tp", "pp", "dp", "ep"))
    each, nodes = _ways(given, "chips_per_node"), _ways(given, "nodes")
    if chips is None and each is not None and nodes is not None:
        chips = each * nodes
    prefilling, decoding = _ways(given, "prefill_chips"), _ways(given, "decode_chips")
    if serving == "disaggregated":
        if decoding is None and chips is not None and prefilling is not None and chips > prefilling:
            decoding = chips - prefilling
        # a layout in full is that of the pool that decodes
        if decoding is None and tp is not None and dp is not None:
            decoding = tp * (pp or 1.0) * dp
        if chips is None and decoding is not None and prefilling is not None:
            chips = prefilling + decoding
    return Ways(chips=chips, tp=tp, pp=pp, dp=dp, ep=ep, prefilling=prefilling, decoding=decoding)


def _in_parts(ways: Ways) -> str:
    """Which number of chips or ways is not whole; the empty string when all are."""
    named = {
        "n_chips": ways.chips,
        "tp": ways.tp,
        "pp": ways.pp,
        "dp": ways.dp,
        "ep": ways.ep,
        "prefill_chips": ways.prefilling,
        "decode_chips": ways.decoding,
    }
    for name, number in named.items():
        if number is not None and not number.is_integer():
            return f"{name}: expected a whole number, got {number:g}"
    return ""


def _of_pools(name: Named, heading: str, serving: str, ways: Ways) -> Named:
    """A rate of InferenceX for each GPU of one pool as that of the system, which `_counted` multiplies."""
    if serving != "disaggregated" or not heading.lower().endswith("put_tput_per_gpu"):
        return name
    size = ways.decoding if heading.lower().startswith("output") else ways.prefilling
    per = tuple(p for p in name.per if p != metric_names.PER_CHIP)
    return replace(
        name, metric="decode_tok_s_total", per=per, unit=name.unit * (size or 0.0), known=bool(size)
    )


def _counted(name: Named, ways: Ways, isl: float | None, osl: float | None) -> tuple[float, str]:
    """What one unit of a value is in ours, and why that is unknown, if it is."""
    factor, chips = name.unit, ways.chips
    if chips is None and ways.tp is not None and (ways.dp is not None or ways.decoding is None):
        chips = ways.tp * (ways.pp or 1.0) * (ways.dp or 1.0)
    needed = {
        metric_names.PER_REQUEST: osl,
        metric_names.PER_PROMPT_TOKEN: osl / isl if osl and isl else None,
        metric_names.PER_CHIP: chips,
    }
    for what in name.per:
        size = needed[what]
        if not size:
            return factor, f"it counts {what}, and what turns them into output tokens is not stated"
        factor *= size
    return factor, ""


def _doubts(
    given: Mapping[str, str], name: Named, isl: float | None, osl: float | None, spread: str
) -> list[str]:
    """What is odd about a row, or taken instead of what it states."""
    found = [spread] if spread else []
    if words := list(metric_names.spoken(name.per)):
        found.append(f"converted to output tokens of the system: {', '.join(words)}")
    if re.sub(r"[\s\-]+", "_", given.get("metric", "").lower()) == ALL_TOKENS:
        found.append("tokens_per_second is taken as GuideLLM and vLLM count it, prompts included")
    if any(spellings.block_floating(given.get(n, "")) for n in ("weights", "kv", "activations")):
        found.append("bfp8 is taken as fp8, which has 6 % fewer bytes")
    if METRICS.get(name.metric) == "tpot" and (isl is None or not osl):
        found.append(OPEN_LENGTHS)
    if given.get("n_chips") and (_ways(given, "nodes") or 1.0) > 1.0:
        found.append("n_chips is taken as that of all nodes together")
    if osl == 1.0 and METRICS.get(name.metric) in ("tpot", "throughput"):
        found.append("OSL is 1: no token follows the first, so that the value is not about decode")
    return found


def _unclear(
    given: Mapping[str, str],
    name: Named,
    kind: str,
    value: float | None,
) -> str:
    """Why a row cannot be predicted, whatever chip and LLM it is about."""
    if name.metric not in METRICS or not name.known:
        asked = given.get("metric") or "blank"
        if name.without_unit:
            return f"metric {short(asked)} states no unit; expected a name that ends in _ms or _s"
        return f"metric {asked!r} is not predicted; {nearest(name.metric, METRICS)}"
    if metric_names.contradicts(given.get("metric", ""), given.get("unit", "")):
        return f"metric {given['metric']!r} contradicts its unit {given['unit']!r}"
    if kind not in KINDS:
        return f"batch_kind: unknown {kind!r}; {nearest(kind, KINDS)}"
    # relative errors and their logarithms need a value above 0
    if not value:
        return "the value is blank or 0"
    for column in ("chip", "llm", "weights"):
        if not given.get(column):
            return f"{column} is blank"
    for column in ("weights", "kv", "activations"):
        if given.get(column, "").lower() == "mixed":
            return f"{column}: 'mixed' formats are not predicted; state the one that holds most bytes"
    return ""


def _without_lengths(name: Named, isl: float | None, osl: float | None, alone: bool) -> str:
    """Why a row cannot be predicted without its lengths; the empty string when it can.

    `alone`: it is about steps of decode without prompts between them, and without a stated crowd, which hang
    little on lengths. 0 is a statement there: `llama-bench` decodes behind an empty prompt.
    """
    family = METRICS[name.metric]
    if family == "tpot" and alone:
        return ""
    # elsewhere 0 is how a spreadsheet shows a blank; a rate may be one without prompts
    no_prompt = isl is None if family in ("throughput", "end_to_end") else not isl
    lacking = no_prompt or (not osl and family != "ttft")
    return "the lengths (isl, osl) are not stated" if lacking else ""


def _of_prompts(name: Named, phase: str, serving: str) -> str:
    """Why a rate of prompt tokens alone cannot be predicted; the empty string for any other value."""
    if metric_names.PER_PROMPT_TOKEN not in name.per:
        return ""
    if phase == "prefill":
        return "a pool that only prefills is not predicted"
    if phase == "decode" or serving == "decode-only":
        return "a pool that only decodes has no prompt tokens"
    return ""


def _without_pool(serving: str, decoding: float | None) -> str:
    """Why a system whose pools are not stated cannot be predicted; the empty string for any other."""
    if serving != "disaggregated" or decoding is not None:
        return ""
    return "disaggregated: neither decode_chips nor the layout (tp, dp) of the pool that decodes is stated"


def _ways(given: Mapping[str, str], name: str) -> float | None:
    """A number of chips or ways."""
    return _number(given, name, 1.0, MOST_WAYS)


def _number(given: Mapping[str, str], name: str, minimum: float, largest: float = LARGEST) -> float | None:
    """The number in a cell, None for a blank one; raises `ValueError` for anything else."""
    text = given.get(name, "")
    if not text:
        return None
    # thousands may be separated, in groups of three: 1,5 is not 15
    value = plain_number(text.replace(",", "_"))
    if value is None:
        raise ValueError(f"{name}: expected a number, got {short(text)}")
    if value < minimum:
        raise ValueError(f"{name}: expected at least {minimum:g}, got {short(text)}")
    if value > largest:
        raise ValueError(f"{name}: expected at most {largest:g}, got {short(text)}")
    return float(value)
