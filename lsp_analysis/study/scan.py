"""Read part of one table's file: the columns and rows asked for, in the types of the schema."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from lsp_analysis import untrusted
from lsp_analysis.errors import StudyError, check_one_of
from lsp_analysis.study import schema

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

ARROW_TYPES = {
    "string": pa.string(),
    "number": pa.float64(),
    "integer": pa.int64(),
    "date": pa.timestamp("us"),
    "boolean": pa.bool_(),
}
HEAD_BYTES = 1 << 16
DECODED_BYTES = {".csv": 1 << 26, ".parquet": 1 << 22}  # of files kept as Arrow tables, 200 MB each

Decoded = dict[Path, tuple[tuple[Any, ...], pa.Table]]


def scan_table(
    file: Path,
    content: bytes,
    table: str,
    columns: Iterable[str] | None,
    where: Mapping[str, Any],
    decoded: Decoded | None,
) -> pd.DataFrame:
    """Rows of one file's `content` that answer `where`, with `columns`; see `Study.read`.

    `decoded` keeps each file that was read for a part of its rows, unless it is large: a page asks
    for its indicators one after the other. None keeps nothing.
    """
    try:
        parquet = file.suffix == ".parquet"
        source = pa.BufferReader(content)
        present = pq.read_schema(source).names if parquet else csv_header(file, content)
        known = schema.TABLES[table].names if table in schema.TABLES else []
        asked = list(dict.fromkeys([*known, *present])) if columns is None else list(columns)
        for name in [*asked, *where]:
            choices = dict.fromkeys([*present, *known])
            check_one_of(name, choices, "column", StudyError, f" in the table {table}")
        for name in asked:
            column = schema.TABLES[table].column(name)
            if name not in present and column.needed:
                raise StudyError(f"{file} has no column {name} ({column.about}). Add the column.")
        needed = [name for name in dict.fromkeys([*asked, *where]) if name in present]
        wanted = _filter(where, table, present)
        small = len(content) <= DECODED_BYTES.get(file.suffix, 0)
        if wanted is not None and decoded is not None and small:
            version = (hash(content), *needed)
            if decoded.get(file, (None,))[0] != version:
                decoded[file] = (version, _rows(file, content, table, needed, None))
            rows = decoded[file][1].filter(wanted)
        else:
            rows = _rows(file, content, table, needed, wanted)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise StudyError(
            f"{file} cannot be read as table {table} ({_plain(error)}). "
            f"`lsp-analysis check {file.parent}` lists what is wrong, row by row."
        ) from error
    return pd.DataFrame({name: _series(rows, table, name) for name in asked}, columns=asked)


def refuse_if_cut_short(file: Path, content: bytes, recorded_bytes: int | None) -> None:
    """Stop when a text file is smaller than recorded and ends in the middle of a line.

    A file edited by hand may be smaller, but spreadsheets and editors end the last line.
    """
    size = len(content)
    if file.suffix != ".csv" or not recorded_bytes or size >= recorded_bytes:
        return
    if not content.endswith((b"\n", b"\r")):
        raise StudyError(
            f"{file} seems cut short: it has {size:,} of {recorded_bytes:,} bytes and stops in "
            "the middle of a line. Restore it from a copy."
        )


def _rows(
    file: Path, content: bytes, table: str, names: list[str], wanted: pc.Expression | None
) -> pa.Table:
    """The rows of one file that are wanted; a bad cell is named only in a column that is read."""
    if file.suffix == ".parquet":
        untrusted.refuse_vast_parquet(file, content)
        return pq.read_table(pa.BufferReader(content), columns=names, filters=wanted)
    convert = pacsv.ConvertOptions(
        column_types={name: _arrow_type(table, name) for name in names},
        include_columns=names,
        null_values=["", *schema.MISSING_MARKS],
        strings_can_be_null=False,
        true_values=["true", "True", "TRUE", "1", "yes"],
        false_values=["false", "False", "FALSE", "0", "no"],
    )
    parse = pacsv.ParseOptions(newlines_in_values=True)
    alone = pacsv.ReadOptions(use_threads=False)  # else a message does not name the row
    read = pacsv.read_csv(pa.BufferReader(content), alone, parse, convert)
    return read if wanted is None else read.filter(wanted)


def csv_header(file: Path, content: bytes) -> list[str]:
    """Names in the first line of the CSV `file` with this `content`."""
    first = content[:HEAD_BYTES].splitlines()
    if not first:
        raise StudyError(f"{file} is empty. Restore it from a copy, or write its header again.")
    try:
        return next(csv.reader([first[0].decode("utf-8-sig")]), [])
    except UnicodeDecodeError as error:
        raise StudyError(f"{file} is not in UTF-8. Save it again as CSV UTF-8.") from error
    except csv.Error as error:
        raise StudyError(f"The header of {file} cannot be read ({error}). Restore it.") from error


def _filter(where: Mapping[str, Any], table: str, present: list[str]) -> pc.Expression | None:
    made = None
    for name, value in where.items():
        values = [value] if isinstance(value, str) or not isinstance(value, Iterable) else [*value]
        if name in present:
            term = pc.field(name).isin(pa.array(values, type=_arrow_type(table, name)))
        else:
            term = pc.scalar(schema.TABLES[table].column(name).default in values)
        made = term if made is None else made & term
    return made


def _arrow_type(table: str, name: str) -> pa.DataType:
    column = schema.TABLES[table].column(name)
    return ARROW_TYPES[column.type] if column else pa.string()


def _series(found: pa.Table, table: str, name: str) -> pd.Series:
    """One column as pandas has it, its default where the file has nothing."""
    column = schema.TABLES[table].column(name)
    kind = _arrow_type(table, name)
    values = pa.chunked_array([pa.nulls(found.num_rows, kind)])
    if name in found.column_names:
        values = found[name].cast(kind)
    if pa.types.is_string(kind):
        values = pc.if_else(pc.equal(values, ""), pa.scalar(None, kind), values)
    if column is not None and column.default is not None:
        values = pc.fill_null(values, pa.scalar(column.default, kind))
    if pa.types.is_integer(kind) and values.null_count:
        values = values.cast(pa.float64())
    return values.to_pandas().astype("str") if pa.types.is_string(kind) else values.to_pandas()


def _plain(error: Exception) -> str:
    """The last part of a nested message of pyarrow, which has the row and the cell."""
    innermost = _first_line(error).rpartition("Invalid: ")[2]
    return re.sub(r"In CSV column #\d+: ", "", innermost)[:160]


def read_geometry(file: Path, content: bytes) -> GeoDataFrame:
    """Boundaries as they are stored; StudyError when they cannot be read or have no CRS."""
    import geopandas

    read = geopandas.read_parquet if file.suffix == ".parquet" else geopandas.read_file
    try:
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
            if file.suffix == ".parquet":
                untrusted.refuse_vast_parquet(file, content)
            shapes = read(io.BytesIO(content))
    except Exception as error:  # GDAL, pyarrow and shapely share no base class
        raise StudyError(
            f"The boundaries {file} cannot be read ({_first_line(error)[:120]}). The file may be "
            "missing or cut short: restore it from a copy."
        ) from error
    if "area_code" not in shapes or shapes.geometry.name is None:
        raise StudyError(f"The boundaries {file} have no column area_code. Add the areas' codes.")
    if shapes.crs is None:
        raise StudyError(
            f"The boundaries {file} have no coordinate reference system (CRS). "
            "Save them again with the one they are in, best EPSG:27700."
        )
    bare = shapes[["area_code", shapes.geometry.name]]
    bare = bare.rename(columns={shapes.geometry.name: "geometry"}).set_geometry("geometry")
    return bare[bare.geometry.notna() & ~bare.geometry.is_empty]  # as if they were not listed


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
