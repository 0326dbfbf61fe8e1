"""The article's claims by the `roofline` cost model with the catalog's chips, and why they differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from dse.evaluate.estimate import estimate, smallest
from dse.evaluate.estimate_result import Estimate
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from objectives.equations.cost.money import compute_ratio_price

GIB = 2**30


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the cost model says, and the arithmetic behind it."""

    value: float
    why: str


def roofline_answers(given: Mapping[str, float], catalog: Catalog) -> dict[str, Answer]:
    """Claim to the answer of the default cost model at the article's prices."""
    i, batch = given, int(given["batch"])
    lpu, h100 = catalog.get(ChipSpec, "groq-lpu-v1"), catalog.get(ChipSpec, "h100-sxm")
    fpga = catalog.get(ChipSpec, "catapult-ddr4")
    sram, price = lpu.sram.capacity.value or 0.0, {"price": f"{i['lpu_price']} USD"}
    one = _lpu(1, price)
    # the article takes as many chips as hold the batch, so the smallest system is compared
    few = smallest("groq-lpu-v1", "llama2-70b", "article", weights="int8", batch=batch, settings=price)
    # 640 chips, near the 652 of the article: one layer a stage, one KV head a chip
    tight = _lpu(batch, price, tp=8, pp=80)
    # a chip's KV cache times its 640 chips (TP 8 x PP 80), for one sequence of the batch
    sequence = tight.ledgers["capacity_bytes"]["kv_cache"] * 640 / batch
    # on one chip, however far it overflows, the ledger counts the whole network
    weights = estimate("groq-lpu-v1", "llama2-70b", "article", weights="int8", batch=1, tp=1, pp=1)
    held = weights.ledgers["capacity_bytes"]["weights"]
    gpu = _h100(batch, {"price": f"{i['h100_price']} USD"})
    own, own_gpu = _lpu(batch, {}, price_method="unit-cost"), _h100(batch, {}, price_method="unit-cost")
    giant = estimate(
        "groq-lpu-v1", "gpt4-1.8t-dense", "article", weights="int8", batch=1, tp=160, pp=80, settings=price
    )
    # the same for the larger LLM: all of its weights on one chip
    whole = estimate("groq-lpu-v1", "gpt4-1.8t-dense", "article", weights="int8", batch=1, tp=1, pp=1)
    giant_held = whole.ledgers["capacity_bytes"]["weights"]
    hbm = h100.dram.capacity.value if h100.dram and h100.dram.capacity.value else 0.0
    hbm_bandwidth = h100.dram.bandwidth.value if h100.dram and h100.dram.bandwidth.value else 0.0
    fp16, gpu16 = lpu.peak["fp16"].value or 0.0, h100.peak["fp16"].value or 0.0
    per_user = 1.0 / few.metrics["tpot_s"]
    # None: the batch that is the best at this price
    best = _lpu(None, price)
    return {
        "C01": Answer(value=sram / hbm, why=f"an H100 SXM has {hbm / 1e9:.0f} GB of HBM, not 96"),
        "C02": Answer(
            # the article divides the 80 TB/s of the product brief, the upper end in the catalog
            value=(lpu.sram.bandwidth.high or 0.0) / hbm_bandwidth,
            why=f"data sheets; Groq itself counts {(lpu.sram.bandwidth.value or 0.0) / 1e12:.1f} TB/s later",
        ),
        "C03": Answer(value=fp16 / gpu16, why="data sheets, dense"),
        "C04": Answer(value=ceil(held / sram), why=f"{held / 1e9:.2f} GB of weights by the architecture"),
        "C05": Answer(
            value=compute_ratio_price(fp16, gpu16, i["h100_price"]), why="before rounding up to 6,000"
        ),
        "C06": Answer(
            value=one.metrics["capex_usd"],
            why=f"{_layout(one)}: whole layers on stages and whole heads on chips need more than bare bytes",
        ),
        "C07": Answer(value=sequence / GIB, why="the formula holds; it is GiB"),
        "C08": Answer(value=_mha(), why="the formula holds; it is GiB"),
        "C09": Answer(value=_cost(one), why=f"{_layout(one)}, {_speed(one)}"),
        "C10": Answer(
            value=_cost(gpu),
            why=f"{_speed(gpu)} on 8 cards, uncalibrated; the article quotes a service of early 2024",
        ),
        "C11": Answer(value=_cost(one) / _cost(gpu), why="ratio of the two above"),
        "C12": Answer(value=sequence * batch / GIB, why="80 GiB, which is 85.9 GB"),
        "C13": Answer(value=few.metrics["chips"], why=_capacity_story(tight, few, i)),
        "C14": Answer(value=few.metrics["capex_usd"], why=f"{_layout(few)} at 6,000 USD"),
        "C15": Answer(
            value=few.metrics["tokens_per_s"],
            why=f"{_layout(few)}: {_speed(few)}, so {_held(per_user, i)}",
        ),
        "C16": Answer(value=_cost(few), why=f"{_layout(few)} at 6,000 USD, {_speed(few)}"),
        "C17": Answer(value=ceil(sequence / sram), why=f"{sequence / 1e9:.3f} GB a sequence"),
        "C18": Answer(
            value=_cost(best),
            why=f"best batch at 6,000 USD: {_layout(best)}, batch {best.deployment['batch']}, {_speed(best)}",
        ),
        "C19": Answer(value=_cost(own), why=f"{_unit(own)} a chip from its silicon, {_layout(own)}"),
        "C20": Answer(value=_cost(own_gpu), why=f"{_unit(own_gpu)} a chip, {_speed(own_gpu)}"),
        "C21": Answer(value=_cost(gpu) / _cost(own), why="ratio of C10 to C19"),
        "C22": Answer(value=_cost(gpu) / _cost(own_gpu), why="ratio of C10 to C20"),
        "C23": Answer(value=ceil(giant_held / sram), why="weights of 80 layers that count to 1.8T"),
        "C24": Answer(value=ceil(giant_held / sram) / 80, why="the above over 80 stages"),
        "C25": Answer(
            value=giant.metrics["tpot_s"],
            why=f"{_layout(giant)} at batch 1: {_network(giant)} of it is network",
        ),
        "C26": Answer(value=few.metrics["capex_usd"], why=f"{_layout(few)}, {per_user:.0f} token/s a user"),
        "C27": Answer(value=8 * (h100.price.value or 0.0), why="eight cards, middle of the listed range"),
        "C28": Answer(value=lpu.power.value or 0.0, why="data sheet, typical"),
        "C29": Answer(value=(fpga.dram.bandwidth.value or 0.0) / 1e9 if fpga.dram else 0.0, why="as quoted"),
    }


def _lpu(
    batch: int | None,
    settings: dict[str, str],
    tp: int | None = None,
    pp: int | None = None,
    price_method: str = "listed",
) -> Estimate:
    """LLaMA-2 70B in int8 on Groq LPUs; what is None is chosen by the estimate."""
    return estimate(
        "groq-lpu-v1",
        "llama2-70b",
        "article",
        weights="int8",
        batch=batch,
        tp=tp,
        pp=pp,
        settings=settings,
        price_method=price_method,
    )


def _h100(batch: int, settings: dict[str, str], price_method: str = "listed") -> Estimate:
    """The same on one server of eight H100."""
    return estimate(
        "h100-sxm",
        "llama2-70b",
        "article",
        weights="int8",
        batch=batch,
        tp=8,
        pp=1,
        settings=settings,
        price_method=price_method,
    )


def _mha() -> float:
    whole = estimate("groq-lpu-v1", "llama2-70b-mha", "article", weights="int8", batch=1, tp=1, pp=1)
    return whole.ledgers["capacity_bytes"]["kv_cache"] / GIB


def _cost(design: Estimate) -> float:
    return design.metrics["usd_per_token_per_s"]


def _held(per_user: float, i: Mapping[str, float]) -> str:
    """Whether the article's speed survives the batch."""
    claimed = i["lpu_user_speed"]
    if per_user >= claimed:
        return f"{claimed:.0f} token/s a user hold, the chip count does not"
    return f"{claimed:.0f} token/s a user do not hold at this batch, nor does the chip count"


def _layout(design: Estimate) -> str:
    d = design.deployment
    cp = f" x CP {d['cp']}" if d["cp"] > 1 else ""
    return f"{design.metrics['chips']:,.0f} chips (TP {d['tp']}{cp} x PP {d['pp']})"


def _speed(design: Estimate) -> str:
    return f"{design.metrics['tokens_per_s_per_user']:,.0f} token/s a user"


def _unit(design: Estimate) -> str:
    return f"{design.metrics['capex_usd'] / design.metrics['chips']:,.0f} USD"


def _network(design: Estimate) -> str:
    parts = design.ledgers["tpot_s"]
    share = (parts["collectives"] + parts["pipeline_hops"]) / design.metrics["tpot_s"]
    return f"{share:.0%}"


def _capacity_story(tight: Estimate, few: Estimate, i: Mapping[str, float]) -> str:
    short, sram = tight.violations["capacity"], i["lpu_sram"]
    return (
        f"{_layout(tight)} would give {_speed(tight)} at batch {tight.deployment['batch']}, but each chip "
        f"lacks {short / 1e6:.0f} MB ({short / sram:.0%} of its SRAM): 80 GiB of KV cache is 85.9 GB; the "
        f"next layout that holds it is {_layout(few)}"
    )
