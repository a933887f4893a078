"""Check a table's cells as text: what spreadsheets and publishers leave in them.

`cells.csv` lists how a damaged cell is written (a regular expression of all of its text) in columns
that hold text, codes, periods, dates, flags or numbers, with the problem and the remedy; the first
that fits is told.
"""

import math
import re
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pandas as pd

from lsp_analysis.study import schema
from lsp_analysis.study.check.problems import Problem, Sheet, as_written
from lsp_analysis.study.periods import MONTHS, parse_period

SERIAL_DAY_0 = pd.Timestamp("1899-12-30")
NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?"
# What stands for a longer expression in `cells.csv`; "<unseen>" is told by `_findings` itself.
SHORT = {
    "<month>": f"({'|'.join(MONTHS)})",
    "<number>": NUMBER,
    "<mark>": f"(?-i:{'|'.join(map(re.escape, schema.MISSING_MARKS))})",
}
FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
PERIOD_COLUMNS = ("period", "baseline_period", "due")
GROUP_COLUMNS = ("age", "age_band", "group", "sex")


def judge_sheet(
    table: str, file: str, text: pd.DataFrame, problems: list[Problem]
) -> tuple[Sheet, list[Problem]]:
    """The sheet of a table of text and the problems of its cells, added to `problems`."""
    typed = {}
    for column in schema.TABLES[table].columns:
        cells = text.get(column.name, pd.Series("", index=text.index, dtype="str"))
        if is_of(cells, column):
            typed[column.name] = cells.astype("float64" if column.type != "date" else cells.dtype)
        else:
            problems += _judge_cells(file, column, cells)
            typed[column.name] = _read_cells(cells, column)
    return Sheet(table, file, text, pd.DataFrame(typed, index=text.index)), problems


def is_of(cells: pd.Series, column: schema.Column) -> bool:
    """Whether the cells of a Parquet file are dates or finite numbers, as their column is to be."""
    if column.type == "date":
        whole_days = pd.api.types.is_datetime64_dtype(cells) and cells.dt.normalize().eq(cells)
        return bool(np.all(whole_days | cells.isna()))
    numeric = pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells)
    if column.type not in ("number", "integer") or not numeric:
        return False
    numbers = cells.astype("float64")
    whole = column.type == "number" or bool((numbers.dropna() % 1 == 0).all())
    return whole and not bool(np.isinf(numbers).any())


def _judge_cells(file: str, column: schema.Column, cells: pd.Series) -> Iterator[Problem]:
    """What is wrong with the cells of one column, each distinct text judged once."""
    kind = _held_by(column)
    verdicts = {text: found for text in cells.unique() if (found := _findings(text, kind))}
    for row, text in cells[cells.isin(list(verdicts))].items() if verdicts else ():
        for finding in verdicts[text]:
            yield Problem(file, *finding, int(row), column.name, text)


def _read_cells(cells: pd.Series, column: schema.Column) -> pd.Series:
    """One column in the type of the schema; missing where its text cannot be read."""
    text = cells.str.strip()
    if column.type in ("number", "integer"):
        numbers = pd.to_numeric(text, errors="coerce").astype("float64")
        return numbers.where(numbers.abs() < math.inf)
    if column.type == "date":
        stored = text.where(text.str.fullmatch(r"\d{4}-\d\d-\d\d"))
        return pd.to_datetime(stored, format="%Y-%m-%d", errors="coerce")
    if column.type == "boolean":
        return text.str.casefold().map(FLAGS).astype("boolean").fillna(bool(column.default))
    present = text.where(text != "")
    return present if column.default is None else present.fillna(column.default)


def rounding_of(cells: pd.Series) -> pd.Series:
    """Half of the last decimal place that each number is written with."""
    decimals = (
        as_written(cells).str.strip().str.extract(r"\.(\d*)$", expand=False).fillna("").str.len()
    )
    return 0.5 * 10.0 ** -decimals.astype("float64")


def _held_by(column: schema.Column) -> str:
    """What a column holds: text, code, period, date, flag, whole or number."""
    if column.type != "string":
        return {"date": "date", "boolean": "flag", "integer": "whole"}.get(column.type, "number")
    if column.name in PERIOD_COLUMNS:
        return "period"
    coded = column.name.endswith(("_code", "_id")) or column.name in GROUP_COLUMNS
    return "code" if coded else "text"


@cache
def _damages(kind: str) -> list[tuple[re.Pattern[str] | None, str, str]]:
    """How damaged cells of a kind are written, the problem and the remedy."""
    made = []
    for row in schema.listed("cells.csv"):
        if kind in row["holds"].split(";"):
            written = re.sub("<(?:month|number|mark)>", lambda m: SHORT[m[0]], row["written"])
            pattern = None if written == "<unseen>" else re.compile(written, re.IGNORECASE)
            made.append((pattern, row["problem"], row["remedy"]))
    return made


def _findings(text: str, kind: str) -> list[tuple[str, str]]:
    """What is wrong with a cell's text, each problem with its remedy."""
    bare = text.strip()
    blanks = "The cell has blanks before or after its text."
    found = [] if text == bare else [(blanks, "Remove the blanks.")]
    if not bare or (kind in SOUND and SOUND[kind](bare)):
        return found
    for pattern, problem, remedy in _damages(kind):
        if pattern.fullmatch(bare) if pattern else not bare.isprintable():
            said = _told(bare) if "{" in problem + remedy else {}
            return [*found, (problem.format_map(said), remedy.format_map(said))]
    return found


def _told(text: str) -> dict[str, str]:
    """What a problem or a remedy may quote of a cell."""
    unseen = next((letter for letter in text if not letter.isprintable()), " ")
    said = {
        "text": text,
        "unseen": f"U+{ord(unseen):04X}",
        "meaning": schema.MISSING_MARKS.get(text, ""),
        "plain": re.sub(r"[£$€,%\s−‒–]", "", text),
    }
    if re.fullmatch(r"\d{5}(\.0+)?", text):
        said["day"] = f"{SERIAL_DAY_0 + pd.Timedelta(days=int(float(text))):%Y-%m-%d}"
    return said


def _is_day(text: str) -> bool:
    period = parse_period(text)
    return period is not None and period.freqstr == "D" and len(text) == len("2008-04-01")


def _is_number(text: str) -> bool:
    written = re.fullmatch(NUMBER, text, re.IGNORECASE)
    return written is not None and "e+" not in text.lower() and math.isfinite(float(text))


SOUND: dict[str, Callable[[str], bool]] = {
    "period": lambda text: parse_period(text) is not None,
    "date": _is_day,
    "flag": lambda text: text.casefold() in FLAGS,
    "number": _is_number,
    "whole": lambda text: _is_number(text) and float(text).is_integer(),
}
