"""`dse front` of a study of pools: the pairs that a run or a sweep has stored."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from dse.cli.pools.sampled import SampledTarget, front_table, sampled_front, sampled_note
from dse.cli.pools.show import eligible_of, show_pairs, standing_of
from dse.cli.show.gap import progress_of, show_gap
from dse.cli.show.run_summary import counted
from dse.cli.terminal.machine_output import print_bytes, print_json
from dse.cli.terminal.spinner import spinner
from dse.cli.terminal.tables import plain, remark, stdout
from dse.errors import SpecError
from dse.front.files import Front
from dse.front.tables import plain_rows, to_format
from dse.question.pools.study import PooledStudy
from dse.report.info.pairs_info import pairs_info
from dse.report.plots.front_plot import draw_front
from dse.search.bound.prove import Bound
from dse.search.pairs.gap import prove_pairs
from dse.search.turns.gap import prove_turns


def _of_one_standing(found: Front, study: PooledStudy) -> tuple[Front, str]:
    """The pairs that the first basis of prices ranks, for a picture, and what to say of it."""
    eligible = eligible_of(found, study)
    of_rows = [standing_of(eligible, row) for row in plain_rows(found.frame)]
    # one axis of dollars takes one basis of prices; what may win comes first
    order = [(g, barred) for barred in (False, True) for g in eligible.groups]
    order.sort(key=lambda standing: not eligible.may_win(standing))
    first = next((standing for standing in order if standing in of_rows), None)
    if first is None or len(set(of_rows)) == 1:
        return found, ""
    keep = [standing == first for standing in of_rows]
    only = f", of the {'unanchored ' if first[1] else ''}pairs at {first[0]} alone"
    return replace(found, frame=found.frame[np.asarray(keep)].reset_index(drop=True)), only


def proven_pairs(study: PooledStudy, found: Front, seconds: float, memory: float) -> Bound:
    """The bound of a stored front: over the steps of the spaces, and between them where they were swept."""
    between = "grids" in found.manifest
    with progress_of(study.slug) as report:
        eligible = eligible_of(found, study)
        prove = prove_pairs if "prefill" in study.pools else prove_turns
        return prove(study, found, eligible, between=between, seconds=seconds, memory=memory, progress=report)


def show_front_of_pools(
    study: PooledStudy,
    found: Front,
    folder: Path,
    form: str,
    plot: Path | None,
    prove: Callable[[], Bound] | None = None,
    samples: int = 0,
    seed: int = 1,
) -> Bound | None:
    """Print pairs as a table, or as CSV, JSON or Parquet, and draw them where a picture is wanted.

    With `samples` the best pairs at each target are sampled. Returns what `prove` has proven, which a table
    and JSON print too.
    """
    if plot is not None:
        drawn, only = _of_one_standing(found, study)
        draw_front(pairs_info(study, drawn), plot)
        remark(f"picture: {plot}{only}")
    if form == "table":
        _table(study, found, folder, samples, seed)
        # after the answer, since the proof takes as long as the user gives it
        bound = None if prove is None else prove()
        if bound is not None:
            show_gap(bound, found.axes)
        return bound
    if form == "json":
        bound = None if prove is None else prove()
        _json(study, found, bound, samples, seed)
        return bound
    print_bytes(to_format(found.frame, form))
    return None


def _sampled(study: PooledStudy, found: Front, samples: int, seed: int) -> list[SampledTarget]:
    """The best pairs at each target under samples; none, and a remark why, where that cannot be."""
    if not samples or not len(found.frame):
        return []
    try:
        with spinner(study.slug) as say:
            say(f"evaluating {samples} samples")
            return sampled_front(study, found, samples, seed)
    except (SpecError, KeyError, ValueError) as error:
        # the stored front is shown all the same
        remark(f"no intervals: its pairs cannot be evaluated again: {error}")
        return []


def _table(study: PooledStudy, found: Front, folder: Path, samples: int, seed: int) -> None:
    """Print the best pairs and how sure they are."""
    if not len(found.frame):
        stdout().print("No pair is stored, or none meets the condition.")
        return
    show_pairs(study, found)
    if drawn := _sampled(study, found, samples, seed):
        stdout().print()
        stdout().print(front_table(study, drawn))
        stdout().print(plain(f"Note: {sampled_note(drawn[0].found)}."), style="dim", soft_wrap=True)
    number = counted(len(found.frame), "pair")
    stdout().print(f"{number} in {folder}; --format csv has all, with both layouts", soft_wrap=True)


def _json(study: PooledStudy, found: Front, bound: Bound | None, samples: int, seed: int) -> None:
    """Print all pairs with what each ranks among, and what is proven of them."""
    manifest, eligible = found.manifest, eligible_of(found, study)
    print_json(
        {
            "study": manifest.get("study"),
            "axes": [axis.as_dict() for axis in found.axes],
            "hypervolume": manifest.get("hypervolume"),
            "bound": None if bound is None else bound.as_dict(),
            "uncertainty": [at.as_dict() for at in _sampled(study, found, samples, seed)],
            "trials": manifest.get("trials"),
            "unanchored": manifest.get("unanchored"),
            "price_bases": manifest.get("price_bases"),
            **{
                name: [
                    {**row, "ranks_among": prices, "unanchored": unanchored}
                    for row in plain_rows(frame)
                    for prices, unanchored in [standing_of(eligible, row)]
                ]
                for name, frame in (("front", found.frame), ("at_targets", found.at_targets))
            },
        }
    )
