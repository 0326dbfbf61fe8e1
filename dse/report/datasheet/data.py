"""A proposal as plain data in SI, for programs."""

from collections.abc import Iterator
from dataclasses import asdict
from math import isfinite

from dse.decide.propose.candidates import parameter_values
from dse.decide.propose.proposal import Odds, Proposal
from dse.decide.scenario.evaluation import as_plain
from dse.decide.scenario.mix_parts import Layout, parts_of
from dse.decide.uncertainty.quantiles import COLUMNS
from dse.question.variation import Fact


def as_dict(p: Proposal) -> dict[str, object]:
    """Plain data for JSON, in SI."""
    return {
        "study": p.study.slug,
        "trial": p.picked.trial,
        # keys are part of the JSON output, so they keep the names of earlier versions
        "walked": p.local_search_steps,
        "limits": dict(p.limits),
        "wins": p.wins,
        # with the keys of a file, such as `class`
        "chip": p.chip.model_dump(mode="json", by_alias=True),
        "price_usd": p.price_usd,
        "ranks_among": p.prices,
        "unanchored": p.unanchored,
        "system_usd": p.system_usd,
        # the keys are there without samples too, so that a reader needs no second case
        **dict.fromkeys(COLUMNS),
        **({} if p.odds is None else _sure(p.odds)),
        "estimate": as_plain(p.evaluation),
        "made_of": {k: dict(v) for k, v in p.made.items()},
        "parameters": parameter_values(p.study, p.rounded.candidate),
        "rounding": [asdict(s) for s in p.rounded.steps],
        "rivals": list(_rival_rows(p)),
        "worth": [asdict(w) for w in p.marginal_values],
        "nearest": [asdict(n) for n in p.near],
        "warnings": list(p.warnings),
        "overturned_by": [
            {
                **_fact_row(o.fact),
                "break_even": o.value,
                "factor": o.factor,
                "rival": o.rival,
                "unbuildable": o.unbuildable,
                "inside_range": o.inside_range,
            }
            for o in p.overturning_numbers
        ],
        "tornado": [
            {
                **_fact_row(s.fact),
                "low": s.low,
                "high": s.high,
                "cost_low": s.cost_low,
                "cost_high": s.cost_high,
            }
            for s in p.tornado
        ],
        "odds": None if p.odds is None else asdict(p.odds),
    }


def _sure(odds: Odds) -> dict[str, float | None]:
    # JSON has no word for NaN
    return {n: v if isfinite(v) else None for n, v in odds.spread.as_dict().items()}


def _rival_rows(p: Proposal) -> Iterator[dict[str, object]]:
    """Rivals as plain rows; the deployment of a mix is nested by part."""
    for r in p.rivals:
        yield {
            "chip": r.candidate.label,
            "kind": r.candidate.kind,
            "standing": r.status,
            "cost": r.cost,
            "tpot_s": r.tpot_s,
            "price_usd": r.price_usd,
            "unanchored": r.unanchored is not None,
            "ranks_among": r.prices,
            "ranks": r.ranks,
            "assumed": r.assumed,
            # flat where there is one deployment, as in every row of a front
            **(r.layout[0] if len(r.layout) == 1 else {"layout": _layouts(p, r.layout)}),
        }


def _layouts(p: Proposal, layout: Layout) -> dict[str, dict[str, int]]:
    return {part.label: dict(sizes) for part, sizes in zip(parts_of(p.study), layout, strict=True)}


def _fact_row(fact: Fact) -> dict[str, object]:
    return {
        "config": fact.place.config,
        "path": fact.place.path,
        "value": fact.value,
        "unit": fact.unit,
        "source": fact.leaf.source,
        "basis": fact.leaf.basis,
    }
