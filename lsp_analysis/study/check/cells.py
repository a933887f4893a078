"""Check a table's cells as text: what spreadsheets and publishers leave in them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import pandas as pd

from lsp_analysis.study import schema
from lsp_analysis.study.check.problems import Problem, Sheet
from lsp_analysis.study.periods import MONTHS, parse_period

Finding = tuple[str, str]
Judge = Callable[[str], list[Finding]]

MONTH_NAME = "(?:" + "|".join(MONTHS) + ")"
MONTH_YEAR = re.compile(rf"{MONTH_NAME}-\d\d(\d\d)?$|\d{{1,2}}-{MONTH_NAME}(-\d\d(\d\d)?)?$", re.I)
SERIAL = re.compile(r"[2-6]\d{4}(\.0+)?$")
SERIAL_DAY_0 = pd.Timestamp("1899-12-30")
SCIENTIFIC = re.compile(r"[+-]?\d+(\.\d+)?e\+\d+$", re.I)
FINANCIAL_YEAR = re.compile(r"(19|20)\d\d/\d\d$")
SLASHED_DATE = re.compile(r"\d{1,2}/\d{1,2}/(\d\d)?\d\d$")
COMMAS = re.compile(r"-?[£$€]?\d{1,3}([, \u00a0\u2009\u202f]\d{3})+(\.\d+)?$|-?[£$€]\d+(\.\d+)?$")
MINUS_SIGNS = "−‒–"
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
SPREADSHEET_ERRORS = ("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "####")
MOJIBAKE = re.compile(r"â€[™˜œž\x9d“”¦]|Ã[\x80-\xbf©¨¼¶¤]|Â[\xa0-\xbf]|ï»¿|\ufffd")
FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
PERIOD_COLUMNS = ("period", "baseline_period", "due")
GROUP_COLUMNS = ("age", "age_band", "group", "sex")


def judge_sheet(
    table: str, file: str, text: pd.DataFrame, problems: list[Problem]
) -> tuple[Sheet, list[Problem]]:
    """The sheet of a table of text and the problems of its cells, added to `problems`."""
    typed = {}
    found = Sheet(table, file, text, pd.DataFrame(index=text.index))
    for column in schema.TABLES[table].columns:
        cells = (
            text[column.name]
            if column.name in text
            else pd.Series("", index=text.index, dtype="str")
        )
        problems += judge_cells(found, column, cells)
        typed[column.name] = read_cells(cells, column)
    return Sheet(table, file, text, pd.DataFrame(typed, index=text.index)), problems


def judge_cells(sheet: Sheet, column: schema.Column, cells: pd.Series) -> list[Problem]:
    """What is wrong with the cells of one column, each distinct text judged once."""
    judge = _judge_of(column)
    verdicts = {}
    for text in cells.unique():
        found = _blanks(text) + (judge(text.strip()) if text.strip() else [])
        if found:
            verdicts[text] = found
    problems = []
    if verdicts:
        for row, text in cells[cells.isin(list(verdicts))].items():
            problems += [
                Problem(sheet.file, int(row), column.name, text, problem, remedy)
                for problem, remedy in verdicts[text]
            ]
    return problems


def read_cells(cells: pd.Series, column: schema.Column) -> pd.Series:
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
    decimals = cells.str.strip().str.extract(r"\.(\d*)$", expand=False).fillna("").str.len()
    return 0.5 * 10.0 ** -decimals.astype("float64")


def _judge_of(column: schema.Column) -> Judge:
    if column.type != "string":
        judges = {"date": judge_date, "boolean": judge_flag, "integer": judge_whole}
        return judges.get(column.type, judge_number)
    if column.name in PERIOD_COLUMNS:
        return judge_period
    if column.name.endswith(("_code", "_id")) or column.name in GROUP_COLUMNS:
        return judge_code
    return judge_text


def _blanks(text: str) -> list[Finding]:
    if text == text.strip():
        return []
    return [("The cell has blanks before or after its text.", "Remove the blanks.")]


def judge_text(text: str) -> list[Finding]:
    """Spreadsheet errors and characters read in the wrong encoding."""
    if text in SPREADSHEET_ERRORS or text.startswith("####"):
        return [
            ("The cell is a spreadsheet's error.", "Correct it in the source, or leave it blank.")
        ]
    if MOJIBAKE.search(text):
        problem = "The text was read in the wrong encoding at some time (mojibake)."
        return [(problem, "Take the text from the source again, as UTF-8.")]
    if CONTROL.search(text):
        return [("The cell holds a control character.", "Write the text again without it.")]
    return []


def judge_code(text: str) -> list[Finding]:
    """Codes, identifiers and age bands that a spreadsheet took for numbers or dates."""
    if SCIENTIFIC.match(text):
        problem = "A spreadsheet turned this code into a number in scientific form."
        return [(problem, "Write the code again, in a column formatted as text.")]
    if MONTH_YEAR.match(text):
        problem = "A spreadsheet took this code or band for a date."
        return [(problem, "Write it again as text, for example 10-14 for Oct-14.")]
    hidden = next((letter for letter in text if not letter.isprintable()), "")
    if hidden:
        problem = f"The code holds a character that cannot be seen (U+{ord(hidden):04X})."
        return [(problem, "Write the code again without it.")]
    return judge_text(text)


def judge_period(text: str) -> list[Finding]:
    """Texts that should name a period."""
    if parse_period(text) is not None:
        return []
    shape = _date_damage(text)
    if shape:
        remedy = "Write the period as 2008, 2008/09, 2008-04 or 2008-Q2, in a column of text."
        return [(shape, remedy)]
    remedy = "Write 2008 (a calendar year), 2008/09 (April to March), 2008-04 or 2008-Q2."
    return judge_text(text) or [("This does not name a period.", remedy)]


def judge_date(text: str) -> list[Finding]:
    """Dates that are not ISO dates."""
    period = parse_period(text)
    if period is not None and period.freqstr == "D" and len(text) == len("2008-04-01"):
        return []
    remedy = "Write the date as year-month-day, for example 2008-04-01."
    shape = _date_damage(text)
    if shape:
        return [(shape, _serial_remedy(text) or remedy)]
    if FINANCIAL_YEAR.match(text):
        problem = "A financial year stands where one day should."
        return [
            (problem, "Write its first day (1 April) or last day (31 March) as year-month-day.")
        ]
    return judge_text(text) or [("This is not a date.", remedy)]


def _date_damage(text: str) -> str:
    if MONTH_YEAR.match(text):
        return "A spreadsheet rewrote this date or period as a month and a year."
    if SERIAL.match(text):
        return "This is a spreadsheet's serial number of a day."
    if SLASHED_DATE.match(text):
        return "A spreadsheet wrote this date or period with slashes; day and month may be swapped."
    return ""


def _serial_remedy(text: str) -> str:
    if not SERIAL.match(text):
        return ""
    day = SERIAL_DAY_0 + pd.Timedelta(days=int(float(text)))
    return f"It stands for {day:%Y-%m-%d}: write that."


def judge_flag(text: str) -> list[Finding]:
    """Flags that are neither true nor false."""
    if text.casefold() in FLAGS:
        return []
    return judge_text(text) or [("This is neither true nor false.", "Write true or false.")]


def judge_number(text: str) -> list[Finding]:
    """Numbers with commas, signs or publishers' marks."""
    if SCIENTIFIC.match(text):
        problem = "A spreadsheet shortened this number to its scientific form; digits may be lost."
        return [(problem, "Take the number from the source again, in full.")]
    if _is_number(text):
        return []
    if text in SPREADSHEET_ERRORS:
        return judge_text(text)
    if text in schema.MISSING_MARKS:
        meaning = schema.MISSING_MARKS[text]
        problem = f'"{text}" is a publisher\'s mark for a missing number ({meaning}).'
        return [(problem, f'Leave the cell blank and write "{meaning}" in the column note.')]
    if COMMAS.match(text):
        plain = re.sub(r"[£$€,\s]", "", text)
        return [("The number has thousands commas or a currency sign.", f"Write {plain}.")]
    if text[0] in MINUS_SIGNS and _is_number(text[1:]):
        problem = "The number has a dash of print instead of a minus sign."
        return [(problem, f"Write -{text[1:]}.")]
    if text.endswith("%") and _is_number(text[:-1]):
        return [("The number has a percent sign.", f"Write {text[:-1].strip()}.")]
    shape = _date_damage(text)
    if shape:
        return [(shape, "Write the number again, in a column formatted as a number.")]
    return judge_text(text) or [("This is not a number.", "Correct it, or leave the cell blank.")]


def judge_whole(text: str) -> list[Finding]:
    """Numbers, and decimals where there can be none."""
    if _is_number(text) and not float(text).is_integer():
        return [("This should be a whole number.", "Correct it.")]
    return judge_number(text)


def _is_number(text: str) -> bool:
    written = re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", text, re.I | re.A)
    return written is not None and math.isfinite(float(text))
