"""What every estimator returns: one effect, how sure we are, and what could be wrong with it."""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.effects.words import EffectWords
from lsp_analysis.showing import Axes, Shown

NOT_RANKED = "It was not ranked among placebo neighbourhoods, so they say nothing of chance."
ROW = ["estimate", "low", "high", "p_value", "relative", "relative_low", "relative_high"]
ROW += ["method", "unit", "level", "observed", "counterfactual", "smallest_effect"]
ROW += ["smallest_relative", "false_alarm_rate", "n_placebos", "n_disjoint", "finest_p", "maryland"]


@dataclass(frozen=True)
class FalseAlarms:
    """How often a method finds an effect on this very panel at dates when there was none.

    Attributes
    ----------
    alarms, trials : int
        Analyses with p at or below ``1 - level``, and all that were made, on areas picked for
        looking as bad as the treated one did, at placebo dates before the programme.
    dates : int
        Placebo dates used. Trials that share a date or an area are not independent.
    """

    alarms: int
    trials: int
    dates: int

    @property
    def rate(self) -> float:
        """Share of the trials that raised a false alarm; missing when there was none to make."""
        return self.alarms / self.trials if self.trials else math.nan

    def sentence(self) -> wording.Sentence:
        """The rate in words, or why there is none."""
        if not self.trials:
            return wording.Sentence(
                "The false positive rate of this method on these data could not be measured: "
                "there are too few periods before the start."
            )
        raised = f"found one {wording.times(self.alarms)} ({self.rate:.0%})"
        return wording.Sentence(
            f"Tried on {wording.counted(self.trials, 'occasion')} before the start when nothing "
            f"had been done ({wording.counted(self.dates, 'earlier date')}, the areas picked again "
            f"for looking as bad), the method {raised if self.alarms else 'never found an effect'}."
        )


@dataclass(frozen=True)
class EffectEstimate(EffectWords, Shown):
    """One effect in the units of `outcome`, with what is needed to judge, report and redraw it.

    Attributes
    ----------
    estimate, low, high : float
        Mean effect per period after the start, and its interval at `level`. For a count with a
        population: events a period in the whole treated neighbourhood. Otherwise: units of the
        outcome.
    relative, relative_low, relative_high : float
        The same as a share of the counterfactual (-0.2 is a fall of 20%); missing where a share
        means nothing.
    p_value : float
        Two-sided; missing where no valid one exists (`warnings` says why).
    counterfactual, observed : float
        Mean per period after the start without the programme (estimated) and as it was.
    smallest_effect : float
        Size of the smallest effect, in the units of `estimate`, that would have been found with 80%
        power; `smallest_relative` is the same as a share of the counterfactual.
    finest_p : float
        Smallest p-value the placebos allow, 1 / (n_placebos + 1); `n_disjoint` of them share no
        area (0 where that was not counted).
    statistic, error : float
        Effect in standard errors, as the placebos' statistics are, and the standard error: of the
        log ratio where `multiplicative`, else in units of the outcome. Missing where a method has
        none.
    maryland : int
        Level on the Maryland scientific methods scale (Sherman and others 1998, chapter 2): 1 no
        comparison group, 2 one not shown to be alike, 3 before and after in comparable areas, 4 the
        same in many areas, other differences controlled for, 5 random allocation.
    label : str
        The outcome in words; `outcome` itself when empty.
    area : str
        What the treated neighbourhood is called, in keys.
    multiplicative : bool
        Whether the effect was estimated as a share (counts), so that sentences give it as one.
    polarity : str
        "low_is_good" or "high_is_good", so that sentences say "for the better"; else empty.
    paths : DataFrame
        Columns period, treated, comparison (the counterfactual), in `path_unit` or units of the
        outcome.
    placebos : DataFrame
        One row per placebo neighbourhood: areas (codes), estimate, statistic, and error where the
        method has one; `estimate` also has without, the effect (a log ratio, or a difference) were
        the placebo left out of its regression.
    caution : str
        What has to stand beside a finding, such as regression to the mean that a method does not
        adjust for; part of `sentence`.
    model : statsmodels results
        The fitted regression that one can open: ``effect.model.summary()``; None where the method
        is no regression.
    """

    outcome: str
    method: str
    estimate: float
    low: float = math.nan
    high: float = math.nan
    p_value: float = math.nan
    relative: float = math.nan
    relative_low: float = math.nan
    relative_high: float = math.nan
    level: float = 0.95
    unit: str = ""
    label: str = ""
    area: str = ""
    multiplicative: bool = False
    polarity: str = ""
    start: pd.Period | None = None
    observed: float = math.nan
    counterfactual: float = math.nan
    comparator: str = "comparison areas"
    inference: str = ""
    maryland: int = 3
    statistic: float = math.nan
    error: float = math.nan
    n_treated: int = 1
    n_placebos: int = 0
    n_disjoint: int = 0
    finest_p: float = math.nan
    smallest_effect: float = math.nan
    smallest_relative: float = math.nan
    false_alarms: FalseAlarms | None = None
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    path_unit: str = ""
    paths: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    placebos: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    caution: str = ""
    model: Any = field(default=None, repr=False, compare=False)

    @property
    def chart_name(self) -> str:
        """The outcome in words."""
        return wording.capital(self.label)

    def summary_frame(self) -> pd.DataFrame:
        """One row, so that ``pd.concat`` of many results is a report table."""
        row = {name: getattr(self, name) for name in ROW}
        return pd.DataFrame(row, index=pd.Index([self.outcome], name="outcome"))

    @cached_property
    def statistics(self) -> np.ndarray:
        """Effects of the treated, then of every placebo, in standard errors; array (1 + B,)."""
        return np.append(self.statistic, self.placebos["statistic"])

    @property
    def false_alarm_rate(self) -> float:
        """The method's false positive rate on these data; missing where it was not measured."""
        return self.false_alarms.rate if self.false_alarms else math.nan

    def cautions(self) -> wording.Sentence:
        """The method's false positive rate here, every warning, and what all this assumes."""
        said = [str(self.false_alarms.sentence())] if self.false_alarms else []
        assumed = "; ".join(text[:1].lower() + text[1:].rstrip(".") for text in self.assumptions)
        rests = [f"All this assumes: {assumed}."] if assumed else []
        return wording.Sentence(" ".join([*said, *self.warnings, *rests]))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the treated path against its counterfactual on `ax`, or on a new figure; return the
        axes.

        Three years or more of months or quarters are also averaged by the year, counted from the
        start.
        """
        kind = str(self.paths["period"].dtype) if "period" in self.paths else ""
        cycle = 12 if kind == "period[M]" else 4 if kind.startswith("period[Q") else 1
        labels = (self.area or "Treated", "What was expected")
        average, unit = cycle if len(self.paths) >= 3 * cycle else 1, self.path_unit or self.unit
        return figures.draw_paths(
            self.paths, start=self.start, unit=unit, labels=labels, average=average, ax=ax
        )

    def plot_placebos(self, ax: Axes | None = None) -> Axes:
        """Draw where the neighbourhood's statistic lies among those of its placebos; where it was
        not ranked the picture says so."""
        label, unit = "Placebo neighbourhoods", "standard errors from what was expected"
        if "statistic" not in self.placebos or self.placebos.empty:
            return figures.draw_nothing(self.placebos, what=label, reason=NOT_RANKED, ax=ax)
        ranked = self.placebos["statistic"]
        return figures.draw_distribution(
            ranked, observed=self.statistic, unit=unit, label=label, ax=ax
        )

    def placebo_sentence(self) -> wording.Sentence:
        """How many placebos differed as much, and the smallest p-value they allow."""
        if not self.n_placebos or wording.is_missing(self.p_value):
            return wording.Sentence(NOT_RANKED)
        as_far = round(self.p_value * (self.n_placebos + 1)) - 1
        if not math.isnan(self.statistic) and "statistic" in self.placebos:
            far = abs(self.statistic) * (1 - 1e-12)
            as_far = int((self.placebos["statistic"].abs() >= far).sum())
        apart = f" ({wording.number(self.n_disjoint)} of which share no area)"
        apart = apart if 0 < self.n_disjoint < self.n_placebos else ""
        return wording.Sentence(
            f"Of {wording.number(self.n_placebos)} placebo neighbourhoods{apart}, "
            f"{wording.number(as_far) if as_far else 'none'} differed as much from what was "
            f"expected of them, so {wording.p_value(self.p_value)}. The smallest p-value they "
            f"allow is {wording.number(self.finest_p)}."
        )


@dataclass(frozen=True)
class CheckResult(Shown):
    """One thing that could fool us: whether it was looked for, and what was found.

    Attributes
    ----------
    status : str
        "passed", "failed" or "too little to tell".
    table : DataFrame
        The numbers behind the verdict.
    picture : str
        Name of the ``figures.draw_*`` function; empty when there is nothing to draw.
    drawn : DataFrame, optional
        What it draws, if not `table`.
    """

    name: str
    status: str
    finding: str
    table: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False, compare=False)
    picture: str = ""
    picture_options: dict = field(default_factory=dict, repr=False, compare=False)
    drawn: pd.DataFrame | None = field(default=None, repr=False, compare=False)

    @property
    def chart_name(self) -> str:
        """The indicator and the check."""
        return f"{self._about}: {self.name.lower()}" if self._about else self.name

    def summary_frame(self) -> pd.DataFrame:
        """One row: the check, its status and what was found."""
        row = {"status": self.status, "finding": self.finding}
        return pd.DataFrame(row, index=pd.Index([self.name], name="check"))

    def sentence(self) -> wording.Sentence:
        """The check, its status and its finding in one line."""
        return wording.Sentence(f"{self.name}: {self.status}. {self.finding}")

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw what was found; where there is nothing to draw the picture says why."""
        frame = self.table if self.drawn is None else self.drawn
        if not self.picture or frame.empty:
            return figures.draw_nothing(frame, what=self.name, reason=self.finding, ax=ax)
        return getattr(figures, self.picture)(frame, ax=ax, **self.picture_options)
