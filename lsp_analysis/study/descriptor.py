"""``datapackage.json``: what a study says of its files, as Frictionless Data Package has it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lsp_analysis import untrusted, wording
from lsp_analysis.errors import LspError, StudyError, did_you_mean
from lsp_analysis.resources import shipped_studies
from lsp_analysis.study import schema
from lsp_analysis.study.schema import Column

PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
PARTS = "lsp:files"  # of a resource in parts: path, borough and hash of each


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


def table_resource(
    table: str, columns: Iterable[str], path: str | list[str], **facts: Any
) -> dict[str, Any]:
    """The Frictionless resource of a table stored at `path`, or in parts at several; `facts` are
    its hash and bytes, or those of its parts (`files_of`)."""
    form = (path if isinstance(path, str) else path[0]).rsplit(".", 1)[-1]
    resource = {"name": table, "type": "table", "path": path, "format": form}
    if form == "csv":
        resource |= {"mediatype": "text/csv", "encoding": "utf-8"}
    return (
        resource
        | {"description": schema.TABLES[table].about}
        | facts
        | {"schema": table_schema(table, columns)}
    )


def geometry_resource(path: str | list[str], **facts: Any) -> dict[str, Any]:
    """The Frictionless resource of the boundaries; plain files, for they are not a table."""
    form = (path if isinstance(path, str) else path[0]).rsplit(".", 1)[-1]
    resource = {"name": schema.GEOMETRY, "path": path, "format": form}
    return resource | {"description": "boundaries of areas, keyed by area_code"} | facts


def files_of(resource: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The files of a resource, each with its path and, where recorded, its hash and bytes.

    A large table of several boroughs lies in parts, each of one ``borough`` (empty for areas in
    none), which the resource lists as ``lsp:files``; a file without that is of all areas.
    """
    paths = resource["path"]
    if isinstance(paths, str):
        return [{name: resource[name] for name in ("path", "hash", "bytes") if name in resource}]
    known = {part["path"]: part for part in resource.get(PARTS, [])}
    return [known.get(path, {"path": path}) for path in paths]


def version_of(path: Path) -> tuple[int, ...]:
    """Changes whenever the study at `path` is written; empty when there is none."""
    try:
        about = (path / schema.DESCRIPTOR).stat()
    except (OSError, ValueError):
        return ()
    return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns


def read_descriptor(path: Path) -> dict[str, Any]:
    """The content of ``datapackage.json`` in the folder `path`."""
    file = path / schema.DESCRIPTOR
    if not path.is_dir():
        shipped = shipped_studies()
        nearest = did_you_mean(path.name, shipped, cutoff=0.4)
        raise StudyError(
            f"There is no study folder {path}.{nearest or ' Check the path.'} "
            f"This package brings {wording.and_list(shipped)}."
        )
    if not file.is_file():
        raise StudyError(
            f"{path} is not a study: it has no {schema.DESCRIPTOR}. "
            "Make a study with `lsp-analysis new` or `lsp-analysis import`."
        )
    try:
        return untrusted.read_json(file, untrusted.schema("datapackage"))
    except LspError as error:
        raise StudyError(f"{error} Restore it from a copy, or write the study again.") from error
