"""Dollars: the price of a chip, of a system, of a token. One function owns each."""

from objectives.api import Chips, Economy
from objectives.arrays import Array, namespace
from objectives.equations.interconnect import reach

YEAR_S = 365.25 * 86400.0
"""Julian year [s], by definition."""


def compute_ratio_price(peak_flops: Array, reference_flops: float, reference_usd: float) -> Array:
    """Price of a chip by its matrix peak against a reference chip [USD], shape of `peak_flops`.

    The article's method: 188 / 989 of an H100 at 30,000 USD is 5,703 USD (the article rounds to 6,000).
    Domain: chips sold for their FLOP; blind to SRAM, HBM and links, so never a price to search over.
    """
    return reference_usd * peak_flops / reference_flops


def margin_price(unit_cost: Array, *, gross_margin: Array, nre_usd: Array, volume: Array) -> dict[str, Array]:
    """Price of a chip by part [USD]: unit cost, its share of the one-off cost, margin; they sum to it.

    Maths: U / (1 - m) + NRE / n; margin = U m / (1 - m). Parameters: (price - unit cost) / price of the
    seller, in [0, 1); masks, design and software [USD]; chips that share them [1].
    Limits: the unit cost at no margin and endless volume; proportional to all dollars.
    """
    return {
        "unit_cost": unit_cost,
        "nre": 0.0 * unit_cost + nre_usd / volume,
        "margin": unit_cost * (gross_margin / (1.0 - gross_margin)),
    }


def capex(chips: Chips, count: Array, together: Array) -> dict[str, Array]:
    """Capital price of a system of `count` chips by part [USD]; the sum is the total.

    chips, host (servers), rack (chassis, power, cooling), network (scale-up), scale_out (NICs and fabric, for
    chips that leave their domain). `together` chips exchange bytes: a replica, with those that it shares
    experts with and the pools that hand it prompts.
    """
    return {
        "chips": count * chips.price_usd,
        "host": count * chips.host_usd,
        "rack": count * chips.rack_usd,
        "network": count * reach.scale_up_usd(chips, together),
        "scale_out": count * reach.scale_out_usd(chips, together),
    }


def annuity(lifetime_s: float, rate: float) -> float:
    """Yearly payment for one dollar of capital over its lifetime at a yearly rate [1/year].

    r / (1 - (1 + r)^-n). Limits: 1/n at r = 0; r for an endless life.
    """
    years = lifetime_s / YEAR_S
    return 1.0 / years if rate == 0.0 else rate / (1.0 - (1.0 + rate) ** -years)


def running_cost(
    economy: Economy, capex_usd: Array, power_w: Array, tokens_per_s: Array, energy_per_token_j: Array
) -> dict[str, Array]:
    """Running cost of a million output tokens by part [USD]: capital, electricity, upkeep, building.

    Capital and building are paid over all hours, tokens come only in the utilised share. Electricity is the
    energy of a token at the meter times its tariff. The building is sized for servers that run at their
    power.
    Parameters: capital [USD], board power of all chips [W], throughput [token/s], energy of a token [J].
    """
    per_year = 1.0 / (tokens_per_s * (economy.utilisation * YEAR_S / 1e6))  # years of a million tokens
    built = economy.power_overhead * economy.building_usd_per_watt
    return {
        "capital": (capex_usd * annuity(economy.lifetime_s, economy.cost_of_capital)) * per_year,
        "electricity": energy_per_token_j * (economy.usd_per_joule * 1e6),
        "upkeep": (capex_usd * economy.upkeep_per_year) * per_year,
        "building": (power_w * (built * annuity(economy.building_lifetime_s, economy.cost_of_capital)))
        * per_year,
    }


def usd_per_million_tokens(
    economy: Economy, capex_usd: Array, power_w: Array, tokens_per_s: Array, energy_per_token_j: Array
) -> Array:
    """Sum of `running_cost` [USD], from yearly dollars."""
    built = economy.power_overhead * economy.building_usd_per_watt
    yearly = capex_usd * (annuity(economy.lifetime_s, economy.cost_of_capital) + economy.upkeep_per_year)
    yearly = yearly + power_w * (built * annuity(economy.building_lifetime_s, economy.cost_of_capital))
    kept = yearly * (1e6 / (economy.utilisation * YEAR_S))
    return kept / tokens_per_s + energy_per_token_j * (economy.usd_per_joule * 1e6)


def token_prices(per_million: Array, prompt_share: Array, isl: Array, osl: Array) -> tuple[Array, Array]:
    """Cost of a million input tokens and of a million output tokens [USD], from that of outputs with prompts.

    Maths: a request costs OSL c; prompts take the share s of the time, so ISL c_in = s OSL c and
    c_out = (1 - s) c. Domain: a prompt of less than one token counts as one; all parts of the cost follow the
    time that prompts hold the machine.
    """
    prompt = max(isl, 1.0) if isinstance(isl, (int, float)) else namespace(isl).maximum(isl, 1.0 + 0.0 * isl)
    return per_million * prompt_share * osl / prompt, per_million * (1.0 - prompt_share)
