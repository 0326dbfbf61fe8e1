"""Samples of all numbers with a range: the same samples for every design that is compared."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from zlib import crc32

import numpy as np

from dse.arrays import Floats
from dse.chips.interval import interval_in_any
from dse.choose.confidence import SIGMAS
from dse.decide.propose.candidates import Candidate
from dse.question.resolved_study import ResolvedStudy
from dse.question.variation import Fact, Place, facts, vary
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.system import StackSpec

_TIMES = (
    "layer_overhead",
    "prompt_overhead",
    "expert_overhead",
    "step_overhead",
    "sequence_overhead",
    "request_overhead",
    "collective_overhead",
)
_RATES = (
    "compute_efficiency",
    "core_efficiency",
    "dram_efficiency",
    "kv_efficiency",
    "sram_efficiency",
    "link_efficiency",
    "all_to_all_efficiency",
    "decode_core_efficiency",
    "expert_efficiency",
)


@dataclass(frozen=True, kw_only=True)
class UncertainNumber:
    """One number with a range."""

    fact: Fact
    low: float
    high: float


def uncertain_numbers(study: ResolvedStudy) -> list[UncertainNumber]:
    """Numbers of the study whose sources give a range; whole numbers stay what they are.

    Numbers of a calibrated stack are left out: its interval covers all of them. An end
    that no source gives is the value itself.
    """
    calibrated = {f"stack/{s.name}" for s in _calibrated(study)}
    found = []
    for fact in facts(study):
        leaf = fact.leaf
        if fact.counted or fact.place.config in calibrated or (leaf.low is None and leaf.high is None):
            continue
        low = fact.value if leaf.low is None else float(leaf.low)
        high = fact.value if leaf.high is None else float(leaf.high)
        # a range of no width has nothing to draw
        if low < high:
            found.append(UncertainNumber(fact=fact, low=low, high=high))
    return found


def _calibrated(study: ResolvedStudy) -> list[StackSpec]:
    return [s for s in study.configs.values() if isinstance(s, StackSpec) and "tpot" in s.interval]


def sample_numbers(study: ResolvedStudy, samples: int, seed: int) -> list[dict[Place, float]]:
    """`samples` values of all uncertain numbers, each number independent of the others.

    The median of a number is its value; one sample in ten lies below its low end, and one in ten above its
    high end, as in `split_normal`. A calibrated stack is drawn as a whole: all of its times are longer by one
    log-normal factor, shared by its chips, whose middle 80 % is the interval of its TPOT.

    Each number meets every one of `samples` equally likely strata once, in an order of its own (Latin
    hypercube; McKay, Beckman and Conover, Technometrics 21, 1979), so that few samples suffice. Its order
    comes from its name: one number more changes none of the others, and every design meets the same samples.
    """
    out: list[dict[Place, float]] = [{} for _ in range(samples)]
    for u in uncertain_numbers(study):
        z = _scores(samples, seed, str(u.fact.place))
        sampled = split_normal(z, u.low, u.fact.value, u.high, u.fact.most)
        for values, value in zip(out, sampled.tolist(), strict=True):
            values[u.fact.place] = value
    for stack in _calibrated(study):
        sigma = np.log(_factor(study, stack)) / SIGMAS
        factors = np.exp(sigma * _scores(samples, seed, f"stack/{stack.name}"))
        for values, f in zip(out, factors.tolist(), strict=True):
            # none of these was drawn above: `uncertain_numbers` leaves out calibrated stacks
            values |= dict(_slower(stack, f))
    return out


def split_normal(z: Floats, low: float, value: float, high: float, most: float = float("inf")) -> Floats:
    """Numbers at normal scores `z`: median `value`, 10 % below `low`, 10 % above `high`, in [0, `most`].

    x = v (e / v)^(|z| / 1.2816), where e is the end on the side of z: log-normal on either side, each with
    its own width. Where an end or the value is not above 0 the side is normal instead: x = v + (e - v) |z| /
    1.2816. A side whose end is the value has no width: half of the mass is at the value.
    """
    end, share = np.where(z > 0.0, high, low), np.abs(z) / SIGMAS
    # `where` computes both branches, so the ratio must be valid where it is not used, too
    ratio = np.where((end > 0.0) & (value > 0.0), end / value if value > 0.0 else 1.0, 1.0)
    straight = value + (end - value) * share
    sampled = np.where((end > 0.0) & (value > 0.0), value * ratio**share, straight)
    # a number whose own range reaches below 0 may be negative
    return np.clip(sampled, min(0.0, low), most)


def _scores(samples: int, seed: int, name: str) -> Floats:
    """Normal scores of the middles of `samples` strata, in an order that `name` and `seed` decide."""
    scores = [NormalDist().inv_cdf((i + 0.5) / samples) for i in range(samples)]
    # a hash that is the same in every process; Python's own is not
    # shuffled: in ascending order all numbers would be low together and high together
    return np.random.default_rng([seed, crc32(name.encode())]).permutation(np.asarray(scores))


def _factor(study: ResolvedStudy, stack: StackSpec) -> float:
    """Interval of the TPOT of a stack, the widest of the chips of the study that it may drive."""
    chips = [c for c in study.configs.values() if isinstance(c, ChipSpec)]
    # a stack that no chip names as its own comes from the study, and may drive any of them
    driven = [c for c in chips if c.stack == stack.name] or chips
    setting = study.setting
    known = [interval_in_any(stack, c, setting.catalog, setting.llms)["tpot"] for c in driven]
    # one factor for all chips that it drives, so it must cover the least known of them
    return max(known, default=stack.interval["tpot"])


def _slower(stack: StackSpec, factor: float) -> Iterator[tuple[Place, float]]:
    """All times of a stack `factor` times as long; a share of a peak cannot pass 1."""
    for name in _RATES:
        leaf = getattr(stack, name)
        # what a stack leaves out follows from another of its shares
        if leaf is None:
            continue
        yield Place(f"stack/{stack.name}", name), min(1.0, float(leaf.value or 1.0) / factor)
    for name in _TIMES:
        leaf = getattr(stack, name)
        # a loss that a stack does not have does not grow
        if leaf.value:
            yield Place(f"stack/{stack.name}", name), float(leaf.value) * factor


def studies_of(
    study: ResolvedStudy, sampled: Sequence[Mapping[Place, float]], candidates: Sequence[Candidate]
) -> list[ResolvedStudy]:
    """The study under each sample, as far as `candidates` need it.

    The chips of the catalog among them were checked with the study and are not checked again in each sample.
    """
    names = [c.label for c in candidates if c.branch is None]
    return [_with_chips(vary(study, values, ()), names) for values in sampled]


def _with_chips(study: ResolvedStudy, names: Iterable[str]) -> ResolvedStudy:
    return replace(study, baselines={n: study.setting.catalog.get(ChipSpec, n) for n in names})
