"""A new study is sound, explains itself, and takes the tables of those who fill it."""

from __future__ import annotations

import pytest
from small_study import read_rows, set_cell

from lsp_analysis.errors import StudyError
from lsp_analysis.study import check_study, new_study, open_study, schema


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return new_study(tmp_path_factory.mktemp("new") / "our study")


def test_a_new_study_passes_the_check(folder):
    assert check_study(folder) == []


def test_every_table_has_example_rows(folder):
    study = open_study(folder)
    for table in schema.TABLES:
        assert len(study.read(table)) > 0
    assert study.area("Mill Estate").members == ("X01000001",)
    assert len(study.panel("smoking")) == 8


def test_the_readme_explains_every_column(folder):
    text = (folder / "README.md").read_text(encoding="utf-8")
    for table in schema.TABLES.values():
        assert f"## {table.name}" in text
        for column in table.columns:
            assert f"| {column.name} | {column.about}" in text


def test_editing_the_examples_is_no_problem(folder, tmp_path):
    copy = new_study(tmp_path / "copy")
    set_cell(copy, "areas", 2, "area_name", "Our first neighbourhood")
    assert check_study(copy) == []
    header, *rows = read_rows(copy / "areas.csv")
    assert rows[0][header.index("area_name")] == "Our first neighbourhood"


def test_nothing_that_is_there_is_replaced(folder, tmp_path):
    before = sorted(file.name for file in folder.iterdir())
    with pytest.raises(StudyError, match="something at"):
        new_study(folder)
    assert sorted(file.name for file in folder.iterdir()) == before
    (tmp_path / "empty").mkdir()
    assert new_study(tmp_path / "empty").is_dir()


def test_a_name_and_title_of_their_own(tmp_path):
    study = open_study(new_study(tmp_path / "x", name="wigan", title="Wigan"))
    assert (study.name, study.title) == ("wigan", "Wigan")
