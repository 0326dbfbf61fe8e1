"""The link between pools: a network of the catalog, or its numbers."""

import pytest

from dse.errors import SpecError
from dse.evaluate.pools.estimate import estimate_pools
from dse.spec.catalog.lookup import Catalog
from dse.spec.schema.workload import WorkloadSpec


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("25 GB/s", "--pool-link: link: expected a network, or a bandwidth and a latency"),
        ("25 Gx/s, 5 us", "--pool-link: link.bandwidth: expected a number with a unit"),
        ("0 GB/s, 5 us", "--pool-link: link: bandwidth: expected more than 0 B/s"),
        ("nvlnk", "--pool-link: unknown network 'nvlnk'; did you mean"),
    ],
)
def test_a_link_that_is_none_is_refused_in_a_sentence(link: str, said: str) -> None:
    with pytest.raises(SpecError) as error:
        estimate_pools(["prefill=r200", "decode=lp30"], "opt-30b", "chat", weights="fp8", link=link)
    assert said in str(error.value)


def test_a_stated_link_has_its_own_numbers() -> None:
    pools = ["prefill=r200,tp=1,pp=1,batch=1", "decode=r200,tp=1,pp=1,batch=64"]
    found = estimate_pools(pools, "opt-30b", "chat", weights="fp8", link="25 GB/s, 5 us")
    # by hand: 1,024 tokens of 48 layers of 2 x 7,168 bytes leave one chip over its one port
    sent = found.ledgers["ttft_s"]["kv_transfer"] - 5e-6
    work = Catalog.of(None).get(WorkloadSpec, "chat")
    assert sent == pytest.approx(work.resolve().isl * 48 * 2 * 7168 / 25e9)


@pytest.mark.parametrize(
    ("pools", "link", "words"),
    [
        (["prefill=r20", "decode=lp3"], "25 GB/s, 5 us", ["--pool prefill=r20: unknown chip 'r20'",
                                                          "--pool decode=lp3: unknown chip 'lp3'"]),
        (["prefill=r200,tp=2,tp=4", "decode=lp30"], "25 GB/s, 5 us", ["tp: expected it once, got it twice"]),
        (["prefill=r200", "decode=lp30"], "-25 GB/s, 5 us", ["link.bandwidth: expected at least 0 B/s"]),
    ],
)  # fmt: skip
def test_a_mistake_is_named_where_it_was_made(pools: list[str], link: str, words: list[str]) -> None:
    with pytest.raises(SpecError) as error:
        estimate_pools(pools, "opt-30b", "chat", link=link, weights="fp8")
    for each in words:
        assert each in str(error.value)
