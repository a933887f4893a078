"""The warm parent: a process that loads everything once and makes each report in a fresh fork.

It is started by `forked`, hears requests on its standard input and answers on its standard output,
one after another, and ends with the process that started it. It has one thread, opens no
socket and never runs a notebook's cells itself.
"""

import ast
import contextlib
import gc
import json
import os
import pickle
import shutil
import signal
import sys
from collections.abc import Callable, Iterable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import lsp_analysis
from lsp_analysis.errors import LspError
from lsp_analysis.reports.fork.forked import READY
from lsp_analysis.reports.fork.forks import Forks, Outcome
from lsp_analysis.reports.fork.kept import KeptStudy, keep_open
from lsp_analysis.reports.job.digests import made_with
from lsp_analysis.reports.job.request import LEAST_MEMORY, Job, Limits
from lsp_analysis.reports.job.template import source_of
from lsp_analysis.reports.run.log import start_log
from lsp_analysis.standing.place.brief import area_brief
from lsp_analysis.study.store import KEPT, open_study

FINISHING = Limits(seconds=300.0, megabytes=LEAST_MEMORY)
IDLE = 5.0


def main() -> None:
    """Serve until the other end of the standard input is closed."""
    requests = Connection(os.dup(0), writable=False)
    replies = Connection(os.dup(1), readable=False)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    templates, study, scratch = sys.argv[1:]
    unkept = preload(json.loads(templates), study)
    _Parent(requests, replies, Path(scratch), unkept).serve()
    shutil.rmtree(scratch, ignore_errors=True)  # whoever started this process may be gone


class _Parent:
    """Requests at work, each in one fork at a time."""

    def __init__(
        self, requests: Connection, replies: Connection, scratch: Path, unkept: str
    ) -> None:
        self._requests, self._replies, self._scratch = requests, replies, scratch
        self._unkept = unkept  # why the study is not, and every report reads it
        self._forks = Forks(private=(requests.fileno(), replies.fileno()), adopting=True)
        self._next: dict[int, Callable[[Outcome], None]] = {}

    def serve(self) -> None:
        """Say that it is ready, and answer requests until there can be no more."""
        self._reply(READY, Outcome())
        while True:
            done, heard = self._forks.collect(IDLE, [self._requests.fileno()])
            for number, outcome in done:
                self._step(number, partial(self._next.pop(number), outcome))
            if heard:
                try:
                    request = self._requests.recv()
                except (EOFError, OSError):  # OSError where who asks was killed within a request
                    break
                self._step(request["number"], partial(self._begin, **request))
        self._forks.stop()

    def _step(self, number: int, step: Callable[[], None]) -> None:
        """Do the next `step`; what the system refuses (room, processes) costs this report alone."""
        try:
            step()
        except BrokenPipeError:  # nobody waits for replies any more
            raise
        except OSError as error:
            self._next.pop(number, None)
            fault = (
                f"Its process could not be started ({error.strerror or error}). Make room in "
                f"{self._scratch.parent}, or let more processes and files be open (ulimit)."
            )
            self._reply(number, Outcome(fault=fault))

    def _begin(
        self, number: int, limits: Limits | None = None, job: Job | None = None, **about: Any
    ) -> None:
        """First half of a report, or all of a notebook for papermill's engine: run its cells."""
        if job is None:
            self._next[number] = partial(self._reply, number)
            self._forks.start(number, lambda: with_outputs(**about), limits)
            return
        place, token = self._scratch / str(number), about["token"]
        place.mkdir(parents=True, exist_ok=True)  # who tidies /tmp may have been there
        start_log(job)
        unkept = self._unkept or keep_boroughs(job.study, job.about["area"]["code"])
        self._next[number] = partial(self._finish, number, job, token, unkept)
        log = job.log or os.devnull
        self._forks.start(number, lambda: executed(job, token, place), job.limits, log)

    def _finish(self, number: int, job: Job, token: str, unkept: str, outcome: Outcome) -> None:
        """Second half, in a fork that no cell has touched: judge, render, put in place."""
        shutil.rmtree(self._scratch / str(number), ignore_errors=True)
        if outcome.fault:
            self._reply(number, outcome)
            return
        run = {"seconds": round(outcome.seconds, 2), "megabytes": round(outcome.megabytes)}
        run |= {"unkept": unkept} if unkept else {}
        self._next[number] = partial(self._reply, number)
        work = partial(finished, job, token, outcome.answer, run)
        self._forks.start(number, work, FINISHING, job.log or os.devnull)

    def _reply(self, number: int, outcome: Outcome) -> None:
        self._replies.send((number, outcome))


def executed(job: Job, token: str, folder: Path) -> bytes:
    """The notebook of `job` with its parameters injected and its cells run, as JSON."""
    from papermill.iorw import load_notebook_node
    from papermill.parameterize import parameterize_notebook

    from lsp_analysis.reports.job.template import AS_PYTHON, read_notebook
    from lsp_analysis.reports.run.finishing import add_sentinel

    notebook = parameterize_notebook(
        load_notebook_node(read_notebook(job.template, job.about["template"]["digest"])),
        job.values,
        **AS_PYTHON,
    )
    add_sentinel(notebook, token)
    return with_outputs(notebook, folder)


def with_outputs(notebook: Any, folder: str | Path) -> bytes:
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


READING = Limits(seconds=60.0, megabytes=1500.0)  # of the study; larger ones are not kept
FEW_COLLECTIONS = 50_000  # new objects between two; a report leaves some 40 MB of them in all

LIBRARIES = (
    "IPython.core.completer",
    "IPython.core.magics",
    "IPython.core.oinspect",
    "IPython.core.pylabtools",
    "geopandas.plotting",
    "lsp_analysis.reports.run.finishing",
    "lsp_analysis.reports.fork.shell",
    "matplotlib.backends.backend_svg",
    "matplotlib.pyplot",
    "papermill.iorw",
    "papermill.parameterize",
    "pyarrow.dataset",
    "pyarrow.parquet",
    "pyogrio",
)
WINGS = ("figures", "standing", "effects", "study")


def preload(templates: Iterable[str] = (), study: str = "") -> str:
    """Import libraries and what the notebooks `templates` import, warm up, and keep `study`; why
    it is not kept, where that cannot be.

    Nothing is started that a fork could not take along, threads above all: so the study is read
    in a fork. What cannot be loaded is left alone: the report that needs it says so itself.
    """
    readers = _reading(study) if study else Forks()
    root = Path(lsp_analysis.__file__).parent
    wings = [f"lsp_analysis.{w}.{m.name}" for w in WINGS for m in iter_modules([str(root / w)])]
    wanted = [f"import {name}" for name in [*LIBRARIES, *wings]]
    for statement in [*wanted, *(line for name in templates for line in imports_of(name))]:
        with contextlib.suppress(Exception):
            exec(compile(statement, "<preload>", "exec"), {})
    for warm in (_render, _project, made_with):
        with contextlib.suppress(Exception):
            warm()
    fault = _kept(readers)
    gc.collect()
    gc.freeze()  # so that a fork's collector does not copy every page it looks at
    gc.set_threshold(FEW_COLLECTIONS)
    return fault


def keep_boroughs(study: str, area: str) -> str:
    """Keep what pages read of the boroughs of `area` where a study that is kept has several; why
    it is not kept, where that cannot be. It is read in a fork, as in `preload`."""
    whole = KEPT.get(Path(study))
    part = whole and whole.around(area)
    if part is whole or part.gathered:
        return ""
    fault = _kept(_reading(part))
    gc.freeze()
    return fault


def _reading(study: str | KeptStudy) -> Forks:
    """A fork that reads a study: on a processor of its own, beside all the rest."""
    readers = Forks()
    readers.start("study", lambda: pickle.dumps(_gathered(study)), READING)
    return readers


def _kept(readers: Forks) -> str:
    """Keep what `readers` read; why it is not kept, where that cannot be."""
    fault = ""
    while readers:
        for _, outcome in readers.collect(READING.seconds)[0]:
            fault = outcome.fault
            if outcome.answer:
                keep_open(pickle.loads(outcome.answer))
    return fault


def _gathered(study: str | KeptStudy) -> KeptStudy:
    """The study with what most pages read of it, and what all of them work out alike."""
    kept = study if isinstance(study, KeptStudy) else KeptStudy(open_study(study))
    kept.gather()
    if kept.around(kept.small_areas()["area_code"].iloc[0]) is not kept:
        return kept
    with contextlib.suppress(LspError):
        brief = area_brief(kept, kept.small_areas()["area_code"].iloc[0])
        _ = brief.profile, brief.plan
    return kept


def imports_of(template: str | Path) -> list[str]:
    """The import statements of a notebook's code, each as one line; none when it is damaged."""
    found: list[str] = []
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        for cell in json.loads(Path(template).read_bytes())["cells"]:
            with contextlib.suppress(SyntaxError):  # a cell with magics
                lines = ast.parse(source_of(cell)).body if cell["cell_type"] == "code" else []
                imports = (one for one in lines if isinstance(one, ast.Import | ast.ImportFrom))
                found += map(ast.unparse, imports)
    return found


def _render() -> None:
    """Load the page template and the notebook schema."""
    from nbformat import reads, v4, writes

    from lsp_analysis.reports.page.exporter import render_page

    shown = v4.new_output("display_data", data={"text/html": "<table><tr><td>1</td></tr></table>"})
    cells = [v4.new_markdown_cell("# One\n\n- two"), v4.new_code_cell("1", outputs=[shown])]
    render_page(reads(writes(v4.new_notebook(cells=cells)), as_version=4))


def _project() -> None:
    """Load the database of map projections."""
    import geopandas

    geopandas.GeoSeries.from_xy([370_000], [409_000], crs="EPSG:27700").to_crs("EPSG:4326")
