"""Dollars of a fleet: what its chips cost an hour, and what that makes of a token and a request."""

from dataclasses import dataclass, replace

import numpy as np

from dse.simulate.design import Simulated
from objectives import api
from objectives.equations.cost.money import YEAR_S, token_prices

HOUR_S = 3600.0
MONTH_S = YEAR_S / 12.0


@dataclass(frozen=True, kw_only=True)
class Dollars:
    """What a fleet costs at a load."""

    per_hour: float
    per_month: float
    parts_per_hour: dict[str, float]
    """Capital or rent, electricity, upkeep, building; they sum to `per_hour`."""
    per_request: float
    per_million_input_tokens: float
    per_million_output_tokens: float
    blended: float
    """For a million tokens of input and output together, in the ratio of the load."""
    capital: float
    """Capital price; of rented chips what their rents are worth."""
    power_w: float
    """Power drawn at the meter at this load [W]."""


def dollars(design: Simulated, replicas: int, running: float, rate: float) -> Dollars:
    """Cost of `replicas`, each with so many running requests on average, at a rate of requests [1/s].

    Capital, upkeep and building are paid for every hour; electricity for the energy of the tokens that are
    served, at the batch that runs.
    """
    subject, work = design.subject, design.setup.context.workload
    batch = max(round(running), 1)
    sizes = {name: np.array([float(getattr(design.layout, name))]) for name in ("tp", "cp", "pp", "ep")}
    deployments = api.Deployments(batch=np.array([float(batch)]), dp=np.array([float(replicas)]), **sizes)
    # which share of the hours is sold follows from the load here
    economy = replace(subject.context.economy, utilisation=1.0)
    context = replace(subject.context, economy=economy)
    m = subject.cost_model.evaluate(subject.designs(deployments), context, detail=True)
    full = {name: float(np.asarray(v).reshape(-1)[0]) for name, v in m.running_parts.items()}
    tokens = float(np.asarray(m.tokens_per_s).reshape(-1)[0])
    served = rate * float(work.osl)
    # parts are for a million tokens; all but electricity are the same every second, whatever is served
    per_s = {name: usd / 1e6 * (served if name == "electricity" else tokens) for name, usd in full.items()}
    total = sum(per_s.values())
    per_million = total / served * 1e6
    share = _prompt_share(m, work)
    inputs, outputs = token_prices(per_million, share, float(work.isl), float(work.osl))
    energy = float(np.asarray(m.energy_per_token_j).reshape(-1)[0])
    return Dollars(
        per_hour=total * HOUR_S,
        per_month=total * MONTH_S,
        parts_per_hour={name: usd * HOUR_S for name, usd in per_s.items()},
        per_request=total / rate,
        per_million_input_tokens=float(inputs),
        per_million_output_tokens=float(outputs),
        blended=total / (rate * float(work.isl + work.osl)) * 1e6,
        capital=float(np.asarray(m.capex_usd).reshape(-1)[0]),
        power_w=energy * served,
    )


def _prompt_share(m: api.Metrics, work: api.Workload) -> float:
    """Share of the time of the chips that prompts take [1], as the cost model splits its dollars."""
    inputs = float(np.asarray(m.usd_per_million_input_tokens).reshape(-1)[0])
    whole = float(np.asarray(m.usd_per_million_tokens).reshape(-1)[0])
    return inputs * float(work.isl) / (whole * float(work.osl)) if whole > 0.0 else 0.0
