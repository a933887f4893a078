"""The scale on which areas are compared: counts so that noise is even, other outcomes as they are.

A scale turns outcomes and exposures into values that regress linearly with even noise, and back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

_AREAS_FOR_SPREAD = 40
_LEAST_EVEN = 0.05  # of the mean variance, kept everywhere
_OFFSET = 3 / 8  # Anscombe (1948), section 2: steadies the variance of small counts
_FARTHEST = 40  # half a log rate so much above the level is no expectation but a failed fit
_LONGEST = 16  # times the usual exposure, without an event in which a rate is as low as it can be
_CENTRE = 1 / 8  # the mean of a count so transformed lies at (mean + 1/8), ibid.


@dataclass(frozen=True)
class IdentityScale:
    """Scores, percentages, means: compared as they are; effects add.

    A rate varies the more the higher it is, so noise may grow towards either end of the range of
    levels; what does not change with them is left alone, so that units and origin do not matter.

    Attributes
    ----------
    lowest, highest : float
        Ends of the range of expected values.
    even, rising, falling : float, 0 or more
        Variance that is everywhere the same, and what it gains per squared distance from either
        end.
    """

    lowest: float = 0.0
    highest: float = 0.0
    even: float = 1.0
    rising: float = 0.0
    falling: float = 0.0
    relative: bool = False

    def spread(self, value: np.ndarray) -> np.ndarray:
        """Standard deviation of noise at a value, in units of an arbitrary one."""
        above = np.maximum(value - self.lowest, 0) ** 2
        below = np.maximum(self.highest - value, 0) ** 2
        return np.sqrt(self.even + self.rising * above + self.falling * below)

    def fitted(self, value: np.ndarray, squared: np.ndarray) -> IdentityScale:
        """The scale whose spread is that of squared residuals about expected values."""
        lowest, highest = float(value.min()), float(value.max())
        width = (highest - lowest) ** 2
        if len(value) < _AREAS_FOR_SPREAD or not width or not squared.any():
            return self
        above, below = (value - lowest) ** 2 / width, (highest - value) ** 2 / width
        parts = np.column_stack([np.ones(len(value)), above, below])
        weight = 1 / np.maximum(self.spread(value) ** 2, 1e-12)
        weight /= weight.mean()
        even, rising, falling = nnls(parts * weight[:, None], squared / squared.mean() * weight)[0]
        return IdentityScale(
            lowest, highest, max(float(even), _LEAST_EVEN), rising / width, falling / width
        )

    def transform(self, total: np.ndarray, exposure: np.ndarray) -> np.ndarray:
        """Mean outcome, `total` being the sum of outcome x exposure."""
        return total / exposure

    def expected(self, value: np.ndarray, exposure: np.ndarray) -> np.ndarray:
        """Total that belongs to a transformed value."""
        return value * exposure

    def centre(self, total: np.ndarray, exposure: np.ndarray) -> np.ndarray:
        """Transformed value around which an outcome with mean `total` varies."""
        return total / exposure

    def slope(self, value: np.ndarray) -> np.ndarray:
        """Change of the transformed value per unit of effect."""
        return np.ones_like(value)

    def shift(self, total: np.ndarray, exposure: np.ndarray, effect: float) -> np.ndarray:
        """`total` once a constant effect is added."""
        return total + effect * exposure

    def noise(self, total: np.ndarray, exposure: np.ndarray) -> np.ndarray:
        """Part of the variance that shrinks with exposure (Ferman and Pinto 2019)."""
        return 1 / exposure


@dataclass(frozen=True)
class CountScale:
    """Counts over person-periods; effects multiply.

    Variance-stabilising for a count of mean m and variance m + dispersion x m squared: between a
    square root (no overdispersion) and a logarithm (much), inverse hyperbolic sine throughout
    (Anscombe 1948).

    Attributes
    ----------
    dispersion : float above 0
        Squared coefficient of variation of the expected count over a year.
    unit : float
        Exposure, in person-periods, at which `dispersion` and Poisson noise are weighed.
    """

    dispersion: float
    unit: float
    relative: bool = True

    def spread(self, value: np.ndarray) -> np.ndarray:
        """1 everywhere: the transformation steadies the noise."""
        return np.ones_like(value)

    def fitted(self, value: np.ndarray, squared: np.ndarray) -> CountScale:
        """The scale itself."""
        return self

    def _of_rate(self, rate: np.ndarray) -> np.ndarray:
        return (
            2 / np.sqrt(self.dispersion) * np.arcsinh(np.sqrt(self.dispersion * self.unit * rate))
        )

    def transform(self, total: np.ndarray, exposure: np.ndarray) -> np.ndarray:
        """Steadied rate of counts `total` over person-periods `exposure`."""
        return self._of_rate((total + _OFFSET) / exposure)

    def expected(self, value: np.ndarray, exposure: np.ndarray) -> np.ndarray:
        """Mean count that belongs to a transformed value; just above zero at the least."""
        root = np.sinh(np.clip(value * np.sqrt(self.dispersion) / 2, 0, _FARTHEST))
        rate = root**2 / (self.dispersion * self.unit)
        return np.maximum(rate * exposure - _CENTRE, 1e-3)

    def centre(self, total: np.ndarray, exposure: np.ndarray) -> np.ndarray:
        """Transformed value around which counts of mean `total` vary."""
        return self._of_rate((total + _CENTRE) / exposure)

    def slope(self, value: np.ndarray) -> np.ndarray:
        """Change of the transformed value per unit of log rate; that of no events in a long time
        where a value is lower still."""
        least = self._of_rate(_CENTRE / (_LONGEST * self.unit))
        root = np.sinh(
            np.clip(value, least, 2 * _FARTHEST / np.sqrt(self.dispersion))
            * np.sqrt(self.dispersion)
            / 2
        )
        return root / np.sqrt(1 + root**2) / np.sqrt(self.dispersion)

    def shift(self, total: np.ndarray, exposure: np.ndarray, effect: float) -> np.ndarray:
        """`total` once multiplied by a constant log effect."""
        return total * np.exp(effect)

    def noise(self, total: np.ndarray, exposure: np.ndarray) -> np.ndarray:
        """Poisson variance of the log of a count with mean `total`."""
        return 1 / np.maximum(total, 1e-3)


def count_scale(
    earlier: np.ndarray,
    recent: np.ndarray,
    earlier_exposure: np.ndarray,
    recent_exposure: np.ndarray,
) -> CountScale:
    """A scale for counts whose dispersion is what two windows before the start show.

    Moment estimate: squared differences of relative rates, less what Poisson noise explains.

    Parameters
    ----------
    earlier, recent, earlier_exposure, recent_exposure : arrays (areas,)
        Counts and person-periods of comparison areas in two windows of about a year each.
    """
    rates = []
    poisson = []
    for count, exposure in ((earlier, earlier_exposure), (recent, recent_exposure)):
        overall = max(count.sum(), 0.5) / exposure.sum()
        rates.append(count / exposure / overall)
        poisson.append(1 / (exposure * overall))
    level = (rates[0] + rates[1]) / 2
    excess = ((rates[0] - rates[1]) ** 2 - level * (poisson[0] + poisson[1])).sum()
    dispersion = excess / max(2 * (level**2).sum(), 1e-12)
    return CountScale(
        dispersion=float(np.clip(dispersion, 1e-3, 4)), unit=float(np.median(recent_exposure))
    )
