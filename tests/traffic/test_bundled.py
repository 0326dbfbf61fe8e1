"""Bundled traffic has the moments that its sources have, and workloads agree with the traffic they name."""

import numpy as np
import pytest
import yaml

from dse import estimate
from dse.errors import SpecError
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.traffic import TrafficSpec
from dse.spec.schema.workload import WorkloadSpec
from dse.spec.yaml.loading import build_spec
from dse.traffic.checks import traffic_problems
from dse.traffic.profile import profile, traffic_named
from dse.traffic.sample import sample
from dse.traffic.workloads import resolved

CATALOG = Catalog.of(None)
NAMES = list(CATALOG.files("traffic"))


def leaf(value):
    return {"value": value, "source": "assumption", "basis": "assumption"}


def traffic(**changes):
    data = {
        "kind": "traffic",
        "name": "mine",
        "title": "Mine",
        "arrivals": {"process": "poisson"},
        "lengths": {
            "isl": {"distribution": "fixed", "mean": leaf("100 token")},
            "osl": {"distribution": "fixed", "mean": leaf("10 token")},
        },
    }
    return build_spec(TrafficSpec, {**data, **changes}, "T")


def refused(**changes):
    with pytest.raises(SpecError) as error:
        traffic(**changes)
    return [p.what for p in error.value.problems]


@pytest.mark.parametrize("name", NAMES)
def test_a_bundled_distribution_is_that_of_its_source(name):
    """Requests of a trace were counted; its mean, median and tail were taken from the requests themselves."""
    spec = CATALOG.get(TrafficSpec, name)
    found = traffic_named(CATALOG, name)
    assert spec.lengths.joint is not None
    assert spec.stated is not None
    # every request is in the table
    assert sum(map(sum, spec.lengths.joint.value)) == spec.stated.requests.value
    for of, said in (
        (found.lengths.moments.isl, spec.stated.isl),
        (found.lengths.moments.osl, spec.stated.osl),
    ):
        assert of.mean == pytest.approx(said.mean.value, rel=0.01)
        for share in ("p50", "p95", "p99"):
            assert getattr(of, share) == pytest.approx(getattr(said, share).value, rel=0.03)
    assert found.lengths.moments.correlation == pytest.approx(spec.stated.correlation.value, abs=0.01)
    assert list(traffic_problems(spec, CATALOG.path("traffic", name))) == []


def test_a_distribution_that_is_not_as_stated_is_a_problem(tmp_path):
    spec = traffic(stated={"isl": {"mean": leaf("105 token"), "p95": leaf("100 token")}})
    problems = [p.what for p in traffic_problems(spec, tmp_path / "mine.yaml")]
    what = "stated.isl.mean: expected within 1% of the 100.0 tokens of lengths.isl, got 105.0"
    assert problems == [what]


def test_a_trace_lies_next_to_the_file_that_names_it(tmp_path):
    (tmp_path / "a.csv").write_text("arrival_s,isl,osl\n0,10,1\n2,30,3\n", encoding="utf-8")
    spec = traffic(arrivals={"process": "trace", "trace": "a.csv"}, lengths={"trace": "a.csv"})
    found = profile(spec, tmp_path)
    assert found.rate == 0.5
    assert found.lengths.moments.isl.mean == 20.0
    assert sample(found, n=2).isl.tolist() == [10, 30]
    # read once, wrong once
    broken = traffic(arrivals={"process": "trace", "trace": "b.csv"}, lengths={"trace": "b.csv"})
    assert [p.what for p in traffic_problems(broken, tmp_path / "mine.yaml")] == [
        "cannot be read: No such file or directory"
    ]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (
            {"arrivals": {"process": "gamma"}},
            "arrivals: cv: expected a known value for gamma, got none",
        ),
        (
            {"arrivals": {"process": "poisson", "cv": leaf(2)}},
            "arrivals: cv: expected none for poisson, got one",
        ),
        (
            {"arrivals": {"process": "poisson", "daily": leaf([1, 2])}},
            "arrivals: daily: expected 24 numbers, one an hour, got 2",
        ),
        (
            {"arrivals": {"process": "poison"}},
            "arrivals.process: unknown value 'poison'; did you mean 'poisson'?",
        ),
        ({"lengths": {}}, "lengths: expected isl and osl, or a trace, got neither"),
        ({"rate": leaf("3 token")}, "rate.value: expected a number with a unit such as '1 request/s'"),
    ],
)
def test_wrong_traffic_is_refused_in_words(changes, what):
    assert refused(**changes)[0].startswith(what)


@pytest.mark.parametrize(
    ("isl", "what"),
    [
        (
            {"distribution": "lognormal", "mean": leaf("3000 token"), "p95": leaf("12000 token")},
            "p95: expected from 1 to 3.87 times the mean of 3,000 tokens, as a lognormal has it, got 12,000, "
            "4.00 times; a weibull reaches 4.67 times",
        ),
        ({"distribution": "lognormal", "mean": leaf("3 token")}, "p95: expected a known value for lognormal"),
        (
            {"distribution": "lognormal", "p95": leaf("3 token")},
            "mean: expected either mean or p50 for lognormal, got neither",
        ),
        (
            {"distribution": "histogram", "edges": leaf([1, 5, 5])},
            "edges: expected ascending numbers, got 5 before",
        ),
        (
            {"distribution": "histogram", "edges": leaf([1, 5, 9]), "shares": leaf([0.5, 0.3])},
            "shares: expected whole numbers of requests, or shares with the sum 1, got the sum 0.8",
        ),
        (
            {"distribution": "histogram", "edges": leaf([1, 5, 9]), "shares": leaf([4])},
            "shares: expected 2 numbers, one less than edges, got 1",
        ),
        (
            {"distribution": "histogram", "edges": leaf([1, 5, 9])},
            "isl.shares: expected a number for each bin",
        ),
        ({"distribution": "fixed", "mean": leaf("0.5 token")}, "expected at least 1 token, got '0.5 token'"),
    ],
)
def test_wrong_lengths_are_refused_in_words(isl, what):
    osl = {"distribution": "fixed", "mean": leaf("10 token")}
    (said,) = refused(lengths={"isl": isl, "osl": osl})
    assert what in said


def work(**changes):
    path = CATALOG.path("workloads", "chat")
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    return build_spec(WorkloadSpec, {**data, **changes}, "W")


def test_a_workload_has_the_means_of_its_traffic():
    found = resolved(
        work(isl=leaf("12035 token"), osl=leaf("343 token"), traffic="mooncake-conversation"), CATALOG
    )
    sent = found.traffic
    assert sent.weight @ sent.isl == pytest.approx(12035.0, rel=0.01)
    assert np.sum(sent.weight * sent.isl * sent.osl) == pytest.approx(sent.cross, rel=1e-6)
    assert (sent.hit, sent.arrival_cv, sent.quiet) == (0.374, 1.718, 1.0)
    with pytest.raises(SpecError) as error:
        resolved(work(traffic="mooncake-conversation"), CATALOG)
    said = [p.what for p in error.value.problems]
    assert said[0].startswith("isl: expected the mean of traffic mooncake-conversation, 12,0")
    assert said[1].endswith("tokens within 1%, got 290.3")
    with pytest.raises(
        SpecError, match="traffic: unknown traffic 'moncake-conversation'; did you mean 'moonc"
    ):
        resolved(work(traffic="moncake-conversation"), CATALOG)


def test_traffic_changes_no_stored_question_and_no_figure(tmp_path):
    assert "traffic" not in work().model_dump(mode="json")
    assert resolved(work(), CATALOG).traffic is None
    folder = tmp_path / "workloads"
    folder.mkdir()
    plain = work(name="plain", isl=leaf("1155 token"), osl=leaf("211 token"))
    for name, extra in (("plain", {}), ("sent", {"traffic": "azure-2023-conversation"})):
        data = {**plain.model_dump(mode="json"), "name": name, **extra}
        # back in the units of a file
        data |= {"isl": leaf("1155 token"), "osl": leaf("211 token"), "targets": {"tpot": "200 ms"}}
        data = {key: value for key, value in data.items() if value is not None}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    one, other = (
        estimate("h100-sxm", "llama3.1-8b", name, configs=tmp_path).metrics for name in ("plain", "sent")
    )
    assert one == other
