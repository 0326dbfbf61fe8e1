"""`dse report` and `dse plot`: files of results, and wrong input told in a sentence."""

import re
import socket

import pytest

from dse.report.plots.registry import plots

TRIALS = {"importance", "progress"}


@pytest.mark.parametrize("kind", [plot.name for plot in plots()])
def test_every_kind_of_picture_is_drawn_from_the_results_of_a_run(dse, small_run, tmp_path, kind):
    out, _ = small_run
    path = tmp_path / "new" / f"{kind}.svg"
    said = dse("plot", "groq-vs-h100", kind, "--out", out, "-o", path)
    assert said.code == 0 and said.out == "" and str(path) in said.err.replace("\n", "")
    assert path.read_bytes().rstrip().endswith(b"</svg>")


def test_pictures_of_a_search_need_its_trials(dse, tmp_path):
    for kind in [plot.name for plot in plots()]:
        said = dse("plot", "spatial-computing", kind, "-o", tmp_path / f"{kind}.png", "--quiet")
        if kind in TRIALS:
            said.refused("expected the trials of a search", "dse run")
        else:
            assert said.code == 0


def test_an_exact_front_is_drawn_behind(dse, small_run, tmp_path):
    out, _ = small_run
    path = tmp_path / "front.svg"
    assert dse("plot", "groq-vs-h100", "front", "--out", out, "--exact", out, "-o", path).code == 0
    assert "Exact front of the sweep" in path.read_text()


def test_a_report_is_one_page_that_asks_for_nothing(dse, small_run, tmp_path):
    out, _ = small_run
    path = tmp_path / "report.html"
    said = dse("report", "groq-vs-h100", "--out", out, "-o", path)
    assert said.code == 0 and said.out == "" and re.search(r"page: .*\d MB", said.err.replace("\n", " "))
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") and text.endswith("</html>\n")
    without = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(
        r"""(src|srcset)=(?!["']?data:)|<link(?! rel="icon" href="data:,">)|@import|url\(""", without
    )
    assert "progress" in text and "importance" in text
    assert dse("report", "groq-vs-h100", "--out", out, "-o", tmp_path / "again.html", "-q").err == ""
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == text


ARTICLE = ("--llm", "llama2-70b", "--workload", "article")
WRITING = (
    (("plot", "groq-vs-h100", "front"), "-o", "--output", "x.png"),
    (("report", "groq-vs-h100"), "-o", "--output", "x.html"),
    (("front", "groq-vs-h100"), "--plot", "--plot", "x.png"),
    (("breakeven", "groq-vs-h100", "--x", "hop latency"), "--plot", "--plot", "x.png"),
    (("compare", "h100", *ARTICLE), "--plot", "--plot", "x.png"),
    (("chip", "h100"), "--plot", "--plot", "x.png"),
    (("validate",), "--plot", "--plot", "x.png"),
    (("validate", "silicon"), "--plot", "--plot", "x.png"),
    (("validate",), "--out", "--out", "x.csv"),
    (("calibrate", "published", "--stack", "x"), "-o", "--output", "x.yaml"),
)


def _work(*args, **kwargs):
    raise AssertionError("work began")


@pytest.mark.parametrize(("words", "option", "called", "name"), WRITING)
def test_a_place_that_cannot_be_written_is_found_before_the_work(
    dse, tmp_path, monkeypatch, words, option, called, name
):
    # where each verb uses it: a verb's module that is first imported here would keep the broken one
    for work in (
        "dse.cli.verbs.studies.report.gather",
        "dse.cli.verbs.studies.plot.gather",
        "dse.cli.verbs.studies.front.gather",
        "dse.cli.verbs.chips.breakeven.all_candidates",
        "dse.cli.verbs.chips.compare.compared",
        "dse.cli.verbs.data.validate.measured_table",
        "dse.cli.show_data.silicon_errors.silicon_rows",
        "dse.cli.verbs.data.calibrate.fitted",
        "dse.chip_sheet",
    ):
        monkeypatch.setattr(work, _work)
    (tmp_path / "file").write_text("")
    (tmp_path / f"folder{name[1:]}").mkdir()
    why = f"{called}: expected a folder that can be written to, got 'file/deep': file is no folder"
    dse(*words, option, f"file/deep/{name}").refused(why)
    dse(*words, option, f"folder{name[1:]}").refused(f"{called}: expected a file to write, got the folder")
    assert {path.name for path in tmp_path.iterdir()} == {"file", f"folder{name[1:]}"}


def test_a_device_is_not_replaced_by_a_file(dse):
    for words in (("validate", "--out"), ("calibrate", "published", "--stack", "x", "-o")):
        dse(*words, "/dev/null").refused("expected a file to write, got '/dev/null'", "not a regular file")


def test_a_folder_that_is_made_is_a_place_too(dse, tmp_path):
    assert dse("chip", "h100", "--plot", "new/deep/h100.svg").code == 0
    assert (tmp_path / "new" / "deep" / "h100.svg").exists()


def test_wrong_places_and_names_are_refused_before_anything_is_written(dse, tmp_path):
    dse("report", "groq-vs-h100", "-o", tmp_path / "page.pdf").refused("--output", ".html", "page.pdf")
    dse("plot", "groq-vs-h100", "front", "-o", tmp_path / "a.gif").refused(".png, .svg, .pdf")
    dse("plot", "groq-vs-h100", "frnt", "-o", tmp_path / "a.png").refused("did you mean 'front'")
    dse("plot", "groq-vs-h10", "front", "-o", tmp_path / "a.png").refused("did you mean")
    dse("report", "groq-vs-h100", "--out", tmp_path / "none", "-o", tmp_path / "a.html").refused("dse run")
    assert list(tmp_path.iterdir()) == []


def test_a_study_that_cannot_be_resolved_any_more_still_has_its_page(dse, study_with, small_run, tmp_path):
    out, _ = small_run
    front = tmp_path / "old"
    front.mkdir()
    for name in ("front.csv", "baselines.csv", "at_targets.csv", "manifest.json"):
        text = (out / name).read_text(encoding="utf-8")
        (front / name).write_text(text.replace('"0001-groq-vs-h100"', '"mine"'), encoding="utf-8")
    study = study_with(llm="llama2-71b")
    said = dse("report", study, "--out", front, "-o", tmp_path / "page.html")
    assert said.code == 0
    assert "its study cannot be evaluated again" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_view_needs_a_free_port_and_results_of_the_study(dse, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        dse("view", "--port", port).refused("--port", "expected a free port", str(port))
    dse("view", "--port", "70000").refused("expected a port from 0 to 65535", "70000")
    dse("view", "groq-vs-h10").refused("STUDY", "did you mean")
    dse("view", "groq-vs-h100", "--out", tmp_path / "none").refused("expected the results", "dse run")
    dse("view", "--out", tmp_path).refused("--out", "expected a STUDY")
