"""Life expectancy from an abridged life table.

Chiang (1984), method II, with the variance of Silcocks and others (2001), which lets the last,
open age band vary too: the choices of Eayres and Williams (2004) and of Fingertips.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import ndtri

from lsp_analysis import figures, wording
from lsp_analysis.errors import PanelError
from lsp_analysis.showing import Axes, ShownTable
from lsp_analysis.standing.checks import as_counts, check_columns, check_level
from lsp_analysis.standing.comparison.measured import Measured

INFANT_SHARE = 0.1  # of their first year that those who die in it live: most die in the first days
OTHER_SHARE = 0.5
RADIX = 100_000
SMALLEST_POPULATION = 5_000  # person-years; below it the estimate is biased (Eayres and Williams)


@dataclass(frozen=True)
class LifeExpectancy(ShownTable):
    """Life expectancy at birth in an area and in what it is compared with."""

    first: int  # year
    last: int
    level: float
    table: pd.DataFrame = field(repr=False, compare=False)

    def sentence(self) -> wording.Sentence:
        """Both values with the interval of the area's, or why there is none."""
        own, *others = self.table.to_dict("records")
        here, *names = self.table.index
        years = f"{self.first} to {self.last}" if self.first < self.last else str(self.first)
        what = f"Life expectancy at birth at the death rates of {years}"
        if np.isnan(own["value"]):
            return wording.Sentence(f"{what} is not known: {here} has {own['note']}.")
        told = [
            f"{row['value']:.1f} in {name}"
            for name, row in zip(names, others, strict=True)
            if not np.isnan(row["value"])
        ]
        limits = wording.interval(own["low"], own["high"], "", self.level)
        return wording.Sentence(
            f"{what}: {wording.quantity(own['value'], 'years')} in {here} ({limits}), "
            f"{wording.and_list(told)}."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw life expectancy of all groups with intervals."""
        rows = self.table.reset_index(names="label")
        rows["label"] = rows["label"].map(wording.capital)
        columns = ["label", "value", "low", "high"]
        first = [rows["label"].iloc[0]]
        return figures.draw_caterpillar(
            rows[columns], highlight=first, unit="years", level=self.level, ax=ax
        )


def life_expectancy_in(
    measured: Measured,
    groups: Mapping[str, Collection[str]],
    *,
    years: int = 5,
    level: float = 0.95,
) -> LifeExpectancy:
    """Life expectancy at birth in groups of small areas, the last years taken together.

    Parameters
    ----------
    measured : Measured
        Of deaths from all causes, counted by five-year age band.
    groups : mapping of name to small-area codes, the area first
    years : int
        At most; a small area needs several to reach 5,000 person-years.
    level : float between 0 and 1

    Raises
    ------
    PanelError
        The deaths are not counted by age.
    """
    if measured.by_age is None:
        raise PanelError(f"{measured.indicator.name} is not counted by age in this study.")
    known = measured.by_age["years"][-years:]
    rows = {}
    for name, codes in groups.items():
        deaths, people, _ = measured.sums_by_age(codes)
        deaths, people = (part[-len(known) :].sum(axis=0) for part in (deaths, people))
        columns = {"start_age": np.arange(0, 95, 5), "deaths": deaths, "population": people}
        born = life_expectancy(pd.DataFrame(columns), level=level).iloc[0]
        sums = {"deaths": np.nansum(deaths), "population": people.sum()}
        rows[name] = {**born[["value", "low", "high", "note"]], **sums}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")
    return LifeExpectancy(int(known[0]), int(known[-1]), level, table)


def life_expectancy(counts: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Expected years of life left at the start of each age band, with limits.

    Parameters
    ----------
    counts : DataFrame, one row per age band
        ``start_age`` (0, 1, 5, 10 and so on), ``deaths``, ``population`` (person-years: with three
        years of deaths, three years' population).
    level : float between 0 and 1

    Returns
    -------
    DataFrame, one row per age band, in order of age
        ``start_age``, ``value`` (years), ``low``, ``high``, ``note``. All are missing in a table
        of fewer than 5,000 person-years, or with no people in a band, or with no deaths in the
        last one, and ``note`` says which.

    Raises
    ------
    PanelError
        There are no bands, or one is there twice.
    """
    check_columns(counts, ["start_age", "deaths", "population"], "life table")
    ordered = counts.sort_values("start_age", ignore_index=True)
    ages = as_counts(ordered["start_age"], "start_age")
    if ordered.empty or ordered["start_age"].duplicated().any():
        raise PanelError(
            f"{len(ordered)} rows do not make a life table of {len(set(ages))} age bands. "
            "It needs each band once."
        )
    deaths, people = (as_counts(ordered[name], name) for name in ("deaths", "population"))
    value, variance = life_table(ages, deaths, people)
    reach = ndtri(0.5 + check_level(level) / 2) * np.sqrt(variance)
    note = _note(deaths, people)
    value = np.where(note == "", value, np.nan)
    limits = {"value": value, "low": value - reach, "high": value + reach}
    return ordered[["start_age"]].assign(**limits, note=note)


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
