"""What was made: one line of JSON per report, appended when the report is in its place."""

from __future__ import annotations

import contextlib
import json
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lsp_analysis import durable, untrusted, wording
from lsp_analysis.errors import LspError, RepairNotice, ReportError
from lsp_analysis.reports.job.digests import digest_of, digest_of_file
from lsp_analysis.reports.job.request import Job

MANIFEST = "manifest.jsonl"
NOTE = ".record"  # ending of a file in the workshop: a report that is being put in place
DAMAGED = "manifest.damaged.jsonl"
LARGEST = 2**31  # bytes of a manifest
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
    versions: dict[str, str] = field(default_factory=dict)  # of what made it
    facts: dict[str, Any] = field(default_factory=dict)  # what the index tells of the page
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
        return json.dumps(content | {"seal": digest_of(content)}, sort_keys=True)

    @classmethod
    def from_json(cls, line: str | bytes, out: Path, where: str = "The record") -> ReportRecord:
        """The record that `as_json` wrote, of a report in the folder `out`.

        Raises
        ------
        LspError
            The line is not such a record; the message begins with `where`.
        """
        content = untrusted.parse_json(line, untrusted.schema("record"), where)
        if content.pop("seal") != digest_of(content):
            raise LspError(f"{where} was changed after it was written.")
        return cls(out=out, **content)


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
        versions=job.made_with,
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
    place = next(one for one in (out, *out.parents) if one.exists())
    if not place.is_dir():
        raise ReportError(f"{place} is a file, so no reports can be put there. Choose a folder.")
    durable.check_places([out / MANIFEST], ReportError)
    try:
        with tempfile.TemporaryFile(dir=place) as trial:
            trial.write(b"room?")
        place = out / MANIFEST
        if place.exists():
            place.open("ab").close()
    except OSError as error:
        raise ReportError(
            f"{place} cannot be written ({error.strerror}), so no report could be kept there. "
            "Choose another output folder, or make room and get leave to write."
        ) from error


def make_ready(out: Path, jobs: Sequence[Job]) -> None:
    """Refuse a folder that cannot take the reports of `jobs`, and mend what a killed run left."""
    check_writable(out)
    if jobs:
        refuse_other_study(out, jobs[0].claim)
    told = durable.sweep(out)
    for note in (out / durable.WORKSHOP).glob(f"*{NOTE}"):
        with contextlib.suppress(LspError, OSError):
            told += _put_on_record(out, note)
    for done in told:
        warnings.warn(done, RepairNotice, stacklevel=3)


@contextlib.contextmanager
def announced(record: ReportRecord, claim: Mapping[str, str]) -> Iterator[None]:
    """Leave a note while a report is put in its place and on record.

    If the process is killed between the two, the next run finds the note and does the other.
    Hold the report's lock meanwhile.
    """
    note = record.out / durable.WORKSHOP / f"{record.name}{NOTE}"
    note.write_text(json.dumps([dict(claim), record.as_json()]), encoding="utf-8")
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def _put_on_record(out: Path, note: Path) -> list[str]:
    """Do what is left of what `note` announced; what was done."""
    name = note.name.removesuffix(NOTE)
    with durable.locked(out, name, patience=0):
        try:
            claim, line = untrusted.read_json(note, untrusted.schema("note"))
            record = ReportRecord.from_json(line, out)
        except LspError:  # it was cut short itself: the page is told of as not on record
            note.unlink()
            return []
        before = read_records(out).get(name)
        lacking = whole(record) and (before is None or before.files != record.files)
        if lacking:
            append_record(record, claim)
        note.unlink()
    return [f"The report {name} is whole, and was put on record now."] if lacking else []


def append_record(record: ReportRecord, claim: Mapping[str, str]) -> None:
    """Add `record` to the manifest of its folder, which the study of `claim` has for itself.

    Raises
    ------
    ReportError
        The folder has the reports of another study.
    """
    with durable.locked(record.out, MANIFEST, error=ReportError):
        refuse_other_study(record.out, claim)
        known = _claim_on_record(record.out)
        whose = "" if known else json.dumps({"study": dict(claim)}, sort_keys=True) + "\n"
        durable.append_line(record.out / MANIFEST, whose + record.as_json())


def refuse_other_study(out: Path, claim: Mapping[str, str]) -> None:
    """Stop before reports of two studies are mixed in one folder.

    One study may have moved to another path, or lie at two with the same content.
    """
    held = _claim_on_record(out) or _claim_of_pages(out)
    if held is None or held["path"] == claim["path"] or held["digest"] == claim["digest"]:
        return
    if held["name"] == claim["name"] and not Path(held["path"]).exists():
        return
    raise ReportError(
        f"The folder {out} has the reports of another study, {held['name'][:60]} "
        f"({held['path'][:200]}). Choose another output folder (--out)."
    )


def _claim_on_record(out: Path) -> dict[str, str] | None:
    """The study that has the folder `out`, as its manifest says, in its first line if it is whole.

    That line may have been lost, and been written again since.
    """
    with contextlib.suppress(OSError), (out / MANIFEST).open("rb") as file:
        for line in file:
            if b'"study"' in line[:20]:
                with contextlib.suppress(LspError):
                    return untrusted.parse_json(line, untrusted.schema("claim"), MANIFEST)["study"]
    return None


def _claim_of_pages(out: Path) -> dict[str, str] | None:
    """The study of a report that lies in the folder `out`, as its notebook says."""
    for file in out.glob("*/*.ipynb"):
        with contextlib.suppress(LspError, KeyError, TypeError):
            about = untrusted.read_json(file, {"type": "object"})["metadata"]["lsp"]
            claim = {**about["report"]["study"], "path": about["parameters"]["study"]}
            if not untrusted.fault_of({"study": claim}, untrusted.schema("claim")):
                return claim
    return None


@dataclass(frozen=True)
class Manifest:
    """What the manifest of a folder says, and where it and the folder disagree."""

    records: dict[str, ReportRecord]  # the latest of each report, by its name
    damaged: tuple[int, ...] = ()  # lines that are no record
    unrecorded: tuple[str, ...] = ()  # pages that are in the folder and not on record
    gone: tuple[str, ...] = ()  # reports whose page is no longer in the folder
    altered: tuple[str, ...] = ()  # reports of which a file is not as it was made

    def sentence(self) -> str:
        """The differences in words; empty when there are none."""
        said = []
        if self.damaged:
            lines = wording.counted(len(self.damaged), "line").capitalize()
            said.append(
                f"{lines} of {MANIFEST} cannot be read, first line {self.damaged[0]}; a copy is in "
                f"{DAMAGED}."
            )
        for names, what, remedy in (
            (self.unrecorded, "in the folder and not on record", "Make again, or remove"),
            (self.gone, "on record and no longer in the folder", "Make again"),
            (self.altered, "not as it was made", "Put the files back, or make again"),
        ):
            if names:
                said.append(f"{_reports(names)} {what}. {remedy}: {_listed(names)}.")
        return " ".join(said)


def _reports(names: Sequence[str], verbs: tuple[str, str] = ("is", "are")) -> str:
    """How many reports, to begin a sentence: "One report is", "12 reports are"."""
    count = wording.counted(len(names), "report").capitalize()
    return f"{count} {verbs[len(names) != 1]}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")


def read_manifest(out: Path, *, mend: bool = False) -> Manifest:
    """The manifest of the folder `out`, held against what lies there.

    With `mend`, every file is held against its hash, and lines that cannot be read are moved to a
    file of their own, so that they are told once; hold no lock on the manifest then.
    """
    records, damaged, kept = {}, [], []
    path = out / MANIFEST
    with contextlib.ExitStack() as stack:
        if mend and path.exists():
            stack.enter_context(durable.locked(out, MANIFEST, error=ReportError))
        lines: list[bytes] = []
        with contextlib.suppress(LspError):  # what follows the last end of a line was cut short
            lines = untrusted.read_bytes(path, LARGEST).split(b"\n")[:-1]
        for number, line in enumerate(filter(None, lines), start=1):
            try:
                if b'"study"' not in line[:20]:
                    record = ReportRecord.from_json(line, out, f"Line {number}")
                    records[record.name] = record
                kept.append(line)
            except LspError:
                damaged.append(number)
        if mend and damaged:
            durable.replace_file(out / DAMAGED, path.read_bytes())
            durable.replace_file(path, b"".join(line + b"\n" for line in kept))
    pages = {page.parent.name for page in out.glob("*/*.html") if page.stem == page.parent.name}
    good = {name for name, record in records.items() if not record.failed}
    altered = {name for name in good & pages if mend and not whole(records[name])}
    lists = (pages - set(records), good - pages, altered)
    return Manifest(records, tuple(damaged), *(tuple(sorted(names)) for names in lists))


def settled_manifest(out: Path) -> Manifest:
    """`read_manifest` with `mend`, and without what others are just putting in its place."""
    found = read_manifest(out, mend=True)
    for name in (*found.unrecorded, *found.altered):
        with contextlib.suppress(LspError), durable.locked(out, name):
            pass  # who was at it is done
    known = read_records(out) if found.unrecorded or found.altered else found.records
    return replace(
        found,
        records=known,
        unrecorded=tuple(name for name in found.unrecorded if name not in known),
        altered=tuple(name for name in found.altered if not whole(known[name])),
    )


def made_anew(jobs: Sequence[Job], known: Mapping[str, ReportRecord]) -> str:
    """Which reports of `jobs` are no longer as they were made, in words; empty when none are."""
    found = [known[job.name] for job in jobs if job.name in known]
    names = [r.name for r in found if r.page and r.page.exists() and not whole(r)]
    if not names:
        return ""
    were = _reports(names, ("was", "were"))
    return f"{were} not as made, and {were.split()[-1]} made again: {_listed(names)}."


def read_records(out: Path) -> dict[str, ReportRecord]:
    """The latest record of each report in `out`, by its name."""
    return read_manifest(out).records


def whole(record: ReportRecord) -> bool:
    """Whether every file of the report is in its folder with the content that is on record."""
    try:
        same = (digest_of_file(record.out / f) == digest for f, digest in record.files.items())
        return bool(record.files) and all(same)
    except OSError:
        return False


def is_up_to_date(record: ReportRecord | None, key: str, formats: Iterable[str]) -> bool:
    """Whether the report of `record` was made from what `key` stands for and is still all there."""
    if record is None or record.failed or record.key != key:
        return False
    endings = {Path(name).suffix.lstrip(".") for name in record.files}
    return set(formats) <= endings and whole(record)
