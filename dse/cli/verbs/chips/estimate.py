"""`dse estimate`: one chip, one LLM, one workload."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from dse.choose.confidence import met_column
from dse.cli.input.money_options import MoneyOptions
from dse.cli.input.options import Configs, DraftLlm, TableFormat, epilog, whole
from dse.cli.input.serving_options import ServingOptions
from dse.cli.show.breakdown import show
from dse.cli.show.system import show_system
from dse.cli.terminal.guard import complain
from dse.cli.terminal.machine_output import print_csv, print_json
from dse.errors import ExitCode, Problem, SpecError, spec_error
from dse.evaluate.estimate import estimate as estimated
from dse.evaluate.estimate_notes import PREFIXES
from dse.evaluate.estimate_result import Estimate
from dse.evaluate.pools.argument import read_pools
from dse.evaluate.pools.estimate import estimate_pools
from dse.evaluate.subject import ECONOMY
from dse.report.words.violations import pretty_violation

EPILOG = epilog(
    "dse estimate --chip h100 --llm llama2-70b --workload chat --weights fp8",
    "dse estimate --chip h100 --llm llama2-70b --workload chat --tp 8 --set hbm_bandwidth='5 TB/s'",
    "dse estimate --pool prefill=r200 --pool decode=lp30 --llm opt-30b --workload chat --weights fp8",
    codes="0 done, 1 the design does not fit or misses a target (it is printed anyway), 2 wrong input.",
)


def estimate(
    served: ServingOptions,
    paid: MoneyOptions,
    chip: Annotated[
        str | None, typer.Option(metavar="NAME", help="Chip, see `dse catalog chips`.", show_default=False)
    ] = None,
    pools: Annotated[
        list[str] | None,
        typer.Option(
            "--pool",
            metavar="ROLE=CHIP",
            help="A pool of a system of unlike chips, instead of --chip; repeatable: prefill and decode, "
            "attention and ffn, with or without prefill, or draft and verify. Sizes follow, as in "
            "decode=lp30,tp=16,pp=61.",
        ),
    ] = None,
    link: Annotated[
        str | None,
        typer.Option(
            "--pool-link",
            metavar="NAME",
            help="Network whose scale-out ports join the pools, see `dse catalog networks`, or the bandwidth "
            "and latency of a port, '25 GB/s, 5 us' [default: the slowest that a chip is sold with].",
        ),
    ] = None,
    draft_llm: DraftLlm = None,
    dp: Annotated[
        int | None,
        typer.Option(
            metavar="N", parser=whole(1), help="Replicas [default: 1, or EP/TP where replicas share experts]."
        ),
    ] = None,
    stack: Annotated[
        str | None, typer.Option(metavar="NAME", help="Software stack [default: that of the chip].")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Override one number, e.g. sram='512 MB'; repeatable."
        ),
    ] = None,
    form: TableFormat = "table",
    configs: Configs = None,
) -> None:
    """Estimate speed and cost of one chip that serves one LLM.

    Prints where each second, byte and dollar goes, and which resource limits the speed. Of batch, TP, CP,
    PP and EP, whatever you do not give is chosen: the cheapest deployment per token/s that fits in memory and
    meets the latency targets of the workload. Capital covers the chips only, at list price; --system adds the
    server and the network, --price-method derives the price in another way. A design that does not fit is
    printed as well, with what it exceeds.

    P behind a target is the probability that it is met, by the 80 % interval of the stack: a factor up and
    down of the estimate, taken as log-normal. --confidence 0.8 chooses a deployment that meets every target
    with 80 %; without it the estimate meets them, which is 50 %.

    With --pool the system has pools of unlike chips, each in a layout of its own: one prefills and sends KV
    cache to one that decodes, attention and FFNs are apart and every layer crosses the link twice, or one
    drafts tokens by the LLM of --draft-llm that the other verifies.
    Capital, power and chips are sums over pools, and ports of the link are paid for every chip. A setting of
    one pool has its role in front: --set decode.price='10 kUSD'.
    """
    if pools:
        own = {"--chip": chip, "--stack": stack, "--dp": dp}
        _of_pools(pools, link, draft_llm, served, settings, configs, form, paid=paid, own=own)
        return
    if link is not None:
        raise spec_error("--pool-link", "expected --pool with it, got none")
    if draft_llm is not None:
        raise spec_error("--draft-llm", "expected --pool draft and --pool verify with it, got none")
    if chip is None:
        raise spec_error("--chip", "expected a chip, or pools by --pool, got none")
    changes = served.checked_settings(
        settings, configs, paid=paid, stack=stack, chips=[chip], argument="--chip"
    )
    requested = {"batch": served.batch, "TP": served.tp, "PP": served.pp}
    found = estimated(
        chip,
        served.llm,
        served.workload,
        tp=served.tp,
        cp=served.cp,
        pp=served.pp,
        ep=served.ep,
        dp=dp,
        batch=served.batch,
        weights=served.weights,
        kv=served.kv,
        activations=served.activations,
        cost_model=served.cost_model,
        stack=stack,
        serving=served.serving,
        price_method=served.price_method,
        seller=served.seller,
        rent_term=served.rent_term,
        system=served.system,
        economy=paid.economy or ECONOMY,
        # no study is read whose software could apply, so this is the default
        software=served.software or "as-sold",
        settings=changes,
        configs=configs,
        hold_targets=not served.no_targets,
        most=served.most,
        confidence=served.confidence,
    )
    if form == "table":
        chosen = [name for name, value in requested.items() if value is None]
        # CP and EP deserve a word only where KV cache is split, or experts are spread
        more = {"CP": served.cp, "EP": served.ep}
        chosen += [n for n, v in more.items() if v is None and found.deployment[n.lower()] > 1]
        show(found, chosen=chosen)
    else:
        _emit(found, form)
    if not found.feasible:
        complain(_why(found, small=served.tp is not None or served.pp is not None))
        raise typer.Exit(ExitCode.FAILED)


def _of_pools(
    pools: list[str],
    link: str | None,
    draft_llm: str | None,
    served: ServingOptions,
    settings: list[str] | None,
    configs: Path | None,
    form: str,
    *,
    paid: MoneyOptions,
    own: Mapping[str, object],
) -> None:
    """Estimate a system of pools, and print it."""
    sizes = {"--batch": served.batch, "--tp": served.tp, "--pp": served.pp, "--ep": served.ep}
    given = [name for name, value in {**own, **sizes}.items() if value is not None]
    if served.confidence is not None:
        given.append("--confidence")
    if given:
        what = "expected none with --pool; a pool has its own, as in decode=lp30,tp=16,pp=61"
        raise SpecError(Problem(name, what) for name in given)
    found = estimate_pools(
        pools,
        served.llm,
        served.workload,
        link=link,
        draft_llm=draft_llm,
        serving=served.serving,
        weights=served.weights,
        kv=served.kv,
        activations=served.activations,
        cost_model=served.cost_model,
        price_method=served.price_method,
        seller=served.seller,
        rent_term=served.rent_term,
        system=served.system,
        economy=paid.economy or ECONOMY,
        software=served.software or "as-sold",
        settings=served.checked_settings(
            settings,
            configs,
            paid=paid,
            stack=None,
            chips=[],
            in_pools=[pool.chip for pool in read_pools(pools)],
            argument="--pool",
        ),
        configs=configs,
        hold_targets=not served.no_targets,
        most=served.most,
    )
    if form == "table":
        show_system(found)
    elif form == "json":
        print_json(found.as_dict())
    else:
        print_csv([found.as_row()])
    if not found.feasible:
        hint = "Other chips, larger pools or narrower --weights may help."
        missed = _missed(found.violations, found.notes)
        what = f"expected a system that fits and meets its targets, but it exceeds {missed}. {hint}"
        complain(f"{found.chip}: {what}")
        raise typer.Exit(ExitCode.FAILED)


def _emit(found: Estimate, form: str) -> None:
    """Print the estimate as JSON, or as one CSV row with all parts of its breakdowns."""
    if form == "json":
        print_json(found.as_dict())
        return
    flat: dict[str, object] = {}
    for name, value in found.as_dict().items():
        if name in ("metrics", "deployment"):
            flat |= value
        elif name == "ledgers":
            # ledgers become columns TOTAL.PART, so that one row holds all
            flat |= {f"{total}.{part}": v for total, parts in value.items() for part, v in parts.items()}
        elif name == "violations":
            flat |= {f"violation_{constraint}": v for constraint, v in value.items()}
        elif name == "computed_in":
            flat |= {f"{group}_{key}": v for group, each in value.items() for key, v in each.items()}
        elif name == "p_met":
            flat |= {met_column(key): v for key, v in value.items()}
        elif name in ("precision", "targets"):
            flat |= {f"{name}_{key}": v for key, v in value.items()}
        else:
            flat[name] = "; ".join(value) if name == "notes" else value
    print_csv([flat])


def _why(found: Estimate, *, small: bool) -> str:
    # a solved deployment is the best there is, so only the formats and the chip are left to change
    hint = "This deployment misses by least. Narrower --weights or another chip may help."
    if small or not found.solved:
        hint = "More chips (--tp, --pp), a smaller --batch or narrower --weights may help."
    missed = _missed(found.violations, found.notes)
    return f"{found.chip}: expected a design that fits and meets its targets, but it exceeds {missed}. {hint}"


def _missed(violations: Mapping[str, float], notes: Sequence[str]) -> str:
    """What is exceeded, and the memory that has no room for prefixes where one has none."""
    broken = [f"{n} by {pretty_violation(n, v)}" for n, v in violations.items() if v > 0.0]
    told = [note for note in notes if note.startswith(PREFIXES)]
    return ". ".join(["; ".join(broken), *(note[0].upper() + note[1:] for note in told)])
