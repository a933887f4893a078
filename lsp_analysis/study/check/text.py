"""Check a table's file as text: its format, encoding, quotes, header and shape."""

import csv
import difflib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lsp_analysis import untrusted
from lsp_analysis.errors import did_you_mean
from lsp_analysis.study import schema
from lsp_analysis.study.check.cells import is_of, judge_sheet
from lsp_analysis.study.check.problems import Problem, Sheet, as_written

# How many rows a header may stand below, and how alike two column names are when one is taken for
# the other misspelt (1: the same).
HEADER_WITHIN = 20
ALIKE = 0.85
MOST_COLUMNS = 500
OTHER_FORMATS = {b"PK\x03\x04": "an Excel workbook or a zip file", b"PAR1": "a Parquet file"}
OTHER_FORMATS |= {b"\xd0\xcf\x11\xe0": "an old Excel workbook", b"%PDF": "a PDF"}


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
    for start, kind in OTHER_FORMATS.items():
        if content.startswith(start):
            problem = f"The file is named .csv but is {kind}."
            raise _Unreadable(problem, "Save the table as CSV UTF-8.")
    text = _decode(file, content, problems)
    records = _records(file, text, problems)
    _refuse_without_header(table, records)
    header, rows = [name.strip() for name in records[0]], records[1:]
    width = len(header)
    if width > MOST_COLUMNS:
        problem = f"The header has {width:,} columns, and at most {MOST_COLUMNS} are read."
        remedy = "Remove the columns beyond the table: a cell far to the right may hold something."
        raise _Unreadable(problem, remedy, 1, "", header[0])
    problems += _header_problems(file, table, header)
    remedy = "Restore the row: the file may be cut short, or text with a comma lacks its quotes."
    kept = {}
    for number, row in enumerate(rows, start=2):
        if any(row):
            kept[number] = (row + [""] * width)[:width]
            if len(row) != width:
                problem = f"The row has {len(row)} cells, not {width}."
                problems.append(Problem(file, problem, remedy, number, value=",".join(row)))
    frame = pd.DataFrame.from_dict(kept, orient="index", columns=header, dtype="str")
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
    if '"' not in text:
        return 0
    lines = iter(io.StringIO(text, newline=""))
    reader = csv.reader(lines, strict=True)
    row = 0
    while True:
        row, read = row + 1, reader.line_num
        try:
            next(reader)
        except StopIteration:
            return 0
        except csv.Error as error:
            if reader.line_num > read + 1 or "end of data" in str(error):
                return row
            # A stray mark within one line hides nothing.
            reader = csv.reader(lines, strict=True)


def _refuse_without_header(table: str, records: list[list[str]]) -> None:
    """Stop where the first row is no header of `table`, and say what it is."""
    names = schema.TABLES[table].names
    write = f"Write the header: {', '.join(names)}."
    written = [row for row, record in enumerate(records, start=1) if any(record)]
    if not written:
        raise _Unreadable("The file is empty: it has no header.", write)
    named = [
        row
        for row in written[:HEADER_WITHIN]
        if {name.strip() for name in records[row - 1]}.intersection(names)
    ]
    if written[0] == 1 and named[:1] == [1]:
        return
    first = ",".join(records[0])
    if named:
        problem = f"The header stands in row {named[0]} and not in the first."
        raise _Unreadable(problem, "Remove the rows above it.", 1, "", first)
    for mark, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "upright strokes")):
        if {cell.strip() for cell in first.split(mark)}.intersection(names):
            problem = f"The cells are parted by {name} and not by commas."
            remedy = "Save it as CSV UTF-8, with commas."
            raise _Unreadable(problem, remedy, 1, "", first)
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
        content = content.decode(told, "replace").encode()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    for number, line in enumerate(content.split(b"\n"), start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            shown = line.decode("cp1252", "replace").strip()
            wrong = line[error.start : error.end].decode("cp1252", "replace")
            problem = f"The character {wrong} is not in UTF-8; it looks like Windows cp1252."
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
    optional = []
    for column in known.columns:
        if column.name in header:
            continue
        if not column.required or column.default is not None:
            optional.append(column.name)
            continue
        hint = did_you_mean(column.name, others, n=1).replace("Did you mean", "Is it")
        problem = f"The column {column.name} ({column.about}) is missing.{hint}"
        yield Problem(file, problem, "Add or rename the column.", 1, column.name)
    for name in others:
        near = difflib.get_close_matches(name.casefold().replace(" ", "_"), optional, 1, ALIKE)
        if near:
            problem = f"The column is not read. Is it {near[0]} ({known.column(near[0]).about})?"
            yield Problem(file, problem, "Rename or remove the column.", 1, name, name)
