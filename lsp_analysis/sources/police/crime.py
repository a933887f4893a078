"""Monthly indicators of recorded crime by small area, one per crime type, from `police`.

A month counts for the borough if its force's files hold it: then areas without a crime have zero.
A month that no file holds, or only part of, is left out and told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lsp_analysis.sources.formats import Found
from lsp_analysis.sources.ons.geography import Geography
from lsp_analysis.sources.police.street import read_crimes
from lsp_analysis.sources.register import Register
from lsp_analysis.study.areas import slug

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

PER = 1_000.0
EVERY_TYPE = "All crime and anti-social behaviour"
WHOLE = 1 / 3  # a month with less than this share of the median month is part of one
USUAL = 10  # a type with as many in its median month is not at zero by chance (1 in 20,000)
PER_AREA = 1  # least crimes of a type per small area, over all months, for an indicator
CAVEAT = (
    "Points are anonymised: each crime is moved to the nearest of a fixed list of anchor points, "
    "such as the middle of a street, so one near an edge may be counted in the area next door. "
    "Only what is reported and recorded is counted, and recording has changed over the years."
)


def import_crime(
    founds: Sequence[Found],
    geography: Geography,
    shapes: GeoDataFrame | None,
    people: pd.DataFrame,
    register: Register,
    what: str = "",
) -> tuple[list[dict[str, object]], pd.DataFrame]:
    """Rows of the tables `indicators` and `observations`; none when no file has the borough.

    Parameters
    ----------
    founds : street files and tables of points that were found.
    geography : its borough and small areas of the study.
    shapes : polygons of those areas in EPSG:27700, to place points by; None if there are none.
    people : rows of the table `populations`; without any, the indicators are counts.
    register : gets the files used, and notes on months, types and points that were not.
    what : what the files are of, if not of recorded crime: put before the name of each type.
    """
    crimes = read_crimes(founds, geography, shapes, register)
    if crimes.empty:
        return [], pd.DataFrame()
    months = _covered(crimes, register)
    crimes = crimes.merge(months, on=["month", "crime_type", "points"])
    codes = geography.own
    indicators, parts, rare = [], [], []
    for crime_type, rows, held in _by_type(crimes, months, together=not what):
        if len(rows) < PER_AREA * len(codes):
            rare.append(f"{crime_type} ({len(rows):,})")
            continue
        indicators.append(indicator(crime_type, rates=not people.empty, what=what))
        counts = _counts(rows, codes, held)
        parts.append(counts.assign(indicator_id=indicators[-1]["indicator_id"]))
    if rare:
        register.note(
            "Crime types with fewer than one crime per small area in all months together are no "
            f"indicator: {', '.join(sorted(rare))}."
        )
    if not parts:
        return [], pd.DataFrame()
    coverage = crimes.groupby("month")["coverage"].mean()
    made = pd.concat(parts, ignore_index=True)
    made["coverage"] = made["month"].map(coverage).round(4)
    least = coverage.min()
    if least < 1:
        register.note(
            f"Of the rows in these files, {least:.1%} or more a month have a place; those without "
            "are of no area. The share stands beside each observation (column coverage)."
        )
    return indicators, _as_observations(made, people, register)


def indicator(crime_type: str, *, rates: bool, what: str = "") -> dict[str, object]:
    """The indicator's row of the table `indicators`; a count when not `rates`."""
    per = "per 1,000 residents, " if rates else ""
    crime_type = f"{what}: {crime_type}" if what and what != crime_type else crime_type
    return {
        "indicator_id": slug(crime_type).replace("-", "_"),
        "name": f"{crime_type} (monthly)",
        "definition": f"{crime_type} recorded by the police in the month, {per}under the name "
        f"of data.police.uk. {CAVEAT}",
        "unit": "per_1000" if rates else "count",
        "value_type": "rate" if rates else "count",
        "kind": "events",
        "multiplier": PER if rates else 1.0,
        "polarity": "low_is_good",
        "source": "Street-level crime, data.police.uk",
        "licence": "Open Government Licence v3.0",
    }


def _covered(crimes: pd.DataFrame, register: Register) -> pd.DataFrame:
    """Each month and crime type that the files hold, and whether points give it.

    Street files before tables of points, which may be of the same crimes.
    """
    held = [
        _months(rows, register).assign(points=points) for points, rows in crimes.groupby("points")
    ]
    months = pd.concat(held, ignore_index=True).sort_values("points", kind="stable")
    months = months.drop_duplicates(["month", "crime_type"])
    have = pd.PeriodIndex(sorted(months["month"].unique()), freq="M")
    lacking = pd.period_range(have[0], have[-1], freq="M").difference(have)
    if len(lacking):
        register.note(
            f"Recorded crime has no file of the borough for {', '.join(map(str, lacking))}."
        )
    register.note(f"Recorded crime covers {have[0]} to {have[-1]} (months: {len(have)}).")
    return months


def _months(rows: pd.DataFrame, register: Register) -> pd.DataFrame:
    """Months by crime types that are wholly in the files of one kind."""
    table = pd.crosstab(rows["month"], rows["crime_type"])
    total = table.sum(axis=1)
    partly = total < WHOLE * total.median()
    for month in total.index[partly]:
        register.note(
            f"Recorded crime of {month} has {total[month]:,} crimes where a month usually has "
            f"{total.median():,.0f}: part of a month, left out."
        )
    table = table[~partly]
    # The median of months that have any, so that a type renamed half-way is not at zero before.
    lacking = table.eq(0) & table.where(table > 0).median().ge(USUAL)
    for crime_type in lacking.columns[lacking.any()]:
        found = ", ".join(table.index[lacking[crime_type]])
        register.note(f"{crime_type}: no crime at all in {found}, taken as missing, not as zero.")
    whole = table.index[~lacking.any(axis=1)]
    held = (~lacking).melt(ignore_index=False, value_name="held").reset_index()
    held = held.loc[held["held"], ["month", "crime_type"]]
    return held.assign(complete=held["month"].isin(whole))


def _by_type(
    crimes: pd.DataFrame, months: pd.DataFrame, *, together: bool
) -> list[tuple[str, pd.DataFrame, list[str]]]:
    """Crimes and months of each type, commonest first, after those of all types together.

    All together only from street files of several types, in months that lack none.
    """
    made = []
    if together and len(months.loc[~months["points"], "crime_type"].unique()) > 1:
        held = months[months["complete"] & ~months["points"]]["month"].unique()
        every = crimes[crimes["month"].isin(held) & ~crimes["points"]]
        made.append((EVERY_TYPE, every, sorted(held)))
    for crime_type in crimes["crime_type"].value_counts().index:
        held = months.loc[months["crime_type"] == crime_type, "month"]
        made.append((crime_type, crimes[crimes["crime_type"] == crime_type], sorted(held)))
    return made


def _counts(rows: pd.DataFrame, codes: Sequence[str], months: Sequence[str]) -> pd.DataFrame:
    """Crimes of every area in every month, zero where there are none."""
    every = pd.MultiIndex.from_product([months, codes], names=["month", "area_code"])
    counts = rows.groupby(["month", "area_code"]).size().reindex(every, fill_value=0)
    return counts.rename("numerator").reset_index()


def _as_observations(
    counts: pd.DataFrame, people: pd.DataFrame, register: Register
) -> pd.DataFrame:
    period = pd.PeriodIndex(counts["month"], freq="M")
    made = counts.drop(columns="month").assign(
        period_start=period.start_time.strftime("%Y-%m-%d"),
        period_end=period.end_time.strftime("%Y-%m-%d"),
    )
    if people.empty:
        register.note("No mid-year populations were found: recorded crime is in counts, not rates.")
        return made.assign(value=made["numerator"])
    residents = people.groupby(["period", "area_code"])["population"].sum()
    estimates = np.array(sorted(int(year) for year in people["period"].unique()))
    # The nearest estimate, of two as near the earlier.
    nearest = {
        year: int(estimates[np.abs(estimates - year).argmin()]) for year in sorted(set(period.year))
    }
    said = ", ".join(f"{year} over mid-{used}" for year, used in nearest.items())
    register.note(f"Recorded crime is over residents of the nearest estimate: {said}.")
    years = pd.Series(period.year, index=made.index).map(nearest).astype("str")
    keys = pd.MultiIndex.from_arrays([years, made["area_code"]])
    made["denominator"] = residents.reindex(keys).to_numpy(dtype="float64")
    return made.assign(value=made["numerator"] / made["denominator"] * PER)
