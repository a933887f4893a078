"""One indicator made ready to be compared: whole years, since the last break, ages allowed for."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lsp_analysis import wording
from lsp_analysis.errors import LevelError, LspError, PanelError, StudyError
from lsp_analysis.standing.comparison import intervals
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
        if key not in self._known and (self.by_age is None or as_observed):
            panel = self.observed if as_observed else self.panel
            about = {"indicator": self.indicator, "leave_out_missing": others}
            made = intervals.group_series(panel, codes, **about)
            self._known[key] = made.assign(first=made["period"])
        elif key not in self._known:
            self._known[key] = self._standardised(codes, others=others, years=years)
        made, since = self._known[key], self._since(codes) if as_observed else self.since(codes)
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
        return max((period for period in starts if period > first), default=None)

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
        known, since = self.sums_by_age(codes)[0].sum(axis=1), self.since(codes)
        if since is not None:
            known = known[self.by_age["years"] >= since.year]
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
        return (self.by_age["years"] > last - years) & (self.by_age["years"] <= last)

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
        *parts, missing = self.sums_by_age(codes, others=others)
        ends = self.by_age["years"][years - 1 :][::-1][::years][::-1]
        at = [self._ending(end, years) for end in ends]
        sums = [np.array([part[rows].sum(axis=0) for rows in at]) for part in parts]
        columns = {
            "period": pd.PeriodIndex(ends.astype(str), freq="Y"),
            "first": pd.PeriodIndex((ends - years + 1).astype(str), freq="Y"),
            **directly_standardised(*sums, multiplier=self.indicator.multiplier),
        }
        counts = {"n_areas": len(codes) - missing, "n_missing": missing}
        return pd.DataFrame({**columns, "se": np.nan, **counts})

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
    observed, years = on_unit_period(panel, indicator), by_year(panel, indicator)
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
    joined["period"] = joined["window"].astype("period[Y-DEC]")
    joined["note"] = joined["note"].fillna("")
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


_BANDS = np.arange(0, 95, 5)
TOGETHER = "all"  # sexes or age bands

# Nineteen five-year bands, 0-4 to 90 and over (Eurostat 2013).
ESP2013 = 500 * np.array([10, 11, 11, 11, 12, 12, 13, 14, 14, 14, 14, 13, 12, 11, 10, 8, 5, 3, 2])


def directly_standardised(
    events: ArrayLike,
    people: ArrayLike,
    *,
    standard: ArrayLike = ESP2013,
    multiplier: float = 100_000,
) -> dict[str, np.ndarray]:
    """Directly standardised rates of groups (rows) from their age bands (the last axis).

    Parameters
    ----------
    events, people : arrays, groups x bands
        Missing events are counts withheld, which are not counts of zero.
    standard : array, one element per band
        Population of the standard.
    multiplier : float

    Returns
    -------
    dict of arrays, one element per group
        ``value``; ``numerator``, the effective count (rate squared over variance), and
        ``denominator``, the exposure that gives the rate with it (Fay and Feuer 1997); ``events``
        counted; ``note``. `group_limits` makes Dobson's limits of them. Under ten events the rate
        is missing: it would rest on too few of the bands. So is the rate of a group with a band
        without people, or without a count.
    """
    events, people = intervals.as_counts(events), intervals.as_exposure(people)
    weight = intervals.as_counts(standard, "standard population")
    total = events.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = weight / weight.sum() / people
        rate, variance = (share * events).sum(axis=-1), (share**2 * events).sum(axis=-1)
        rate = np.where(total >= intervals.EXACT_BELOW, rate, np.nan)
        counts, exposure = rate**2 / variance, rate / variance
    reasons = {
        "an age band without a count": np.isnan(total),
        "an age band without people": np.isnan(people).any(axis=-1),
        f"fewer than {intervals.EXACT_BELOW} events": total < intervals.EXACT_BELOW,
    }
    return {
        "numerator": counts,
        "denominator": exposure,
        "value": rate * multiplier,
        "note": np.select(list(reasons.values()), list(reasons), ""),
        "events": total,
    }


def counts_by_age(study: Study, indicator: Indicator) -> dict[str, np.ndarray]:
    """Events and residents of small areas by calendar year and five-year age band.

    Returns
    -------
    dict with ``codes``, ``years``, and ``events`` and ``people`` (areas x years x 19 bands).
    Without a row nobody was counted; a row without a number is a count withheld, and missing.

    Raises
    ------
    PanelError
        There are no counts by five-year band, or no year with residents by age as well.
    """
    rows = study.read("observations", where={"indicator_id": indicator.indicator_id})
    rows = rows[(rows["age"] != "all") & (rows["group"].fillna("all") == "all")]
    if rows.empty or not indicator.counted:
        raise PanelError(f"{indicator.name} is not counted by age in this study.")
    split = rows[rows["sex"] != "all"]
    rows = split if len(split) else rows
    banded = rows.assign(band=_bands(rows["age"]), year=rows["period_start"].dt.year)
    keys = ["area_code", "year", "band"]
    counts = banded.groupby(keys)["numerator"].sum(skipna=False)
    known = by_single_band(study.read("populations"))
    known = known[known["period"].str.fullmatch(r"\d{4}")]
    known = known.assign(band=_bands(known["age_band"]), year=known["period"].astype(int))
    residents = known.groupby(keys)["population"].sum()
    years = sorted({*counts.index.unique("year")} & {*residents.index.unique("year")})
    if not years:
        name = wording.inside(indicator.name)
        raise PanelError(f"There is no year with both {name} and residents by age band.")
    small = set(study.small_areas()["area_code"])
    codes = sorted(small & {*residents.index.unique("area_code")})
    index = pd.MultiIndex.from_product([codes, years, _BANDS], names=keys)
    shape = (len(codes), len(years), len(_BANDS))
    withheld = counts.reindex(index).isna() & index.isin(counts.index)
    events = counts.reindex(index).fillna(0.0).mask(withheld)
    return {
        "codes": np.array(codes),
        "years": np.array(years),
        "events": events.to_numpy(float).reshape(shape),
        "people": residents.reindex(index).fillna(0.0).to_numpy(float).reshape(shape),
    }


def _bands(ages: pd.Series) -> pd.Series:
    """First ages of five-year bands; refuses others, which the standard population has not."""
    starts = ages.map({age: first_age(age) for age in ages.unique()})
    if set(starts) != set(_BANDS):
        raise PanelError(
            "Ages are not in the nineteen five-year bands from 0-4 to 90+, which standardising "
            "needs."
        )
    return starts


def first_age(band: str) -> int:
    """The age at which a band begins.

    >>> first_age("10-14"), first_age("90+"), first_age("all")
    (10, 90, 0)
    """
    found = re.match(r"\D*(\d+)", str(band))
    return int(found[1]) if found else 0


def by_single_band(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows by single sex and age band where there are any, so that nobody counts twice."""
    for column in ("sex", "age_band"):
        parts = rows[rows[column] != TOGETHER]
        rows = parts if len(parts) else rows
    return rows
