"""`dse front` of a study of pools: the pairs that a run or a sweep has stored."""

from collections.abc import Callable
from pathlib import Path

from dse.cli.pools.sampled import front_table, pairs_measured_in
from dse.cli.pools.show import show_pairs
from dse.cli.show.gap import progress_of, show_gap
from dse.cli.show.run_summary import counted
from dse.cli.terminal.machine_output import print_bytes, print_json
from dse.cli.terminal.tables import plain, remark, stdout
from dse.front.files import Front
from dse.front.tables import plain_rows, to_format
from dse.question.pools.study import PooledStudy
from dse.report.pairs.picture import only_text, pairs_info, standings_of
from dse.report.pairs.sampled import sampled_note
from dse.report.pairs.words import eligible_of, standing_of
from dse.report.plots.front_plot import draw_front
from dse.search.bound.prove import Bound
from dse.search.pairs.gap import check_provable, prove_pairs
from dse.search.turns.gap import prove_turns


def hold_provable(study: PooledStudy, found: Front) -> None:
    """Raise `SpecError` for pairs of which nothing is proven, before the work that comes first."""
    check_provable(study, eligible_of(found, study))


def proven_pairs(study: PooledStudy, found: Front, seconds: float, memory: float) -> Bound:
    """The bound of a stored front: over the steps of the spaces, and between them where they were swept."""
    # chips of the catalog have no values between their steps
    between = "grids" in found.manifest and any(own.branches for own in study.pools.values())
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
        (first, drawn), *others = standings_of(found)
        draw_front(pairs_info(drawn), plot)
        remark(f"picture: {plot}{f', of the {only_text(first)} alone' if others else ''}")
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


def _table(study: PooledStudy, found: Front, folder: Path, samples: int, seed: int) -> None:
    """Print the best pairs and how sure they are."""
    if not len(found.frame):
        stdout().print("No pair is stored, or none meets the condition.")
        return
    show_pairs(study, found)
    if drawn := pairs_measured_in(study, found, samples, seed):
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
            "uncertainty": [at.as_dict() for at in pairs_measured_in(study, found, samples, seed)],
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
