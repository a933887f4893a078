"""Outcomes with the ages of areas made alike: standardised rates and life expectancy.

Standardised rates: Dobson and others (1991). Life tables: Chiang (1984), method II, with the
variance of Silcocks and others (2001), which lets the last, open age band vary too: the choices of
Eayres and Williams (2004) and of Fingertips.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Axes, ShownTable, View
from lsp_analysis.standing.comparison.intervals import as_counts, group_limits, poisson_limits
from lsp_analysis.standing.comparison.measured import TOGETHER, Measured, by_single_band, first_age
from lsp_analysis.standing.place.brief import REST, AreaBrief
from lsp_analysis.study.store import Study

INFANT_SHARE = 0.1  # of their first year that those who die in it live: most die in the first days
OTHER_SHARE = 0.5
RADIX = 100_000
SMALLEST_POPULATION = 5_000  # person-years; below it the estimate is biased (Eayres and Williams)
AGES = np.arange(0, 95, 5)
ALL_DEATHS = re.compile(r"\b(all causes|all deaths|mortality)", re.IGNORECASE)
MOST_YEARS = 5  # taken together: a small area needs several to reach 5,000 person-years


def age_adjusted(brief: AreaBrief, indicator_id: str = "") -> View:
    """An outcome with the ages of areas made alike (Dobson; European Standard Population 2013).

    The last indicator counted by age, unless one is given; PanelError when there is none. The last
    years are pooled until the place has twenty events, five at the most. A count withheld leaves
    the place without a rate, and its small area out of a comparator.
    """
    counted = [indicator_id] if indicator_id else has_ages(brief.study)
    if not counted:
        raise PanelError(
            "No indicator of this study is counted by age band, so ages cannot be allowed for."
        )
    measured = _by_age(brief, counted[-1])
    indicator = measured.indicator
    years = measured.years_for(brief.area.members)
    rows = []
    for place, codes in enumerate(_groups(brief).values()):
        last = measured.series(codes, others=place > 0, years=years).iloc[[-1]]
        low, high = group_limits(last, indicator=indicator, level=brief.level)
        people = measured.people_in(codes, last["period"].iloc[0], years, others=place > 0)
        events = last["events"].iloc[0]
        scale = indicator.multiplier / people
        crude = [end[0] * scale for end in poisson_limits(events, level=brief.level)]
        told = {"crude": events * scale, "crude_low": crude[0], "crude_high": crude[1]}
        kept = last[["events", "value", "note", "period", "first"]].iloc[0].to_dict()
        rows.append({**kept, "low": low[0], "high": high[0], "population": people, **told})
    table = pd.DataFrame(rows, index=pd.Index(list(_groups(brief)), name="group"))
    name, unit = indicator.name, indicator.per
    years = _span(table["first"].iloc[0].year, table["period"].iloc[0].year)
    said = _with_ages_alike(f"{name}, {years}", table, unit, brief.level)
    second = table.iloc[1]
    line = {"reference": second["value"], "reference_label": wording.capital(second.name)}
    return View(said, table, lambda ax: _drawn(table, unit, brief.level, ax=ax, **line))


def _with_ages_alike(what: str, table: pd.DataFrame, unit: str, level: float) -> str:
    """Both groups with ages made alike, then as counted."""
    own, other = table.iloc[0], table.iloc[1]
    if np.isnan(own["value"]):
        return f"{what}: {own.name} has {own['note']}."
    unit, words = wording.once(unit)
    limits = wording.interval(own["low"], own["high"], unit, level)
    here, there, crude, crude_there = (
        wording.quantity(row[name], unit) for name in ("value", "crude") for row in (own, other)
    )
    return (
        f"{what}, as if all areas had people of the same ages: {here} in {own.name} ({limits}) "
        f"against {there} in {other.name}{words}. As counted it is {crude} against {crude_there}."
    )


def _span(first: int, last: int) -> str:
    return f"{first} to {last}" if first < last else str(first)


def _drawn(table: pd.DataFrame, unit: str, level: float, **line: Any) -> Axes:
    """The area (first row) and what it is compared with, with intervals."""
    rows = table.reset_index(names="label")[["label", "value", "low", "high"]]
    rows["label"] = rows["label"].map(wording.capital)
    return figures.draw_caterpillar(
        rows, highlight=[rows["label"].iloc[0]], unit=unit, level=level, **line
    )


def _groups(brief: AreaBrief) -> dict[str, Collection[str]]:
    """The place and what it is compared with."""
    return {brief.area.name: brief.area.members, **brief.comparators}


def _by_age(brief: AreaBrief, indicator_id: str) -> Measured:
    measured = brief.measured(indicator_id)
    if measured.by_age is None:
        raise PanelError(f"{measured.indicator.name} is not counted by age in this study.")
    return measured


def has_ages(study: Study) -> list[str]:
    """Indicators of the study that are counted by age band and may be standardised, in order."""
    rows = study.read("observations", columns=["indicator_id", "age"]).drop_duplicates()
    known = set(rows.loc[rows["age"].fillna("all") != "all", "indicator_id"])
    order = study.indicators()
    return list(order.loc[order["indicator_id"].isin(known), "indicator_id"])


def life_expectancy_in(brief: AreaBrief) -> View:
    """Life expectancy at birth in the place and in what it is compared with, over five years.

    PanelError in a study without deaths from all causes by five-year age band.
    """
    counted = [name for name in has_ages(brief.study) if name in brief.panels]
    named = [name for name in counted if ALL_DEATHS.search(brief.indicator(name).name)]
    if not named:
        raise PanelError(
            "No indicator of this study is deaths from all causes by age band, from which life "
            "expectancy is worked out."
        )
    measured = _by_age(brief, named[0])
    known = measured.by_age["years"][-MOST_YEARS:]
    rows = {}
    for name, codes in _groups(brief).items():
        sums = measured.sums_by_age(codes)[:2]
        deaths, people = (part[-len(known) :].sum(axis=0) for part in sums)
        born = life_expectancy(AGES, deaths, people, level=brief.level).iloc[0]
        counted = {"deaths": np.nansum(deaths), "population": people.sum()}
        rows[name] = {**born[["value", "low", "high", "note"]], **counted}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")
    what = f"Life expectancy at birth at the death rates of {_span(known[0], known[-1])}"
    said = _beside_others(what, table, brief.level)
    return View(said, table, lambda ax: _drawn(table, "years", brief.level, ax=ax))


def _beside_others(what: str, table: pd.DataFrame, level: float) -> str:
    """All values with the interval of the area's, or why there is none."""
    own, others = table.iloc[0], table["value"].iloc[1:].dropna()
    if np.isnan(own["value"]):
        return f"{what} is not known: {own.name} has {own['note']}."
    told = wording.and_list(f"{value:.1f} in {name}" for name, value in others.items())
    limits = wording.interval(own["low"], own["high"], "", level)
    here = wording.quantity(own["value"], "years")
    return f"{what}: {here} in {own.name} ({limits}), {told}."


def life_expectancy(
    ages: np.ndarray, deaths: np.ndarray, people: np.ndarray, *, level: float = 0.95
) -> pd.DataFrame:
    """Expected years of life left at the start of each age band, with limits.

    Parameters
    ----------
    ages, deaths, people : arrays, one element per age band, in order
        First ages (0, 1, 5, 10 and so on); person-years: with three years of deaths, three years'
        population.
    level : float between 0 and 1

    Returns
    -------
    DataFrame, one row per age band
        ``start_age``, ``value`` (years), ``low``, ``high``, ``note``. All are missing in a table
        of fewer than 5,000 person-years, or with no people in a band, or with no deaths in the
        last one, and ``note`` says which.
    """
    ages, deaths, people = map(as_counts, (ages, deaths, people))
    value, variance = life_table(ages, deaths, people)
    note = _note(deaths, people)
    value = np.nan * value if note else value
    reach = ndtri(0.5 + level / 2) * np.sqrt(variance)
    limits = {"value": value, "low": value - reach, "high": value + reach}
    return pd.DataFrame({"start_age": ages, **limits, "note": note})


def chance_of_dying(ages: np.ndarray, deaths: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Chance of dying in each age band but the last, for those who reach it (Chiang II).

    Arguments as for `life_table`; the last band is open and all who reach it die in it.
    """
    widths = np.diff(ages)
    rate = deaths[..., :-1] / people[..., :-1]
    return np.minimum(widths * rate / (1 + widths * (1 - _share_lived(ages)) * rate), 1)


def life_table(
    ages: np.ndarray, deaths: np.ndarray, people: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Expectation of life and its variance by age, for one life table or many at once.

    Parameters
    ----------
    ages : array of length bands
        First age of each band; the last band is open.
    deaths, people : arrays, bands or tables by bands

    Returns
    -------
    value, variance : arrays like them
        In years and years squared.
    """
    widths, share = np.diff(ages), _share_lived(ages)
    with np.errstate(divide="ignore", invalid="ignore"):
        dying = chance_of_dying(ages, deaths, people)
        alive = RADIX * np.cumprod(np.insert(1 - dying, 0, 1.0, axis=-1), axis=-1)
        lost = -np.diff(alive)
        in_open_band = alive[..., -1:] * people[..., -1:] / deaths[..., -1:]
        lived = np.append(widths * (alive[..., 1:] + share * lost), in_open_band, axis=-1)
        value = _from_the_end(lived) / alive
        # Variance of the chance of dying; none where nobody died.
        chance = np.where(deaths[..., :-1] > 0, dying**2 * (1 - dying) / deaths[..., :-1], 0.0)
        years = (1 - share) * widths + value[..., 1:]
        last = in_open_band**2 / deaths[..., -1:]
        parts = np.append(chance * (alive[..., :-1] * years) ** 2, last, axis=-1)
        return value, _from_the_end(parts) / alive**2


def _share_lived(ages: np.ndarray) -> np.ndarray:
    """Share of each closed band that those who die in it have lived."""
    infant = (ages[:-1] == 0) & (np.diff(ages) == 1)
    return np.where(infant, INFANT_SHARE, OTHER_SHARE)


def _from_the_end(parts: np.ndarray) -> np.ndarray:
    return np.cumsum(parts[..., ::-1], axis=-1)[..., ::-1]


def _note(deaths: np.ndarray, people: np.ndarray) -> str:
    """Why a table cannot be worked out, or an empty string."""
    reasons = {
        "deaths or population missing": np.isnan(deaths + people).any(),
        "an age band has no people": (people <= 0).any(),
        "more deaths than people in an age band": (deaths > people).any(),
        "fewer than 5,000 person-years": people.sum() < SMALLEST_POPULATION,
        "no deaths in the last age band": deaths[-1] == 0,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


CHILDREN_UNDER, OLDER_FROM = 15, 65


@dataclass(frozen=True)
class People(ShownTable):
    """Shares of residents by age and sex, in an area and in its comparator."""

    area: str
    period: object
    residents: float
    table: pd.DataFrame = field(repr=False, compare=False)

    def sentence(self) -> wording.Sentence:
        """How many are children and how many are older people, here and there."""
        text = (
            f"{self.area} had {wording.number(self.residents)} residents in "
            f"{wording.period(self.period)}."
        )
        starts = self.table["age_band"].map(first_age)
        told = [
            (name, *self.table.loc[rows, ["share", "comparator_share"]].sum())
            for name, rows, edge in (
                (f"under {CHILDREN_UNDER}", starts < CHILDREN_UNDER, CHILDREN_UNDER),
                (f"{OLDER_FROM} or over", starts >= OLDER_FROM, OLDER_FROM),
            )
            if edge in set(starts)
        ]
        if told:
            here = wording.and_list(f"{_percent(own)} were {name}" for name, own, _ in told)
            there = wording.and_list(_percent(other) for _, _, other in told)
            text += f" {here}, against {there} in {REST}."
        return wording.Sentence(text)


def people(brief: AreaBrief) -> People:
    """Residents of an area and of the rest of its borough by age and sex, in the last period known.

    Rows for both sexes or all ages together are used only where there are no others. StudyError
    without populations, PanelError where the area has no residents on record.
    """
    populations = brief.study.read("populations")
    own = populations[populations["area_code"].isin(brief.area.members)]
    if own.empty:
        raise PanelError(f"The table populations has no residents of {brief.area.name}.")
    period = own["period"].max()
    then = populations[populations["period"] == period]
    sides = (brief.area.members, brief.comparators[REST])
    own, other = (by_single_band(then[then["area_code"].isin(codes)]) for codes in sides)
    frame = pd.DataFrame({"share": _shares(own), "comparator_share": _shares(other)}).reset_index()
    frame = frame.sort_values("age_band", key=lambda bands: bands.map(first_age), kind="stable")
    frame["sex"] = frame["sex"].str.capitalize().replace(TOGETHER.capitalize(), "All people")
    residents = float(own["population"].sum())
    return People(brief.area.name, period, residents, frame.reset_index(drop=True))


def _percent(share: float) -> str:
    return wording.quantity(share, "percent")


def _shares(rows: pd.DataFrame) -> pd.Series:
    sums = rows.groupby(["age_band", "sex"])["population"].sum()
    return 100 * sums / sums.sum()
