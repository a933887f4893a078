"""Change files so that a reader finds the old version or the new one, whatever happens meanwhile.

One writer at a time holds a lock. New content is written beside the old, flushed to the disk and
put in place in one step. What a process that was killed leaves behind lies in the folder `.lsp`
beside the target, where `restore` finds it, under the lock, and finishes or undoes the change.
A polite request to end (SIGTERM, a closed terminal) is taken like Ctrl-C, to end tidily.
"""

import contextlib
import ctypes
import json
import os
import secrets
import shutil
import signal
import stat
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from lsp_analysis.errors import LspError

WORKSHOP = ".lsp"  # folder beside a target, in which its next version waits until it is whole
PATIENCE = 600.0  # seconds to wait for another writer
_REQUESTS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def settled(path: str | Path, error: type[LspError] = LspError) -> Path:
    """`path` as an absolute path without links and dots; an `error` for one that no system takes.

    Every path that a user gives is settled once, before anything is done with it.
    """
    made = Path()
    try:
        made = Path(os.path.realpath(path))
        if os.path.lexists(path) and not made.exists():
            raise error(
                f"{path} is a link to {made}, which is not there. Make that, or choose another."
            )
        kind = os.stat(made).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            raise error(f"{path} is neither a file nor a folder. Choose another.")
    except ValueError as fault:
        raise error(f"{str(path)[:100]!r} is not a path ({fault}). Check it.") from fault
    except (FileNotFoundError, NotADirectoryError, PermissionError) as fault:
        if not made.is_absolute():  # nor was `path`, and the current folder is gone
            raise error("The current folder was replaced. Change into it again: cd .") from fault
    except OSError as fault:
        raise error(f"{str(path)[:100]} cannot be used ({fault.strerror}). Check it.") from fault
    return made


def check_places(paths: Iterable[Path], error: type[LspError]) -> None:
    """Refuse, before anything is done, places of files to come where something else lies."""
    for path in paths:
        if os.path.lexists(path) and not path.is_file():
            raise error(f"{path} is there already and is no file. Move it away, or choose another.")


@contextlib.contextmanager
def locked(
    folder: Path, name: str, *, patience: float = PATIENCE, error: type[LspError] = LspError
) -> Iterator[None]:
    """Be the only one, on this machine and on those that share `folder`, to change `name` in it.

    The lock ends with the process, however that ends, and its file is removed.

    Raises
    ------
    LspError
        Of the type `error`: another process still holds it after `patience` seconds.
    OSError
        The folder cannot be written.
    """
    from filelock import FileLock, Timeout

    path = folder / WORKSHOP / f"{name}.lock"
    missing = [one for one in (path.parent, *path.parents[1:]) if not one.exists()]
    lock = FileLock(path, timeout=patience, poll_interval=0.02)
    try:
        _in_workshop(path.parent, lock.acquire)
    except Timeout as fault:
        raise error(
            f"Another process has been writing {name} in {folder} for {patience:.0f} seconds. "
            "Wait until it has ended, then try again."
        ) from fault
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()  # while it is held: who waits for this file sees that it is gone
        lock.release()
        for one in missing or [path.parent]:
            with contextlib.suppress(OSError):
                one.rmdir()  # succeeds when it is empty


def _in_workshop(folder: Path, act: Callable[[], object]) -> None:
    """Do `act` in `folder`, made first, and again where others are just tidying it away."""
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError:  # it was there, and may be gone by now
            if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
                raise
        try:
            act()
            return
        except FileNotFoundError:
            continue


def replace_folder(
    out: Path, name: str, files: Mapping[str, bytes], *, then: Callable[[], None] = lambda: None
) -> None:
    """Put `files` into the folder `name` of `out` in one step, in place of what was there.

    `then` is called when they are in their place; if it fails, the older folder comes back. Hold
    `locked` meanwhile.
    """
    with new_folder(out / name, then=then) as stage:
        for path, content in files.items():
            (stage / path).parent.mkdir(parents=True, exist_ok=True)
            (stage / path).write_bytes(content)


@contextlib.contextmanager
def new_folder(target: Path, *, then: Callable[[], None] = lambda: None) -> Iterator[Path]:
    """An empty folder to fill that takes the place of `target` in one step if the block ends well.

    All of it is flushed to the disk first. Hold `locked` meanwhile.
    """
    stage, aside = _places(target)
    restore(target)
    try:
        stage.mkdir(parents=True)
        yield stage
        _flush_tree(stage)
        back = _swap(stage, target, aside)
        try:
            then()
        except BaseException:
            back()
            raise
        _flush(target.parent)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        if target.exists():
            shutil.rmtree(aside, ignore_errors=True)
        with contextlib.suppress(OSError):
            stage.parent.rmdir()


def restore(target: Path) -> str:
    """Finish or undo a change of the folder `target` that was cut short; returns what was done.

    Hold `locked` meanwhile. The answer is empty when there was nothing to do.
    """
    stage, aside = _places(target)
    if not (stage.exists() or aside.exists()):
        return ""
    done = f"An earlier change of {target} was cut short; what it left beside it was removed."
    if aside.is_dir() and not target.exists():
        os.rename(aside, target)  # two renames were needed, and the second was not made
        done = f"An earlier change of {target} was cut short; it was undone."
        _flush(target.parent)
    for left in (stage, aside):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
    return done


def unfinished(target: Path) -> bool:
    """Whether a change beside the folder `target` is going on, or was cut short."""
    return (target.parent / WORKSHOP).exists()


def sweep(out: Path) -> list[str]:
    """Finish or undo every change in the folder `out` that was cut short; what was done."""
    for draft in (out / WORKSHOP).glob("*.draft"):
        name = draft.name.rsplit(".", 2)[0]
        with contextlib.suppress(LspError, OSError), locked(out, name, patience=0):
            draft.unlink()
    names = {one.stem for kind in ("new", "old") for one in (out / WORKSHOP).glob(f"*.{kind}")}
    told = []
    for name in sorted(names):
        with contextlib.suppress(LspError, OSError), locked(out, name, patience=0):
            told.append(restore(out / name))
    return [line for line in told if line]


def _places(target: Path) -> tuple[Path, Path]:
    """Where the next version of `target` is made, and where the last one waits meanwhile."""
    workshop = target.parent / WORKSHOP
    return workshop / f"{target.name}.new", workshop / f"{target.name}.old"


def replace_file(path: Path, content: bytes) -> None:
    """Write one file in one step: temporary file, flush to the disk, rename."""
    draft = path.parent / WORKSHOP / f"{path.name}.{secrets.token_hex(4)}.draft"
    try:
        _in_workshop(draft.parent, lambda: _write_through(draft, content))
        os.replace(draft, path)
        _flush(path.parent)
    finally:
        draft.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            draft.parent.rmdir()


def append_line(path: Path, line: str) -> None:
    """Add a line of JSON to a file and wait for the disk; on a fault the file stays as it was.

    A last line that was cut short, as by a power cut, is dropped first: what it was to record did
    not happen. Hold `locked` if others may add to it at the same time.
    """
    new = not path.exists()
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags, 0o644)
    before = os.fstat(handle).st_size
    try:
        whole, end = _whole_lines(handle, before)
        os.lseek(handle, whole, os.SEEK_SET)
        view = memoryview(end + line.encode() + b"\n")
        while view:
            view = view[os.write(handle, view) :]
        os.ftruncate(handle, os.lseek(handle, 0, os.SEEK_CUR))
        os.fsync(handle)
    except BaseException:
        with contextlib.suppress(OSError):
            os.ftruncate(handle, before)
        if new:
            with contextlib.suppress(OSError):
                path.unlink()
        raise
    finally:
        os.close(handle)
    if new:
        _flush(path.parent)


def _whole_lines(handle: int, size: int) -> tuple[int, bytes]:
    """Where the next line begins, and what the last one lacks at its end."""
    tail, start = b"", size
    while start and b"\n" not in tail:
        step = min(1 << 16, start)
        start -= step
        os.lseek(handle, start, os.SEEK_SET)
        tail = os.read(handle, step) + tail
    last = tail.rpartition(b"\n")[2]
    try:
        json.loads(last)
    except (ValueError, RecursionError):
        return size - len(last), b""
    return size, b"\n"


def _write_through(path: Path, content: bytes) -> None:
    """Write one file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def link_or_copy(source: str, target: str) -> None:
    """A second name for a file, which costs no room, or a copy where the system has no such."""
    try:
        os.link(source, target, follow_symlinks=False)
    except (OSError, NotImplementedError):
        shutil.copy2(source, target, follow_symlinks=False)


def _flush_tree(folder: Path) -> None:
    """Wait until all of `folder` is on the disk."""
    for place, _, names in os.walk(folder):
        for name in names:
            _flush(Path(place, name), lenient=False)
        _flush(Path(place))


def _flush(path: Path, *, lenient: bool = True) -> None:
    """Wait until `path` is on the disk; a folder, where the system can do that.

    After a rename a fault is no reason to call it undone: a power cut would leave old or new.
    """
    if path.is_symlink() or not (path.is_file() or path.is_dir()):
        return
    if sys.platform == "win32" and path.is_dir():
        return
    with contextlib.suppress(*(OSError,) if lenient else ()):
        handle = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _swap(new: Path, target: Path, aside: Path) -> Callable[[], None]:
    """Let `new` take the place of the folder `target`; returns what puts it back."""
    if not target.exists():
        os.rename(new, target)
        return lambda: os.rename(target, new)
    if _exchange(new, target):
        return lambda: _exchange(new, target)
    os.rename(target, aside)
    try:
        os.rename(new, target)
    except OSError:
        os.rename(aside, target)
        raise

    def back() -> None:
        os.rename(target, new)
        os.rename(aside, target)

    return back


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders at once, as Linux can on most file systems."""
    if not sys.platform.startswith("linux"):
        return False
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    if rename is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    return rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0


@contextlib.contextmanager
def as_interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt within when this process is asked to end; once, and not twice.

    An error that follows a request is one too: what is interrupted while it is imported may fail in
    its own way. A request that whoever started this process had it ignore (``nohup``) stays
    ignored. Outside the main thread nothing is changed.
    """
    asked = False
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.getsignal(one) for one in _REQUESTS}
    heeded = [one for one, handler in before.items() if handler not in (signal.SIG_IGN, None)]

    def interrupt(*_: object) -> None:
        nonlocal asked
        asked = True
        for one in heeded:
            signal.signal(one, signal.SIG_IGN)  # what tidies up is not stopped by a second one
        raise KeyboardInterrupt

    for one in heeded:
        signal.signal(one, interrupt)
    try:
        yield
    except Exception as error:
        if asked:
            raise KeyboardInterrupt from error
        raise
    finally:
        for one in heeded:
            signal.signal(one, before[one])
