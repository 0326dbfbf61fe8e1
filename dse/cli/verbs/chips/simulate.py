"""`dse simulate`: requests one by one through the scheduler of a design."""

import csv
import io
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from dse.cli.input.checked_settings import check_stack, parse_settings
from dse.cli.input.options import (
    Activations,
    Configs,
    Kv,
    Llm,
    Serving,
    SoftwareOption,
    TableFormat,
    Tpot,
    Ttft,
    Weights,
    epilog,
    one_of,
    whole,
)
from dse.cli.input.traffic_options import TrafficOptions
from dse.cli.show.simulation import show_simulation
from dse.cli.terminal.machine_output import print_csv, print_json
from dse.cli.terminal.spinner import spinner
from dse.errors import Attempts, placed
from dse.front.files import write_files
from dse.report.drawing.canvas import form_of
from dse.report.simulation.simulation_plot import draw_simulation
from dse.simulate.design import Layout
from dse.simulate.result import latencies
from dse.simulate.run import ROUTERS, Outcome
from dse.simulate.simulate import simulate as simulated

EPILOG = epilog(
    "dse simulate --chip h100 --llm llama3.1-8b --trace requests.csv --weights bf16 --max-batch 128",
    "dse simulate --chip h100 --llm llama3.1-8b --traffic azure-2023-conversation --rate '10 req/s'",
    "dse simulate --chip h100 --llm llama3.1-8b --isl '3000 p95 12000' --osl 400 --rate '4 req/s'",
    codes="0 done, 1 a result cannot be written, 2 wrong input.",
)


def simulate(
    chip: Annotated[str, typer.Option(metavar="NAME", help="Chip, see `dse catalog chips`.")],
    llm: Llm,
    traffic: TrafficOptions,
    workload: Annotated[
        str | None,
        typer.Option(
            "--workload",
            metavar="NAME",
            help="Workload whose serving mode, prefix cache and routing hold; lengths are those of the "
            "requests [default: none of these, served in chunks].",
        ),
    ] = None,
    serving: Serving = None,
    tp: Annotated[int, typer.Option(metavar="N", parser=whole(1), help="Tensor-parallel ways.")] = 1,
    cp: Annotated[
        int, typer.Option(metavar="N", parser=whole(1), help="Chips that share the tokens of a KV cache.")
    ] = 1,
    pp: Annotated[int, typer.Option(metavar="N", parser=whole(1), help="Pipeline stages.")] = 1,
    ep: Annotated[
        int, typer.Option(metavar="N", parser=whole(1), help="Chips that share the experts of a layer.")
    ] = 1,
    dp: Annotated[int, typer.Option(metavar="N", parser=whole(1), help="Replicas.")] = 1,
    prefill_replicas: Annotated[
        int | None,
        typer.Option(
            "--prefill-replicas",
            metavar="N",
            parser=whole(1),
            help="Replicas that only prefill, with serving disaggregated; DP are those that decode.",
        ),
    ] = None,
    max_batch: Annotated[
        int | None,
        typer.Option(
            "--max-batch", metavar="N", parser=whole(1), help="Sequences of a replica at most [default: 256]."
        ),
    ] = None,
    router: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            parser=one_of(*ROUTERS, what="router"),
            help=f"Which replica a request goes to: {' or '.join(ROUTERS)}.",
        ),
    ] = "least-loaded",
    weights: Weights = "fp16",
    kv: Kv = None,
    activations: Activations = None,
    stack: Annotated[
        str | None, typer.Option(metavar="NAME", help="Software stack [default: that of the chip].")
    ] = None,
    software: SoftwareOption = None,
    ttft: Ttft = None,
    tpot: Tpot = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Override one number, e.g. sram='512 MB'; repeatable."
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Draw spreads and the course over time into this file (.png, .svg or .pdf)."
        ),
    ] = None,
    requests_to: Annotated[
        Path | None,
        typer.Option(
            "--requests-to", metavar="FILE", help="Write the times of every request into this file (.csv)."
        ),
    ] = None,
    form: TableFormat = "table",
    configs: Configs = None,
) -> None:
    """Serve requests one by one with the scheduler of a design.

    Requests come from a trace (--trace), are drawn from a profile (--traffic) at its rate or at --rate, or
    have lengths of their own (--isl, --osl) and come by chance. Every iteration takes as long as the cost
    model says for the sequences that decode and the prompt tokens that ride with them. Requests wait in a
    queue, join the batch of a replica where a slot and room for their prompt are free, and lose their KV
    cache where room runs out. Prints the mean and percentiles of TTFT (from arrival to the first token, queue
    included), TPOT and end-to-end latency, and with --ttft or --tpot the goodput: the share of the requests
    that meet them.
    """
    targets = {name: limit for name, limit in (("ttft", ttft), ("tpot", tpot)) if limit is not None}
    look = Attempts(placed)
    requests = look("--trace", traffic.drawn, workload, configs)
    look("--stack", check_stack, stack, software)
    if plot is not None:
        look("--plot", form_of, plot)
    names = {"llm": llm, "workload": workload or "chat", "stack": stack}
    changes = look("--set", parse_settings, configs, settings or [], chips=[chip], argument="--chip", **names)
    look.done()
    with spinner("simulate") as say:
        found, outcome = simulated(
            chip,
            llm,
            requests,
            workload=workload,
            serving=serving,
            weights=weights,
            kv=kv,
            activations=activations,
            stack=stack,
            software=software or "as-sold",
            layout=Layout(tp=tp, cp=cp, pp=pp, ep=ep, dp=dp, prefill=prefill_replicas or 0),
            slots=max_batch,
            router=router,
            targets=targets,
            settings=changes,
            configs=configs,
            report=lambda done, wanted: say(f"{done:,} of {wanted:,} requests"),
        )
    if requests_to is not None:
        write_files({requests_to: _table(outcome)})
    if plot is not None:
        draw_simulation(found, latencies(outcome), plot)
    if form == "table":
        show_simulation(found)
    elif form == "json":
        print_json(found.as_dict())
    else:
        print_csv([_flat(found.as_dict())])


def _flat(data: dict[str, object]) -> dict[str, object]:
    """One row: percentiles as `ttft_s_p95`, no timeline."""
    row: dict[str, object] = {}
    for name, value in data.items():
        if isinstance(value, dict):
            row |= {f"{name}_{key}": each for key, each in value.items()}
        elif name == "notes" and isinstance(value, (list, tuple)):
            row[name] = "; ".join(map(str, value))
        elif name != "timeline":
            row[name] = value
    return row


def _table(o: Outcome) -> str:
    """A request a line: lengths, arrival, start, first and last token, evictions; empty where refused."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["arrival_s", "isl", "osl", "replica", "scheduled_s", "first_token_s", "last_token_s", "evictions"]
    )
    served = o.served
    for k in range(o.sent.arrival_s.size):
        times = (served.started_s[k], served.first_s[k], served.last_s[k])
        writer.writerow(
            [
                repr(float(o.sent.arrival_s[k])),
                int(o.sent.isl[k]),
                int(o.sent.osl[k]),
                int(served.replica[k]) if served.replica[k] >= 0 else "",
                *(repr(float(t)) if np.isfinite(t) else "" for t in times),
                int(served.evicted[k]),
            ]
        )
    return out.getvalue()
