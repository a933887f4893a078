"""Rates made comparable between areas of different ages: direct standardisation.

Dobson and others (1991), the method of the Fingertips technical guidance, to the European Standard
Population of 2013.
"""

import re

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from lsp_analysis import wording
from lsp_analysis.errors import PanelError
from lsp_analysis.standing.checks import as_counts, as_exposure
from lsp_analysis.standing.comparison.intervals import EXACT_BELOW
from lsp_analysis.study.indicator import Indicator
from lsp_analysis.study.store import Study

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
    events, people = as_counts(events), as_exposure(people)
    weight = as_counts(standard, "standard population")
    total = events.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = weight / weight.sum() / people
        rate, variance = (share * events).sum(axis=-1), (share**2 * events).sum(axis=-1)
        rate = np.where(total >= EXACT_BELOW, rate, np.nan)
        counts, exposure = rate**2 / variance, rate / variance
    reasons = {
        "an age band without a count": np.isnan(total),
        "an age band without people": np.isnan(people).any(axis=-1),
        f"fewer than {EXACT_BELOW} events": total < EXACT_BELOW,
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
    residents = _residents(study).set_index(keys)["population"]
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


def _residents(study: Study) -> pd.DataFrame:
    rows = by_single_band(study.read("populations"))
    rows = rows[rows["period"].str.fullmatch(r"\d{4}")]
    rows = rows.assign(band=_bands(rows["age_band"]), year=rows["period"].astype(int))
    return rows.groupby(["area_code", "year", "band"], as_index=False)["population"].sum()


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
