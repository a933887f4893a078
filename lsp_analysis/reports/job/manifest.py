"""What was made: one line of JSON per report, appended when the report is in its place."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lsp_analysis import durable
from lsp_analysis.errors import ReportError
from lsp_analysis.reports.job.request import Job

MANIFEST = "manifest.jsonl"
MADE, KEPT, FAILED = "made", "kept", "failed"


@dataclass(frozen=True)
class ReportRecord:
    """One report: what it is about, how it went, and the files it left.

    `key` is a fingerprint of all the report depends on; `files` maps each file, relative to
    `out`, to the SHA-256 of its content. `run` alone differs between two runs on the same input.
    """

    out: Path = field(compare=False)
    name: str
    status: str  # made, kept (it was up to date) or failed
    area_code: str
    area_name: str
    area_kind: str
    template: str
    reason: str = ""
    headline: str = ""
    members: list[str] = field(default_factory=list)  # codes of its small areas
    figures: int = 0
    tables: int = 0
    sentences: int = 0
    key: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def failed(self) -> bool:
        """Whether there is no such report now."""
        return self.status == FAILED

    @property
    def label(self) -> str:
        """The area's name on one line, without marks that could upset a terminal."""
        return " ".join("".join(c if c.isprintable() else " " for c in self.area_name).split())

    @property
    def page(self) -> Path | None:
        """The HTML page, if there is one."""
        return self._file(".html")

    @property
    def notebook(self) -> Path | None:
        """The executed notebook, if there is one."""
        return self._file(".ipynb")

    @property
    def pdf(self) -> Path | None:
        """The PDF, if one was asked for and could be made."""
        return self._file(".pdf")

    @property
    def table_files(self) -> list[Path]:
        """The numbers of each figure, as CSV."""
        return [self.out / name for name in self.files if name.endswith(".csv")]

    def _file(self, ending: str) -> Path | None:
        name = f"{self.name}/{self.name}{ending}"
        return self.out / name if name in self.files else None

    def sentence(self) -> str:
        """How the report went, in a sentence."""
        if self.failed:
            return f"The report on {self.label} could not be made. {self.reason}"
        return f"The report on {self.label} is in {self.page}."

    def as_json(self) -> str:
        """The record as one line, without the folder it lies in."""
        content = {key: value for key, value in asdict(self).items() if key != "out"}
        return json.dumps(content, sort_keys=True)

    @classmethod
    def from_json(cls, line: str, out: Path) -> ReportRecord:
        """The record that `as_json` wrote, of a report in the folder `out`."""
        return cls(out=out, **json.loads(line))


def record_of(
    job: Job, *, status: str, run: dict[str, Any] | None = None, **more: Any
) -> ReportRecord:
    """A record of `job`, made now."""
    area = job.about["area"]
    return ReportRecord(
        out=job.folder,
        name=job.name,
        status=status,
        area_code=area["code"],
        area_name=area["name"],
        area_kind=area["kind"],
        members=area["members"],
        template=job.about["template"]["name"],
        key=job.key,
        parameters=job.parameters,
        run={**(run or {}), "made": datetime.now(UTC).isoformat(timespec="seconds")},
        **more,
    )


def check_writable(out: Path) -> None:
    """Refuse an output folder or a manifest that cannot be written, before any work is done.

    Nothing is created.

    Raises
    ------
    ReportError
        `out` is a file, or neither it nor the folder it would be made in can be written.
    """
    folder = out
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise ReportError(f"{folder} is a file, so no reports can be put there. Choose a folder.")
    try:
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(b"room?")
    except OSError as error:
        raise ReportError(
            f"The folder {folder} cannot be written ({error.strerror}). "
            "Choose another output folder, or make room and get leave to write."
        ) from error
    path = out / MANIFEST
    try:
        if path.exists():
            path.open("ab").close()
    except OSError as error:
        raise ReportError(
            f"{path} cannot be written ({error.strerror}), so no report made now would be on "
            "record. Get leave to write it, or choose another output folder."
        ) from error


def append_record(record: ReportRecord) -> None:
    """Add `record` to the manifest of its folder."""
    record.out.mkdir(parents=True, exist_ok=True)
    with durable.locked(record.out, MANIFEST, error=ReportError):
        durable.append_line(record.out / MANIFEST, record.as_json())


def read_records(out: Path) -> dict[str, ReportRecord]:
    """The latest record of each report in `out`, by its name; damaged lines are passed over."""
    try:
        lines = (out / MANIFEST).read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return {}
    records = [record for line in lines if (record := _parsed(line, out))]
    return {record.name: record for record in records}


def _parsed(line: str, out: Path) -> ReportRecord | None:
    try:
        return ReportRecord.from_json(line, out)
    except (ValueError, TypeError):
        return None


def is_up_to_date(record: ReportRecord | None, key: str, formats: Iterable[str]) -> bool:
    """Whether the report of `record` was made from what `key` stands for and is still all there."""
    if record is None or record.failed or record.key != key or not record.files:
        return False
    endings = {Path(name).suffix.lstrip(".") for name in record.files}
    whole = set(formats) <= endings
    return whole and all(_digest(record.out / f) == d for f, d in record.files.items())


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
