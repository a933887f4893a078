"""Check a table's file as text: its format, encoding, quotes, header and shape."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Sequence
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


def load_sheet(
    path: Path, table: str, areas: Sequence[str | None] | None = None
) -> tuple[Sheet | None, list[Problem]]:
    """The table in the file `path` and what is wrong with its text; None when it cannot be read.

    Of a Parquet file only the rows of `areas`, where they are given.
    """
    try:
        if path.suffix == ".parquet":
            return _load_parquet(path, table, areas)
        return _load_csv(path, table)
    except Exception as error:  # whatever a damaged file provokes is a finding, not the end
        first = (str(error).splitlines() or [type(error).__name__])[0][:160]
        problem = f"The file cannot be read ({first})."
        return None, [Problem(path.name, 0, "", "", problem, "Restore it from a copy.")]


def _load_csv(path: Path, table: str) -> tuple[Sheet | None, list[Problem]]:
    content = path.read_bytes()
    for start, kind in OTHER_FORMATS.items():
        if content.startswith(start):
            problem = f"The file is named .csv but is {kind}."
            remedy = "Save the table as CSV UTF-8."
            return None, [Problem(path.name, 0, "", "", problem, remedy)]
    text, problems = decode(path.name, content)
    records, unread = _records(path.name, text)
    problems += unread
    no_header = None if records is None else _no_header(path.name, table, records)
    if records is None or no_header is not None:
        return None, problems if no_header is None else [*problems, no_header]
    header, rows = [name.strip() for name in records[0]], records[1:]
    if len(header) > MOST_COLUMNS:
        problem = f"The header has {len(header):,} columns, and at most {MOST_COLUMNS} are read."
        remedy = "Remove the columns beyond the table: a cell far to the right may hold something."
        return None, [*problems, Problem(path.name, 1, "", header[0], problem, remedy)]
    problems += _header_problems(path.name, table, header)
    problems += _ragged(path.name, rows, len(header))
    width = len(header)
    kept = {
        number: (row + [""] * width)[:width] for number, row in enumerate(rows, start=2) if any(row)
    }
    frame = pd.DataFrame.from_dict(kept, orient="index", columns=header, dtype="str")
    frame = frame.loc[:, ~frame.columns.duplicated() & (frame.columns != "")]
    return judge_sheet(table, path.name, frame, problems)


def _records(file: str, text: str) -> tuple[list[list[str]] | None, list[Problem]]:
    """The rows of a CSV text, None when one cannot be read; and quotes that are not balanced."""
    records = []
    try:
        for record in csv.reader(io.StringIO(text, newline="")):
            records.append(record)
    except csv.Error as error:
        problem = f"The row cannot be read ({error})."
        remedy = "Restore the row: a quotation mark or the end of a line may be missing."
        return None, [Problem(file, len(records) + 1, "", "", problem, remedy)]
    row = open_quote(text)
    if row == 0:
        return records, []
    shown = ",".join(records[row - 1])
    problem = "The row has a quotation mark without its fellow, and hides the text up to it."
    remedy = "Close or remove the mark; inside a quoted cell write it twice."
    return records, [Problem(file, row, "", shown, problem, remedy)]


def open_quote(text: str, delimiter: str = ",") -> int:
    """The first row of a CSV text with a quotation mark that hides the lines after; 0 when none."""
    if '"' not in text:
        return 0
    lines = iter(io.StringIO(text, newline=""))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
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
            reader = csv.reader(lines, delimiter=delimiter, strict=True)


def _no_header(file: str, table: str, records: list[list[str]]) -> Problem | None:
    """What stands in the first row when that is no header of `table`; None when it is one."""
    names = schema.TABLES[table].names
    written = [row for row, record in enumerate(records, start=1) if any(record)]
    remedy = f"Write the header: {', '.join(names)}."
    if not written:
        return Problem(file, 0, "", "", "The file is empty: it has no header.", remedy)
    known = [
        row
        for row in written[:HEADER_WITHIN]
        if {name.strip() for name in records[row - 1]}.intersection(names)
    ]
    if written[0] == 1 and known[:1] == [1]:
        return None
    first = ",".join(records[0])
    if known:
        problem = f"The header stands in row {known[0]} and not in the first."
        return Problem(file, 1, "", first, problem, "Remove the rows above it.")
    for mark, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "upright strokes")):
        if {cell.strip() for cell in first.split(mark)}.intersection(names):
            problem = f"The cells are parted by {name} and not by commas."
            return Problem(file, 1, "", first, problem, "Save it as CSV UTF-8, with commas.")
    problem = f"The first row names no column of the table {table}."
    return Problem(file, 1, "", first, problem, remedy) if _foreign(records[0], names) else None


def _foreign(header: list[str], names: list[str]) -> bool:
    """Whether no cell of a header is even near one of `names`."""
    return not any(did_you_mean(name.strip(), names, n=1) for name in header if name.strip())


def _load_parquet(
    path: Path, table: str, areas: Sequence[str | None] | None
) -> tuple[Sheet | None, list[Problem]]:
    content = path.read_bytes()
    untrusted.refuse_vast_parquet(path, content)
    if areas is None:
        frame = pd.read_parquet(io.BytesIO(content))
        frame.index = pd.RangeIndex(2, len(frame) + 2)
    else:
        frame = _rows_of(content, areas)
    known = schema.TABLES[table]
    text = {
        name: values if (column := known.column(name)) and is_of(values, column)
        else as_written(values)
        for name, values in frame.items()
    }  # fmt: skip
    problems = _header_problems(path.name, table, list(frame.columns))
    return judge_sheet(table, path.name, pd.DataFrame(text), problems)


def _rows_of(content: bytes, areas: Sequence[str | None]) -> pd.DataFrame:
    """Rows of a Parquet file's `content` that are about `areas`, at their numbers in the file."""
    found, first = [], 2
    for batch in pq.ParquetFile(pa.BufferReader(content)).iter_batches():
        codes = batch["area_code"].cast(pa.string())
        own = pc.is_in(codes, pa.array(areas, pa.string()))
        rows = batch.filter(own).to_pandas()
        found.append(rows.set_axis(first + np.flatnonzero(own.to_numpy(zero_copy_only=False))))
        first += len(batch)
    return pd.concat(found)


def decode(file: str, content: bytes) -> tuple[str, list[Problem]]:
    """The text of a file and what is wrong with its encoding."""
    save = "Save it as CSV UTF-8 without a byte-order mark."
    told, problems = untrusted.marked_encoding(content), []
    if told.startswith("utf-16"):
        problem = "The file is in UTF-16 and should be in UTF-8."
        return content.decode(told, "replace"), [Problem(file, 1, "", "", problem, save)]
    if told:
        problem = "The file begins with a byte-order mark (BOM), which hides its first column name."
        problems.append(Problem(file, 1, "", "", problem, save))
        content = content.decode(told, "replace").encode()
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
    return problems + _misspelt(file, table, header)


def _misspelt(file: str, table: str, header: list[str]) -> list[Problem]:
    """Columns whose numbers would be passed over because the name is not quite the schema's."""
    known = schema.TABLES[table]
    optional = [
        column.name
        for column in known.columns
        if column.name not in header and not (column.required and column.default is None)
    ]
    problems = []
    for name in dict.fromkeys(header):
        near = difflib.get_close_matches(name.casefold().replace(" ", "_"), optional, 1, ALIKE)
        if name not in known.names and near:
            problem = f"The column is not read. Is it {near[0]} ({known.column(near[0]).about})?"
            problems.append(Problem(file, 1, name, name, problem, "Rename or remove the column."))
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
