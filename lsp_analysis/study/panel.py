"""Observations into panels: one row per area and period, and areas added up into larger ones."""

import numpy as np
import pandas as pd

from lsp_analysis.errors import PanelError
from lsp_analysis.study.indicator import Indicator
from lsp_analysis.study.schema import ALL

COLUMNS = ["area_code", "period", "numerator", "denominator", "value", "note"]
# A directly standardised rate or a score has no parts that can be added up.
NOT_ADDITIVE = ("dsr", "score")
# Columns of observations that a panel has where any of its rows has a number there.
CARRIED = ("lower95", "upper95", "coverage", "imputed")
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
YEAR = 12
QUARTER = 3


def tidy_panel(observations: pd.DataFrame, indicator: Indicator) -> pd.DataFrame:
    """Observations of one indicator, all people together, as a panel of areas and periods.

    Parameters
    ----------
    observations : DataFrame, rows of the table `observations`
        Rows of other indicators and of single groups of people (sex, age, group not ``all``) are
        left out.
    indicator : Indicator
        A value that is not given is worked out as numerator / denominator x multiplier.

    Returns
    -------
    DataFrame with ``area_code``, ``period`` (pandas Period), ``numerator``, ``denominator``,
    ``value`` (in the indicator's unit), ``note`` (empty when there is none), sorted; where the
    study has them also ``lower95``, ``upper95``, ``coverage`` and ``imputed``.

    Raises
    ------
    PanelError
        Nothing is left, periods are of several or of unknown lengths, or a row is repeated.
    """
    people = [name for name in ("sex", "age", "group") if name in observations]
    rows = observations[(observations[people].fillna(ALL) == ALL).all(axis=1)]
    if "indicator_id" in rows:
        rows = rows[rows["indicator_id"] == indicator.indicator_id]
    if rows.empty:
        raise PanelError(
            f'There are no observations of "{indicator.indicator_id}" for all people together. '
            "Add rows with sex, age and group `all`, or choose another indicator."
        )
    kinds = period_kinds(rows["period_start"], rows["period_end"])
    freq = _one_kind(kinds, indicator.indicator_id)
    period = pd.PeriodIndex(pd.to_datetime(rows["period_start"]), freq=freq)
    panel = rows[["area_code"]].assign(period=period)
    for name in ("numerator", "denominator", "value"):
        panel[name] = pd.to_numeric(rows[name]).astype("float64") if name in rows else np.nan
    panel["note"] = rows["note"].astype("str").fillna("") if "note" in rows else ""
    panel["value"] = panel["value"].fillna(_worked_out(panel, indicator))
    for name in CARRIED:
        if name in rows and rows[name].notna().any():
            panel[name] = pd.to_numeric(rows[name]).astype("float64")
    _refuse_repeats(panel, indicator.indicator_id)
    return panel.sort_values(["area_code", "period"], ignore_index=True)


def period_kinds(start: pd.Series, end: pd.Series) -> pd.Series:
    """The pandas frequency of each period: M, Q, Y-DEC, 3Y-MAR ...; empty when it is none of these.

    A month, a quarter of the calendar year, or whole years from the first of any month.
    """
    start, end = pd.to_datetime(start), pd.to_datetime(end)
    whole = start.dt.is_month_start & end.dt.is_month_end
    months = months_to(start, end)
    ends = end.dt.month.map(lambda month: f"Y-{MONTHS[int(month) - 1]}", na_action="ignore")
    kinds = pd.Series("", index=start.index, dtype="str")
    kinds = kinds.mask(whole & (months == 1), "M")
    kinds = kinds.mask(whole & (months == QUARTER) & (end.dt.month % QUARTER == 0), "Q-DEC")
    years = (months // YEAR).map(lambda n: f"{n:.0f}" if n > 1 else "", na_action="ignore")
    return kinds.mask(whole & (months % YEAR == 0) & (months > 0), years + ends)


def months_to(start: pd.Series, end: pd.Series) -> pd.Series:
    """Months from that of each start to that of each end, both counted."""
    return (end.dt.year - start.dt.year) * YEAR + end.dt.month - start.dt.month + 1


def _one_kind(kinds: pd.Series, indicator_id: str) -> str:
    found = sorted(kinds[kinds != ""].unique())
    unknown = int((kinds == "").sum())
    if unknown:
        raise PanelError(
            f'{unknown} of {len(kinds)} periods of "{indicator_id}" are not a month, a calendar '
            "quarter or twelve months from the first of a month. "
            "Correct period_start and period_end."
        )
    if len(found) > 1:
        raise PanelError(
            f'"{indicator_id}" mixes periods of {len(found)} kinds: {", ".join(found)}. '
            "Make them two indicators, or correct the dates."
        )
    return found[0]


def _worked_out(panel: pd.DataFrame, indicator: Indicator) -> pd.Series:
    """Numerator / denominator x multiplier; for a count, the numerator itself."""
    if indicator.value_type in NOT_ADDITIVE:
        return pd.Series(np.nan, index=panel.index)
    if indicator.unit == "count":
        return panel["numerator"].astype("float64")
    base = panel["denominator"].where(panel["denominator"] > 0)
    return panel["numerator"] / base * indicator.multiplier


def _refuse_repeats(panel: pd.DataFrame, indicator_id: str) -> None:
    repeated = panel[panel.duplicated(["area_code", "period"])]
    if not repeated.empty:
        first = repeated.iloc[0]
        raise PanelError(
            f'{len(repeated)} rows of "{indicator_id}" repeat an area and period, first '
            f"({first['area_code']}, {first['period']}). Keep one row for each."
        )
