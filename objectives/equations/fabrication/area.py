"""Areas: cores, SRAM, PHYs, what joins them, and the limits that a die edge sets."""

from collections.abc import Mapping
from functools import reduce

from objectives.arrays import Array, namespace
from objectives.equations.fabrication.technology import Layout, Node, PackageClass


def equivalent_peak(peaks: Mapping[str, Array], area_share: Mapping[str, float]) -> Array:
    """fp16 matrix peak that needs as much area as the largest of `peaks` [FLOP/s].

    Maths: max over formats of F_format x share_format, with the area of an op/s in that format relative to
    fp16; the formats share one matrix unit. H100: max(989, 0.5 x 1,979) = 989.5 TFLOP/s.
    Formats without a share (fp32 on vector units) are part of the core and cost nothing more.
    Domain: at least one format of `peaks` has a share, else `ValueError`.
    """
    known = [peak * area_share[name] for name, peak in peaks.items() if name in area_share]
    return reduce(lambda a, b: namespace(a, b).maximum(a, b), known[1:], _first(known))


def _first(known: list[Array]) -> Array:
    if not known:
        raise ValueError("expected a matrix peak in a format with a known area, got none")
    return known[0]


def core_area(peak_flops: Array, vector_flops: Array, *, enabled_share: Array, node: Node) -> Array:
    """Area of the cores [m2], broadcast shape of the arguments; spare cores included.

    Maths: (F a_matrix + V a_vector) / enabled_share. Parameters: fp16-equivalent dense matrix peak [FLOP/s];
    fp32 peak of the vector units [FLOP/s], whose area stands for register files, L1, control and what else
    grows with them; enabled over physical cores in (0, 1].
    Domain: programmable cores at the clocks they are sold with. Bare fp16 multiply-adds would be 10 times
    denser; operands must be delivered.
    Limits: linear; 0 at 0.
    Source: A100 die photo, 476 mm2 of SMs (LLMCompass, Zhang et al., ISCA 2024); on the 5 nm node from the
    dies of H100 and L40S, whose ratios of matrix to vector peak differ by four. `dse validate silicon` holds
    it against the other dies.
    """
    return (peak_flops * node.matrix_m2_per_flops + vector_flops * node.vector_m2_per_flops) / enabled_share


def sram_area(size: Array, bandwidth: Array, *, m2_per_byte: Array, layout: Layout) -> Array:
    """Area of scratchpad SRAM that serves `bandwidth` [m2], broadcast shape of the arguments.

    Maths: s (c0 C' + c1 B / b_ref), C' = max(C, B / b_max): more bandwidth takes more and smaller banks, and
    beyond b_max bytes per second and byte it takes banks that the capacity did not ask for.
    Parameters: size C [B], bandwidth B [B/s], density s at the reference bandwidth [m2/B].
    Domain: b up to 960 GB/s/MiB; two anchors only, a bare high-density macro and WSE-3. Not for caches.
    Limits: s C at B = b_ref C; c0 s C at B = 0; grows with either argument.
    Source: fitted, see `sram_law` in the technology file. WSE-3: 0.51 mm2/MiB at 478 GB/s/MiB.
    """
    banks = bandwidth / layout.sram_limit_per_s
    held = namespace(size, banks).maximum(size, banks)
    return m2_per_byte * (layout.sram_c0 * held + layout.sram_c1 / layout.sram_reference_per_s * bandwidth)


def load_area(bandwidth: Array, *, m2_per_byte: Array, layout: Layout) -> Array:
    """Area of the path on which weights enter the matrix units [m2], shape of `bandwidth` [B/s].

    Maths: B p s c1 / b_ref: a byte a second into a matrix unit takes p times the banks and wires of a byte a
    second out of SRAM, see `sram_area`. Domain: systolic arrays and other units that keep weights; what
    feeds the operands of a GPU is part of its cores. Limits: linear; 0 for no such path.
    Source: p is an assumption (technology file, `area.load_ports`).
    """
    return bandwidth * (layout.load_ports * m2_per_byte * layout.sram_c1 / layout.sram_reference_per_s)


def cache_area(size: Array, *, m2_per_byte: Array) -> Array:
    """Area of a cache [m2], shape of `size` [B]; tags, controllers and slices included.

    Maths: s_cache C, four to five times a scratchpad: never mix the two densities.
    Domain: last-level caches; L1 and shared memory belong to the core density, so they are left out of `size`
    where a chip tells them apart.
    Source: A100 L2, 119.3 mm2 for 48 MiB = 2.49 mm2/MiB (die photo, LLMCompass).
    """
    return size * m2_per_byte


def dram_phy_area(
    stacks: Array, *, phy_m2: Array, controller_transistors: Array, transistors_per_m2: Array
) -> Array:
    """Area of DRAM PHYs and controllers [m2], shape of `stacks` [1].

    Maths: n (PHY + controller transistors / logic density): PHYs do not shrink, controllers do.
    Source: A100, 58 mm2 of PHY for 6 sites (die photo, LLMCompass). Limits: 0 without DRAM; linear.
    """
    return stacks * (phy_m2 + controller_transistors / transistors_per_m2)


def link_area(bandwidth: Array, *, m2_per_bandwidth: Array, host_lanes: Array, host_lane_m2: Array) -> Array:
    """Area of scale-up links and host lanes [m2], shape of `bandwidth` [B/s, one way].

    Maths: B a_link + lanes a_lane. Limits: the host port alone at B = 0.
    Source: NVLink3 on A100, 0.107 mm2 per GB/s (die photo, LLMCompass).
    """
    return bandwidth * m2_per_bandwidth + host_lanes * host_lane_m2


def die_to_die_area(bandwidth: Array, joined: PackageClass) -> Array:
    """Area of PHYs between dies [m2], shape of `bandwidth` [B/s, one way, of all dies together].

    Maths: B a, a by the class of the package. Limits: linear; 0 for one die.
    Source: UCIe-A, 0.405 mm2 for 4,096 Gbit/s both ways (CATCH).
    """
    return bandwidth * joined.m2_per_bandwidth


def uncore_area(parts: Array, *, uncore_share: Array) -> Array:
    """Area of network-on-chip and the rest that joins `parts` [m2], shape of `parts` [m2].

    Maths: A = parts / (1 - f), so uncore = parts f / (1 - f), f in [0, 1). Limits: f = 0 adds nothing.
    Source: A100, crossbar and other 116 of 822 mm2 = 14 % (LLMCompass).
    """
    return parts * (uncore_share / (1.0 - uncore_share))


def cache_density(node: Node) -> Array:
    """Area of a byte of cache on `node` [m2/B]; raises `ValueError` where nobody has published it."""
    if node.cache_m2_per_byte is None:
        raise ValueError("expected a node whose cache density is known, got one where it is not")
    return node.cache_m2_per_byte


def hbm_stacks_limit(die_m2: Array, dies: Array, layout: Layout) -> Array:
    """HBM stacks that fit around the dies that carry them [1], a real number, broadcast shape.

    Maths: n min(n_max, 4 sqrt(A) / w), w the edge of one stack, n_max smaller where a die has another beside
    it. Parameters: area of one die [m2]; dies that carry PHYs [1]. Domain: square dies up to the reticle.
    Source: two long edges with three stacks each, H100 has six sites; B200 has four for each of two dies
    (technology file).
    """
    room = 4.0 * die_m2**0.5 / layout.stack_edge_m
    xp = namespace(room, dies)
    room, alone = room + 0.0 * dies, 0.0 * room + 0.0 * dies + layout.stacks_per_die
    most = xp.where(dies > 1.0, 0.0 * alone + layout.stacks_per_joined_die, alone)
    return dies * xp.minimum(room, most)


def link_bandwidth_limit(
    die_m2: Array, dies: Array, hbm_stacks: Array, die_to_die: Array, joined: PackageClass, layout: Layout
) -> Array:
    """One-way bandwidth that fits the die edges which HBM and neighbours leave free [B/s], broadcast shape.

    Maths: d max(0, n 4 sqrt(A) - stacks w - B_joined / d_joined). Domain: square dies with off-package
    SerDes; DRAM on the board is taken to leave through bumps. Source: about 22 GB/s per mm, read off NVIDIA's
    off-chip I/O; between dies 330 GB/s per mm on bridges (B200), 56 on an organic substrate (technology
    file).
    """
    xp = namespace(die_m2, hbm_stacks)
    taken = hbm_stacks * layout.stack_edge_m + die_to_die / joined.bandwidth_per_edge
    free = dies * (4.0 * xp.sqrt(die_m2)) - taken
    return layout.link_bandwidth_per_edge * xp.where(free > 0.0, free, xp.zeros_like(free))
