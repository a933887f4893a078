"""Write so that a reader finds each report whole: the old one or the new, never half of each."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from lsp_analysis.errors import ReportError

WORKSHOP = ".lsp"  # folder inside the output where a report waits until it is whole
PATIENCE = 120.0  # seconds to wait for another run that is writing the same report
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_BUSY = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}


def check_writable(out: Path) -> None:
    """Refuse an output folder that cannot be written, before any work is done; create nothing.

    Raises
    ------
    ReportError
        `out` is a file or a link to nowhere, or neither it nor the folder it would be made in can
        be written.
    """
    folder = out
    while not folder.exists() and folder != folder.parent:
        if folder.is_symlink():
            raise ReportError(
                f"{folder} is a link to {os.readlink(folder)}, which is not there. "
                "Make that folder, or choose another."
            )
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


def replace_folder(out: Path, name: str, files: Mapping[str, bytes]) -> None:
    """Put `files` into the folder `name` of `out` in one step, in place of what was there.

    They are written beside it and flushed to the disk first. Wherever a crash or a power cut
    falls, the folder has all the old files or all the new ones. Hold `locked` meanwhile.
    """
    stage = out / WORKSHOP / f"{name}.new"
    shutil.rmtree(stage, ignore_errors=True)
    try:
        for path, content in files.items():
            _write_through(stage / path, content)
        for folder in {(stage / path).parent for path in files} | {stage}:
            _flush(folder)
        _swap(stage, out / name)
        _flush(out)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def replace_file(path: Path, content: bytes) -> None:
    """Write one file in one step: temporary file, flush to the disk, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _write_through(draft, content)
        os.replace(draft, path)
        _flush(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def append_line(path: Path, line: str) -> None:
    """Add one line to a file that several processes add to; on a full disk it stays as it was.

    A line that a power cut left without its end gets one, so that no other is lost with it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.parent, path.name), path.open("ab+") as file:
        before = file.seek(0, os.SEEK_END)
        try:
            file.write(_end_of_torn_line(file) + line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(file.fileno(), before)
            raise


def _end_of_torn_line(file: BinaryIO) -> bytes:
    """What ends the last line of `file`, when it has no end."""
    if not file.tell():
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


@contextlib.contextmanager
def locked(out: Path, name: str, *, patience: float = PATIENCE) -> Iterator[None]:
    """Be the only one, on this machine and its shared folders, to write `name` in `out`.

    The lock goes with the process, however it ends, so none is ever left behind.

    Raises
    ------
    ReportError
        Another run still holds it after `patience` seconds.
    """
    path = out / WORKSHOP / f"{name}.lock"
    give_up = time.monotonic() + patience
    while (handle := _take(path)) is None:
        if time.monotonic() > give_up:
            raise ReportError(
                f"Another run has been writing {name} in {out} for {patience:.0f} seconds. "
                "Wait for it, or choose another output folder."
            )
        time.sleep(0.02)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(handle)
        with contextlib.suppress(OSError):
            path.parent.rmdir()  # succeeds when nobody else is at work


def sweep(out: Path) -> None:
    """Remove what a run that was killed left in the workshop of `out`."""
    for stage in (out / WORKSHOP).glob("*.new"):
        name = stage.name.removesuffix(".new")
        with contextlib.suppress(ReportError, OSError), locked(out, name, patience=0):
            shutil.rmtree(stage, ignore_errors=True)


def _take(path: Path) -> int | None:
    """Handle on the lock file when the lock is ours, None when another has it."""
    path.parent.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.parent.mkdir(exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
    except (FileNotFoundError, FileExistsError):
        if path.parent.is_file():
            raise
        return None  # the last of the others has just tidied the workshop away
    try:
        _lock(handle)
        if os.fstat(handle).st_ino == os.stat(path).st_ino:
            return handle
    except FileNotFoundError:  # it was released and removed between our opening and locking
        pass
    except OSError as error:
        if error.errno not in _BUSY:
            os.close(handle)
            raise
    os.close(handle)
    return None


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _write_through(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    """Make renames in `folder` last, where the system knows how."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _swap(new: Path, target: Path) -> None:
    """Let `new` take the place of the folder `target`, in one step where the system can."""
    if not target.exists():
        os.rename(new, target)
    elif not _exchange(new, target):
        aside = new.with_suffix(".old")
        shutil.rmtree(aside, ignore_errors=True)
        os.rename(target, aside)
        os.rename(new, target)
        shutil.rmtree(aside, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders at once, as Linux can on most file systems."""
    if not sys.platform.startswith("linux"):
        return False
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    if rename is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    return rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0
