"""From outcomes to findings: intention to treat first, adjusted as registered, then the rest."""

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.experiments.analysis import side_results
from lsp_analysis.experiments.analysis.boundaries import adjusted_p, levels_of_tests
from lsp_analysis.experiments.analysis.comparison import Contrast, contrast
from lsp_analysis.experiments.analysis.side_results import fit_models
from lsp_analysis.experiments.analysis.trial import Trial
from lsp_analysis.experiments.power.past import Clustering, icc_within
from lsp_analysis.experiments.protocol.design import Comparison, Design, Outcome
from lsp_analysis.showing import Axes, Shown, with_note

ASSUMPTIONS = (
    "Units stayed in the arms they were drawn into, and outcomes were measured alike in all arms.",
    "What is done in one unit does not change outcomes in another.",
    "The p-value is exact if the programme changes no outcome at all; where the effect varies and "
    "only its mean is zero, it holds approximately, from about eight units an arm on.",
    "The interval assumes the same effect in every unit.",
)
SIZES = ["estimate", "low", "high"]
FINDINGS = {
    "benefit": "works",
    "harm": "harms",
    "no benefit": "no benefit worth having",
    "unclear": "cannot tell",
}


@dataclass(frozen=True)
class Finding(Shown):
    """The primary outcome of one comparison, and what it means.

    Attributes
    ----------
    kind : str
        "benefit", "harm", "no benefit" (every benefit worth having is ruled out) or "unclear".
    estimate, low, high : float
        Effect and its interval in units of the outcome, at coverage `level`: that of the step at
        which its p-value is tested, so that it excludes zero just where `p_adjusted` is small.
    p_value, p_adjusted : float
        By randomisation; adjusted for comparisons, outcomes and looks as registered.
    observed, expected : float
        Mean outcome with the programme, and what it would have been without.
    reason : str
        Why the kind is not what the p-value alone would say; empty otherwise.
    """

    comparison: Comparison
    outcome: Outcome
    kind: str
    estimate: float
    low: float
    high: float
    level: float
    p_value: float
    p_adjusted: float
    observed: float
    reason: str = ""

    @property
    def expected(self) -> float:
        """Mean outcome had the programme not been there."""
        return self.observed - self.estimate

    def summary_frame(self) -> pd.DataFrame:
        """One row."""
        names = [*SIZES, "level", "p_value", "p_adjusted", "observed"]
        row = {"arm": self.comparison.label} | {n: getattr(self, n) for n in names}
        row |= {"expected": self.expected, "finding": FINDINGS[self.kind]}
        return pd.DataFrame([row], index=pd.Index([self.outcome.name], name="outcome"))

    def sentence(self) -> wording.Sentence:
        """What was found, by how much and how surely: the line on the page and in the command."""
        unit = self.outcome.unit
        within = wording.interval(self.low, self.high, unit, self.level, of_change=True)
        adjusted = "" if self.p_adjusted == self.p_value else " adjusted"
        told = (
            f"{self.comparison.label}, against {wording.inside(self.comparison.versus)}: "
            f"{FINDINGS[self.kind]}. {wording.capital(self.outcome.label)} was "
            f"{wording.quantity(self.observed, unit)} where "
            f"{wording.quantity(self.expected, unit)} is expected without it, a difference of "
            f"{wording.difference(self.estimate, unit)} ({within};{adjusted} "
            f"{wording.p_value(self.p_adjusted)})."
        )
        return wording.Sentence(f"{told} {self.reason}".strip())


@dataclass(frozen=True)
class TrialResult(Shown):
    """The answer of one round.

    Attributes
    ----------
    effects : tuple of Finding
        The primary outcome by intention to treat, one per comparison.
    contrasts : tuple of Contrast
        The randomisation tests behind them.
    models : DataFrame
        The same comparisons by the models the design names.
    bounds : DataFrame
        The estimate under assumptions about missing outcomes.
    secondary, subgroups, compliers, interaction : DataFrame
        Secondary outcomes with adjusted p-values, subgroups declared in the design, effect on those
        who got the programme, interaction of two factors.
    missing : DataFrame
        Units and people without an outcome, by arm.
    clustering : Clustering or None
        Intracluster correlation of the primary outcome, where people of units are counted.
    """

    trial: Trial = field(repr=False)
    effects: tuple[Finding, ...]
    contrasts: tuple[Contrast, ...] = field(repr=False)
    models: pd.DataFrame = field(repr=False)
    bounds: pd.DataFrame = field(repr=False)
    secondary: pd.DataFrame = field(repr=False)
    subgroups: pd.DataFrame = field(repr=False)
    compliers: pd.DataFrame = field(repr=False)
    interaction: pd.DataFrame = field(repr=False)
    missing: pd.DataFrame = field(repr=False)
    clustering: Clustering | None = field(default=None, repr=False)

    @property
    def design(self) -> Design:
        """The registered design."""
        return self.trial.design

    @property
    def chart_name(self) -> str:
        """The outcome, which its charts are of."""
        return wording.capital(self.design.outcome.label)

    @property
    def findings(self) -> dict[str, str]:
        """Kind of each finding, by comparison."""
        return {one.comparison.name: one.kind for one in self.effects}

    @property
    def labels(self) -> dict[str, str]:
        """Name of each comparison for readers."""
        return {one.comparison.name: one.comparison.label for one in self.effects}

    def summary_frame(self) -> pd.DataFrame:
        """One row per comparison: the primary outcome by intention to treat, and what it means."""
        return pd.concat([one.summary_frame() for one in self.effects])

    def sentence(self) -> wording.Sentence:
        """What is missing from what was registered, then the findings, then the cautions."""
        said = [*self.absences(), *(one.sentence() for one in self.effects), *self.cautions()]
        return wording.Sentence(" ".join(map(str, said)))

    def levels(self) -> str:
        """Coverage of the intervals of the primary outcome: "95%", or "97.5% and 95%"."""
        return wording.and_list(dict.fromkeys(f"{100 * one.level:.3g}%" for one in self.effects))

    def absences(self) -> list[str]:
        """What was registered and could not be analysed: it is said before anything else."""
        said = []
        for frame, column, noun in (
            (self.models, "model", "Model"),
            (self.secondary, "label", "Secondary outcome"),
            (self.subgroups, "category", "Subgroup"),
        ):
            for name, note in frame.loc[frame["note"] != "", [column, "note"]].to_numpy():
                why = f"has no estimate ({note.rstrip('.')})"
                said.append(f"{noun} {name} was registered and {why}.")
        return list(dict.fromkeys(said))

    def cautions(self) -> list[str]:
        """What every reader must be told beside the numbers."""
        trial = self.trial
        said = list(dict.fromkeys(w for one in self.contrasts for w in one.warnings))
        lost, gone = self.missing[["units_without", "rows_without"]].sum().tolist()
        if lost or gone:
            counts = [f"the outcomes of {wording.counted(lost, self.design.unit)}"] if lost else []
            counts += [f"{wording.counted(gone, 'row')} of outcomes"] if gone > lost else []
            verb = "is" if gone == 1 and not lost else "are"
            said.append(
                f"{wording.capital(wording.and_list(counts))} {verb} missing: see the bounds. "
                f"{side_results.MONOTONICITY}"
            )
        for noun, frame in (("amendment", trial.amendments), ("deviation", trial.deviations)):
            if len(frame):
                said.append(f"{wording.capital(wording.counted(len(frame), noun))} on record.")
        if trial.n_analyses > 1:
            said.append(
                f"The outcomes were analysed {wording.times(trial.n_analyses)}, with different "
                "files: every analysis is on record."
            )
        return said

    def suggestions(self) -> pd.DataFrame:
        """The decision that the registered rule points to, by comparison; people decide.

        Harm, or no benefit worth having: stop. A benefit that is worth having even at the near end
        of its interval: scale. Any other benefit: continue. Unclear: adapt.
        """
        worth, rows = self.design.decision.worth_having, []
        for one in self.effects:
            sure = "scale" if min(abs(one.low), abs(one.high)) >= worth else "continue"
            rule = {"benefit": sure, "harm": "stop", "no benefit": "stop", "unclear": "adapt"}
            rows.append((one.comparison.name, FINDINGS[one.kind], rule[one.kind]))
        return pd.DataFrame(rows, columns=["arm", "finding", "the rule points to"])

    def power_lines(self) -> list[str]:
        """The smallest effect that the registered test finds four times in five, by comparison."""
        unit, said = self.design.outcome.unit, []
        for one in self.contrasts:
            size = one.smallest_effect
            finds = f"finds an effect of {wording.quantity(size, unit)}"
            if math.isinf(size):
                finds = "can find no effect of any size"
            what = f"{one.comparison.label}: the registered test, at {1 - one.test.level:.1%}, "
            said += [] if math.isnan(size) else [f"{what}{finds} four times in five."]
        return said

    def forest_frame(self) -> pd.DataFrame:
        """Every estimate of the primary outcome, for one picture: label, estimate, low, high."""
        frames = []
        for one in self.effects:
            models = self.models[self.models["arm"] == one.comparison.name]
            own = one.summary_frame().assign(model="registered")[["model", *SIZES]]
            own = pd.concat([own, models[["model", "estimate"]]])
            frames.append(own.assign(label=one.comparison.label + ": " + own["model"]))
        found = pd.concat(frames)[["label", *SIZES]]
        return found.dropna(subset=["estimate"], ignore_index=True)

    def plot(self, ax: Axes | None = None) -> Axes:
        """A forest of the comparisons: intention to treat on the primary outcome."""
        frame = self.summary_frame().rename(columns={"arm": "label"}).reset_index(drop=True)
        return figures.draw_forest(
            frame[["label", *SIZES]].replace([np.inf, -np.inf], np.nan),
            unit=self.design.outcome.unit,
            worth_having=self.design.decision.worth_having or None,
            whiskers=f"intervals at {self.levels()}",
            ax=ax,
        )


def analyse_trial(trial: Trial) -> TrialResult:
    """The registered analysis of a trial: a function of its rows and nothing else."""
    design = trial.design
    primary = design.outcome
    first = [contrast(trial, primary, n) for n in range(1, len(design.comparisons()) + 1)]
    side = side_results.secondary_effects(trial, design.analysis.level)
    p_values = pd.Series([one.test.p_value for one in first])
    alphas = levels_of_tests(design, p_values, side["p_value"], trial.looks)
    adjusted, side["p_adjusted"] = adjusted_p(design, p_values, side, trial.looks)
    contrasts = tuple(one.at(1 - alpha) for one, alpha in zip(first, alphas, strict=True))
    with_note([one.test for one in contrasts], "", about=wording.capital(primary.label))
    shown, fitted, effects = [], [], []
    for number, (one, p) in enumerate(zip(contrasts, adjusted, strict=True), start=1):
        cases = side_results.bounds(trial, primary, number, level=one.test.level)
        effects.append(finding_of(trial, one, float(p), cases))
        shown.append(cases.assign(arm=one.comparison.name))
        fitted.append(fit_models(trial, primary, number).assign(arm=one.comparison.name))
    return TrialResult(
        trial,
        tuple(effects),
        contrasts,
        models=_stacked(fitted),
        bounds=_stacked(shown),
        secondary=side,
        subgroups=side_results.subgroups(trial, contrasts),
        compliers=side_results.complier_effects(trial, contrasts),
        interaction=side_results.factor_interaction(trial, contrasts, design.analysis.level),
        missing=side_results.missing_table(trial),
        clustering=None if design.is_wedge else icc_within(trial.rows, primary, trial.arm_of_unit),
    )


def finding_of(trial: Trial, one: Contrast, p_adjusted: float, bounds: pd.DataFrame) -> Finding:
    """A contrast with what it means; an arm that crossed a bound at a look stays decided."""
    design, test = trial.design, one.test
    alpha, worth = 1 - design.analysis.level, design.decision.worth_having
    kind = classify(test.estimate, (test.low, test.high), p_adjusted <= alpha, one.outcome, worth)
    if reason := _doubt(bounds, kind, design, one.outcome):
        kind = "unclear"
    if one.comparison.name in trial.crossed:
        kind = trial.crossed[one.comparison.name]
        reason = "It crossed its bound at a look before the end, and was decided then."
    found = *test.sizes[:3], test.level, test.p_value, p_adjusted, one.observed
    return Finding(one.comparison, one.outcome, kind, *found, reason)


def classify(
    estimate: float,
    ends: tuple[float, float],
    significant: bool,
    outcome: Outcome,
    worth_having: float,
) -> str:
    """What a test says, in the direction that is good for people.

    "benefit" and "harm": the adjusted p-value is small. "no benefit": it is not, and every benefit
    worth having lies outside the interval. "unclear": anything else.
    """
    sign = -1 if outcome.polarity == "low_is_good" else 1
    if significant and sign * estimate < 0:
        return "harm"
    if max(sign * ends[0], sign * ends[1]) < worth_having:
        return "no benefit"
    return "benefit" if significant else "unclear"


def _doubt(bounds: pd.DataFrame, kind: str, design: Design, outcome: Outcome) -> str:
    """Why missing outcomes leave a finding open; empty if they do not."""
    if len(bounds) < 2 or kind == "unclear":
        return ""
    lee = design.analysis.attrition == "lee"
    name = "Lee's bounds" if lee else "The worst-case bounds"
    cases = bounds[bounds["case"].str.startswith("Lee" if lee else "most")]["estimate"]
    if cases.isna().any():
        return f"Too many outcomes are missing: {name.lower()} cannot be worked out."
    sign = -1 if outcome.polarity == "low_is_good" else 1
    low, high = sorted(sign * cases)
    beyond, what = low <= 0 <= high, "zero"
    if kind == "no benefit":
        beyond, what = high >= design.decision.worth_having, "a benefit worth having"
    return f"{name} for missing outcomes include {what}." if beyond else ""


def _stacked(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Tables of several comparisons as one, with the comparison's name first."""
    table = pd.concat(frames, ignore_index=True)
    return table[["arm", *table.columns.drop("arm")]]
