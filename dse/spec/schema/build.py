"""What a chip is built of, as far as the constants of the technology depend on it."""

from typing import Literal

from dse.spec.schema.base import Spec


class Build(Spec):
    """What decides which constants a chip is made of."""

    node: str
    """Node of the compute dies."""
    generation: str | None = None
    """Kind of its DRAM; None without."""
    io_node: str | None = None
    """Of I/O dies; None without."""
    cooling: str = "liquid"
    """Class of cooling."""
    wafer_scale: bool = False
    """One die is the wafer."""
    yield_law: Literal["negative-binomial", "murphy"] = "negative-binomial"
    """Yield of an area without redundancy."""
    cache: bool = False
    """Whether the compute dies carry a cache."""
    io_cache: bool = False
    """Whether the I/O dies carry a cache."""
    priced: bool = True
    """Whether the dollars of its DRAM are needed."""
    hypothetical: bool = False
    """Whether the chip does not exist yet: what has been built is cool enough."""
    scaled: bool = False
    """Whether it runs at a slower clock where it would be too hot; only where it does not exist yet."""
    stacked: bool = False
    """Whether DRAM lies between its dies and their cooling."""
