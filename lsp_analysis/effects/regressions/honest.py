"""How large a violation would undo the finding? Bounds of Rambachan and Roth (2023).

A comparison assumes that without the programme the treated neighbourhood would have moved as the
others did. How far it moved away from them *before* the start says how wrong that may be *after*
it, in two ways:

- relative magnitudes: no step after the start is larger than `violation` times the largest step
  before it;
- smoothness: the step changes by no more than `violation` from one period to the next (0 is a
  straight line).

Rambachan and Roth, A more credible approach to parallel trends, Review of Economic Studies 90:2555.
The tests are those of Andrews, Roth and Pakes (2023): conditional, with a least-favourable first
stage. Effects of single periods after the start are eliminated in advance, so that what is tested
is the larger of two normal variables. Steps are per unit of time, so that dates may be uneven.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import ndtr, ndtri
from scipy.stats import ncx2

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Axes, Shown

_DRAWS = 5_000  # of the least favourable case; the first stage is tested at a tenth of the level
_CLOSE = {"maxiter": 20_000, "maxfun": 50_000, "ftol": 1e-13, "gtol": 1e-9}  # for a hundred steps


@dataclass(frozen=True)
class Steps:
    """How the treated neighbourhood moved away from the others, and the effect it is held against.

    Attributes
    ----------
    values : array (before + 1,)
        Steps before the start per unit of time, in order, then the estimate.
    covariance : array (before + 1, before + 1)
    carried : array (after,)
        How much a step of size 1 in each interval after the start moves the estimate: with a mean
        over three even periods 1, 2/3, 1/3.
    bends : array (before + after - 1,)
        Time between the middles of successive intervals; 1 where dates are even.
    """

    values: np.ndarray
    covariance: np.ndarray
    carried: np.ndarray
    bends: np.ndarray

    @property
    def before(self) -> np.ndarray:
        """Steps before the start."""
        return self.values[:-1]

    @property
    def estimate(self) -> float:
        """The effect that a violation could undo."""
        return float(self.values[-1])

    @property
    def error(self) -> float:
        """Standard error of the estimate."""
        return float(np.sqrt(self.covariance[-1, -1]))


def normal_draws(steps: Steps) -> np.ndarray:
    """Draws (_DRAWS, before + 1) with the covariance of the steps and mean 0."""
    values, vectors = np.linalg.eigh(steps.covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    return np.random.default_rng(0).standard_normal((_DRAWS, len(values))) @ root.T


def accepted(
    steps: Steps, effects: np.ndarray, violation: float, draws: np.ndarray, level: float
) -> np.ndarray:
    """Which of `effects` are not rejected whichever step was the largest; bool array.

    That no step after the start exceeds `violation` times the largest before it holds if it holds
    of some step, rising or falling, so an effect stays in if one of these does not reject it.
    """
    kept = np.zeros(len(effects), dtype=bool)
    for largest in range(len(steps.before)):
        for sign in (1, -1):
            step = sign * np.eye(len(steps.values))[largest]
            reach = violation * np.abs(steps.carried).sum() * step
            kept |= ~_rejected(steps, effects, reach, draws, level)
    return kept


def _rejected(
    steps: Steps, effects: np.ndarray, reach: np.ndarray, draws: np.ndarray, level: float
) -> np.ndarray:
    """Test for every effect that it differs from the estimate by no more than `reach`; bool array.

    Two moments, one a side, that are 0 at the most. First stage: the larger exceeds what the least
    favourable case makes of it once in ten times the level. Second: it exceeds what a normal
    variable makes of it given that it is the larger.
    """
    last = np.eye(len(reach))[-1]
    rows = np.array([last - reach, -last - reach])
    spread = np.sqrt(np.einsum("mi,ij,mj->m", rows, steps.covariance, rows))
    scaled = rows / np.maximum(spread, 1e-12)[:, None]
    first_stage = (1 - level) / 10
    ceiling = np.quantile((draws @ scaled.T).max(axis=1), 1 - first_stage)
    seen = scaled @ steps.values - effects[:, None] * scaled[:, -1]  # noqa: PD011
    top, other = seen.max(axis=1), seen.min(axis=1)
    together = float(scaled[0] @ steps.covariance @ scaled[1])
    floor = (other - together * top) / max(1 - together, 1e-9)
    second_stage = (1 - level - first_stage) / (1 - first_stage)
    inside = np.maximum(ndtr(ceiling) - ndtr(floor), 1e-300)
    chance = (ndtr(ceiling) - ndtr(top)) / inside
    return (top > ceiling) | ((top > 0) & (chance < second_stage))


def shortest(steps: Steps, violation: float, level: float) -> tuple[float, float]:
    """Centre and half-length of the shortest interval that holds whatever drift changes by
    `violation` at most."""
    count = len(steps.before)
    total = float(steps.carried.sum())
    turns, later = np.tile(steps.bends[: count - 1], 2), steps.bends[count - 1 :]
    beyond = float(np.abs(np.cumsum(steps.carried[::-1]))[::-1] @ later)

    def weights_of(split: np.ndarray) -> np.ndarray:
        """Weights of the steps from their running sums, which end in `total` so that a straight
        line cancels."""
        return np.diff(split[: count - 1] - split[count - 1 :], prepend=0.0, append=total)

    def length(split: np.ndarray) -> tuple[float, np.ndarray]:
        combined = np.append(-weights_of(split), 1.0)
        spread = math.sqrt(float(combined @ steps.covariance @ combined))
        ratio = violation * (float(turns @ split) + beyond) / spread
        critical = _critical(ratio, level)
        near, far = (math.exp(-((critical + side * ratio) ** 2) / 2) for side in (-1, 1))
        by_bias = (near - far) / (near + far)
        by_spread = critical - ratio * by_bias
        pull = -(steps.covariance @ combined)[:-1] / spread
        slope = by_spread * (pull[:-1] - pull[1:])
        return spread * critical, np.concatenate([slope, -slope]) + by_bias * violation * turns

    if count == 1:
        return steps.estimate - total * float(steps.before[0]), length(np.zeros(0))[0]
    level_off = np.full(count - 1, total / 2)  # no weight but on the first and the last step
    starts = [
        np.concatenate([sums.clip(0), (-sums).clip(0)]) for sums in (level_off, _steadiest(steps))
    ]
    if violation == 0:  # no drift to allow for: the least variance is the answer
        best, half = starts[1], length(starts[1])[0]
    else:
        start = min(starts, key=lambda split: length(split)[0])
        bounds = [(0, None)] * len(start)
        found = minimize(length, start, jac=True, method="L-BFGS-B", bounds=bounds, options=_CLOSE)
        best, half = found.x, float(found.fun)
    return steps.estimate - float(weights_of(best) @ steps.before), half


def _critical(ratio: float, level: float) -> float:
    """Quantile of the size of a normal variable with mean `ratio` and variance 1."""
    if ratio > ONE_TAIL:  # the other tail is nothing, and SciPy's quantile is lost above a million
        return ratio + float(ndtri(level))
    return math.sqrt(float(ncx2.ppf(level, 1, ratio**2)))


def _steadiest(steps: Steps) -> np.ndarray:
    """Running sums, but for the last, of the weights that leave the estimate the least variance."""
    count = len(steps.before)
    sums = np.ones((count, 1))
    system = np.block([[steps.covariance[:-1, :-1], sums], [sums.T, np.zeros((1, 1))]])
    wanted = np.append(steps.covariance[:-1, -1], steps.carried.sum())
    return np.cumsum(np.linalg.lstsq(system, wanted)[0][: count - 1])


ONE_TAIL = 40.0  # standard errors of bias from which an estimate strays to one side alone
_GRID = 401  # effects tried for an interval, over the widest that it could be
_WIDEST = 20.0  # violations above this count as "any"
COLUMNS = ["violation", "low", "high"]


@dataclass(frozen=True)
class HonestBounds(Shown):
    """Intervals that hold although the areas may have parted without the programme.

    Attributes
    ----------
    restriction : str
        "relative magnitudes" or "smoothness".
    table : DataFrame
        Columns violation, low, high.
    breakdown : float
        Largest violation with which the interval still leaves out 0; 0 where it never does,
        infinite where none that was tried brings it in.
    """

    restriction: str
    estimate: float
    breakdown: float
    table: pd.DataFrame = field(repr=False, compare=False)
    level: float = 0.95
    unit: str = ""

    def summary_frame(self) -> pd.DataFrame:
        """One row per violation allowed for."""
        return self.table.set_index("violation")[["low", "high"]]

    def sentence(self) -> wording.Sentence:
        """How large a violation would have to be to undo the finding."""
        if not self.breakdown:
            return wording.Sentence(
                "The interval includes 0 even when no violation is allowed for, so there is no "
                "finding to undo."
            )
        if math.isinf(self.breakdown):
            return wording.Sentence("No violation of any size that was tried undoes the finding.")
        size = wording.number(self.breakdown)
        if self.restriction == "smoothness":
            text = f"A drift that changes by more than {size} from one period to the next"
        else:
            text = f"A step after the start of more than {size} times the largest step before it"
        return wording.Sentence(f"{text} would undo the finding; anything smaller would not.")

    def plot(self, ax: Axes | None = None) -> Axes:
        """The interval for every violation allowed for."""
        says = "changes by {}" if self.restriction == "smoothness" else "{} times the largest step"
        labels = [says.format(wording.number(v)) for v in self.table["violation"]]
        frame = self.table.assign(label=labels, estimate=self.estimate)
        return figures.draw_forest(
            frame[["label", "estimate", "low", "high"]], unit=self.unit, level=self.level, ax=ax
        )


def event_study_steps(
    times: Sequence[float],
    effects: Sequence[float],
    covariance: np.ndarray,
    reference: float = -1,
    weights: Sequence[float] | None = None,
) -> Steps:
    """Steps per unit of time from the effects of an event study.

    Parameters
    ----------
    times, effects : arrays (before + after,)
        Times since the start in order, without the reference, and the effects then.
    covariance : array (before + after, before + after)
    reference : float
        Time all is measured from, the last before the start.
    weights : array (after,), optional
        What the effect is: the mean over all times after, unless weighted otherwise.
    """
    times, sigma = np.asarray(times, dtype=float), np.asarray(covariance, dtype=float)
    before = times < reference
    count, after = int(before.sum()), int((~before).sum())
    if not count or not after or sigma.shape != (len(times), len(times)):
        raise PanelError(
            f"{len(times)} effects, {count} of them before the reference, with a covariance of "
            f"shape {sigma.shape}: at least one must be before and one after, and the covariance "
            "must have a row and a column for each."
        )
    weights = np.full(after, 1 / after) if weights is None else np.asarray(weights, dtype=float)
    places = np.concatenate([times[before], [reference], times[~before]])
    apart = np.diff(places)
    from_reference = np.insert(np.eye(len(times)), count, 0.0, axis=0)
    steps = np.diff(from_reference[: count + 1], axis=0) / apart[:count, None]
    turn = np.vstack([steps, np.append(np.zeros(count), weights)])
    carried = np.cumsum(weights[::-1])[::-1] * apart[count:]
    bends = np.diff(places[:-1] + apart / 2)
    effects = np.asarray(effects, dtype=float)
    return Steps(turn @ effects, turn @ sigma @ turn.T, carried, bends)


def relative_magnitudes(
    steps: Steps,
    violations: Iterable[float] = (0, 0.5, 1, 1.5, 2),
    *,
    level: float = 0.95,
    unit: str = "",
) -> HonestBounds:
    """Bounds if no step after the start exceeds `violation` times the largest step before it."""
    draws, rows = normal_draws(steps), []
    largest = np.abs(steps.before).max() + 4 * np.sqrt(np.diag(steps.covariance)[:-1].max())
    for violation in violations:  # no effect farther away than this need be tried
        widest = 5 * steps.error + violation * np.abs(steps.carried).sum() * largest
        grid = steps.estimate + np.linspace(-1, 1, _GRID) * widest
        kept = grid[accepted(steps, grid, violation, draws, level)]
        rows.append((violation, *((kept[0], kept[-1]) if len(kept) else (math.nan, math.nan))))
    table = pd.DataFrame(rows, columns=COLUMNS)

    def undone(violation: float) -> bool:
        return bool(accepted(steps, np.zeros(1), violation, draws, level)[0])

    breakdown = _breakdown(undone)
    return HonestBounds("relative magnitudes", steps.estimate, breakdown, table, level, unit)


def smoothness(
    steps: Steps,
    violations: Iterable[float] = (0, 0.5, 1, 1.5, 2),
    *,
    level: float = 0.95,
    unit: str = "",
) -> HonestBounds:
    """Bounds if the step changes by no more than `violation` (in units of the effect) a period.

    Optimal fixed-length intervals (Armstrong and Kolesár 2018; Rambachan and Roth 2023, section
    4.1): the estimate less a weighted sum of earlier steps that removes any straight line and as
    much of the rest as pays.
    """
    found = [(violation, *shortest(steps, violation, level)) for violation in violations]
    rows = [(violation, centre - half, centre + half) for violation, centre, half in found]
    table = pd.DataFrame(rows, columns=COLUMNS)

    def undone(violation: float) -> bool:
        centre, half = shortest(steps, violation * steps.error, level)
        return abs(centre) <= half

    breakdown = _breakdown(undone) * steps.error
    return HonestBounds("smoothness", steps.estimate, breakdown, table, level, unit)


def _breakdown(undone: Callable[[float], bool]) -> float:
    """Largest violation at which the finding stands, by bisection; infinite where nothing undoes
    it."""
    if undone(0.0):
        return 0.0
    if not undone(_WIDEST):
        return math.inf
    low, high = 0.0, _WIDEST
    while high - low > 0.01 * max(low, 0.1):
        middle = (low + high) / 2
        low, high = (low, middle) if undone(middle) else (middle, high)
    return low
