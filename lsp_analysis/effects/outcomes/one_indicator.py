"""A programme's effect on one indicator of a study, or why there is none to give."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.effects.one_area.estimation import estimate
from lsp_analysis.effects.regressions.placebo_did import placebo_difference_in_differences
from lsp_analysis.effects.result import EffectEstimate
from lsp_analysis.errors import LspError, PanelError
from lsp_analysis.showing import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lsp_analysis.effects.outcomes.programme import Programme
    from lsp_analysis.figures.tables import Table
    from lsp_analysis.study.indicator import Indicator
    from lsp_analysis.study.store import Study

NO_CLUSTERED = (
    "No cluster-robust p-value is given: with so few treated neighbourhoods it is far too small."
)
ADDITIVE = ("mean", "score", "dsr", "count")
PERSON_PERIODS = "person_periods"


@dataclass(frozen=True)
class IndicatorEffect(Shown):
    """The effect on one indicator, or why there is none to give.

    Attributes
    ----------
    effect, did : EffectEstimate or None
        Adjusted for the past (`estimate`), and as plain difference-in-differences.
    placebo_date : bool
        Whether the start is a date at which nothing began, because the data do not reach back to
        the programme's.
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
            f"{date} is a placebo date: these data begin in {first}, so they say nothing of the "
            "programme "
            f"({wording.period(self.programme.start)}); as a trial of the method they are "
            "analysed as if something had begun then."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """The neighbourhood against its counterfactual."""
        return self.effect.plot(ax=ax)

    def draw_placebos(self, ax: Axes | None = None) -> Axes:
        """The neighbourhood's statistic among those of the placebo neighbourhoods."""
        return self.effect.plot_placebos(ax)

    def doubts(self) -> wording.Sentence:
        """How often the method cries wolf here, and every caution on this estimate."""
        if self.effect is None:
            return wording.Sentence("")
        return self.effect.cautions()

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

    shown_table = table


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
        rows, first, placebo_date, dropped = dated(panel, programme.start)
        options = {
            "treated": list(programme.area.members),
            "start": first,
            "neighbours": neighbours,
            "level": level,
            "seed": seed,
            "label": wording.inside(indicator.name),
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
    rows, outcome, population = compared(rows, indicator)
    options["polarity"] = "" if indicator.polarity == "none" else indicator.polarity
    if population is None:
        return estimate(rows, outcome=outcome, unit=indicator.unit, checks=checks, **options)
    found = estimate(
        rows, outcome=outcome, population=population, checks=checks,
        per=indicator.multiplier, person_periods=indicator.value_type == PERSON_PERIODS, **options,
    )  # fmt: skip
    return replace(found, outcome=indicator.indicator_id)


def compared(rows: pd.DataFrame, indicator: Indicator) -> tuple[pd.DataFrame, str, str | None]:
    """Rows with what is to be compared, its column, and that of its base.

    Counts go with their base, and rows without either are left out; values, which have none, are
    compared as they are.
    """
    if indicator.value_type in ADDITIVE or not rows["numerator"].notna().any():
        return rows, "value", None
    rows = rows.dropna(subset=["numerator", "denominator"])
    return rows[rows["denominator"] > 0], "numerator", "denominator"


def dated(panel: pd.DataFrame, start: pd.Period) -> tuple[pd.DataFrame, pd.Period, bool, str]:
    """Rows to use, the first period after the start, whether that is a placebo date, and what was
    left out.

    A period that began before the programme and ended after its start belongs to neither side and
    is left out.
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
