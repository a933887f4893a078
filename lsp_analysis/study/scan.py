"""Read part of one table's file: the columns and rows asked for, in the types of the schema."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.dataset as ds

from lsp_analysis.errors import StudyError, did_you_mean
from lsp_analysis.study import schema

ARROW_TYPES = {
    "string": pa.string(),
    "number": pa.float64(),
    "integer": pa.int64(),
    "date": pa.timestamp("us"),
    "boolean": pa.bool_(),
}
HEAD_BYTES = 1 << 16


def scan_table(
    file: Path,
    table: str,
    columns: Iterable[str] | None,
    where: Mapping[str, Any],
    *,
    recorded_bytes: int | None = None,
) -> pd.DataFrame:
    """Rows of `file` that answer `where`, with `columns` of `table`; see `Study.read`."""
    refuse_if_cut_short(file, recorded_bytes)
    try:
        source = _open(file, table)
        present = source.schema.names
        wanted = list(columns) if columns is not None else _all_columns(table, present)
        _refuse_unknown([*wanted, *where], table, present)
        _refuse_missing(wanted, table, present, file)
        found = source.to_table(
            columns=[name for name in wanted if name in present],
            filter=_filter(where, table, present),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, UnicodeDecodeError) as error:
        raise StudyError(
            f"{file} cannot be read as table {table} ({_plain(error)}). "
            f"`lsp-analysis check {file.parent}` lists what is wrong, row by row."
        ) from error
    return _as_frame(found, table, wanted)


def refuse_if_cut_short(file: Path, recorded_bytes: int | None) -> None:
    """Stop when a text file is smaller than recorded and ends in the middle of a line.

    A file edited by hand may be smaller, but spreadsheets and editors end the last line.
    """
    if not file.is_file():
        raise StudyError(
            f"The file {file} is listed in {schema.DESCRIPTOR} but missing. Restore it from a copy."
        )
    size = file.stat().st_size
    if file.suffix != ".csv" or not recorded_bytes or size >= recorded_bytes:
        return
    with file.open("rb") as content:
        content.seek(max(size - 1, 0))
        if content.read() not in (b"\n", b"\r"):
            raise StudyError(
                f"{file} seems cut short: it has {size:,} of {recorded_bytes:,} bytes and stops in "
                "the middle of a line. Restore it from a copy."
            )


def _open(file: Path, table: str) -> ds.Dataset:
    if file.suffix == ".parquet":
        return ds.dataset(file, format="parquet")
    # With the schema given, no row is read to guess at it, and a bad cell is named when it is met.
    types = {name: _arrow_type(table, name) for name in csv_header(file)}
    convert = pacsv.ConvertOptions(
        column_types=types,
        null_values=["", *schema.MISSING_MARKS],
        strings_can_be_null=False,
        true_values=["true", "True", "TRUE", "1", "yes"],
        false_values=["false", "False", "FALSE", "0", "no"],
    )
    parse = pacsv.ParseOptions(newlines_in_values=True)
    form = ds.CsvFileFormat(parse_options=parse, convert_options=convert)
    return ds.dataset(file, format=form, schema=pa.schema(types.items()))


def csv_header(file: Path) -> list[str]:
    """Names in the first line of a CSV file."""
    with file.open("rb") as content:
        first = content.read(HEAD_BYTES).splitlines()
    if not first:
        raise StudyError(f"{file} is empty. Restore it from a copy, or write its header again.")
    try:
        line = first[0].decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StudyError(f"{file} is not in UTF-8. Save it again as CSV UTF-8.") from error
    return next(csv.reader([line]))


def _all_columns(table: str, present: list[str]) -> list[str]:
    names = schema.TABLES[table].names if table in schema.TABLES else []
    return [*names, *(name for name in present if name not in names)]


def _refuse_unknown(wanted: list[str], table: str, present: list[str]) -> None:
    known = {*schema.TABLES[table].names, *present}
    for name in wanted:
        if name not in known:
            raise StudyError(
                f'Table {table} has no column "{name}".{did_you_mean(name, known)} '
                f"It has {', '.join(present)}."
            )


def _refuse_missing(wanted: list[str], table: str, present: list[str], file: Path) -> None:
    for name in wanted:
        column = schema.TABLES[table].column(name)
        if name not in present and column.required and column.default is None:
            raise StudyError(f"{file} has no column {name} ({column.about}). Add the column.")


def _filter(where: Mapping[str, Any], table: str, present: list[str]) -> ds.Expression | None:
    made = None
    for name, value in where.items():
        values = [value] if isinstance(value, str) or not isinstance(value, Iterable) else [*value]
        if name in present:
            term = ds.field(name).isin(pa.array(values, type=_arrow_type(table, name)))
        else:
            term = ds.scalar(schema.TABLES[table].column(name).default in values)
        made = term if made is None else made & term
    return made


def _arrow_type(table: str, name: str) -> pa.DataType:
    column = schema.TABLES[table].column(name)
    return ARROW_TYPES[column.type] if column else pa.string()


def _as_frame(found: pa.Table, table: str, wanted: list[str]) -> pd.DataFrame:
    made = {name: _series(found, table, name) for name in wanted}
    return pd.DataFrame(made, columns=wanted)


def _series(found: pa.Table, table: str, name: str) -> pd.Series:
    """One column as pandas has it, its default where the file has nothing."""
    column = schema.TABLES[table].column(name)
    kind = _arrow_type(table, name)
    if name not in found.column_names:
        values = pa.nulls(found.num_rows, kind)
    else:
        values = found[name].cast(kind)
    if pa.types.is_string(kind):
        values = pc.if_else(pc.equal(values, ""), pa.scalar(None, kind), values)
    if column is not None and column.default is not None:
        values = pc.fill_null(values, pa.scalar(column.default, kind))
    if pa.types.is_integer(kind) and values.null_count:
        values = values.cast(pa.float64())
    if isinstance(values, pa.Array):
        values = pa.chunked_array([values])
    return values.to_pandas().astype("str") if pa.types.is_string(kind) else values.to_pandas()


def _plain(error: Exception) -> str:
    """The last part of a nested message of pyarrow, which has the row and the cell."""
    first = (str(error).splitlines() or [type(error).__name__])[0]
    innermost = first.rpartition("Invalid: ")[2]
    return re.sub(r"In CSV column #\d+: ", "", innermost)[:160]
