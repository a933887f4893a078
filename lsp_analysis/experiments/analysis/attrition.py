"""Who has no outcome, and how far they could move the answer."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from lsp_analysis.experiments.analysis.comparison import sized
from lsp_analysis.experiments.analysis.trial import RECEIVED, Trial, row_values, unit_values
from lsp_analysis.experiments.protocol.design import Outcome

BOUNDS = ["case", "estimate", "low", "high", "p_value"]
MONOTONICITY = (
    "Lee's bounds assume that being drawn into the arm changes whether an outcome is known in one "
    "direction only."
)


def unit_table(trial: Trial) -> pd.DataFrame:
    """One row per unit, by name: who was drawn into which arm, and what is known of them.

    Columns ``arm``; ``rows`` (units, or cells of a wedge, without any row count as one); ``known``,
    rows with an outcome; ``people`` (of a wedge: mean over its periods); ``received`` where it is
    reported.
    """
    cells = unit_values(trial, trial.design.outcome)
    cells["rows"] = cells["rows"].clip(lower=1)
    cells["people"] = cells["size"].where(cells["size"] > 0)
    own = cells.groupby(level="unit", sort=False).agg({"rows": "sum", "known": "sum"})
    own["people"] = cells["people"].groupby(level="unit").mean()
    if RECEIVED in trial.rows:
        own["received"] = trial.rows.groupby("unit")[RECEIVED].mean()
    return own.assign(arm=trial.arm_of_unit.reindex(own.index))


def missing_table(trial: Trial) -> pd.DataFrame:
    """One row per arm: units drawn, units without any outcome, rows (people) without one.

    Columns ``arm``, ``units``, ``units_without``, ``rows``, ``rows_without`` and ``names``, the
    units that have none.
    """
    own, found = unit_table(trial), []
    for arm in trial.scheme.arms:
        here = own[own["arm"] == arm]
        lost = here.index[here["known"] == 0]
        rows, known = int(here["rows"].sum()), int(here["known"].sum())
        found.append((arm, len(here), len(lost), rows, rows - known, ", ".join(lost)))
    columns = ["arm", "units", "units_without", "rows", "rows_without", "names"]
    return pd.DataFrame(found, columns=columns)


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
    own = row_values(trial, outcome, complete)
    own["treated"], own["inside"] = trial.treated(one, own), trial.compared(one, own)
    if (own["inside"] & ~own["known"]).any():
        for case, top in (("Lee, lower", True), ("Lee, upper", False)):
            cases.append((case, _trimmed(complete, outcome, own, top)))
        good_high = outcome.polarity == "high_is_good"
        for case, arm_high in (("against", not good_high), ("in favour of", good_high)):
            cases.append((f"most {case} the arm", _filled_in(complete, outcome, own, arm_high)))
    table = [
        (case, *sized(trial, outcome, number, rows=filled, level=level)[0])
        for case, filled in cases
    ]
    return pd.DataFrame(table, columns=BOUNDS)


def _trimmed(rows: pd.DataFrame, outcome: Outcome, own: pd.DataFrame, top: bool) -> pd.DataFrame:
    """Rows of the better known side without its highest, or lowest, outcomes.

    With `top` the treated lose their highest outcomes (or the controls their lowest), which makes
    the effect as low as it can be.
    """
    compared = own[own["inside"]]
    shares = [compared.loc[compared["treated"] == side, "known"].mean() for side in (True, False)]
    side = shares[0] >= shares[1]
    here = np.flatnonzero(own["inside"] & own["known"] & (own["treated"] == side))
    excess = 1 - min(shares) / max(shares) if max(shares) > 0 else 0.0
    n_cut = math.ceil(excess * len(here) - 1e-9)
    value = own["value"].iloc[here]
    if "period" in own:  # of a wedge: high or low for its period
        value = value - value.groupby(own["period"].iloc[here]).transform("mean")
    order = np.argsort(value.to_numpy(), kind="stable")
    cut = here[order[::-1][:n_cut] if top == side else order[:n_cut]]
    rows = rows.astype({outcome.name: float})
    rows.iloc[cut, rows.columns.get_loc(outcome.name)] = np.nan
    return rows


def _filled_in(
    rows: pd.DataFrame, outcome: Outcome, own: pd.DataFrame, arm_high: bool
) -> pd.DataFrame:
    """The rows with gaps filled: the highest value where the arm is to be high, else the lowest."""
    low, high = float(own["value"].min()), float(own["value"].max())
    if outcome.unit == "percent" and outcome.denominator:
        low, high = 0.0, outcome.multiplier
    fill = np.where(own["treated"] == arm_high, high, low)
    rows = rows.astype({outcome.name: float})
    if outcome.denominator:
        base = rows[outcome.denominator].where(rows[outcome.denominator] > 0)
        rows[outcome.denominator] = base.fillna(base.median())
        fill = fill * rows[outcome.denominator] / outcome.multiplier
    rows[outcome.name] = rows[outcome.name].mask(~own["known"], fill)
    return rows


def _with_absent(trial: Trial) -> pd.DataFrame:
    """The rows, and an empty one for every unit (and period) that has none."""
    by = trial.design.cell
    wanted = unit_values(trial, trial.design.outcome).query("rows == 0").reset_index()[by]
    return pd.concat([trial.rows, wanted], ignore_index=True) if len(wanted) else trial.rows.copy()
