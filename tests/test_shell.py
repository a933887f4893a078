"""Cells run in this process give what a Jupyter kernel gives."""

import json
import os
import subprocess
import sys

import matplotlib
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from lsp_analysis.reports.fork.forked import can_fork
from lsp_analysis.reports.fork.process import INLINE
from lsp_analysis.reports.job.request import Limits

pytestmark = pytest.mark.skipif(not can_fork(), reason="each run needs a fork of its own")

CELLS = [
    "import pandas as pd\npd.DataFrame({'a': [1.5, 2]})",
    "print('out')\nimport sys\nprint('err', file=sys.stderr)\nprint('out again')",
    "from IPython.display import display, Markdown\nhandle = display('first', display_id=True)",
    "handle.update('changed')\ndisplay(Markdown('*text*'), metadata={'text/markdown': {'x': 1}})",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
    "figure, ax = plt.subplots()\nax.plot([2, 1])\nfigure",
    "from IPython.display import clear_output\nprint('gone')\nclear_output()\nprint('stays')",
    "print('gone')\nclear_output(wait=True)\n'value'",
    "value = 3\nvalue;",
    "_, __name__, __import__('__main__').value",
    "import asyncio\nawait asyncio.sleep(0)\nvalue",
    "%%capture caught\nprint('hidden')",
    "",
    "caught.stdout",
    "!echo shell",
    "input('name? ')",
]


def book(cells):
    return new_notebook(cells=[new_code_cell(source) for source in cells])


def run(notebook):
    """`notebook` after its cells ran in a fork of this process."""
    from lsp_analysis.reports.fork.forks import Forks
    from lsp_analysis.reports.fork.shell import run_cells

    os.environ["MPLBACKEND"] = INLINE
    forks = Forks()
    forks.start(1, lambda: nbformat.writes(run_cells(notebook)).encode(), Limits(600, 4000))
    [(_, outcome)], _ = forks.collect(90)
    assert not outcome.fault, outcome.fault
    return nbformat.reads(outcome.answer.decode(), as_version=4)


AFRESH = """
import sys, nbformat
from lsp_analysis.reports.fork.shell import run_cells
ran = nbformat.writes(run_cells(nbformat.reads(sys.stdin.read(), as_version=4)))
sys.stdout.write(ran)
"""


def run_afresh(notebook):
    """`notebook` after its cells ran in a new process, which no other test has touched."""
    backend = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    done = subprocess.run(
        [sys.executable, "-c", AFRESH],
        input=nbformat.writes(notebook),
        env={**os.environ, **backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return nbformat.reads(done.stdout, as_version=4)


def shown(cell):
    """Outputs of a cell without what two runs may differ in, streams joined."""
    streams = {o.name: "" for o in cell.outputs if o.output_type == "stream"}
    for output in cell.outputs:
        if output.output_type == "stream":
            streams[output.name] += output.text.replace("\r\n", "\n")
    others = [json.loads(json.dumps(o)) for o in cell.outputs if o.output_type != "stream"]
    for other in others:
        other.pop("traceback", None)
        other.pop("evalue", None)
    return streams, others


@pytest.fixture(scope="module")
def both():
    from lsp_analysis.reports.run.kernel import execute_in_kernel

    notebook = book(CELLS)
    notebook.metadata["kernelspec"] = {"name": "python3", "language": "python", "display_name": "P"}
    return run_afresh(notebook), execute_in_kernel(notebook, {}, Limits(600, 4000))


def test_every_cell_gives_what_a_kernel_gives(both):
    ours, reference = both
    assert len(ours.cells) == len(reference.cells)
    for own, other in zip(ours.cells, reference.cells, strict=True):
        assert shown(own) == shown(other), own.source
        assert own.execution_count == other.execution_count


@pytest.mark.parametrize("preloaded", ["nothing", "pyplot", "a figure"])
def test_no_figure_is_lost_whatever_was_loaded_before_the_fork(preloaded, monkeypatch):
    from lsp_analysis.reports.fork.forks import Forks
    from lsp_analysis.reports.fork.shell import run_cells

    def load_and_run():
        matplotlib.rcParams["backend"] = INLINE  # as in a process that starts with MPLBACKEND
        if preloaded != "nothing":
            import matplotlib.pyplot as plt
        if preloaded == "a figure":
            plt.plot([1, 2])
            plt.savefig(os.devnull, format="png")
        notebook = book(["import matplotlib.pyplot as plt\nplt.plot([1, 2]);"])
        return b"image/png" if "image/png" in str(run_cells(notebook).cells[0].outputs) else b""

    monkeypatch.setenv("MPLBACKEND", INLINE)
    forks = Forks()
    forks.start(1, load_and_run, Limits(600, 4000))
    [(_, outcome)], _ = forks.collect(90)
    assert outcome.answer == b"image/png"


@pytest.mark.parametrize("leave", ["import sys; sys.exit(0)", "exit()", "quit", "raise SystemExit"])
def test_a_cell_that_leaves_is_an_error_and_the_rest_does_not_run(leave):
    ran = run(book(["1", leave, "2"]))
    assert ran.cells[1].outputs[0].output_type == "error"
    assert ran.cells[2].execution_count is None


def test_a_failing_cell_stops_the_notebook_and_keeps_what_it_said():
    ran = run(book(["print('before')\n1/0", "2"]))
    assert [o.output_type for o in ran.cells[0].outputs] == ["stream", "error"]
    assert ran.cells[0].outputs[1].ename == "ZeroDivisionError"
    assert ran.cells[1].execution_count is None


def test_many_lines_are_joined_once_and_do_not_take_until_the_deadline():
    lines = "for i in range(200_000): print('x' * 60)"
    ran = run(book([lines, "print('a', end='')\nprint('b')\n1 + 1\n"]))
    assert len(ran.cells[0].outputs[0].text) == 200_000 * 61
    assert [o.get("text") for o in ran.cells[1].outputs] == ["ab\n", None]


def test_skipped_and_tolerated_cells_are_treated_as_papermill_treats_them():
    notebook = book(["1/0", "2", "3"])
    notebook.cells[0].metadata["tags"] = ["raises-exception"]
    notebook.cells[1].metadata["tags"] = ["skip-execution"]
    ran = run(notebook)
    assert [cell.execution_count for cell in ran.cells] == [1, None, 2]
