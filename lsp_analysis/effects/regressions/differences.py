"""Difference-in-differences: treated areas' change less comparison areas' change, over the whole
time after the start or date by date (an event study); and for a programme rolled out at different
times in different areas, by the package diff-diff."""

import math
import warnings
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lsp_analysis import figures, wording
from lsp_analysis.effects import parts
from lsp_analysis.effects.one_area.neighbourhoods import placebo_groups
from lsp_analysis.effects.regressions import honest, two_way
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.errors import PanelError, ParameterError, check_one_of
from lsp_analysis.showing import Absent, Axes, with_note
from lsp_analysis.study.question import Question

CLUSTERED = "Student's t, errors clustered by area"
NO_ANTICIPATION = "Nothing changed in the treated areas in anticipation of the start."
INFERENCES = ("auto", "placebo", "clustered")
TWO_WAY = "difference-in-differences, two-way fixed effects"
PLACEBOS_A_STEP = 3  # to learn a covariance from, as in the checks: 20 for seven statistics
BOUNDS = {"relative magnitudes": honest.relative_magnitudes, "smoothness": honest.smoothness}


@parts.answers
def did(question: Question, *, inference: str = "auto") -> EffectEstimate:
    """Two-way fixed effects: one effect per area, one per date, and one for the programme.

    Areas next to treated ones are left out. `two_way_regression` takes covariates.

    Parameters
    ----------
    question : Question
    inference : "auto", "placebo", "clustered" or "welch"
        "placebo" ranks the coefficient among those of placebo neighbourhoods, and is what "auto"
        does when fewer than five areas are treated: an error clustered by area is then far too
        small. "clustered" takes errors as independent between areas only (Bertrand, Duflo and
        Mullainathan 2004). "welch" makes one number of each area, its change of mean, and compares
        the groups by Welch's t.

    Returns
    -------
    EffectEstimate
        In units of the outcome (rates per `question.per`). `model` is the regression by
        statsmodels, area and date effects taken out in advance.

    References
    ----------
    Conley and Taber (2011), REStat 93:113; MacKinnon and Webb (2020), J. Econometrics 218:435.
    """
    inference = _chosen(question, inference, (*INFERENCES, "welch"))
    complete = inference != "clustered"
    each = int(question.treated.sum()) if inference == "placebo" else 0
    question.need(comparisons=1 + each, complete=complete)
    after = question.event_time >= 0
    marks = question.treated[:, None, None] & after[:, None]
    fit, used = _regression(question, marks, ["treatment"], complete)
    estimate, error = (float(fit.coefficients[name].iloc[0]) for name in ("estimate", "se"))
    own, fields = parts.treated_mean(question), {}
    fields["paths"] = parts.paths_frame(question, own, own - np.where(after, estimate, 0.0))
    if inference == "placebo":
        groups, changes = _among_placebos(question, np.where(after, 0, -1), [0], -1)
        found = parts.placebo_inference(changes[:, 0], question.level)
        fields["placebos"] = parts.placebo_frame(question, groups, changes[1:, 0])
    elif inference == "welch":
        estimate, error, found = _by_welch(question)
    else:
        found = _clustered(question, fit, estimate, error)
    observed = float(np.nanmean(question.compared[question.treated][:, after]))
    return EffectEstimate(
        **parts.judged(question, observed, estimate, found) | fields,
        method="difference in mean changes" if inference == "welch" else TWO_WAY,
        comparator=f"the change of {wording.counted(int(used.sum()), 'comparison area')}",
        assumptions=(parts.PARALLEL, parts.UNTOUCHED),
        error=error,
        model=fit.model,
    )


def _chosen(question: Question, inference: str, known: tuple[str, ...]) -> str:
    """The kind of inference meant: "auto" is placebos for fewer than five treated areas."""
    check_one_of(inference, known, "inference")
    if inference != "auto":
        return inference
    few = int(question.treated.sum()) < two_way.FEWEST_TREATED_CLUSTERS
    return "placebo" if few else "clustered"


def _regression(
    question: Question, marks: np.ndarray, names: list[str], complete: bool
) -> tuple[two_way.Regression, np.ndarray]:
    """Two-way regression of what is compared on marks of treatment, errors clustered by area.

    Parameters
    ----------
    marks : bool array (n, t, k)
    complete : bool
        Whether comparison areas with a missing value are left out.

    Returns
    -------
    Regression, and the comparison areas it used; bool array (n,)
    """
    used = question.comparison if complete else ~question.treated & ~question.ring
    inside = question.known & (used | question.treated)[:, None]
    areas, dates = np.nonzero(inside)
    codes, periods = (np.unique(x, return_inverse=True)[1] for x in (areas, dates))
    errors = two_way.Errors(clusters=codes, treated=int(question.treated.sum()))
    fit = two_way.two_way_fit(
        question.compared[areas, dates], marks[areas, dates].astype(float), names, codes,
        periods, errors, None, question.level,
    )  # fmt: skip
    return fit, used & inside.any(axis=1)


def _clustered(
    question: Question, fit: two_way.Regression, estimate: float, error: float
) -> parts.Inference:
    return parts.by_error(
        estimate, error, question.level, df=fit.df, withheld=fit.withheld, how=CLUSTERED
    )


def _among_placebos(
    question: Question, place: np.ndarray, shown: Collection[int], reference: int
) -> tuple[np.ndarray, np.ndarray]:
    """Placebo neighbourhoods, and changes of the gap from the dates at place `reference` to those
    at each of `shown`, of the treated and every placebo; array (1 + B, len(shown))."""
    groups = placebo_groups(question)
    gaps = np.subtract(*parts.placebo_paths(question, groups))
    means = np.column_stack([gaps[:, place == k].mean(axis=1) for k in [*shown, reference]])
    return groups, means[:, :-1] - means[:, -1:]


def _by_welch(question: Question) -> tuple[float, float, parts.Inference]:
    """One change of mean per area, compared by Welch's t: effect, error and inference."""
    at, kept = question.at, question.comparison | question.treated
    values = question.compared[kept]
    changes = values[:, at:].mean(axis=1) - values[:, :at].mean(axis=1)
    groups = changes[question.treated[kept]], changes[~question.treated[kept]]
    if min(map(len, groups)) < 2:
        raise PanelError(
            "Welch's interval needs two treated and two comparison areas or more: for a single "
            'treated area use inference="placebo".'
        )
    estimate = float(groups[0].mean() - groups[1].mean())
    error, df, withheld = math.nan, math.inf, two_way.NO_ERROR
    if max(map(np.ptp, groups)) > two_way.ROUNDING * np.ptp(values):
        error = math.sqrt(sum(group.var(ddof=1) / len(group) for group in groups))
        df, withheld = float(stats.ttest_ind(*groups, equal_var=False).df), ""
    how = "Welch's t on one change per area"
    found = parts.by_error(estimate, error, question.level, df=df, withheld=withheld, how=how)
    return estimate, error, found


# Date by date ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EventStudy(EffectEstimate):
    """Effects by time since the start; `estimate` is their mean over the dates from the start on.

    Attributes
    ----------
    coefficients : DataFrame
        Columns relative_period (calendar periods, or bins of them, since the start), estimate, se,
        low, high, p_value; the reference is a row of 0 without interval.
    covariance : DataFrame
        Covariance of the estimates by relative period, without the reference.
    """

    coefficients: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    covariance: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the effect at every time since the start; return the axes."""
        return figures.draw_event_study(self.coefficients, unit=self.unit, level=self.level, ax=ax)

    def honest_bounds(
        self, restriction: str = "relative magnitudes"
    ) -> honest.HonestBounds | Absent:
        """Intervals that hold although the areas may have parted without the programme.

        Parameters
        ----------
        restriction : "relative magnitudes" or "smoothness"
            How far they may have parted; see `regressions.honest`. Time is the calendar's.

        Returns
        -------
        HonestBounds or Absent
            Absent, with the reason, where too few areas tell how dates vary together, by which
            smoothness weighs them.

        Raises
        ------
        ParameterError
            Another restriction.
        """
        check_one_of(restriction, BOUNDS, "restriction")
        rows = self.coefficients.set_index("relative_period")
        shown = self.covariance.index.to_numpy()
        reference = rows.index.difference(shown)[0]
        effects = rows.loc[shown, "estimate"].to_numpy()
        steps = honest.event_study_steps(shown, effects, self.covariance.to_numpy(), reference)
        if restriction == "smoothness" and not _are_told_apart(steps, self.n_placebos):
            told = (
                wording.counted(self.n_placebos, "placebo") if self.n_placebos else "so few areas"
            )
            return Absent(
                f"How the {len(effects)} effects of this event study vary together cannot be told "
                f"from {told}, and bounds on smoothness weigh them by that. Give event_study a "
                "larger `width`, or compare with more areas; relative magnitudes need no weights."
            )
        found = BOUNDS[restriction](steps, level=self.level, unit=self.unit)
        return with_note(found, self._note, about=self.chart_name)


def _are_told_apart(steps: honest.Steps, n_placebos: int) -> bool:
    """Whether the covariance of the steps is known well enough to weigh them by it.

    Learnt from fewer placebos than steps it is singular: some weights then seem to leave no error
    at all, and the bounds leave out the truth.
    """
    count, errors = len(steps.values), np.sqrt(np.diag(steps.covariance))
    if 0 < n_placebos < PLACEBOS_A_STEP * count or errors.min() == 0:
        return False
    correlation = steps.covariance / np.outer(errors, errors)
    return bool(np.linalg.matrix_rank(correlation, hermitian=True) == count)


@parts.answers
def event_study(question: Question, *, inference: str = "auto", width: int = 1) -> EventStudy:
    """Two-way fixed effects with one effect per time since the start, from the last before it.

    Times are calendar periods since the start, so that a panel with gaps keeps its dates.

    Parameters
    ----------
    question : Question
    inference : "auto", "placebo" or "clustered"
        As for `did`.
    width : int
        Calendar periods that share an effect, counted from the start either way: 12 makes years of
        months. Bins that the data cover in part are left out where whole ones remain.

    Returns
    -------
    EventStudy
        `model` is the regression by statsmodels, area and date effects taken out in advance.
    """
    parts.check_whole(width, "width", 1)
    ranked = _chosen(question, inference, INFERENCES) == "placebo"
    question = _whole_bins(question, width)
    each = int(question.treated.sum()) if ranked else 1
    question.need(comparisons=1 + each, complete=ranked)
    place = question.event_time // width
    reference = int(place[place < 0].max())
    shown = np.array(sorted(set(place) - {reference}))
    marks = question.treated[:, None, None] & (place[:, None] == shown)
    fit, used = _regression(question, marks, [f"time {k:+d}" for k in shown], ranked)
    estimates = fit.coefficients["estimate"].to_numpy()
    shares = np.array([(place == k).sum() for k in shown]) * (shown >= 0)
    shares = shares / shares.sum()
    estimate = float(shares @ estimates)
    fields, table, covariance = {}, fit.coefficients.reset_index(drop=True), fit.covariance
    if ranked:
        groups, paths = _among_placebos(question, place, shown, reference)
        covariance = paths[1:].T @ paths[1:] / len(groups)
        each = [vars(parts.placebo_inference(path, question.level)) for path in paths.T]
        table = pd.DataFrame(each).assign(estimate=paths[0], se=np.sqrt(np.diag(covariance)))
        found = parts.placebo_inference(paths @ shares, question.level)
        fields = {"placebos": parts.placebo_frame(question, groups, paths[1:] @ shares)}
    error = math.sqrt(max(float(shares @ covariance @ shares), 0.0))
    if not ranked:
        found = _clustered(question, fit, estimate, error)
    own = parts.treated_mean(question)
    effect = pd.Series(estimates, shown).reindex(place).fillna(0.0).to_numpy()
    rows = pd.concat([table.assign(relative_period=shown),
                      pd.DataFrame({"relative_period": [reference], "estimate": 0.0})])  # fmt: skip
    columns = ["relative_period", "estimate", "se", "low", "high", "p_value"]
    return EventStudy(
        **parts.judged(question, float(own[place >= 0].mean()), estimate, found),
        **fields,
        method="event study",
        comparator=f"the change of {wording.counted(int(used.sum()), 'comparison area')}",
        assumptions=(parts.PARALLEL, NO_ANTICIPATION, parts.UNTOUCHED),
        error=error,
        paths=parts.paths_frame(question, own, own - effect),
        coefficients=rows[columns].sort_values("relative_period", ignore_index=True),
        covariance=pd.DataFrame(covariance, index=shown, columns=shown),
        model=fit.model,
    )


def _whole_bins(question: Question, width: int) -> Question:
    """The question without the dates of bins at either end that the data cover in part."""
    place = question.event_time // width
    first, last = question.event_time[0], question.event_time[-1]
    kept = np.ones(len(place), dtype=bool)
    if first % width and (place < 0).any() and len(set(place[place < 0])) > 1:
        kept &= place > place[0]
    if (last + 1) % width and len(set(place[place >= 0])) > 1:
        kept &= place < place[-1]
    return question if kept.all() else question.during(kept)


PARALLEL_LATER = (
    "Without the programme each group of areas would have changed as its comparison areas did."
)
COMPARATORS = {
    "never": ("never_treated", "areas where it never started"),
    "not_yet": ("not_yet_treated", "areas where it had not started yet"),
}
AGGREGATES = ("simple", "dynamic")


@dataclass(frozen=True)
class RolloutEffect(EffectEstimate):
    """An average over areas that start at different times; `model` has the parts it is made of.

    Attributes
    ----------
    by_time : DataFrame
        Columns relative_period (calendar periods since an area's own start), estimate, se, low,
        high, p_value.
    """

    by_time: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the effect by time since the start; return the axes."""
        return figures.draw_event_study(self.by_time, unit=self.unit, level=self.level, ax=ax)


@parts.answers
def rollout_effect(
    question: Question, *, comparison: str = "never", aggregate: str = "simple"
) -> RolloutEffect:
    """Difference-in-differences for staggered starts (Callaway and Sant'Anna 2021).

    Needs the extra ``lsp-analysis[rollout]``. Times are those of the calendar, so that a panel with
    gaps keeps its dates.

    Parameters
    ----------
    question : Question
        Built with a mapping of area to start.
    comparison : "never" or "not_yet"
        Compare with areas that never start, or also with those that have not started yet.
    aggregate : "simple" or "dynamic"
        The mean over all treated areas and periods, or over times since the start.

    Returns
    -------
    RolloutEffect
        Interval and p-value are missing, with the reason in `warnings`, when fewer than five areas
        are treated or fewer than five never are. `model` is diff-diff's result.
    """
    check_one_of(comparison, COMPARATORS, "comparison")
    check_one_of(aggregate, AGGREGATES, "aggregate")
    if question.first_treated is None:
        raise PanelError(
            "All areas start at once here, so `did` is the method. For a roll-out, build the "
            "question with a mapping of area code to start."
        )
    question.need()
    model = _fitted(question, comparison)
    events = model.aggregate("event_study")
    table = pd.DataFrame({
        "relative_period": events.event_time.astype(int), "estimate": events.att, "se": events.se,
        "low": events.conf_int_lower, "high": events.conf_int_upper, "p_value": events.p_value,
    })  # fmt: skip
    estimate, error = float(model.overall_att), float(model.overall_se)
    if aggregate == "dynamic":
        shares = (events.event_time >= 0) / (events.event_time >= 0).sum()
        estimate = float(shares @ events.att)
        error = math.sqrt(float(shares @ events.vcov @ shares))
    n_treated, used = int(question.treated.sum()), int((~question.ring).sum())
    withheld = two_way.few_clusters_warning(n_treated, used)
    how = "normal approximation over areas"
    found = parts.by_error(estimate, error, question.level, withheld=withheld, how=how)
    if withheld:
        table[["low", "high", "p_value"]] = math.nan
    begun = question.dates.asi8 >= question.first_treated.asi8[:, None]
    on = question.treated[:, None] & begun & question.known
    own = parts.treated_mean(question)
    share = on.sum(axis=0) / np.maximum(question.known[question.treated].sum(axis=0), 1)
    return RolloutEffect(
        **parts.judged(question, float(question.compared[on].mean()), estimate, found),
        method="difference-in-differences, staggered starts (Callaway and Sant'Anna)",
        error=error,
        comparator=COMPARATORS[comparison][1],
        assumptions=(PARALLEL_LATER, parts.UNTOUCHED),
        paths=parts.paths_frame(question, own, own - share * estimate),
        by_time=table,
        model=model,
    )


def _fitted(question: Question, comparison: str) -> Any:
    try:
        from diff_diff import CallawaySantAnna
    except ImportError as error:
        raise ParameterError(
            "rollout_effect needs the package diff-diff. Install it with "
            "`pip install lsp-analysis[rollout]`."
        ) from error
    kept = question.among(~question.ring)
    first = kept.dates.asi8[0] - 1
    begun = np.where(kept.first_treated.isna(), 0, kept.first_treated.asi8 - first)
    frame = kept.frame().assign(
        unit=np.repeat(np.arange(len(kept.areas)), len(kept.dates)),
        time=np.tile(kept.dates.asi8 - first, len(kept.areas)),
        begun=np.repeat(begun, len(kept.dates)),
    )
    frame = frame.dropna(subset=["value"])
    model = CallawaySantAnna(
        control_group=COMPARATORS[comparison][0], alpha=1 - question.level, cband=False,
        allow_unbalanced_panel=bool(len(frame) < question.outcome.size),
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return model.fit(frame, "value", "unit", "time", "begun")
        except ValueError as error:
            raise PanelError(f"The staggered starts cannot be compared: {error}") from error
