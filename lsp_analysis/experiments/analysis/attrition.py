"""Who has no outcome, and how far they could move the answer."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analysis.comparison import cell_values, contrast
from lsp_analysis.experiments.analysis.trial import Trial, unit_values
from lsp_analysis.experiments.protocol.design import Comparison, Outcome

BOUNDS = ["case", "estimate", "low", "high", "p_value"]
MONOTONICITY = (
    "Lee's bounds assume that being drawn into the arm changes whether an outcome is known in one "
    "direction only."
)


def missing_table(trial: Trial) -> pd.DataFrame:
    """One row per arm: units drawn, units without any outcome, rows (people) without one.

    Columns ``arm``, ``units``, ``units_without``, ``rows``, ``rows_without``, ``share_without`` and
    ``names``, the units that have none. Units (wedge: units and periods) without any row count as
    one row.
    """
    by = ("unit", "period") if trial.design.is_wedge else ("unit",)
    values = unit_values(trial, trial.design.outcome, by=by)
    rows = values["rows"].clip(lower=1)
    sums = pd.DataFrame({"rows": rows, "gone": rows - values["known"], "known": values["known"]})
    own = sums.groupby(level="unit", sort=False).sum()
    own = own.assign(arm=trial.arm_of_unit.reindex(own.index), without=own["known"] == 0)
    rows = []
    for arm in trial.scheme.arms:
        here = own[own["arm"] == arm]
        lost = here.index[here["without"]]
        n_rows, gone = int(here["rows"].sum()), int(here["gone"].sum())
        share = gone / n_rows if n_rows else math.nan
        rows.append((arm, len(here), len(lost), n_rows, gone, share, ", ".join(lost)))
    columns = ["arm", "units", "units_without", "rows", "rows_without", "share_without", "names"]
    return pd.DataFrame(rows, columns=columns)


def bounds(
    trial: Trial, outcome: Outcome, number: int = 1, *, level: float | None = None
) -> pd.DataFrame:
    """The estimate under assumptions about the outcomes that are missing.

    Rows: ``as observed``; ``Lee, lower`` and ``Lee, upper`` (Lee 2009: the side with more outcomes
    known is trimmed at its top or bottom to the share of the other; whole rows, rounded up);
    ``most against the arm`` and ``most in favour of the arm`` (Manski 1990; Horowitz and Manski
    2000: a missing share is 0 or all, another value the lowest or highest seen). Without gaps, the
    first row alone.
    """
    one = trial.design.comparisons()[number - 1]
    cases: list[tuple[str, pd.DataFrame | None]] = [("as observed", None)]
    complete = _with_absent(trial)
    place = {unit: position for position, unit in enumerate(trial.scheme.units)}
    arm = trial.drawn[complete["unit"].map(place).to_numpy()]
    inside = np.isin(arm, [n for group in one.groups for n in group])
    known = _known(complete, outcome)
    if (inside & ~known).any():
        treated = _treated_rows(trial, complete, one, arm)
        for case, top in (("Lee, lower", True), ("Lee, upper", False)):
            cases.append((case, _trimmed(complete, outcome, treated, inside, top)))
        good_high = outcome.polarity == "high_is_good"
        for case, arm_high in (("against", not good_high), ("in favour of", good_high)):
            filled = _filled_in(complete, outcome, treated == arm_high)
            cases.append((f"most {case} the arm", filled))
    table = [(case, *_estimate(trial, outcome, number, rows, level)) for case, rows in cases]
    return pd.DataFrame(table, columns=BOUNDS)


def _estimate(
    trial: Trial, outcome: Outcome, number: int, rows: pd.DataFrame | None, level: float | None
) -> tuple[float, ...]:
    """Estimate, interval and p-value; missing where too few values are left to compare."""
    try:
        test = contrast(trial, outcome, number, rows=rows, level=level).test
    except DesignError:
        if rows is None:
            raise
        return (math.nan,) * 4
    return test.estimate, test.low, test.high, test.p_value


def _known(rows: pd.DataFrame, outcome: Outcome) -> np.ndarray:
    known = rows[outcome.name].notna()
    if outcome.denominator:
        known &= rows[outcome.denominator] > 0
    return known.to_numpy()


def _value(rows: pd.DataFrame, outcome: Outcome) -> pd.Series:
    value = rows[outcome.name].astype(float)
    if outcome.denominator:
        base = rows[outcome.denominator].where(lambda x: x > 0)
        value = outcome.multiplier * value / base
    return value


def _trimmed(
    rows: pd.DataFrame, outcome: Outcome, treated: np.ndarray, inside: np.ndarray, top: bool
) -> pd.DataFrame:
    """Rows of the better known side without its highest, or lowest, outcomes.

    With `top` the treated lose their highest outcomes (or the controls their lowest), which makes
    the effect as low as it can be.
    """
    known = _known(rows, outcome)
    shares = [float(known[inside & (treated == side)].mean()) for side in (True, False)]
    side = shares[0] >= shares[1]
    here = np.flatnonzero(inside & known & (treated == side))
    excess = 1 - min(shares) / max(shares) if max(shares) > 0 else 0.0
    n_cut = math.ceil(excess * len(here) - 1e-9)
    value = _value(rows, outcome).to_numpy()[here]
    if "period" in rows:  # of a wedge: high or low for its period
        period = rows["period"].to_numpy()[here]
        value = value - pd.Series(value).groupby(period).transform("mean").to_numpy()
    order = np.argsort(value, kind="stable")
    cut = here[order[::-1][:n_cut] if top == side else order[:n_cut]]
    rows = rows.copy()
    rows[outcome.name] = rows[outcome.name].astype(float)
    rows.iloc[cut, rows.columns.get_loc(outcome.name)] = np.nan
    return rows


def _filled_in(rows: pd.DataFrame, outcome: Outcome, high_here: np.ndarray) -> pd.DataFrame:
    """The rows with gaps filled: with the highest value where `high_here`, else the lowest."""
    value = _value(rows, outcome)
    low, high = float(value.min()), float(value.max())
    if outcome.unit == "percent" and outcome.denominator:
        low, high = 0.0, outcome.multiplier
    fill = np.where(high_here, high, low)
    rows = rows.copy()
    gaps = ~_known(rows, outcome)
    if outcome.denominator:
        base = rows[outcome.denominator].where(rows[outcome.denominator] > 0)
        rows[outcome.denominator] = base.fillna(base.median())
        fill = fill * rows[outcome.denominator] / outcome.multiplier
    rows[outcome.name] = rows[outcome.name].astype(float).mask(gaps, fill)
    return rows


def _with_absent(trial: Trial) -> pd.DataFrame:
    """The rows, and an empty one for every unit (and period) that has none."""
    by = ["unit", "period"] if trial.design.is_wedge else ["unit"]
    wanted = pd.DataFrame({"unit": trial.scheme.units})
    if trial.design.is_wedge:
        periods = pd.DataFrame({"period": trial.design.randomisation.periods})
        wanted = wanted.merge(periods, how="cross")
    there = trial.rows[by].drop_duplicates()
    absent = wanted.merge(there, on=by, how="left", indicator=True)
    absent = absent.loc[absent["_merge"] == "left_only", by]
    return pd.concat([trial.rows, absent], ignore_index=True) if len(absent) else trial.rows.copy()


def _treated_rows(trial: Trial, rows: pd.DataFrame, one: Comparison, arm: np.ndarray) -> np.ndarray:
    if not trial.design.is_wedge:
        return np.isin(arm, one.treated)
    order = {p: i for i, p in enumerate(trial.design.randomisation.periods)}
    return rows["period"].map(order).to_numpy() >= arm + 1


def coverage_of_cells(trial: Trial, outcome: Outcome) -> float:
    """Share of units (wedge: units and periods) that have an outcome."""
    one = trial.design.comparisons()[0]
    return float(cell_values(trial, outcome, one)["value"].notna().mean())
