"""Between fractions of the range of a parameter and its values."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from dse.arrays import Floats
from dse.spec.schema.space import NAME, PARAMETERS, ParameterSpec


def value_at(parameter: ParameterSpec, fraction: Floats) -> Floats:
    """Value at `fraction` in [0, 1] of the range, on its scale; the choice nearest to it."""
    if parameter.choices:
        # end choices get half the width of the others, as fractions 0 and 1 are the ends of the range
        index = np.rint(fraction * (len(parameter.numbers) - 1)).astype(np.int64)
        return np.asarray(parameter.numbers)[index]
    if parameter.scale == "linear":
        return parameter.low + fraction * (parameter.high - parameter.low)
    # logarithmic: equal fractions are equal factors
    return np.asarray(parameter.low * (parameter.high / parameter.low) ** fraction)


def fraction_of(parameter: ParameterSpec, value: float) -> float:
    """Fraction of its range at `value`, clipped to [0, 1]."""
    low, high = parameter.low, parameter.high
    # a range of one value: every fraction is right, and the quotient below is 0 / 0
    if high == low:
        return 0.0
    if parameter.choices:
        numbers = np.asarray(parameter.numbers)
        return float(np.argmin(np.abs(numbers - value)) / (len(numbers) - 1))
    # clipped below: a real chip may be beyond the range that a space allows
    at = (
        (value - low) / (high - low)
        if parameter.scale == "linear"
        else np.log(value / low) / np.log(high / low)
    )
    return float(np.clip(at, 0.0, 1.0))


def named(
    parameters: Mapping[str, ParameterSpec], values: Mapping[str, Floats]
) -> dict[str, npt.NDArray[np.str_]]:
    """Names that parameters with named choices have at some indices."""
    return {
        name: np.asarray(parameters[name].choices)[np.asarray(value).astype(np.int64)]
        for name, value in values.items()
        if name in parameters and PARAMETERS.get(name) == NAME
    }
