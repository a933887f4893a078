"""Beside the registered test: secondary outcomes, subgroups, interactions, effect of delivery, who
has no outcome and how far they could move the answer, and the same comparison by usual models.

Every model's effect is given as a difference in the units of the outcome: the mean that it predicts
with the programme everywhere less the mean without (standardisation over the units there are).
Models have no interval and no p-value: with few clusters theirs do not hold in blocked or
constrained draws, or with people in clusters. Both are the registered randomisation test's alone.
"""

import math
import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import t as t_law

from lsp_analysis.errors import DesignError, LspError
from lsp_analysis.experiments.analysis.comparison import Contrast, sized
from lsp_analysis.experiments.analysis.randomisation_test import orthonormal
from lsp_analysis.experiments.analysis.trial import (
    RECEIVED,
    Trial,
    dummies,
    row_values,
    unit_values,
)
from lsp_analysis.experiments.protocol.design import Outcome
from lsp_analysis.experiments.protocol.unit_list import covariate_table

SIZES = ["estimate", "low", "high", "p_value"]
BOUNDS = ["case", "estimate", "low", "high", "p_value"]
MODELS = {
    "ols": "Regression (OLS)",
    "glm": "Generalised linear model (GLM)",
    "gee": "Generalised estimating equations, exchangeable (GEE)",
    "mixed": "Mixed model, a level per unit (REML)",
}
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
        groups = trial.units[name]
        if pd.api.types.is_numeric_dtype(groups) and groups.nunique() > 2:
            middle = groups.median()
            groups = groups.le(middle).map({True: f"up to {middle:g}", False: f"above {middle:g}"})
        groups = groups.astype("str").fillna("not known")
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
    reach = p_value = math.nan
    if error > 0 and df > 0:
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
    by = trial.design.cell  # an empty row for every unit (and period) that has none
    absent = unit_values(trial, trial.design.outcome).query("rows == 0").reset_index()[by]
    complete = pd.concat([trial.rows, absent], ignore_index=True) if len(absent) else trial.rows
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


def fit_models(trial: Trial, outcome: Outcome, number: int = 1) -> pd.DataFrame:
    """The models that the design asks for, one row each, for comparison `number` (from 1).

    Rows are those with a value of the arms compared, or of all periods of a wedge.

    Returns
    -------
    DataFrame with ``model``, ``estimate``, ``clusters``, ``rows`` and ``note``: why there is no
    estimate, where there is none.
    """
    design, rows = trial.design, row_values(trial, outcome)
    one = design.comparisons()[number - 1]
    rows = rows[rows["known"] & trial.compared(one, rows)]
    unit = trial.places(rows)
    covariates, _ = covariate_table(trial.units, outcome, design.analysis.covariates)
    spread = covariates.std(axis=0)  # standardised, so that models converge
    adjust = [(covariates - covariates.mean(axis=0)) / np.where(spread > 0, spread, 1)]
    group = trial.scheme.group_of(trial.drawn, one.groups)
    adjust += [dummies(trial.scheme.blocks, unit), dummies(group, unit)]
    terms = [np.ones(len(rows)), trial.treated(one, rows)]
    if design.is_wedge:
        periods = design.randomisation.periods[1:]
        terms.append(rows["period"].to_numpy()[:, None] == np.array(periods))
    terms = np.column_stack([*terms, *(column[unit] for column in adjust)]).astype(float)
    cluster = pd.factorize(unit)[0]
    by_people = design.estimand.summary == "people"
    weight = rows["base"] if by_people else 1 / np.bincount(cluster)[cluster]
    rows = rows.assign(cluster=cluster, weight=weight)
    n_clusters, found = len(np.unique(cluster)), []
    for name in design.analysis.models:
        estimate, note = math.nan, ""
        if n_clusters <= terms.shape[1]:
            note = "more is adjusted for than there are clusters"
        elif name in ("gee", "mixed") and n_clusters == len(rows):
            note = "needs several rows per cluster"
        else:
            try:
                with warnings.catch_warnings(action="ignore"):
                    estimate = float(_effect_by(name, rows, terms, outcome, design.is_wedge))
                note = "" if math.isfinite(estimate) else "did not converge"
            except (ValueError, ArithmeticError, np.linalg.LinAlgError, LspError) as problem:
                note = f"could not be fitted: {problem}"
        found.append((MODELS[name], estimate, n_clusters, len(rows), note))
    return pd.DataFrame(found, columns=["model", "estimate", "clusters", "rows", "note"])


def _effect_by(
    name: str, rows: pd.DataFrame, terms: np.ndarray, outcome: Outcome, is_wedge: bool
) -> float:
    """Effect by one model; `terms` are the constant, the exposure, then what is adjusted for.

    GLM and GEE are Poisson for ratios (shares too, Zou 2004) and normal for means, GEE with an
    exchangeable working correlation within clusters.
    """
    columns = ("count", "base", "value", "weight", "cluster")
    count, base, value, weight, cluster = (rows[c].to_numpy() for c in columns)
    if name == "ols":  # weighted; in a wedge with a level for each cluster
        if is_wedge:
            terms = np.column_stack([terms, np.eye(cluster.max() + 1)[cluster]])
        root = np.sqrt(weight)
        return np.linalg.lstsq(terms * root[:, None], value * root, rcond=None)[0][1]
    import statsmodels.api as sm

    if name == "mixed":
        return sm.MixedLM(value, terms, groups=cluster).fit(reml=True).fe_params[1]
    family = sm.families.Poisson() if outcome.denominator else sm.families.Gaussian()
    options = {"family": family, "offset": np.log(base) if outcome.denominator else None}
    if name == "gee":
        options |= {"groups": cluster, "cov_struct": sm.cov_struct.Exchangeable()}
    fitted = (sm.GEE if name == "gee" else sm.GLM)(count, terms, **options).fit()
    everywhere, nowhere = terms.copy(), terms.copy()
    everywhere[:, 1], nowhere[:, 1] = 1.0, 0.0
    means = [family.link.inverse(x @ fitted.params) for x in (everywhere, nowhere)]
    return outcome.factor * np.subtract(*(np.average(m, weights=weight) for m in means))
