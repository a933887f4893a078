"""A report notebook is found by name and refused when its reports could not be trusted."""

import hashlib
import json

import pytest
from report_templates import PARAMETERS, notebook, write_template

from lsp_analysis.errors import ReportError
from lsp_analysis.reports.job.template import load_template, read_notebook


def test_a_template_is_read_with_its_parameters_and_what_it_expects(tmp_path):
    template = load_template(write_template(tmp_path, expect={"figures": 2}))
    assert template.name == "small"
    assert list(template.parameters)[:2] == ["study", "area"]
    assert template.expect == {"figures": 2}


def test_a_template_that_ships_is_found_by_its_name():
    assert load_template("report_area").path.name == "report_area.ipynb"


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ReportError, match='Did you mean "report_area"'):
        load_template("report_aera")


@pytest.mark.parametrize("name", ["../../etc/passwd", "<script>", "", "no/such.ipynb"])
def test_a_name_that_is_no_template_is_refused(name):
    with pytest.raises(ReportError, match="There is no report"):
        load_template(name)


@pytest.mark.parametrize(
    "parameters", [None, 'study: str = "x"', 'study: str = "x"\narea: int = 3'], ids=str
)
def test_a_template_that_would_report_a_default_area_is_refused(tmp_path, parameters):
    path = write_template(tmp_path, parameters=parameters)
    with pytest.raises(ReportError, match="parameters"):
        load_template(path)


def test_two_parameters_cells_are_one_too_many(tmp_path):
    twice = notebook()
    twice.cells.append(twice.cells[1])
    (tmp_path / "twice.ipynb").write_text(json.dumps(twice))
    with pytest.raises(ReportError, match="2 cells tagged parameters"):
        load_template(tmp_path / "twice.ipynb")


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", "4", '{"nbformat": 5, "cells": []}', '{"nbformat": 4, "cells": [{}]}'],
)
def test_a_damaged_notebook_is_refused(tmp_path, content):
    path = tmp_path / "bad.ipynb"
    path.write_text(content)
    with pytest.raises(ReportError, match="damaged"):
        load_template(path)


def with_first_cell(made, **damage):
    made.cells[0].update(damage)


@pytest.mark.parametrize(
    "damage",
    [
        lambda made: made.update(cells={}),
        lambda made: made.update(cells=None),
        lambda made: made.update(nbformat_minor="x"),
        lambda made: made.metadata.update(lsp=[]),
        lambda made: made.metadata.update(lsp=None),
        lambda made: with_first_cell(made, cell_type="heading"),
        lambda made: with_first_cell(made, outputs="none"),
        lambda made: with_first_cell(made, metadata=[]),
    ],
)
def test_damage_is_told_before_a_batch_starts_and_not_once_a_report(tmp_path, damage):
    made = notebook()
    damage(made)
    (tmp_path / "bad.ipynb").write_text(json.dumps(made))
    with pytest.raises(ReportError, match="damaged"):
        load_template(tmp_path / "bad.ipynb")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_notebook_that_is_not_in_utf_8_is_refused(tmp_path, encoding):
    path = tmp_path / "bad.ipynb"
    path.write_text(json.dumps(notebook()), encoding=encoding)
    with pytest.raises(ReportError, match="damaged"):
        load_template(path)


def test_a_notebook_of_an_older_format_is_told_how_to_renew_it(tmp_path):
    path = tmp_path / "old.ipynb"
    path.write_text(json.dumps({"nbformat": 3, "nbformat_minor": 0, "worksheets": []}))
    with pytest.raises(ReportError, match=r"of before 2014.*save it again"):
        load_template(path)


def test_a_notebook_cut_in_half_is_refused(tmp_path):
    path = write_template(tmp_path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ReportError, match="damaged"):
        load_template(path)
    with pytest.raises(ReportError, match="damaged"):
        read_notebook(path, hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(ReportError, match="was changed"):
        read_notebook(path, "another")


@pytest.mark.parametrize(
    "expect", [{"figure": 1}, {"figures": True}, {"figures": "many"}, {"tables": -1}, 3]
)
def test_an_expectation_that_cannot_be_checked_is_refused(tmp_path, expect):
    path = write_template(tmp_path, expect=expect, parameters=PARAMETERS)
    with pytest.raises(ReportError, match="expects"):
        load_template(path)
