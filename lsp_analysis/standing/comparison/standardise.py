"""Rates made comparable between areas of different ages: direct and indirect standardisation.

Direct: Dobson and others (1991), the method of the Fingertips technical guidance, to the European
Standard Population of 2013. Indirect: observed over expected, with Poisson limits of the observed.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lsp_analysis import wording
from lsp_analysis.errors import PanelError
from lsp_analysis.standing.checks import as_counts, as_exposure, check_columns, check_level
from lsp_analysis.standing.comparison.intervals import EXACT_BELOW, poisson_limits
from lsp_analysis.standing.place.residents import first_age
from lsp_analysis.study.indicator import Indicator
from lsp_analysis.study.store import Study

_BANDS = np.arange(0, 95, 5)

# Nineteen five-year bands, 0-4 to 90 and over (Eurostat 2013).
ESP2013 = 500 * np.array([10, 11, 11, 11, 12, 12, 13, 14, 14, 14, 14, 13, 12, 11, 10, 8, 5, 3, 2])


def directly_standardised(
    counts: pd.DataFrame,
    *,
    by: str | list[str],
    multiplier: float = 100_000,
    level: float = 0.95,
) -> pd.DataFrame:
    """Directly standardised rates by group, with Dobson's limits.

    Parameters
    ----------
    counts : DataFrame, one row per group and age band
        ``observed`` events, ``population`` and ``standard`` (population of that band in the
        standard, for example `ESP2013`).
    by : column name or names
        What the groups are: area, or area and period.
    multiplier : float
    level : float between 0 and 1

    Returns
    -------
    DataFrame indexed by group
        ``observed``, ``value``, ``low``, ``high``, ``note``. Under ten events the rate is missing:
        it would rest on too few of the bands. So is the rate of a group with a band without people,
        or without a count: a count withheld is not a count of zero.
    """
    check_columns(counts, ["observed", "population", "standard"], "table of counts by age")
    check_level(level)
    observed, people = as_counts(counts["observed"]), as_exposure(counts["population"])
    weight = as_counts(counts["standard"], "standard population") / people
    weighted = counts.assign(
        observed=observed, rate=weight * observed, variance=weight**2 * observed, people=people
    )
    groups = weighted.groupby(by, observed=True)
    sums = groups[["observed", "standard", "rate", "variance"]].sum(min_count=1)
    peopled = groups["people"].count() == groups.size()
    whole = peopled & (groups["observed"].count() == groups.size())
    enough = sums["observed"] >= EXACT_BELOW
    value = (sums["rate"] / sums["standard"]).where(whole & enough)
    # Dobson: the limits of the total count, stretched by the ratio of the two standard errors.
    stretch = np.sqrt(sums["variance"] / sums["observed"]) / sums["standard"]
    lower, upper = poisson_limits(sums["observed"], level=level)
    return pd.DataFrame(
        {
            "observed": sums["observed"],
            "value": multiplier * value,
            "low": multiplier * (value + stretch * (lower - sums["observed"])),
            "high": multiplier * (value + stretch * (upper - sums["observed"])),
            "note": np.select(
                [~peopled, ~whole, ~enough],
                [
                    "an age band without people",
                    "an age band without a count",
                    "fewer than 10 events",
                ],
                "",
            ),
        }
    )


def indirectly_standardised(
    counts: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    by: str | list[str],
    age: str = "age",
    multiplier: float = 100_000,
    level: float = 0.95,
) -> pd.DataFrame:
    """Indirectly standardised ratios and rates by group, with exact or Byar's limits.

    Parameters
    ----------
    counts : DataFrame, one row per group and age band
        `age`, ``observed``, ``population``.
    reference : DataFrame, one row per age band
        `age`, ``observed``, ``population`` of the reference, for example England.
    by : column name or names
    multiplier : float
        For the rates; ratios have the reference at 1.
    level : float between 0 and 1

    Returns
    -------
    DataFrame indexed by group
        ``observed``, ``expected``, ``ratio``, ``ratio_low``, ``ratio_high``, ``reference_rate``,
        ``rate``, ``rate_low``, ``rate_high``. Missing for a group that lacks a count or a
        population of some band, here or in the reference.

    Raises
    ------
    PanelError
        An age band of `counts` is not in `reference`, or is there twice.
    """
    for table in (counts, reference):
        check_columns(table, [age, "observed", "population"], "table of counts by age")
    bands = pd.DataFrame(
        {
            "observed": as_counts(reference["observed"], "reference count"),
            "population": as_exposure(reference["population"]),
        },
        index=pd.Index(reference[age]),
    )
    if bands.index.has_duplicates:
        raise PanelError(
            f"The reference has the age band {bands.index[bands.index.duplicated()][0]} twice. "
            "Give one row per band: add the rows up, or take one sex."
        )
    unknown = set(counts[age]) - set(bands.index)
    if unknown:
        raise PanelError(
            f"The reference has no age band {sorted(map(str, unknown))[0]!r}. "
            "Use the same bands for the areas and the reference."
        )
    band_rate = bands["observed"] / bands["population"]
    expected = as_counts(counts["population"], "denominator") * band_rate.reindex(counts[age])
    own = counts.assign(observed=as_counts(counts["observed"]), expected=expected.to_numpy())
    groups = own.groupby(by, observed=True)
    whole = groups[["observed", "expected"]].count().eq(groups.size(), axis=0)
    table = groups[["observed", "expected"]].sum().where(whole)
    lower, upper = poisson_limits(table["observed"], level=check_level(level))
    overall = multiplier * bands["observed"].sum() / bands["population"].sum()
    base = table["expected"].where(table["expected"] > 0)
    ratios = {"": table["observed"], "_low": lower, "_high": upper}
    table = table.assign(**{f"ratio{end}": top / base for end, top in ratios.items()})
    table["reference_rate"] = overall
    return table.assign(**{f"rate{end}": overall * table[f"ratio{end}"] for end in ratios})


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
    rows = study.read("populations")
    for column in ("sex", "age_band"):
        split = rows[rows[column] != "all"]
        rows = split if len(split) else rows
    calendar = rows["period"].str.fullmatch(r"\d{4}")
    rows = rows[calendar].assign(
        band=_bands(rows.loc[calendar, "age_band"]), year=rows.loc[calendar, "period"].astype(int)
    )
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
