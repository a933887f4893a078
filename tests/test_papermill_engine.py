"""papermill's engine ``lsp-fork`` gives what papermill's own gives, faster and isolated."""

import papermill
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from report_templates import notebook
from small_study import write_small_study

from lsp_analysis.errors import ReportError
from lsp_analysis.reports.fork.forked import can_fork
from lsp_analysis.reports.run import papermill_engine

pytestmark = [
    pytest.mark.usefixtures("kept_parent"),
    pytest.mark.skipif(not can_fork(), reason="needs fork"),
]


def execute(book, tmp_path, engine="lsp-fork", parameters=None, **options):
    return papermill.execute_notebook(
        book,
        str(tmp_path / "out.ipynb"),
        parameters,
        engine_name=engine,
        progress_bar=False,
        kernel_name="python3",
        start_timeout=600,
        **options,
    )


def code(*sources):
    return new_notebook(cells=[new_code_cell(source) for source in sources])


def outputs(book):
    return [
        [o.data for o in cell.outputs if "data" in o]
        for cell in book.cells
        if cell.cell_type == "code"
    ]


@pytest.mark.slow
def test_the_outputs_are_those_of_papermills_own_engine(tmp_path):
    study = write_small_study(tmp_path / "study")
    given = {"study": str(study), "area": "N1", "top": 1}
    ours = execute(notebook(), tmp_path, parameters=given)
    reference = execute(notebook(), tmp_path, engine=None, parameters=given)
    assert outputs(ours) == outputs(reference)
    assert [c.get("execution_count") for c in ours.cells] == [
        c.get("execution_count") for c in reference.cells
    ]
    assert ours.metadata.papermill.parameters == reference.metadata.papermill.parameters
    assert {c.metadata.papermill.status for c in ours.cells} == {"completed"}


def test_a_failing_cell_raises_papermills_own_error(tmp_path):
    with pytest.raises(papermill.PapermillExecutionError, match="ZeroDivisionError"):
        execute(code("1", "1/0", "2"), tmp_path)


def test_a_process_that_dies_or_hangs_is_no_success(tmp_path):
    with pytest.raises(ReportError, match="exit status 0"):
        execute(code("import os; os._exit(0)"), tmp_path)
    with pytest.raises(ReportError, match="deadline"):
        execute(code("import time; time.sleep(60)"), tmp_path, execution_timeout=1)


def test_notebooks_do_not_see_each_other(tmp_path):
    first = execute(code("import sys; sys.seen = getattr(sys, 'seen', 0) + 1; sys.seen"), tmp_path)
    again = execute(code("import sys; sys.seen = getattr(sys, 'seen', 0) + 1; sys.seen"), tmp_path)
    assert outputs(first) == outputs(again) == [[{"text/plain": "1"}]]


def test_cells_run_in_the_folder_asked_for(tmp_path):
    ran = execute(code("import os; os.getcwd()"), tmp_path, cwd=tmp_path)
    assert outputs(ran) == [[{"text/plain": repr(str(tmp_path))}]]


def test_papermill_finds_the_engine_by_its_entry_point():
    from importlib.metadata import entry_points

    [found] = entry_points(group="papermill.engine", name="lsp-fork")
    assert found.load() is papermill_engine.ForkEngine
