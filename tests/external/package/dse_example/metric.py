"""Output tokens for each joule at the meter."""

from functools import partial

from objectives.metrics import Metric, MetricObjective

TOKENS_PER_JOULE = Metric(
    column="tokens_per_j",
    label="tokens per joule",
    unit="token/J",
    title="output tokens per joule at the meter",
    description="Output tokens for each joule at the meter.",
    compute=lambda metrics, context: 1.0 / metrics.energy_per_token_j,
)

tokens_per_joule = partial(
    MetricObjective, name="tokens_per_joule", metric=TOKENS_PER_JOULE, direction="maximize"
)
