"""From registered outcomes to an answer: intention to treat first, everything else after it."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.experiments.analysis import attrition as missing
from lsp_analysis.experiments.analysis.comparison import Contrast, contrast
from lsp_analysis.experiments.analysis.models import fit_models
from lsp_analysis.experiments.analysis.side_results import (
    complier_effects,
    holm,
    secondary_effects,
    subgroups,
)
from lsp_analysis.experiments.analysis.trial import Trial, open_trial
from lsp_analysis.experiments.protocol.design import Design, Outcome
from lsp_analysis.showing import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RANDOMISED = 5  # Maryland level of random allocation
ASSUMPTIONS = (
    "Units stayed in the arms they were drawn into, and outcomes were measured alike in all arms.",
    "What is done in one unit does not change outcomes in another.",
    "For the interval: the programme changes every unit's outcome by the same amount.",
)
FINDINGS = {
    "benefit": "works",
    "harm": "harms",
    "no benefit": "no benefit worth having",
    "unclear": "cannot be told yet",
}


@dataclass(frozen=True)
class TrialResult(Shown):
    """The answer of one round.

    Attributes
    ----------
    effects : tuple of EffectEstimate
        The primary outcome by intention to treat, one per arm that was tried.
    contrasts : tuple of Contrast
        The randomisation tests behind them.
    models : DataFrame
        The same comparison by the models the design names.
    bounds : DataFrame
        The estimate under the worst and best that missing outcomes could have been.
    secondary, subgroups, compliers : DataFrame
        Secondary outcomes (p-values adjusted after Holm), subgroups declared in the design, effect
        on those who got the programme.
    missing : DataFrame
        Units and people without an outcome, by arm.
    """

    trial: Trial = field(repr=False)
    effects: tuple[EffectEstimate, ...]
    contrasts: tuple[Contrast, ...] = field(repr=False)
    models: pd.DataFrame = field(repr=False)
    bounds: pd.DataFrame = field(repr=False)
    secondary: pd.DataFrame = field(repr=False)
    subgroups: pd.DataFrame = field(repr=False)
    compliers: pd.DataFrame = field(repr=False)
    missing: pd.DataFrame = field(repr=False)

    @property
    def design(self) -> Design:
        """The registered design."""
        return self.trial.design

    @property
    def findings(self) -> dict[str, str]:
        """By arm: "benefit", "harm", "no benefit" or "unclear"; see `classify`.

        An arm that crossed a bound at a look was decided then, and stays so.
        """
        outcome, worth = self.design.outcome, self.design.decision.worth_having
        found = {
            arm.name: classify(effect.low, effect.high, outcome, worth)
            for arm, effect in zip(self.design.active, self.effects, strict=True)
        }
        return found | self.trial.crossed

    def summary_frame(self) -> pd.DataFrame:
        """One row per arm: the primary outcome by intention to treat, and what it means."""
        frame = pd.concat([effect.summary_frame() for effect in self.effects])
        labels = [arm.label for arm in self.design.active]
        frame.insert(0, "arm", labels)
        frame.insert(5, "p_adjusted", holm(frame["p_value"].reset_index(drop=True)).to_numpy())
        return frame.assign(finding=[FINDINGS[kind] for kind in self.findings.values()])

    def sentence(self) -> wording.Sentence:
        """One line per arm, then who is missing and what departed from the protocol."""
        worth = self.design.decision.worth_having or None
        said = [effect.sentence(worth_having=worth) for effect in self.effects]
        said = [f"{text[:1].upper()}{text[1:]}" for text in said]
        return wording.Sentence(" ".join([*said, *self.cautions()]))

    def cautions(self) -> list[str]:
        """What every reader must be told beside the numbers."""
        said = []
        lost, gone = (int(self.missing[c].sum()) for c in ("units_without", "rows_without"))
        if lost or gone:
            said.append(
                f"{wording.capital(wording.counted(lost, self.design.unit))} and "
                f"{wording.counted(gone, 'row')} of outcomes are missing: see the bounds."
            )
        for arm, way in self.trial.crossed.items():
            label = next(one.label for one in self.design.active if one.name == arm)
            said.append(f"{label} crossed its bound at a look: {way}.")
        for noun, frame in (
            ("amendment", self.trial.amendments),
            ("deviation", self.trial.deviations),
        ):
            if len(frame):
                said.append(f"{wording.capital(wording.counted(len(frame), noun))} on record.")
        return said

    def forest_frame(self) -> pd.DataFrame:
        """Every estimate of the primary outcome, for one picture: label, estimate, low, high."""
        parts = []
        for arm, one in zip(self.design.active, self.contrasts, strict=True):
            test = one.test
            own = [(f"{arm.label}: registered analysis", test.estimate, test.low, test.high)]
            own += [
                (f"{arm.label}: {row.model}", row.estimate, row.low, row.high)
                for row in self.models[self.models["arm"] == arm.name].itertuples()
            ]
            parts.append(pd.DataFrame(own, columns=["label", "estimate", "low", "high"]))
        return pd.concat(parts, ignore_index=True)

    def plot(self, ax: Axes | None = None) -> Axes:
        """A forest of the arms: intention to treat on the primary outcome."""
        frame = pd.DataFrame(
            {
                "label": [arm.label for arm in self.design.active],
                **{n: [getattr(e, n) for e in self.effects] for n in ("estimate", "low", "high")},
            }
        )
        return figures.draw_forest(
            frame,
            unit=self.design.outcome.unit,
            worth_having=self.design.decision.worth_having or None,
            level=self.effects[0].level,
            ax=ax,
        )


def analyse(
    folder: str | Path, outcomes: str | Path, *, now: dt.datetime | None = None
) -> TrialResult:
    """Open the outcomes, which goes on record, and analyse them as registered.

    Parameters
    ----------
    folder : folder of the experiment; its allocation must be on record.
    outcomes : CSV of outcomes; see `trial.open_trial`.
    now : datetime, optional
        Time of the entry in the register; the clock's by default.

    Raises
    ------
    DesignError
        Nothing is drawn, anything on record was altered, or the outcomes do not fit the design.
    """
    return analyse_trial(open_trial(folder, outcomes, now=now))


def analyse_trial(trial: Trial) -> TrialResult:
    """The registered analysis of a trial: a function of its rows and nothing else.

    P-values over several arms are adjusted after Holm in `TrialResult.summary_frame`.
    """
    design = trial.design
    arms = range(1, len(design.arms))
    primary = design.outcome
    level = final_level(design)
    contrasts = tuple(contrast(trial, primary, arm, level=level) for arm in arms)
    return TrialResult(
        trial,
        tuple(as_effect(trial, one) for one in contrasts),
        contrasts,
        _per_arm(design, [fit_models(trial, primary, arm) for arm in arms]),
        _per_arm(design, [missing.bounds(trial, primary, arm, level=level) for arm in arms]),
        secondary_effects(trial),
        subgroups(trial, contrasts),
        complier_effects(trial, contrasts),
        missing.missing_table(trial),
    )


def as_effect(trial: Trial, one: Contrast) -> EffectEstimate:
    """A contrast in the form that all reports of effects share."""
    design, test = trial.design, one.test
    arm = design.active[one.arm - 1]
    expected = one.observed - test.estimate
    share = 1 / expected if expected > 0 else math.nan
    return EffectEstimate(
        outcome=one.outcome.name,
        method=f"intention to treat, {design.randomisation.method} randomisation",
        estimate=test.estimate,
        low=test.low,
        high=test.high,
        p_value=test.p_value,
        relative=test.estimate * share,
        relative_low=test.low * share,
        relative_high=test.high * share,
        level=test.level,
        unit=one.outcome.unit,
        label=f"with {wording.inside(arm.label)}, {one.outcome.label}",
        observed=one.observed,
        counterfactual=expected,
        comparator=f"the arm with {wording.inside(design.control.label)}",
        inference=f"randomisation over {test.inference}",
        maryland=RANDOMISED,
        n_treated=int(np.unique(one.cells.loc[one.cells["treated"], "unit"]).size),
        n_placebos=test.n_allocations - 1,
        finest_p=1 / test.n_allocations,
        smallest_effect=one.smallest_effect,
        smallest_relative=one.smallest_effect * share,
        assumptions=ASSUMPTIONS,
        warnings=one.warnings,
    )


def classify(low: float, high: float, outcome: Outcome, worth_having: float) -> str:
    """What an interval says of an arm, in the direction that is good for people.

    "benefit" and "harm": zero lies outside the interval. "no benefit": every benefit worth having
    lies outside, whether or not zero does. "unclear": anything else.
    """
    if outcome.polarity == "low_is_good":
        low, high = -high, -low
    if high < 0:
        return "harm"
    if high < worth_having:
        return "no benefit"
    return "benefit" if low > 0 else "unclear"


def final_level(design: Design) -> float:
    """Coverage of the final interval: wider where looks have spent some of the false alarms."""
    looks = design.looks
    level = design.analysis.level
    if looks.boundary == "none":
        return level
    from lsp_analysis.experiments.analysis.boundaries import group_sequential_bounds

    times = looks.fractions or len(looks.dates)
    found = group_sequential_bounds(times, looks.boundary, alpha=1 - level)
    return float(1 - found.summary_frame()["p_bound"].iloc[-1])


def _per_arm(design: Design, frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Tables of several arms as one, with the arm's name first."""
    parts = []
    for arm, frame in zip(design.active, frames, strict=True):
        own = frame.copy()
        own.insert(0, "arm", arm.name)
        parts.append(own)
    return pd.concat(parts, ignore_index=True)
