"""Most probable numbers of a stack: rows against what is expected, robust to rows that no stack explains."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from dse.arrays import Floats
from dse.calibrate.parameters import PARAMETERS, Prior, Table, fields
from dse.calibrate.residuals import Rows

SOFT: Final = 1.25
"""Errors beyond so many scatters count linearly instead of by their square."""
STEPS: Final = 25
NUDGE: Final = 1e-3
"""Distance of the points that a slope is taken from."""
LONGEST: Final = 1.0
"""Longest step of a number, on the line of the fit."""
CLOSE: Final = 1e-4
"""Relative gain that ends the iteration; three digits are written down."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A fitted stack."""

    x: Floats = field(repr=False)
    covariance: Floats = field(repr=False)
    """Of the fitted numbers on their scale, shape (parameters, parameters)."""
    freedom: Floats = field(repr=False)
    """Spread of each number over that of the prior; near 1 the rows say nothing."""
    errors: Floats = field(repr=False)
    """log(predicted / measured) of every row."""
    table: Table = field(repr=False, default_factory=lambda: PARAMETERS)
    """What was fitted."""

    @property
    def values(self) -> dict[str, float]:
        """Field of the stack to its fitted number, in SI."""
        return fields(self.x, self.table)

    def bounds(self, sigmas: float) -> tuple[dict[str, float], dict[str, float]]:
        """Each number that many standard deviations below and above."""
        step = sigmas * np.sqrt(np.diag(self.covariance))
        return fields(self.x - step, self.table), fields(self.x + step, self.table)


def fit(rows: Rows, prior: Prior, weights: Floats | None = None, guess: Floats | None = None) -> Fit:
    """Maximum a posteriori by Levenberg and Marquardt; no rows give the prior back.

    Minimises the sum of w rho(error / scatter) over rows, rho the smooth absolute value of Charbonnier et al.
    (1997), and of ((x - centre) / spread)^2 over numbers: what the rows leave open stays at the centre. All
    slopes come from one call of the cost model. `guess` is where the iteration begins.

    Source: Marquardt 1963 (SIAM J. 11); partial pooling as in Gelman & Hill 2007, chapter 12.
    """
    weight = rows.weights() if weights is None else weights
    # a guess shortens the many refits of rows left out, which end near the full fit
    x = prior.centre if guess is None else guess
    errors, jacobian = _errors(x, rows)
    cost = _cost(errors, x, rows, weight, prior)
    damping = 1e-2  # Levenberg's: small, so that the first step is nearly that of Newton
    hessian, slope = _slopes(x, errors, jacobian, rows, weight, prior)
    for _ in range(STEPS):
        # Marquardt's scaling by the diagonal: a step does not depend on the scale of a number
        step = cho_solve(cho_factor(hessian + damping * np.diag(np.diag(hessian))), -slope)
        # an unclipped step in log-odds may saturate a share at 0 or 1, where no slope is left
        there = x + np.clip(step, -LONGEST, LONGEST)
        found, jacobian = _errors(there, rows)
        after = _cost(found, there, rows, weight, prior)
        if after >= cost:  # too long a step: closer to steepest descent
            if damping > 1e3:
                break  # no step is short enough: a minimum to working precision
            damping *= 4.0
            continue
        gain, x, errors, cost = cost - after, there, found, after
        # floor: from far below it a bad step would need too many tries to raise the damping again
        damping = max(damping / 5.0, 1e-6)
        hessian, slope = _slopes(x, errors, jacobian, rows, weight, prior)
        # floor of 1: at a cost near 0 a relative gain means nothing
        if gain < CLOSE * max(cost, 1.0):
            break
    # Laplace approximation: the cost is -2 log posterior, so half of its Hessian inverts to the covariance
    covariance: Floats = cho_solve(cho_factor(hessian), np.eye(len(x)))
    freedom = np.sqrt(np.diag(covariance)) / prior.spread
    return Fit(x=x, covariance=covariance, freedom=freedom, errors=errors, table=rows.table)


def _cost(errors: Floats, x: Floats, rows: Rows, weight: Floats, prior: Prior) -> float:
    # logarithmic errors in units of the scatter and of the knee of the robust loss
    z = errors / rows.scatter / SOFT
    data = np.sum(weight * 2.0 * SOFT**2 * (np.sqrt(1.0 + z * z) - 1.0))
    return float(data + np.sum(((x - prior.centre) / prior.spread) ** 2))


def _errors(x: Floats, rows: Rows) -> tuple[Floats, Floats]:
    """Errors of the rows at a point, and how they change with it, shape (rows, parameters)."""
    # the point and its nudges in one batch: a call costs as much as its rows, and nearly every step is taken
    at = rows.errors(np.vstack([x, x + NUDGE * np.eye(len(x))]))
    # forward differences: errors are smooth in logarithms
    return at[0], ((at[1:] - at[0]) / NUDGE).T


def _slopes(
    x: Floats, errors: Floats, jacobian: Floats, rows: Rows, weight: Floats, prior: Prior
) -> tuple[Floats, Floats]:
    """Half of the second and first derivatives of the cost, by Gauss and Newton."""
    z = errors / rows.scatter / SOFT
    # weights of iterative reweighting: the derivative of the robust loss over the error
    robust = weight / np.sqrt(1.0 + z * z) / rows.scatter**2
    # second derivatives of the errors are left out (Gauss and Newton), so the matrix stays positive definite
    hessian = jacobian.T @ (robust[:, None] * jacobian) + np.diag(prior.spread**-2.0)
    slope = jacobian.T @ (robust * errors) + (x - prior.centre) / prior.spread**2
    return hessian, slope
