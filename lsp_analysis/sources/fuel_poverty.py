"""Fuel poverty by LSOA, from the government's yearly sub-regional tables.

The figures are modelled from a national survey and not counted, so they get no interval from
counts: they are read as an average of each small area, weighted by its households.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.sources import choice, formats, reading
from lsp_analysis.sources.formats import Format, Found, Publication, SourceTable
from lsp_analysis.sources.register import Register

KIND = "fuel_poverty"
INDICATOR_ID = "fuel_poverty"
PERCENT = 100.0
TOLERANCE = 0.01  # percentage points, as tables are rounded


def _year(table: SourceTable, texts: dict[str, str]) -> dict[str, int]:
    return {"year": formats.year_of(table)}


FORMATS = (
    Format(
        KIND,
        Publication(
            "Sub-regional fuel poverty {year}",
            "Department for Business, Energy and Industrial Strategy",
        ),
        {
            "area_code": "lsoa code",
            "households": r"number of households\d*",
            "poor": r"number of households in fuel poverty\d*",
            "percent": r"proportion of households fuel poor \(%\)",
        },
        settle=_year,
    ),
)


def indicator() -> dict[str, object]:
    """The indicator's row of the table `indicators`."""
    return {
        "indicator_id": INDICATOR_ID,
        "name": "Households in fuel poverty (modelled)",
        "definition": "Households with low income in a home that is costly to heat (low income, "
        "low energy efficiency), of all households. Modelled from a national survey: good for "
        "where it is high and low, not for telling one small area from the next.",
        "unit": "percent",
        "value_type": "score",
        "multiplier": PERCENT,
        "polarity": "low_is_good",
        "source": "Sub-regional fuel poverty, Department for Business, Energy and Industrial "
        "Strategy",
        "licence": "Open Government Licence v3.0",
    }


def import_fuel_poverty(
    founds: Sequence[Found], codes: Sequence[str], register: Register
) -> pd.DataFrame:
    """All years in the folder as rows of the table `observations`; empty when there are none.

    Parameters
    ----------
    founds : tables found.
    codes : the borough's small areas of 2011.
    register : gets the tables used.
    """
    parts = []
    for year in sorted({found.facts["year"] for found in founds}):
        copies = []
        for found in choice.preferred(f for f in founds if f.facts["year"] == year):
            rows = _read(found, codes)
            if not rows.empty:
                choice.refuse_gaps(rows["area_code"], codes, found)
                copies.append((found, rows))
        if copies:
            rows = choice.settle_copies(copies, "area_code", "value", register)[1]
            ends = {"period_start": f"{year}-01-01", "period_end": f"{year}-12-31"}
            parts.append(rows.assign(indicator_id=INDICATOR_ID, **ends))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _read(found: Found, codes: Sequence[str]) -> pd.DataFrame:
    """Households and the share that is poor; SourceError where it is not the count over them."""
    text = reading.read(found, codes)
    reading.refuse_repeats(text, ["area_code"], found)
    households, poor, percent = (
        reading.numbers(text, role, found) for role in ("households", "poor", "percent")
    )
    wrong = text[(PERCENT * poor / households - percent).abs() > TOLERANCE]
    if not wrong.empty:
        raise SourceError(
            f"{found.table.place}, row {wrong['row'].iloc[0]}: the proportion is not the fuel poor "
            "over all households, so the row is damaged. Download the file again."
        )
    return pd.DataFrame(
        {"area_code": text["area_code"], "denominator": households, "value": percent}
    )
