"""Check a table's file as text: its format, encoding, quotes, header and shape, and its cells.

`cells.csv` lists how a damaged cell is written (a regular expression of all of its text) in columns
that hold text, codes, periods, dates, flags or numbers, with the problem and the remedy; the first
that fits is told.
"""

import csv
import difflib
import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lsp_analysis import untrusted
from lsp_analysis.errors import did_you_mean
from lsp_analysis.study import schema
from lsp_analysis.study.check.problems import Problem, Sheet, as_written
from lsp_analysis.study.periods import MONTHS, parse_period

# How many rows a header may stand below, and how alike two column names are when one is taken for
# the other misspelt (1: the same).
HEADER_WITHIN = 20
ALIKE = 0.85
MOST_COLUMNS = 500
OTHER_FORMATS = {b"PK\x03\x04": "an Excel workbook or a zip file", b"PAR1": "a Parquet file"}
OTHER_FORMATS |= {b"\xd0\xcf\x11\xe0": "an old Excel workbook", b"%PDF": "a PDF"}
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


class _Unreadable(Exception):
    """A problem of a file of which nothing can be read, without the file's name."""


def load_sheet(
    path: Path, table: str, areas: Sequence[str | None] | None = None
) -> tuple[Sheet | None, list[Problem]]:
    """The table in the file `path` and what is wrong with its text; None when it cannot be read.

    Of a Parquet file only the rows of `areas`, where they are given.
    """
    problems: list[Problem] = []
    try:
        if path.suffix == ".parquet":
            text = _read_parquet(path, table, problems, areas)
        else:
            text = _read_csv(path, table, problems)
        return judge_sheet(table, path.name, text, problems)
    except _Unreadable as error:
        return None, [*problems, Problem(path.name, *error.args)]
    except Exception as error:  # whatever a damaged file provokes is a finding, not the end
        first = (str(error).splitlines() or [type(error).__name__])[0][:160]
        problem = f"The file cannot be read ({first})."
        return None, [Problem(path.name, problem, "Restore it from a copy.")]


def _read_csv(path: Path, table: str, problems: list[Problem]) -> pd.DataFrame:
    file, content = path.name, path.read_bytes()
    if kind := next(
        (OTHER_FORMATS[mark] for mark in OTHER_FORMATS if content.startswith(mark)), ""
    ):
        raise _Unreadable(f"The file is named .csv but is {kind}.", "Save the table as CSV UTF-8.")
    records = _records(file, _decode(file, content, problems), problems)
    _refuse_without_header(table, records)
    header = [name.strip() for name in records[0]]
    width = len(header)
    if width > MOST_COLUMNS:
        problem = f"The header has {width:,} columns, and at most {MOST_COLUMNS} are read."
        remedy = "Remove the columns beyond the table: a cell far to the right may hold something."
        raise _Unreadable(problem, remedy, 1, "", header[0])
    problems += _header_problems(file, table, header)
    remedy = "Restore the row: the file may be cut short, or text with a comma lacks its quotes."
    kept = {number: row for number, row in enumerate(records[1:], start=2) if any(row)}
    problems += [
        Problem(file, f"The row has {len(row)} cells, not {width}.", remedy, at, "", ",".join(row))
        for at, row in kept.items()
        if len(row) != width
    ]
    cells = [(row + [""] * width)[:width] for row in kept.values()]
    frame = pd.DataFrame(cells, index=list(kept), columns=header, dtype="str")
    return frame.loc[:, ~frame.columns.duplicated() & (frame.columns != "")]


def _records(file: str, text: str, problems: list[Problem]) -> list[list[str]]:
    """The rows of a CSV text; quotes that are not balanced are added to `problems`."""
    records: list[list[str]] = []
    try:
        for record in csv.reader(io.StringIO(text, newline="")):
            records.append(record)
    except csv.Error as error:
        remedy = "Restore the row: a quotation mark or the end of a line may be missing."
        problem = f"The row cannot be read ({error})."
        raise _Unreadable(problem, remedy, len(records) + 1) from error
    if row := _open_quote(text):
        problem = "The row has a quotation mark without its fellow, and hides the text up to it."
        remedy = "Close or remove the mark; inside a quoted cell write it twice."
        problems.append(Problem(file, problem, remedy, row, value=",".join(records[row - 1])))
    return records


def _open_quote(text: str) -> int:
    """The first row of a CSV text with a quotation mark that hides the lines after; 0 when none."""
    lines = iter(io.StringIO(text, newline=""))
    reader = csv.reader(lines, strict=True)
    row = 0
    while '"' in text:
        row, read = row + 1, reader.line_num
        try:
            next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            if reader.line_num > read + 1 or "end of data" in str(error):
                return row
            # A stray mark within one line hides nothing.
            reader = csv.reader(lines, strict=True)
    return 0


def _refuse_without_header(table: str, records: list[list[str]]) -> None:
    """Stop where the first row is no header of `table`, and say what it is."""
    names = schema.TABLES[table].names
    write = f"Write the header: {', '.join(names)}."

    def named(cells: list[str]) -> bool:
        return not {cell.strip() for cell in cells}.isdisjoint(names)

    written = [row for row, record in enumerate(records, start=1) if any(record)]
    if not written:
        raise _Unreadable("The file is empty: it has no header.", write)
    header = next((row for row in written[:HEADER_WITHIN] if named(records[row - 1])), 0)
    if header == 1:
        return
    first = ",".join(records[0])
    if header:
        problem = f"The header stands in row {header} and not in the first."
        raise _Unreadable(problem, "Remove the rows above it.", 1, "", first)
    for mark, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "upright strokes")):
        if named(first.split(mark)):
            problem = f"The cells are parted by {name} and not by commas."
            raise _Unreadable(problem, "Save it as CSV UTF-8, with commas.", 1, "", first)
    if not any(did_you_mean(name.strip(), names, n=1) for name in records[0] if name.strip()):
        problem = f"The first row names no column of the table {table}."
        raise _Unreadable(problem, write, 1, "", first)


def _read_parquet(
    path: Path, table: str, problems: list[Problem], areas: Sequence[str | None] | None
) -> pd.DataFrame:
    content = path.read_bytes()
    untrusted.refuse_vast_parquet(path, content)
    if areas is None:
        frame = pd.read_parquet(io.BytesIO(content))
        frame.index = pd.RangeIndex(2, len(frame) + 2)
    else:
        frame = _rows_of(content, areas)
    known = schema.TABLES[table]
    problems += _header_problems(path.name, table, list(frame.columns))
    text = {
        name: values if (column := known.column(name)) and is_of(values, column)
        else as_written(values)
        for name, values in frame.items()
    }  # fmt: skip
    return pd.DataFrame(text)


def _rows_of(content: bytes, areas: Sequence[str | None]) -> pd.DataFrame:
    """Rows of a Parquet file's `content` that are about `areas`, at their numbers in the file."""
    found, first = [], 2
    for batch in pq.ParquetFile(pa.BufferReader(content)).iter_batches():
        own = pc.is_in(batch["area_code"].cast(pa.string()), pa.array(areas, pa.string()))
        rows = batch.filter(own).to_pandas()
        found.append(rows.set_axis(first + np.flatnonzero(own.to_numpy(zero_copy_only=False))))
        first += len(batch)
    return pd.concat(found)


def _decode(file: str, content: bytes, problems: list[Problem]) -> str:
    """The text of a file; what is wrong with its encoding is added to `problems`."""
    save = "Save it as CSV UTF-8 without a byte-order mark."
    told = untrusted.marked_encoding(content)
    if told.startswith("utf-16"):
        problems.append(Problem(file, "The file is in UTF-16 and should be in UTF-8.", save, 1))
        return content.decode(told, "replace")
    if told:
        problem = "The file begins with a byte-order mark (BOM), which hides its first column name."
        problems.append(Problem(file, problem, save, 1))
        return content.decode(told, "replace")
    with suppress(UnicodeDecodeError):
        return content.decode("utf-8")
    for number, line in enumerate(content.split(b"\n"), start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            wrong = line[error.start : error.end].decode("cp1252", "replace")
            problem = f"The character {wrong} is not in UTF-8; it looks like Windows cp1252."
            shown = line.decode("cp1252", "replace").strip()
            problems.append(Problem(file, problem, save, number, value=shown))
    return content.decode("cp1252", "replace")


def _header_problems(file: str, table: str, header: list[str]) -> Iterator[Problem]:
    """Columns that come twice, are missing, or whose numbers would be passed over because the name
    is not quite the schema's."""
    known = schema.TABLES[table]
    for name in dict.fromkeys(name for name in header if header.count(name) > 1):
        problem = "The header has this column more than once."
        yield Problem(file, problem, "Keep one of them.", 1, name, name)
    others = [name for name in dict.fromkeys(header) if name not in known.names]
    absent = [column for column in known.columns if column.name not in header]
    for column in absent:
        if column.needed:
            hint = did_you_mean(column.name, others, n=1).replace("Did you mean", "Is it")
            problem = f"The column {column.name} ({column.about}) is missing.{hint}"
            yield Problem(file, problem, "Add or rename the column.", 1, column.name)
    optional = [column.name for column in absent if not column.needed]
    for name in others:
        near = difflib.get_close_matches(name.casefold().replace(" ", "_"), optional, 1, ALIKE)
        if near:
            problem = f"The column is not read. Is it {near[0]} ({known.column(near[0]).about})?"
            yield Problem(file, problem, "Rename or remove the column.", 1, name, name)


def judge_sheet(
    table: str, file: str, text: pd.DataFrame, problems: list[Problem]
) -> tuple[Sheet, list[Problem]]:
    """The sheet of a table of text and the problems of its cells, added to `problems`."""
    typed = {}
    for column in schema.TABLES[table].columns:
        cells = text.get(column.name, pd.Series("", index=text.index, dtype="str"))
        if is_of(cells, column):
            typed[column.name] = cells.astype("float64" if column.type != "date" else cells.dtype)
            continue
        typed[column.name] = _read_cells(cells, column)
        kind = _held_by(column)
        verdicts = {text: found for text in cells.unique() if (found := _findings(text, kind))}
        for row, cell in cells[cells.isin(list(verdicts))].items() if verdicts else ():
            for finding in verdicts[cell]:
                problems.append(Problem(file, *finding, int(row), column.name, cell))
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
    decimals = as_written(cells).str.strip().str.extract(r"\.(\d*)$", expand=False).str.len()
    return 0.5 * 10.0 ** -decimals.fillna(0.0).astype("float64")


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
    blanks = ("The cell has blanks before or after its text.", "Remove the blanks.")
    found = [] if text == bare else [blanks]
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
