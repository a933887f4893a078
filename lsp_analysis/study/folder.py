"""A study folder as it is stored: what it says of itself, its files, and parts of its tables."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import warnings
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lsp_analysis import durable, untrusted, wording
from lsp_analysis.errors import LspError, RepairNotice, StudyError, check_one_of, did_you_mean
from lsp_analysis.resources import shipped_studies
from lsp_analysis.showing import Shown
from lsp_analysis.study import schema
from lsp_analysis.study.areas import is_among
from lsp_analysis.study.scan import Decoded, read_geometry, refuse_if_cut_short, scan_table

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

NATIONAL_GRID = "EPSG:27700"
PARTS = "lsp:files"  # of a resource in parts: path, borough and hash of each
SIMULATED = "Simulated data"
LARGEST_TABLE = 2**36  # bytes
_DIGESTS: dict[str, str] = {}
SEVERAL = "several versions"
PLACED = ("area_code", "member_code", "to_code")  # columns that tell where a row is
HOME = ("area_type", "borough_code")  # and those of the table of areas


def mended(path: str | Path) -> Path:
    """The folder of a study, without links and dots, after a change that was cut short.

    It is finished or undone, and told as a warning, unless it is still going on.
    """
    folder = durable.settled(path, StudyError)
    if not durable.unfinished(folder):
        return folder
    patience = 0.0 if folder.exists() else durable.PATIENCE
    with contextlib.suppress(LspError, OSError):
        with durable.locked(folder.parent, folder.name, patience=patience):
            done = durable.restore(folder)
        if done:
            warnings.warn(done, RepairNotice, stacklevel=3)
    return folder


def proof(token: str) -> str:
    """`token`, and the SHA-256 of every file of a study that this process has read, as JSON.

    A report's last cell shows it: the cells before it ran, and on these bytes.
    """
    return f"{token} {json.dumps(_DIGESTS)}"


def note_read(file: str, digest: str) -> None:
    """Remember that this process has read `file`, with its SHA-256."""
    _DIGESTS[file] = digest if _DIGESTS.get(file, digest) == digest else SEVERAL


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


class Folder(Shown):
    """The files of one study, read for the rows and columns asked for.

    What they mean is the business of `Study`.
    """

    boroughs: tuple[str, ...] = ()  # whose areas alone it reads; empty for all: see `around`

    def __init__(
        self, path: Path, descriptor: Mapping[str, Any], version: tuple[int, ...] = ()
    ) -> None:
        """Use `open_study`, which reads the descriptor."""
        self.path = path
        self.name = str(descriptor.get("name") or path.resolve().name)
        self.title = str(descriptor.get("title") or self.name)
        self.version = version or version_of(path)
        self.digests: dict[str, str] = {}  # SHA-256 of the files it has read, by path
        self._held: dict[Path, bytes] = {}
        self._decoded: Decoded | None = {}
        self.descriptor = descriptor
        self._resources = {item["name"]: item for item in descriptor["resources"]}

    def __repr__(self) -> str:
        """Name and folder."""
        return f"Study({self.name!r}, {str(self.path)!r})"

    @property
    def simulated(self) -> bool:
        """Whether the numbers are made up."""
        return bool(self.descriptor.get("lsp:simulated", False))

    @property
    def note(self) -> str:
        """What every figure and page must say of the data; empty when nothing."""
        return SIMULATED if self.simulated else ""

    _note = note

    @property
    def restricted(self) -> str:
        """What every page made from the full counts must say; empty for a protected copy."""
        return "" if "lsp:release" in self.descriptor else "internal: not for publication"

    @property
    def attribution(self) -> str:
        """Licence and attribution lines for the foot of a page."""
        entries = [*self.descriptor.get("sources", []), *self.descriptor.get("licenses", [])]
        titles = [entry.get("title") or entry.get("name") for entry in entries]
        named = ". ".join(dict.fromkeys(str(title) for title in titles if title))
        return str(self.descriptor.get("lsp:attribution") or named)

    @cached_property
    def small_area_type(self) -> str:
        """Type of the areas the panels are of: the descriptor's, or LSOA, or the smallest type."""
        given = self.descriptor.get("lsp:small_area_type")
        kinds = set(self.read("areas", ["area_type"])["area_type"].dropna())
        if given or not kinds:
            return str(given or "lsoa")
        order = ["lsoa", *schema.AREA_TYPES, *sorted(kinds)]
        return next(kind for kind in order if kind in kinds)

    @cached_property
    def code_vintage(self) -> int:
        """Vintage of codes the study works in: the descriptor's, or that of most small areas."""
        given = self.descriptor.get("lsp:code_vintage")
        if given and re.fullmatch("[0-9]{4}", str(given)):
            return int(given)
        if given:
            raise StudyError(
                f"{self.path / schema.DESCRIPTOR} has {given!r} as lsp:code_vintage. "
                "Write the year of the code list there, for example 2011."
            )
        own = {"area_type": self.small_area_type}
        counts = self.read("areas", ["code_vintage"], own)["code_vintage"].value_counts()
        if counts.empty:
            raise StudyError(
                f"The study {self.path} has no areas of type {self.small_area_type}. "
                "Add its small areas to the table `areas`."
            )
        return int(max(counts[counts == counts.max()].index))

    def has(self, table: str) -> bool:
        """Whether the study has `table` (or ``geometry``)."""
        return table in self._resources

    def files(self, table: str) -> dict[Path, dict[str, Any]]:
        """Files of `table` that hold areas of this study, else its first, and what the descriptor
        says of each; a plain sentence when the study has no such table."""
        if table not in self._resources:
            known = [*schema.TABLES, schema.GEOMETRY]
            check_one_of(table, known, "table", StudyError, " in a study")
            about = schema.TABLES[table].about if table in schema.TABLES else "boundaries of areas"
            raise StudyError(
                f"The study {self.path} has no table {table} ({about}), which this step needs. "
                "Add it: `lsp-analysis new` shows its columns."
            )
        parts = files_of(self._resources[table])
        homes = ("", *self.boroughs)
        own = [part for part in parts if not self.boroughs or part.get("borough", "") in homes]
        found = {durable.settled(self.path / p["path"], StudyError): p for p in own or parts[:1]}
        if not all(path.is_relative_to(self.path) for path in found):
            raise StudyError(f"Table {table} of {self.path} lies outside the study folder.")
        return found

    def read(
        self,
        table: str,
        columns: Iterable[str] | None = None,
        where: Mapping[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Rows and columns of one table, in the types of the schema.

        Parameters
        ----------
        table : name of the table.
        columns : columns to read; all of the table's when not given. An optional column that the
            file does not have comes back missing, or with its default.
        where : mapping of column to the value, or the list of values, that rows must have.

        Returns
        -------
        DataFrame: codes and other text as text (``007`` stays ``007``), numbers as float64 or
        int64, dates as datetime64, flags as bool. Blank text is missing.

        Raises
        ------
        StudyError
            The table, its file or a column is missing, or the file is damaged.
        """
        asked = wanted = None if columns is None else list(columns)
        if asked is not None and self.boroughs and table in schema.TABLES:
            placed = {*PLACED, *(HOME if table == "areas" else ())}  # tell rows of other boroughs
            has = placed.intersection(schema.TABLES[table].names)
            wanted = [*asked, *sorted(has.difference(asked))]
        frames = []
        for file, facts in self.files(table).items():
            content = self._content(file)
            refuse_if_cut_short(file, content, facts.get("bytes"))
            found = scan_table(file, content, table, wanted, where or {}, self._decoded)
            frames.append(self._own_rows(table, found))
        found = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
        return found if wanted is asked else found[asked]

    @cached_property
    def codes(self) -> frozenset[str]:
        """Codes of all areas of this study."""
        return frozenset(self.read("areas", ["area_code"])["area_code"])

    def _own_rows(self, table: str, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows of a table that are not about areas of boroughs that this study leaves out."""
        if not self.boroughs:
            return rows
        if table == "areas":
            inside = rows["borough_code"].fillna("")
            inside = inside.where(rows["area_type"] != "borough", rows["area_code"])
            own = is_among(inside, [*self.boroughs, ""])
        else:
            own = np.ones(len(rows), dtype=bool)
            for name in rows.columns.intersection(PLACED):
                own &= is_among(rows[name], self.codes) | rows[name].isna().to_numpy()
        return rows if own.all() else rows[own].reset_index(drop=True)

    def _content(self, file: Path) -> bytes:
        """The bytes of `file`, whose fingerprint is kept: they are what an answer was made from.

        A Parquet file is read once: it holds many indicators, and is small for what it holds.
        """
        if file in self._held and self.version == version_of(self.path):
            return self._held[file]
        if not file.exists():
            raise StudyError(
                f"The file {file} is listed in {schema.DESCRIPTOR} but missing. "
                "Restore it from a copy."
            )
        try:
            content = untrusted.read_bytes(file, LARGEST_TABLE)
        except LspError as error:
            raise StudyError(f"{error} Restore it from a copy.") from error
        if self.version != version_of(self.path):
            raise StudyError(
                f"The study {self.path} was written again after it was opened. Open it again."
            )
        digest = hashlib.sha256(content).hexdigest()
        self.digests[str(file)] = digest
        note_read(str(file), digest)
        if file.suffix == ".parquet":
            self._held = {file: content}
        return content

    @cached_property
    def _shapes(self) -> GeoDataFrame:
        files = self.files(schema.GEOMETRY)
        found = [read_geometry(one, self._content(one)).to_crs(NATIONAL_GRID) for one in files]
        shapes = found[0] if len(found) == 1 else pd.concat(found, ignore_index=True)
        return self._own_rows(schema.GEOMETRY, shapes)
