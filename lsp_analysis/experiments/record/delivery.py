"""Is the programme delivered, in the arm it was drawn for? Recruitment, dose, fidelity,
contamination.

Monitoring may be done at any time, by anybody: it looks at delivery and never at outcomes.
"""

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
COLUMNS = ["arm", "period", "numerator", "denominator"]
AS_PLANNED = "Over all periods, delivery was as planned."


@dataclass(frozen=True)
class Monitoring(Shown):
    """Delivery by arm and period.

    Attributes
    ----------
    table : DataFrame
        One row per measure, arm and period: ``numerator``, ``denominator``, ``value`` (per cent)
        and ``well``, or not.
    labels : dict
        Name of each arm for readers.
    silent : tuple of str
        Units that reported nothing at all.
    """

    table: pd.DataFrame = field(repr=False)
    labels: dict[str, str]
    silent: tuple[str, ...] = ()

    def summary_frame(self) -> pd.DataFrame:
        """One row per measure and arm: ``value`` in per cent over all periods, ``well`` or not."""
        by_arm = self.table.groupby(["measure", "arm"], sort=False, as_index=False)
        return _judged(by_arm[["numerator", "denominator"]].sum())

    def sentence(self) -> wording.Sentence:
        """What is not well over all periods, and how low it fell where only the whole is well."""
        said = [
            f"{MEASURES[row.measure][2]}: {wording.quantity(row.value, 'percent')} in "
            f"{self.labels.get(row.arm, row.arm)}"
            for row in self.summary_frame().itertuples()
            if not row.well
        ]
        whole = f"Not well: {'; '.join(said)}." if said else AS_PLANNED
        silent = [f"No report at all from {wording.and_list(self.silent)}."] if self.silent else []
        return wording.Sentence(" ".join([whole, *self._for_a_time(), *silent]))

    def _for_a_time(self) -> Iterator[str]:
        """A sentence on each measure that is well as a whole, and was not so in some period."""
        whole = self.summary_frame().query("well")[["measure", "arm"]]
        rows = self.table[self.table["value"].notna()].merge(whole)
        for measure, own in rows.groupby("measure", sort=False):
            much = measure in TOO_MUCH_IS_BAD
            last = own.loc[own["value"].idxmax() if much else own["value"].idxmin()]
            if last["well"]:
                continue
            end, side = ("highest", "above") if much else ("lowest", "below")
            yield (
                f"{MEASURES[measure][2]} was {side} {MEASURES[measure][3]:.0%} for a time: {end} "
                f"in {wording.period(last['period'])}, {wording.quantity(last['value'], 'percent')}"
                f" in {self.labels.get(last['arm'], last['arm'])}."
            )

    def plot(self, measure: str = "dose", ax: Axes | None = None) -> Axes:
        """One measure over time, an arm a line."""
        check_one_of(measure, dict.fromkeys(self.table["measure"]), "measure that was reported")
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
    parts = []
    for name, (numerator, denominator, *_) in MEASURES.items():
        if {numerator, denominator} <= set(rows):
            known = rows.dropna(subset=[numerator, denominator])
            sums = known.groupby(["arm", "period"])[[numerator, denominator]].sum().reset_index()
            parts.append(sums.set_axis(COLUMNS, axis=1).assign(measure=name))
    if not parts:
        pairs = wording.and_list(f"{n} and {d}" for n, d, *_ in MEASURES.values())
        raise DesignError(f"The reports hold no pair of counts. Give {pairs}, or some of these.")
    labels = {arm.name: arm.label for arm in experiment.design.arms}
    silent = tuple(sorted(set(arm_of.index) - set(rows["unit"].astype("str"))))
    table = pd.concat(parts, ignore_index=True)
    applies = table.groupby(["measure", "arm"])["denominator"].transform("sum") > 0
    return Monitoring(_judged(table[applies].reset_index(drop=True)), labels, silent)


def _judged(sums: pd.DataFrame) -> pd.DataFrame:
    """The sums with their share in per cent, and whether that is well."""
    share = sums["numerator"] / sums["denominator"].where(sums["denominator"] > 0)
    mark = sums["measure"].map({name: facts[3] for name, facts in MEASURES.items()})
    well = (share >= mark).where(~sums["measure"].isin(TOO_MUCH_IS_BAD), share <= mark)
    return sums.assign(value=100 * share, well=well)


def _check(progress: pd.DataFrame, units: set[str]) -> None:
    if lacking := [name for name in ("unit", "period") if name not in progress]:
        raise DesignError(f"The reports have no column {wording.and_list(lacking)}.")
    if strangers := sorted(set(progress["unit"].astype("str")) - units):
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
