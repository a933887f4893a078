"""What a study's own programme did, outcome by outcome: when it began, and one estimate each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.effects.estimate import estimate
from lsp_analysis.effects.placebo_did import placebo_difference_in_differences
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.errors import LspError, PanelError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lsp_analysis.figures.tables import Table
    from lsp_analysis.study.areas import Area
    from lsp_analysis.study.panel import Indicator
    from lsp_analysis.study.store import Study

LEAST_COVERED = 0.25  # share of an area that a programme must have worked in to be judged by it
NO_CLUSTERED = (
    "No cluster-robust p-value is given: with so few treated neighbourhoods it is far too small."
)
ADDITIVE = ("mean", "score", "dsr", "count")


@dataclass(frozen=True)
class Programme:
    """A programme in an area: when it began, and how that is known.

    Attributes
    ----------
    start : Period (month), or None when there was no programme
    known : str
        "recorded" (in the study's table of interventions), "assumed" (the area is marked as a pilot, its start is
        a parameter) or "none".
    covered : int
        How many of the area's small areas the programme worked in.
    primary_outcome : str
        Indicator named beforehand as the one to judge the programme by; empty when none was.
    """

    area: Area
    name: str
    start: pd.Period | None
    known: str
    covered: int
    primary_outcome: str = ""

    def sentence(self) -> wording.Sentence:
        """What began where and when, and how sure that is."""
        place, total = self.area.name, len(self.area.members)
        if self.covered == 0:
            return wording.Sentence(
                f"No programme is on record in {place}, so there is no effect to estimate here."
            )
        within = wording.of_total(self.covered, total)
        if self.start is None:
            return wording.Sentence(
                f"{self.name[:1].upper()}{self.name[1:]} worked in {within} small areas of {place}, "
                "too few to judge it by the whole: see the page of the area it worked in."
            )
        if self.known == "recorded":
            text = f"{self.name} began in {place} in {wording.period(self.start)}."
        else:
            where = "is marked as a pilot area" if self.area.is_pilot else "holds a pilot area"
            text = (
                f"{place} {where}, but the study does not record when the pilot began: "
                f"{wording.period(self.start)} is assumed."
            )
        if self.covered < total:
            text += f" It worked in {within} of the small areas here."
        return wording.Sentence(text)


def programme_in(study: Study, area: Area, *, start: str = "2008-04") -> Programme:
    """The programme in an area: as recorded, or assumed from `start` where a pilot is marked.

    Parameters
    ----------
    start : str
        Month assumed for a pilot whose start the study does not record.

    Returns
    -------
    Programme
        Without a start where none worked, or in less than a quarter of the area's small areas.
    """
    own = set(area.members)
    if study.has("interventions"):
        for row in study.read("interventions").sort_values("start").itertuples():
            covered = len(own & set(study.area(row.area_code).members))
            if covered:
                primary = getattr(row, "primary_outcome", "")
                primary = "" if wording.is_missing(primary) else str(primary)
                began = pd.Period(row.start, freq="M")
                return _enough(Programme(area, str(row.name), began, "recorded", covered, primary))
    areas = study.areas()
    pilots = areas.loc[areas["is_pilot"].fillna(False).astype(bool), "area_code"]
    covered = len(_covered(study, own, pilots))
    if covered:
        assumed = pd.Period(start, freq="M")
        return _enough(Programme(area, "the pilot", assumed, "assumed", covered))
    return Programme(area, "", None, "none", 0)


def _enough(programme: Programme) -> Programme:
    """The programme without a start where it worked in too little of the area."""
    share = programme.covered / len(programme.area.members)
    return programme if share >= LEAST_COVERED else replace(programme, start=None)


def _covered(study: Study, own: set[str], codes: Iterable[str]) -> set[str]:
    members = (study.area(code).members for code in codes)
    return own & {member for group in members for member in group}


@dataclass(frozen=True)
class IndicatorEffect:
    """The effect on one indicator, or why there is none to give.

    Attributes
    ----------
    effect, did : EffectEstimate or None
        Adjusted for the past (`estimate`), and as plain difference-in-differences.
    placebo_date : bool
        Whether the start is a date at which nothing began, because the data do not reach back to the programme's.
    reason : str
        Why there is no estimate.
    """

    indicator: Indicator
    programme: Programme
    effect: EffectEstimate | None = None
    did: EffectEstimate | None = None
    placebo_date: bool = False
    dropped: str = ""
    reason: str = ""

    def summary_frame(self) -> pd.DataFrame:
        """The estimate's row; no row when there is none."""
        return self.effect.summary_frame() if self.effect else pd.DataFrame()

    def sentence(self, worth_having: float | None = None) -> wording.Sentence:
        """The effect in one line, or the reason why there is none."""
        if self.effect is None:
            return wording.Sentence(self.reason)
        said = self.effect.sentence(worth_having=worth_having)
        return wording.Sentence(
            " ".join(filter(None, [self._placebo_caution(), said, self.dropped]))
        )

    def _placebo_caution(self) -> str:
        if not self.placebo_date:
            return ""
        first = wording.period(self.effect.paths["period"].iloc[0])
        date = wording.period(self.effect.start)
        return (
            f"{date} is a placebo date: these data begin in {first}, so they say nothing of the programme "
            f"({wording.period(self.programme.start)}); as a trial of the method they are analysed as if something had begun then."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """The neighbourhood against its counterfactual."""
        return self.effect.plot(ax=ax)

    def draw_placebos(self, ax: Axes | None = None) -> Axes:
        """The neighbourhood's statistic among those of the placebo neighbourhoods."""
        return figures.draw_distribution(
            self.effect.placebos["statistic"],
            observed=self.effect.statistic,
            unit="Standard errors from what was expected",
            label="Placebo neighbourhoods",
            ax=ax,
        )

    def doubts(self) -> wording.Sentence:
        """How often the method cries wolf here, and every caution on this estimate."""
        if self.effect is None:
            return wording.Sentence("")
        alarms = self.effect.false_alarms
        said = [str(alarms.sentence())] if alarms else []
        assumed = "; ".join(
            text[:1].lower() + text[1:].rstrip(".") for text in self.effect.assumptions
        )
        return wording.Sentence(
            " ".join([*said, *self.effect.warnings, f"All this assumes: {assumed}."])
        )

    def table(self) -> Table:
        """The estimate adjusted for the past beside plain difference-in-differences."""
        rows = [_method_row("Adjusted for how bad it looked before", self.effect)]
        if self.did is not None:
            rows.append(_method_row("Plain difference-in-differences", self.did))
        return figures.table(
            pd.DataFrame(rows),
            caption=f"{self.indicator.name}: effect by two methods, both with placebo inference",
            note=" ".join([*(self.did.warnings[:1] if self.did else ()), NO_CLUSTERED]),
        )


def indicator_effect(
    study: Study,
    indicator_id: str,
    *,
    programme: Programme,
    panel: pd.DataFrame | None = None,
    neighbours: pd.DataFrame | None = None,
    level: float = 0.95,
    checks: bool = True,
    seed: int = 0,
) -> IndicatorEffect:
    """Estimate what a programme did to one indicator of a study.

    Parameters
    ----------
    panel, neighbours : DataFrame, optional
        `study.panel(indicator_id)` and `study.neighbours()`, if they are at hand.
    checks : bool
        Whether to measure the false-alarm rate and to add difference-in-differences.
    """
    indicator = study.indicator(indicator_id)
    if programme.start is None:
        return IndicatorEffect(indicator, programme)
    if neighbours is None and study.has("geometry"):
        neighbours = study.neighbours()
    try:
        panel = study.panel(indicator_id) if panel is None else panel
        rows, first, placebo_date, dropped = _dated(panel, programme.start)
        options = {
            "treated": list(programme.area.members),
            "start": first,
            "neighbours": neighbours,
            "level": level,
            "seed": seed,
            "label": _inside_sentence(indicator.name),
            "area": programme.area.name,
        }
        effect = _estimate(rows, indicator, checks=checks, **options)
        did = None
        if checks:
            did = placebo_difference_in_differences(
                rows, outcome="value", unit=indicator.unit, **options
            )
    except LspError as error:
        return IndicatorEffect(indicator, programme, reason=f"{indicator.name}: {error}")
    return IndicatorEffect(indicator, programme, effect, did, placebo_date, dropped)


def _estimate(
    rows: pd.DataFrame, indicator: Indicator, *, checks: bool, **options
) -> EffectEstimate:
    counted = indicator.value_type not in ADDITIVE and rows["numerator"].notna().any()
    if not counted:
        return estimate(rows, outcome="value", unit=indicator.unit, checks=checks, **options)
    rows = rows.dropna(subset=["numerator", "denominator"])
    rows = rows[rows["denominator"] > 0]
    found = estimate(
        rows, outcome="numerator", population="denominator", checks=checks,
        per=indicator.multiplier, **options,
    )  # fmt: skip
    return replace(found, outcome=indicator.indicator_id)


def _dated(panel: pd.DataFrame, start: pd.Period) -> tuple[pd.DataFrame, pd.Period, bool, str]:
    """Rows to use, the first period after the start, whether that is a placebo date, and what was left out.

    A period that began before the programme and ended after its start belongs to neither side and is left out.
    """
    periods = pd.PeriodIndex(sorted(panel["period"].unique()))
    begun = start.start_time
    before = periods[periods.end_time < begun]
    after = periods[periods.start_time >= begun]
    if not len(after):
        raise PanelError(
            f"the data end in {wording.period(periods[-1])}, before the programme began."
        )
    if len(before) < 2:
        middle = periods[max(2, round(0.6 * len(periods)))] if len(periods) > 2 else None
        if middle is None:
            raise PanelError("there are too few periods to try the method on a placebo date.")
        return panel, middle, True, ""
    mixed = periods.difference(before.union(after))
    dropped = ""
    if len(mixed):
        dropped = f"{wording.period(mixed[0])}, in which the programme began, is left out."
    return panel[~panel["period"].isin(mixed)], after[0], False, dropped


def _inside_sentence(name: str) -> str:
    """A name as it stands inside a sentence: no capital, unless it is an abbreviation or a name."""
    second = name[1:2]
    return name if second.isupper() else name[:1].lower() + name[1:]


def _method_row(name: str, effect: EffectEstimate) -> dict[str, object]:
    percent = [100 * x for x in (effect.relative, effect.relative_low, effect.relative_high)]
    return {
        "Method": name,
        "Effect (%)": percent[0],
        "Low (%)": percent[1],
        "High (%)": percent[2],
        "p": effect.p_value,
        "Placebos": effect.n_placebos,
        "Smallest effect found 4 times in 5 (%)": 100 * effect.smallest_relative,
        "Maryland level": effect.maryland,
    }


@dataclass(frozen=True)
class ProgrammeEffects:
    """A programme's effect on every outcome of a study, one of them named as primary."""

    programme: Programme
    primary: IndicatorEffect
    others: tuple[IndicatorEffect, ...] = field(repr=False)

    def headline(self, standing: str = "") -> wording.Sentence:
        """`standing`, and after it what may be said of the primary outcome, in a line."""
        found = self.primary
        if found.effect is None or found.placebo_date:
            said = (
                ""
                if self.programme.start is None
                else "What the programme did cannot be told from these data."
            )
        else:
            said = str(found.effect.short_sentence())
        return wording.Sentence(" ".join(filter(None, [str(standing), said])))

    def next_step(self, worth_having: float = 0.1) -> wording.Sentence:
        """How many neighbourhoods would have to be treated alike to see an effect worth having."""
        effect = self.primary.effect
        if effect is None or wording.is_missing(effect.smallest_relative):
            return wording.Sentence(
                "Before the next phase, decide which outcome counts, and record it before and after in every small area."
            )
        smallest = effect.smallest_relative
        name = _inside_sentence(self.primary.indicator.name)
        if smallest <= worth_having:
            return wording.Sentence(
                f"On {name} one neighbourhood is enough: a fall of {100 * worth_having:.0f}% would have been seen."
            )
        needed = int(np.ceil((np.log1p(-min(smallest, 0.99)) / np.log1p(-worth_having)) ** 2))
        return wording.Sentence(
            f"One neighbourhood shows a fall in {name} of {100 * smallest:.0f}% or more four times in five. To see one of "
            f"{100 * worth_having:.0f}%, about {wording.number(needed)} neighbourhoods like it would have to be treated alike, as a "
            "design experiment that draws them by lot could do: error shrinks with the square root of their number."
        )

    def estimates(self) -> list[IndicatorEffect]:
        """Outcomes with an estimate of the programme itself, the primary first; placebo dates are not."""
        every = [self.primary, *self.others]
        return [found for found in every if found.effect is not None and not found.placebo_date]

    def summary_frame(self) -> pd.DataFrame:
        """One row per outcome with an estimate, under its name."""
        rows = [
            found.summary_frame().assign(name=found.indicator.name) for found in self.estimates()
        ]
        if not rows:
            return pd.DataFrame()
        return pd.concat(rows).set_index("name")

    def sentence(self) -> wording.Sentence:
        """How many outcomes stand out, and how many would by chance alone."""
        found = self.estimates()
        if not found:
            return wording.Sentence(
                "No outcome of this study can show what the programme did."
                if self.programme.start is not None
                else "Without a programme to judge there are no effects to set side by side."
            )
        level = found[0].effect.level
        seen = [one for one in found if one.effect.p_value <= 1 - level + 1e-12]
        chance = (1 - level) * len(found)
        names = wording.and_list(one.indicator.name for one in seen)
        finest = max(one.effect.finest_p for one in found)
        out_of_reach = finest * len(found) > 1 - level
        text = (
            f"{wording.counted(len(found), 'outcome').capitalize()} looked at, {self._first()}; "
            f"{wording.counted(len(seen), 'stands', 'stand')} out at the {1 - level:.0%} level"
            f"{f' ({names})' if names else ''}, where chance alone would make about {wording.number(chance, 1)} do so."
        )
        if out_of_reach:
            text += (
                f" With p-values no finer than {wording.number(finest)}, no single outcome could stand out once all "
                f"{len(found)} are allowed for (Holm), so the others are pointers, not findings."
            )
        return wording.Sentence(text)

    def _first(self) -> str:
        name = self.primary.indicator.name
        if self.programme.primary_outcome == self.primary.indicator.indicator_id:
            return f"{name} named beforehand as the one that counts"
        return f"none named beforehand as the one that counts ({name} is shown in full)"

    def plot(self, ax: Axes | None = None) -> Axes:
        """All effects that are shares of their counterfactual, on one scale."""
        rows = [
            {
                "label": one.indicator.name,
                "estimate": 100 * one.effect.relative,
                "low": 100 * one.effect.relative_low,
                "high": 100 * one.effect.relative_high,
            }
            for one in self.estimates()
            if one.effect.multiplicative
        ]
        frame = pd.DataFrame(rows, columns=["label", "estimate", "low", "high"])
        frame = frame.replace([np.inf, -np.inf], np.nan)
        return figures.draw_forest(frame, unit="% of what was expected", ax=ax)


def programme_effects(
    study: Study,
    programme: Programme,
    *,
    primary: str,
    panels: Mapping[str, pd.DataFrame] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> ProgrammeEffects:
    """Estimate what a programme did to every indicator of a study.

    Parameters
    ----------
    primary : str
        The outcome named before looking; it alone gets the false-alarm rate and difference-in-differences.
    panels : mapping of indicator_id to panel, optional
        If they are at hand.
    """
    panels = panels or {}
    neighbours = study.neighbours() if study.has("geometry") else None
    names = [primary, *(i for i in study.indicators()["indicator_id"] if i != primary)]
    found = [
        indicator_effect(
            study, name, programme=programme, panel=panels.get(name),
            neighbours=neighbours, level=level, checks=name == primary, seed=seed,
        )
        for name in names
    ]  # fmt: skip
    return ProgrammeEffects(programme, found[0], tuple(found[1:]))
