"""Make reports in forks of a warm parent process: start it, feed it, and outlive its death."""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

from lsp_analysis.errors import ReportError
from lsp_analysis.reports.fork.forks import Outcome
from lsp_analysis.reports.fork.process import process_environment
from lsp_analysis.reports.job.manifest import ReportRecord
from lsp_analysis.reports.job.request import Job

READY_WITHIN = 300.0  # seconds for the warm parent to load everything
READY = 0  # number of the line by which it says that it has
FALSE_STARTS = 2  # of the warm parent, one after another, before all reports have failed
SECOND_TRIES = 1  # for a report whose process another hand killed
ROOT = Path(__file__).parents[3]
PARENT = "lsp_analysis.reports.fork.warm:main"  # what the warm parent runs
_MODULE, _, _FUNCTION = PARENT.partition(":")
# Not -m, which would let a file in the current folder stand in for a library.
START = (
    f"import sys; sys.path.append({str(ROOT)!r}); from {_MODULE} import {_FUNCTION}; {_FUNCTION}()"
)


def can_fork() -> bool:
    """Whether this system can make reports in forks of a warm parent."""
    return sys.platform.startswith("linux") and hasattr(os, "fork")


class WarmParent:
    """A handle on the warm parent, which is started by the first request and after a death."""

    def __init__(self, templates: Iterable[str] = (), study: str = "") -> None:
        """Before the first fork it loads what the notebooks `templates` import, and `study`."""
        self._warm = [json.dumps(list(templates)), study]
        self._scratch = Path(tempfile.mkdtemp(prefix="lsp-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints = self._scratch / "complaints"  # of the process, should it not start
        self._numbers = count(READY + 1)
        self._ready, self._until = False, 0.0
        self.false_starts = 0  # since it was last ready
        self.end = Outcome()  # how it died

    @property
    def pid(self) -> int:
        """Number of its process, 0 while there is none."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start the process, which warms up while its first requests wait."""
        if self._process is not None:
            return
        self._ready, self._until = False, time.monotonic() + READY_WITHIN
        self._scratch.mkdir(exist_ok=True)
        try:
            (requests, self._requests), (self._replies, replies) = Pipe(False), Pipe(False)
            with requests, replies, self._complaints.open("wb") as complaints:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-c", START, *self._warm, str(self._scratch)],
                    stdin=requests,
                    stdout=replies,
                    stderr=complaints,
                    start_new_session=True,  # who ends a group of processes leaves it its own
                    env={**os.environ, **process_environment(self._scratch)},
                )
        except OSError as error:
            raise ReportError(
                f"The process that makes reports cannot be started ({error.strerror}). Make room "
                f"in {self._scratch.parent}, or let more files be open (ulimit -n)."
            ) from error

    def ask(self, **request: Any) -> int:
        """Send one request and return its number; `listen` tells when the parent has died."""
        self.start()
        number = next(self._numbers)
        with contextlib.suppress(BrokenPipeError):
            self._requests.send({"number": number, **request})
        return number

    def listen(self, timeout: float | None = None) -> list[tuple[int, Outcome]] | None:
        """Numbers and outcomes of requests that are done; None when the parent has died."""
        patience = timeout if self._ready else READY_WITHIN if timeout is None else timeout
        if not self._replies.poll(patience):
            if self._ready or time.monotonic() < self._until:
                return []
            self._process.kill()
        try:
            number, outcome = self._replies.recv()
        except (EOFError, OSError):  # OSError where it was killed within a reply
            self._end()
            return None
        if number != READY:
            return [(number, outcome)]
        self._ready, self.false_starts = True, 0
        return []

    def __del__(self) -> None:
        """Leave no process behind, not even when nobody got round to using it."""
        with contextlib.suppress(AttributeError, TypeError):  # when Python itself is ending
            self.close()

    def close(self) -> None:
        """End the process, with all its forks, and remove what it used."""
        self._end()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _end(self) -> None:
        if self._process is None:
            return
        self._requests.close()  # at which it kills its forks and leaves, once it listens
        if not self._ready:
            self._process.kill()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._replies.close()
        code, self._process = self._process.returncode, None
        self.false_starts += not self._ready
        self.end = Outcome(fault=self._fate(code), killed=True)

    def _fate(self, code: int) -> str:
        """How it died, in a sentence."""
        if self._ready:
            return "The process that makes reports was killed."
        if time.monotonic() > self._until:
            return (
                f"The process that makes reports was not ready within {READY_WITHIN:.0f} seconds."
            )
        said = ""
        with contextlib.suppress(OSError):
            said = self._complaints.read_text(errors="replace").strip()
        why = said.splitlines()[-1].strip()[:300] if said else f"exit status {code}"
        few = " Let more files be open (ulimit -n)." if "Too many open files" in why else ""
        return f"The process that makes reports could not start ({why}).{few}"


@dataclass
class _Try:
    job: Job
    left: int = SECOND_TRIES
    alone: bool = False  # it was at work when the warm parent died, which it may have caused


def make_forked(jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, ReportRecord | str]]:
    """Make the reports of `jobs`, `workers` at a time, each in a fork of one warm parent.

    Yields each job with its record, or with the reason why it could not be made, as they come. A
    report whose process was killed by another hand is tried again; if the warm parent died, those
    at work are tried again one by one, so that none suffers twice for another. The warm parent is
    started at once, and warms up while the caller does something else.
    """
    parent = WarmParent(dict.fromkeys(job.template for job in jobs), jobs[0].study)
    parent.start()
    return _closing(parent, make_with(parent, jobs, workers))


def _closing(parent: WarmParent, results: Iterator[Any]) -> Iterator[Any]:
    with contextlib.closing(parent):
        yield from results


def make_with(
    parent: WarmParent, jobs: Sequence[Job], workers: int
) -> Iterator[tuple[Job, ReportRecord | str]]:
    """Give `parent` the `jobs`, `workers` at a time; see `make_forked`, which ends it too."""
    waiting, running = deque(_Try(job) for job in jobs), {}
    while waiting or running:
        while waiting and _may_start(waiting[0], list(running.values()), workers):
            tried = waiting.popleft()
            running[parent.ask(job=tried.job, token=secrets.token_hex(8))] = tried
        done = parent.listen()
        died = done is None
        for number, outcome in [(lost, parent.end) for lost in running] if died else done:
            tried = running.pop(number)
            if outcome.killed and tried.left and parent.false_starts < FALSE_STARTS:
                waiting.append(_Try(tried.job, tried.left - 1, alone=died))
            else:
                answer, folder = outcome.answer, tried.job.folder
                yield tried.job, outcome.fault or ReportRecord.from_json(answer, folder)
        if parent.false_starts >= FALSE_STARTS:
            for tried in waiting:
                yield tried.job, parent.end.fault
            return


def _may_start(one: _Try, running: Sequence[_Try], workers: int) -> bool:
    if one.alone or any(other.alone for other in running):
        return not running
    return len(running) < workers
