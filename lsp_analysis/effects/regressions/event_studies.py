"""Event study: the effect period by period, before the start as well as after.

Before the start there should be none. A test that finds none is only as good as its power, so the
result also says how large a drift it would have missed (Roth 2022).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.effects.given import AREA, PERIOD, check_level
from lsp_analysis.effects.layout import long_panel
from lsp_analysis.effects.options import names_of, whole
from lsp_analysis.effects.parts import PARALLEL, UNTOUCHED, detectable, paths_frame, relative_to
from lsp_analysis.effects.regressions.event_paths import PathEstimates, by_placebos, by_regression
from lsp_analysis.effects.regressions.least_squares import FEWEST_TREATED_CLUSTERS, VCOVS
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.errors import PanelError, ParameterError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NO_ANTICIPATION = "Nothing changed in the treated areas in expectation of the start."


@dataclass(frozen=True)
class EventStudy(EffectEstimate):
    """Effects by period relative to the start; `estimate` is their mean from the start on.

    Attributes
    ----------
    coefficients : DataFrame
        Columns relative_period (0 is the first period after), estimate, se, low, high, p_value; the
        reference period is a row of 0 without interval.
    covariance : DataFrame
        Covariance of the estimates by relative period, without the reference period.
    pretrend_statistic, pretrend_p : float
        Test that every effect before the start is 0: F where errors are clustered, rank of the
        largest standardised effect where placebo areas are used. p is missing where it is withheld.
    pretrend_detectable : float
        Straight drift per period before the start that would be found with 80% power; a smaller
        one may well be there.
    """

    coefficients: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    covariance: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    pretrend_statistic: float = math.nan
    pretrend_p: float = math.nan
    pretrend_detectable: float = math.nan

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the effect in every period counted from the start; return the axes."""
        return figures.draw_event_study(self.coefficients, unit=self.unit, level=self.level, ax=ax)

    def pretrend_sentence(self) -> wording.Sentence:
        """Whether treated and comparison areas drifted apart before the start, in one line."""
        if math.isnan(self.pretrend_p):
            why = self.warnings[0] if self.warnings else "there is only one period before it."
            return wording.Sentence(
                f"Whether the areas drifted apart before the start could not be tested: {why}"
            )
        found = self.pretrend_p <= 1 - self.level
        verdict = "drifted apart" if found else "were not seen to drift apart"
        drift = wording.number(self.pretrend_detectable)
        return wording.Sentence(
            f"Before the start the treated and the comparison areas {verdict} "
            f"({wording.p_value(self.pretrend_p)}); a steady drift of {drift} a period would "
            "have been found four times in five."
        )


def event_study(
    panel: pd.DataFrame,
    *,
    outcome: str,
    treated: str | Sequence[Any],
    start: Any,
    reference: int = -1,
    leads: int | None = None,
    lags: int | None = None,
    covariates: Sequence[str] = (),
    weights: str | None = None,
    cluster: str | None = None,
    vcov: str = "cluster",
    count_nested: bool = True,
    inference: str = "auto",
    placebos: Sequence[Sequence[Any]] | None = None,
    area: str = AREA,
    period: str = PERIOD,
    unit: str = "",
    level: float = 0.95,
) -> EventStudy:
    """Two-way fixed effects with one treatment effect per period, all measured from `reference`.

    Parameters
    ----------
    panel, outcome, treated, start, covariates, weights, cluster, vcov, count_nested
        As in `did.difference_in_differences`.
    reference : int, below 0
        Period whose effect is set to 0, counted from the start; -1 is the last before it.
    leads, lags : int, optional
        Furthest period before and after; those beyond share the effect of the furthest. All if left
        out.
    inference : "auto", "regression" or "placebo"
        "placebo" lets comparison areas take the treated one's place in turn, for a complete panel
        without covariates or weights; "auto" does so when fewer than five areas are treated and it
        is possible.
    placebos : list of lists of area codes, optional
        Groups as large as the treated one for "placebo"; needed when several areas are treated.

    Returns
    -------
    EventStudy
        Intervals and tests are missing, with the reason in `warnings`, when fewer than five
        clusters are treated and there are no placebos.

    Raises
    ------
    ParameterError
        When `reference` is not a period before the start.
    """
    check_level(level)
    covariates = names_of("covariates", covariates)
    if vcov not in VCOVS:
        raise ParameterError(f"vcov={vcov!r} is not known: use one of {', '.join(VCOVS)}.")
    frame, codes, start = long_panel(
        panel,
        outcome=outcome,
        treated=treated,
        start=start,
        numbers=[*covariates, weights],
        cluster=cluster,
        area=area,
        period=period,
    )
    for name, value, least in (("leads", leads, 1), ("lags", lags, 0)):
        if value is not None:
            whole(name, value, least)
    relative = relative_periods(frame[period], start, leads, lags)
    if reference not in set(relative) or reference >= 0:
        raise ParameterError(
            f"reference={reference} must be a period before the start: {relative.min()} to -1."
        )
    inside = frame[area].isin(codes)
    for whose, rows in (("treated", inside), ("comparison", ~inside)):
        if not (relative[rows] == reference).any():
            raise PanelError(
                f"No {whose} area has a value in the period all is measured from, {reference} from "
                "the start: choose another `reference`."
            )
    plain = not (covariates or weights)
    if _use_placebos(inference, frame, codes, plain, placebos, area, period):
        found = by_placebos(
            frame, relative, reference, codes, placebos, outcome, area, period, level
        )
    else:
        found = by_regression(
            frame,
            relative,
            reference,
            codes,
            covariates,
            outcome,
            area,
            period,
            weights,
            vcov,
            cluster,
            count_nested,
            level,
        )
    return _result(frame, found, outcome, codes, start, area, period, weights, unit, level)


def relative_periods(
    periods: pd.Series, start: Any, leads: int | None, lags: int | None
) -> pd.Series:
    """Place of each row's period counted from the start, 0 the first after, ends pooled."""
    labels = pd.Index(periods.unique()).sort_values()
    place = pd.Series(np.arange(len(labels)), index=labels) - int((labels < start).sum())
    low = place.min() if leads is None else -leads
    high = place.max() if lags is None else lags
    return periods.map(place.clip(low, high)).astype(int)


def _use_placebos(
    inference: str,
    frame: pd.DataFrame,
    codes: list[Any],
    plain: bool,
    placebos: Sequence[Sequence[Any]] | None,
    area: str,
    period: str,
) -> bool:
    if inference not in ("auto", "regression", "placebo"):
        raise ParameterError(
            f'inference={inference!r} is not known: use "auto", "regression" or "placebo".'
        )
    complete = len(frame) == frame[area].nunique() * frame[period].nunique()
    possible = plain and complete and (len(codes) == 1 or placebos is not None)
    if inference == "placebo" and not possible:
        raise ParameterError(
            'inference="placebo" needs every area in every period, no covariates or weights, and '
            "`placebos` when several areas are treated."
        )
    few = len(codes) < FEWEST_TREATED_CLUSTERS
    return inference == "placebo" or (inference == "auto" and few and possible)


def _result(
    frame: pd.DataFrame,
    found: PathEstimates,
    outcome: str,
    codes: list[Any],
    start: Any,
    area: str,
    period: str,
    weights: str | None,
    unit: str,
    level: float,
) -> EventStudy:
    rows = frame[frame[area].isin(codes)]
    share = rows[weights] if weights else pd.Series(1.0, rows.index)
    total = share.groupby(rows[period]).sum()
    treated = (rows[outcome] * share).groupby(rows[period]).sum() / total
    place = relative_periods(treated.index.to_series(), start, *found.reach)
    effect = found.table.set_index("relative_period")["estimate"].reindex(place).to_numpy()
    after = (place >= 0).to_numpy()
    observed = float(treated[after].mean())
    counterfactual = observed - found.estimate
    return EventStudy(
        outcome=outcome,
        method="event study",
        estimate=found.estimate,
        low=found.low,
        high=found.high,
        p_value=found.p_value,
        **relative_to(counterfactual, found.estimate, found.low, found.high),
        level=level,
        unit=unit,
        start=start,
        observed=observed,
        counterfactual=counterfactual,
        inference=found.inference,
        n_treated=len(codes),
        n_placebos=found.n_placebos,
        finest_p=1 / (found.n_placebos + 1) if found.n_placebos else math.nan,
        **detectable(found.detectable, counterfactual),
        assumptions=(PARALLEL, NO_ANTICIPATION, UNTOUCHED),
        warnings=(found.warning,) if found.warning else (),
        paths=paths_frame(treated.index, treated.to_numpy(), treated.to_numpy() - effect),
        coefficients=found.table,
        covariance=found.covariance,
        pretrend_statistic=found.pretrend_statistic,
        pretrend_p=found.pretrend_p,
        pretrend_detectable=found.pretrend_detectable,
    )
