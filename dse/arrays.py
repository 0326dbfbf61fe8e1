"""The type of arrays that the whole program uses, and their safe quotient."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
"""An array of numbers, of any shape."""


def over(amount: npt.ArrayLike, rate: npt.ArrayLike, otherwise: float = 0.0) -> Floats:
    """Quotient of the two, and `otherwise` where the rate is 0."""
    known = np.asarray(rate) > 0.0
    return np.where(known, amount / np.where(known, rate, 1.0), otherwise)
