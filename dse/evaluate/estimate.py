"""One chip, one LLM, one workload: how fast, how much, and where each second, byte and dollar goes."""

from collections.abc import Mapping
from pathlib import Path

from dse.evaluate.arguments import hold_arguments
from dse.evaluate.estimate_result import Estimate
from dse.evaluate.subject import ECONOMY, Subject


def estimate(
    chip: str,
    llm: str,
    workload: str,
    *,
    tp: int | None = None,
    cp: int | None = None,
    pp: int | None = None,
    ep: int | None = None,
    dp: int | None = None,
    batch: int | None = None,
    weights: str = "fp16",
    kv: str | None = None,
    activations: str | None = None,
    cost_model: str = "roofline",
    stack: str | None = None,
    serving: str | None = None,
    price_method: str = "listed",
    seller: str | None = None,
    rent_term: str | None = None,
    system: str = "chips-only",
    economy: str = ECONOMY,
    software: str = "as-sold",
    settings: Mapping[str, str] | None = None,
    configs: Path | str | None = None,
    hold_targets: bool = True,
    most: Mapping[str, float] | None = None,
    confidence: float | None = None,
) -> Estimate:
    """Estimate one design; what is left out of batch, TP, CP, PP and EP is chosen.

    The best deployment has the lowest $/(token/s) among those that fit and meet the workload's targets, which
    `hold_targets` of false lifts; where none does, it is the one that misses by least. Of systems within 1 %
    of it the smallest is taken, see `dse.choose.rule`.

    Left out, `dp` is 1, or as many replicas as share a set of
    experts; disaggregated serving chooses it, so that both pools are busy. `serving` exchanges that of the
    workload. `kv` and `activations` follow `weights`, sub-byte weights with fp16 activations. `seller` is
    whose gross margin a price by margin holds, `rent_term` the term of a price by rent, `system` what capital
    covers besides chips (chips-only, with-host-and-network, built-up). `software` is `as-sold` (the chip's
    own stack, or `stack`), `equal` (one class of losses for all chips) or `ideal` (no losses). `settings`
    exchanges single numbers by name, such as {"hbm_bandwidth": "5 TB/s"}; those of the `economy` too. `most`
    bounds chips, entry_price [USD] and power [W] of the whole system from above. With
    `confidence` a target is met with that probability, by the error bar of the stack; without one the
    estimate itself meets it.

    Raises `SpecError` with every unknown name at once, and then with every value that cannot be.
    """
    sizes = {"batch": batch, "tp": tp, "cp": cp, "pp": pp, "dp": dp, "ep": ep}
    hold_arguments({}, sizes)
    problem = Subject(
        chip,
        llm,
        workload,
        weights=weights,
        kv=kv,
        activations=activations,
        cost_model=cost_model,
        stack=stack,
        serving=serving,
        price_method=price_method,
        seller=seller,
        rent_term=rent_term,
        system=system,
        economy=economy,
        software=software,
        settings=settings,
        configs=configs,
        hold_targets=hold_targets,
        most=most,
        confidence=confidence,
    )
    problem.check_layout(**sizes)
    grid = problem.grid(**sizes)
    (found,) = problem.best_at(grid, [problem.limits])
    # EP is a choice for networks with experts only
    solved = None in (batch, tp, pp) or (ep is None and problem.llm.expert_count > 0)
    return problem.estimate(problem.designs(found.deployments), solved=solved, chosen=found)


def smallest(
    chip: str, llm: str, workload: str, *, batch: int, weights: str, settings: Mapping[str, str] | None = None
) -> Estimate:
    """As `estimate`, for the deployment of the fewest chips that holds `batch` sequences."""
    problem = Subject(chip, llm, workload, weights=weights, settings=settings)
    return problem.estimate(problem.smallest(problem.grid(batch=batch, dp=1)), solved=True)
