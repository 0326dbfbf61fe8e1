"""What is wrong with a registered metric is said in a sentence, and only predictions are held to physics."""

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint

import pytest

from dse import plugins
from dse.errors import PluginError
from objectives.api import predicts
from objectives.metrics import BY_COLUMN, Metric

Register = Callable[[str], None]
OURS = BY_COLUMN["tpot_s"]
NEW = Metric(column="tokens_per_j", label="tokens per joule", unit="token/J", description="A new one.")
PAIR = (NEW, Metric(column="b", label="b", unit="", description="Another.", rank=None))


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Iterator[Register]:
    """Registers a name of this module as the one external metric."""

    def one(name: str) -> None:
        point = EntryPoint(name="mine", value=f"{__name__}:{name}", group="dse.metrics")
        monkeypatch.setattr(plugins, "registered", lambda group: {"mine": point})

    plugins.forget()
    yield one
    plugins.forget()


def test_ours_come_first_and_a_tuple_adds_all_of_its_rows(register: Register) -> None:
    register("PAIR")
    columns = [metric.column for metric in plugins.metrics()]
    assert columns == [*BY_COLUMN, "tokens_per_j", "b"]


def test_a_column_that_is_taken_is_refused(register: Register) -> None:
    register("OURS")
    with pytest.raises(
        PluginError, match=r"dse\.metrics 'mine'.*: expected a column of its own, got 'tpot_s'"
    ):
        plugins.metrics()


def test_what_is_no_metric_is_refused_by_its_type(register: Register) -> None:
    register("__name__")
    with pytest.raises(PluginError, match=r"expected an objectives\.metrics\.Metric, got a str"):
        plugins.metrics()


def test_a_metric_that_cannot_be_loaded_names_its_entry_point(register: Register) -> None:
    register("NOTHING_OF_THIS_NAME")
    with pytest.raises(PluginError, match=r"dse\.metrics 'mine': expected a plug-in that loads"):
        plugins.metrics()


def test_claims_are_no_predictions() -> None:
    assert predicts(plugins.cost_model("roofline"))
    assert not predicts(plugins.cost_model("napkin"))
