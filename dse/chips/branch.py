"""A branch of a space: parameter arrays in, chip columns out, its price derived from its silicon."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.chips.chip_price import around_of
from dse.chips.formats import COMPUTED, Peaks, computed_columns, peak_of, searched_on, template_peaks
from dse.chips.interval import interval_columns
from dse.chips.link_reach import reach_columns
from dse.chips.memories import (
    off_chip,
    off_chip_dollars,
    off_chip_watts,
    searched_builds,
    searched_columns,
    unkept,
    unlisted,
)
from dse.chips.parameter_range import named
from dse.chips.price_method import FROM_FILES, Priced, price_method, price_methods
from dse.chips.resolve import network_columns, stack_columns, template_columns
from dse.chips.setting import Columns, Setting
from dse.chips.silicon import Silicon, blueprint_of, derive, fp16_equivalent, managed_by_software
from dse.chips.silicon_columns import at_clock, excess_columns, package_columns, watt_columns
from dse.errors import Problem, SpecError, spec_error
from dse.plugins.designs import chips_named
from dse.spec.schema.build import Build
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.space import BranchSpec, SpaceSpec
from dse.spec.schema.system import NetworkSpec
from objectives import api
from objectives.arrays import Array, namespace, zeros_like
from objectives.equations.fabrication.package import PACKAGES
from objectives.equations.fabrication.technology import Blueprint, MemoryDevice, Technology, pick
from objectives.equations.fabrication.thermal import Heat
from objectives.parts import PEAKS_OF_PARTS


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A branch with its template resolved: what does not vary is computed once."""

    name: str
    spec: BranchSpec
    template: ChipSpec
    setting: Setting
    network: NetworkSpec
    fixed: Columns = field(repr=False)
    """Columns of the template under the branch's stack and network."""
    blueprint: Blueprint = field(repr=False)
    """Silicon of the template, without DRAM where the branch has none."""
    made_on: tuple[ChipSpec, ...] = field(repr=False)
    """The template with the formats of each node, in the order of their choices."""
    peaks: tuple[Peaks, ...] = field(repr=False)
    """Of the template on each node."""
    technologies: tuple[tuple[Technology, ...], tuple[Technology, ...]] = field(repr=False)
    """Constants by node, and by DRAM generation, in the order of their choices."""
    beside: tuple[MemoryDevice, ...] = ()
    """One unit of each memory that is no part of the chips: host and pooled."""

    @property
    def kind(self) -> str:
        """Whether chips of this branch keep tensors in SRAM only, in DRAM only, or in both."""
        return storage_kind(bool(self.fixed["sram_pinned"]), bool(self.spec.generations))

    def made_at(self, node: str) -> ChipSpec:
        """The template as it is made on one of the nodes."""
        return self.made_on[self.spec.nodes.index(node)]

    def columns(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """Chip columns, shape (n,), for parameter values of shape (n,) in SI, in their array namespace."""
        columns, heat = self.nominal(values)
        return at_clock(columns, heat.clock_share, heat.dynamic_share)

    def nominal(self, values: Mapping[str, Array]) -> tuple[dict[str, Array], Heat]:
        """As `columns`, with rates and their watts at the nominal clock, and the clock that chips run at.

        Its power, and what is bought for it, is that at the clock it runs at.
        """
        xp = namespace(*values.values()) if values else np
        # what does not vary keeps the shape (1,) and broadcasts, so that it is computed once for all
        out = {name: xp.asarray([value], dtype=xp.float64) for name, value in self.fixed.items()}
        if "link_bandwidth" in values:
            out["link_bandwidth"] = values["link_bandwidth"]
        # whole ports: their number and their speed are searched apart
        if "link_count" in values:
            out["link_bandwidth"] = values["link_count"] * values["link_speed"]
        ratio, peaks = self._ratio(values, xp), self._peaks(values)
        out |= {"peak_flops": peaks.matrix * ratio, "attention_flops": peaks.attention * ratio}
        # those that the template has: of parts in another format than the rest
        own = {column: getattr(peaks.parts, part) for part, column in PEAKS_OF_PARTS.items() if column in out}
        out |= {column: peak * ratio for column, peak in own.items()}
        # a port per matrix unit: twice the units load twice as many weights a second
        out["weight_load_bandwidth"] = out["weight_load_bandwidth"] * ratio
        if "sram" in values:
            out["sram_bytes"] = values["sram"]
        if "sram_bandwidth_per_byte" in values:
            # per byte of the SRAM that was just set: banks bring their ports with them
            out["sram_bandwidth"] = values["sram_bandwidth_per_byte"] * out["sram_bytes"]
        made = self._made(values, out)
        out |= self._memories(values, made)
        out |= {
            "dram_bytes": made.blueprint.dram_bytes,
            "dram_bandwidth": made.blueprint.dram_bandwidth,
            "power_w": made.power_w,
            **watt_columns(made, made.nominal_power),
            **package_columns(made),
            **excess_columns(made),
            "price_usd": self._price(made, values, ratio),
            **self._optics(out["link_bandwidth"]),
        }
        for device in self.beside:
            out[f"{device.name}_w"] = watts = off_chip_watts(device, out)
            out["power_w"] = out["power_w"] + watts
            out["price_usd"] = out["price_usd"] + off_chip_dollars(device, out)
        # last, since servers, racks and links are sized by the power and bandwidth above
        if self.setting.price.system == "built-up":
            out |= around_of(out["power_w"], out["link_bandwidth"], self.network, self.setting)
        return out, made.heat

    def _memories(self, values: Mapping[str, Array], made: Silicon) -> dict[str, Array]:
        """Columns of memories beyond SRAM and DRAM but for their watts."""
        if not self.spec.memories:
            return {}
        devices = {d.name: d for d in (*made.technology.memories, *self.beside)}
        setting = self.setting
        return searched_columns(self.spec.memories, values, devices, setting.technology, setting.value)

    def silicon(self, values: Mapping[str, Array]) -> Silicon:
        """Silicon of the chips that parameter values of shape (n,) make."""
        return self._made(values, self.nominal(values)[0])

    def _made(self, values: Mapping[str, Array], out: Mapping[str, Array]) -> Silicon:
        """Silicon of chips whose columns at the nominal clock are `out`, as far as silicon reads them."""
        technology = self._technology(values)
        return derive(self._blueprint(values, out, technology), technology)

    def chips(self, values: Mapping[str, Array]) -> api.Chips:
        """A batch of chips of shape (n,)."""
        columns = self.columns(values)
        # columns that nothing varies have one element
        n = max(a.size for a in columns.values())
        xp = namespace(*columns.values())
        return api.Chips.of(**{name: xp.broadcast_to(a, (n,)) for name, a in columns.items()})

    def named(self, values: Mapping[str, Floats]) -> dict[str, npt.NDArray[np.str_]]:
        """Names that the named parameters have, and the formats that are computed in."""
        used = [computed_columns(chip, self.setting.precision) for chip in self.made_on]
        # a node is a place among `made_on`; a branch with one node has no such parameter
        at = np.asarray(values.get("process", np.zeros(1)) if len(used) > 1 else np.zeros(1)).astype(np.int64)
        formats = {column: np.asarray([each[column] for each in used])[at] for column in COMPUTED}
        return {**named(self.spec.parameters, values), **formats}

    def nearest(self, chip: ChipSpec) -> dict[str, float]:
        """Parameter values nearest to a real chip, for a first trial close to what exists."""
        sram, dram = chip.sram.capacity.value, chip.dram
        stacks = dram.stacks.value if dram and dram.stacks else None
        known = {
            "peak_flops": peak_of(chip, ("fp16",)),
            "sram": sram,
            "sram_bandwidth_per_byte": (chip.sram.bandwidth.value or 0.0) / sram if sram else None,
            "dram_stacks": float(stacks) if stacks else None,
            "link_bandwidth": chip.link.bandwidth.value,
            "dies": float(chip.die.count.value or 1),
            "die_bandwidth": None if chip.die.joined is None else chip.die.joined.value,
        }
        # what is unknown of the chip, or absent from it, has no nearest value
        found = {name: v for name, v in known.items() if v and name in self.spec.parameters}
        names = {
            "process": chip.die.process.value,
            "dram_generation": dram.generation if dram else None,
            "package": chip.die.package,
        }
        for name, value in names.items():
            if name in self.spec.parameters:
                choices = self.spec.parameters[name].choices
                # a first trial must be inside the space: a name that it lacks starts at its first choice
                found[name] = float(choices.index(value)) if value in choices else 0.0
        return found

    def _optics(self, link_bandwidth: Array) -> dict[str, Array]:
        found = reach_columns(link_bandwidth, self.network, self.setting.technology)
        # boards and racks are those of the network, and are among `fixed`
        return {"optics_w": found["optics_w"]}

    def _ratio(self, values: Mapping[str, Array], xp: Array) -> Array:
        """All peaks over the template's."""
        if "peak_flops" not in values:
            return xp.ones(1, dtype=xp.float64)
        # formats and vector units grow with the matrix unit, so one ratio scales them all
        return values["peak_flops"] / self.peaks[0].fp16

    def _peaks(self, values: Mapping[str, Array]) -> Peaks:
        """Peaks of the template on the node of each design."""
        if "process" not in values or len(self.peaks) == 1:
            return self.peaks[0]
        return pick(self.peaks, values["process"])

    def _technology(self, values: Mapping[str, Array]) -> Technology:
        nodes, generations = self.technologies
        node, dram = nodes[0].node, generations[0].dram
        if "process" in values and len(nodes) > 1:
            node = pick([t.node for t in nodes], values["process"])
        if "dram_generation" in values and len(generations) > 1:
            dram = pick([t.dram for t in generations], values["dram_generation"])
        # I/O dies, where the template has them, are made on the node of its compute dies
        return replace(nodes[0], node=node, io_node=node, dram=dram)

    def _blueprint(
        self, values: Mapping[str, Array], out: Mapping[str, Array], technology: Technology
    ) -> Blueprint:
        """Silicon of the template with what the parameters change; `out` holds the chip columns so far."""
        b = self.blueprint
        xp = namespace(*out.values())
        own = {n: xp.asarray(a) for n, a in vars(b).items() if a is not None and n != "memory_units"}
        units = {m.name: values[m.parameter] for m in self.spec.memories}
        ratio = self._ratio(values, xp)
        stacks = values.get("dram_stacks", own["stacks"])
        software = managed_by_software(self.template)
        # SRAM is either scratchpad or cache here; the parameter `sram` sizes the one that the template has
        sram = {"sram_bytes": out["sram_bytes"], "sram_bandwidth": out["sram_bandwidth"]} if software else {}
        cache = {"cache_bytes": values["sram"]} if not software and "sram" in values else {}
        changed = {
            **own,
            "peak_flops": self._peaks(values).silicon * ratio,
            "vector_flops": own["vector_flops"] * ratio,
            "stacks": stacks,
            "dram_bytes": stacks * technology.dram.bytes_each,
            "dram_bandwidth": stacks * technology.dram.bandwidth_each,
            "link_bandwidth": out["link_bandwidth"],
            "dies": values.get("dies", own["dies"]),
            "weight_load": out["weight_load_bandwidth"],
            "memory_units": tuple(units[m.name] for m in technology.memories),
            **sram,
            **cache,
        }
        if "die_bandwidth" in values:
            changed["die_bandwidth"] = values["die_bandwidth"]
        if "package" in values:
            # a value is a place among the choices of the space, a column has the place among all classes
            codes = [float(PACKAGES.index(c)) for c in self.spec.parameters["package"].choices]
            changed["package"] = xp.asarray(codes)[xp.astype(values["package"], xp.int64)]
        return replace(b, **changed)

    def _price(self, made: Silicon, values: Mapping[str, Array], ratio: Array) -> Array:
        """Price of each chip by the study's method [USD], shape (n,)."""
        method = price_method(self.setting.price.method)
        # unit cost is the costly part: it is worked out for methods that read it only
        needs = method.needs(None)
        # zeros give the shape of the batch, which `Priced` promises to a method
        fp16 = ratio * self.peaks[0].fp16 + zeros_like(made.power_w) if "fp16 peak" in needs else None
        known = Priced(
            searched_usd=values["price"] if "searched price" in needs else None,
            fp16_flops=fp16,
            silicon=made,
            unit_cost_usd=made.unit_cost_usd() if "unit cost" in needs else None,
        )
        with chips_named(lambda _shape, at: self.called(values, at)):
            first, *rest = method.price(known, self.setting.terms).values()
        return sum(rest, first)

    def called(self, values: Mapping[str, Array], at: int) -> str:
        """The chip at an index of columns of parameters in words: its branch and its parameters."""
        known = {name: np.asarray(column).reshape(-1) for name, column in values.items()}
        told = (f"{name} {column[at if len(column) > 1 else 0]:.6g}" for name, column in known.items())
        return f"{self.name} ({', '.join(told)})"


def storage_kind(scratchpad: bool, dram: bool) -> str:
    """`sram-only`, `dram-only` (SRAM is at most a cache) or `hybrid`."""
    return "hybrid" if scratchpad and dram else "sram-only" if scratchpad else "dram-only"


def chip_kind(chip: ChipSpec) -> str:
    """Storage kind of a chip in the catalog."""
    return storage_kind(chip.sram.use == "scratchpad", chip.dram is not None)


def branches_of(space: SpaceSpec, setting: Setting) -> dict[str, Branch]:
    """Every branch of a space, ready to make chips; raises `SpecError` with all problems."""
    problems: list[Problem] = []
    found: dict[str, Branch] = {}
    method = price_method(setting.price.method)
    # no file lists a chip that does not exist yet
    if FROM_FILES & method.needs(None):
        others = [name for name, other in price_methods().items() if not FROM_FILES & other.needs(None)]
        what = f"expected {', '.join(others[:-1])} or {others[-1]} for the hypothetical chips of {space.name}"
        raise spec_error("price.method", f"{what}, got {method.name!r}")
    method.check(setting.terms)
    for name, spec in space.branches.items():
        problems += unkept(f"branches.{name}", spec.memories, setting.kept, setting.technology)
        try:
            found[name] = _branch(name, spec, setting)
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError(problems)
    return found


def _branch(name: str, spec: BranchSpec, setting: Setting) -> Branch:
    """One branch, its template made on every node; raises `SpecError` for what it lacks."""
    catalog, where = setting.catalog, f"branches.{name}"
    searched = "price" in spec.parameters
    if searched != ("searched price" in price_method(setting.price.method).needs(None)):
        expected = "no parameter price unless price.method is searched" if searched else "a parameter price"
        raise spec_error(where, f"expected {expected}, got price.method {setting.price.method}")
    template = catalog.get(ChipSpec, spec.template)
    template = template.model_copy(update={"memories": ()})  # the branch lists its own
    stack = setting.stack_of(name, spec.stack, template.architecture)
    network = catalog.get(NetworkSpec, setting.network or spec.network)
    builds = [_build(spec, template, node, None) for node in spec.nodes]
    # nodes and DRAM do not depend on each other: their builds add up instead of multiplying
    drams = [_build(spec, template, spec.nodes[0], g) for g in spec.generations or (None,)]
    problems = [p for b in (*builds, *drams) for p in setting.foundry.problems(b, where)]
    beside, lacks = off_chip(spec.memories, setting.technology, setting.value, where, priced=True)
    problems += lacks
    problems += [Problem(where, what) for what in unlisted(spec, catalog.get(ChipSpec, spec.template))]
    if problems:
        # the first node is in both lists, so that one lack may be found twice
        raise SpecError(list(dict.fromkeys(problems)))

    def resolved(made: list[Build]) -> tuple[Technology, ...]:
        return tuple(setting.foundry.constants(b) for b in made)

    made_on = tuple(searched_on(template, setting.technology, node) for node in spec.nodes)
    peaks = tuple(
        template_peaks(chip, setting.precision, fp16_equivalent(chip, setting.technology)) for chip in made_on
    )
    fixed = {
        **template_columns(made_on[0], setting, stack, network),
        # the template may have DRAM where the branch has none, and rows of prompts follow the branch
        **stack_columns(stack, bool(spec.generations), network.name),
        **network_columns(network),
        **reach_columns(template.link.bandwidth.value or 0.0, network, setting.technology),
    }
    if setting.with_intervals:
        fixed |= interval_columns(stack, template, catalog, setting.llms, searched=True)
    blueprint = blueprint_of(template, setting.technology)
    # the template keeps its DRAM in its file
    if not spec.generations:
        fixed |= {"dram_bytes": 0.0, "dram_bandwidth": 0.0}
        # bytes and bandwidth of DRAM follow from its stacks in `Branch._blueprint`
        blueprint = replace(blueprint, stacks=zeros_like(blueprint.stacks))
    return Branch(
        name=name,
        spec=spec,
        template=template,
        setting=setting,
        network=network,
        fixed=fixed,
        blueprint=blueprint,
        made_on=made_on,
        peaks=peaks,
        technologies=(resolved(builds), resolved(drams)),
        beside=beside,
    )


def _build(spec: BranchSpec, template: ChipSpec, node: str, generation: str | None) -> Build:
    """What chips of a branch are built of."""
    return Build(
        node=node,
        generation=generation,
        cooling=spec.cooling,
        # chips of a space do not exist, whatever their template; whether heat slows them is asked there
        hypothetical=True,
        scaled=spec.clock == "scaled",
        wafer_scale=spec.wafer_scale,
        cache=not managed_by_software(template),
        stacked=any(m.kind.startswith("stacked") for m in spec.memories),
        memories=searched_builds(spec.memories),
    )
