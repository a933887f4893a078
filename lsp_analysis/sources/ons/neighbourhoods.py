"""The partnership's own neighbourhoods: a small CSV file that any borough can write.

One row per neighbourhood and member. A neighbourhood of several definitions (the estate itself, the
estate and its surroundings) has one code and name for each; the headings are `COLUMNS`.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from lsp_analysis.errors import SourceError, did_you_mean
from lsp_analysis.sources.ons.geography import Geography
from lsp_analysis.study.add.grids import open_grids
from lsp_analysis.study.areas import fold_name

COLUMNS = (
    "neighbourhood_code",  # short, lower case, with hyphens
    "neighbourhood_name",
    "definition",  # core or wide
    "is_pilot",  # true where the programme runs
    "member_code",  # code of a small area (LSOA)
    "code_vintage",  # vintage of that code: 2001 or 2011
    "weight",  # share of the member inside, above 0 and up to 1
    "source",  # who says so
)
DEFINITIONS = ("core", "wide")
FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": False}
OF_THE_NEIGHBOURHOOD = ["neighbourhood_name", "definition", "is_pilot"]


def read_neighbourhoods(path: Path, geography: Geography) -> pd.DataFrame:
    """Rows of a neighbourhood file, checked against the borough's small areas.

    Returns
    -------
    DataFrame with `COLUMNS` and ``row``; ``is_pilot`` is a flag, vintage and weight are numbers.

    Raises
    ------
    SourceError
        The file is missing, a column is, or a cell says what cannot be; the message has the row.
    """
    rows = _read_rows(path)
    vintages = {str(vintage): vintage for vintage in geography.codes}
    wanted = {
        "is_pilot": (lambda text: FLAGS.get(text.casefold()), "true or false"),
        "weight": (_weight, "a number above 0 and up to 1"),
        "code_vintage": (vintages.get, " or ".join(vintages)),
        "definition": (dict(zip(DEFINITIONS, DEFINITIONS, strict=True)).get, "core or wide"),
        "neighbourhood_code": (lambda text: text or None, "a short code"),
        "neighbourhood_name": (lambda text: text or None, "a name"),
    }
    for column, (convert, what) in wanted.items():
        made = [convert(text) for text in rows[column]]
        for number, text, value in zip(rows["row"], rows[column], made, strict=True):
            if value is None:
                raise SourceError(
                    f'{path.name}, line {number}: {column} is "{text}" and should be {what}.'
                )
        rows[column] = made
    _refuse_strangers(path, rows, geography)
    _refuse_contradictions(path, rows)
    return rows


def _read_rows(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise SourceError(
            f"There is no neighbourhood file {path}. Correct the path, or leave it out."
        )
    grid = open_grids(path)[0]
    lines = [(number, row) for number, row in grid.rows() if any(map(str.strip, row))]
    headings = [cell.strip() for cell in lines[0][1]] if lines else []
    missing = [name for name in COLUMNS if name not in headings]
    if missing:
        raise SourceError(
            f"The neighbourhood file {path.name} has no column {', '.join(missing)}. "
            f"Its first row should be {','.join(COLUMNS)}."
        )
    if len(lines) == 1:
        raise SourceError(f"The neighbourhood file {path.name} has no rows. Add one per member.")
    short = [number for number, row in lines if len(row) != len(headings)]
    if short:
        raise SourceError(
            f"{path.name}, line {short[0]} has not one cell for each of the {len(headings)} "
            "headings. Quote a name that has a comma in it."
        )
    cells = [[number, *map(str.strip, row)] for number, row in lines[1:]]
    return pd.DataFrame(cells, columns=["row", *headings])[["row", *COLUMNS]]


def _weight(text: str) -> float | None:
    try:
        weight = float(text or 1)
    except ValueError:
        return None
    return weight if 0 < weight <= 1 else None


def _refuse_strangers(path: Path, rows: pd.DataFrame, geography: Geography) -> None:
    """Stop at a member that is not a small area of the borough in the vintage given."""
    codes = geography.codes
    for row in rows.itertuples():
        if row.member_code in codes[row.code_vintage]:
            continue
        others = [vintage for vintage, known in codes.items() if row.member_code in known]
        remedy = (
            f" It is a code of {others[0]}: correct code_vintage."
            if others
            else did_you_mean(row.member_code, codes[row.code_vintage], n=1)
        )
        raise SourceError(
            f'{path.name}, line {row.row}: "{row.member_code}" is not an LSOA of '
            f"{row.code_vintage} in {geography.borough.name} ({geography.borough.code}).{remedy}"
        )


def _refuse_contradictions(path: Path, rows: pd.DataFrame) -> None:
    """Stop when a member repeats, a code means two places, or a name two codes."""
    keys = ["neighbourhood_code", "member_code", "code_vintage"]
    for row in rows[rows.duplicated(keys)].itertuples():
        raise SourceError(
            f"{path.name}, line {row.row}: {row.member_code} is in {row.neighbourhood_code} "
            "already. Delete the repeat."
        )
    places = rows.drop_duplicates(["neighbourhood_code", *OF_THE_NEIGHBOURHOOD])
    for row in places[places.duplicated("neighbourhood_code")].itertuples():
        raise SourceError(
            f"{path.name}, line {row.row}: {row.neighbourhood_code} has another name, definition "
            "or is_pilot than above. Say the same on each of its rows."
        )
    for row in places[places["neighbourhood_name"].map(fold_name).duplicated()].itertuples():
        raise SourceError(
            f'{path.name}, line {row.row}: "{row.neighbourhood_name}" is the name of another '
            "neighbourhood too. Give each definition a name of its own."
        )
