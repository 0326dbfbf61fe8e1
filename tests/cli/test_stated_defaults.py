"""What help states as a default is what happens without the option, and another value makes a difference."""

import re

import pytest

from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.chip import ChipSpec
from dse.spec.schema.workload import WorkloadSpec

ESTIMATE = ("estimate", "--chip", "h100", "--llm", "mixtral-8x7b", "--workload", "chat", "--format", "json")
HELD = (*ESTIMATE, "--tp", 8, "--pp", 1, "--batch", 16, "--ep", 1)
CHIP = ("chip", "h100", "--format", "json")
COMPARE = ("compare", "h100", "h200", "--llm", "llama2-70b", "--workload", "chat", "--tp", 8, "--pp", 1,
           "--batch", 16, "--no-intervals", "--format", "json")  # fmt: skip
VERBS = {"estimate": HELD, "chip": CHIP, "compare": COMPARE}

SKIPPED = {
    ("estimate", "--format"), ("chip", "--format"), ("compare", "--format"),  # tested in all its forms
    ("compare", "--samples"),  # nothing is drawn here
}  # fmt: skip

OTHERS = {
    ("estimate", "--weights"): "fp8", ("estimate", "--cost-model"): "napkin",
    ("estimate", "--price-method"): "unit-cost", ("estimate", "--system"): "built-up",
    ("estimate", "--software"): "ideal", ("chip", "--yield"): "murphy",
    ("compare", "--targets"): "50 ms", ("compare", "--weights"): "fp8",
    ("compare", "--price-method"): "unit-cost", ("compare", "--system"): "built-up",
    ("compare", "--software"): "ideal",
}  # fmt: skip
"""Another value of each of these options, which must change the answer."""


def stated(text: str) -> dict[str, str]:
    """Options of a help text to the literal default that it states."""
    options = text.partition("Options:")[2].partition("Examples:")[0]
    found = {}
    for entry in re.split(r"\n  (?=-)", options)[1:]:
        flat = " ".join(entry.split())
        literal = re.search(r"\. \[default: ([^\]]+)\]$", flat)
        chosen = re.search(r"([\w-]+) \([^)]*\) \[default\]", flat)
        if either := literal or chosen:
            found[flat.split()[0]] = either[1]
    return found


@pytest.fixture(scope="module")
def usual(dse):
    """The answer of each verb when nothing but its subject is given."""
    return {verb: dse(*words).json for verb, words in VERBS.items()}


@pytest.mark.parametrize("verb", VERBS)
def test_a_stated_default_is_what_happens_without_the_option(dse, usual, verb):
    defaults = stated(dse(verb, "--help").out)
    assert len(defaults) >= 2, defaults
    for option, value in defaults.items():
        if (verb, option) not in SKIPPED:
            said = dse(*VERBS[verb], option, value)
            assert said.code in (0, 1), (option, value, said.err)
            assert said.json == usual[verb], option


@pytest.mark.parametrize(("verb", "option"), OTHERS, ids=lambda v: v.strip("-"))
def test_another_value_makes_a_difference(dse, usual, verb, option):
    said = dse(*VERBS[verb], option, OTHERS[verb, option])
    if option == "--cost-model":
        said = dse(*ESTIMATE, option, OTHERS[verb, option])
    assert said.json != usual[verb]


def test_every_option_with_a_literal_default_has_another_value_to_try(dse):
    known = {verb: set(stated(dse(verb, "--help").out)) for verb in VERBS}
    missing = {(v, o) for v, options in known.items() for o in options} - SKIPPED - set(OTHERS)
    assert missing == {("compare", "--cost-model")}  # the same option as of `estimate`


# --- defaults that are stated in words


def test_formats_follow_the_weights(dse):
    eight = dse(*HELD, "--weights", "fp8").json
    for option in ("--kv", "--activations"):
        assert dse(*HELD, "--weights", "fp8", option, "fp8").json == eight
        assert dse(*HELD, "--weights", "fp8", option, "fp16").json != eight
    four = dse(*HELD, "--weights", "int4").json
    assert four["precision"] == {"weights": "int4", "kv": "fp16", "activations": "fp16"}


def test_the_stack_is_that_of_the_chip_and_serving_that_of_the_workload(dse, usual):
    catalog = Catalog()
    stack = catalog.get(ChipSpec, "h100").stack
    serving = catalog.get(WorkloadSpec, "chat").serving
    assert dse(*HELD, "--stack", stack).json == usual["estimate"]
    assert dse(*HELD, "--serving", serving).json == usual["estimate"]
    assert dse(*HELD, "--stack", "ideal").json != usual["estimate"]
    assert dse(*HELD, "--serving", "decode-only").json != usual["estimate"]


def test_replicas_are_one_or_as_many_as_share_the_experts(dse, usual):
    assert usual["estimate"]["deployment"]["dp"] == 1
    assert dse(*HELD, "--dp", 1).json == usual["estimate"]
    spread = (*ESTIMATE, "--tp", 2, "--pp", 1, "--batch", 16, "--ep", 8)
    assert dse(*spread).json == dse(*spread, "--dp", 4).json


def test_what_is_left_out_is_the_cheapest_of_all_that_could_be_given(dse):
    best = dse(*ESTIMATE).json
    given = [(f"--{name}", best["deployment"][name]) for name in ("batch", "tp", "pp", "ep", "dp")]
    again = dse(*ESTIMATE, *[word for pair in given for word in pair]).json
    assert again["metrics"] == best["metrics"]
    cost = best["metrics"]["usd_per_token_per_s"]
    for tp in (1, 2, 4, 8):
        one = dse(*ESTIMATE, "--tp", tp).json
        # of systems within 1 % of the best the smallest is taken
        assert not one["feasible"] or one["metrics"]["usd_per_token_per_s"] >= cost / 1.01 * (1 - 1e-9)


def test_the_price_of_a_chip_is_its_list_price_where_it_has_one_and_its_unit_cost_else(dse, usual):
    assert usual["chip"] == dse(*CHIP, "--price-method", "listed").json
    bare = ("chip", "lpu-hbm", "--format", "json")
    assert dse(*bare).json == dse(*bare, "--price-method", "unit-cost").json


def test_without_targets_nothing_bounds_the_deployment(dse):
    free = dse(*ESTIMATE, "--no-targets").json
    bound = dse(*ESTIMATE).json
    assert free["targets"] == {}
    assert set(bound["targets"]) == {"tpot", "ttft"}
    assert free["metrics"]["usd_per_token_per_s"] <= bound["metrics"]["usd_per_token_per_s"] * 1.01
