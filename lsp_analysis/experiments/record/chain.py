"""The register: an append-only file in which every line holds the hash of the line before it.

``register.jsonl`` has one JSON object per line, with the time (UTC), the kind of entry, what is
put on record, the hash of the line before and its own hash. Change, remove or reorder a line and
the chain breaks there. It cannot show by itself that its *last* lines were cut off, or that it was
written anew, so the hash of the last line (the head) is printed on every page and given to the
other party: `verify` compares it.
"""

import contextlib
import datetime as dt
import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from lsp_analysis import durable, untrusted
from lsp_analysis.errors import DesignError, LspError
from lsp_analysis.experiments.protocol.unit_list import read_bytes

FILE = "register.jsonl"
GENESIS = "0" * 64
PATIENCE = 20.0  # seconds to wait for another writer
LONGEST_LINE = 8 * 2**20  # bytes


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


def read_register(folder: str | Path) -> list[Entry]:
    """Entries of the register in `folder`, none if there is no register.

    A last line that was cut short, as by a power cut, is left out: what it was to record did not
    happen, and the next entry takes its place. `unfinished` tells of it.

    Raises
    ------
    DesignError
        The chain is broken; the message names the first line that does not hold.
    """
    return _read(Path(folder))[0]


def unfinished(folder: str | Path) -> str:
    """What is wrong with the register's last line if it was cut short; empty otherwise."""
    entries, rest = _read(Path(folder))
    if not rest:
        return ""
    return (
        f"Line {len(entries) + 1} of {Path(folder) / FILE} is cut short, as after a power cut. "
        "What it was to record did not happen; the next entry will take its place."
    )


def append(
    folder: str | Path, kind: str, content: dict[str, Any], *, now: dt.datetime | None = None
) -> Entry:
    """Add an entry and return it once it is on the disk; on a fault the register stays as it was.

    Call it within `alone`, or where nobody else writes.

    Raises
    ------
    DesignError
        The chain is broken already, the clock runs behind it, or the disk refuses.
    """
    folder = Path(folder)
    entries = read_register(folder)
    time = moment(now)
    if entries and time < entries[-1].time:
        raise DesignError(
            f"An entry of {time} would be dated before the line before it ({entries[-1].time}). "
            "Set the clock of this machine; if it was fast when that line was written, wait until "
            "that time has passed."
        )
    unsealed = {
        "number": len(entries) + 1,
        "kind": kind,
        "time": time,
        "previous": entries[-1].hash if entries else GENESIS,
        "content": content,
    }
    line = _canonical({**unsealed, "hash": digest_of(_canonical(unsealed))})
    try:
        entry = _checked(line, len(entries) + 1, entries, folder / FILE)
    except DesignError as error:  # its content is not that of its kind, or half a character
        raise DesignError(f"This cannot be put on record as {kind}: {error.__cause__}") from error
    try:
        durable.append_line(folder / FILE, line.decode())
    except OSError as error:
        raise DesignError(
            f"{folder / FILE} cannot be written ({error.strerror}). It is as it was before."
        ) from error
    return entry


@contextlib.contextmanager
def alone(folder: str | Path) -> Iterator[None]:
    """Keep other writers out meanwhile: of two who draw at once, one is refused."""
    try:
        with durable.locked(Path(folder), FILE, patience=PATIENCE, error=DesignError):
            yield
    except OSError as error:
        raise DesignError(
            f"{error.filename or folder} cannot be written ({error.strerror}). What is on record "
            "stays: make room, then give the same command again."
        ) from error


def moment(now: dt.datetime | None = None) -> str:
    """The time in UTC as it is written, first the day: the clock's, unless it is given."""
    return f"{(now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def digest_of(content: str | bytes) -> str:
    """SHA-256 of bytes, or of a text in UTF-8."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def sha256_of(file: Path) -> str:
    """SHA-256 of a file's bytes."""
    return digest_of(read_bytes(file))


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
    """A number as JSON can have it: rounded, and none where it is missing or infinite."""
    return round(float(x), 6) if math.isfinite(x) else None


def _read(folder: Path) -> tuple[list[Entry], bytes]:
    """Entries, and what stands after the last whole line."""
    file = folder / FILE
    if not file.exists():
        return [], b""
    *lines, rest = read_bytes(file).split(b"\n")
    entries: list[Entry] = []
    for number, line in enumerate(lines, start=1):
        entries.append(_checked(line, number, entries, file))
    try:
        _checked(rest, len(lines) + 1, entries, file)
    except DesignError:  # cut short, or empty
        return entries, rest
    raise DesignError(
        f"Line {len(lines) + 1} of {file} was altered: its line end (LF) is gone. Put it back."
    )


def _checked(line: bytes, number: int, entries: list[Entry], file: Path) -> Entry:
    """The entry of a line, if the line is as it was written and follows the one before."""
    where = f"Line {number} of {file}"
    restore = "Restore the register from the copy that the other party holds."
    try:
        if len(line) > LONGEST_LINE:
            raise LspError(f"It has {len(line):,} bytes.")
        facts = untrusted.parse_json(line, untrusted.schema("register"), where)
        if fault := untrusted.fault_of(
            facts["content"], untrusted.schema("entries")[facts["kind"]]
        ):
            raise LspError(f"{fault}.")
    except LspError as error:
        raise DesignError(
            f"{where} was altered: it is not an entry of a register ({error}) {restore}"
        ) from error
    entry = Entry(**facts)
    try:
        dt.datetime.fromisoformat(entry.time)
    except ValueError as error:
        raise DesignError(f"{where} was altered: {entry.time} is no time. {restore}") from error
    unsealed = {name: value for name, value in facts.items() if name != "hash"}
    if digest_of(_canonical(unsealed)) != entry.hash or _canonical(facts) != line:
        fault = "was altered: it does not have the hash that it was written with."
    elif entry.previous != (entries[-1].hash if entries else GENESIS) or entry.number != number:
        fault = "does not follow the line before it: a line was removed, added or moved there."
    elif entries and entry.time < entries[-1].time:
        fault = f"is dated {entry.time}, before the line before it ({entries[-1].time}): it was "
        fault += "not written when it says."
    else:
        return entry
    raise DesignError(f"{where} {fault} {restore}")


def _canonical(facts: dict[str, Any]) -> bytes:
    """One spelling per object: sorted keys, no blanks, ASCII."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
