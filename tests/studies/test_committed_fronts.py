"""Every committed front still says what the cost model says, from the study and configs it was made of."""

import json
import re
import shutil
from pathlib import Path

import pytest
from again import differences

from dse.decide.verdict.by_software import verdicts_from
from dse.front.files import Front, load_front
from dse.pages.gallery import filled_gallery
from dse.pages.study.answers import read_answers
from dse.pages.study.datasheets import proposals, propose_all
from dse.pages.study.pictures import drawn
from dse.pages.study.template import filled, template_of
from dse.question.resolved_study import ResolvedStudy, load_study
from dse.report.words.answer import answer
from dse.spec.schema.study import StudySpec
from dse.spec.yaml.loading import load_spec

STUDIES = Path(__file__).resolve().parents[2] / "studies"
SLUGS = sorted(path.parent.name for path in STUDIES.glob("*/study.yaml"))
QUESTIONS = [
    f"{slug}/{case}" if case else slug
    for slug in SLUGS
    for case in (None, *load_spec(StudySpec, STUDIES / slug / "study.yaml").cases)
]


def renew(slug: str) -> str:
    return f"renew with `python -m dse.pages.renew {slug.partition('/')[0]}`, then look at what changed"


@pytest.fixture(scope="module", params=QUESTIONS)
def study(request: pytest.FixtureRequest) -> ResolvedStudy:
    return load_study(str(STUDIES / request.param))


def folder(study: ResolvedStudy) -> Path:
    return study.path.parent / (study.case or "")


@pytest.fixture(scope="module")
def front(study: ResolvedStudy) -> Front:
    missing = [
        n for n in ("front.csv", "baselines.csv", "manifest.json") if not (folder(study) / n).is_file()
    ]
    assert not missing, f"{study.slug}: no {', '.join(missing)}: {renew(study.slug)}"
    return load_front(folder(study))


def test_there_is_a_study() -> None:
    assert SLUGS
    assert {p.name for p in STUDIES.iterdir() if p.is_dir()} == set(SLUGS)


def test_a_front_was_made_from_the_study_and_the_configs_of_today(study: ResolvedStudy, front: Front) -> None:
    now, then = study.digests(), front.manifest["digests"]
    changed = sorted(k for k in {*now, *then} if now.get(k) != then.get(k))
    assert not changed, f"{study.slug}: changed since: {', '.join(changed)}; {renew(study.slug)}"


def test_a_verdict_as_sold_is_what_the_table_of_targets_says(study: ResolvedStudy, front: Front) -> None:
    said, told = verdicts_from(front.manifest), answer(front)
    if said is None or len({v.basis for v in said.verdicts}) > 1 or study.spec.software != "as-sold":
        return
    values = {v.target: v.value for v in said.verdicts if v.software == "as-sold"}
    for row, (target, value) in zip(told.best, sorted(values.items()), strict=True):
        shown = row[told.objective.column] if row["found"] else None
        # another software's search may have met a chip that is better; the tolerance takes the smaller system
        assert (shown is None) or (value is not None and value <= 1.01 * shown), f"{study.slug} at {target}"


@pytest.mark.parametrize("slug", SLUGS)
def test_the_tables_of_a_page_are_those_of_its_fronts(slug: str) -> None:
    page = (STUDIES / slug / "README.md").read_text(encoding="utf-8")
    assert page == filled(template_of(STUDIES / slug), read_answers(STUDIES / slug)), renew(slug)


@pytest.mark.parametrize("slug", SLUGS)
def test_every_picture_that_a_page_shows_is_there(slug: str) -> None:
    page = (STUDIES / slug / "README.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"!\[[^\]]+\]\((\S+)\)", page))
    assert shown
    assert set(drawn(template_of(STUDIES / slug))) <= shown
    assert not [name for name in shown if not (STUDIES / slug / name).is_file()], renew(slug)


@pytest.mark.slow
def test_a_committed_chip_and_its_datasheet_are_what_the_page_proposes(tmp_path: Path) -> None:
    shown = [slug for slug in SLUGS if proposals((STUDIES / slug / "README.md").read_text(encoding="utf-8"))]
    assert shown
    for slug in shown:
        copy = tmp_path / slug
        shutil.copytree(STUDIES / slug, copy)
        page = (copy / "README.md").read_text(encoding="utf-8")
        chips = [Path(p[p.index("-o") + 1]) for p in proposals(page)]
        for chip in chips:
            assert f"({chip})" in page  # a page that makes a chip shows it
            (copy / chip).unlink()
        propose_all(page, copy)
        for chip in chips:
            for name in (chip, chip.with_suffix(".txt")):
                assert (copy / name).read_bytes() == (STUDIES / slug / name).read_bytes(), renew(slug)


def test_the_gallery_tells_what_the_pages_tell() -> None:
    text = (STUDIES / "README.md").read_text(encoding="utf-8")
    assert text == filled_gallery(template_of(STUDIES), STUDIES), (
        "renew with `python -m dse.pages.renew --pages`"
    )
    assert all(slug in text for slug in SLUGS)


def test_every_row_evaluates_to_itself(study: ResolvedStudy, front: Front) -> None:
    # hypothetical chips may be compared among themselves
    for frame in [front.frame, front.baselines] if study.spec.baselines else [front.frame]:
        assert len(frame) > 0
        found = differences(study, frame, tolerance=1e-9)
        assert not found, f"{study.slug}: {'; '.join(found[:5])}; {renew(study.slug)}"


def test_no_row_dominates_another_and_all_are_feasible(study: ResolvedStudy, front: Front) -> None:
    frame = front.frame
    names = [c for c in frame.columns if c.startswith("violation_")]
    assert names
    assert (frame[names].fillna(0.0).to_numpy() <= 0.0).all()
    signs = [-1.0 if g.direction == "maximize" else 1.0 for g in study.objectives]
    points = (frame[[a.column for a in front.axes]].to_numpy() * signs).tolist()
    for p in points:
        assert not any(q != p and all(a <= b for a, b in zip(q, p, strict=True)) for q in points)


def test_every_deployment_is_one_that_the_study_allows(study: ResolvedStudy, front: Front) -> None:
    d = study.lists  # those of the file, and what a search tries where it gives none
    for frame in (f for f in (front.frame, front.baselines) if len(f)):
        assert set(frame["batch"]) <= set(d.batch)
        assert set(frame["tp"]) <= set(d.tp)
        assert set(frame["pp"]) <= set(d.pp)
        assert d.cp is None or set(frame.get("cp", (1,))) <= set(d.cp)
        replicas = frame["tp"] * frame.get("cp", 1) * frame["pp"] * frame["dp"]
        pooled = study.context.workload.serving == "disaggregated"  # chips that prefill come on top
        assert ((frame["chips"] > replicas) if pooled else (frame["chips"] == replicas)).all()
    solved = front.at_targets
    if len(solved):
        assert set(solved["tp"]) <= set(study.fine_lists.tp)
        assert set(solved["pp"]) <= set(study.fine_lists.pp)
    if len(front.baselines):
        assert set(front.baselines["chip"]) <= set(study.baselines)


def test_every_chip_of_the_search_lies_in_the_space(study: ResolvedStudy, front: Front) -> None:
    for row in front.frame.to_dict("records"):
        if row["role"] == "search":
            for name, spec in study.branches[row["chip"].rpartition("-")[0]].spec.parameters.items():
                value = row[f"param_{name}"]
                assert spec.low * (1 - 1e-12) <= value <= spec.high * (1 + 1e-12), (row["chip"], name)


def test_the_manifest_knows_its_hypervolume_and_its_question(study: ResolvedStudy, front: Front) -> None:
    manifest = front.manifest
    assert (manifest["study"], manifest["seed"]) == (study.slug, study.spec.seed)
    assert manifest["question"] == study.spec.question
    assert manifest["trials"] >= 1
    if len(front.axes) == 2 and all(a.direction == "minimize" for a in front.axes):
        x_worst, y_worst = (study.reference_point[a.name] for a in front.axes)
        volume, y_last = 0.0, y_worst
        for x, y in sorted(front.frame[[a.column for a in front.axes]].to_numpy().tolist()):
            if x < x_worst and y < y_last:
                volume += (x_worst - x) * (y_last - y)
                y_last = y
        assert manifest["hypervolume"] == pytest.approx(volume, rel=1e-9)


def test_a_manifest_tells_nothing_of_the_machine_it_was_made_on(study: ResolvedStudy) -> None:
    text = (folder(study) / "manifest.json").read_text(encoding="utf-8")
    assert json.loads(text)["storage"] == "embedded"
    assert str(Path.home()) not in text
    assert str(STUDIES.parent) not in text
