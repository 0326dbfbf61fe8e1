"""Heat: how hot a die may run, and the clock at which a chip stays within its cooling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from objectives.arrays import Array, maximum, minimum, ones_like, where, zeros_like
from objectives.equations.fabrication.bonded import heat_limit
from objectives.equations.fabrication.dies import Plan
from objectives.equations.fabrication.memories import memory_heat
from objectives.equations.fabrication.technology import Blueprint, Clock, Technology

CLOCKED = ("compute", "sram", "load")
"""Parts of the power that follow the clock of the cores: DRAM, links and leakage do not."""


@dataclass(frozen=True, kw_only=True)
class DieHeat:
    """What a limit of power density leaves a chip, at the nominal clock."""

    limit_w: Array
    """Power that the compute dies may draw [W]."""
    fixed_w: Array
    """What they draw at any clock [W]."""
    clocked_w: Array
    """What they draw in proportion to the dynamic share [W]."""

    @property
    def room(self) -> Array:
        """Share of the clocked power that the limit leaves room for [1]."""
        return room_between(self.limit_w - self.fixed_w, self.clocked_w)


@dataclass(frozen=True, kw_only=True)
class Heat:
    """The clock at which a chip stays within its cooling, and what no slower clock removes."""

    clock_share: Array
    """Clock over the nominal one [1]."""
    dynamic_share: Array
    """Power of what follows the clock over that at the nominal one [1]."""
    package_share: Array
    """The same if the power of the package were the only limit [1]."""
    die: DieHeat | None
    """Heat of the compute dies at the nominal clock; None where their density has no limit."""
    cooling_excess_w: Array
    """Power of the package beyond what its class of cooling sheds [W]."""
    density_excess: Array
    """Power density of the compute dies beyond what is carried away [W/m2]; 0 where no limit is known."""


def within_cooling(
    nominal: Mapping[str, Array], blueprint: Blueprint, plan: Plan, technology: Technology
) -> Heat:
    """The clock of a package, and its excess power and power density.

    The package may draw `cooling_w`, its compute dies q A. The clock is the fastest at which both hold, see
    `dynamic_share`; without a curve it is the nominal one.

    Args:
        nominal: thermal design power by part at the nominal clock [W].
        blueprint: rates of the chip.
        plan: its dies, of area A.
        technology: limits of power and density q, curve of the clock.

    Returns:
        Clock and excesses, broadcast shapes.

    Domain:
        Hypothetical chips: one that exists runs at the clock that it is sold with.

    Limits:
        The nominal clock where neither limit binds.

    Source:
        Assembled from the functions below.

    Examples:
        By hand, in tests/equations/fabrication/test_thermal.py.
    """
    t, clock = technology, technology.clock
    fixed, clocked = split(nominal)
    limit, one = t.cooling_w, ones_like(fixed + clocked)
    rooms, die = [room_between(limit - fixed, clocked)], None
    if (density := heat_limit(blueprint, t)) is not None:
        heat = split(heat_of_compute_dies(nominal, blueprint, plan, t))
        die = DieHeat(limit_w=density * plan.compute.total_m2, fixed_w=heat[0], clocked_w=heat[1])
        rooms.append(die.room)
    # without a curve the nominal clock stays: the excess is all that is beyond the limit
    share = one if clock is None else dynamic_share(rooms, clock) * one
    beyond = 0.0 * one
    if die is not None:
        heat_w = die.fixed_w + share * die.clocked_w
        over = excess(heat_w, die.limit_w, rooms[1], share, die.clocked_w)
        beyond = power_density(over, plan.compute.total_m2) * one
    return Heat(
        clock_share=one if clock is None else clock_share(share, clock),
        dynamic_share=share,
        package_share=one if clock is None else dynamic_share(rooms[:1], clock) * one,
        die=die,
        # summed as the power of the chip is, so that both agree to the last bit
        cooling_excess_w=excess(sum(slowed(nominal, share).values()), limit, rooms[0], share, clocked),
        density_excess=beyond,
    )


def heat_of_compute_dies(
    parts: Mapping[str, Array], blueprint: Blueprint, plan: Plan, technology: Technology
) -> dict[str, Array]:
    """Power that leaves through the compute dies, by part [W].

    static: A w; compute, sram, load: as they are; phys: B_dram e_system + P_link where no I/O die carries
    them; die_to_die: P_joined, half of it where I/O dies have the other ends. What DRAM devices draw leaves
    through the devices.

    Args:
        parts: power of the package by part, see `thermal_design_power` [W].
        blueprint: rates of the chip.
        plan: its dies.
        technology: watts at rest, joules of a byte on the die.

    Returns:
        Watts by part, broadcast shape [W].

    Domain:
        DRAM beside the dies; of further memories see `memories.memory_heat`.

    Limits:
        The whole package less its DRAM devices where there are no I/O dies.

    Source:
        Conservation of energy.

    Examples:
        By hand, in tests/equations/fabrication/test_thermal.py.
    """
    has_io = plan.io.count > 0.0
    phys = blueprint.dram_bandwidth * technology.energy.dram_system_joules_per_byte + parts["link"]
    joining = parts["die_to_die"]
    own = memory_heat(blueprint, technology)
    return {
        **({"memories": own} if blueprint.memory_units else {}),
        "static": plan.compute.total_m2 * technology.node.static_w_per_m2,
        **{name: parts[name] for name in CLOCKED},
        "phys": where(has_io, 0.0, phys + zeros_like(plan.io.count)),
        "die_to_die": where(has_io, 0.5 * joining, joining + zeros_like(plan.io.count)),
    }


def power_density(heat_w: Array, area_m2: Array) -> Array:
    """Heat through a square metre of the compute dies [W/m2].

    P / A.

    Args:
        heat_w: power P of all compute dies [W].
        area_m2: area A of all of them [m2].

    Returns:
        Density, broadcast shape [W/m2].

    Domain:
        The mean over a die: a core is hotter than its neighbours, which published limits of whole dies allow
        for.

    Limits:
        0 without a die.

    Source:
        Definition.

    Examples:
        Published: 700 W of an H100 whose one die has 814 mm2 would be 0.86 W/mm2 if all of it left through
        the die.

        >>> round(power_density(700.0, 814e-6) * 1e-6, 2)
        0.86
    """
    some = area_m2 > 0.0
    return where(some, heat_w / where(some, area_m2, 1.0), 0.0 * heat_w)


def split(parts: Mapping[str, Array]) -> tuple[Array, Array]:
    """Power that no clock changes, and power that follows it [W].

    P_fixed and P_clocked, the sums of the parts that are not, and that are, in `CLOCKED`.

    Args:
        parts: power by part [W].

    Returns:
        Two sums, broadcast shape [W].

    Domain:
        Parts as of `full_power` and `heat_of_compute_dies`.

    Limits:
        Their sum is the whole power.

    Source:
        Definition.

    Examples:
        >>> split({"compute": 350.0, "sram": 50.0, "load": 0.0, "static": 100.0})
        (100.0, 400.0)
    """
    clocked = sum(parts[name] for name in CLOCKED)
    return sum(part for name, part in parts.items() if name not in CLOCKED), clocked


def room_between(spare_w: Array, clocked_w: Array) -> Array:
    """Share of the clocked power that a limit leaves room for [1].

    max(0, L - P_fixed) / P_clocked, at most 1.

    Args:
        spare_w: limit L less the fixed power P_fixed [W].
        clocked_w: power P_clocked that follows the clock, at the nominal one [W].

    Returns:
        Share in [0, 1], broadcast shape [1].

    Domain:
        Power at the thermal design point.

    Limits:
        1 where nothing must be slowed; 0 where fixed power alone is beyond the limit.

    Source:
        Definition.

    Examples:
        By hand: of 300 W that are shed 100 W are fixed, and 400 W would follow the clock.

        >>> room_between(300.0 - 100.0, 400.0)
        0.5
    """
    hot = clocked_w > spare_w
    # a quotient below 1 cannot overflow; where nothing is clocked it is 0 / 1
    return where(hot, maximum(spare_w, 0.0) / where(hot & (clocked_w > 0.0), clocked_w, 1.0), 1.0)


def dynamic_share(rooms: Sequence[Array], clock: Clock) -> Array:
    """Clocked power over that at the nominal clock [1].

    g = min(1, max(r, s_min^a)), r the least of the rooms, a the exponent of the curve g(s) = s^a.

    Args:
        rooms: shares that each limit leaves, see `room_between` [1].
        clock: exponent a and least clock s_min of the curve.

    Returns:
        Share g, broadcast shape [1].

    Domain:
        Clock and voltage of all cores together.

    Limits:
        1 where every limit has room; s_min^a where the clock can fall no further, however little room is
        left.

    Source:
        P ~ f V(f)^2; points of real curves in the technology file, `clock`.

    Examples:
        By hand: half the power at a square law, and a quarter of it at the least clock of one half.

        >>> from types import SimpleNamespace
        >>> square = SimpleNamespace(exponent=2.0, least_share=0.5)
        >>> [dynamic_share([room], square) for room in (1.5, 0.5, 0.1)]
        [1.0, 0.5, 0.25]
    """
    room, *others = rooms
    for other in others:
        room = minimum(room, other)
    return minimum(maximum(room, least_dynamic_share(clock)), 1.0)


def least_dynamic_share(clock: Clock) -> Array:
    """Clocked power at the least clock over that at the nominal one [1].

    s_min^a.

    Args:
        clock: exponent a and least clock s_min of the curve.

    Returns:
        Share [1].

    Domain:
        Above the voltage below which cores do not run.

    Limits:
        1 where the clock cannot fall.

    Source:
        As `dynamic_share`.

    Examples:
        >>> from types import SimpleNamespace
        >>> least_dynamic_share(SimpleNamespace(exponent=2.0, least_share=0.5))
        0.25
    """
    return clock.least_share**clock.exponent


def clock_share(dynamic: Array, clock: Clock) -> Array:
    """Clock over the nominal one [1].

    s = g^(1/a), the inverse of g(s) = s^a.

    Args:
        dynamic: clocked power g over that at the nominal clock, see `dynamic_share` [1].
        clock: exponent a of the curve.

    Returns:
        Share s, broadcast shape [1].

    Domain:
        Between the least clock and the nominal one.

    Limits:
        1 at g = 1, exactly.

    Source:
        As `dynamic_share`.

    Examples:
        By hand: a quarter of the power at half the clock under a square law.

        >>> from types import SimpleNamespace
        >>> clock_share(0.25, SimpleNamespace(exponent=2.0))
        0.5
    """
    return dynamic ** (1.0 / clock.exponent)


def slowed(parts: Mapping[str, Array], dynamic: Array) -> dict[str, Array]:
    """Power by part at a slower clock [W].

    g P of the parts that follow the clock, P of the others.

    Args:
        parts: power by part at the nominal clock [W].
        dynamic: share g [1].

    Returns:
        Watts by part, broadcast shape [W].

    Domain:
        Leakage is taken to stay, although a lower voltage lowers it: a slowed chip is no cooler than this.

    Limits:
        The same power at g = 1.

    Source:
        As `dynamic_share`.

    Examples:
        >>> slowed({"compute": 300.0, "dram": 100.0}, 0.5)
        {'compute': 150.0, 'dram': 100.0}
    """
    return {name: part * dynamic if name in CLOCKED else part for name, part in parts.items()}


def excess(power_w: Array, limit_w: Array, room: Array, share: Array, clocked_w: Array) -> Array:
    """Power beyond a limit that no slower clock removes [W]; feasible where <= 0.

    P - L; where the clock was chosen so that P <= L, (g - r) P_clocked, which is the same without rounding: 0
    where this limit chose it.

    Args:
        power_w: power P at the chosen clock [W].
        limit_w: limit L [W].
        room: share r of the clocked power that the limit leaves room for [1].
        share: share g that the clock was chosen for [1].
        clocked_w: power P_clocked that follows the clock, at the nominal one [W].

    Returns:
        Excess, broadcast shape [W].

    Domain:
        A clock that every limit has chosen together, see `dynamic_share`.

    Limits:
        P - L where nothing is slowed, and where the clock cannot fall enough.

    Source:
        Definition.

    Examples:
        By hand: a chip at its limit but for rounding, and one that is 50 W beyond it at its least clock.

        >>> excess(300.0000001, 300.0, 0.5, 0.5, 400.0), excess(350.0, 300.0, 0.1, 0.25, 400.0)
        (0.0, 50.0)
    """
    met = (room < 1.0) & (share <= room)
    return where(met, (share - room) * clocked_w, power_w - limit_w)
