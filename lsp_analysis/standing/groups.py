"""Small areas taken together: one row per period, with the spread between them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lsp_analysis.errors import PanelError
from lsp_analysis.standing.checks import check_columns
from lsp_analysis.standing.rates import COUNTED, mean_limits, row_limits

if TYPE_CHECKING:
    from lsp_analysis.study.panel import Indicator


def group_series(
    panel: pd.DataFrame,
    codes: Collection[str],
    *,
    indicator: Indicator,
    leave_out_missing: bool = False,
) -> pd.DataFrame:
    """One group of small areas through time: sums over sums, and how much the areas differ.

    Numerators and denominators are added up. An indicator without them, such as a score, is
    averaged over the areas (weighted by denominators where all are known). The standard error is
    that of a ratio estimator with areas as its units (Cochran 1977, section 6.3): it describes the
    spread between areas and stands in for a Poisson interval where none is honest.

    Parameters
    ----------
    panel : DataFrame, one row per area and period
        ``area_code``, ``period``, ``numerator``, ``denominator``, ``value``.
    codes : small-area codes
    indicator : Indicator
    leave_out_missing : bool
        A comparator of many areas can do without one that is suppressed; the area itself cannot,
        so by default one missing part makes the period missing.

    Returns
    -------
    DataFrame, one row per period of the panel
        ``period``, ``numerator``, ``denominator``, ``value``, ``se``, ``n_areas`` (with a value),
        ``n_missing``, ``note``.

    Raises
    ------
    PanelError
        There are no codes, or none of them is in the panel.
    """
    check_columns(panel, ["area_code", "period", "numerator", "denominator", "value"], "panel")
    codes = list(dict.fromkeys(codes))
    members = panel[panel["area_code"].isin(codes)]
    if members.empty:
        raise PanelError(
            f"None of the {len(codes)} areas asked for (first: {', '.join(codes[:3]) or 'none'}) "
            f"is in the panel of {indicator.indicator_id!r}. Check the codes and their vintage."
        )
    parts = _parts(members, indicator)
    sums = _sums(parts, pd.Index(np.sort(panel["period"].unique()), name="period"))
    series = _estimates(sums, indicator, additive=_is_additive(members, indicator))
    series["n_missing"] = len(codes) - series["n_areas"]
    whole = series["n_areas"] > 0 if leave_out_missing else series["n_missing"] == 0
    blank = ["numerator", "denominator", "value", "se"]
    series[blank] = series[blank].where(whole)
    series["note"] = [_note(m, len(codes)) for m in series["n_missing"]]
    return series.reset_index()


def group_limits(
    series: pd.DataFrame, *, indicator: Indicator, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Limits of each row of a `group_series`, from its counts or else its spread between areas."""
    if indicator.value_type in COUNTED:
        return row_limits(series, indicator=indicator, level=level)
    n = series["n_areas"]
    return mean_limits(series["value"], series["se"] * np.sqrt(n), n, level=level)


def _is_additive(members: pd.DataFrame, indicator: Indicator) -> bool:
    return indicator.value_type not in ("dsr", "score") and bool(members["numerator"].notna().any())


def _parts(members: pd.DataFrame, indicator: Indicator) -> pd.DataFrame:
    """Each area's top and weight, whose sums make the group's value; both are known or neither."""
    denominator = members["denominator"].astype(float)
    alike = pd.Series(1.0, members.index)
    if not _is_additive(members, indicator):
        weight = denominator if denominator.notna().all() else alike
        top = members["value"] * weight
    else:
        weight = alike if indicator.value_type == "count" else denominator
        top = members["numerator"].astype(float)
    known = top.notna() & (weight > 0)
    parts = {"period": members["period"], "top": top.where(known), "weight": weight.where(known)}
    return pd.DataFrame(parts)


def _sums(parts: pd.DataFrame, periods: pd.Index) -> pd.DataFrame:
    """Sums over areas, by period, that the estimate and its standard error are made of."""
    squares = parts.assign(
        tt=parts["top"] ** 2, tw=parts["top"] * parts["weight"], ww=parts["weight"] ** 2
    )
    by_period = squares.groupby("period")
    sums = by_period[["top", "weight", "tt", "tw", "ww"]].sum(min_count=1).reindex(periods)
    return sums.assign(n_areas=by_period["top"].count().reindex(periods, fill_value=0))


def _estimates(sums: pd.DataFrame, indicator: Indicator, *, additive: bool) -> pd.DataFrame:
    ratio = sums["top"] / sums["weight"]
    n = sums["n_areas"].where(sums["n_areas"] > 1)
    # The sum of (top - ratio x weight) squared, written out so that all periods go at once.
    squared = sums["tt"] - 2 * ratio * sums["tw"] + ratio**2 * sums["ww"]
    se = np.sqrt(n / (n - 1) * squared.clip(lower=0)) / sums["weight"]
    counted = indicator.value_type == "count"
    # A count is a total over its areas, each of weight one; a rate has its multiplier.
    scale = sums["weight"] if counted else indicator.multiplier if additive else 1.0
    return pd.DataFrame(
        {
            "numerator": sums["top"] if additive else np.nan,
            "denominator": sums["weight"] if additive and not counted else np.nan,
            "value": ratio * scale,
            "se": se * scale,
            "n_areas": sums["n_areas"],
        }
    )


def _note(n_missing: int, n_codes: int) -> str:
    if n_missing == 0:
        return ""
    return f"{n_missing} of {n_codes} small areas without a value"
