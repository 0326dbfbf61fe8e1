"""KV cache of random lengths at random stages, against slots that are played one request at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import gamma as gamma_distribution
from scipy.stats import norm

from dse.spec.catalog.lookup import Catalog
from dse.traffic.arrivals import Arrivals
from dse.traffic.distributions.lengths import Coupled
from dse.traffic.distributions.marginals import Lognormal, Weibull
from dse.traffic.profile import Profile, traffic_named
from objectives.equations.traffic.capacity import Held, chance_of_more, held_by_one, room_for, sequences_in
from objectives.equations.traffic.normal import chance_above

PAGE = 16.0
CATALOG = Catalog.of(None)


def planned():
    """Prompts of 3,000 tokens with a p95 of 12,000, answers of 400."""
    lengths = Coupled(Weibull.of(3000.0, 12000.0), Lognormal.of(1000.0, mean=400.0), 0.2)
    return Profile(name="planned", lengths=lengths, arrivals=Arrivals("poisson"))


PROFILES = {
    "planned": planned(),
    **{name: traffic_named(CATALOG, name) for name in CATALOG.files("traffic")},
}


def played(profile, slots, rng):
    """Tokens that each slot holds at a moment late in its life: it decodes one request after the other."""
    mean = profile.lengths.moments.osl.mean
    moment = mean * (20.0 + 20.0 * rng.random(slots))
    held = np.zeros(slots)
    clock = np.zeros(slots)
    # a slot goes on until the moment lies in one of its requests
    left = np.arange(slots)
    while left.size:
        isl, osl = profile.lengths.draw(left.size, rng)
        into = moment[left] - clock[left]
        here = into < osl
        held[left[here]] = np.ceil((isl + into)[here] / PAGE) * PAGE
        clock[left] += osl
        left = left[~here]
    return held


@pytest.mark.parametrize("name", PROFILES)
def test_what_a_sequence_holds_is_what_playing_it_through_gives(name):
    profile, rng = PROFILES[name], np.random.default_rng(11)
    found, tokens = held_by_one(profile.resolve(), PAGE), played(profile, 100_000, rng)
    assert float(found.mean) == pytest.approx(tokens.mean(), rel=0.02)
    # 64 nodes keep no mean of ISL squared times OSL
    assert float(found.variance) ** 0.5 == pytest.approx(tokens.std(), rel=0.07)
    longer = profile.lengths.moments
    # long answers are met more often than they are sent
    assert float(found.mean) > longer.cross / longer.osl.mean


@pytest.mark.parametrize("sequences", [32, 256])
@pytest.mark.parametrize("name", PROFILES)
def test_the_room_for_a_stated_chance_is_exceeded_that_often(name, sequences):
    profile, rng = PROFILES[name], np.random.default_rng(12)
    tokens = played(profile, 200_000, rng)
    need = rng.choice(tokens, (40_000, sequences)).sum(axis=1)
    found = held_by_one(profile.resolve(), PAGE)
    for chance in (0.1, 0.01):
        room = room_for(found, np.array([float(sequences)]), chance)
        # a third of itself: the variance of the nodes, the gamma distribution, 400 events at 1 %
        assert np.mean(need > room[0]) == pytest.approx(chance, rel=0.35)
        assert chance_of_more(found, np.array([float(sequences)]), room)[0] == pytest.approx(chance, rel=1e-6)
        assert sequences_in(found, room, chance)[0] == pytest.approx(sequences, rel=1e-6)


def test_the_tail_is_that_of_a_gamma_distribution():
    """Scipy's own, of the same mean, variance and skewness."""
    one, count = Held(mean=4.0, variance=8.0, skewness=2**0.5), np.array([1.0, 4.0, 50.0])
    for room in (1.2, 1.6, 2.0):
        exact = gamma_distribution(2.0 * count, scale=2.0).sf(4.0 * count * room)
        likely = exact > 1e-4
        found = chance_of_more(one, count, 4.0 * count * room)
        assert found[likely] == pytest.approx(exact[likely], rel=0.03)


def test_the_normal_tail_is_that_of_scipy():
    z = np.linspace(-8.0, 30.0, 400)
    assert chance_above(z) == pytest.approx(norm.sf(z), rel=3e-9)


def test_more_room_or_fewer_sequences_are_never_worse():
    found = held_by_one(PROFILES["planned"].resolve(), PAGE)
    room = np.linspace(0.0, 4e6, 200)
    chance = chance_of_more(found, np.array([100.0]), room)
    assert (np.diff(chance) <= 1e-12).all()
    assert chance[0] == pytest.approx(1.0, abs=1e-3)
    fit = sequences_in(found, room[1:], 0.01)
    assert (np.diff(fit) > 0.0).all()
    # never more than the mean allows
    assert (fit < room[1:] / float(found.mean)).all()


def test_requests_of_one_length_need_what_half_of_the_answers_needs():
    same = Held(mean=150.0, variance=0.0, skewness=0.0)
    assert chance_of_more(same, np.array([2.0, 2.0]), np.array([299.0, 301.0])).tolist() == [1.0, 0.0]


def test_jax_computes_the_same():
    found = held_by_one(PROFILES["planned"].resolve(), PAGE)
    count, room = np.array([10.0, 100.0]), np.array([5e4, 4e5])
    one = (chance_of_more(found, count, room), room_for(found, count, 0.01), sequences_in(found, room, 0.01))
    with jax.enable_x64(True):
        count, room = jnp.asarray(count), jnp.asarray(room)
        compiled = jax.jit(
            lambda c, r: (chance_of_more(found, c, r), room_for(found, c, 0.01), sequences_in(found, r, 0.01))
        )
        for ours, theirs in zip(one, compiled(count, room), strict=True):
            assert np.asarray(theirs) == pytest.approx(ours, rel=1e-9)
