"""The yearly claimant panel of the Annual Deprivation Index (Autonomy, from Nomis).

One file per year and one row per LSOA of 2011. ``claimant_count`` adds up the monthly counts of the
year, so one person who claims all year counts twelve times; ``pop`` is the mid-year estimate of
residents aged 16 and over (it equals those ages of the ONS estimates of 2017, 2019 and 2020 in
every LSOA of Greater Manchester). Their ratio is claimant-months per resident, not a claimant rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pandas as pd

from lsp_analysis.errors import SourceError
from lsp_analysis.sources import choice, formats, reading
from lsp_analysis.sources.formats import Format, Found, Publication, SourceTable
from lsp_analysis.sources.register import Register

KIND = "claimants"
INDICATOR_ID = "claimant_months"
PER = 1_000.0
SOURCE = "Annual Deprivation Index (Autonomy), from the claimant count of Nomis"
DEFINITION = (
    "Monthly claimant counts of the calendar year added up (claimant-months: a person who claims "
    "all year counts twelve times), per 1,000 residents aged 16 and over at mid-year. Monthly "
    "counts are rounded to 5. The count takes in Universal Credit claimants who must seek work, "
    "whose number grew as that benefit was brought in, so that a change over time is not a change "
    "in unemployment alone."
)


def _year(table: SourceTable, texts: dict[str, str]) -> dict[str, int]:
    return {"year": formats.year_of(table)}


FORMATS = (
    Format(
        KIND,
        Publication(
            "Claimant count by LSOA {year}, Annual Deprivation Index", "Autonomy, from Nomis"
        ),
        {
            "area_code": "area_code",
            "residents": "pop",
            "rate": "claimant_rate",
            "claimant_months": "claimant_count",
        },
        settle=_year,
    ),
)


def indicator() -> dict[str, object]:
    """The indicator's row of the table `indicators`."""
    return {
        "indicator_id": INDICATOR_ID,
        "name": "Claimant-months per 1,000 residents aged 16 and over",
        "definition": DEFINITION,
        "unit": "per_1000",
        "value_type": "person_periods",
        "multiplier": PER,
        "polarity": "low_is_good",
        "source": SOURCE,
        "licence": "Open Government Licence v3.0",
    }


def import_claimants(
    founds: Sequence[Found], codes: Sequence[str], register: Register
) -> pd.DataFrame:
    """All years in the folder as rows of the table `observations`.

    Parameters
    ----------
    founds : claimant files that were found.
    codes : the borough's small areas of 2011.
    register : gets the files used, and a note on years that lack and years whose residents repeat.
    """
    parts = []
    for year in sorted({found.facts["year"] for found in founds}):
        part = _one_year(
            [found for found in founds if found.facts["year"] == year], codes, register
        )
        if part is not None:
            parts.append(part.assign(year=year))
    if not parts:
        register.note("No claimant file of this borough was found in the folder.")
        return pd.DataFrame(columns=["indicator_id", "area_code", "period_start", "period_end"])
    panel = pd.concat(parts, ignore_index=True)
    _note_gaps(panel, register)
    return _as_observations(panel, _carried_forward(panel, register))


def _one_year(
    founds: Sequence[Found], codes: Sequence[str], register: Register
) -> pd.DataFrame | None:
    copies = []
    for found in choice.preferred(founds):
        rows = _read_year(found, codes)
        if not rows.empty:
            choice.refuse_gaps(rows["area_code"], codes, found)
            copies.append((found, rows))
    if not copies:
        return None
    return choice.settle_copies(copies, "area_code", "claimant_months", register)[1]


def _read_year(found: Found, codes: Sequence[str]) -> pd.DataFrame:
    text = reading.read(found, codes)
    reading.refuse_repeats(text, ["area_code"], found)
    columns = ("residents", "claimant_months", "rate")
    rows = text.assign(**{column: reading.numbers(text, column, found) for column in columns})
    wrong = rows[(rows["claimant_months"] / rows["residents"] - rows["rate"]).abs() > 1e-6]
    if not wrong.empty:
        raise SourceError(
            f"{found.table.place}, row {wrong['row'].iloc[0]}: the claimant rate is not the count "
            "over the residents, so the row is damaged. Download the file again."
        )
    return rows[["area_code", "residents", "claimant_months"]]


def _note_gaps(panel: pd.DataFrame, register: Register) -> None:
    years = sorted(panel["year"].unique())
    lacking = sorted(set(range(years[0], years[-1])) - set(years))
    if lacking:
        register.note(f"The claimant panel has no file for {', '.join(map(str, lacking))}.")


def _carried_forward(panel: pd.DataFrame, register: Register) -> list[int]:
    """Years whose residents are, in every area, those of the year before."""
    residents = panel.set_index(["year", "area_code"])["residents"].sort_index()
    years = sorted(panel["year"].unique())
    repeats = [
        year for before, year in pairwise(years) if residents[year].equals(residents[before])
    ]
    if repeats:
        register.note(
            f"The claimant panel's residents of {', '.join(map(str, repeats))} repeat those of the "
            'year before: these rates carry the note "estimated".'
        )
    return repeats


def _as_observations(panel: pd.DataFrame, estimated: list[int]) -> pd.DataFrame:
    year = panel["year"].astype("str")
    note = pd.Series("", index=panel.index).mask(panel["year"].isin(estimated), "estimated")
    return pd.DataFrame(
        {
            "indicator_id": INDICATOR_ID,
            "area_code": panel["area_code"],
            "period_start": year + "-01-01",
            "period_end": year + "-12-31",
            "numerator": panel["claimant_months"],
            "denominator": panel["residents"],
            "value": panel["claimant_months"] / panel["residents"] * PER,
            "note": note.mask(note == ""),
        }
    )
