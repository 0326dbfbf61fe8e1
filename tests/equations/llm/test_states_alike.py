"""What all layers with a state share: namespaces of arrays, the bound on them, no tokens to split."""

import array_api_strict
import factories as make
import jax.numpy as jnp
import numpy as np
import pytest

from dse.bounds import first_principles
from objectives.api import AttentionLayer, Block, Ffn, Llm, Mamba, Rwkv, ShortConvolution
from objectives.equations.llm.attention.kinds import exchanged, kind_of
from objectives.equations.llm.mean_layer import mean_layer

HIDDEN = 2048
LAYERS: dict[str, AttentionLayer] = {
    "mamba": Mamba(inner=4096, state_dim=16, step_rank=128, conv=4, state_bytes=4.0),
    "rwkv-6": Rwkv(heads=32, head_dim=64, decay_latent=64, mix_latent=32, shift=4096, state_bytes=4.0),
    "rwkv-7": Rwkv(
        heads=32,
        head_dim=64,
        decay_latent=96,
        gate_latent=256,
        rate_latent=96,
        value_latent=64,
        shift=4096,
        state_bytes=4.0,
    ),
    "short convolution": ShortConvolution(width=2048, taps=3, state_bytes=2.0),
}
WAYS = [1.0, 2.0, 8.0, 48.0]


@pytest.fixture(params=LAYERS.values(), ids=LAYERS)
def layer(request: pytest.FixtureRequest) -> AttentionLayer:
    found: AttentionLayer = request.param
    return found


@pytest.mark.parametrize("of", [jnp, array_api_strict], ids=["jax", "strict"])
def test_other_namespaces_count_the_same(layer: AttentionLayer, of: object) -> None:
    kind, here = kind_of(layer), np.asarray(WAYS)
    there = of.asarray(WAYS)  # type: ignore[attr-defined]
    for count in (kind.state_bytes, kind.core_flop, kind.prompt_core_flop, kind.kv_elements):
        found = count(layer, there)
        assert type(found) is type(there)
        np.testing.assert_allclose(np.asarray(found), count(layer, here), rtol=1e-6)
    for part in (kind.projection_elements, kind.projection_traffic):
        found = part(layer, HIDDEN, there)
        assert type(found) is type(there)
        np.testing.assert_allclose(np.asarray(found), part(layer, HIDDEN, here), rtol=1e-6)


def test_a_whole_network_is_bounded_by_the_independent_count(layer: AttentionLayer) -> None:
    block = Block(count=3, attention=layer, ffn=Ffn(width=4096, matrices=3))
    llm = Llm(name="s", hidden=HIDDEN, vocab=0, blocks=(block,), nominal_params=1e9)
    work = make.context(llm, isl=1000.0, osl=10.0, mean_context=1005.0).workload
    one = np.array([1.0])
    found, mean = first_principles.count(llm, work), mean_layer(llm, one)
    assert 0.99 * 3 * mean.weights() <= found.layers <= 3 * mean.weights()
    assert mean.state_bytes is not None
    assert 0.8 * 3 * mean.state_bytes <= found.state_bytes <= 3 * mean.state_bytes
    most = 3 * mean.core_flop(np.array([1005.0]))
    assert 0.5 * most <= found.core_flop <= most
    # of a prompt the last layer is left out
    assert found.prompt_core_flop <= 3 * 1000 * mean.prompt_core_flop(np.array([1000.0]))


def test_tokens_of_a_sequence_are_not_split_over_chips(layer: AttentionLayer) -> None:
    assert exchanged(kind_of(layer), layer, 1.0) is None
