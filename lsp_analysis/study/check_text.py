"""Check a table's file as text: encoding, shape, and what spreadsheets do to cells."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from lsp_analysis.errors import did_you_mean
from lsp_analysis.study import schema
from lsp_analysis.study.periods import MONTHS, parse_period
from lsp_analysis.study.problems import Problem, Sheet

Finding = tuple[str, str]
Judge = Callable[[str], list[Finding]]

MONTH_NAME = "(?:" + "|".join(MONTHS) + ")"
MONTH_YEAR = re.compile(rf"{MONTH_NAME}-\d\d(\d\d)?$|\d{{1,2}}-{MONTH_NAME}(-\d\d(\d\d)?)?$", re.I)
SERIAL = re.compile(r"[2-6]\d{4}(\.0+)?$")
SERIAL_DAY_0 = pd.Timestamp("1899-12-30")
SCIENTIFIC = re.compile(r"-?\d+(\.\d+)?e\+\d+$", re.I)
FINANCIAL_YEAR = re.compile(r"(19|20)\d\d/\d\d$")
SLASHED_DATE = re.compile(r"\d{1,2}/\d{1,2}/(\d\d)?\d\d$")
COMMAS = re.compile(r"-?[£$€]?\d{1,3}(,\d{3})+(\.\d+)?$")
SPREADSHEET_ERRORS = ("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "####")
MOJIBAKE = re.compile(r"â€[™˜œž\x9d“”¦]|Ã[\x80-\xbf©¨¼¶¤]|Â[\xa0-\xbf]|ï»¿|\ufffd")
FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
PERIOD_COLUMNS = ("period", "baseline_period", "due")
GROUP_COLUMNS = ("age", "age_band", "group", "sex")
UTF8_BOM = b"\xef\xbb\xbf"
UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


def load_sheet(path: Path, table: str) -> tuple[Sheet | None, list[Problem]]:
    """The table in the file `path` and what is wrong with its text; None when it cannot be read."""
    try:
        if path.suffix == ".parquet":
            return _load_parquet(path, table)
        return _load_csv(path, table)
    except Exception as error:  # whatever a damaged file provokes is a finding, not the end
        first = (str(error).splitlines() or [type(error).__name__])[0][:160]
        problem = f"The file cannot be read ({first})."
        return None, [Problem(path.name, 0, "", "", problem, "Restore it from a copy.")]


def _load_csv(path: Path, table: str) -> tuple[Sheet | None, list[Problem]]:
    text, problems = decode(path.name, path.read_bytes())
    records = list(csv.reader(io.StringIO(text, newline="")))
    if not records or not any(records[0]):
        problem = "The file is empty: it has no header."
        remedy = f"Write the header: {', '.join(schema.TABLES[table].names)}."
        return None, [*problems, Problem(path.name, 0, "", "", problem, remedy)]
    header, rows = [name.strip() for name in records[0]], records[1:]
    problems += _header_problems(path.name, table, header)
    problems += _ragged(path.name, rows, len(header))
    width = len(header)
    kept = {
        number: (row + [""] * width)[:width] for number, row in enumerate(rows, start=2) if any(row)
    }
    frame = pd.DataFrame.from_dict(kept, orient="index", columns=header, dtype="str")
    frame = frame.loc[:, ~frame.columns.duplicated() & (frame.columns != "")]
    return judge_sheet(table, path.name, frame, problems)


def _load_parquet(path: Path, table: str) -> tuple[Sheet | None, list[Problem]]:
    frame = pd.read_parquet(path)
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    text = pd.DataFrame({name: _parquet_text(values) for name, values in frame.items()})
    return judge_sheet(
        table, path.name, text, _header_problems(path.name, table, list(frame.columns))
    )


def _parquet_text(values: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(values):
        values = values.dt.strftime("%Y-%m-%d")
    return values.astype("str").where(values.notna(), "")


def decode(file: str, content: bytes) -> tuple[str, list[Problem]]:
    """The text of a file and what is wrong with its encoding."""
    save = "Save it as CSV UTF-8 without a byte-order mark."
    if content.startswith(UTF16_BOMS):
        problem = "The file is in UTF-16 and should be in UTF-8."
        return content.decode("utf-16", "replace"), [Problem(file, 1, "", "", problem, save)]
    problems = []
    if content.startswith(UTF8_BOM):
        problem = "The file begins with a byte-order mark (BOM), which hides its first column name."
        problems.append(Problem(file, 1, "", "", problem, save))
        content = content[len(UTF8_BOM) :]
    try:
        return content.decode("utf-8"), problems
    except UnicodeDecodeError:
        pass
    for number, line in enumerate(content.split(b"\n"), start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            shown = line.decode("cp1252", "replace").strip()
            wrong = line[error.start : error.end].decode("cp1252", "replace")
            problem = f"The character {wrong} is not in UTF-8; it looks like Windows cp1252."
            problems.append(Problem(file, number, "", shown, problem, save))
    return content.decode("cp1252", "replace"), problems


def _header_problems(file: str, table: str, header: list[str]) -> list[Problem]:
    known = schema.TABLES[table]
    problems = []
    for name in dict.fromkeys(name for name in header if header.count(name) > 1):
        problem = "The header has this column more than once."
        problems.append(Problem(file, 1, name, name, problem, "Keep one of them."))
    others = [name for name in header if name not in known.names]
    for column in known.columns:
        if column.required and column.default is None and column.name not in header:
            hint = did_you_mean(column.name, others, n=1).replace("Did you mean", "Is it")
            problem = f"The column {column.name} ({column.about}) is missing.{hint}"
            problems.append(Problem(file, 1, column.name, "", problem, "Add or rename the column."))
    return problems


def _ragged(file: str, rows: list[list[str]], width: int) -> list[Problem]:
    remedy = "Restore the row: the file may be cut short, or text with a comma lacks its quotes."
    return [
        Problem(
            file, number, "", ",".join(row), f"The row has {len(row)} cells, not {width}.", remedy
        )
        for number, row in enumerate(rows, start=2)
        if any(row) and len(row) != width
    ]


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
        return pd.to_numeric(text, errors="coerce").astype("float64")
    if column.type == "date":
        stored = text.where(text.str.fullmatch(r"\d{4}-\d\d-\d\d"))
        return pd.to_datetime(stored, format="%Y-%m-%d", errors="coerce")
    if column.type == "boolean":
        return text.str.casefold().map(FLAGS).astype("boolean").fillna(bool(column.default))
    present = text.where(text != "")
    return present if column.default is None else present.fillna(column.default)


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
    return []


def judge_code(text: str) -> list[Finding]:
    """Codes, identifiers and age bands that a spreadsheet took for numbers or dates."""
    if SCIENTIFIC.match(text):
        problem = "A spreadsheet turned this code into a number in scientific form."
        return [(problem, "Write the code again, in a column formatted as text.")]
    if MONTH_YEAR.match(text):
        problem = "A spreadsheet took this code or band for a date."
        return [(problem, "Write it again as text, for example 10-14 for Oct-14.")]
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
    if _is_number(text):
        return []
    if text in SPREADSHEET_ERRORS:
        return judge_text(text)
    if text in schema.MISSING_MARKS:
        meaning = schema.MISSING_MARKS[text]
        problem = f'"{text}" is a publisher\'s mark for a missing number ({meaning}).'
        return [(problem, f'Leave the cell blank and write "{meaning}" in the column note.')]
    if COMMAS.match(text):
        plain = re.sub(r"[£$€,]", "", text)
        return [("The number has thousands commas or a currency sign.", f"Write {plain}.")]
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
    return bool(re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", text, re.I))
