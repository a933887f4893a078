"""Beside the primary outcome: secondary outcomes, subgroups, interactions, effect of delivery, and
who has no outcome and how far they could move the answer."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import t as t_law

from lsp_analysis.errors import DesignError
from lsp_analysis.experiments.analysis.comparison import Contrast, sized
from lsp_analysis.experiments.analysis.randomisation_test import orthonormal
from lsp_analysis.experiments.analysis.trial import RECEIVED, Trial, row_values, unit_values
from lsp_analysis.experiments.protocol.design import Outcome

SIZES = ["estimate", "low", "high", "p_value"]
BOUNDS = ["case", "estimate", "low", "high", "p_value"]
MONOTONICITY = (
    "Lee's bounds assume that being drawn into the arm changes whether an outcome is known in one "
    "direction only."
)


def secondary_effects(trial: Trial, level: float) -> pd.DataFrame:
    """Secondary outcomes by comparison: sizes, ``is_harm`` and ``note``, not yet adjusted.

    Columns ``outcome``, ``label``, ``arm``, ``estimate``, ``low``, ``high``, ``p_value``,
    ``is_harm`` and ``note`` (why there is no estimate, where there is none).
    """
    rows = []
    for outcome in trial.design.secondary:
        for number, one in enumerate(trial.design.comparisons(), start=1):
            found, note = sized(trial, outcome, number, level=level)
            is_harm = outcome.name in trial.design.harms.watched
            rows.append((outcome.name, outcome.label, one.name, *found, is_harm, note))
    table = pd.DataFrame(rows, columns=["outcome", "label", "arm", *SIZES, "is_harm", "note"])
    return table.astype({**dict.fromkeys(SIZES, float), "is_harm": bool})


def subgroups(trial: Trial, contrasts: Sequence[Contrast]) -> pd.DataFrame:
    """The primary outcome within the subgroups that the design declares, and no others.

    Columns ``subgroup``, ``category``, ``arm``, ``units``, ``estimate``, ``low``, ``high``,
    ``p_value`` and ``note``. A number column is cut at its median.
    """
    rows = []
    for name in trial.design.analysis.subgroups:
        groups = _categories(trial.units[name])
        for number, one in enumerate(contrasts, start=1):
            for category in sorted(groups.unique()):
                inside = (groups == category).to_numpy()
                n_units = int((inside & trial.compared(one.comparison, trial.units)).sum())
                options = {"only": inside, "level": one.test.level}
                found, note = sized(trial, one.outcome, number, **options)
                rows.append((name, category, one.comparison.name, n_units, *found, note))
    columns = ["subgroup", "category", "arm", "units", *SIZES, "note"]
    return pd.DataFrame(rows, columns=columns)


def factor_interaction(trial: Trial, contrasts: Sequence[Contrast], level: float) -> pd.DataFrame:
    """How much more, or less, both factors do together than the sum of each; by regression.

    One row with ``estimate``, ``low``, ``high``, ``p_value`` (HC2 with Satterthwaite's degrees of
    freedom); none where the design is not two by two.
    """
    if not trial.design.factors:
        return pd.DataFrame(columns=SIZES)
    prepared = contrasts[0].redraws
    one, other = (c.cells["treated"].to_numpy(float) for c in contrasts)
    columns = (one, other, one * other, contrasts[0].cells["value"].to_numpy())
    left = np.column_stack([prepared.residual(column) for column in columns])[prepared.used]
    estimate, error, df = robust_slope(left[:, :-1], left[:, -1], prepared.basis[prepared.used])
    if not (error > 0 and df > 0):
        return pd.DataFrame([(estimate, math.nan, math.nan, math.nan)], columns=SIZES)
    reach = float(t_law.isf((1 - level) / 2, df)) * error
    p_value = float(2 * t_law.sf(abs(estimate) / error, df))
    return pd.DataFrame([(estimate, estimate - reach, estimate + reach, p_value)], columns=SIZES)


def complier_effects(trial: Trial, contrasts: Sequence[Contrast]) -> pd.DataFrame:
    """Effect per whole programme received, where outcomes have a column ``received`` (0 to 1).

    In a wedge, ``received`` is by unit and period, so real starting dates count. It holds if being
    drawn changes outcomes only through what is received. The interval inverts the randomisation
    test, so it stays valid, and has no end, where the draw hardly changed what was received (Imbens
    and Rosenbaum 2005).
    """
    columns = ["arm", "received_in_arm", "received_in_control", *SIZES]
    if RECEIVED not in trial.rows:
        return pd.DataFrame(columns=columns)
    received = trial.rows.groupby(trial.design.cell, as_index=False)[RECEIVED].mean()
    rows = []
    for one in contrasts:
        values, treated = one.cells, one.cells["treated"].to_numpy()
        got = values[trial.design.cell].merge(received, how="left")[RECEIVED].to_numpy(float)
        used = values["used"].to_numpy()
        if np.isnan(got[used]).any():
            raise DesignError(
                f'Column "{RECEIVED}" is missing for some units that have an outcome. Enter 0 for '
                "those that got nothing."
            )
        outcome = values["value"].to_numpy()
        test = one.redraws.test(outcome, exposure=got, level=one.test.level)
        shares = (float(got[used & treated].mean()), float(got[used & ~treated].mean()))
        rows.append((one.comparison.name, *shares, *test.sizes))
    return pd.DataFrame(rows, columns=columns)


def _categories(column: pd.Series) -> pd.Series:
    """Words as they are; numbers as the half they lie in."""
    if not pd.api.types.is_numeric_dtype(column) or column.nunique() <= 2:
        return column.astype("str").fillna("not known")
    middle = column.median()
    return pd.Series(np.where(column <= middle, f"up to {middle:g}", f"above {middle:g}"))


def robust_slope(
    terms: np.ndarray, outcome: np.ndarray, absorbed: np.ndarray | None = None
) -> tuple[float, float, float]:
    """The last of the slopes of least squares, its HC2 standard error, and degrees of freedom.

    The latter are Satterthwaite's, after Bell and McCaffrey (2002).

    Parameters
    ----------
    terms : array, rows x terms
    outcome : array, one per row
    absorbed : array, rows x columns, optional
        Orthonormal columns already taken out of `terms` and `outcome`.
    """
    inverse = np.linalg.pinv(terms.T @ terms)
    params = inverse @ (terms.T @ outcome)
    own = orthonormal(terms)
    basis = own if absorbed is None else np.column_stack([absorbed, own])
    free = 1 - (basis**2).sum(axis=1)
    corrected = np.where(free > 1e-9, 1 / np.sqrt(np.maximum(free, 1e-9)), 0.0)
    direction = corrected * (terms @ inverse)[:, -1]
    error = float(np.linalg.norm(direction * (outcome - terms @ params)))
    projected = direction[:, None] * basis
    joint = np.diag(direction**2) - projected @ projected.T
    total = float((joint**2).sum())
    return float(params[-1]), error, np.trace(joint) ** 2 / total if total > 0 else math.nan


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
