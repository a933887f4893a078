"""The register: an append-only file whose every line is sealed by the line before it.

``register.jsonl`` has one JSON object per line, with the time (UTC), the kind of entry, what is
put on record, the hash of the line before and its own hash. Change, remove or reorder a line and
the chain breaks there. It cannot show that its *last* lines were cut off, so the hash of the last
line (the head) is printed on every page and given to the other party: `verify` compares it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from lsp_analysis import wording
from lsp_analysis.errors import DesignError

FILE = "register.jsonl"
GENESIS = "0" * 64
KINDS = ("registered", "amended", "allocated", "outcomes", "look", "deviation", "decided")


@dataclass(frozen=True)
class Entry:
    """One line of the register."""

    number: int
    kind: str
    time: str
    previous: str
    content: dict[str, Any]
    hash: str

    @property
    def date(self) -> str:
        """Day of the entry, as it is printed."""
        return self.time[:10]

    def sentence(self) -> wording.Sentence:
        """What was put on record when, and the hash for the other party to keep."""
        return wording.Sentence(
            f"Line {self.number} of the register, {wording.period(self.date)}: {self.kind}. "
            f"Its hash, for the other party to keep: {self.hash}."
        )


def read_register(folder: str | Path) -> list[Entry]:
    """Entries of the register in `folder`, none if there is no register.

    Raises
    ------
    DesignError
        The chain is broken; the message names the first line that does not hold.
    """
    file = Path(folder) / FILE
    lines = _bytes_of(file).split(b"\n") if file.exists() else [b""]
    entries: list[Entry] = []
    for number, line in enumerate(lines[:-1], start=1):
        entries.append(_checked(line, number, entries[-1].hash if entries else GENESIS, file))
    if lines[-1]:
        raise DesignError(_about_the_rest(lines[-1], entries, file))
    return entries


def append(
    folder: str | Path, kind: str, content: dict[str, Any], *, now: dt.datetime | None = None
) -> Entry:
    """Add an entry and return it once it is on the disk.

    Raises
    ------
    DesignError
        The chain is broken already, or somebody else is writing to it.
    """
    with alone(folder):
        return add(folder, kind, content, now=now)


def add(
    folder: str | Path, kind: str, content: dict[str, Any], *, now: dt.datetime | None = None
) -> Entry:
    """`append` for a caller that keeps other writers out itself, with `alone`."""
    folder = Path(folder)
    entries = read_register(folder)
    moment = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC)
    time = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    _check_clock(time, entries)
    unsealed = {
        "number": len(entries) + 1,
        "kind": kind,
        "time": time,
        "previous": entries[-1].hash if entries else GENESIS,
        "content": content,
    }
    entry = Entry(**unsealed, hash=_seal(unsealed))
    _write_line(folder / FILE, _canonical({**unsealed, "hash": entry.hash}) + b"\n")
    return entry


def sha256_of(file: Path) -> str:
    """SHA-256 of a file's bytes."""
    return hashlib.sha256(_bytes_of(file)).hexdigest()


def first_difference(on_record: str, now: str) -> str:
    """Where a text departs from the one on record, in words; empty if it does not."""
    for number, (was, line) in enumerate(
        zip_longest(on_record.splitlines(), now.splitlines()), start=1
    ):
        if was != line:
            is_now = "is gone" if line is None else f"says {line!r}"
            before = "there is no such line" if was is None else f"it says {was!r}"
            return f"line {number} {is_now}; on record {before}"
    return "" if on_record == now else "its line ends are not those on record"


def plain(x: float) -> float | None:
    """A number as JSON can have it: rounded, and none where it is missing or without end."""
    return round(float(x), 6) if math.isfinite(x) else None


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DesignError(
            f"{file} cannot be read ({error.strerror}), but the record needs it."
        ) from error


def _about_the_rest(line: bytes, entries: list[Entry], file: Path) -> str:
    """What to do about a last line without an end: keep a whole one, drop half a one."""
    number = len(entries) + 1
    try:
        _checked(line, number, entries[-1].hash if entries else GENESIS, file)
    except DesignError:
        return (
            f"Line {number} of {file} is cut short, as after a power cut. What it was to record "
            "did not happen: remove that line, and no other."
        )
    return f"Line {number} of {file} was altered: its line end (LF) is gone. Put it back."


def _checked(line: bytes, number: int, previous: str, file: Path) -> Entry:
    """The entry of a line, if the line is as it was written and follows the one before."""
    try:
        facts = json.loads(line)
        entry = Entry(**facts)
    except (ValueError, TypeError) as error:
        raise DesignError(
            f"Line {number} of {file} was altered: it is no entry any more."
        ) from error
    unsealed = {name: value for name, value in facts.items() if name != "hash"}
    if _seal(unsealed) != entry.hash or _canonical(facts) != line:
        raise DesignError(
            f"Line {number} of {file} was altered: it does not have the hash it was sealed with. "
            "Restore the register from the copy that the other party holds."
        )
    if entry.previous != previous or entry.number != number:
        raise DesignError(
            f"Line {number} of {file} does not follow the line before it: a line was removed, "
            "added "
            "or moved there. Restore the register from the copy that the other party holds."
        )
    return entry


def _check_clock(time: str, entries: list[Entry]) -> None:
    """Entries come in order of time; nothing is put on record as of yesterday."""
    if entries and time < entries[-1].time:
        raise DesignError(
            f"An entry of {time} would be dated before the line before it ({entries[-1].time}). "
            "Set the clock of this machine."
        )


def _seal(unsealed: dict[str, Any]) -> str:
    return hashlib.sha256(_canonical(unsealed)).hexdigest()


def _canonical(facts: dict[str, Any]) -> bytes:
    """One spelling per object: sorted keys, no blanks, ASCII."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _write_line(file: Path, line: bytes) -> None:
    """Append in one write and wait for the disk."""
    is_new = not file.exists()
    handle = os.open(
        file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644
    )
    try:
        os.write(handle, line)
        os.fsync(handle)
    finally:
        os.close(handle)
    if is_new and os.name == "posix":
        _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    """Make a new file's name last, which on POSIX belongs to the folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def alone(folder: str | Path) -> Iterator[None]:
    """Keep other writers out meanwhile: of two who draw at once, one is refused."""
    lock = Path(folder) / f"{FILE}.lock"
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
    except FileExistsError as error:
        raise DesignError(
            f"Somebody else is writing to the register. If nobody is, remove {lock} and try again."
        ) from error
    except OSError as error:
        raise DesignError(
            f"The register in {folder} cannot be written ({error.strerror})."
        ) from error
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
