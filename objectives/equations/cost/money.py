"""Dollars: the price of a chip, of a system, of a token. One function owns each."""

from math import expm1, log1p

from objectives.api import Chips, Economy
from objectives.arrays import Array, maximum, zeros_like
from objectives.equations.interconnect import reach

YEAR_S = 365.25 * 86400.0
"""Julian year [s], by definition."""


def compute_ratio_price(peak_flops: Array, reference_flops: float, reference_usd: float) -> Array:
    """Price of a chip by its matrix peak against a reference chip [USD].

    reference price x peak / reference peak.

    Args:
        peak_flops: dense matrix peak [FLOP/s].
        reference_flops: that of the reference chip [FLOP/s].
        reference_usd: price of the reference chip [USD].

    Returns:
        Price, shape of `peak_flops` [USD].

    Domain:
        Chips sold for their FLOP; blind to SRAM, HBM and links, so never a price to search over.

    Limits:
        Linear in the peak.

    Source:
        The article that study 0001 examines.

    Examples:
        Published: 188 / 989 of an H100 at 30,000 USD, which the article rounds to 6,000 USD.

        >>> round(compute_ratio_price(188e12, 989e12, 30000.0))
        5703
    """
    return reference_usd * peak_flops / reference_flops


def margin_price(unit_cost: Array, *, gross_margin: Array, nre_usd: Array, volume: Array) -> dict[str, Array]:
    """Price of a chip by part [USD]: unit cost, its share of the one-off cost, margin; they sum to it.

    U / (1 - m) + NRE / n; margin = U m / (1 - m).

    Args:
        unit_cost: cost U of making one chip [USD].
        gross_margin: (price - unit cost) / price m of the seller, in [0, 1) [1].
        nre_usd: masks, design and software [USD].
        volume: chips n that share them [1].

    Returns:
        Dollars by part, broadcast shape [USD].

    Domain:
        One price for all chips; the margin is on the unit cost alone.

    Limits:
        The unit cost at no margin and endless volume; proportional to all dollars.

    Source:
        Gross margin by definition.

    Examples:
        By hand: at a gross margin of 75 % a chip of 1,000 USD sells for 4,000 USD.

        >>> margin_price(1000.0, gross_margin=0.75, nre_usd=0.0, volume=1.0)
        {'unit_cost': 1000.0, 'nre': 0.0, 'margin': 3000.0}
    """
    return {
        "unit_cost": unit_cost,
        "nre": zeros_like(unit_cost) + nre_usd / volume,
        # the one-off cost is recovered, not marked up
        "margin": unit_cost * (gross_margin / (1.0 - gross_margin)),
    }


def set_margin(unit_cost: Array, gross_margin: Array) -> dict[str, Array]:
    """Price of a chip whose gross margin is set, by part [USD]: unit cost and margin; they sum to it.

    U / (1 - m).

    Args:
        unit_cost: cost U of making one chip [USD].
        gross_margin: (price - unit cost) / price m, in [0, 1) [1].

    Returns:
        Dollars by part, broadcast shape [USD].

    Domain:
        The one-off cost is paid out of the margin.

    Limits:
        The unit cost at no margin.

    Source:
        Gross margin by definition.

    Examples:
        By hand: at a gross margin of 60 % a chip of 1,000 USD sells for 2,500 USD.

        >>> {part: round(usd, 6) for part, usd in set_margin(1000.0, 0.6).items()}
        {'unit_cost': 1000.0, 'margin': 1500.0}
    """
    return {"unit_cost": unit_cost, "margin": unit_cost * (gross_margin / (1.0 - gross_margin))}


def capex(chips: Chips, count: Array, together: Array) -> dict[str, Array]:
    """Capital price of a system of chips by part [USD]; the sum is the total.

    count x price of chips, host (servers), rack (chassis, power, cooling), network (scale-up) and scale_out
    (NICs and fabric, for chips that leave their domain).

    Args:
        chips: chips, for prices.
        count: chips of the system [1].
        together: chips that send each other bytes: a replica, with those that it shares experts with and the
            pools that send it prompts [1].

    Returns:
        Dollars by part, broadcast shape [USD].

    Domain:
        No discounts by volume.

    Limits:
        Linear in the count for a given size of the network.

    Source:
        A sum of parts; prices in the configs.

    Examples:
        By hand: eight chips of 26,000 USD with their shares of a server, a rack and a switch.

        >>> import numpy as np
        >>> from objectives.chips import chips_with
        >>> chip = chips_with(price_usd=26000.0, host_usd=4000.0, rack_usd=1000.0, network_usd=2000.0,
        ...                        copper_usd=0.0, optics_usd=0.0, scale_out_usd=3000.0, board_chips=8.0,
        ...                        rack_chips=32.0, link_domain=8.0)
        >>> float(sum(capex(chip, 8.0, np.array([8.0])).values())[0])
        264000.0
    """
    return {
        "chips": count * chips.cost.price_usd,
        "host": count * chips.cost.host_usd,
        "rack": count * chips.cost.rack_usd,
        # by the chips that send each other bytes: replicas that do not need no longer links
        "network": count * reach.scale_up_usd(chips, together),
        "scale_out": count * reach.scale_out_usd(chips, together),
    }


def annuity(lifetime_s: float, rate: float) -> float:
    """Yearly payment for one dollar of capital over its lifetime [1/year].

    r / (1 - (1 + r)^-n) for n years.

    Args:
        lifetime_s: lifetime [s].
        rate: yearly cost of capital r [1/year].

    Returns:
        Payment each year for one dollar [1/year].

    Domain:
        Payments at the end of each year, no value left at the end.

    Limits:
        1/n at r = 0; r for an endless life.

    Source:
        Capital recovery factor, e.g. Short, Packey & Holt, NREL/TP-462-5173 (1995), section 2.

    Examples:
        Published: 0.1019 at 8 % over 20 years (tables of compound interest).

        >>> round(annuity(20 * YEAR_S, 0.08), 4)
        0.1019
    """
    # the closed form is 0 / 0 at a rate of 0, where its limit is 1 / n, and loses all digits near it
    years = lifetime_s / YEAR_S
    if 0.0 < rate < 1e-6:
        return rate / -expm1(-years * log1p(rate))
    return 1.0 / years if rate == 0.0 else rate / (1.0 - (1.0 + rate) ** -years)


def rent_price(rent_usd_per_s: Array, lifetime_s: float, rate: float) -> Array:
    """Capital that is worth a rent over a lifetime [USD]: its annuity is the rent of a year.

    R = Y rent / a for a year of Y seconds and the annuity a of one dollar.

    Args:
        rent_usd_per_s: rent of one chip, paid whether it is used or not [USD/s].
        lifetime_s: time over which the rent is paid [s].
        rate: yearly cost of capital [1/year].

    Returns:
        Present value of the rents, shape of the rent [USD].

    Domain:
        One rent for all of the lifetime; payments at the end of each year.

    Limits:
        The sum of all rents at a rate of 0; a year of rent over the rate for an endless lifetime.

    Source:
        Present value of an annuity, e.g. Short, Packey & Holt, NREL/TP-462-5173 (1995), section 2.

    Examples:
        Published: a dollar a year at 8 % over 20 years is worth 9.8181 dollars (tables of compound interest).

        >>> round(rent_price(1.0 / YEAR_S, 20 * YEAR_S, 0.08), 4)
        9.8181
    """
    return rent_usd_per_s * (YEAR_S / annuity(lifetime_s, rate))


def running_cost(
    economy: Economy, capex_usd: Array, power_w: Array, tokens_per_s: Array, energy_per_token_j: Array
) -> dict[str, Array]:
    """Running cost of a million output tokens by part [USD]: capital, electricity, upkeep, building.

    Capital and building are paid over all hours, tokens come only in the utilised share. Electricity is the
    energy of a token at the meter times its tariff. The building is sized for servers that run at their
    power.

    Args:
        economy: lifetimes, rates and tariff.
        capex_usd: capital [USD].
        power_w: board power of all chips [W].
        tokens_per_s: throughput [token/s].
        energy_per_token_j: energy of a token at the meter [J].

    Returns:
        Dollars by part, broadcast shape [USD].

    Domain:
        A constant load; a flat tariff.

    Limits:
        Electricity alone for free capital.

    Source:
        Barroso, Hoelzle & Ranganathan, The Datacenter as a Computer (2018), chapter 6.

    Examples:
        By hand: one joule a token at 0.09 USD/kWh is 0.025 USD for a million.

        >>> from types import SimpleNamespace
        >>> tariff = SimpleNamespace(utilisation=1.0, power_overhead=1.0, building_usd_per_watt=0.0,
        ...                          lifetime_s=YEAR_S, cost_of_capital=0.0, usd_per_joule=0.09 / 3.6e6,
        ...                          upkeep_per_year=0.0, building_lifetime_s=YEAR_S)
        >>> round(running_cost(tariff, 0.0, 0.0, 1.0, 1.0)["electricity"], 6)
        0.025
    """
    per_year = 1.0 / (tokens_per_s * (economy.utilisation * YEAR_S / 1e6))  # years of a million tokens
    built = economy.power_overhead * economy.building_usd_per_watt
    # a building outlives several generations of chips, so its capital has a lifetime of its own
    building = annuity(economy.building_lifetime_s, economy.cost_of_capital)
    return {
        "capital": (capex_usd * annuity(economy.lifetime_s, economy.cost_of_capital)) * per_year,
        "electricity": energy_per_token_j * (economy.usd_per_joule * 1e6),
        "upkeep": (capex_usd * economy.upkeep_per_year) * per_year,
        "building": (power_w * (built * building)) * per_year,
    }


def usd_per_million_tokens(
    economy: Economy, capex_usd: Array, power_w: Array, tokens_per_s: Array, energy_per_token_j: Array
) -> Array:
    """Running cost of a million output tokens [USD]: the sum of `running_cost`, from yearly dollars.

    Args:
        economy: lifetimes, rates and tariff.
        capex_usd: capital [USD].
        power_w: board power of all chips [W].
        tokens_per_s: throughput [token/s].
        energy_per_token_j: energy of a token at the meter [J].

    Returns:
        Dollars, broadcast shape [USD].

    Domain:
        As `running_cost`.

    Limits:
        Inversely proportional to throughput but for electricity.

    Source:
        As `running_cost`.

    Examples:
        By hand: 31,557.6 USD a year for 1,000 token/s are 1 USD for a million.

        >>> from types import SimpleNamespace
        >>> paid = SimpleNamespace(utilisation=1.0, power_overhead=1.0, building_usd_per_watt=0.0,
        ...                        lifetime_s=YEAR_S, cost_of_capital=0.0, usd_per_joule=0.0,
        ...                        upkeep_per_year=0.0, building_lifetime_s=YEAR_S)
        >>> round(usd_per_million_tokens(paid, 31557.6, 0.0, 1000.0, 0.0), 9)
        1.0
    """
    # the sum of `running_cost` with dollars added up first: a search needs no parts, of millions of designs
    built = economy.power_overhead * economy.building_usd_per_watt
    yearly = capex_usd * (annuity(economy.lifetime_s, economy.cost_of_capital) + economy.upkeep_per_year)
    yearly = yearly + power_w * (built * annuity(economy.building_lifetime_s, economy.cost_of_capital))
    # dollars of each second in use, times 1e6 tokens [USD token/s]
    kept = yearly * (1e6 / (economy.utilisation * YEAR_S))
    return kept / tokens_per_s + energy_per_token_j * (economy.usd_per_joule * 1e6)


def token_prices(per_million: Array, prompt_share: Array, isl: Array, osl: Array) -> tuple[Array, Array]:
    """Cost of a million input tokens and of a million output tokens [USD], from that of outputs with prompts.

    A request costs OSL c; prompts take the share s of the time, so ISL c_in = s OSL c and c_out = (1 - s) c.

    Args:
        per_million: cost c of a million output tokens, prompts included [USD].
        prompt_share: share s of the chips' time that prompts take [1].
        isl: prompt tokens ISL [token].
        osl: output tokens OSL [token].

    Returns:
        Cost of a million input tokens, and of a million output tokens, broadcast shape [USD].

    Domain:
        A prompt of less than one token counts as one; all parts of the cost follow the time that prompts hold
        the machine.

    Limits:
        0 and c where prompts take no time.

    Source:
        Allocation by time in use.

    Examples:
        By hand: prompts of 4,000 tokens take a fifth of the time of answers of 1,000 at 2 USD.

        >>> token_prices(2.0, 0.2, 4000.0, 1000.0)
        (0.1, 1.6)
    """
    return per_million * prompt_share * osl / maximum(isl, 1.0), per_million * (1.0 - prompt_share)
