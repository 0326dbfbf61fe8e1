"""The article's claims recomputed the article's way: its inputs, the `napkin` cost model, its arithmetic."""

from collections.abc import Mapping
from math import ceil

from dse.evaluate.estimate import estimate
from dse.evaluate.estimate_result import Estimate
from objectives.equations.cost.money import compute_ratio_price

GIB = 2**30


def napkin_values(given: Mapping[str, float]) -> dict[str, float]:
    """Claim to its value by the article's own arithmetic; `given` holds the article's inputs in SI."""
    i = given
    lpu = {
        "sram": f"{i['lpu_sram']} B",
        "price": f"{i['lpu_price']} USD",
        "claimed_user_speed": f"{i['lpu_user_speed']} token/s",
    }
    h100 = {
        "price": f"{i['h100_price']} USD",
        # the article quotes the output of one card; a user gets the box's over the batch
        "claimed_user_speed": f"{i['h100_card_speed'] * i['h100_cards'] / i['batch']} token/s",
    }
    batch, cards = int(i["batch"]), int(i["h100_cards"])
    one = _napkin("groq-lpu-v1", "llama2-70b", 1, 1, lpu)
    many = _napkin("groq-lpu-v1", "llama2-70b", batch, 1, lpu)
    cheap = _napkin("groq-lpu-v1", "llama2-70b", batch, 1, {**lpu, "price": f"{i['lpu_unit_cost']} USD"})
    gpu = _napkin("h100-sxm", "llama2-70b", batch, cards, h100)
    cheap_gpu = _napkin(
        "h100-sxm", "llama2-70b", batch, cards, {**h100, "price": f"{i['h100_unit_cost']} USD"}
    )
    # bytes over bytes: the article splits weights without regard to layers and heads
    giant = ceil(i["gpt4_weights"] / i["lpu_sram"])
    weights_only = ceil(i["weights"] / i["lpu_sram"])
    kv = _napkin("groq-lpu-v1", "llama2-70b", 1, 1, lpu).ledgers["capacity_bytes"]["kv_cache"] / 1e9
    mha = _napkin("groq-lpu-v1", "llama2-70b-mha", 1, 1, lpu).ledgers["capacity_bytes"]["kv_cache"] / 1e9
    extra = ceil(kv * 1e9 / i["lpu_sram"])
    # weights of one copy over the speed of a single user, as the article divides them
    c09 = weights_only * i["lpu_price"] / one.metrics["tokens_per_s"]
    c10, c16 = _cost(gpu), _cost(many)
    return {
        "C01": i["lpu_sram"] / i["h100_hbm"],
        "C02": i["lpu_sram_bandwidth"] / i["h100_hbm_bandwidth"],
        "C03": i["lpu_fp16"] / i["h100_fp16"],
        "C04": weights_only,
        "C05": compute_ratio_price(i["lpu_fp16"], i["h100_fp16"], i["h100_price"]),
        "C06": weights_only * i["lpu_price"],
        "C07": kv,
        "C08": mha,
        "C09": c09,
        "C10": c10,
        "C11": c09 / c10,
        "C12": many.ledgers["capacity_bytes"]["kv_cache"] / 1e9,
        "C13": many.metrics["chips"],
        "C14": many.metrics["capex_usd"],
        "C15": many.metrics["tokens_per_s"],
        "C16": c16,
        "C17": extra,
        "C18": extra * i["lpu_price"] / i["lpu_user_speed"],
        "C19": _cost(cheap),
        "C20": _cost(cheap_gpu),
        "C21": c10 / _cost(cheap),
        "C22": c10 / _cost(cheap_gpu),
        "C23": giant,
        "C24": giant / i["gpt4_layers"],
        "C25": 1.0 / i["lpu_user_speed"],
        "C26": i["cost_effective_chips"] * i["lpu_price"],
        "C27": i["h100_machine_price"],
        "C28": i["lpu_power"],
        "C29": i["fpga_dram_bandwidth"] / 1e9,
    }


def _napkin(chip: str, llm: str, batch: int, tp: int, settings: dict[str, str]) -> Estimate:
    return estimate(
        chip, llm, "article", cost_model="napkin", weights="int8", batch=batch, tp=tp, pp=1, settings=settings
    )


def _cost(design: Estimate) -> float:
    return design.metrics["usd_per_token_per_s"]
