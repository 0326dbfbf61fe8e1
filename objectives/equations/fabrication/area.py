"""Areas: cores, SRAM, PHYs, and what joins them."""

from collections.abc import Mapping
from functools import reduce

from objectives.arrays import Array, maximum
from objectives.equations.fabrication.technology import Layout, Node, PackageClass


def equivalent_peak(peaks: Mapping[str, Array], area_share: Mapping[str, float]) -> Array:
    """fp16 matrix peak that needs as much area as the largest of some peaks [FLOP/s].

    max over formats of F_format x share_format, with the area of an op/s in that format relative to fp16; the
    formats share one matrix unit.

    Args:
        peaks: dense matrix peak by format [FLOP/s].
        area_share: area of an op/s relative to fp16 by format [1].

    Returns:
        Peak, broadcast shape [FLOP/s].

    Raises:
        ValueError: where no format of `peaks` has a share.

    Domain:
        Formats without a share (fp32 on vector units) are part of the core and cost nothing more.

    Limits:
        The fp16 peak where other formats are no faster than their share.

    Source:
        Formats of one matrix unit, NVIDIA H100 whitepaper (2022).

    Examples:
        Published peaks of H100, 989.4 TFLOP/s in fp16 and 1,978.9 in fp8 (ibid.), are one area where an op/s
        in fp8 takes half of one in fp16.

        >>> equivalent_peak({"fp16": 989.4e12, "fp8": 1978.8e12}, {"fp16": 1.0, "fp8": 0.5}) / 1e12
        989.4
    """
    known = [peak * area_share[name] for name, peak in peaks.items() if name in area_share]
    if not known:
        raise ValueError("expected a matrix peak in a format with a known area, got none")
    return reduce(maximum, known)


def core_area(peak_flops: Array, vector_flops: Array, *, enabled_share: Array, node: Node) -> Array:
    """Area of the cores, spare cores included [m2].

    (F a_matrix + V a_vector) / enabled share.

    Args:
        peak_flops: fp16-equivalent dense matrix peak F [FLOP/s].
        vector_flops: fp32 peak V of the vector units, whose area represents register files, L1, control and
            what else grows with them [FLOP/s].
        enabled_share: enabled over physical cores, in (0, 1] [1].
        node: areas a_matrix and a_vector of an op/s.

    Returns:
        Area, broadcast shape [m2].

    Domain:
        Programmable cores at the clocks they are sold with. Bare fp16 multiply-adds would be 10 times denser;
        operands must be delivered.

    Limits:
        Linear; 0 at 0.

    Source:
        A100 die photo, 476 mm2 of SMs (LLMCompass, Zhang et al., ISCA 2024); on the 5 nm node from the dies
        of H100 and L40S, whose ratios of matrix to vector peak differ by four. `dse validate silicon`
        compares it with the other dies.

    Examples:
        By hand: 132 of 144 cores are enabled, so that the die has 144 / 132 of the area in use.

        >>> from types import SimpleNamespace
        >>> dense = SimpleNamespace(matrix_m2_per_flops=1e-19, vector_m2_per_flops=0.0)
        >>> round(core_area(990e12, 0.0, enabled_share=132 / 144, node=dense) * 1e6, 6)
        108.0
    """
    # spare cores are switched off, but they are on the die and paid for
    return (peak_flops * node.matrix_m2_per_flops + vector_flops * node.vector_m2_per_flops) / enabled_share


def sram_area(size: Array, bandwidth: Array, *, m2_per_byte: Array, layout: Layout) -> Array:
    """Area of scratchpad SRAM that serves a bandwidth [m2].

    s (c0 C' + c1 B / b_ref), C' = max(C, B / b_max): more bandwidth takes more and smaller banks, and beyond
    b_max bytes per second and byte it takes banks that the capacity did not ask for.

    Args:
        size: capacity C [B].
        bandwidth: bandwidth B [B/s].
        m2_per_byte: density s at the reference bandwidth [m2/B].
        layout: constants c0, c1, b_ref and b_max.

    Returns:
        Area, broadcast shape [m2].

    Domain:
        B / C up to 960 GB/s/MiB; two anchors only, a bare high-density macro and WSE-3. Not for caches.

    Limits:
        s C at B = b_ref C; c0 s C at B = 0; grows with either argument.

    Source:
        Fitted, see `sram_law` in the technology file. WSE-3: 0.51 mm2/MiB at 478 GB/s/MiB.

    Examples:
        By hand, with c0 = c1 = 1/2: 1 MiB at the reference bandwidth takes its quoted density.

        >>> from types import SimpleNamespace
        >>> law = SimpleNamespace(sram_c0=0.5, sram_c1=0.5, sram_reference_per_s=1e5, sram_limit_per_s=1e6)
        >>> sram_area(2.0**20, 2.0**20 * 1e5, m2_per_byte=2.0**-40, layout=law) == 2.0**-20
        True
    """
    # beyond b_max more bandwidth needs more banks, whatever they store
    held = maximum(size, bandwidth / layout.sram_limit_per_s)
    return m2_per_byte * (layout.sram_c0 * held + layout.sram_c1 / layout.sram_reference_per_s * bandwidth)


def load_area(bandwidth: Array, *, m2_per_byte: Array, layout: Layout) -> Array:
    """Area of the path on which weights enter the matrix units [m2].

    B p s c1 / b_ref: a byte a second into a matrix unit takes p times the banks and wires of a byte a second
    out of SRAM, see `sram_area`.

    Args:
        bandwidth: bandwidth B into the matrix units [B/s].
        m2_per_byte: density s of SRAM [m2/B].
        layout: constants p, c1 and b_ref.

    Returns:
        Area, broadcast shape [m2].

    Domain:
        Systolic arrays and other units that keep weights; what feeds the operands of a GPU is part of its
        cores.

    Limits:
        Linear; 0 for no such path.

    Source:
        p is an assumption (technology file, `area.load_ports`).

    Examples:
        By hand: twice what the same bandwidth takes in SRAM.

        >>> from types import SimpleNamespace
        >>> law = SimpleNamespace(load_ports=2.0, sram_c1=0.5, sram_reference_per_s=1e5)
        >>> round(load_area(1e12, m2_per_byte=1e-12, layout=law) * 1e6, 9)
        10.0
    """
    return bandwidth * (layout.load_ports * m2_per_byte * layout.sram_c1 / layout.sram_reference_per_s)


def cache_area(size: Array, *, m2_per_byte: Array) -> Array:
    """Area of a cache, tags, controllers and slices included [m2].

    s_cache C, four to five times a scratchpad: never mix the two densities.

    Args:
        size: capacity C [B].
        m2_per_byte: density s_cache [m2/B].

    Returns:
        Area, broadcast shape [m2].

    Domain:
        Last-level caches; L1 and shared memory belong to the core density, so they are left out of `size`
        where a chip separates them.

    Limits:
        Linear; 0 at 0.

    Source:
        A100 die photo (LLMCompass, Zhang et al., ISCA 2024).

    Examples:
        Published: the L2 of A100, 48 MiB at 2.49 mm2/MiB, takes 119.3 mm2 (ibid.).

        >>> round(cache_area(48.0, m2_per_byte=2.486), 1)
        119.3
    """
    return size * m2_per_byte


def dram_phy_area(
    stacks: Array, *, phy_m2: Array, controller_transistors: Array, transistors_per_m2: Array
) -> Array:
    """Area of DRAM PHYs and controllers [m2].

    n (PHY + controller transistors / logic density): PHYs do not shrink, controllers do.

    Args:
        stacks: stacks or devices n [1].
        phy_m2: PHY of each [m2].
        controller_transistors: transistors of each controller [1].
        transistors_per_m2: logic density [1/m2].

    Returns:
        Area, broadcast shape [m2].

    Domain:
        One controller for each stack.

    Limits:
        0 without DRAM; linear.

    Source:
        A100 die photo (LLMCompass, Zhang et al., ISCA 2024).

    Examples:
        Published: 58 mm2 of PHY for six sites of HBM on A100 (ibid.).

        >>> round(dram_phy_area(6.0, phy_m2=9.67, controller_transistors=0.0, transistors_per_m2=1.0))
        58
    """
    return stacks * (phy_m2 + controller_transistors / transistors_per_m2)


def link_area(bandwidth: Array, *, m2_per_bandwidth: Array, host_lanes: Array, host_lane_m2: Array) -> Array:
    """Area of scale-up links and host lanes [m2].

    B a_link + lanes a_lane.

    Args:
        bandwidth: one-way bandwidth B of all links [B/s].
        m2_per_bandwidth: area a_link of a byte a second [m2/(B/s)].
        host_lanes: lanes of the host port [1].
        host_lane_m2: area a_lane of each [m2].

    Returns:
        Area, broadcast shape [m2].

    Domain:
        SerDes off the package.

    Limits:
        The host port alone at B = 0.

    Source:
        A100 die photo (LLMCompass, Zhang et al., ISCA 2024).

    Examples:
        Published: NVLink3, 0.107 mm2 for each GB/s one way (ibid.): 32.1 mm2 for the 300 GB/s of A100.

        >>> round(link_area(300.0, m2_per_bandwidth=0.107, host_lanes=0.0, host_lane_m2=0.0), 1)
        32.1
    """
    return bandwidth * m2_per_bandwidth + host_lanes * host_lane_m2


def die_to_die_area(bandwidth: Array, joined: PackageClass) -> Array:
    """Area of PHYs between dies [m2].

    B a, a by the class of the package.

    Args:
        bandwidth: one-way bandwidth B of all dies together [B/s].
        joined: class of the package.

    Returns:
        Area, broadcast shape [m2].

    Domain:
        Parallel PHYs along the die edge.

    Limits:
        Linear; 0 for one die.

    Source:
        UCIe-A: CATCH (nanocad-lab, io_definitions.xml).

    Examples:
        Published: UCIe-A, 0.405 mm2 for 4,096 Gbit/s both ways, 256 GB/s each (ibid.).

        >>> from types import SimpleNamespace
        >>> round(die_to_die_area(256e9, SimpleNamespace(m2_per_bandwidth=0.405e-6 / 256e9)) * 1e6, 3)
        0.405
    """
    return bandwidth * joined.m2_per_bandwidth


def uncore_area(parts: Array, *, uncore_share: Array) -> Array:
    """Area of network-on-chip and the rest that joins the parts of a die [m2].

    A = parts / (1 - f), so uncore = parts f / (1 - f), f in [0, 1).

    Args:
        parts: area of all other parts [m2].
        uncore_share: share f of the die [1].

    Returns:
        Area, broadcast shape [m2].

    Domain:
        One share for dies of all sizes.

    Limits:
        f = 0 adds nothing.

    Source:
        A100 die photo (LLMCompass, Zhang et al., ISCA 2024).

    Examples:
        Published: crossbar and other parts are 116 of the 822 mm2 of A100 (ibid.).

        >>> round(uncore_area(822.0 - 116.0, uncore_share=116 / 822))
        116
    """
    return parts * (uncore_share / (1.0 - uncore_share))


def cache_density(node: Node) -> Array:
    """Area of a byte of cache on a node [m2/B].

    Args:
        node: process node.

    Returns:
        Density [m2/B].

    Raises:
        ValueError: where no density of the node is published.

    Domain:
        Nodes with a published cache.

    Limits:
        None.

    Source:
        Technology file.

    Examples:
        >>> from types import SimpleNamespace
        >>> cache_density(SimpleNamespace(cache_m2_per_byte=None))
        Traceback (most recent call last):
        ...
        ValueError: expected a node whose cache density is known, got one where it is not
    """
    if node.cache_m2_per_byte is None:
        raise ValueError("expected a node whose cache density is known, got one where it is not")
    return node.cache_m2_per_byte
