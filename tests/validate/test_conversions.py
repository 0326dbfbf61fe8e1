"""From what a table says to what is predicted: names, units, layouts, drafts and metrics by hand."""

from types import SimpleNamespace
from typing import Any

import factories as make
import numpy as np
import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st

from dse.chips.formats import arithmetic
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.system import StackSpec
from dse.spec.yaml.units import parse
from dse.validate.measured.drafts import drafted
from dse.validate.measured.engines import NO_MATCH, match
from dse.validate.measured.layouts import MOST_ASSUMED, WEIGHTS_SHARE, layout
from dse.validate.measured.predict import in_metrics, predict
from dse.validate.measured.reading import spellings
from dse.validate.measured.reading.metric_names import Named, named
from dse.validate.measured.rows import METRICS
from objectives import api
from objectives.equations.chip.formats import FORMATS
from objectives.equations.llm.parameters import params
from objectives.equations.step.speculation import tokens_per_step

CATALOG = Catalog()


def row(**changes: Any) -> Any:
    """A measured row of which only some cells count."""
    usual = {"metric": "tpot_ms", "isl": 100.0, "osl": 11.0, "chips": 8.0, "tp": None, "pp": None, "dp": None,
             "ep": None, "kind": "static", "engine": "vLLM 0.6", "spec_decode": "", "accepted": None,
             "quality": "A", "stat": "mean"}  # fmt: skip
    return SimpleNamespace(**{**usual, **changes})


# --- names


@pytest.mark.parametrize(
    "name", ["tpot_s", "ttft_s", "prefill_s", "itl_s", "e2e_ms", "e2e_latency_ms", "latency_s"]
)
def test_a_metric_in_another_unit_is_converted_by_its_ending(name: str) -> None:
    found = named(name)
    ours = found.metric
    theirs, unit = (n.rpartition("_")[2] for n in (name, ours))
    assert found.unit == pytest.approx(parse(f"1 {theirs}", "s") / parse(f"1 {unit}", "s"))
    assert ours in METRICS


@pytest.mark.parametrize("name", METRICS)
def test_our_own_names_of_metrics_stay_as_they_are(name: str) -> None:
    assert named(name) == named(name.upper().replace("_", " ")) == Named(metric=name, known=True)


@pytest.mark.parametrize("name", FORMATS)
def test_our_own_names_of_number_formats_stay_and_can_be_computed_with(name: str) -> None:
    assert spellings.number_format(name) == name
    assert spellings.number_format(name.upper().replace("_", "-")) == name or "-" in name
    assert arithmetic(name, "fp16")


@pytest.mark.parametrize(
    ("given_", "ours"),
    [
        ("GPU", "chip"), ("Input Tokens", "isl"), ("output-len (tokens)", "osl"), ("Num GPUs", "n_chips"),
        ("tp_size", "tp"), ("Concurrency", "batch"), ("my own column", "my_own_column"), ("TP", "tp"),
    ],
)  # fmt: skip
def test_columns_of_others_get_our_names(given_: str, ours: str) -> None:
    assert spellings.column(given_) == ours


def test_a_column_that_is_ours_wins_over_another_of_the_same_meaning() -> None:
    assert spellings.columns(["batch", "concurrency", "isl"]) == ["batch", "concurrency", "isl"]
    assert spellings.columns(["concurrency", "isl"]) == ["batch", "isl"]


@pytest.mark.parametrize("text", ["", " ", "-", "N/A", "None", "unknown", "?"])
def test_a_cell_that_says_nothing_is_blank(text: str) -> None:
    assert spellings.cell("tp", text) == ""
    assert spellings.cell("tp", " 8 ") == "8"
    assert spellings.cell("batch_kind", " unknown ") == "unknown"


def test_kinds_of_batch_of_others_are_ours() -> None:
    for name in ("static", "concurrency", "mean_in_flight", "max_seqs", "unknown"):
        assert spellings.kind(name) == name
    for name, ours in (("Closed-Loop", "concurrency"), ("offline", "unknown"), ("max_num_seqs", "max_seqs")):
        assert spellings.kind(name) == ours


# --- engines


def stack(**changes: Any) -> Any:
    usual = {"engines": ("vllm",), "classes": (), "since": None, "until": None}
    return SimpleNamespace(**{**usual, **changes})


@pytest.mark.parametrize(
    ("changes", "engine", "date", "found"),
    [
        ({}, "vLLM 0.6.3", "2024-05-01", (4, "9999", "")), ({}, "TensorRT-LLM", "2024-05-01", NO_MATCH),
        ({"engines": ("vllm", r"vllm 0\.[67]")}, "vLLM 0.6.3", "", (8, "9999", "")),
        ({"classes": ("systolic",)}, "vLLM", "2024", NO_MATCH),
        ({"classes": ("datacentre-gpu",)}, "vLLM", "2024", (4, "9999", "")),
        ({"since": "2024-06"}, "vLLM", "2024-05-31", NO_MATCH),
        ({"since": "2024-06"}, "vLLM", "2024-06-01", (4, "9999", "")),
        ({"since": "2024-06"}, "vLLM", "2024", (4, "9999", "")),  # that year it may have been
        ({"until": "2024-06"}, "vLLM", "2024-06-30", (4, "2024-06", "")),
        ({"until": "2024-06"}, "vLLM", "2024-07-01", NO_MATCH),
        ({"engines": (r"vllm 0\.6",), "since": "2024"}, "vLLM 0.6.3", "", (8, "9999", "2024")),
        ({"until": "2023", "since": "2022"}, "vLLM", "", (4, "2023", "")),  # undated: of any era
    ],
)  # fmt: skip
def test_a_profile_fits_an_engine_by_name_class_and_date(
    changes: dict[str, Any], engine: str, date: str, found: tuple[int, str, str]
) -> None:
    assert match(stack(**changes), "datacentre-gpu", engine, date) == found


def test_every_calibrated_stack_knows_some_engine_by_name() -> None:
    calibrated = [s for s in CATALOG.all(StackSpec).values() if s.estimate == "calibrated" and s.engines]
    assert len(calibrated) > 5
    assert all(s.since is None or s.until is None or s.since <= s.until for s in calibrated)


# --- layouts

H100 = CATALOG.get(ChipSpec, "h100-sxm")


@LAW
@given(
    st.sampled_from((None, 1.0, 2.0, 8.0)),
    st.sampled_from((None, 1.0, 2.0)),
    st.sampled_from((None, 1.0, 4.0)),
    st.sampled_from((1.0, 2.0, 4.0, 8.0, 16.0, 64.0)),
    st.sampled_from(("static", "max_seqs", "unknown")),
    st.sampled_from(("vLLM", "llama.cpp")),
)
def test_a_layout_fills_the_system_where_it_is_not_stated_otherwise(
    tp: float | None, pp: float | None, dp: float | None, chips: float, kind: str, engine: str
) -> None:
    llm = make.llama2_70b()
    found = layout(row(tp=tp, pp=pp, dp=dp, chips=chips, kind=kind, engine=engine), H100, llm, 1.0)
    ways = chips / ((pp or 1.0) * (dp or 1.0))
    if tp is None and ways >= 1.0:
        assert found is not None
        assert found.tp * found.pp * found.dp == chips
        assert llm.heads % found.tp == 0
    if found is not None:
        for stated, made in ((tp, found.tp), (pp, found.pp), (dp, found.dp)):
            if stated is not None and tp is not None:
                assert made == stated
        assert bool(found.assumed) is not (
            (found.tp, found.pp, found.dp) == (tp or 1.0, pp or 1.0, dp or 1.0)
        )


def test_without_chips_the_smallest_system_that_holds_the_weights_is_taken() -> None:
    """138 GB of fp16 weights in 60 % of 81,559 MiB a chip: 2.7 chips, so four."""
    llm = make.llama2_70b()
    found = layout(row(chips=None), H100, llm, 2.0)
    size = float(H100.dram.capacity.value or 0.0) if H100.dram else 0.0
    assert found is not None
    assert params(llm) * 2.0 / (WEIGHTS_SHARE * size) == pytest.approx(2.7, abs=0.05)
    assert (found.tp, found.assumed) == (4.0, "TP 4")
    assert (
        layout(row(chips=None), H100, make.deepseek_v3(), 2.0) is None
    )  # 32 chips are more than anyone assumes
    assert MOST_ASSUMED == 8


def test_runs_for_throughput_take_the_fewest_chips_a_replica_and_engines_of_layers_take_stages() -> None:
    llm = make.llama2_7b()  # 13.5 GB in fp16: one chip holds it
    dense = layout(row(kind="max_seqs"), H100, llm, 2.0)
    static = layout(row(kind="static"), H100, llm, 2.0)
    layers = layout(row(engine="llama.cpp b4000"), H100, llm, 2.0)
    assert dense is not None and static is not None and layers is not None
    assert (dense.tp, dense.dp) == (1.0, 8.0)
    assert (static.tp, static.dp) == (8.0, 1.0)
    assert (layers.tp, layers.pp) == (1.0, 8.0)


# --- drafts


@LAW
@given(st.integers(1, 4), st.floats(0.01, 0.99))
def test_drafts_of_a_row_yield_the_tokens_that_were_measured(length: int, share: float) -> None:
    llm = make.deepseek_v3()
    accepted = 1.0 + share * length
    found = drafted(row(spec_decode=f"MTP{length}", accepted=accepted), llm)
    assert found is not None
    assert (found.length, found.cost) == (length, 1.0 / llm.layers)
    assert tokens_per_step(found) == pytest.approx(accepted, rel=1e-9)


def test_drafts_that_do_not_state_what_was_accepted_are_not_predicted() -> None:
    llm = make.deepseek_v3()
    assert drafted(row(spec_decode="MTP-2", accepted=None), llm) is None
    assert drafted(row(spec_decode="EAGLE-3", accepted=2.0), llm) is None
    assert drafted(row(spec_decode="", accepted=2.0), llm) is None


# --- metrics


def batch(metrics: list[str], **more: Any) -> Any:
    cases = [SimpleNamespace(row=row(metric=m, **more)) for m in metrics]
    return SimpleNamespace(cases=cases, osl=np.full(len(cases), 11.0))


def test_seconds_become_what_each_row_measured() -> None:
    """TPOT 20 ms, TTFT 0.3 s, 11 tokens out: 0.3 + 10 x 0.02 = 0.5 s; 4 requests in flight on 8 chips."""
    names = list(METRICS)
    tpot, ttft, flight, chips = (np.array(v) for v in (0.02, 0.3, 4.0, 2.0))
    found = dict(zip(names, in_metrics(batch(names), tpot, ttft, flight, chips), strict=True))
    rate = 4.0 * 11.0 / 0.5
    expected = {
        "tpot_ms": 20.0, "tok_s_user": 50.0, "ttft_ms": 300.0, "prefill_ms": 300.0, "e2e_s": 0.5,
        "decode_tok_s_total": rate, "tok_s_per_chip": rate / 8.0, "total_tok_s_incl_input": 4.0 * 111.0 / 0.5,
    }  # fmt: skip
    assert found == pytest.approx(expected)
    unstated = in_metrics(
        batch(["tok_s_per_chip"], chips=None), np.array(0.02), np.array(0.3), np.array(4.0), np.array(2.0)
    )
    assert unstated[0] == pytest.approx(rate / 2.0)


class Plain:
    """TPOT of 10 ms, TTFT of 0.1 s; a replica holds 16 sequences."""

    name = "plain"

    def evaluate(self, designs: Any, context: Any, *, detail: bool = False) -> Any:
        held = designs.deployments.batch - 16.0
        zero = 0.0 * held
        return SimpleNamespace(tpot_s=zero + 0.01, ttft_s=zero + 0.1, violations={"capacity": held})


@pytest.mark.parametrize(
    ("kind", "users", "dp", "ttft"),
    [
        ("static", 64.0, 1.0, 0.1),  # the deployment says how many run; nobody is told to wait
        ("concurrency", 8.0, 1.0, 0.1),
        ("concurrency", 16.0, 1.0, 0.1),
        ("concurrency", 48.0, 1.0, 0.1 + 2.0 * 0.2),  # 32 of 48 wait for two stays of 0.1 + 10 x 0.01 s
        ("concurrency", 48.0, 2.0, 0.1 + 0.5 * 0.2),
        ("max_seqs", 48.0, 1.0, 0.1),  # what an engine is set to hold, it holds
    ],
)  # fmt: skip
def test_users_beyond_what_fits_wait_for_those_before_them(
    kind: str, users: float, dp: float, ttft: float
) -> None:
    deployments = make.deployments(batch=users / dp if kind == "static" else 1.0, tp=8, dp=dp)
    designs = api.Designs.of(chips=make.h100_like(), deployments=deployments)
    mode = "static" if kind == "static" else "aggregated"
    made = SimpleNamespace(
        cases=[SimpleNamespace(row=row(metric="ttft_ms", kind=kind))], designs=designs,
        context=SimpleNamespace(workload=SimpleNamespace(serving=mode)),
        osl=np.array([11.0]), users=np.array([users]),
    )  # fmt: skip
    assert predict(Plain(), made)[0] == pytest.approx(1e3 * ttft)  # type: ignore[arg-type]
