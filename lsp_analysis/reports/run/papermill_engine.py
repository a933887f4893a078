"""The papermill engine ``lsp-fork``: each notebook in a fresh fork of a warm parent process.

``papermill in.ipynb out.ipynb --engine lsp-fork`` finds it by its entry point. Of many notebooks
run by one process all share one warm parent. Where ``fork`` is missing it is papermill's own.
"""

from __future__ import annotations

import atexit
import os
from functools import cache

import nbformat
from papermill.engines import NBClientEngine, papermill_engines

from lsp_analysis.errors import ReportError
from lsp_analysis.reports.fork.forked import WarmParent, can_fork
from lsp_analysis.reports.job.request import Limits

NAME = "lsp-fork"


class ForkEngine(NBClientEngine):
    """Runs the cells of a notebook in a fork of the warm parent of this process."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, **kwargs):
        """Run the cells and write outputs, counts and states into the notebook of `nb_man`.

        Takes papermill's ``execution_timeout`` (seconds, here for the whole notebook) and
        ``memory_limit`` (megabytes). Raises ReportError when the process died or was stopped.
        """
        if not can_fork():
            return super().execute_managed_notebook(nb_man, kernel_name, **kwargs)
        seconds = kwargs.get("execution_timeout") or Limits.seconds
        limits = Limits(float(seconds), float(kwargs.get("memory_limit") or Limits.megabytes))
        for index, cell in enumerate(_executed(nb_man.nb, limits).cells):
            own = nb_man.nb.cells[index]
            nb_man.cell_start(own, index)
            if cell.cell_type == "code":
                own.outputs, own.execution_count = cell.outputs, cell.execution_count
            if failed := _has_failed(own):
                nb_man.cell_exception(own, cell_index=index)
            nb_man.cell_complete(own, cell_index=index)
            if failed:
                break
        return nb_man.nb


def register() -> None:
    """Make the engine known to papermill in this process, without an entry point."""
    papermill_engines.register(NAME, ForkEngine)


def _executed(notebook: nbformat.NotebookNode, limits: Limits) -> nbformat.NotebookNode:
    about = {"seconds": limits.seconds, "megabytes": limits.megabytes}
    request = {"notebook": notebook, "folder": os.getcwd(), "limits": about}
    parent = _warm_parent()
    parent.ask(request)
    while not (done := parent.listen()):
        if done is None:
            raise ReportError(f"{parent.end.fault} Run the notebook again.")
    [(_, outcome)] = done
    if outcome.fault:
        raise ReportError(outcome.fault)
    return nbformat.reads(outcome.answer.decode(), as_version=4)


@cache
def _warm_parent() -> WarmParent:
    parent = WarmParent()
    atexit.register(parent.close)
    return parent


def _has_failed(cell: nbformat.NotebookNode) -> bool:
    tolerated = "raises-exception" in cell.metadata.get("tags", [])
    errors = [o for o in cell.get("outputs", []) if o.output_type == "error"]
    return bool(errors) and not tolerated
