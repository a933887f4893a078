"""Neighbourhoods against their expectations: statistics to rank, and the effects they allow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import brentq

from lsp_analysis.effects.one_area.scale import CountScale, IdentityScale
from lsp_analysis.effects.one_area.surroundings import NOTHING_CARRIED, Carried

_FIRST_STEP, _DOUBLINGS = 0.05, 8  # searched for an interval's end: log effects up to 6.4


@dataclass(frozen=True)
class Judgement:
    """Every neighbourhood of a pool after the start, row 0 being the treated one.

    Attributes
    ----------
    total, exposure, expected : float arrays (1 + B,)
        Observed and expected totals after the start, and exposure.
    fixed, noise : float arrays (1 + B,)
        Variance in squared units of effect: a part that exposure does not shrink, and the multiple
        of the part that it does (Poisson variance, or 1 / exposure).
    before : float array (1 + B,)
        Transformed level before the start, averaged over windows.
    carried : Carried
        What neighbourhoods share with areas beyond their rings.
    """

    total: np.ndarray
    exposure: np.ndarray
    expected: np.ndarray
    fixed: np.ndarray
    noise: np.ndarray
    before: np.ndarray
    scale: CountScale | IdentityScale
    carried: Carried = NOTHING_CARRIED

    @cached_property
    def statistic(self) -> np.ndarray:
        """Observed less expected, in standard errors; float array (1 + B,)."""
        return self._statistic(slice(None), self.expected)

    def _statistic(self, rows: slice, expected: np.ndarray) -> np.ndarray:
        centre = self.scale.centre(expected, self.exposure[rows])
        error = self.scale.slope(centre) * np.sqrt(self._variance(rows, expected))
        observed = self.scale.transform(self.total[rows], self.exposure[rows])
        return (observed - centre) / np.maximum(error, 1e-12)

    def _variance(self, rows: slice, expected: np.ndarray) -> np.ndarray:
        noise = self.scale.noise(expected, self.exposure[rows])
        return self.fixed[rows] + self.noise[rows] * noise

    @cached_property
    def errors(self) -> np.ndarray:
        """Standard errors about the expectation, in units of effect; float array (1 + B,)."""
        return np.sqrt(self._variance(slice(None), self.expected))

    def statistic_at(self, effect: float) -> float:
        """The treated neighbourhood's statistic were `effect` (log, for counts) the truth."""
        treated = slice(0, 1)
        expected = self.scale.shift(self.expected[treated], self.exposure[treated], effect)
        return float(self._statistic(treated, expected)[0])

    def effect_at(self, statistic: float) -> float:
        """The effect at which the treated neighbourhood's statistic would be `statistic`.

        Infinite where no effect reaches it: a count of zero has no lower limit on a log scale.
        """
        if not np.isfinite(statistic):
            return float(-np.sign(statistic) * np.inf)
        if not self.scale.relative:
            mean = (self.total[0] - self.expected[0]) / self.exposure[0]
            return float(mean - statistic * self.errors[0])
        inner = float(np.log((self.total[0] + 0.25) / self.expected[0]))
        if (statistic - self.statistic_at(0.0)) * statistic > 0:  # none at all is not ruled out
            inner = min(inner, 0.0) if statistic > 0 else max(inner, 0.0)
        direction = -1 if self.statistic_at(inner) < statistic else 1
        for step in _FIRST_STEP * 2.0 ** np.arange(_DOUBLINGS):
            outer = inner + direction * step
            if (self.statistic_at(outer) - statistic) * direction < 0:
                ends = sorted((inner, outer))
                return float(brentq(lambda effect: self.statistic_at(effect) - statistic, *ends))
        return direction * np.inf

    def interval(self, critical: float) -> tuple[float, float]:
        """Effects at which the treated neighbourhood's statistic would be `critical` at the most.

        What was seen over what was expected is among them, also where small counts are skew.
        """
        low, high = self.effect_at(critical), self.effect_at(-critical)
        if not self.scale.relative:
            return low, high
        seen = np.log(self.total[0] / self.expected[0]) if self.total[0] > 0 else -np.inf
        return min(low, float(seen)), max(high, float(seen))

    def detectable(self, distance: float) -> float:
        """Size of the downward effect that moves the statistic by `distance` standard errors."""
        if not np.isfinite(distance):
            return np.inf
        step = distance * float(self.errors[0])
        if not self.scale.relative:
            return step
        centre = self.scale.centre(self.expected[:1], self.exposure[:1])
        lowered = centre - step * self.scale.slope(centre)
        if lowered[0] <= 0:
            return np.inf
        left = self.scale.expected(lowered, self.exposure[:1])
        return float(-np.log(min(left[0] / self.expected[0], 1.0)))
