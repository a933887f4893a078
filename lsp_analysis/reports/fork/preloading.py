"""Load and warm what every report needs, once, before the first fork."""

from __future__ import annotations

import ast
import contextlib
import gc
import json
import pickle
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from pkgutil import iter_modules

import lsp_analysis
from lsp_analysis.errors import LspError
from lsp_analysis.reports.fork.forks import Forks
from lsp_analysis.reports.fork.kept import KeptStudy, keep_open
from lsp_analysis.reports.job.digests import made_with
from lsp_analysis.reports.job.request import Limits
from lsp_analysis.reports.job.template import source_of
from lsp_analysis.standing.place.brief import area_brief
from lsp_analysis.study.store import KEPT, open_study

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
    with _without_iri_grammar():
        run_imports([f"import {name}" for name in [*LIBRARIES, *_modules()]])
        for template in templates:
            run_imports(imports_of(template))
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


def _modules() -> list[str]:
    """Modules of this package that reports draw on."""
    root = Path(lsp_analysis.__file__).parent
    return [f"lsp_analysis.{w}.{m.name}" for w in WINGS for m in iter_modules([str(root / w)])]


@contextlib.contextmanager
def _without_iri_grammar() -> Iterator[None]:
    """Keep ``rfc3987-syntax`` from building a grammar that checking notebooks never uses.

    It comes with JupyterLab and makes importing nbformat ten times slower.
    """
    absent = "rfc3987_syntax" not in sys.modules
    if absent:
        sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if absent:
            del sys.modules["rfc3987_syntax"]


def imports_of(template: str | Path) -> list[str]:
    """The import statements of a notebook's code, each as one line; none when it is damaged."""
    found: list[str] = []
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        for cell in json.loads(Path(template).read_bytes())["cells"]:
            if cell["cell_type"] == "code":
                found += _imports(source_of(cell))
    return found


def _imports(source: str) -> list[str]:
    try:
        lines = ast.parse(source).body
    except SyntaxError:  # a cell with magics
        return []
    return [ast.unparse(line) for line in lines if isinstance(line, ast.Import | ast.ImportFrom)]


def run_imports(statements: list[str]) -> None:
    """Run import statements; what cannot be imported waits for the report that asks for it."""
    for statement in statements:
        with contextlib.suppress(Exception):
            exec(compile(statement, "<preload>", "exec"), {})


def _render() -> None:
    """Load the page template and the notebook schema."""
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

    from lsp_analysis.reports.page.exporter import render_page

    shown = new_output("display_data", data={"text/html": "<table><tr><td>1</td></tr></table>"})
    cells = [new_markdown_cell("# One\n\n- two"), new_code_cell("1", outputs=[shown])]
    notebook = new_notebook(cells=cells)
    render_page(nbformat.reads(nbformat.writes(notebook), as_version=4))


def _project() -> None:
    """Load the database of map projections."""
    import geopandas
    import shapely

    place = geopandas.GeoSeries([shapely.Point(370_000, 409_000)], crs="EPSG:27700")
    place.to_crs("EPSG:4326")
