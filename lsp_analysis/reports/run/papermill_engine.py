"""The papermill engine ``lsp-fork``: each notebook in a fresh fork of a warm parent process.

``papermill in.ipynb out.ipynb --engine lsp-fork`` finds it by its entry point. Of many notebooks
run by one process all share one warm parent. Where ``fork`` is missing it is papermill's own.

Papermill loads every engine that is installed whenever it is imported itself. So the rest of the
package is imported when the engine runs, and the class is made when papermill asks for it.
"""

from __future__ import annotations

import atexit
import os
from functools import cache
from typing import TYPE_CHECKING

import nbformat

if TYPE_CHECKING:
    from lsp_analysis.reports.fork.forked import WarmParent
    from lsp_analysis.reports.job.request import Limits


@cache
def __getattr__(name: str) -> type:
    """``ForkEngine``, the class that papermill's entry point names."""
    if name != "ForkEngine":
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from papermill.engines import NBClientEngine

    class ForkEngine(NBClientEngine):
        """Runs the cells of a notebook in a fork of the warm parent of this process."""

        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, **kwargs):
            """Run the cells and write outputs, counts and states into the notebook of `nb_man`.

            Takes papermill's ``execution_timeout`` (seconds, here for the whole notebook) and
            ``memory_limit`` (megabytes). Raises ReportError when the process died or was stopped.
            """
            from lsp_analysis.reports.fork.forked import can_fork
            from lsp_analysis.reports.job.request import LEAST_MEMORY, Limits

            if not can_fork():
                return super().execute_managed_notebook(nb_man, kernel_name, **kwargs)
            seconds = kwargs.get("execution_timeout") or Limits.seconds
            limits = Limits(float(seconds), float(kwargs.get("memory_limit") or LEAST_MEMORY))
            for index, cell in enumerate(_executed(nb_man.nb, limits).cells):
                own = nb_man.nb.cells[index]
                nb_man.cell_start(own, index)
                if cell.cell_type == "code":
                    own.outputs, own.execution_count = cell.outputs, cell.execution_count
                kinds = [output.output_type for output in own.get("outputs", [])]
                tolerated = "raises-exception" in own.metadata.get("tags", [])
                if failed := "error" in kinds and not tolerated:
                    nb_man.cell_exception(own, cell_index=index)
                nb_man.cell_complete(own, cell_index=index)
                if failed:
                    break
            return nb_man.nb

    return ForkEngine


def _executed(notebook: nbformat.NotebookNode, limits: Limits) -> nbformat.NotebookNode:
    from lsp_analysis.errors import ReportError

    parent = _warm_parent()
    parent.ask(notebook=notebook, folder=os.getcwd(), limits=limits)
    while not (done := parent.listen()):
        if done is None:
            raise ReportError(f"{parent.end.fault} Run the notebook again.")
    [(_, outcome)] = done
    if outcome.fault:
        raise ReportError(outcome.fault)
    return nbformat.reads(outcome.answer.decode(), as_version=4)


@cache
def _warm_parent() -> WarmParent:
    from lsp_analysis.reports.fork.forked import WarmParent

    parent = WarmParent()
    atexit.register(parent.close)
    return parent
