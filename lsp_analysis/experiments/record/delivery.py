"""Is the programme delivered, in the arm it was drawn for? Recruitment, dose, fidelity,
contamination.

Monitoring may be done at any time, by anybody: it looks at delivery and never at outcomes. The
series it makes go straight into a process chart, which tells a change from usual variation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pandas as pd

from lsp_analysis import figures, wording
from lsp_analysis.errors import DesignError, check_one_of
from lsp_analysis.experiments.record.folder import Experiment
from lsp_analysis.figures.style import name_chart
from lsp_analysis.showing import Axes, Shown

# measure -> numerator, denominator, label, least that is well
MEASURES = {
    "recruitment": ("recruited", "eligible", "Recruited of those eligible", 0.5),
    "dose": ("delivered", "planned", "Delivered of what was planned", 0.8),
    "fidelity": ("faithful", "checked", "Delivered as described, of those checked", 0.8),
    "contamination": ("other_arm", "seen", "Another arm's programme seen", 0.05),
    "follow_up": ("measured", "recruited", "Outcome measured, of those recruited", 0.9),
}
TOO_MUCH_IS_BAD = ("contamination",)


@dataclass(frozen=True)
class Monitoring(Shown):
    """Delivery by arm and period.

    Attributes
    ----------
    table : DataFrame
        One row per measure, arm and period: ``numerator``, ``denominator``, ``value`` (per cent).
    labels : dict
        Name of each arm for readers.
    silent : tuple of str
        Units that reported nothing at all.
    """

    table: pd.DataFrame = field(repr=False)
    labels: dict[str, str]
    silent: tuple[str, ...] = ()

    @property
    def measures(self) -> list[str]:
        """Measures that the reports allow."""
        return list(dict.fromkeys(self.table["measure"]))

    def summary_frame(self) -> pd.DataFrame:
        """One row per measure and arm: ``value`` in per cent over all periods, ``well`` or not."""
        sums = self.table.groupby(["measure", "arm"], sort=False)[
            ["numerator", "denominator"]
        ].sum()
        sums = sums[sums["denominator"] > 0].reset_index()
        share = sums["numerator"] / sums["denominator"]
        well = [_is_well(m, s) for m, s in zip(sums["measure"], share, strict=True)]
        return sums.assign(value=100 * share, well=well)

    def series(self, measure: str, arm: str) -> pd.DataFrame:
        """Columns ``period``, ``value`` of one arm, as `standing.process_chart` takes them."""
        check_one_of(measure, self.measures, "measure that was reported")
        own = self.table[(self.table["measure"] == measure) & (self.table["arm"] == arm)]
        return own.loc[own["value"].notna(), ["period", "value"]].reset_index(drop=True)

    def sentence(self) -> wording.Sentence:
        """What is not well over all periods, and how low it fell where only the whole is well."""
        said = [
            f"{MEASURES[row.measure][2]}: {wording.quantity(row.value, 'percent')} in "
            f"{self.labels.get(row.arm, row.arm)}"
            for row in self.summary_frame().itertuples()
            if not row.well
        ]
        text = (
            f"Not well: {'; '.join(said)}."
            if said
            else "Over all periods, delivery was as planned."
        )
        text += "".join(f" {one}" for one in self._for_a_time())
        if self.silent:
            text += f" No report at all from {wording.and_list(self.silent)}."
        return wording.Sentence(text)

    def _for_a_time(self) -> Iterator[str]:
        """A sentence on each measure that is well as a whole, and was not so in some period."""
        whole = self.summary_frame().set_index(["measure", "arm"])["well"]
        rows = self.table[self.table["value"].notna()]
        rows = rows[[whole[m, a] for m, a in zip(rows["measure"], rows["arm"], strict=True)]]
        for measure, own in rows.groupby("measure", sort=False):
            much = measure in TOO_MUCH_IS_BAD
            last = own.loc[own["value"].idxmax() if much else own["value"].idxmin()]
            if _is_well(measure, last["value"] / 100):
                continue
            end, side = ("highest", "above") if much else ("lowest", "below")
            yield (
                f"{MEASURES[measure][2]} was {side} {MEASURES[measure][3]:.0%} for a time: {end} "
                f"in {wording.period(last['period'])}, {wording.quantity(last['value'], 'percent')}"
                f" in {self.labels.get(last['arm'], last['arm'])}."
            )

    def plot(self, measure: str = "dose", ax: Axes | None = None) -> Axes:
        """One measure over time, an arm a line."""
        own = self.table[(self.table["measure"] == measure) & self.table["value"].notna()]
        frame = own.assign(series=own["arm"].map(self.labels))[["period", "series", "value"]]
        ax = figures.draw_trend(frame, unit="percent", ax=ax)
        return name_chart(ax, MEASURES[measure][2])


def monitor(experiment: Experiment, progress: pd.DataFrame) -> Monitoring:
    """Delivery of an experiment from its agencies' reports.

    Parameters
    ----------
    experiment : Experiment whose units are drawn.
    progress : DataFrame, one row per unit and period
        Columns ``unit``, ``period`` (Period), and counts in pairs: ``recruited`` of ``eligible``;
        ``delivered`` of ``planned``; ``faithful`` of ``checked``; ``other_arm`` of ``seen``;
        ``measured`` of ``recruited``. Pairs that are not there are left out.

    Raises
    ------
    DesignError
        A report is of a unit that was not randomised, twice for one period, or says more than all.
    """
    arm_of = experiment.allocation.set_index("unit")["arm"]
    _check(progress, set(arm_of.index))
    rows = progress.assign(arm=progress["unit"].astype("str").map(arm_of))
    parts = [
        _measure(rows, name, numerator, denominator)
        for name, (numerator, denominator, *_) in MEASURES.items()
        if {numerator, denominator} <= set(rows)
    ]
    if not parts:
        pairs = wording.and_list(f"{n} and {d}" for n, d, *_ in MEASURES.values())
        raise DesignError(f"The reports hold no pair of counts. Give {pairs}, or some of these.")
    labels = {arm.name: arm.label for arm in experiment.design.arms}
    silent = tuple(sorted(set(arm_of.index) - set(rows["unit"].astype("str"))))
    return Monitoring(pd.concat(parts, ignore_index=True), labels, silent)


def _measure(rows: pd.DataFrame, name: str, numerator: str, denominator: str) -> pd.DataFrame:
    """Sums by arm and period, for arms in which the measure applies at all."""
    known = rows[rows[numerator].notna() & rows[denominator].notna()]
    sums = known.groupby(["arm", "period"])[[numerator, denominator]].sum().reset_index()
    sums.columns = ["arm", "period", "numerator", "denominator"]
    total = sums.groupby("arm")["denominator"].transform("sum")
    sums = sums[total > 0]
    base = sums["denominator"].where(sums["denominator"] > 0)
    return sums.assign(measure=name, value=100 * sums["numerator"] / base)


def _is_well(measure: str, share: float) -> bool:
    mark = MEASURES[measure][3]
    return share <= mark if measure in TOO_MUCH_IS_BAD else share >= mark


def _check(progress: pd.DataFrame, units: set[str]) -> None:
    lacking = [name for name in ("unit", "period") if name not in progress]
    if lacking:
        raise DesignError(f"The reports have no column {wording.and_list(lacking)}.")
    strangers = sorted(set(progress["unit"].astype("str")) - units)
    if strangers:
        raise DesignError(f"Unit {strangers[0]} reports, but was not randomised. Correct its name.")
    twice = progress[progress.duplicated(["unit", "period"])]
    if len(twice):
        first = twice.iloc[0]
        raise DesignError(
            f"{len(twice)} reports repeat a unit and period, first ({first['unit']}, "
            f"{first['period']}). Add them up, or keep one."
        )
    for numerator, denominator, *_ in MEASURES.values():
        if {numerator, denominator} <= set(progress):
            over = progress[progress[numerator] > progress[denominator]]
            if len(over):
                first = over.iloc[0]
                raise DesignError(
                    f"{first['unit']} reports {first[numerator]} {numerator} of "
                    f"{first[denominator]} {denominator} in {first['period']}. Correct it."
                )
