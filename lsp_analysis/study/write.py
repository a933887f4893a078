"""Write a study folder: whole or not at all, and the same bytes for the same tables."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lsp_analysis import durable
from lsp_analysis.errors import RepairNotice, StudyError, check_one_of
from lsp_analysis.study import schema
from lsp_analysis.study.areas import slug
from lsp_analysis.study.folder import NATIONAL_GRID, PARTS, read_descriptor
from lsp_analysis.study.schema import Column

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

PARQUET_FROM_ROWS = 200_000
CENTIMETRES = 2
PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"


def write_study(
    path: str | Path,
    tables: Mapping[str, pd.DataFrame | Iterator[pd.DataFrame]],
    geometry: GeoDataFrame | None = None,
    *,
    about: Mapping[str, Any],
    extra_files: Mapping[str, str] | None = None,
    record_hashes: bool = True,
) -> Path:
    """Write `tables` and boundaries as a study folder, replacing an older study of that path.

    The folder is made beside `path` under another name and put in place in one step when it is
    whole, so a failure leaves what was there before; others that write the study wait meanwhile.
    Files of an older study that its descriptor does not list (a README, notes) are carried over.

    Parameters
    ----------
    path : folder to write; its parent is made when missing.
    tables : mapping of table name to frame
        Names and columns of `schema.TABLES`. A required column must be there; an optional one may
        be left out, and one with a default is filled with it. Other columns are kept as text.
        Tables of more than 200,000 rows become Parquet, the others CSV (UTF-8, ``\\n``); with
        areas of several boroughs in parts, one for each borough. An iterator of frames in place of
        a frame is written in parts as it comes, so that no more than one is held.
    geometry : GeoDataFrame with ``area_code`` and polygons in a known CRS, written in EPSG:27700.
    about : mapping
        What ``datapackage.json`` says beside its list of files, named as in Frictionless Data
        Package: ``name`` (lower case, no spaces) and ``title``, by default the folder's name;
        ``licenses`` (name, title, path) and ``sources`` (title, path). ``lsp:simulated`` true
        stamps "Simulated data" on figures and pages; ``lsp:attribution`` stands at the foot of a
        page; ``lsp:code_vintage`` and ``lsp:small_area_type`` name the small areas the study works
        with, by default the LSOAs of the vintage most small areas have. Blanks are left out.
    extra_files : other text files to write, name to content; no resource of the package.
    record_hashes : False for a study whose tables are to be edited by hand.

    Raises
    ------
    StudyError
        A table or column is unknown or missing, or the folder cannot be written.
    """
    with one_writer(path) as target, whole_folder(target) as folder:
        homes = homes_of(tables["areas"]) if "areas" in tables else None
        missing = [table for table in schema.REQUIRED_TABLES if table not in tables]
        if missing:
            raise StudyError(f"A study needs the tables {', '.join(missing)}. Add them.")
        ordered = sorted(tables, key=[*schema.TABLES, *tables].index)
        resources = [write_table(folder, table, tables[table], homes) for table in ordered]
        if geometry is not None:
            parted = any(isinstance(resource["path"], list) for resource in resources)
            resources.append(write_geometry(folder, geometry, homes if parted else None))
        if not record_hashes:
            resources = [forget_facts(resource) for resource in resources]
        said = {key: value for key, value in about.items() if value not in (None, "", [], ())}
        write_descriptor(folder, {"$schema": PROFILE, **said, "resources": resources})
        for file, text in (extra_files or {}).items():
            (folder / file).write_text(text, encoding="utf-8", newline="\n")
    return target


@contextmanager
def one_writer(path: str | Path) -> Iterator[Path]:
    """Be the only one to change the study at `path`: its folder, without links and dots.

    What an earlier change left when it was cut short is finished or undone first, and told as a
    warning. What is read of the study inside the block is what `whole_folder` then replaces.
    """
    target = durable.settled(path, StudyError)
    if not target.name:
        raise StudyError(f"{target} is the top of the disk. Choose a folder for the study.")
    refuse_if_not_a_study(target)
    try:
        with durable.locked(target.parent, target.name, error=StudyError):
            if done := durable.restore(target):
                warnings.warn(done, RepairNotice, stacklevel=3)
            yield target
    except OSError as error:
        raise StudyError(
            f"The study folder {target} cannot be written: {error.strerror or error}. "
            "Choose a folder you may write to, with room on the disk; nothing was changed."
        ) from error


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A new folder to fill that takes the place of `target` only when the block ends well.

    Call it inside `one_writer`, which gives `target`.
    """
    refuse_if_not_a_study(target)
    with durable.new_folder(target) as work:
        yield work
        if target.exists():
            _carry_over(target, work)


def refuse_if_not_a_study(target: Path) -> None:
    """Stop before a folder or file that is something else is replaced."""
    if target.is_dir():
        if any(target.iterdir()) and not (target / schema.DESCRIPTOR).is_file():
            raise StudyError(
                f"{target} is a folder with files in it but no {schema.DESCRIPTOR}, so it is not a "
                "study and is left alone. Choose a new folder."
            )
    elif target.exists():
        raise StudyError(f"{target} is a file. Choose a folder for the study.")


def homes_of(areas: pd.DataFrame) -> pd.Series:
    """The borough of every area by its code: its own for a borough, empty where it has none."""
    known = areas.drop_duplicates("area_code").set_index("area_code")
    inside = known.reindex(columns=["borough_code"])["borough_code"].astype("str")
    return inside.mask(known["area_type"] == "borough", known.index.to_series()).fillna("")


def write_table(
    folder: Path,
    table: str,
    frame: pd.DataFrame | Iterator[pd.DataFrame],
    homes: pd.Series | None = None,
) -> dict[str, Any]:
    """Write one table into `folder`, a large one in parts by borough where `homes_of` its areas
    tells several; returns its resource descriptor."""
    if not isinstance(frame, pd.DataFrame):
        return _in_parts(folder, table, (conform(table, one) for one in frame), homes)
    ready = conform(table, frame)
    several = homes is not None and len(homes[homes != ""].unique()) > 1
    large = len(ready) > PARQUET_FROM_ROWS
    if large and several and "area_code" in ready:
        return _in_parts(folder, table, [ready], homes)
    path = folder / f"{table}.{'parquet' if large else 'csv'}"
    if not large:
        text = _as_text(ready)
        text.to_csv(path, index=False, lineterminator="\n", date_format="%Y-%m-%d")
    else:
        ready.to_parquet(path, index=False)
    return resource_of(table, path, ready)


def _in_parts(
    folder: Path, table: str, frames: Iterable[pd.DataFrame], homes: pd.Series
) -> dict[str, Any]:
    columns: dict[str, None] = {}
    parts: list[dict[str, Any]] = []
    for frame in frames:
        columns |= dict.fromkeys(frame)
        parts += write_parts(folder, table, frame, homes)
    return resource_of(table, parts, columns)


def write_parts(
    folder: Path, table: str, rows: pd.DataFrame, homes: pd.Series
) -> list[dict[str, Any]]:
    """Write rows as new parts of a table, one for each borough; returns what `descriptor.files_of`
    has of each."""
    parts = []
    (folder / table).mkdir(exist_ok=True)
    borough = rows["area_code"].map(homes).fillna("")
    for code, own in rows.groupby(borough, sort=True):
        name, number = slug(code, fallback="other"), 1
        path = folder / table / f"{name}.parquet"
        while path.exists():
            path, number = folder / table / f"{name}-{number + 1}.parquet", number + 1
        own.to_parquet(path, index=False)
        digest = file_facts(path)["hash"]
        place = path.relative_to(folder).as_posix()
        parts.append({"path": place, "borough": code, "hash": digest})
    return parts


def conform(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with the columns, order and types of `table`, defaults filled in."""
    check_one_of(table, schema.TABLES, "table", StudyError, " in a study")
    known = schema.TABLES[table]
    made = {}
    for column in known.columns:
        if column.name in frame:
            made[column.name] = typed(frame[column.name], column, table)
        elif column.default is not None:
            made[column.name] = pd.Series(column.default, index=frame.index)
        elif column.required:
            raise StudyError(f"Table {table} has no column {column.name} ({column.about}). Add it.")
    others = {name: frame[name] for name in frame if name not in made}
    return pd.DataFrame({**made, **others}, index=frame.index).reset_index(drop=True)


def typed(values: pd.Series, column: schema.Column, table: str) -> pd.Series:
    """One column as the schema's type, blanks in a column with a default filled."""
    try:
        made = _CONVERT[column.type](values)
    except (ValueError, TypeError) as error:
        raise StudyError(
            f"Column {column.name} of table {table} should hold {column.type} values: {error}."
        ) from error
    return made if column.default is None else made.fillna(column.default)


_CONVERT = {
    "string": lambda values: values.astype("str").where(values.notna(), None).astype("str"),
    "number": pd.to_numeric,
    "integer": lambda values: pd.to_numeric(values).astype("Int64"),
    "date": lambda values: (
        pd.to_datetime(values, format="ISO8601").astype("datetime64[us]").dt.normalize()
    ),
    "boolean": lambda values: values.astype("boolean"),
}


def _as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Flags and whole numbers as they are to stand in a CSV file."""
    made = {}
    for name, values in frame.items():
        made[name] = values
        if pd.api.types.is_bool_dtype(values):
            made[name] = values.map({True: "true", False: "false"})
        elif pd.api.types.is_float_dtype(values):
            present = values.dropna()
            if (present == present.round()).all() and (present.abs() < 2**53).all():
                made[name] = values.astype("Int64")
    return pd.DataFrame(made, index=frame.index)


def write_geometry(
    folder: Path, geometry: GeoDataFrame, homes: pd.Series | None = None
) -> dict[str, Any]:
    """Write boundaries as GeoJSON in EPSG:27700 to the centimetre, or with `homes_of` areas as
    GeoParquet by borough; returns their resource."""
    if "area_code" not in geometry or geometry.crs is None:
        raise StudyError(
            "The boundaries need a column area_code and a coordinate reference system (CRS). "
            "Name the column, and set the CRS the coordinates are in."
        )
    import shapely

    path = folder / "geometry.geojson"
    kept = geometry[["area_code", geometry.geometry.name]].to_crs(NATIONAL_GRID)
    if homes is not None:
        rounded = shapely.transform(kept.geometry.to_numpy(), lambda at: at.round(CENTIMETRES))
        parts = write_parts(folder, schema.GEOMETRY, kept.set_geometry(rounded), homes)
        return resource_of(schema.GEOMETRY, parts)
    kept.to_file(path, driver="GeoJSON", COORDINATE_PRECISION=CENTIMETRES)
    return resource_of(schema.GEOMETRY, path)


def field(column: Column) -> dict[str, Any]:
    """The Frictionless field descriptor of one column."""
    made: dict[str, Any] = {"name": column.name, "type": column.type, "description": column.about}
    limits = {"required": column.required, "enum": list(column.allowed)}
    limits = {name: limit for name, limit in limits.items() if limit}
    return made | ({"constraints": limits} if limits else {})


def table_schema(table: str, columns: Iterable[str]) -> dict[str, Any]:
    """The Frictionless table schema of `table` as written with `columns`.

    Columns the schema does not know are kept as text: an analyst may carry notes of their own.
    """
    known = schema.TABLES[table]
    fields = [
        field(known.column(name) or Column(name, "string", "", required=False)) for name in columns
    ]
    made: dict[str, Any] = {"fields": fields, "missingValues": [""], "primaryKey": list(known.key)}
    if "indicator_id" in known.names and table != "indicators":
        reference = {"resource": "indicators", "fields": ["indicator_id"]}
        made["foreignKeys"] = [{"fields": ["indicator_id"], "reference": reference}]
    return made


def resource_of(
    name: str, files: Path | list[dict[str, Any]], columns: Iterable[str] = ()
) -> dict[str, Any]:
    """The Frictionless resource of a table with these `columns`, or of the boundaries, which are no
    table: in one file, or in parts, each as `write_parts` describes it."""
    whole = isinstance(files, Path)
    path = files.name if whole else [part["path"] for part in files]
    facts = file_facts(files) if whole else {PARTS: files}
    form = (path if whole else path[0]).rsplit(".", 1)[-1]
    if form == "parquet":  # frictionless does not count its bytes, and would call any number wrong
        facts.pop("bytes", None)
    if name == schema.GEOMETRY:
        made = {"name": name, "path": path, "format": form}
        return made | {"description": "boundaries of areas, keyed by area_code"} | facts
    made = {"name": name, "type": "table", "path": path, "format": form}
    if form == "csv":
        made |= {"mediatype": "text/csv", "encoding": "utf-8"}
    about = {"description": schema.TABLES[name].about}
    return made | about | facts | {"schema": table_schema(name, columns)}


def write_descriptor(folder: Path, content: Mapping[str, Any]) -> None:
    """Write ``datapackage.json``, readable and with a stable order of keys."""
    text = json.dumps(content, indent=2, ensure_ascii=False)
    (folder / schema.DESCRIPTOR).write_text(text + "\n", encoding="utf-8", newline="\n")


def file_facts(path: Path) -> dict[str, Any]:
    """Size and SHA-256 of a file, as Frictionless writes them."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "hash": f"sha256:{digest}"}


def forget_facts(resource: Mapping[str, Any]) -> dict[str, Any]:
    """A resource without size and hash, so that its file may be edited by hand."""
    return {
        key: [forget_facts(part) for part in value] if key == PARTS else value
        for key, value in resource.items()
        if key not in ("bytes", "hash")
    }


def _carry_over(old: Path, new: Path) -> None:
    """Copy files of the older folder that its descriptor does not list."""
    try:
        listed = read_descriptor(old)["resources"]
        paths = [[one["path"]] if isinstance(one["path"], str) else one["path"] for one in listed]
        ours = {Path(path).parts[0] if len(of) > 1 else path for of in paths for path in of}
    except StudyError:
        ours = {f"{table}.{form}" for table in schema.TABLES for form in ("csv", "parquet")}
    for item in old.iterdir():
        if item.name in ours or os.path.lexists(new / item.name):
            continue
        place, link = new / item.name, durable.link_or_copy
        if item.is_dir() and not item.is_symlink():
            shutil.copytree(item, place, symlinks=True, copy_function=link)
        else:
            link(str(item), str(place))
