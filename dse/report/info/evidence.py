"""A front with everything a report shows of it: its rows evaluated again, its answer, its intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from dse.errors import SpecError
from dse.evaluate.detail import DesignDetail, details_of
from dse.evaluate.pools.stored import check_pairs, details_of_pairs
from dse.evaluate.stored_rows import check_rows
from dse.front.files import Front
from dse.front.tables import Row, Table, distinct, plain_rows
from dse.question.pools.study import PooledStudy, Question, load_question
from dse.question.resolved_study import ResolvedStudy
from dse.question.substance import as_stored, changed_since
from dse.report.info.sampled_front import SampledFront
from dse.report.info.thinned import thinned
from dse.report.pairs.sampled import SampledTarget
from dse.report.words.answer import Answer, answer, baselines_of, contenders, searched_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """What a front says, and what is known of its designs."""

    front: Front
    """With at most `thinned.MOST` designs; the answer is that of all."""
    designs: int
    """Designs on the whole front."""
    answer: Answer
    """The best design at each target."""
    study: Question | None
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
    sampled_pairs: Sequence[SampledTarget] = ()
    """The best pairs at each target under drawings, where that was requested."""

    @property
    def single(self) -> ResolvedStudy | None:
        """The study of single chips; None of pairs too."""
        return self.study if isinstance(self.study, ResolvedStudy) else None

    @property
    def pooled(self) -> PooledStudy | None:
        """The study of pools; None of single chips too."""
        return self.study if isinstance(self.study, PooledStudy) else None

    @property
    def of_pairs(self) -> bool:
        """Whether designs are pairs of chips."""
        return self.answer.eligibility.pairs is not None

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


def evidence(front: Front, study: Question | None, caution: str = "") -> Evidence:
    """Evaluate a stored front again; `caution` says why there is no study."""
    cautions = [caution] if caution else []
    if front.manifest.get("pools"):
        # a front has the best of each pair of chips, and no smaller system near it
        front = replace(front, manifest={**front.manifest, "tolerance": None})
    best, size = answer(front), len(front.frame)
    front, left_out = thinned(front, best)
    cautions += [left_out] if left_out else []
    rows, baselines = _tables(front, pairs=best.eligibility.pairs is not None)
    # a front is shown without breakdowns where its study is gone
    seen, seen_baselines = _unknown(rows), _unknown(baselines)
    if study is not None:
        cautions += changes(front, study)
        try:
            for table in (rows, baselines):
                _check(study, table)
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


def _tables(front: Front, *, pairs: bool) -> tuple[Table, Table]:
    """Designs and baselines; of pairs the fronts of single ones are baselines, whatever their chips are."""
    if not pairs:
        return searched_of(front), baselines_of(front)
    return distinct(contenders(front)), front.baselines


def changes(front: Front, study: Question) -> list[str]:
    """A sentence when the study or its configs are not those that the front was made of."""
    if isinstance(study, PooledStudy):
        changed = study.changed_since(front.manifest)
    else:
        changed = changed_since(study, front.manifest)
    if not changed:
        return []
    return [
        f"these files changed after the front was made, so breakdowns may not match it: {', '.join(changed)}"
    ]


def _check(study: Question, rows: Table) -> None:
    """Raise `SpecError` unless each row is a design of `study`."""
    if isinstance(study, PooledStudy):
        check_pairs(study, rows)
    else:
        check_rows(study, rows)


def _again(study: Question, rows: Table) -> Sequence[DesignDetail | None]:
    if not len(rows):
        return []
    return details_of_pairs(study, rows) if isinstance(study, PooledStudy) else details_of(study, rows)


def _unknown(rows: Table) -> Sequence[DesignDetail | None]:
    return [None] * len(rows)


def gather(front: Front, study: str, configs: Path | str | None = None) -> Evidence:
    """The evidence of a stored front whose study goes by the name or path `study`."""
    try:
        found = load_question(study, configs)
        if isinstance(found, ResolvedStudy):
            found = as_stored(found, front.manifest)
        return evidence(front, found)
    except SpecError as error:
        return evidence(front, None, f"its study cannot be evaluated again: {error}")
