"""A candidate as a file of `configs/chips`, and the space around it as one of `configs/spaces`."""

from collections.abc import Iterator, Mapping

import numpy as np

from dse.chips.branch import Branch
from dse.chips.silicon import chip_silicon
from dse.decide.propose.candidates import Candidate, chips_of_candidates, generation_of, node_of
from dse.decide.propose.further_memories import SOURCE, derived, lines_of_memories, memories_of
from dse.question.resolved_study import ResolvedStudy
from dse.spec.overrides.replace import override
from dse.spec.schema.base import SourcedBandwidth, SourcedBytes, SourcedCount, sourced_values
from dse.spec.schema.chip import ChipSpec, DerivedFrom, Dram
from dse.spec.schema.space import NAME, PARAMETERS
from dse.spec.schema.technology import TechnologySpec
from dse.spec.yaml.writing import exact
from objectives.arrays import zeros_like


def chip_of(study: ResolvedStudy, candidate: Candidate, name: str, targets: Mapping[str, str]) -> ChipSpec:
    """The chip file of a point of the search space; every value says what it is derived from."""
    branch = study.branches[candidate.branch or ""]
    columns = chips_of_candidates(study, [candidate]).columns()
    column = {n: float(f"{a[0]:.15g}") for n, a in columns.items()}  # as many digits as a file reads back
    out = _identity(study, branch, candidate, name, targets)
    for path, value, note in _numbers(study, branch, candidate, column):
        out = override(out, path, value, note, source=SOURCE, basis="derived")
    # what only a chip that is sold has
    nothing = {"value": None, "source": "not-found", "basis": "published"}
    gone = {
        "price": type(out.price)(**nothing, note="not sold"),
        "host": type(out.host)(**nothing, note="no host exists for it"),
        "dram": _dram(branch, candidate, column),
        "price_basis": None,
        "memories": memories_of(branch, candidate, column),
    }
    out = out.model_copy(update=gone)
    # last, since area and unit cost follow from everything else
    for path, value, note in _silicon(study, out):
        out = override(out, path, value, note, source=SOURCE, basis="derived")
    return out


def _silicon(study: ResolvedStudy, chip: ChipSpec) -> Iterator[tuple[str, float, str]]:
    """What follows from the silicon of the chip."""
    made = made_of(chip, study.setting.technology)
    derived = {
        "die.area": ("area_m2", "sum of its parts by the technology file, shared by its dies"),
        "unit_cost": ("unit_cost_usd", "bill of materials by the technology file"),
    }
    for path, (ledger, note) in derived.items():
        # a file has the area of one die, and the cost of the whole package
        whole = sum(made[ledger].values()) / (
            float(chip.die.count.value or 1) if ledger == "area_m2" else 1.0
        )
        yield path, float(f"{whole:.15g}"), note


def made_of(chip: ChipSpec, technology: TechnologySpec) -> dict[str, dict[str, float]]:
    """Die plan, power and bill of materials of a chip by part: `area_m2`, `power_w`, `unit_cost_usd`."""
    made = chip_silicon(chip, technology)
    # boards are bought for the power in the file, as for a chip that exists
    power = None if chip.power.value is None else zeros_like(made.power_w) + chip.power.value
    ledgers = {
        "area_m2": made.area_parts,
        "power_w": made.power_parts,
        "unit_cost_usd": made.unit_cost_parts(power),
    }
    return {
        ledger: {name: float(np.asarray(part).reshape(-1)[0]) for name, part in parts.items()}
        for ledger, parts in ledgers.items()
    }


def _identity(
    study: ResolvedStudy, branch: Branch, candidate: Candidate, name: str, targets: Mapping[str, str]
) -> ChipSpec:
    """The template under the name of the proposal, every number marked as taken from it."""
    template = branch.made_at(node_of(branch, candidate))
    out = template
    for path, leaf in sourced_values(template):
        # a number of the template is an assumption about this chip, whatever its basis there
        if leaf.value is not None:
            note = f"as {template.name}"
            out = override(out, path, leaf.value, note, source=leaf.source, basis="assumption")
    link = out.link.model_copy(update={"network": study.spec.network or branch.spec.network})
    named = branch.spec.parameters.get("package")
    package: str | None = out.die.package
    if named is not None:
        package = named.choices[round(candidate.values["package"])]
    die = out.die.model_copy(update={"wafer_scale": branch.spec.wafer_scale, "package": package})
    changes = {
        "name": name,
        "title": f"Proposed by {study.slug}: trial {candidate.trial} in buildable sizes",
        "aliases": (),
        "vendor": "hypothetical",
        "hypothetical": True,
        "matrix_unit": None,
        "released": None,
        "link": link,
        "die": die,
        "stack": study.setting.sold_with(branch.name, branch.spec.stack),
        # a claim about the template is none about this chip
        "claimed_user_speed": None,
        "cooling": branch.spec.cooling,
        "clock": branch.spec.clock,
        "derived_from": DerivedFrom(
            study=study.slug, trial=candidate.trial or 0, chip=candidate.label, targets=dict(targets)
        ),
        "notes": "Made by dse propose; this chip is hypothetical.",
    }
    return out.model_copy(update=changes)


def _numbers(
    study: ResolvedStudy, branch: Branch, candidate: Candidate, column: Mapping[str, float]
) -> Iterator[tuple[str, float | str, str]]:
    """Path, value in SI and note of every number that is not the template's."""
    template, values = branch.made_at(node_of(branch, candidate)), candidate.values
    # the search scales the peaks of all formats together
    ratio = values.get("peak_flops", branch.peaks[0].fp16) / branch.peaks[0].fp16
    origin, note = f"trial {candidate.trial} of {study.slug}", f"{ratio:.6g} times that of {template.name}"
    if "peak_flops" in values:
        for form, leaf in template.peak.items():
            if leaf.value is not None:
                yield f"peak.{form}", float(f"{leaf.value * ratio:.15g}"), note
        load = template.sram.weight_load
        if load is not None and load.value is not None:
            # as its peaks, at the nominal clock: a chip that is too hot is slowed again from these
            yield "sram.weight_load", float(f"{load.value * ratio:.15g}"), note
    if "sram" in values:
        yield "sram.capacity", column["sram_bytes"], origin
    if "sram_bandwidth_per_byte" in values:
        speed = values["sram_bandwidth_per_byte"] * column["sram_bytes"]
        yield "sram.bandwidth", float(f"{speed:.15g}"), origin
    if "link_bandwidth" in values or "link_count" in values:
        yield "link.bandwidth", column["link_bandwidth"], origin
    yield "die.process", node_of(branch, candidate), "node of the search space"
    dies = round(values.get("dies", 1.0))
    yield "die.count", dies, "one die" if dies == 1 else origin
    if "die_bandwidth" in values:
        yield "die.joined", values["die_bandwidth"], origin
    yield "power", column["power_w"], "thermal design power by the technology file"


def _dram(branch: Branch, candidate: Candidate, column: Mapping[str, float]) -> Dram | None:
    """The DRAM entry of the chip file; None for a chip without DRAM."""
    generation = generation_of(branch, candidate)
    if generation is None:
        return None
    # searched values are floats; DRAM has whole stacks
    stacks = round(candidate.values["dram_stacks"])
    if stacks == 0:
        return None
    note = f"{stacks} stacks of the technology file's {generation}"
    return Dram(
        generation=generation,
        capacity=derived(SourcedBytes, column["dram_bytes"], note),
        bandwidth=derived(SourcedBandwidth, column["dram_bandwidth"], note),
        stacks=derived(SourcedCount, stacks, f"trial {candidate.trial}"),
    )


def space_around(study: ResolvedStudy, candidate: Candidate, chip: str) -> str:
    """YAML of a space whose one branch goes from half to twice the chip, and by two up and down in counts."""
    whole = study.branches[candidate.branch or ""]
    branch = whole.spec
    keys = {
        "template": chip,
        "process": node_of(whole, candidate),
        "dram_generation": generation_of(whole, candidate),
        "stack": study.setting.sold_with(whole.name, branch.stack),
        "network": study.spec.network or branch.network,
    }
    lines = [
        "kind: space",
        f"name: around-{chip}",
        f'title: "Around {chip}: from half to twice, counts by two up and down"',
        "branches:",
        "  around:",
        *(f"    {key}: {value}" for key, value in keys.items() if value is not None),
        *lines_of_memories(whole),
        "    parameters:",
        *(
            f"      {name}: {_range(name, value)}"
            for name, value in candidate.values.items()
            # a node and a kind of DRAM are fixed above, any other name by the template
            if PARAMETERS[name] != NAME
        ),
    ]
    return "\n".join(lines) + "\n"


def searched_at(space: str, chip: str, place: str) -> str:
    """The YAML of a space around `chip`, which is not in a folder of configs but in the file `place`."""
    return space.replace(f"    template: {chip}\n", f"    template: {place}\n")


def _range(name: str, value: float) -> str:
    unit = PARAMETERS[name]
    if not unit:  # counted
        low, high = max(1, round(value) - 2), round(value) + 2
        return f'{{low: "{low}", high: "{high}", steps: {high - low + 1}}}'
    low_text, high_text = exact(0.5 * value, unit), exact(2.0 * value, unit)
    # two octaves in 16 steps, eight to each
    return f'{{low: "{low_text}", high: "{high_text}", scale: log, steps: 17}}'
