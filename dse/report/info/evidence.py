"""A front with everything a report shows of it: its rows evaluated again, its answer, its intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dse.errors import SpecError
from dse.evaluate.detail import DesignDetail, details_of
from dse.evaluate.stored_rows import check_rows
from dse.front.files import Front
from dse.front.tables import Row, Table, plain_rows
from dse.question.resolved_study import ResolvedStudy, load_study
from dse.question.substance import as_stored, changed_since
from dse.report.info.sampled_front import SampledFront
from dse.report.info.thinned import thinned
from dse.report.words.answer import Answer, answer, baselines_of, searched_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """What a front says, and what is known of its designs."""

    front: Front
    """With at most `thinned.MOST` designs; the answer is that of all."""
    designs: int
    """Designs on the whole front."""
    answer: Answer
    """The best design at each target."""
    study: ResolvedStudy | None
    """None where its study cannot be found or resolved any more; then there are no ledgers."""
    rows: tuple[Row, ...]
    """Rows of the front as plain data, and behind them what was solved again at targets."""
    baselines: tuple[Row, ...]
    seen: tuple[DesignDetail | None, ...]
    """Of each row of the front."""
    seen_baselines: tuple[DesignDetail | None, ...]
    cautions: tuple[str, ...]
    """Why parts are missing, or may not hold any more."""
    sampled: SampledFront | None = None
    """Its designs under drawings, where that was requested."""

    @cached_property
    def intervals(self) -> Mapping[str, Mapping[str, float]]:
        """Chip to the factors up and down that its stack is known to, by metric."""
        pairs = [
            *zip(self.rows, self.seen, strict=True),
            *zip(self.baselines, self.seen_baselines, strict=True),
        ]
        # by chip: all deployments of one have its stack, so the last row may win
        return {str(row.get("chip")): seen.interval for row, seen in pairs if seen is not None}

    def design_of(self, row: Row) -> tuple[Row, DesignDetail | None]:
        """The row of the front or of the baselines that is the same design, with its ledgers."""
        for rows, seen in ((self.rows, self.seen), (self.baselines, self.seen_baselines)):
            for own, again in zip(rows, seen, strict=True):
                if identity(own) == identity(row):
                    return own, again
        return dict(row), None


# metrics too: a mix has no deployment in these columns, and its designs differ by them
_SAME = ("chip", "batch", "tp", "cp", "pp", "dp", "tpot_s", "usd_per_token_per_s")


def identity(row: Row) -> tuple[object, ...]:
    """What two rows of one design have in common: the chip, how it is deployed, what that gives."""
    # a table in which all CP is 1 has no column of it
    return tuple((row.get(k) or 1) if k == "cp" else row.get(k) for k in _SAME)


def evidence(front: Front, study: ResolvedStudy | None, caution: str = "") -> Evidence:
    """Evaluate a stored front again; `caution` says why there is no study."""
    cautions = [caution] if caution else []
    best, size = answer(front), len(front.frame)
    front, left_out = thinned(front, best)
    cautions += [left_out] if left_out else []
    rows, baselines = searched_of(front), baselines_of(front)
    # a front is shown without breakdowns where its study is gone
    seen, seen_baselines = _unknown(rows), _unknown(baselines)
    if study is not None:
        cautions += changes(front, study)
        try:
            for table in (rows, baselines):
                check_rows(study, table)
            seen, seen_baselines = _again(study, rows), _again(study, baselines)
        # the front is shown nevertheless, without breakdowns
        except (SpecError, KeyError) as error:
            cautions.append(f"its designs cannot be evaluated again: {error}")
    return Evidence(
        front=front,
        designs=size,
        answer=best,
        study=study,
        rows=tuple(plain_rows(rows)),
        baselines=tuple(plain_rows(baselines)),
        seen=tuple(seen),
        seen_baselines=tuple(seen_baselines),
        cautions=tuple(cautions),
    )


def changes(front: Front, study: ResolvedStudy) -> list[str]:
    """A sentence when the study or its configs are not those that the front was made of."""
    changed = changed_since(study, front.manifest)
    if not changed:
        return []
    return [
        f"these files changed after the front was made, so breakdowns may not match it: {', '.join(changed)}"
    ]


def _again(study: ResolvedStudy, rows: Table) -> Sequence[DesignDetail | None]:
    return details_of(study, rows) if len(rows) else []


def _unknown(rows: Table) -> Sequence[DesignDetail | None]:
    return [None] * len(rows)


def gather(front: Front, study: str, configs: Path | str | None = None) -> Evidence:
    """The evidence of a stored front whose study goes by the name or path `study`."""
    try:
        return evidence(front, as_stored(load_study(study, configs), front.manifest))
    except SpecError as error:
        return evidence(front, None, f"its study cannot be evaluated again: {error}")
