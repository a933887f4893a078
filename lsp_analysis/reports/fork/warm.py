"""The warm parent: a process that loads everything once and makes each report in a fresh fork.

It is started by `forked`, hears requests on its standard input and answers on its standard output,
one line of JSON each, and ends with the process that started it. It has one thread, opens no
socket and never runs a notebook's cells itself.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from lsp_analysis.reports.fork.forked import READY
from lsp_analysis.reports.fork.forks import Forks, Outcome
from lsp_analysis.reports.fork.preloading import keep_boroughs, preload
from lsp_analysis.reports.job.request import LEAST_MEMORY, Job, Limits
from lsp_analysis.reports.run.log import start_log

FINISHING = Limits(seconds=300.0, megabytes=LEAST_MEMORY)
IDLE = 5.0


def main() -> None:
    """Serve until the other end of the standard input is closed."""
    requests, replies = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    templates, study, scratch = sys.argv[1:]
    unkept = preload(json.loads(templates), study)
    _Parent(requests, replies, Path(scratch), unkept).serve()
    shutil.rmtree(scratch, ignore_errors=True)  # whoever started this process may be gone


class _Parent:
    """Requests at work, each in one fork at a time."""

    def __init__(self, requests: int, replies: int, scratch: Path, unkept: str) -> None:
        self._requests, self._replies, self._scratch = requests, replies, scratch
        self._unkept = unkept  # why the study is not, and every report reads it
        self._forks = Forks(private=(requests, replies), adopting=True)
        self._next: dict[int, Callable[[Outcome], None]] = {}
        self._heard = b""

    def serve(self) -> None:
        """Say that it is ready, and answer requests until there can be no more."""
        self._reply(READY, Outcome())
        open_ended = True
        while open_ended:
            done, heard = self._forks.collect(IDLE, [self._requests])
            for number, outcome in done:
                self._next.pop(number)(outcome)
            if heard:
                open_ended = self._hear()
        self._forks.stop()

    def _hear(self) -> bool:
        part = os.read(self._requests, 1 << 20)
        *lines, self._heard = (self._heard + part).split(b"\n")
        for line in lines:
            request = json.loads(line)
            self._or_tell(request["number"], partial(self._begin, request))
        return bool(part)

    def _or_tell(self, number: int, begin: Callable[[], None]) -> None:
        """Do `begin`; what the system refuses (room, processes) costs this report alone."""
        try:
            begin()
        except OSError as error:
            self._next.pop(number, None)
            fault = (
                f"Its process could not be started ({error.strerror or error}). Make room in "
                f"{self._scratch.parent}, or let more processes and files be open (ulimit)."
            )
            self._reply(number, Outcome(fault=fault))

    def _begin(self, request: dict[str, Any]) -> None:
        number = request["number"]
        if "job" in request:
            self._execute(number, Job.from_dict(request["job"]), request["token"])
        else:
            self._run_cells(number, request)

    def _execute(self, number: int, job: Job, token: str) -> None:
        """First half of a report: run the notebook's cells."""
        place = self._place(number)
        start_log(job)
        unkept = self._unkept or keep_boroughs(job.study, job.about["area"]["code"])
        self._next[number] = lambda outcome: self._finish(number, job, token, outcome, unkept)
        log = job.log or os.devnull
        self._forks.start(number, lambda: executed(job, token, place), job.limits, log)

    def _finish(self, number: int, job: Job, token: str, outcome: Outcome, unkept: str) -> None:
        """Second half, in a fork that no cell has touched: judge, render, put in place."""
        shutil.rmtree(self._place(number), ignore_errors=True)
        if outcome.fault:
            self._reply(number, outcome)
            return
        run = {"seconds": round(outcome.seconds, 2), "megabytes": round(outcome.megabytes)}
        run |= {"unkept": unkept} if unkept else {}
        self._next[number] = lambda finished: self._reply(number, finished)
        log = job.log or os.devnull
        work = partial(finished, job, token, outcome.answer, run)
        self._or_tell(number, lambda: self._forks.start(number, work, FINISHING, log))

    def _run_cells(self, number: int, request: dict[str, Any]) -> None:
        """Run the cells of any notebook, for papermill's engine."""
        limits, folder = Limits(**request["limits"]), Path(request["folder"])
        self._next[number] = lambda outcome: self._reply(number, outcome)
        self._forks.start(number, lambda: with_outputs(request["notebook"], folder), limits)

    def _place(self, number: int) -> Path:
        """An empty folder for the cells of one report to work in."""
        place = self._scratch / str(number)
        place.mkdir(parents=True, exist_ok=True)  # who tidies /tmp may have been there
        return place

    def _reply(self, number: int, outcome: Outcome) -> None:
        said = {**asdict(outcome), "answer": outcome.answer.decode()}
        line = memoryview(json.dumps({"number": number, **said}).encode() + b"\n")
        while line:
            line = line[os.write(self._replies, line) :]


def executed(job: Job, token: str, folder: Path) -> bytes:
    """The notebook of `job` with its parameters injected and its cells run, as JSON."""
    from papermill.iorw import load_notebook_node
    from papermill.parameterize import parameterize_notebook

    from lsp_analysis.reports.job.template import AS_PYTHON, read_notebook
    from lsp_analysis.reports.run.judge import add_sentinel

    notebook = parameterize_notebook(
        load_notebook_node(read_notebook(job.template, job.about["template"]["digest"])),
        job.values,
        **AS_PYTHON,
    )
    add_sentinel(notebook, token)
    return with_outputs(notebook, folder)


def with_outputs(notebook: Any, folder: Path) -> bytes:
    """The JSON of `notebook` after its cells were run in `folder`."""
    import nbformat

    from lsp_analysis.reports.fork.shell import run_cells

    os.chdir(folder)
    sys.argv = ["report"]
    ran = run_cells(nbformat.from_dict(notebook))
    return nbformat.writes(ran).encode(errors="replace")


def finished(job: Job, token: str, notebook: bytes, run: dict[str, Any]) -> bytes:
    """The record, as JSON, of the report of `job` made from its executed `notebook`."""
    import nbformat

    from lsp_analysis.reports.run.finishing import finish

    record = finish(job, nbformat.reads(notebook.decode(), as_version=4), token, run)
    return record.as_json().encode()


if __name__ == "__main__":
    main()
