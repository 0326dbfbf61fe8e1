"""Objectives that are a column of the table of metrics."""

from functools import partial

from objectives.metrics import BY_COLUMN, MetricObjective

_least = partial(MetricObjective, direction="minimize")
_most = partial(MetricObjective, direction="maximize")

tpot = partial(_least, name="tpot", metric=BY_COLUMN["tpot_s"])
ttft = partial(_least, name="ttft", metric=BY_COLUMN["ttft_s"])
end_to_end = partial(_least, name="end_to_end", metric=BY_COLUMN["objective_end_to_end"])
tokens_per_second = partial(_most, name="tokens_per_second", metric=BY_COLUMN["tokens_per_s"])
entry_price = partial(_least, name="entry_price", metric=BY_COLUMN["capex_usd"])
usd_per_token_per_second = partial(
    _least, name="usd_per_token_per_second", metric=BY_COLUMN["usd_per_token_per_s"]
)
usd_per_million_tokens = partial(
    _least,
    name="usd_per_million_tokens",
    metric=BY_COLUMN["usd_per_million_tokens"],
    unit="USD",  # a target is written as 0.5 USD: the tokens are in the name
)
energy_per_token = partial(_least, name="energy_per_token", metric=BY_COLUMN["energy_per_token_j"])
usd_per_million_tokens_blended = partial(
    _least,
    name="usd_per_million_tokens_blended",
    metric=BY_COLUMN["usd_per_million_tokens_blended"],
    unit="USD",  # as above
)
tokens_per_second_per_chip = partial(
    _most, name="tokens_per_second_per_chip", metric=BY_COLUMN["tokens_per_s_per_chip"]
)
tokens_per_second_per_megawatt = partial(
    _most, name="tokens_per_second_per_megawatt", metric=BY_COLUMN["tokens_per_s_per_megawatt"]
)
chips = partial(_least, name="chips", metric=BY_COLUMN["chips"])
power = partial(_least, name="power", metric=BY_COLUMN["power_w"])
