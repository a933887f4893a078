"""A report has succeeded when all is there, whatever papermill's metadata says."""

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from test_content import content_of, figure, shown

from lsp_analysis.reports.run.finishing import (
    add_sentinel,
    fault_of_content,
    fault_of_run,
    take_sentinel,
)
from lsp_analysis.study.folder import proof

TOKEN = "abc"


def executed(*cells):
    notebook = new_notebook(cells=list(cells))
    add_sentinel(notebook, TOKEN)
    said = {"text/plain": repr(proof(TOKEN))}
    notebook.cells[-1].outputs = [new_output("execute_result", data=said, execution_count=9)]
    notebook.cells[-1].execution_count = 9
    return notebook


def ran(source="x", outputs=(), count=1, **metadata):
    cell = new_code_cell(source, outputs=list(outputs), metadata=metadata)
    cell.execution_count = count
    return cell


def error(name, value=""):
    return new_output("error", ename=name, evalue=value, traceback=[])


def test_a_notebook_that_ran_to_its_end_has_no_fault():
    notebook = executed(ran(), ran(""), ran("y", count=None, tags=["skip-execution"]))
    assert fault_of_run(notebook, TOKEN) == ""
    take_sentinel(notebook)
    assert len(notebook.cells) == 3


def test_metadata_that_says_completed_counts_for_nothing():
    cell = ran(count=None, papermill={"status": "completed", "exception": False})
    assert fault_of_run(executed(cell), TOKEN) == 'The cell that begins "x" never ran.'


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        (error("PanelError", "No rows.\nAdd some."), "failed with PanelError: No rows. Add some."),
        (error("SystemExit", "0"), "left early (SystemExit: 0)."),
        (error("MemoryError"), "needed more memory than the report may have."),
        (error("KeyError", "'x'"), "failed with KeyError: 'x'."),
    ],
)
def test_an_error_is_told_with_the_cell_it_came_from(output, fault):
    cell = ran("# comment\neffect = estimate(panel)", [output])
    said = fault_of_run(executed(cell), TOKEN)
    assert said == f'The cell that begins "effect = estimate(panel)" {fault}'


def test_an_error_that_the_notebook_tolerates_is_none_that_a_report_does():
    cell = ran("1/0", [error("ZeroDivisionError")], tags=["raises-exception"])
    assert "ZeroDivisionError" in fault_of_run(executed(cell), TOKEN)


@pytest.mark.parametrize("said", [None, "'other'"])
def test_a_last_cell_that_did_not_answer_means_it_stopped_early(said):
    notebook = executed(ran())
    output = new_output("execute_result", data={"text/plain": said}) if said else None
    notebook.cells[-1].outputs = [output] if output else []
    assert fault_of_run(notebook, TOKEN) == "It stopped before its last cell was done."


@pytest.mark.parametrize(
    ("expect", "fault"),
    [
        ({"figures": 1, "sentences": 1, "tables": 0}, ""),
        ({"figures": 2}, "It shows one figure, and its template expects 2 or more."),
        ({"tables": 1}, "It shows no tables, and its template expects 1 or more."),
    ],
)
def test_what_the_template_expects_must_be_there(expect, fault):
    content = content_of(figure(), shown({"text/html": "<p>It fell.</p>"}))
    assert fault_of_content(content, expect) == fault


def test_a_page_with_nothing_on_it_is_no_report():
    assert "no figure, no table and no sentence" in fault_of_content(content_of(ran()), {})


def test_a_figure_that_a_blind_reader_gets_nothing_from_is_a_fault():
    assert "Its figure 1 has no text" in fault_of_content(content_of(figure(alt=" ")), {})
