"""Peaks of a chip and what an operation and a byte of it take, at the clock that it runs at."""

import numpy as np

from dse.chips.silicon import Silicon
from dse.spec.schema.chip import ChipSpec


def peaks_of(spec: ChipSpec, made: Silicon) -> dict[str, float]:
    """Dense matrix peak by number format [FLOP/s]."""
    clock = float(made.clock_share.reshape(-1)[0])
    return {name: leaf.value * clock for name, leaf in spec.peak.items() if leaf.value}


def joules_per_flop(spec: ChipSpec, made: Silicon) -> dict[str, float]:
    """Energy of a FLOP in each format that has a matrix peak [J/FLOP]; vector peaks are no matrix peaks."""
    # the same watts in every format, so a format of twice the peak takes half the energy
    compute = float(made.full_power["compute"].reshape(-1)[0])
    return {name: compute / peak for name, peak in peaks_of(spec, made).items() if name != "fp32"}


def joules_per_byte(made: Silicon) -> dict[str, float]:
    """Energy of a byte in each tier that the chip has [J/B]."""
    t, b = made.technology, made.blueprint
    # a slower clock moves fewer bytes at a lower voltage
    on_clock = made.heat.dynamic_share / made.clock_share
    used = {
        "sram": (b.sram_bandwidth, t.node.sram_joules_per_byte * on_clock),
        "dram": (b.dram_bandwidth, t.dram.joules_per_byte + t.energy.dram_system_joules_per_byte),
        "link": (b.link_bandwidth, t.energy.link_joules_per_byte),
        "die_to_die": (made.plan.die_to_die_bandwidth, made.plan.joined.joules_per_byte),
        "load": (b.weight_load, t.energy.load_joules_per_byte * on_clock),
        **{
            m.name: (n * m.bandwidth_each, m.joules_per_byte + m.way_joules_per_byte)
            for n, m in zip(b.memory_units, t.memories, strict=True)
        },
    }
    # a tier that the chip lacks has a bandwidth of 0
    return {
        name: float(np.asarray(joules).reshape(-1)[0])
        for name, (rate, joules) in used.items()
        if float(rate.reshape(-1)[0]) > 0.0
    }
