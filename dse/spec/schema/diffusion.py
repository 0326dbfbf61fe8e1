"""Block diffusion as a workload states it."""

from dse.spec.schema.base import AtLeastOne, Few, Sourced, Spec
from objectives import api
from objectives.equations.step.generation.diffusion import context_of_blocks


class DiffusionSpec(Spec):
    """Block diffusion: tokens are denoised in blocks, and not generated one by one."""

    block: Sourced[Few]
    """Tokens of a block; every pass computes all of them, and an answer is rounded up to whole blocks."""
    steps: Sourced[AtLeastOne]
    """Passes that denoise a block; the mean, where a block is done as soon as all of its tokens are sure."""
    commit: bool
    """Whether one more pass over a settled block writes its KV cache; false where the last step keeps it, or
    where that of the steps before is taken for good (dual caches)."""

    def resolve(self) -> api.Diffusion:
        """The blocks as the equations want them."""
        return api.Diffusion(block=self.block.value or 1, steps=self.steps.value or 1.0, commit=self.commit)


def contexts(
    isl: float, osl: float, fixed: float | None, diffusion: api.Diffusion | None
) -> tuple[float, float]:
    """Mean context of a decoded row, and the one that capacity is planned for [token]."""
    if fixed is not None:
        return fixed, fixed
    if diffusion is not None:
        mean, largest = context_of_blocks(diffusion, isl, osl)
        return float(mean), float(largest)
    # a sequence grows from ISL to ISL + OSL while it decodes; capacity must hold its end
    return isl + osl / 2, isl + osl
