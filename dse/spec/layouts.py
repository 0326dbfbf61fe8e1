"""Which ways of TP, EP and PP an LLM allows."""

from collections.abc import Iterable, Mapping

import numpy as np

from dse.spec.llm import LlmSpec
from dse.spec.problems import Problem, SpecError
from dse.spec.study import DeploymentSpec, StudySpec
from objectives import api


def check_deployments(spec: StudySpec, llm: LlmSpec) -> None:
    """Raise `SpecError` for ways and stages of a study that the LLM does not allow."""
    network, d = llm.resolve(), spec.deployment
    problems = [Problem("tp", bad_tp(tp, network)) for tp in d.tp if bad_tp(tp, network)]
    deep = [pp for pp in d.pp if pp > network.layers]
    if deep:
        problems.append(
            Problem("pp", f"expected at most the {network.layers} layers of {llm.name}, got {max(deep)}")
        )
    for ep in d.ep or ():
        reasons = [bad_ep(ep, tp, max(ep // tp, 1), network) for tp in d.tp]
        if all(reasons):
            problems.append(Problem("ep", reasons[0]))
    lost = [tp for tp in d.tp if d.ep and not ways(tp, d.ep)]
    problems += [Problem("ep", f"expected a divisor or a multiple of TP {n} as well, got none") for n in lost]
    if problems:
        raise SpecError(problems)


def bad_tp(tp: int, llm: api.Llm) -> str:
    """Why `tp` does not split the heads of `llm`; the empty string when it does."""
    heads = llm.heads
    if heads == 1 or heads % tp == 0 or tp % heads == 0:
        return ""
    divisors = ", ".join(str(d) for d in range(1, heads + 1) if heads % d == 0)
    return f"expected a divisor or a multiple of the {heads} heads of {llm.name} ({divisors}, ...), got {tp}"


def bad_ep(ep: int, tp: int, dp: int, llm: api.Llm) -> str:
    """Why experts cannot be spread over `ep` chips of `dp` replicas; the empty string when they can."""
    if ep == 1:
        return ""
    experts = llm.expert_count
    if not experts:
        return f"expected 1, {llm.name} has no experts, got {ep}"
    if ep > experts:
        return f"expected at most the {experts} experts of {llm.name}, got {ep}"
    if tp % ep and ep % tp:
        return f"expected a divisor or a multiple of TP {tp}, got {ep}"
    if ep > tp and dp % (ep // tp):
        return f"expected a divisor of TP {tp} x DP {dp}, got {ep}"
    return ""


def pairs(d: DeploymentSpec) -> list[tuple[int, int]]:
    """TP and EP that go together, TP as the study lists it; those that do not are never candidates."""
    return [(tp, ep) for tp in d.tp for ep in ways(tp, d.ep or (1,))]


def grid(d: DeploymentSpec) -> api.Deployments:
    """Every deployment that a study allows, shape (TP with EP, PP, batch, 1): one axis a subject, chips last.

    One replica each, or as many as share a set of experts.
    """
    tp, ep = np.asarray(pairs(d), dtype=float).T.reshape(2, -1, 1, 1, 1)
    return api.Deployments(
        tp=tp,
        ep=ep,
        pp=np.asarray(d.pp, dtype=float).reshape(1, -1, 1, 1),
        batch=np.asarray(d.batch, dtype=float).reshape(1, 1, -1, 1),
        dp=np.maximum(ep / tp, 1.0),
    )


def one(sizes: Mapping[str, float]) -> api.Deployments:
    """One deployment as a batch of one; `ep` is 1 where left out, `dp` as many replicas as share experts."""
    ep = sizes.get("ep", 1.0)
    given = {"ep": ep, "dp": max(ep / sizes["tp"], 1.0), **sizes}
    return api.Deployments(**{k: np.asarray([float(given[k])]) for k in ("batch", "tp", "pp", "ep", "dp")})


def ways(tp: int, ep: Iterable[int]) -> list[int]:
    """Those of `ep` that divide `tp` or are a multiple of it."""
    return [e for e in ep if tp % e == 0 or e % tp == 0]
