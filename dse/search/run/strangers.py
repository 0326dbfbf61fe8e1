"""What other packages bring that the workers of a study call."""

from dse.plugins import PRICE_METHODS, point_named, registered
from dse.plugins.checked_cost_model import CheckedCostModel
from dse.plugins.entry import foreign, name_of
from dse.question.resolved_study import ResolvedStudy


def strangers_of(study: ResolvedStudy) -> tuple[str, ...]:
    """The entry points of other packages that a study uses, as a sentence names them."""
    spec, contexts = study.spec, [study.context, *(m.context for m in study.members)]
    points = [
        *(point_named("dse.objectives", "objective", goal.name) for goal in study.objectives),
        *registered("dse.metrics").values(),
        point_named("dse.samplers", "sampler", spec.sampler.name),
        point_named(PRICE_METHODS, "price method", spec.price.method),
    ]
    if isinstance(study.cost_model, CheckedCostModel):
        points = [*(p for each in contexts for p in study.cost_model.called(each)), *points]
    return tuple(dict.fromkeys(name_of(point) for point in points if foreign(point)))
