"""Who has no outcome, and how far they could move the answer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lsp_analysis.experiments.analysis.comparison import contrast
from lsp_analysis.experiments.analysis.trial import Trial, unit_values
from lsp_analysis.experiments.protocol.design import Outcome

BOUNDS = ["case", "estimate", "low", "high", "p_value"]


def missing_table(trial: Trial) -> pd.DataFrame:
    """One row per arm: units drawn, units without any outcome, rows (people) without one.

    Columns ``arm``, ``units``, ``units_without``, ``rows``, ``rows_without``, ``share_without`` and
    ``names``, the units that have none. Nobody is dropped in silence.
    """
    values = unit_values(trial, trial.design.outcome)
    table = pd.DataFrame(
        {
            "arm": trial.arm_of_unit.reindex(values.index).to_numpy(),
            "unit": values.index,
            "without": values["value"].isna().to_numpy(),
            "rows": values["rows"].to_numpy(),
            "gone": (values["rows"] - values["known"]).to_numpy(),
        }
    )
    rows = []
    for arm in trial.scheme.arms:
        own = table[table["arm"] == arm]
        lost = own.loc[own["without"], "unit"].tolist()
        n_rows, gone = int(own["rows"].sum()), int(own["gone"].sum())
        share = gone / n_rows if n_rows else np.nan
        rows.append((arm, len(own), len(lost), n_rows, gone, share, ", ".join(lost)))
    columns = ["arm", "units", "units_without", "rows", "rows_without", "share_without", "names"]
    return pd.DataFrame(rows, columns=columns)


def bounds(
    trial: Trial, outcome: Outcome, arm: int = 1, *, level: float | None = None
) -> pd.DataFrame:
    """The estimate if those without an outcome had done as well, or as badly, as can be.

    A missing share is taken to be 0 or all; any other missing value to be the lowest or highest
    seen in either arm (Manski 1990; Horowitz and Manski 2000). Rows: ``as observed``, ``most
    against the arm``, ``most in favour of the arm`` (in the direction that is good).
    """
    observed = contrast(trial, outcome, arm, level=level)
    rows = [("as observed", observed)]
    if _has_gaps(trial, outcome, arm):
        good_high = outcome.polarity == "high_is_good"
        for case, arm_high in (("against", not good_high), ("in favour of", good_high)):
            filled = _filled_in(trial, outcome, arm, arm_high=arm_high)
            rows.append(
                (f"most {case} the arm", contrast(trial, outcome, arm, rows=filled, level=level))
            )
    table = [(case, c.test.estimate, c.test.low, c.test.high, c.test.p_value) for case, c in rows]
    return pd.DataFrame(table, columns=BOUNDS)


def _has_gaps(trial: Trial, outcome: Outcome, arm: int) -> bool:
    """Whether anything is missing in the two arms that are compared."""
    by = ("unit", "period") if trial.design.is_wedge else ("unit",)
    values = unit_values(trial, outcome, by=by)
    if not trial.design.is_wedge:
        values = values[np.isin(trial.drawn, (0, arm))]
    return bool(values["value"].isna().any() or (values["rows"] > values["known"]).any())


def _filled_in(trial: Trial, outcome: Outcome, arm: int, *, arm_high: bool) -> pd.DataFrame:
    """The rows with gaps filled: high in the arm and low in the control, or the reverse."""
    rows = _with_absent(trial)
    low, high = _extremes(rows, outcome)
    in_arm = _treated_rows(trial, rows, arm)
    fill = np.where(in_arm == arm_high, high, low)
    rows = rows.copy()
    gaps = rows[outcome.name].isna()
    if outcome.denominator:
        gaps |= ~(rows[outcome.denominator] > 0)
        base = rows[outcome.denominator].where(rows[outcome.denominator] > 0)
        base = base.fillna(base.median())
        rows[outcome.denominator] = base
        fill = fill * base / outcome.multiplier
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
    return pd.concat([trial.rows, absent], ignore_index=True)


def _extremes(rows: pd.DataFrame, outcome: Outcome) -> tuple[float, float]:
    """Lowest and highest value that a row can be thought to have."""
    if outcome.unit == "percent" and outcome.denominator:
        return 0.0, outcome.multiplier
    value = rows[outcome.name]
    if outcome.denominator:
        value = outcome.multiplier * value / rows[outcome.denominator].where(lambda x: x > 0)
    return float(value.min()), float(value.max())


def _treated_rows(trial: Trial, rows: pd.DataFrame, arm: int) -> np.ndarray:
    place = {unit: position for position, unit in enumerate(trial.scheme.units)}
    drawn = trial.drawn[rows["unit"].map(place).to_numpy()]
    if not trial.design.is_wedge:
        return drawn == arm
    order = {p: i for i, p in enumerate(trial.design.randomisation.periods)}
    return rows["period"].map(order).to_numpy() >= drawn + 1
