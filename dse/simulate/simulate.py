"""Simulate one design: look everything up, set it up, run it, and say what the numbers rest on."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dse.errors import Attempts, nearest, placed, spec_error
from dse.evaluate.subject import Subject
from dse.simulate.design import Layout, Simulated, hold_longest, simulated
from dse.simulate.result import Simulation, simulation
from dse.simulate.run import ROUTERS, Outcome, Report, run
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.llm import LlmSpec
from dse.traffic.requests import Requests

SLOTS = 256
"""Sequences of a replica at most where nothing is said, the default `max_num_seqs` of vLLM's engine."""
SERVING = "chunked"
"""How replicas serve where neither a workload nor an option says so: what engines of 2026 do by default."""
_PRICE = "price"
BASE = "chat"
"""Workload whose other facts hold where a trace gives the lengths."""


def simulate(
    chip: str,
    llm: str,
    requests: Requests,
    *,
    workload: str | None = None,
    serving: str | None = None,
    weights: str = "fp16",
    kv: str | None = None,
    activations: str | None = None,
    stack: str | None = None,
    software: str = "as-sold",
    layout: Layout | None = None,
    slots: int | None = None,
    router: str = "least-loaded",
    targets: Mapping[str, float] | None = None,
    settings: Mapping[str, str] | None = None,
    configs: Path | str | None = None,
    report: Report | None = None,
) -> tuple[Simulation, Outcome]:
    """Serve requests one by one with the scheduler of a serving mode, in the step times of the cost model.

    Args:
        chip: name or file of the chip.
        llm: name or file of the LLM.
        requests: what arrives.
        workload: where facts beyond lengths are from (prefix cache, skew of experts, serving).
        serving: exchanges the serving mode; chunked where neither it nor a workload is given.
        weights: format of the weights.
        kv: format of the KV cache; follows `weights` where left out.
        activations: format of the activations; follows `weights` where left out.
        stack: software stack; that of the chip where left out.
        software: losses of software, as in an estimate.
        layout: TP, CP, PP, EP, DP; one chip where left out.
        slots: sequences of a replica at most; `SLOTS` where left out.
        router: which replica a request goes to.
        targets: limits of goodput on ttft, tpot and end_to_end [s].
        settings: single numbers to exchange, as in an estimate.
        configs: folder of own configs.
        report: takes how many requests are finished.

    Returns:
        The result, and what became of each request.

    Raises:
        SpecError: for wrong names and values, weights that do not fit, and what cannot be simulated yet.
    """
    if router not in ROUTERS:
        raise spec_error("--router", f"unknown router {router!r}; {nearest(router, ROUTERS)}")
    longest = int((requests.isl + requests.osl).max())
    lengths = {
        "isl": f"{float(requests.isl.mean())!r} token",
        "osl": f"{float(requests.osl.mean())!r} token",
    }
    given = dict(settings or {})
    for name in lengths:
        if name in given:
            raise spec_error(
                "--set", f"{name}: expected none, since requests have lengths of their own, got one"
            )
    known = Attempts(placed)("--llm", Catalog.of(configs).get, LlmSpec, llm)
    # an unknown name is refused below, with all that is wrong next to it
    if known is not None:
        hold_longest(known, longest)
    subject = Subject(
        chip,
        llm,
        workload or BASE,
        weights=weights,
        kv=kv,
        activations=activations,
        stack=stack,
        serving=serving or (None if workload else SERVING),
        software=software,
        # no dollar is counted, so that a chip without a price is as good as any
        settings={_PRICE: "1 USD", **given, **lengths},
        configs=configs,
        hold_targets=False,
    )
    wanted, most = layout or Layout(), slots or SLOTS
    design = simulated(subject, wanted, slots=most, longest=longest, longest_prompt=int(requests.isl.max()))
    outcome = run(design, requests, router=router, report=report)
    found = simulation(
        design,
        outcome,
        router=router,
        targets=dict(targets or {}),
        notes=(*_notes(design, outcome, slots), *requests.remarks),
    )
    return found, outcome


def _notes(design: Simulated, outcome: Outcome, slots: int | None) -> list[str]:
    """What the numbers rest on."""
    stack = design.subject.stack
    trust = {
        "calibrated": f"step times of stack {stack.name}, which is fitted to measurements",
        "uncalibrated": f"step times of stack {stack.name}, which no measurement anchors",
        "speed-of-light": f"step times of stack {stack.name}: an upper bound on speed",
    }
    notes = [trust[stack.estimate]]
    if slots is None:
        notes.append(
            f"a replica runs {design.slots} sequences at most, since nothing else is said (--max-batch)"
        )
    evicted = int(np.count_nonzero(outcome.served.evicted))
    if evicted:
        notes.append(
            f"{evicted:,} requests lost their KV cache for want of room and computed it again: "
            f"a replica has room for {design.room_tokens:,.0f} tokens"
        )
    refused = int((outcome.served.replica < 0).sum())
    if refused:
        notes.append(
            f"{refused:,} requests are refused: the KV cache of each is larger than all room of a replica"
        )
    return notes
