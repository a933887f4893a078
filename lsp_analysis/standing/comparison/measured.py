"""One indicator made ready to be compared: whole years, since the last break, ages allowed for."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import LevelError, LspError, PanelError, StudyError
from lsp_analysis.standing.comparison.intervals import group_series
from lsp_analysis.standing.comparison.standardise import counts_by_age, directly_standardised
from lsp_analysis.study.areas import is_among
from lsp_analysis.study.indicator import Indicator, join_periods, months_in, on_unit_period
from lsp_analysis.study.store import Study

BREAK = r"\bbreak\b|\bdefinition"  # notes from which a series starts afresh
BROKEN_SHARE = 0.1  # of a group's small areas with such a note
COVERAGE_MOVED = 0.05  # change of the share placed or reporting that starts a series afresh
RELIABLE = 20  # events from which ONS calls a standardised rate reliable
MOST_YEARS = 5  # pooled to reach them
READINGS = {"M": "month", "Q": "quarter"}
NO_AGES = (
    "the risk follows age, and the study has no counts and residents by five-year age band to "
    "allow for it"
)
NO_AGES_SHOWN = "the risk follows age, and counts by age are not published"


@dataclass(frozen=True)
class Measured:
    """Small areas' values of one indicator, and how any group of them is added up.

    Attributes
    ----------
    indicator : Indicator, a published estimate where the panel has no counts.
    observed : DataFrame, the periods as observed, rates on the period of the unit.
    panel : DataFrame, the same by whole calendar years where it has months or quarters.
    by_age : dict of arrays, or None
        ``events`` and ``people`` (areas x years x age bands), ``codes``, ``years``.
    why_not : why values of areas may not be compared; empty when they may.
    """

    indicator: Indicator
    observed: pd.DataFrame = field(repr=False)
    panel: pd.DataFrame = field(repr=False)
    by_age: dict[str, np.ndarray] | None = field(default=None, repr=False)
    why_not: str = ""

    @property
    def averaged(self) -> str:
        """Readings whose average a year of it is, "month" or "quarter"; empty where it is none."""
        if self.indicator.kind != "stock" or self.panel is self.observed:
            return ""
        return READINGS.get(self.observed["period"].dtype.freq.freqstr[0], "reading")

    def series(
        self,
        codes: Collection[str],
        *,
        others: bool = False,
        years: int = 1,
        whole: bool = False,
        as_observed: bool = False,
    ) -> pd.DataFrame:
        """Small areas taken together, period by period; see `group_series` for the columns.

        Where ages are allowed for, a row is `years` years pooled, directly standardised to the
        European Standard Population of 2013; ``events`` then has the events counted, while
        ``numerator`` and ``denominator`` are the effective ones (rate squared over variance).

        Parameters
        ----------
        codes : small-area codes
        others : bool
            A comparator can do without an area that is suppressed; the area itself cannot.
        years : int
            Years pooled into one row, for standardised rates only.
        whole : bool
            Also the periods before the last break.
        as_observed : bool
            The periods as observed, instead of whole years, and never standardised.
        """
        key = (tuple(codes), others, years, as_observed)
        if key not in self._known:
            if self.by_age is None or as_observed:
                panel = self.observed if as_observed else self.panel
                made = group_series(
                    panel, codes, indicator=self.indicator, leave_out_missing=others
                )
                self._known[key] = made.assign(first=made["period"])
            else:
                self._known[key] = self._standardised(codes, others=others, years=years)
        made = self._known[key]
        since = self._since(codes) if as_observed else self.since(codes)
        if whole or since is None:
            return made
        return made[made["first"] >= since].reset_index(drop=True)

    def since(self, codes: Collection[str]) -> pd.Period | None:
        """First period of the panel after the last break; None without a break.

        A break is a note ("break", "definition ...") on a tenth of the small areas or more, or a
        share placed or reporting more than five points away from that of the last period.
        """
        found = self._since(codes)
        if found is None or self.panel is self.observed:
            return found
        first = found.start_time.to_period("Y")
        first = first if first.start_time >= found.start_time else first + 1
        return min(first, self.panel["period"].max())  # the last year is shown all the same

    def _since(self, codes: Collection[str]) -> pd.Period | None:
        panel = self.observed
        if not self._noted.any() and "coverage" not in panel:
            return None
        own = is_among(panel["area_code"], list(codes))
        rows = panel[own]
        at = self._noted[own].groupby(rows["period"]).mean()
        starts = list(at.index[at >= BROKEN_SHARE])
        if "coverage" in rows:
            covered = rows.groupby("period")["coverage"].mean().dropna()
            far = covered[(covered - covered.iloc[-1:].sum()).abs() > COVERAGE_MOVED]
            starts += list(far.index[-1:] + 1)
        first = rows["period"].min()
        starts = [period for period in starts if period > first]
        return max(starts) if starts else None

    def placed(self, codes: Collection[str], first: pd.Period, last: pd.Period) -> float:
        """Share of the events placed, or of areas reporting, from `first` to `last`; NaN where
        the study does not say."""
        if "coverage" not in self.observed:
            return np.nan
        rows = self.observed[is_among(self.observed["area_code"], list(codes))]
        ends = rows["period"].dt.end_time
        within = (ends > first.start_time) & (ends <= last.end_time)
        return float(rows.loc[within, "coverage"].astype(float).mean())

    def years_for(self, codes: Collection[str]) -> int:
        """Years to pool until the last of them have twenty events; at most five, and not
        across a break."""
        if self.by_age is None:
            return 1
        counts = self.sums_by_age(codes)[0].sum(axis=1)
        since = self.since(codes)
        years = pd.PeriodIndex([str(year) for year in self.by_age["years"]], freq="Y")
        known = counts[years >= since] if since is not None else counts
        most = max(1, min(MOST_YEARS, len(known)))
        reached = np.flatnonzero(np.cumsum(known[::-1])[:most] >= RELIABLE)
        return int(reached[0]) + 1 if len(reached) else most

    def each(self, period: pd.Period, *, years: int = 1) -> pd.DataFrame:
        """Every small area in `period`: ``area_code``, ``numerator``, ``denominator``, ``value``.

        Age-standardised over `years` years, with ``events``, where ages are allowed for.
        """
        if self.by_age is None:
            return self.panel[self.panel["period"] == period].reset_index(drop=True)
        chosen = self._ending(period.year, years)
        sums = (self.by_age[name][:, chosen].sum(axis=1) for name in ("events", "people"))
        rows = directly_standardised(*sums, multiplier=self.indicator.multiplier)
        return pd.DataFrame({"area_code": self.by_age["codes"], "period": period, **rows})

    def people_in(
        self, codes: Collection[str], period: pd.Period, years: int, *, others: bool = False
    ) -> float:
        """Person-years of a group in the `years` years up to `period`, where ages are known."""
        people = self.sums_by_age(codes, others=others)[1]
        return float(people[self._ending(period.year, years)].sum())

    def _ending(self, last: int, years: int) -> np.ndarray:
        """Which of the years by age are the `years` years up to `last`."""
        known = self.by_age["years"]
        return (known > last - years) & (known <= last)

    def sums_by_age(
        self, codes: Collection[str], *, others: bool = False
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Events and people of a group by year and band, and how many areas were left out."""
        own = np.isin(self.by_age["codes"], list(codes))
        events, people = self.by_age["events"][own], self.by_age["people"][own]
        withheld = np.isnan(events).any(axis=(1, 2))
        if others:
            events, people = events[~withheld], people[~withheld]
        return events.sum(axis=0), people.sum(axis=0), int(withheld.sum())

    def _standardised(self, codes: Collection[str], *, others: bool, years: int) -> pd.DataFrame:
        """`series` with the ages of areas made alike."""
        events, people, missing = self.sums_by_age(codes, others=others)
        known = self.by_age["years"]
        ends = known[years - 1 :][::-1][::years][::-1]
        at = [self._ending(end, years) for end in ends]
        events, people = (
            np.array([part[rows].sum(axis=0) for rows in at]) for part in (events, people)
        )
        return pd.DataFrame(
            {
                "period": pd.PeriodIndex([str(end) for end in ends], freq="Y"),
                "first": pd.PeriodIndex([str(end - years + 1) for end in ends], freq="Y"),
                **directly_standardised(events, people, multiplier=self.indicator.multiplier),
                "se": np.nan,
                "n_areas": len(codes) - missing,
                "n_missing": missing,
            }
        )

    @cached_property
    def _known(self) -> dict[tuple[Any, ...], pd.DataFrame]:
        return {}

    @cached_property
    def _noted(self) -> pd.Series:
        return self.observed["note"].fillna("").str.contains(BREAK, case=False)


def measure(study: Study, indicator_id: str, panel: pd.DataFrame | None = None) -> Measured:
    """Read one indicator of a study and make it ready to be compared.

    Months and quarters become whole calendar years, joined as the kind of the indicator asks
    (`join_periods`), where there is a whole one. An indicator whose risk follows age is
    standardised where the study has counts and residents by five-year band, and is otherwise not
    to be compared.

    Parameters
    ----------
    study : Study
    indicator_id : str
    panel : DataFrame, optional
        Instead of the study's own.

    Raises
    ------
    PanelError
        There are no observations for small areas.
    """
    panel = study.panel(indicator_id) if panel is None else panel
    indicator = study.indicator(indicator_id).seen_in(panel)
    observed = on_unit_period(panel, indicator)
    years = by_year(panel, indicator)
    same = years["period"].dtype == panel["period"].dtype
    made = Measured(indicator, observed, observed if same else years)
    if not (indicator.age_related and indicator.counted):
        return made
    try:
        return replace(made, by_age=counts_by_age(study, indicator))
    except LspError:
        return replace(made, why_not=NO_AGES if study.restricted else NO_AGES_SHOWN)


def by_year(panel: pd.DataFrame, indicator: Indicator) -> pd.DataFrame:
    """A panel of months or quarters by whole calendar years, rates on the period of their unit.

    Events are added up, stocks averaged (`join_periods`); a year that lacks a period for an area is
    left out. A panel of years, and one without a whole year, only has its rates on that period.
    """
    per_year = 12 // months_in(panel["period"].dtype.freq.freqstr) if len(panel) else 1
    plain = on_unit_period(panel, indicator)
    if per_year <= 1:
        return panel if plain is panel else plain
    year = panel["period"].dt.asfreq("Y")
    joined = join_periods(panel, indicator, year)
    joined = joined[joined["n_periods"] == per_year]
    if joined.empty:
        return plain
    noted = panel.assign(window=year)[panel["note"].fillna("") != ""]
    notes = noted.groupby(["area_code", "window"])["note"].agg(lambda n: "; ".join(sorted(set(n))))
    joined = joined.join(notes, on=["area_code", "window"])
    joined = joined.assign(note=joined["note"].fillna("")).rename(columns={"window": "period"})
    joined["period"] = joined["period"].astype("period[Y-DEC]")
    columns = ["area_code", "period", "numerator", "denominator", "value", "note"]
    columns += [end for end in ("lower95", "upper95") if end in joined]
    return joined[columns].reset_index(drop=True)


def read_panels(study: Study) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Panels of a study by indicator, and why any is missing.

    An indicator given for MSOAs or wards is compared at its own level; see `other_areas`.
    StudyError when no indicator has observations for small areas.
    """
    panels, notes, larger = {}, [], []
    for indicator_id in study.indicators()["indicator_id"]:
        try:
            panels[indicator_id] = study.panel(indicator_id)
        except LevelError as error:
            if not {"msoa", "ward"} & set(error.levels):
                larger.append(study.indicator(indicator_id).name)
        except PanelError as error:
            notes.append(str(error))
    if larger:
        notes.append(f"Given for the whole borough only: {wording.some_of(larger)}.")
    if not panels:
        raise StudyError(
            f"No indicator of {study.title} has observations for small areas. Add some: "
            "lsp-analysis add."
        )
    return panels, notes
