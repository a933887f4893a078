"""House rules that every notebook keeps, and that each to be read runs as its kept results say.

That templates run is tested by `test_equal_numbers`, and all of them in kernels of their own by
``pytest --nbval-lax notebooks``.
"""

import ast
import re
from itertools import pairwise
from statistics import median

import nbformat
import pytest
from conftest import ROOT, run_notebook

NOTEBOOKS = sorted(
    path for path in (ROOT / "notebooks").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts
)
TEMPLATES = [path for path in NOTEBOOKS if path.parent.name == "reports"]
READING = [path for path in NOTEBOOKS if path.parent.name == "notebooks"]
KEPT = {"keep_output", "nbval-check-output"}

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def tags(cell):
    return set(cell.metadata.get("tags", []))


@each_notebook
def test_it_is_a_valid_notebook_that_opens_with_its_question(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")


@each_notebook
def test_its_outputs_are_stripped_but_for_results_the_tests_compare(path):
    for cell in code_cells(path):
        assert not cell.outputs or tags(cell) >= KEPT, cell.source


@each_notebook
def test_functions_classes_and_loops_live_in_the_package(path):
    kept_out = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.Lambda)
    for cell in code_cells(path):
        found = [type(node) for node in ast.walk(ast.parse(cell.source))]
        assert not set(found) & set(kept_out), cell.source


each_to_read = pytest.mark.parametrize("path", READING, ids=lambda path: path.stem)


def shown(cell):
    return [out.data for out in cell.outputs if "data" in out]


@each_to_read
@pytest.mark.usefixtures("kept_parent")
def test_it_runs_from_top_to_bottom_and_gives_the_results_it_keeps(path, tmp_path):
    made = run_notebook(path, tmp_path)
    ran = [cell for cell in made.cells if cell.cell_type == "code"]
    for cell, kept in zip(ran, code_cells(path), strict=True):
        assert not [out for out in cell.outputs if out.output_type == "error"], cell.source
        if tags(kept) >= KEPT:
            assert shown(cell) == shown(kept) != []


def lines(cell):
    return [line for line in cell.source.splitlines() if line.strip()]


@each_to_read
def test_its_cells_are_short(path):
    cells = [cell for cell in code_cells(path) if "parameters" not in tags(cell)]
    assert max(len(lines(cell)) for cell in cells) <= 8
    assert median(len(lines(cell)) for cell in cells) <= 2


@pytest.mark.parametrize("path", READING, ids=lambda path: path.stem)
def test_prose_leads_to_three_cells_of_four_or_more(path):
    kinds = [cell.cell_type for cell in nbformat.read(path, as_version=4).cells]
    led = [before == "markdown" for before, kind in pairwise(kinds) if kind == "code"]
    assert sum(led) >= 0.75 * len(led)


@pytest.mark.parametrize("path", READING, ids=lambda path: path.stem)
def test_results_show_themselves_without_plumbing(path):
    names, called = [], set()
    for cell in code_cells(path):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.ImportFrom):
                assert node.module.split(".")[0] == "lsp_analysis", node.module
                assert node.module.count(".") <= 1, node.module
                names += [name.name for name in node.names]
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                called.add(node.func.id)
    assert len(names) <= 6, names
    assert not called & {"show", "if_possible", "display", "print", "table"}


@each_notebook
def test_it_names_no_folder_of_one_machine(path):
    assert not re.search(r"(?<![\w.:/])/(home|Users|tmp|root|work|mnt)/", path.read_text("utf-8"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_every_parameter_of_a_report_template_is_typed_and_explained(path):
    from papermill import inspect_notebook

    parameters = inspect_notebook(str(path))
    assert {"study", "area"} <= set(parameters)
    for name, parameter in parameters.items():
        assert parameter["inferred_type_name"] != "None", name
        assert parameter["help"], name


def test_the_first_notebook_leads_to_all_others():
    start = (ROOT / "notebooks" / "00_start_here.ipynb").read_text(encoding="utf-8")
    for path in NOTEBOOKS:
        assert path.name == "00_start_here.ipynb" or path.name in start, path.name
