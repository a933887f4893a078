"""Randomisation inference for two-way fixed effects: what if other areas had been treated?

The regression is not run again for every draw: in a complete panel its coefficient and its
cluster-robust error follow from each area's mean change, so ten thousand draws take a moment.
MacKinnon and Webb (2020), J. Econometrics 218:435. For one neighbourhood picked because it looked
worst see `estimate`: then other areas were not as likely to be treated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis.effects.given import AREA, PERIOD, check_level, check_seed
from lsp_analysis.effects.layout import Grid, grid
from lsp_analysis.effects.options import whole
from lsp_analysis.effects.parts import PARALLEL, UNTOUCHED, gap_effect
from lsp_analysis.effects.ranking import PlaceboInference, rank_p, too_few
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.effects.synthetic.units import placebo_units
from lsp_analysis.errors import PanelError, ParameterError

STATISTICS = ("t", "coefficient", "scaled")
FEWEST_DRAWS = 99
BISECTIONS = 30

EXCHANGEABLE = "Any other set of as many areas was as likely to be treated."


@dataclass(frozen=True)
class RandomisationInference(EffectEstimate):
    """An effect ranked among those of other sets of areas.

    Attributes
    ----------
    ranked : str
        What was ranked: "t", "coefficient" or "scaled".
    draws : array (n_placebos,)
        That statistic of every draw, under no effect.
    """

    ranked: str = "t"
    draws: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False, compare=False)


def randomisation_inference(
    panel: pd.DataFrame,
    *,
    outcome: str,
    treated: str | Sequence[Any],
    start: Any,
    statistic: str | None = None,
    population: str | None = None,
    placebos: Sequence[Sequence[Any]] | None = None,
    n_draws: int = 10_000,
    area: str = AREA,
    period: str = PERIOD,
    unit: str = "",
    level: float = 0.95,
    seed: int = 0,
) -> RandomisationInference:
    """Effect of `difference_in_differences`, ranked among draws that treat other areas.

    Parameters
    ----------
    panel : DataFrame, one row per area and period
        Complete in `outcome`.
    treated : area codes, or the name of a column that is true for them
    start : first period that counts as after
    statistic : "t", "coefficient" or "scaled"
        What is ranked: the coefficient in cluster-robust errors, as it is, or in errors that depend
        on the areas' `population` as their changes do (Ferman and Pinto 2019). If left out:
        "scaled" with a population, else "t", or "coefficient" for one treated area, whose t means
        nothing.
    population : str, optional
        Column of people; their mean before the start is used.
    placebos : list of lists of area codes, optional
        Groups as large as the treated one to rank it among, best of adjoining areas. If left out,
        every set of areas when there are `n_draws` or fewer, else `n_draws` drawn at random.

    Returns
    -------
    RandomisationInference
        p = (b + 1) / (B + 1). The interval holds the constant effects that the same draws would not
        reject once taken away from the treated areas.
    """
    check_level(level)
    check_seed(seed)
    laid_out = grid(panel, outcome=outcome, treated=treated, start=start, area=area, period=period)
    statistic = _chosen(statistic, population, laid_out)
    changes = laid_out.outcomes[:, laid_out.after].mean(axis=1)
    changes = changes - laid_out.outcomes[:, laid_out.before].mean(axis=1)
    own = np.flatnonzero(laid_out.treated)[None]
    drawn = _drawn(laid_out, placebos, n_draws, seed)
    spread = np.ones(len(changes))
    if statistic == "scaled":
        people = grid(panel, outcome=population, treated=treated, start=start, area=area,
                      period=period).outcomes[:, laid_out.before].mean(axis=1)  # fmt: skip
        spread = _variances(changes, people, laid_out.treated)
    measure, unit_of_t = _MEASURES[statistic], _small_sample(laid_out) if statistic == "t" else 1.0

    def ranked(effect: float) -> tuple[float, np.ndarray]:
        left = changes - effect * laid_out.treated
        observed, draws = (measure(left, groups, spread) / unit_of_t for groups in (own, drawn))
        return float(observed[0]), draws

    observed, draws = ranked(0.0)
    p_value = rank_p(abs(observed), np.abs(draws))[1]
    estimate = float(_coefficients(changes, own)[0])
    finest = 1 / (len(draws) + 1)
    low = high = math.nan
    if finest <= 1 - level + 1e-9:
        low, high = (_edge(ranked, estimate, side, level) for side in (-1, 1))
    plain = _coefficients(changes - estimate * laid_out.treated, drawn)
    # 80% power: the sixth tenth of the sizes is the eighth of the signed, were they symmetric
    smallest = float(np.quantile(np.abs(plain), level) + np.quantile(np.abs(plain), 0.6))
    path = laid_out.treated_mean - laid_out.outcomes[~laid_out.treated].mean(axis=0)
    inference = PlaceboInference(p_value, low, high, len(draws), finest, smallest)
    return RandomisationInference(
        outcome=outcome,
        method="difference-in-differences, randomisation inference",
        unit=unit,
        level=level,
        inference=f"rank of the {_WORDS[statistic]} among {len(draws):,} draws of other areas",
        statistic=observed,
        assumptions=(PARALLEL, UNTOUCHED, EXCHANGEABLE),
        warnings=() if finest <= 1 - level + 1e-9 else (too_few(len(draws), finest, level),),
        ranked=statistic,
        draws=draws,
        **gap_effect(laid_out, path - path[laid_out.before].mean(), inference),
    )


_WORDS = {"t": "t statistic", "coefficient": "coefficient", "scaled": "scaled coefficient"}


def _chosen(statistic: str | None, population: str | None, laid_out: Grid) -> str:
    n_treated = int(laid_out.treated.sum())
    if statistic is None:
        plain = "t" if min(n_treated, len(laid_out.areas) - n_treated) > 1 else "coefficient"
        return plain if population is None else "scaled"
    if statistic not in STATISTICS:
        raise ParameterError(f"statistic={statistic!r} is not known: use {', '.join(STATISTICS)}.")
    if statistic == "scaled" and population is None:
        raise ParameterError('statistic="scaled" needs the name of a column in `population`.')
    if statistic == "t" and min(n_treated, len(laid_out.areas) - n_treated) < 2:
        raise ParameterError(
            'statistic="t" needs two treated and two comparison areas: the error of one alone is '
            'nil. Use "coefficient", or "scaled" with a population.'
        )
    return statistic


def _drawn(
    laid_out: Grid, placebos: Sequence[Sequence[Any]] | None, n_draws: int, seed: int
) -> np.ndarray:
    """Sets of areas (draws, size) that might have been treated."""
    if placebos is not None:
        units, _ = placebo_units(laid_out, placebos, treated_among_donors=True)
        if units is None:
            raise PanelError("There is no placebo group to rank the treated areas among.")
        return units.members
    n_draws = whole("n_draws", n_draws, FEWEST_DRAWS)
    n, size = len(laid_out.areas), int(laid_out.treated.sum())
    if math.comb(n, size) - 1 <= n_draws:
        own = tuple(np.flatnonzero(laid_out.treated))
        return np.array([group for group in combinations(range(n), size) if group != own])
    order = np.random.default_rng(seed).random((n_draws, n), dtype=np.float32)
    return np.argpartition(order, size, axis=1)[:, :size]


def _coefficients(changes: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Two-way fixed-effects coefficient of each group (groups, size)."""
    size, rest = groups.shape[1], len(changes) - groups.shape[1]
    sums = changes[groups].sum(axis=1)
    return sums / size - (changes.sum() - sums) / rest


def _in_errors(changes: np.ndarray, groups: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """The same in cluster-robust errors, but for a factor all groups share."""
    size, rest = groups.shape[1], len(changes) - groups.shape[1]
    changes = changes - changes.mean()
    chosen = changes[groups]
    sums, squares = chosen.sum(axis=1), np.einsum("ij,ij->i", chosen, chosen)
    inside = squares - sums**2 / size
    outside = (changes @ changes) - squares - sums**2 / rest  # the others' sum is minus this one
    variance = inside / size**2 + outside / rest**2
    floor = max(1e-12 * (changes @ changes), 1e-300)  # all changed alike: no error at all
    return (sums / size + sums / rest) / np.sqrt(np.maximum(variance, floor))


def _small_sample(laid_out: Grid) -> float:
    """Root of the factor by which `difference_in_differences` corrects its clustered variance."""
    n, (areas, periods) = laid_out.outcomes.size, laid_out.outcomes.shape
    return math.sqrt(areas / (areas - 1) * (n - 1) / (n - areas - periods))


def _scaled(changes: np.ndarray, groups: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """The same in errors that follow from the variance `spread` (areas,) of each change."""
    size, rest = groups.shape[1], len(changes) - groups.shape[1]
    inside = spread[groups].sum(axis=1)
    variance = inside / size**2 + (spread.sum() - inside) / rest**2
    return _coefficients(changes, groups) / np.sqrt(variance)


_MEASURES: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "t": _in_errors,
    "coefficient": lambda changes, groups, spread: _coefficients(changes, groups),
    "scaled": _scaled,
}


def _variances(changes: np.ndarray, people: np.ndarray, treated: np.ndarray) -> np.ndarray:
    """Variance of each change: a constant and a part that falls with population, from the others.

    Where the fit would be below nothing, a tenth of the mean.
    """
    if not (people > 0).all():
        raise PanelError("The population must be above 0 in every area.")
    others = changes[~treated]
    squares = (others - others.mean()) ** 2
    design = np.column_stack([np.ones(len(people)), people.mean() / people])
    fitted = design @ np.linalg.lstsq(design[~treated], squares, rcond=None)[0]
    return np.maximum(fitted, max(0.1 * squares.mean(), 1e-300))


def _edge(
    ranked: Callable[[float], tuple[float, np.ndarray]], estimate: float, side: int, level: float
) -> float:
    """The furthest effect on one side that is not rejected, by bisection."""

    def kept(effect: float) -> bool:
        observed, draws = ranked(effect)
        return rank_p(abs(observed), np.abs(draws))[1] > 1 - level + 1e-12

    draws = ranked(estimate)[1]
    step = float(np.abs(draws).max())
    observed = abs(ranked(estimate + 1.0)[0])
    step = step / observed if observed > 0 else 1.0
    inside, outside = estimate, estimate + side * max(step, 1e-12)
    for _ in range(BISECTIONS):
        if not kept(outside):
            break
        inside, outside = outside, estimate + 2 * (outside - estimate)
    else:
        return side * math.inf
    for _ in range(BISECTIONS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if kept(middle) else (inside, middle)
        if abs(outside - inside) < 1e-7 * abs(outside - estimate):
            break
    return inside
