"""Difference-in-differences for one neighbourhood, with inference from placebo neighbourhoods."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.effects.given import check_level, check_seed, tidy
from lsp_analysis.effects.layout import grid, named_areas
from lsp_analysis.effects.one_area import placebo
from lsp_analysis.effects.regressions.did import difference_in_differences
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.errors import PanelError

POWER = 0.8
CAUTION = (
    "Difference-in-differences does not allow for how bad the neighbourhood looked before: one "
    "picked for looking worst "
    "improves on average without a programme (regression to the mean)."
)


def placebo_difference_in_differences(
    panel: pd.DataFrame,
    *,
    outcome: str,
    treated: Sequence[str],
    start: pd.Period | str,
    neighbours: pd.DataFrame | Iterable[tuple[str, str]] | None = None,
    level: float = 0.95,
    seed: int = 0,
    unit: str = "",
    label: str = "",
    area: str = "",
) -> EffectEstimate:
    """Two-way fixed effects, the p-value and interval from ranking placebo neighbourhoods.

    A cluster-robust p-value is not valid with one treated neighbourhood: it takes the single
    treated area's errors as known exactly. Here the regression's coefficient is ranked among those
    of contiguous groups of the same size, outside the ring of the treated one's neighbours, and the
    interval holds the effects the ranking would not reject.

    Parameters
    ----------
    panel : DataFrame, one row per area and period
        Columns ``area_code``, ``period``, `outcome`. Areas with a missing value are left out, with
        a warning.
    outcome : str
        Column compared as it is (a rate, a share, a position); the effect is in its units.
    treated : list of str
        Small areas that form the neighbourhood, averaged with equal weight.
    start : Period or str
        First period counted as after.

    Returns
    -------
    EffectEstimate

    References
    ----------
    Conley and Taber (2011), REStat 93:113; MacKinnon and Webb (2020), Randomization inference for
    difference-in-differences with few treated clusters, J. Econometrics 218:435.
    """
    check_level(level)
    check_seed(seed)
    panel = tidy(panel, numbers=[outcome])
    treated = named_areas(panel, treated, "area_code")
    complete, dropped = _complete(panel, outcome, treated)
    laid = grid(complete, outcome=outcome, treated=treated, start=start)
    adjacency = placebo.adjacency_matrix(laid.areas, neighbours)
    pool = placebo.draw_pool(laid.treated, eligible=~laid.treated, adjacency=adjacency, seed=seed)
    kept = laid.areas[pool.comparison | laid.treated]
    fit = difference_in_differences(
        complete[complete["area_code"].isin(kept)],
        outcome=outcome,
        treated=treated,
        start=start,
        unit=unit,
        level=level,
    )
    if int(pool.comparison.sum()) <= int(laid.treated.sum()):
        raise PanelError(
            f"{int(pool.comparison.sum())} comparison areas leave a placebo of "
            f"{int(laid.treated.sum())} nothing to be compared with: add areas."
        )
    changes = laid.outcomes[:, laid.after].mean(axis=1) - laid.outcomes[:, laid.before].mean(axis=1)
    placebos = _coefficients(changes, pool.members[1:], pool.comparison)
    critical = placebo.critical_value(placebos, level)
    smallest = critical + float(np.quantile(placebos, POWER))
    warnings = [CAUTION]
    if dropped:
        count = wording.capital(wording.counted(dropped, "comparison area"))
        was = "was" if dropped == 1 else "were"
        warnings.append(f"{count} with missing values {was} left out.")
    finest = 1 / (pool.n_placebos + 1)
    if finest > 1 - level:
        count = wording.counted(pool.n_placebos, "placebo")
        warnings.append(f"With {count} the finest p-value is {finest:.2f}.")
    positive = bool((laid.outcomes >= 0).all()) and fit.counterfactual > 0
    return EffectEstimate(
        outcome=outcome,
        method="difference-in-differences (two-way fixed effects), ranked among placebos",
        estimate=fit.estimate,
        low=fit.estimate - critical,
        high=fit.estimate + critical,
        p_value=placebo.rank_p_value(fit.estimate, placebos),
        relative=fit.relative,
        relative_low=(fit.estimate - critical) / fit.counterfactual if positive else np.nan,
        relative_high=(fit.estimate + critical) / fit.counterfactual if positive else np.nan,
        level=level,
        unit=unit,
        label=label,
        area=area,
        start=fit.start,
        observed=fit.observed,
        counterfactual=fit.counterfactual,
        comparator=f"the change of {int(pool.comparison.sum())} areas beyond its neighbours",
        inference=f"rank among {pool.n_placebos} placebo neighbourhoods",
        maryland=3,
        n_treated=int(laid.treated.sum()),
        n_placebos=pool.n_placebos,
        n_disjoint=pool.n_disjoint,
        finest_p=finest,
        smallest_effect=smallest,
        smallest_relative=smallest / fit.counterfactual if positive else np.nan,
        assumptions=fit.assumptions,
        warnings=tuple(warnings),
        paths=fit.paths,
        placebos=pd.DataFrame(
            {
                "areas": [" ".join(map(str, laid.areas[group])) for group in pool.members[1:]],
                "estimate": placebos,
            }
        ),
    )


def _complete(
    panel: pd.DataFrame, outcome: str, treated: Sequence[str]
) -> tuple[pd.DataFrame, int]:
    """Rows of areas with a value in every period, and how many comparison areas have none."""
    known = panel.dropna(subset=[outcome])
    if known.empty:
        raise PanelError(
            f"No row has a value of {outcome!r}. Choose another outcome, or other periods."
        )
    periods = known["period"].nunique()
    counts = known["area_code"].value_counts()
    short = set(counts.index[counts < periods]) | (set(panel["area_code"]) - set(counts.index))
    if short & set(treated):
        area = sorted(short & set(treated))[0]
        raise PanelError(
            f"The treated area {area} lacks {outcome!r} in some of the {periods} periods. "
            "Choose another outcome, or periods in which it is known."
        )
    return known[~known["area_code"].isin(short)], len(short)


def _coefficients(changes: np.ndarray, groups: np.ndarray, comparison: np.ndarray) -> np.ndarray:
    """Two-way fixed-effects coefficients of placebo groups, in a balanced panel.

    With all areas in all periods the coefficient is the group's mean change less that of the other
    comparison areas.
    """
    own = groups @ changes / groups.sum(axis=1)
    others = comparison & ~groups
    return own - others @ changes / others.sum(axis=1)
