"""`dse validate llms`: what is counted from layers against what publishers say, and by hand."""

import pytest

from dse.spec.catalog.lookup import Catalog
from dse.validate.llms.sizes import kv_elements, llm_sizes
from objectives.api import Attention, Block, Experts, Ffn, Llm
from objectives.equations.llm.parameters import active_params, params

SIZES = {size.llm: size for size in llm_sizes(Catalog())}


@pytest.mark.parametrize("name", sorted(SIZES))
def test_every_bundled_llm_has_the_published_size(name):
    size = SIZES[name]
    assert size.published is not None
    assert abs(size.error) <= 0.01
    assert abs(size.active_error or 0.0) <= 0.03


def test_a_token_visits_the_router_and_its_own_experts():
    """Two matrices of 8 x 6 an expert, three of five visited; a router of 8 x 5."""
    e = Experts(count=5, top_k=3, width=6, matrices=2)
    a = Attention(heads=2, kv_heads=1, head_dim=4)
    llm = Llm(
        name="toy",
        hidden=8,
        vocab=10,
        nominal_params=1.0,
        blocks=(Block(count=2, attention=a, experts=e), Block(count=1, ffn=Ffn(width=4, matrices=3))),
    )
    attention = 8 * 8 + 2 * 8 * 4 + 8 * 8
    norms = 2 * 2 * 8 + 8 + 8
    rest = 2 * attention + 2 * 8 * 5 + 3 * 8 * 4 + norms + 2 * 10 * 8
    assert params(llm) == rest + 2 * 5 * 2 * 8 * 6
    assert active_params(llm) == rest + 2 * 3 * 2 * 8 * 6
    assert kv_elements(llm) == 2 * 2 * 4
