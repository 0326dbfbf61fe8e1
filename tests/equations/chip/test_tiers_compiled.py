"""Placement in any number of memories gives the same when it is compiled."""

import numpy as np
import pytest

from dse.backends import compiler
from objectives.equations.chip.tiers import Tier, TierKind, place_in_tiers


@pytest.mark.parametrize("read_only", [False, True])
def test_jax_compiles_it_and_agrees(read_only: bool) -> None:
    rng = np.random.default_rng(1)
    values = rng.uniform(1.0, 9.0, (12, 50))

    def seconds(v: np.ndarray) -> np.ndarray:
        tiers = [
            Tier(capacity_bytes=5.0 * v[i], s_per_byte=v[3 + i], read_only=read_only and i == 2)
            for i in range(3)
        ]
        kinds = [
            TierKind(
                held_bytes=v[6 + k], reads=v[9 + k], busy_s=v[k], exposed_share=0.01 * v[3], written=k == 1
            )
            for k in range(3)
        ]
        first, second, third = place_in_tiers(tiers, kinds).stream_s
        return first + second + third  # type: ignore[no-any-return]

    compile = compiler("jax", fused=False)
    assert compile is not None
    assert np.asarray(compile(seconds)(values)) == pytest.approx(seconds(values), rel=1e-9)
