"""One row of a profile: an indicator's value, its gap, rank, trend and change."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.standing.change.trends import PER_YEAR, recent_trend, same_season
from lsp_analysis.standing.comparison.baseline import Comparison
from lsp_analysis.standing.comparison.contrast import contrast_once
from lsp_analysis.standing.comparison.judging import judge
from lsp_analysis.standing.comparison.ranking import place_among
from lsp_analysis.standing.place.groups import group_limits
from lsp_analysis.study.indicator import Indicator

COLUMNS = [
    "name",
    "theme",
    "unit",
    "polarity",
    "period",
    "value",
    "low",
    "high",
    "comparator_value",
    "difference",
    "difference_low",
    "difference_high",
    "ratio",
    "p_value",
    "rank",
    "of",
    "decile",
    "trend",
    "previous_period",
    "change",
    "change_low",
    "change_high",
    "change_p_value",
    "change_verdict",
    "worst",
    "p25",
    "p75",
    "best",
    "caution",
]


def indicator_of(row: dict[str, object]) -> Indicator:
    """A row of the table `indicators`; what is missing there takes its default."""
    names = {f.name for f in fields(Indicator)}
    return Indicator(**{k: v for k, v in row.items() if k in names and not wording.is_missing(v)})


def identity(indicator: Indicator) -> dict[str, object]:
    """What is known of an indicator before any data."""
    names = ("indicator_id", "name", "theme", "unit", "polarity")
    said = {"caution": "", "trend": "Cannot be calculated", "change_verdict": ""}
    return {**{name: getattr(indicator, name) for name in names}, **said}


def row_of(
    series: pd.DataFrame,
    indicator: Indicator,
    found: Comparison,
    level: float,
) -> dict[str, object]:
    """Values, gap, rank, trend and change of one indicator's `group_series`; see `COLUMNS`."""
    copied = ("period", "value", "low", "high", "comparator_value", "difference")
    copied += ("difference_low", "difference_high", "ratio", "p_value", "caution")
    return {
        **identity(indicator),
        **{name: getattr(found, name) for name in copied},
        **_spread(found, indicator.polarity),
        "trend": _trend(series[series["period"] <= found.period], indicator),
        **_change(series, found.period, indicator, level),
    }


def _spread(found: Comparison, polarity: str) -> dict[str, object]:
    """The area's rank among small areas, and where these lie from worst to best."""
    others = found.parts.loc[found.parts["group"] == "comparator", "value"].to_numpy(float)
    highest_first = polarity != "high_is_good"
    place = place_among(found.value, others, highest_first=highest_first)
    known = others[~np.isnan(others)]
    if not len(known) or np.isnan(found.value):
        return {"of": place["of"]}
    shares = [1.0, 0.75, 0.25, 0.0] if highest_first else [0.0, 0.25, 0.75, 1.0]
    names = ("worst", "p25", "p75", "best")
    return {**place, **dict(zip(names, np.quantile(known, shares), strict=True))}


def _trend(series: pd.DataFrame, indicator: Indicator) -> str:
    """Fingertips recent trend, on 95% limits whatever the level of the page."""
    season = same_season(series).reset_index(drop=True)
    low, high = group_limits(season, indicator=indicator, level=0.95)
    return recent_trend(season.assign(low=low, high=high), polarity=indicator.polarity).label


def _change(
    series: pd.DataFrame, period: pd.Period, indicator: Indicator, level: float
) -> dict[str, object]:
    """Change on the period before: the same month or quarter of the year before, if that."""
    before = period - PER_YEAR.get(period.freqstr[0], 1)
    ends = [series[series["period"] == p].reset_index(drop=True) for p in (period, before)]
    if any(end.empty or np.isnan(end["value"].iloc[0]) for end in ends):
        return {}
    moved = contrast_once(*ends, indicator=indicator, level=level)
    low, high = moved["difference_low"], moved["difference_high"]
    return {
        "previous_period": before,
        "change": ends[0]["value"].iloc[0] - ends[1]["value"].iloc[0],
        "change_low": low,
        "change_high": high,
        "change_p_value": moved["p_value"],
        "change_verdict": str(judge(low, high, polarity=indicator.polarity)),
    }
